"""A headless Chromium without a network, and the verifier's page in it, by Chromium's own protocol.

The page is opened from the disk; every name resolves to nothing and the page is told that it is
offline, so that whatever it finds it finds by itself. The protocol is that of the Chrome DevTools.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from provenance.core.errors import ProvenanceError

FLAGS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-port=0",
)
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LISTENS: Final = b"DevTools listening on "
_START_S: Final = 30
_PATIENCE_S: Final = 90
_VERIFY: Final = """\
new Promise((done) => {
  const blocks = document.getElementById('blocks');
  blocks.value = %s;
  blocks.dispatchEvent(new Event('input', { bubbles: true }));
  const button = document.getElementById('verify');
  const look = () => {
    const found = document.getElementById('json');
    if (found) { done(found.textContent); return; }
    // The report for programs is made when somebody opens it.
    const details = document.querySelector('#result > details');
    if (details) details.open = true;
    if (!button.disabled && !look.clicked) { look.clicked = true; button.click(); }
    setTimeout(look, 50);
  };
  look();
})
"""


class BrowserError(ProvenanceError):
    """The browser could not be started, or did not do what it was asked."""

    code = "browser-failed"


def find_browser() -> str | None:
    """Path of Chromium: ``$CHROMIUM``, else an installed one, else None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


async def verify_in_browser(
    program: str, page: Path, *, dossier: Path, trust: Path, blocks: Sequence[bytes]
) -> dict[str, Any]:
    """Open ``page``, give it the files and block hashes; returns the result that it shows.

    All paths are absolute.

    Raises:
        BrowserError: the browser could not be started, or the page shows no result.

    """
    try:
        async with asyncio.timeout(_PATIENCE_S), _running(program) as address, _tab(address) as tab:
            await tab.ask("Page.enable")
            await tab.ask("Network.enable")
            offline = {"offline": True, "latency": 0, "downloadThroughput": 0}
            await tab.ask("Network.emulateNetworkConditions", **offline, uploadThroughput=0)
            await tab.ask("Page.navigate", url=page.as_uri())
            await tab.wait_for("Page.loadEventFired")
            await tab.give("#dossier", dossier)
            await tab.give("#trust", trust)
            text = json.dumps(" ".join(block.hex() for block in blocks))
            shown = await tab.ask(
                "Runtime.evaluate",
                expression=_VERIFY % text,
                awaitPromise=True,
                returnByValue=True,
            )
            found: dict[str, Any] = json.loads(shown["result"]["value"])
            return found
    except TimeoutError:
        raise BrowserError(f"{program} showed no result within {_PATIENCE_S} s") from None
    except (OSError, aiohttp.ClientError, KeyError, ValueError) as error:
        raise BrowserError(f"{program}: {type(error).__name__}: {error}") from None


@asynccontextmanager
async def _running(program: str) -> AsyncIterator[str]:
    """A browser with a profile of its own; the address of its protocol."""
    # Its own sandbox does not work for root.
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with TemporaryDirectory(prefix="provenance-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *flags,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        reading: asyncio.Task[None] | None = None
        try:
            address = await asyncio.wait_for(_address(process.stderr), _START_S)
            reading = asyncio.create_task(_drain(process.stderr))
            yield address
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if reading is not None:
                await reading


async def _address(stream: asyncio.StreamReader) -> str:
    last = b""
    async for line in stream:
        if line.startswith(_LISTENS):
            return line.removeprefix(_LISTENS).strip().decode()
        last = line.strip() or last
    raise BrowserError(f"the browser could not be started: {last.decode(errors='replace')}")


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


class _Tab:
    """One page of a browser, asked one thing after the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._seen: set[str] = set()
        self.session: str | None = None

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self.session is not None:
            message["sessionId"] = self.session
        await self._socket.send_json(message)
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                result: dict[str, Any] = answer["result"]
                return result
            self._seen.add(answer.get("method", ""))

    async def wait_for(self, event: str) -> None:
        while event not in self._seen:
            self._seen.add((await self._socket.receive_json()).get("method", ""))

    async def give(self, selector: str, path: Path) -> None:
        """Choose a file, as a person does."""
        root = (await self.ask("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.ask("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.ask("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


@asynccontextmanager
async def _tab(address: str) -> AsyncIterator[_Tab]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        tab = _Tab(socket)
        target = (await tab.ask("Target.createTarget", url="about:blank"))["targetId"]
        attached = await tab.ask("Target.attachToTarget", targetId=target, flatten=True)
        tab.session = attached["sessionId"]
        yield tab
