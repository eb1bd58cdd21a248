"""Records that were linked to a case from elsewhere, as its report tells them."""

from dataclasses import replace
from uuid import UUID

from fixtures.claims import document, event, logged, ms
from provenance.api.cases.holdings import Gathered
from provenance.api.dossiers.linked import linked_records
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import Opened
from provenance.evidence.cases.fold import Case, LoggedAct, fold
from provenance.evidence.facts import Erased, ErasedFact, EventFact, Holdings, Proof

AT = ms("2026-03-01T10:00:00Z")
SCAN = event("inspecting", "2026-03-01T10:00:00Z", index=14, disposition="damaged", place="urn:x:1")


def gathered(
    *linked: EventFact, holdings: Holdings | None = None, links: tuple[int, ...]
) -> Gathered:
    opened = Opened(claim="damage", claimant="Nora Example")
    name, shipment = "urn:provenance:case:" + "0" * 32, "urn:provenance:shipment:acme:WB1"
    case = fold([LoggedAct(logged(20, AT), UUID(int=1), Act(name, 0, (shipment,), opened, None))])
    assert isinstance(case, Case)
    case = replace(case, evidence=dict.fromkeys(links))
    return Gathered(case, holdings or Holdings(), (), linked)


def test_a_linked_event_is_told_with_its_time_its_step_and_where() -> None:
    # No rule looks at a scan: it is among the linked ones alone.
    ((told, note),) = linked_records(gathered(SCAN, links=(14,)), ())
    assert (told.first_index, told.event_time, told.kind) == (14, AT, "event")
    assert (told.biz_step, told.disposition, told.read_point) == (
        *("inspecting", "damaged"),
        "urn:x:1",
    )
    assert note == "linked to the case"


def test_what_a_timeline_tells_is_not_told_twice() -> None:
    assert list(linked_records(gathered(SCAN, links=(14,)), {14})) == []


def test_a_linked_event_that_was_declared_an_error_says_so() -> None:
    ((_, note),) = linked_records(gathered(replace(SCAN, is_void=True), links=(14,)), ())
    assert note == "linked to the case, declared an error"


def test_only_what_was_linked_is_told_erased_or_not() -> None:
    erasure = Erased(AT, "request")
    erased = replace(
        document("49", "2026-03-02T00:00:00Z", index=9),
        logged=logged(9, AT, proof=Proof.ERASED, erased=erasure),
    )
    gone = ErasedFact(logged(5, AT, proof=Proof.ERASED), "event", erased_at=AT, ground="request")
    other = document("740", "2026-03-02T00:00:00Z", index=8)
    holdings = Holdings(documents=(other, erased), erased=(gone,))
    found = [one for one, _ in linked_records(gathered(holdings=holdings, links=(9, 5)), ())]
    assert [(one.first_index, one.erased, one.erased_at) for one in found] == [
        (5, True, AT),
        (9, True, AT),
    ]
