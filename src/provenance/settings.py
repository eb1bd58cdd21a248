"""Settings: read from the environment in this one place, and passed on as values.

Every setting has a default that gives the embedded service on one machine. ``DATABASE_URL`` and
``RPC_URL`` point it to a PostgreSQL and an EVM chain of one's own.
"""

from pathlib import Path

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from provenance.core.notes import check_origin


class Settings(BaseSettings):
    """What an operator can set; durations are in the unit that the name ends with."""

    model_config = SettingsConfigDict(
        env_prefix="PROVENANCE_", frozen=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".provenance"),
        validation_alias=AliasChoices("PROVENANCE_DATA", "PROVENANCE_DATA_DIR", "data_dir"),
        description="keys, documents, batch copies and, embedded, database and chain",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL; absent: the embedded one is started",
    )
    rpc_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("RPC_URL", "rpc_url"),
        description="JSON-RPC of the chain; absent: the embedded one is started",
    )
    origin: str = Field(default="provenance.localhost/log", description="name of the log")
    operator: str = Field(default="A local demonstration", description="named in the trust file")
    carrier: str = Field(
        default="carrier",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="the carrier in urn:provenance:shipment:<carrier>:<number>",
    )
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=0, le=65535)
    anchor_interval_ms: int = Field(
        default=1_000, ge=50, description="greatest age of an entry before it is anchored"
    )
    anchor_batch: int = Field(
        default=10_000, ge=1, le=2**20, description="entries that are anchored at once, at any age"
    )
    heartbeat_s: int = Field(
        default=3_600, ge=10, description="idle time after which a heartbeat is logged and anchored"
    )
    timestamp_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="time-stamping authority (RFC 3161) that dates checkpoints besides; absent: none",
    )
    timestamp_certificate: Path | None = Field(
        default=None,
        validate_default=True,
        description="root certificates (PEM) of that authority; needed with timestamp_url",
    )
    timestamp_interval_s: int = Field(
        default=3_600, ge=1, description="least time between two time stamps"
    )
    confirmations: int | None = Field(
        default=None,
        ge=1,
        description="blocks that make an anchor final; absent: the chain's finalized tag",
    )
    local_chain: bool | None = Field(
        default=None, description="whether the operator runs the chain alone; embedded: always"
    )
    chain_snapshots: bool = Field(
        default=False,
        description="an anchor is final once the embedded chain's snapshot holds it; set by it",
    )
    queue_entries: int = Field(
        default=50_000, ge=1_000, description="entries waiting for the writer before 503"
    )
    blob_url: str | None = Field(
        default=None, description="object store (s3://…); absent: files under data_dir"
    )

    document_bytes: int = Field(
        default=1 << 30, ge=1, le=1 << 40, description="largest document that is taken"
    )
    documents_per_subject: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="documents of one organisation about one subject; of a carrier ten times as many",
    )
    pkcs11_module: Path | None = Field(
        default=None,
        description="PKCS#11 library of the token that wraps keys; absent: a file under data_dir",
    )
    pkcs11_token: str = Field(default="provenance", description="label of the token")
    pkcs11_pin_file: Path | None = Field(
        default=None, description="file that holds the token's PIN; needed with pkcs11_module"
    )
    carrier_terms: Path | None = Field(
        default=None,
        description="the carrier's own terms for claims, a TOML file; absent: the conventions alone",
    )

    retention: Path | None = Field(
        default=None,
        description="how long records are kept, a TOML file; absent: three years",
    )
    erasure_hour: int | None = Field(
        default=None,
        ge=0,
        le=23,
        description="hour (UTC) in which tables are rewritten after erasures; absent: at once",
    )

    @field_validator("origin")
    @classmethod
    def _origin(cls, value: str) -> str:
        return check_origin(value)

    @field_validator("timestamp_certificate")
    @classmethod
    def _authority(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        # An url that was refused is not among the data, and is told by itself.
        if "timestamp_url" in info.data and (info.data["timestamp_url"] is None) != (value is None):
            raise ValueError(
                "PROVENANCE_TIMESTAMP_URL and PROVENANCE_TIMESTAMP_CERTIFICATE go together: what "
                "an authority answers is checked"
            )
        return value

    @property
    def embedded_database(self) -> bool:
        """Whether the service starts its own PostgreSQL."""
        return self.database_url is None

    @property
    def embedded_chain(self) -> bool:
        """Whether the service starts its own chain."""
        return self.rpc_url is None
