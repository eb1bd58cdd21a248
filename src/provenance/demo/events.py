"""EPCIS documents of made-up parcels: places, identifiers and the common shape of events.

Identifiers stand under 952, the prefix that GS1 keeps for examples. There are no personal data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Final
from uuid import UUID

import msgspec

COMPANY: Final = "9521141"
CONTEXT: Final = (
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"parcel": "https://example.com/parcel/"},
)
Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """A depot, hub or office; ``utc_offset`` in minutes."""

    name: str
    sgln: str
    utc_offset: int


def place(number: int, name: str, utc_offset: int) -> Place:
    """Place with the SGLN of location reference ``number``."""
    return Place(name=name, sgln=f"urn:epc:id:sgln:{COMPANY}.{number:05}.0", utc_offset=utc_offset)


PLACES: Final[Mapping[str, Place]] = {
    "pickup": place(101, "Depot Shenzhen Nanshan", 480),
    "origin": place(102, "Sorting hub Shenzhen Bao'an", 480),
    "transit": place(201, "Sorting hub Leipzig", 120),
    "customs": place(202, "Customs office Leipzig Airport", 120),
    "local": place(301, "Delivery depot Hamburg", 120),
    "door": place(401, "Consignee Hamburg", 120),
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel: its SSCC as URN, and the number on its waybill."""

    sscc: str
    waybill: str
    weight_grams: int


def make_parcel(random: Random) -> Parcel:
    """Draw a parcel."""
    serial = random.randrange(10**9)
    return Parcel(
        sscc=sscc(0, serial),
        waybill=f"SZ{random.randrange(10**9):09}DE",
        weight_grams=random.randrange(80, 20_000),
    )


def sscc(extension: int, serial: int) -> str:
    """EPC URN of the SSCC with this extension digit and serial reference."""
    return f"urn:epc:id:sscc:{COMPANY}.{extension}{serial:09}"


def iso_time(at: int, *, utc_offset: int) -> str:
    """ISO 8601 time of ``at``, milliseconds since the epoch, in a zone of ``utc_offset`` minutes."""
    zone = timezone(timedelta(minutes=utc_offset))
    moment = datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def event_id(random: Random) -> str:
    """Draw a UUID of version 4."""
    return UUID(int=random.getrandbits(128), version=4).urn


def scan(
    random: Random,
    *,
    at: int,
    where: Place,
    step: str,
    disposition: str,
    epcs: Sequence[str],
    waybills: Sequence[str] = (),
    action: str = "OBSERVE",
) -> Event:
    """Object event: these things were seen there."""
    event = _when_and_where(random, kind="ObjectEvent", at=at, where=where)
    event |= {
        "epcList": list(epcs),
        "action": action,
        "bizStep": step,
        "disposition": disposition,
    }
    if waybills:
        event["bizTransactionList"] = [
            {"type": "bol", "bizTransaction": waybill} for waybill in waybills
        ]
    return event


def packing(
    random: Random, *, at: int, where: Place, parent: str, children: Sequence[str], is_out: bool
) -> Event:
    """Aggregation event: parcels go into a container, or come out of it."""
    event = _when_and_where(random, kind="AggregationEvent", at=at, where=where)
    return event | {
        "parentID": parent,
        "childEPCs": list(children),
        "action": "DELETE" if is_out else "ADD",
        "bizStep": "unpacking" if is_out else "packing",
        "disposition": "in_progress",
    }


def declare_error(event: Mapping[str, object], *, at: int, corrected_by: Sequence[str]) -> Event:
    """Error declaration for ``event``: the same event again, with the same id (EPCIS, 7.4.1.2)."""
    return {
        **event,
        "errorDeclaration": {
            "declarationTime": iso_time(at, utc_offset=0),
            "reason": "incorrect_data",
            "correctiveEventIDs": list(corrected_by),
        },
    }


def document(events: Sequence[Mapping[str, object]], *, at: int) -> bytes:
    """Bytes of an EPCISDocument with ``events``, made at ``at`` (milliseconds)."""
    return msgspec.json.encode(
        {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": iso_time(at, utc_offset=0),
            "epcisBody": {"eventList": events},
        }
    )


def _when_and_where(random: Random, *, kind: str, at: int, where: Place) -> Event:
    time = iso_time(at, utc_offset=where.utc_offset)
    return {
        "type": kind,
        "eventID": event_id(random),
        "eventTime": time,
        "eventTimeZoneOffset": time[-6:],
        "readPoint": {"id": where.sgln},
        "bizLocation": {"id": where.sgln},
    }
