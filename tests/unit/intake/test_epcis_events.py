"""Each event type: what it needs, what it may have, what it may not."""

from typing import Any

import pytest

from fixtures.epcis_events import (
    BAG,
    CONTEXT,
    CONTEXT_URL,
    LOT,
    PARCEL,
    PLACE,
    SMALL,
    SUBMISSION,
    Json,
    aggregation_event,
    association_event,
    bare,
    full_events,
    object_event,
    sensor_element,
    transaction_event,
    transformation_event,
)
from provenance.core.errors import FormatError
from provenance.intake.errors import RefusedError
from provenance.intake.event import EventDraft, parse_event


def accept(event: Json) -> EventDraft:
    return parse_event(bare(event), submission=SUBMISSION)


def faults(event: Json, context: Any = CONTEXT) -> dict[str, FormatError]:
    with pytest.raises(RefusedError) as caught:
        parse_event(bare(event, context), submission=SUBMISSION)
    return {error.where: error for error in caught.value.errors}


def without(event: Json, *names: str) -> Json:
    return {name: value for name, value in event.items() if name not in names}


@pytest.mark.parametrize("make", SMALL, ids=lambda make: make.__name__)
def test_the_smallest_event_of_each_type_is_accepted(make: Any) -> None:
    draft = accept(make())
    assert draft.type == draft.event_type == make()["type"]


@pytest.mark.parametrize("event", full_events(), ids=lambda event: event["type"])
def test_every_field_of_the_standard_is_accepted(event: Json) -> None:
    draft = accept(event)
    assert draft.biz_step == "inspecting"
    assert draft.is_correction


@pytest.mark.parametrize("event", full_events(), ids=lambda event: event["type"])
def test_every_field_of_the_standard_is_checked(event: Json) -> None:
    for name in event:
        if ":" not in name and name != "type":
            assert f"/{name}" in faults(event | {name: None}), name


@pytest.mark.parametrize("make", SMALL, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["eventTime", "eventTimeZoneOffset", "type"])
def test_a_missing_field_is_named(make: Any, name: str) -> None:
    error = faults(without(make(), name))[f"/{name}"]
    assert error.code == "missing-member"
    assert name in str(error) or "ObjectEvent" in str(error)


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (without(object_event(), "action"), "/action"),
        (without(object_event(), "epcList"), "/epcList"),
        (object_event(epcList=[]), "/epcList"),
        (object_event(epcList=[], sensorElementList=[sensor_element()]), "/readPoint"),
        (object_event(ilmd={"ex:a": "1"}), "/ilmd"),
        (object_event(action="DELETE", ilmd={"ex:a": "1"}), "/ilmd"),
        (object_event(parentID=BAG), "/parentID"),
        (without(aggregation_event(), "parentID"), "/parentID"),
        (without(aggregation_event(action="DELETE"), "parentID"), "/parentID"),
        (without(aggregation_event(), "childEPCs"), "/childEPCs"),
        (aggregation_event(ilmd={}), "/ilmd"),
        (without(association_event(action="OBSERVE"), "parentID"), "/parentID"),
        (association_event(childEPCs=[]), "/childEPCs"),
        (without(transaction_event(), "bizTransactionList"), "/bizTransactionList"),
        (transaction_event(bizTransactionList=[]), "/bizTransactionList"),
        (without(transaction_event(), "epcList"), "/epcList"),
        (transformation_event(action="ADD"), "/action"),
        (without(transformation_event(), "outputEPCList"), "/outputEPCList"),
        (without(transformation_event(), "inputEPCList"), "/inputEPCList"),
        (without(transformation_event(), "inputEPCList", "outputEPCList"), "/inputEPCList"),
        (object_event(type="QuantityEvent"), "/type"),
        (object_event(type=["ObjectEvent"]), "/type"),
    ],
)
def test_a_broken_rule_of_the_type_names_the_field(event: Json, pointer: str) -> None:
    assert pointer in faults(event)


@pytest.mark.parametrize(
    "event",
    [
        object_event(epcList=[], quantityList=[{"epcClass": LOT}]),
        without(object_event(quantityList=[{"epcClass": LOT, "quantity": 3}]), "epcList"),
        object_event(epcList=[], sensorElementList=[sensor_element()], readPoint={"id": PLACE}),
        object_event(action="ADD", ilmd={"ex:a": "1"}),
        without(aggregation_event(action="OBSERVE"), "parentID"),
        without(aggregation_event(action="DELETE"), "childEPCs"),
        aggregation_event(childEPCs=[], childQuantityList=[{"epcClass": LOT}]),
        without(transaction_event(action="DELETE"), "epcList"),
        without(transformation_event(transformationID="urn:x:1"), "outputEPCList"),
        object_event(certificationInfo="https://example.com/c"),
        object_event(eventTime="1970-01-01T00:00:00Z"),
        object_event(eventTime="1969-12-31T10:00:00-14:00"),
        object_event(eventTime="9999-12-31T23:59:59.999999Z"),
        object_event(eventTime="9999-12-31T23:59:59.999+00:01"),
        object_event(eventTime="2026-07-22T06:45:00.123456789-14:00"),
    ],
)
def test_an_event_within_the_rules_is_accepted(event: Json) -> None:
    accept(event)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"eventTime": "2026-07-22"}, "/eventTime"),
        ({"eventTime": "2026-07-22T06:45:00"}, "/eventTime"),
        ({"eventTime": "2026-02-30T06:45:00Z"}, "/eventTime"),
        ({"eventTime": "20260722T064500Z"}, "/eventTime"),
        ({"eventTime": 1784695500000}, "/eventTime"),
        ({"eventTime": "1969-12-31T23:59:59.999Z"}, "/eventTime"),
        ({"eventTime": "1970-01-01T00:59:59+01:00"}, "/eventTime"),
        ({"eventTime": "9999-12-31T23:59:59.999-14:00"}, "/eventTime"),
        ({"eventTime": "9999-12-31T23:59:00-00:01"}, "/eventTime"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "/eventTime"),
        ({"eventTimeZoneOffset": "+2:00"}, "/eventTimeZoneOffset"),
        ({"eventTimeZoneOffset": "+14:30"}, "/eventTimeZoneOffset"),
        ({"action": "CREATE"}, "/action"),
        ({"action": []}, "/action"),
        ({"epcList": PARCEL}, "/epcList"),
        ({"epcList": [PARCEL, "12345"]}, "/epcList/1"),
        ({"epcList": [PARCEL, 5]}, "/epcList/1"),
        ({"epcList": ["urn:x:ä"]}, "/epcList/0"),
        ({"epcList": ["urn:x:a b"]}, "/epcList/0"),
        ({"epcList": ["urn:x:" + "a" * 2043]}, "/epcList/0"),
        ({"quantityList": [{"quantity": 1}]}, "/quantityList/0/epcClass"),
        ({"quantityList": [{"epcClass": LOT, "quantity": True}]}, "/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": LOT, "quantity": -1}]}, "/quantityList/0/quantity"),
        ({"quantityList": [{"epcClass": LOT, "uom": "kg"}]}, "/quantityList/0/uom"),
        ({"readPoint": {}}, "/readPoint/id"),
        ({"readPoint": PLACE}, "/readPoint"),
        ({"readPoint": {"id": PLACE, "name": "x"}}, "/readPoint/name"),
        ({"sourceList": [{"type": "owning_party"}]}, "/sourceList/0/source"),
        ({"sourceList": [{"type": "me", "source": PLACE}]}, "/sourceList/0/type"),
        (
            {"sourceList": [{"type": "location", "source": PLACE, "ex:a": 1}]},
            "/sourceList/0/ex:a",
        ),
        ({"bizTransactionList": [{"type": "po", "bizTransaction": "4711"}]},
         "/bizTransactionList/0/bizTransaction"),
        ({"bizTransactionList": [{"type": "bol", "bizTransaction": ""}]},
         "/bizTransactionList/0/bizTransaction"),
        ({"bizTransactionList": [{"type": "bol", "bizTransaction": "9" * 129}]},
         "/bizTransactionList/0/bizTransaction"),
        ({"persistentDisposition": {}}, "/persistentDisposition"),
        ({"persistentDisposition": {"set": ["lost"]}}, "/persistentDisposition/set/0"),
        ({"errorDeclaration": {}}, "/errorDeclaration/declarationTime"),
        ({"errorDeclaration": {"declarationTime": "2026-07-22T06:45:00Z", "reason": "oops"}},
         "/errorDeclaration/reason"),
        ({"sensorElementList": [{}]}, "/sensorElementList/0/sensorReport"),
        ({"sensorElementList": [{"sensorReport": []}]}, "/sensorElementList/0/sensorReport"),
        ({"sensorElementList": [{"sensorReport": [{}]}]},
         "/sensorElementList/0/sensorReport/0/type"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Angle", "hexBinaryValue": "x"}]}]},
         "/sensorElementList/0/sensorReport/0/hexBinaryValue"),
        ({"action": "ADD", "ilmd": {"weight": 3}}, "/ilmd/weight"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named(change: Json, pointer: str) -> None:
    assert pointer in faults(object_event(**change))


def test_all_errors_are_told_together() -> None:
    found = faults({"type": "ObjectEvent", "eventTime": "x", "bizStep": "y", "colour": "red"})
    assert set(found) == {
        "/eventTime",
        "/eventTimeZoneOffset",
        "/action",
        "/bizStep",
        "/colour",
        "/epcList",
    }


@pytest.mark.parametrize(
    ("field", "written", "spelled"),
    [
        ("bizStep", "shipping", "shipping"),
        ("bizStep", "cbv:BizStep-shipping", "shipping"),
        ("bizStep", "https://ref.gs1.org/cbv/BizStep-shipping", "shipping"),
        ("bizStep", "urn:epcglobal:cbv:bizstep:shipping", "shipping"),
        ("bizStep", "ex:shredding", "https://example.com/ns/shredding"),
        ("bizStep", "http://epcis.example.com/step/x", "http://epcis.example.com/step/x"),
        ("disposition", "in_transit", "in_transit"),
        ("disposition", "cbv:Disp-in_transit", "in_transit"),
        ("disposition", "urn:epcglobal:cbv:disp:in_transit", "in_transit"),
    ],
)
def test_a_vocabulary_word_has_one_spelling(field: str, written: str, spelled: str) -> None:
    draft = accept(object_event(**{field: written}))
    assert (draft.biz_step or draft.disposition) == spelled


@pytest.mark.parametrize(
    "word",
    [
        "posting",
        "Shipping",
        "in_transit",
        "cbv:BizStep-posting",
        "https://ref.gs1.org/cbv/BizStep-posting",
        "https://ref.gs1.org/cbv/Disp-in_transit",
        "urn:epcglobal:cbv:bizstep:posting",
        "nowhere:shipping",
        "ex:" + "a" * 2040,
        "",
    ],
)
def test_a_business_step_that_nobody_defines_is_refused(word: str) -> None:
    assert "/bizStep" in faults(object_event(bizStep=word))


def test_a_near_miss_comes_with_advice() -> None:
    assert "'in_transit'" in str(faults(object_event(disposition="in_transport"))["/disposition"])


def test_an_unknown_field_is_refused_by_its_name() -> None:
    error = faults(object_event(colour="red"))["/colour"]
    assert error.code == "unknown-member"
    assert "'colour'" in str(error)


def test_a_field_name_is_escaped_in_its_pointer() -> None:
    assert "/a~1b~0c" in faults(object_event(**{"a/b~c": 1}))


@pytest.mark.parametrize("name", ["ex:a", "rdfs:comment", "https://example.com/a", "urn:x:a"])
def test_an_extension_in_a_namespace_is_kept(name: str) -> None:
    draft = accept(object_event(**{name: {"anything": [1, None, {}]}}))
    assert name.encode() in draft.raw


@pytest.mark.parametrize("name", ["foo:a", ":a", "ex:", "javascript:alert"])
def test_an_extension_without_a_namespace_is_refused(name: str) -> None:
    assert f"/{name}" in faults(object_event(**{name: 1}))


def test_extensions_are_bounded() -> None:
    long_text = {"ex:a": {"b": ["x" * 4097]}}
    assert "/ex:a/b/0" in faults(object_event(**long_text))
    deep: Any = 1
    for _ in range(24):
        deep = [deep]
    assert faults(object_event(**{"ex:a": deep}))["/ex:a" + "/0" * 23].code == "too-deep"
    wide = {"ex:a": list(range(20_000))}
    assert faults(object_event(**wide))[""].code == "too-large"
    assert "/ex:a/b" in faults(object_event(**{"ex:a": {"b": 10**40}}))
    named = {"ex:a": {"n" * 2048: 1}}
    assert "/ex:a" in faults(object_event(**named))
    assert "" in faults(object_event(**{"ex:" + "n" * 2048: "text"}))


def test_an_event_without_context_is_refused() -> None:
    with pytest.raises(RefusedError, match="/@context"):
        parse_event(b'{"type":"ObjectEvent"}', submission=SUBMISSION)


@pytest.mark.parametrize(
    ("context", "pointer"),
    [
        ([], "/@context"),
        ({"ex": "https://example.com/"}, "/@context"),
        ("https://example.com/context.jsonld", "/@context"),
        ([CONTEXT_URL, "https://example.com/context.jsonld"], "/@context/1"),
        ([CONTEXT_URL, 5], "/@context/1"),
        ([CONTEXT_URL, {"@vocab": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"@base": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"epc:x": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"urn": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"https": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"ex": "no namespace"}], "/@context/1"),
        ([CONTEXT_URL, {"ex": {"@id": "https://example.com/"}}], "/@context/1"),
        ([CONTEXT_URL, {"cbv": "https://example.com/"}], "/@context/1"),
        ([CONTEXT_URL, {"ex": "https://example.com/" + "a" * 20_000}], "/@context"),
    ],
)
def test_a_context_that_could_change_the_meaning_is_refused(context: Any, pointer: str) -> None:
    assert pointer in faults(object_event(), context)


@pytest.mark.parametrize(
    "context",
    [
        CONTEXT_URL,
        [CONTEXT_URL],
        ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "urn:ex:"}],
        [{"ex": "https://example.com/"}, "https://gs1.github.io/EPCIS/epcis-context.jsonld"],
        [CONTEXT_URL, {"cbv": "https://ref.gs1.org/cbv/", "gs1": "https://gs1.org/voc/"}],
    ],
)
def test_gs1_contexts_and_declared_prefixes_are_accepted(context: Any) -> None:
    parse_event(bare(object_event(), context), submission=SUBMISSION)
