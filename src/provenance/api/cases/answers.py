"""Cases as they are asked for and shown; times in milliseconds since the epoch."""

from typing import Any, Literal

import msgspec

from provenance.evidence.assessment import Assessment

ClaimName = Literal[
    "damage", "partial_loss", "total_loss", "delay", "customs_dispute", "customs_delay_cover"
]
StateName = Literal[
    "opened", "collecting", "submitted", "accepted", "rejected", "withdrawn", "closed"
]
ActName = Literal[
    "opened",
    "evidence_linked",
    "evidence_unlinked",
    "amounts_changed",
    "facts_changed",
    "note_added",
    "state_changed",
    "hold_placed",
    "hold_released",
]


class StatedAmount(msgspec.Struct, frozen=True):
    """Money: ``value`` is a decimal string, ``currency`` its ISO 4217 code."""

    role: Literal["claimed", "offered", "agreed", "paid"]
    currency: str
    value: str


class Sum(msgspec.Struct, frozen=True):
    """Money without a role."""

    currency: str
    value: str


class CaseFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the claimant states because no event tells it; days as YYYY-MM-DD."""

    agreed_delivery_on: str | None = None
    arrived_on: str | None = None
    contract_on: str | None = None
    agreed_clearance_hours: int | None = None
    stated_sum: Sum | None = None


class CaseRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case that shall be opened.

    ``shipments`` are waybill numbers or identifiers in any spelling; ``carriage`` how the goods
    were carried; ``zone`` the IANA time zone of the places, where no better one is known. With
    ``expect_recorded`` a shipment that nobody recorded anything about is refused.
    """

    claim: ClaimName
    shipments: list[str]
    claimant: str
    reference: str | None = None
    carriage: list[Literal["air", "road"]] | None = None
    zone: str | None = None
    amounts: list[StatedAmount] | None = None
    facts: CaseFacts | None = None
    note: str | None = None
    author: str | None = None
    expect_recorded: bool | None = None


class EvidenceLink(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record that is put to a case, and the checklist line that it fills.

    A key of role claims names a ``subject`` of the record, unless it is a shipment of the case.
    """

    first_index: int
    line: str | None = None
    subject: str | None = None


class ActRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """An act on a case; ``expected_seq`` is the case's ``seq`` as it was read.

    Each act takes members of its own: evidence_linked and evidence_unlinked ``evidence`` (links, or
    indexes with a ``reason``), amounts_changed ``amounts``, facts_changed ``facts``, note_added
    ``note``, state_changed ``to``, hold_placed and hold_released a ``reason``.
    """

    act: ActName
    expected_seq: int
    author: str | None = None
    evidence: list[EvidenceLink | int] | None = None
    amounts: list[StatedAmount] | None = None
    facts: CaseFacts | None = None
    note: str | None = None
    to: StateName | None = None
    reason: str | None = None


class ActAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An act that is in the log; ``state`` and ``seq`` are the case's after it.

    ``unrecorded``, of an opening: the shipments about which no event and no document is recorded.
    """

    case: str
    act: str
    state: StateName
    seq: int
    first_index: int
    count: int
    at: int
    repeated: bool = False
    acknowledgement: str | None = None
    unrecorded: list[str] = []


class LinkedEvidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record that belongs to the case."""

    first_index: int
    line: str | None = None


class HistoryItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One act as it is in the log; ``says`` is absent once it was erased.

    ``proof`` is what its receipt proves, and ``remark`` why it does not. ``erased_at`` and
    ``erased_ground`` are there once the log has the record of its erasure.
    """

    seq: int
    first_index: int
    at: int
    submitter: str
    proof: str
    remark: str = ""
    act: str | None = None
    author: str | None = None
    says: dict[str, Any] | None = None
    erased_at: int | None = None
    erased_ground: str | None = None


class CaseHold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A legal hold: nothing of the case may be erased."""

    reason: str
    seq: int
    author: str | None = None


class CaseSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case in a list; ``state_doubts`` as the case itself has them."""

    case: str
    claim: ClaimName
    state: StateName
    seq: int
    shipments: list[str]
    claimant: str
    opened_at: int
    changed_at: int
    reference: str | None = None
    on_hold: bool = False
    state_doubts: list[int] = []


class ErasedCase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case whose opening was erased: that there was one, and when and on which ground it went."""

    case: str
    seq: int
    opened_at: int
    changed_at: int
    erased_at: int | None = None
    erased_ground: str | None = None


class UnreadableCase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case of which a stored act is damaged; ``reason`` says which, and what to do."""

    case: str
    seq: int
    opened_at: int
    changed_at: int
    reason: str


class Cases(msgspec.Struct, frozen=True, omit_defaults=True):
    """Cases, the one with the newest act first; of those that were erased what is left of them.

    ``unreadable`` are those of which a stored act is damaged.
    """

    cases: list[CaseSummary]
    erased: list[ErasedCase] = []
    unreadable: list[UnreadableCase] = []
    nextPageToken: str | None = None  # noqa: N815 - the name that pages have everywhere here


class CaseView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case, its history, and what the rules make of it as of now.

    ``moves`` are the states that it can go to. ``note`` says what the assessment is not.
    ``erased_acts`` are the numbers of acts that were erased: what they changed is not told any more.
    ``state_doubts`` are those of them that may have moved the case on from ``state``, which is the
    last that is known.
    """

    case: str
    claim: ClaimName
    state: StateName
    seq: int
    moves: list[StateName]
    shipments: list[str]
    claimant: str
    assessment: Assessment
    history: list[HistoryItem]
    note: str
    reference: str | None = None
    carriage: list[str] = []
    zone: str | None = None
    amounts: list[StatedAmount] = []
    facts: dict[str, Any] = {}
    evidence: list[LinkedEvidence] = []
    hold: CaseHold | None = None
    erased_acts: list[int] = []
    state_doubts: list[int] = []
