"""The last acts of the demonstration: a damaged parcel becomes a claim, and the claim one file.

A carrier and a claims officer act over HTTP; whoever gets the file has nothing but it, a trust
file and a block's hash, and asks neither the service nor its database.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from provenance.chain.client import ChainClient
from provenance.core.digests import sha256
from provenance.demo.browser import BrowserError, find_browser, verify_in_browser
from provenance.demo.client import DemoClient, DemoError
from provenance.demo.events import PLACES, Parcel, document, scan
from provenance.demo.papers import CONSIGNEE, CURRENCY, VALUE, make_papers
from provenance.intake.documents.types import document_types
from provenance.launch.stack import Addresses
from provenance.verify.dossier.closing import MAX_CLOSING, Closing
from provenance.verify.dossier.container import Container
from provenance.verify.dossier.manifest import FIXED_NAMES
from provenance.verify.dossier.page import PAGE, PAGE_SHA256

_PATIENCE_S: Final = 60.0
_TONES: Final = {"present": "green", "missing": "red", "late": "yellow"}
Act = Callable[[int, str, str], None]
"""Prints the title of an act."""


@dataclass(frozen=True, slots=True)
class ClaimPlay:
    """The claim of one parcel; ``act`` prints titles, ``first`` is the number of the first one."""

    carrier: DemoClient
    officer: DemoClient
    addresses: Addresses
    console: Console
    act: Act
    first: int

    async def perform(self, parcel: Parcel, *, random: Random) -> None:
        """Tell the claim of ``parcel``.

        Raises:
            DemoError: something is not as it should be.

        """
        await self._damage(parcel, random)
        case = await self._claim(parcel)
        path = await self._write(case)
        await self._verify(path)

    async def _damage(self, parcel: Parcel, random: Random) -> None:
        self.act(self.first, "A parcel arrived damaged", "documents join the log beside the events")
        at = time.time_ns() // 1_000_000
        found = scan(
            random,
            at=at,
            where=PLACES["door"],
            step="inspecting",
            disposition="damaged",
            epcs=[parcel.sscc],
            waybills=[parcel.waybill],
        )
        (captured,), _ = await self.carrier.capture(document([found], at=at), [found])
        self.console.print(
            f"   inspecting, damaged              entry   {captured.first_index}, "
            f"waybill {parcel.waybill}\n",
            highlight=False,
        )
        names = document_types()
        for paper in make_papers(parcel, delivered_at=at, random=random):
            sender = self.carrier if paper.by == "carrier" else self.officer
            added = await sender.upload(paper, parcel.waybill)
            self.console.print(
                f"   {paper.filename:<24} {paper.code} {names[paper.code]:<34} "
                f"entry {added['first_index']:>3}  SHA-256 {added['sha256'][:12]}…",
                highlight=False,
            )

    async def _claim(self, parcel: Parcel) -> str:
        self.act(
            self.first + 1,
            "A claims officer opens a case",
            "the checklist fills itself from the log",
        )
        case = await self.officer.open_case(
            {
                "claim": "damage",
                "shipments": [parcel.waybill],
                "claimant": CONSIGNEE,
                "carriage": ["air"],
                "zone": "Europe/Berlin",
                "amounts": [{"role": "claimed", "currency": CURRENCY, "value": VALUE}],
                "author": "A. Officer",
            }
        )
        await self._wait_for_anchor(case["first_index"] + case["count"])
        found = await self.officer.case(case["case"])
        self._tell(found)
        states = {line["id"]: line["state"] for line in found["assessment"]["checklist"]}
        needed = ("transport-document", "delivered", "complaint", "invoice", "damage-report")
        if any(states[name] != "present" for name in needed):
            raise DemoError(f"the checklist is not filled: {states}")
        name: str = case["case"]
        return name

    def _tell(self, found: Mapping[str, Any]) -> None:
        assessment = found["assessment"]
        table = Table(box=None, pad_edge=False, show_header=False)
        for line in assessment["checklist"]:
            state = line["state"]
            records = ", ".join(str(one["first_index"]) for one in line.get("filled_by", ()))
            table.add_row(
                f"   [{_TONES.get(state, 'yellow')}]{state}[/]",
                line["title"],
                line["need"],
                f"entry {records}" if records else "",
            )
        self.console.print(table, highlight=False)
        for clock in assessment["clocks"]:
            if clock["state"] != "not_computable":
                self.console.print(
                    f"   {clock['title']}: {clock['state']}, last day {clock['last_day']} "
                    f"({clock['start']['zone']})",
                    highlight=False,
                )
        for check in assessment["cross_checks"]:
            if check["verdict"] == "differs":
                said = "; ".join(
                    f"entry {one['first_index']} says {one['value']}" for one in check["stated"]
                )
                self.console.print(
                    f"   [yellow]differs[/yellow]: {check['title']}: {said}", highlight=False
                )

    async def _write(self, case: str) -> Path:
        self.act(
            self.first + 2, "The case becomes one file", "a dossier, which outlives the service"
        )
        path = self.addresses.trust_file.parent / f"dossier-{case[-8:]}.zip"
        began = time.monotonic()
        data = await self.officer.dossier(case, seconds=_PATIENCE_S)
        await asyncio.to_thread(path.write_bytes, data)
        self.console.print(
            f"   {path.name}: {len(data):,} bytes, written in {time.monotonic() - began:.1f} s, "
            f"SHA-256 {sha256(data).hex()[:16]}…",
            highlight=False,
        )
        return path

    async def _verify(self, path: Path) -> None:
        self.act(self.first + 3, "Whoever gets it verifies it", "file, trust file and a block hash")
        block = await self._closing_block(path)
        flipped = await asyncio.to_thread(_flipped, path)
        code, said = await self._by_command(path, block)
        if code != 0:
            raise DemoError(f"the command line does not verify the dossier: {said}")
        self.console.print(f"   command line: [green]VALID[/green], {_checks(said)}")
        code, said = await self._by_command(flipped, block)
        if code not in {1, 4}:
            raise DemoError(f"a changed bit was not found by the command line: {said}")
        self.console.print(f"   one bit changed: [red]INVALID[/red], {_refusal(said)}")
        await self._by_page(path, flipped, block)
        flipped.unlink()

    async def _by_page(self, path: Path, flipped: Path, block: bytes) -> None:
        program = find_browser()
        if program is None:
            self.console.print(
                "   no Chromium was found (Debian: chromium; or set CHROMIUM): open "
                f"{PAGE.name}\n   out of the dossier in a browser to verify it there, too"
            )
            return
        published = PAGE_SHA256.read_text(encoding="ascii").split()[0]
        if sha256(PAGE.read_bytes()).hex() != published:
            raise DemoError("the verifier's page is not the published one")
        trust = self.addresses.trust_file
        try:
            found = await verify_in_browser(
                program, PAGE, dossier=path, trust=trust, blocks=[block]
            )
            other = await verify_in_browser(
                program, PAGE, dossier=flipped, trust=trust, blocks=[block]
            )
        except BrowserError as error:
            self.console.print(f"   the page could not be shown: {error}", highlight=False)
            return
        if found["outcome"] != "VALID":
            raise DemoError(f"the page does not verify the dossier: {json.dumps(found)[:2_000]}")
        self.console.print(
            "   page in Chromium, network off: [green]VALID[/green], "
            f"{_checks(json.dumps(found))}\n   (the page has the published SHA-256 "
            f"{published[:16]}…)"
        )
        if other["outcome"] != "INVALID":
            raise DemoError("a changed bit was not found by the page")
        self.console.print(f"   one bit changed: [red]INVALID[/red], {_refusal(json.dumps(other))}")

    async def _closing_block(self, path: Path) -> bytes:
        """Hash of the closing block, from the chain and not from the dossier."""
        with path.open("rb") as file:
            container = Container(file)
            member = container.member(FIXED_NAMES["closing"])
            closing = Closing.decode(container.read(member, limit=MAX_CLOSING))
        chain = ChainClient(self.addresses.rpc_url)
        try:
            number = closing.anchor.block_number
            found = await chain.rpc.ask("eth_getBlockByNumber", hex(number), False)
        finally:
            await chain.aclose()
        self.console.print(f"   the chain says that block {number} is {found['hash'][:18]}…\n")
        return bytes.fromhex(found["hash"][2:])

    async def _by_command(self, path: Path, block: bytes) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "provenance.cli.main", "verify", str(path), "--json"),
            *("--trust", str(self.addresses.trust_file), "--block", block.hex()),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def _wait_for_anchor(self, size: int) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while await self.carrier.anchored_size() < size:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


def _flipped(path: Path) -> Path:
    """A copy of the dossier with one bit of a document changed."""
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        container = Container(file)
        first = next(one for one in container.members if one.name.startswith("documents/"))
    data[(first.start + first.end) // 2] ^= 1
    changed = path.with_name(f"{path.stem}-changed.zip")
    changed.write_bytes(data)
    return changed


def _checks(said: str) -> str:
    report = json.loads(said)
    checks = ", ".join(check["check"] for check in report["checks"])
    return f"{report['about']['entries']} entries; {checks}"


def _refusal(said: str) -> str:
    refused = json.loads(said)["refused"]
    return f"{refused['where']}: {refused['reason']}"
