"""Whom an event is about, in order of mention, and how the subjects are spelled."""

from dataclasses import replace

import pytest

from fixtures.epcis_events import (
    BAG,
    BAG_LINK,
    CONTEXT_URL,
    LOT,
    LOT_LINK,
    PARCEL,
    PARCEL_LINK,
    PLACE,
    PLACE_LINK,
    SUBMISSION,
    Json,
    aggregation_event,
    bare,
    object_event,
    sensor_element,
    transaction_event,
    transformation_event,
)
from provenance.core.statement import check_subject
from provenance.intake.errors import RefusedError
from provenance.intake.event import Submission, parse_event
from provenance.intake.limits import IntakeLimits

WAYBILL = "urn:epc:id:ginc:9521141.WB1"
WAYBILL_LINK = "https://id.gs1.org/401/9521141WB1"


def subjects(event: Json, submission: Submission = SUBMISSION) -> tuple[str, ...]:
    return parse_event(bare(event), submission=submission).subjects


def bol(number: str, kind: str = "bol") -> Json:
    return {"bizTransactionList": [{"type": kind, "bizTransaction": number}]}


def test_every_instance_is_a_subject_once_and_in_order() -> None:
    event = object_event(epcList=[PARCEL, BAG, PARCEL_LINK, PARCEL])
    assert subjects(event) == (PARCEL_LINK, BAG_LINK)


def test_the_order_is_that_of_the_event() -> None:
    event = {"parentID": BAG, "childEPCs": [PARCEL], **aggregation_event()}
    assert subjects(event) == (BAG_LINK, PARCEL_LINK)
    event = {"childEPCs": [PARCEL], "parentID": BAG, **aggregation_event()}
    assert subjects(event) == (PARCEL_LINK, BAG_LINK)


def test_inputs_outputs_and_parents_are_subjects() -> None:
    assert subjects(transformation_event()) == (PARCEL_LINK, BAG_LINK)
    assert subjects(transaction_event(parentID=BAG)) == (PARCEL_LINK, BAG_LINK)


@pytest.mark.parametrize(
    "kind",
    ["bol", "cbv:BTT-bol", "https://ref.gs1.org/cbv/BTT-bol", "urn:epcglobal:cbv:btt:bol"],
)
def test_a_waybill_is_a_subject_however_its_type_is_written(kind: str) -> None:
    assert subjects(object_event(**bol(WAYBILL, kind))) == (PARCEL_LINK, WAYBILL_LINK)


def test_another_transaction_is_not_a_subject() -> None:
    for kind in ("po", "https://example.com/bol", "ex:bol"):
        assert subjects(object_event(**bol("urn:x:1", kind))) == (PARCEL_LINK,)


def test_a_waybill_number_is_named_after_its_carrier() -> None:
    event = object_event(**bol("SZ 1/2ä"))
    assert subjects(event)[1] == "urn:provenance:shipment:acme:SZ%201%2F2%C3%A4"


def test_a_waybill_number_without_carrier_is_refused() -> None:
    nameless = Submission(submitter=SUBMISSION.submitter, keys=SUBMISSION.keys)
    with pytest.raises(RefusedError, match="carrier") as caught:
        subjects(object_event(**bol("SZ1")), nameless)
    assert caught.value.where == "/bizTransactionList/0/bizTransaction"


def test_classes_count_only_where_no_instance_is_named() -> None:
    lots = {"quantityList": [{"epcClass": LOT, "quantity": 3}]}
    assert subjects(object_event(epcList=[], **lots)) == (LOT_LINK,)
    assert subjects(object_event(**lots)) == (PARCEL_LINK,)
    assert subjects(object_event(epcList=[], **lots, **bol(WAYBILL))) == (WAYBILL_LINK,)


def test_then_the_place_and_then_the_event_itself() -> None:
    sensed = {"epcList": [], "sensorElementList": [sensor_element()]}
    other = {"id": "urn:epc:id:sgln:9521141.00102.0"}
    event = object_event(**sensed, bizLocation=other, readPoint={"id": PLACE})
    assert subjects(event) == (PLACE_LINK,)
    assert subjects(object_event(**sensed, bizLocation={"id": PLACE})) == (PLACE_LINK,)


def test_an_event_that_names_nothing_is_its_own_subject() -> None:
    event = transaction_event(action="DELETE", epcList=[], eventID="urn:uuid:x")
    assert subjects(event) == ("urn:uuid:x",)
    anonymous = parse_event(
        bare(transaction_event(action="DELETE", epcList=[])), submission=SUBMISSION
    )
    assert anonymous.subjects == (anonymous.event_id,)
    assert anonymous.event_id.startswith("urn:provenance:event:")


def test_a_curie_is_written_out_so_that_prefixes_do_not_split_trails() -> None:
    long, short = "https://example.com/ns/parcel/1", "ex:parcel/1"
    assert subjects(object_event(epcList=[long, short])) == (long,)
    data = bare(object_event(epcList=["ex:01/09521141123454/21/S"]))
    draft = parse_event(data, submission=SUBMISSION)
    assert draft.subjects == ("https://id.gs1.org/01/09521141123454/21/S",)


def test_a_curie_for_too_long_a_uri_is_refused() -> None:
    with pytest.raises(RefusedError, match="/epcList"):
        subjects(object_event(epcList=["ex:" + "a" * 2040]))


def test_other_uris_stay_byte_for_byte() -> None:
    odd = ["http://EXAMPLE.com/%7euser/?q=1#x", "urn:UUID:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"]
    assert subjects(object_event(epcList=odd)) == tuple(odd)


def test_every_subject_can_stand_in_a_statement() -> None:
    event = object_event(epcList=[PARCEL, "urn:x:a"], **bol("SZ 1"))
    for subject in subjects(event):
        check_subject(subject)


def test_subjects_are_bounded() -> None:
    many = [f"urn:x:{number}" for number in range(11)]
    limits = IntakeLimits(max_subjects=10)
    parse_event(bare(object_event(epcList=many[:10])), submission=SUBMISSION, limits=limits)
    with pytest.raises(RefusedError, match="11 subjects"):
        parse_event(bare(object_event(epcList=many)), submission=SUBMISSION, limits=limits)


CASE = "urn:provenance:case:" + "0" * 32
SENSED: Json = {"epcList": [], "sensorElementList": [sensor_element()]}
QUANTITIES: Json = {"quantityList": [{"epcClass": LOT}, {"epcClass": CASE}]}


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (object_event(epcList=[PARCEL, CASE]), "/epcList/1"),
        (object_event(epcList=["URN:Provenance:CASE:1"]), "/epcList/0"),
        (object_event(epcList=["urn:provenance:log:log.example"]), "/epcList/0"),
        (aggregation_event(parentID=CASE), "/parentID"),
        (aggregation_event(childEPCs=[CASE]), "/childEPCs/0"),
        (transformation_event(inputEPCList=[CASE]), "/inputEPCList/0"),
        (transformation_event(outputEPCList=[CASE]), "/outputEPCList/0"),
        (object_event(epcList=[], **QUANTITIES), "/quantityList/1/epcClass"),
        (object_event(**QUANTITIES | {"epcList": [CASE]}), "/epcList/0"),
        (object_event(**bol(CASE)), "/bizTransactionList/0/bizTransaction"),
        (object_event(**SENSED, readPoint={"id": CASE}), "/readPoint/id"),
        (object_event(**SENSED, bizLocation={"id": CASE}), "/bizLocation/id"),
        (transaction_event(action="DELETE", epcList=[], eventID=CASE), "/eventID"),
    ],
)
def test_what_the_service_names_itself_is_no_subject(event: Json, pointer: str) -> None:
    with pytest.raises(RefusedError) as caught:
        subjects(event)
    (error,) = caught.value.errors
    assert (error.code, error.where) == ("reserved-subject", pointer)
    assert "evidence_linked" in str(error)


def test_a_prefix_does_not_hide_what_the_service_names_itself() -> None:
    context = [CONTEXT_URL, {"p": "urn:provenance:"}]
    data = bare(object_event(epcList=[PARCEL, "p:case:" + "0" * 32]), context)
    with pytest.raises(RefusedError, match="service gives itself") as caught:
        parse_event(data, submission=SUBMISSION)
    assert caught.value.where == "/epcList/1"


def test_waybills_and_events_are_named_by_whoever_has_their_names() -> None:
    names = ["urn:provenance:shipment:acme:WB1", "urn:provenance:event:" + "0" * 64]
    assert subjects(object_event(epcList=names)) == tuple(names)
    assert subjects(transaction_event(action="DELETE", epcList=[], eventID=names[1])) == (names[1],)


def test_a_case_is_named_where_it_is_no_subject() -> None:
    other = [{"type": "po", "bizTransaction": CASE}]
    assert subjects(object_event(bizTransactionList=other)) == (PARCEL_LINK,)


def test_what_the_log_holds_already_is_read_as_it_was_recorded() -> None:
    stored = replace(SUBMISSION, may_name_reserved=True)
    assert subjects(object_event(epcList=[PARCEL, CASE]), stored) == (PARCEL_LINK, CASE)
