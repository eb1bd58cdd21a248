"""Queries for events."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fixtures.application import EPCIS_CONTEXT, ServiceUnderTest, document, event, parcel
from fixtures.shared_data import shared_data

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The event list of a query document."""
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"][
        "eventList"
    ]
    return found


async def captured(carrier: httpx.AsyncClient, *sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Capture bare events one by one."""
    for one in sent:
        answer = await carrier.post("/epcis/events", json=one)
        assert answer.status_code == 201, answer.text
    return list(sent)


@pytest.fixture
async def carrier(service: ServiceUnderTest) -> httpx.AsyncClient:
    return await service.new_carrier()


async def ask(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    return events(await client.get("/epcis/events", params=query))


async def test_each_filter_finds_what_it_names_and_nothing_else(
    carrier: httpx.AsyncClient,
) -> None:
    epcs = [parcel(), parcel()]
    places = ["https://id.gs1.org/414/9521141001011", "https://id.gs1.org/414/9521141001028"]
    first = event(
        epcs[0],
        eventID="urn:uuid:a-1",
        eventTime="2026-07-01T00:00:00Z",
        bizStep="shipping",
        disposition="in_transit",
        readPoint={"id": places[0]},
        bizLocation={"id": places[0]},
    )
    second = event(
        epcs[1],
        eventID="urn:uuid:a-2",
        eventTime="2026-07-02T00:00:00Z",
        action="ADD",
        bizStep="receiving",
        disposition="damaged",
        readPoint={"id": places[1]},
        bizLocation={"id": places[1]},
    )
    await captured(carrier, first, second)
    for query, expected in (
        ({"LT_eventTime": "2026-07-02T00:00:00Z"}, first),
        ({"GE_eventTime": "2026-07-02T00:00:00Z"}, second),
        ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, first),
        ({"EQ_bizStep": "receiving,packing"}, second),
        ({"EQ_disposition": "in_transit"}, first),
        ({"EQ_readPoint": "urn:epc:id:sgln:9521141.00101.0"}, first),
        ({"EQ_bizLocation": places[1]}, second),
        ({"EQ_action": "ADD"}, second),
        ({"EQ_eventID": "urn:uuid:a-1"}, first),
        ({"MATCH_epc": epcs[0]}, first),
        ({"MATCH_anyEPC": epcs[1]}, second),
    ):
        assert await ask(carrier, **query) == [expected], query
    assert await ask(carrier, eventType="AggregationEvent") == []
    assert await ask(carrier, eventType="ObjectEvent") == [first, second]


async def test_match_epc_looks_at_lists_and_match_any_epc_everywhere(
    carrier: httpx.AsyncClient,
) -> None:
    bag, inside = parcel(), parcel()
    packed = {
        **event(),
        "type": "AggregationEvent",
        "action": "ADD",
        "parentID": bag,
        "childEPCs": [inside],
    }
    del packed["epcList"]
    await captured(carrier, packed)
    assert await ask(carrier, MATCH_epc=inside) == [packed]
    assert await ask(carrier, MATCH_epc=bag) == []
    assert await ask(carrier, MATCH_anyEPC=bag) == [packed]


async def test_a_waybill_is_not_an_epc(carrier: httpx.AsyncClient) -> None:
    waybill = "urn:example:waybill:77"
    transactions = [{"type": "bol", "bizTransaction": waybill}]
    await captured(carrier, event(parcel(), bizTransactionList=transactions))
    assert await ask(carrier, MATCH_anyEPC=waybill) == []


async def test_both_matches_must_hold(carrier: httpx.AsyncClient) -> None:
    one, two = parcel(), parcel()
    both, single = await captured(carrier, event(one, two), event(one))
    assert await ask(carrier, MATCH_anyEPC=one) == [both, single]
    assert await ask(carrier, MATCH_anyEPC=one, MATCH_epc=two) == [both]
    url = f"/epcis/epcs/{quote(one, safe='')}/events"
    assert events(await carrier.get(url, params={"MATCH_anyEPC": two})) == [both]


async def test_record_time_is_when_the_log_took_it(carrier: httpx.AsyncClient) -> None:
    answers = []
    for _ in range(3):
        one = event(parcel())
        answers.append((one, (await carrier.post("/epcis/events", json=one)).json()["at"]))
    # Several events may be logged within a millisecond.
    middle = answers[1][1]
    found = await ask(carrier, GE_recordTime=_iso(middle))
    assert found == [one for one, at in answers if at >= middle]
    found = await ask(carrier, LT_recordTime=_iso(middle))
    assert found == [one for one, at in answers if at < middle]
    assert await ask(carrier, LT_recordTime="2020-01-01T00:00:00Z") == []
    assert await ask(carrier, GE_recordTime="2100-01-01T00:00:00Z") == []


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


async def test_pages_follow_each_other_in_either_order(carrier: httpx.AsyncClient) -> None:
    sent = await captured(
        carrier, *(event(parcel(), eventTime=f"2026-07-{9 - day:02}T00:00:00Z") for day in range(7))
    )
    orders: list[tuple[dict[str, str], list[dict[str, Any]]]] = [
        ({}, sent),
        ({"orderBy": "recordTime"}, sent[::-1]),
        ({"orderBy": "eventTime", "orderDirection": "ASC"}, sent[::-1]),
        ({"orderBy": "eventTime", "orderDirection": "DESC"}, sent),
    ]
    for query, expected in orders:
        found: list[dict[str, Any]] = []
        url: str | None = f"/epcis/events?{httpx.QueryParams({**query, 'perPage': '3'})}"
        pages = 0
        while url:
            answer = await carrier.get(url)
            found += events(answer)
            pages += 1
            url = answer.links.get("next", {}).get("url")
        assert found == expected, query
        assert pages == 3


async def test_a_token_is_good_for_its_own_query_only(carrier: httpx.AsyncClient) -> None:
    await captured(carrier, *(event(parcel()) for _ in range(3)))
    answer = await carrier.get("/epcis/events", params={"perPage": 1})
    token = httpx.URL(answer.links["next"]["url"]).params["nextPageToken"]
    for wrong in (
        {"nextPageToken": token, "EQ_action": "ADD"},
        {"nextPageToken": "bm90IGEgdG9rZW4"},
        {"nextPageToken": "é"},
    ):
        refused = await carrier.get("/epcis/events", params=wrong)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["parameter"] == "nextPageToken"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"MATCH_epcClass": "urn:x:y"}, "MATCH_epcClass"),
        ({"EQ_bizStep": "flying"}, "EQ_bizStep"),
        ({"EQ_disposition": ""}, "EQ_disposition"),
        ({"EQ_action": "MAYBE"}, "EQ_action"),
        ({"eventType": "Event"}, "eventType"),
        ({"GE_eventTime": "yesterday"}, "GE_eventTime"),
        ({"EQ_eventID": "no uri"}, "EQ_eventID"),
        ({"EQ_readPoint": "no uri"}, "EQ_readPoint"),
        ({"MATCH_anyEPC": "parcel"}, "MATCH_anyEPC"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:9521141.012345.*"}, "MATCH_epc"),
        ({"perPage": "0"}, "perPage"),
        ({"perPage": "1001"}, "perPage"),
        ({"orderDirection": "ASC"}, "orderDirection"),
        ({"orderBy": "size"}, "orderBy"),
        ({"EQ_eventID": "urn:x:\x00"}, "EQ_eventID"),
    ],
)
async def test_a_wrong_parameter_is_named(
    carrier: httpx.AsyncClient, query: dict[str, str], name: str
) -> None:
    answer = await carrier.get("/epcis/events", params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["parameter"] == name


async def test_events_of_documents_with_other_prefixes_stand_on_different_pages(
    carrier: httpx.AsyncClient,
) -> None:
    for namespace in ("https://one.example/", "https://two.example/"):
        body = document(
            event(parcel(), **{"ex:note": namespace}),
            context=[EPCIS_CONTEXT, {"ex": namespace}],
        )
        assert (await carrier.post("/epcis/capture", json=body)).status_code == 202
    url: str | None = "/epcis/events"
    pages = []
    while url:
        answer = await carrier.get(url)
        pages.append(answer.json())
        url = answer.links.get("next", {}).get("url")
    assert len(pages) == 2
    for page in pages:
        (one,) = page["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert page["@context"] == [EPCIS_CONTEXT, {"ex": one["ex:note"]}]


async def test_the_context_of_a_stored_event_can_be_read(carrier: httpx.AsyncClient) -> None:
    context = [EPCIS_CONTEXT, {"ex": "https://three.example/"}]
    sent = await carrier.post(
        "/epcis/capture", json=document(event(parcel(), eventID="urn:uuid:c-1"), context=context)
    )
    assert sent.status_code == 202
    back = await carrier.get("/epcis/events/urn:uuid:c-1")
    assert back.headers["content-type"] == "application/json"
    raw = await carrier.get(back.links["describedby"]["url"])
    assert json.loads(raw.content) == context
    missing = await carrier.get(f"/v1/contexts/{'0' * 64}")
    assert missing.status_code == 404


async def test_an_identifier_is_found_in_any_spelling(service: ServiceUnderTest) -> None:
    pairs = json.loads(
        (shared_data("epcis-event-hash-generator") / "dl_normaliser_pairs.json").read_text()
    )
    carrier = await service.new_carrier()
    urns = [urn for urn, link in _pairs(pairs) if urn.startswith("urn:epc:id:")]
    assert len(urns) > 20
    for urn, link in _pairs(pairs):
        if urn not in urns:
            continue
        (sent,) = await captured(carrier, event(urn))
        for spelling in (urn, link):
            url = f"/epcis/epcs/{quote(spelling, safe='')}/events"
            assert sent in events(await carrier.get(url)), spelling


def _pairs(pairs: Any) -> list[tuple[str, str]]:
    if isinstance(pairs, dict):
        return [(str(urn), str(link)) for urn, link in pairs.items()]
    return [(str(pair[0]), str(pair[1])) for pair in pairs]
