"""Why evidence could not be read, or a case not be changed."""

from provenance.core.errors import FormatError, ProvenanceError


class EvidenceError(ProvenanceError):
    """Root of this package's errors."""

    code = "evidence-error"


class RulesError(EvidenceError):
    """A file of rules or terms that is not as it should be; says the line and the remedy.

    ``path`` is the file, ``line`` counts from 1 (None: not known).
    """

    code = "rules-refused"

    def __init__(self, message: str, *, path: str, line: int | None = None) -> None:
        place = path if line is None else f"{path}, line {line}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line


class ZoneError(FormatError):
    """A name that is no time zone of the IANA database."""

    code = "unknown-zone"


class CurrencyError(FormatError):
    """A currency that ISO 4217 does not have."""

    code = "unknown-currency"


class AmountError(FormatError):
    """An amount that is no plain decimal number."""

    code = "bad-amount"


class UnlawfulMoveError(EvidenceError):
    """A state that a case cannot go to from where it is; names those that it can go to."""

    code = "unlawful-move"

    def __init__(self, *, state: str, to: str, lawful: tuple[str, ...]) -> None:
        allowed = f"from there it goes to {' or '.join(lawful)}" if lawful else "nothing follows it"
        super().__init__(f"a case that is {state} cannot become {to}; {allowed}")
        self.lawful = lawful


class ClosedCaseError(EvidenceError):
    """An act on a case that takes no such act any more."""

    code = "case-closed"


class StaleCaseError(EvidenceError):
    """The case has gone on since the caller read it."""

    code = "stale-case"

    def __init__(self, *, expected: int, found: int) -> None:
        super().__init__(
            f"expected_seq is {expected}, but the case's next act is number {found}; read the case "
            "again and decide anew"
        )


class UnknownEvidenceError(EvidenceError):
    """Evidence that the log does not hold."""

    code = "unknown-evidence"


class NothingRecordedError(UnknownEvidenceError):
    """A case on a shipment that nobody recorded anything about, where that was not expected."""

    code = "nothing-recorded"


class UnreadableActError(EvidenceError):
    """A stored act that cannot be read; the log should be audited."""

    code = "act-unreadable"


class UnfollowedCaseError(EvidenceError):
    """The timeline of a case's shipment cannot be followed, so that nobody knows what it rests on."""

    code = "case-not-followed"

    def __init__(self, *, case: str, shipment: str, why: Exception) -> None:
        super().__init__(
            f"what {case} rests on cannot be told, as the timeline of {shipment} cannot be followed "
            f"({why}); nothing is erased until it can be: audit the log, which names the record"
        )


class DossierTooLargeError(EvidenceError):
    """More than one dossier holds; says how to divide it."""

    code = "dossier-too-large"


class DossierDocumentsError(DossierTooLargeError):
    """More documents than one dossier lists."""

    code = "dossier-too-many-documents"

    def __init__(self, found: int, *, limit: int) -> None:
        super().__init__(
            f"it has {found} documents to show, and one dossier lists {limit}: choose which "
            "(`only.records`, or --record), or write one for each parcel"
        )
