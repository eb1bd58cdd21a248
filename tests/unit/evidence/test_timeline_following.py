"""Where a timeline leads."""

from dataclasses import replace
from typing import Any

import pytest

from provenance.evidence.timelines.events import ReadEvent
from provenance.evidence.timelines.following import (
    FOREVER,
    Lead,
    Moment,
    Window,
    emptied,
    leads,
    leads_on,
)

PARCEL, BAG, OTHER_BAG, WAYBILL = (f"urn:example:{name}" for name in ("p", "b", "c", "w"))


def moment(time: int, **value: Any) -> Moment:
    return Moment(time=time, event=ReadEvent(value=value, prefixes={}))


def packing(time: int, action: str, parent: str, *children: str) -> Moment:
    return moment(
        time, type="AggregationEvent", action=action, parentID=parent, childEPCs=list(children)
    )


def beside_waybill(time: int, action: str, *epcs: str, kind: str = "ObjectEvent") -> Moment:
    return moment(time, type=kind, action=action, epcList=list(epcs))


def container(subject: str, since: int, until: int = FOREVER) -> Lead:
    return Lead(subject=subject, reason="container", window=Window(since, until))


def parcel(subject: str, since: int, until: int = FOREVER) -> Lead:
    return Lead(subject=subject, reason="parcel", window=Window(since, until))


def test_packing_and_unpacking_bound_the_container() -> None:
    moments = [packing(9, "DELETE", BAG, PARCEL), packing(2, "ADD", BAG, PARCEL)]
    assert list(leads(PARCEL, moments, Window())) == [container(BAG, 2, 9)]


def test_a_parcel_that_was_never_unpacked_stays_in_its_container() -> None:
    assert list(leads(PARCEL, [packing(2, "ADD", BAG, PARCEL)], Window())) == [container(BAG, 2)]


def test_packing_twice_counts_from_the_first_time() -> None:
    moments = [packing(2, "ADD", BAG, PARCEL), packing(3, "ADD", BAG, PARCEL)]
    assert list(leads(PARCEL, moments, Window())) == [container(BAG, 2)]


def test_unpacking_what_was_never_packed_leads_nowhere() -> None:
    assert list(leads(PARCEL, [packing(2, "DELETE", BAG, PARCEL)], Window())) == []


def test_one_container_after_the_other() -> None:
    moments = [
        packing(1, "ADD", BAG, PARCEL),
        packing(2, "DELETE", BAG, PARCEL),
        packing(3, "ADD", OTHER_BAG, PARCEL),
    ]
    assert list(leads(PARCEL, moments, Window())) == [
        container(BAG, 1, 2),
        container(OTHER_BAG, 3),
    ]


def test_a_stay_is_cut_to_the_window_that_it_is_looked_at_in() -> None:
    moments = [packing(1, "ADD", BAG, PARCEL), packing(9, "DELETE", BAG, PARCEL)]
    assert list(leads(PARCEL, moments, Window(3, 5))) == [container(BAG, 3, 5)]
    assert list(leads(PARCEL, moments, Window(10, 12))) == []


def test_the_container_itself_does_not_lead_to_its_children() -> None:
    assert list(leads(BAG, [packing(1, "ADD", BAG, PARCEL)], Window())) == []


def test_an_event_that_does_not_count_packs_nothing() -> None:
    assert list(leads(PARCEL, [Moment(time=1, event=None)], Window())) == []


def test_a_waybill_leads_to_the_parcels_beside_it_from_then_on() -> None:
    moments = [beside_waybill(4, "OBSERVE", PARCEL, BAG), beside_waybill(2, "OBSERVE", BAG)]
    assert list(leads(WAYBILL, moments, Window())) == [parcel(BAG, 2), parcel(PARCEL, 4)]


def test_a_transaction_that_is_taken_back_ends_there() -> None:
    moments = [
        beside_waybill(2, "ADD", PARCEL, kind="TransactionEvent"),
        beside_waybill(5, "DELETE", PARCEL, kind="TransactionEvent"),
    ]
    assert list(leads(WAYBILL, moments, Window())) == [parcel(PARCEL, 2, 5)]


def test_a_parcel_does_not_lead_to_its_neighbours() -> None:
    moments = [beside_waybill(2, "OBSERVE", PARCEL, BAG)]
    assert list(leads(PARCEL, moments, Window())) == []


def test_a_container_is_left_when_it_is_emptied_as_a_whole() -> None:
    moments = [packing(4, "DELETE", BAG), packing(6, "DELETE", BAG), packing(1, "DELETE", BAG)]
    assert emptied(BAG, moments, Window(2, 9)) == Window(2, 4)
    assert emptied(PARCEL, moments, Window(2, 9)) == Window(2, 9)
    assert emptied(BAG, [packing(3, "DELETE", BAG, PARCEL)], Window(2, 9)) == Window(2, 9)


def kept_open(moment_: Moment) -> Moment:
    return replace(moment_, closes=False)


def test_what_does_not_close_ends_no_stay() -> None:
    moments = [packing(2, "ADD", BAG, PARCEL), kept_open(packing(4, "DELETE", BAG, PARCEL))]
    assert list(leads(PARCEL, moments, Window())) == [container(BAG, 2)]
    assert emptied(BAG, [kept_open(packing(4, "DELETE", BAG))], Window(2, 9)) == Window(2, 9)


def test_what_does_not_close_takes_no_transaction_back_and_opens_none_for_good() -> None:
    added = beside_waybill(2, "ADD", PARCEL, kind="TransactionEvent")
    ends = kept_open(beside_waybill(5, "DELETE", PARCEL, kind="TransactionEvent"))
    ended = beside_waybill(4, "DELETE", PARCEL, kind="TransactionEvent")
    assert list(leads(WAYBILL, [added, ends], Window())) == [parcel(PARCEL, 2)]
    assert list(leads(WAYBILL, [added, ended, ends], Window())) == [parcel(PARCEL, 2, 5)]
    assert list(leads(WAYBILL, [ends], Window())) == [parcel(PARCEL, 5, 5)]


def test_a_lead_names_the_packings_that_tell_of_it() -> None:
    first, again, later = (
        replace(packing(time, action, BAG, PARCEL), first_index=time)
        for time, action in ((2, "ADD"), (3, "ADD"), (7, "ADD"))
    )
    moments = [again, packing(5, "DELETE", BAG, PARCEL), first, later]
    found = list(leads(PARCEL, moments, Window()))
    assert [(lead.packings, lead.latest) for lead in found] == [((2, 3), 3), ((7,), 7)]


def test_an_emptying_before_the_last_packing_may_be_passed_over() -> None:
    moments = [packing(4, "DELETE", BAG), packing(8, "DELETE", BAG)]
    assert emptied(BAG, moments, Window(2, 9), after=5) == Window(2, 8)


@pytest.mark.parametrize(
    ("subject", "one", "leads_anywhere"),
    [
        (PARCEL, beside_waybill(1, "OBSERVE", PARCEL), False),
        (BAG, beside_waybill(1, "OBSERVE", BAG, OTHER_BAG), False),
        (BAG, packing(1, "ADD", BAG, PARCEL), False),
        (PARCEL, packing(1, "DELETE", BAG, PARCEL), False),
        (BAG, packing(1, "DELETE", BAG), False),
        (PARCEL, packing(1, "ADD", BAG, PARCEL), True),
        (WAYBILL, beside_waybill(1, "OBSERVE", PARCEL), True),
        (WAYBILL, beside_waybill(1, "DELETE", PARCEL, kind="TransactionEvent"), True),
        (WAYBILL, moment(1, type="ObjectEvent", action="OBSERVE"), False),
        (PARCEL, Moment(time=1, event=None), True),
    ],
)
def test_one_more_event_leads_on_or_changes_nothing(
    subject: str, one: Moment, *, leads_anywhere: bool
) -> None:
    assert leads_on(subject, one) == leads_anywhere


def test_a_stay_begins_again_at_the_first_packing_after_the_emptying() -> None:
    moments = [packing(time, "ADD", BAG, PARCEL) for time in (2, 7, 8)]
    (found,) = leads(PARCEL, moments, Window(until=9))
    assert found.again(5) == container(BAG, 7, 9)
    assert found.again(7) == container(BAG, 8, 9)
    assert found.again(8) is None


def test_a_stay_does_not_begin_again_behind_the_window() -> None:
    moments = [packing(time, "ADD", BAG, PARCEL) for time in (2, 7)]
    (found,) = leads(PARCEL, moments, Window(until=6))
    assert found.again(5) is None
