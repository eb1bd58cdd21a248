"""What keeps a database from being used."""

from collections.abc import Mapping

from provenance.core.errors import ProvenanceError


class DatabaseError(ProvenanceError):
    """The database is there but cannot be used as it is."""

    code = "database-unusable"


class DatabaseSilentError(DatabaseError):
    """The server keeps connections open and answers nothing."""

    code = "database-silent"

    def __init__(self, *, seconds: float) -> None:
        super().__init__(
            f"the database has not answered for {seconds:.0f} s though its connections are open; "
            "look whether its processes are stopped or wait for a disk"
        )
        self.seconds = seconds


class DurabilityError(DatabaseError):
    """A setting would let the server lose what it has confirmed."""

    code = "database-not-durable"

    def __init__(self, settings: Mapping[str, str]) -> None:
        found = ", ".join(f"{name} = {value}" for name, value in settings.items())
        remedy = "; ".join(f"ALTER SYSTEM SET {name} = on" for name in settings)
        super().__init__(
            f"the database may lose what it has confirmed ({found}), so nothing is acknowledged "
            f"on it. As its superuser run: {remedy}; SELECT pg_reload_conf(); and look for the "
            "same settings on the role and the database (ALTER ROLE/DATABASE … RESET)"
        )
        self.settings = dict(settings)


class SchemaError(DatabaseError):
    """The tables are not those of this release."""

    code = "schema-mismatch"

    def __init__(self, *, found: str | None, expected: str, is_newer: bool = False) -> None:
        super().__init__(
            f"the database has schema {found or '(none)'}, this release needs {expected}; "
            + (
                "a newer one has changed it: run that release"
                if is_newer
                else "run `provenance db upgrade`"
            )
        )
        self.found = found
        self.expected = expected


class HalfRestoredError(DatabaseError):
    """A restore was cut off: what there is of database or data folder is not whole."""

    code = "half-restored"


class LastAdminKeyError(ProvenanceError):
    """The last key that can make keys is not revoked."""

    code = "last-admin-key"

    def __init__(self) -> None:
        super().__init__(
            "this is the last admin key: make another one first (`POST /v1/keys`, or `provenance "
            "keys create ORGANISATION admin`)"
        )
