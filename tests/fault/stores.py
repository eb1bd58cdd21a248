"""Database, keys, blobs and trust of a service that runs on a data folder of its own."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from fixtures.service import Credentials, RunningService
from provenance.blobs import BlobStore
from provenance.core.trustfile import TrustFile
from provenance.keys.files import FileKeys
from provenance.settings import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything of a running service is."""

    data_dir: Path
    database_url: str
    credentials: Credentials

    @classmethod
    def of(cls, service: RunningService) -> "Stores":
        """Stores of a service; of an embedded database, unless its environment names another."""
        named = service.environment.get("DATABASE_URL")
        url = named or embedded_database_url(service.data_dir)
        return cls(service.data_dir, url, service.credentials)

    @property
    def origin(self) -> str:
        """The log that is written now: the one that nobody succeeded."""
        [(origin,)] = self.query(
            "SELECT origin FROM logs WHERE log_id NOT IN"
            " (SELECT predecessor_id FROM logs WHERE predecessor_id IS NOT NULL)"
        )
        return str(origin)

    @property
    def settings(self) -> Settings:
        return Settings(
            data_dir=self.data_dir,
            database_url=self.database_url,
            rpc_url=self.credentials.rpc_url,
        )

    @property
    def keys(self) -> FileKeys:
        return FileKeys(self.data_dir / "keys")

    @property
    def trust(self) -> TrustFile:
        return TrustFile.decode((self.data_dir / "trust.json").read_bytes())

    @property
    def blobs(self) -> BlobStore:
        return BlobStore.in_folder(self.data_dir / "blobs")

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of one's own."""
        return psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True)

    def query(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of a query; none for a statement without rows."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return [] if cursor.description is None else cursor.fetchall()


def embedded_database_url(data_dir: Path) -> str:
    """URL of the embedded database of a service that runs."""
    password = (data_dir / "keys" / "postgres-application").read_text().strip()
    port = (data_dir / "run" / "postgres.port").read_text().strip()
    return f"postgresql+psycopg://provenance:{password}@127.0.0.1:{port}/provenance"
