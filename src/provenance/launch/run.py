"""``provenance run``: the whole service in the foreground, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable

from provenance.erasure.periods import read_periods
from provenance.evidence.rules import load_rules
from provenance.launch.stack import Addresses, Stack
from provenance.settings import Settings

Say = Callable[[str], None]


async def run(settings: Settings, *, say: Say) -> None:
    """Start everything, say where it is, and stop it cleanly on SIGINT or SIGTERM.

    Raises:
        RulesError: the carrier's terms are wrong; said before anything is started.
        RetentionError: the retention periods are.

    """
    load_rules(settings.carrier_terms)
    read_periods(settings.retention)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Stack(settings, report=lambda line: say(f"  {line}")) as stack:
        starting = asyncio.create_task(stack.start())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            stopped.cancel()
            say(_summary(starting.result()))
            await stopping.wait()
        else:
            starting.cancel()
            await asyncio.wait({starting})
        say("\nstopping: what was accepted is finished first")
    say("stopped")


def _summary(addresses: Addresses) -> str:
    """Where everything is."""
    lines = [
        "",
        "Provenance is running. Ctrl-C stops it; the next `make run` finds everything again.",
        "",
        f"  API          {addresses.api_url}   (description at {addresses.api_url}/docs)",
        f"  chain RPC    {addresses.rpc_url}",
        f"  trust file   {addresses.trust_file}",
        f"  API keys     {addresses.credentials}   (one for each role; keep it private)",
        f"  metrics      {addresses.api_url}/metrics, {addresses.metrics_url}",
        f"  logs         {addresses.trust_file.parent / 'run'}",
    ]
    if addresses.settings.local_chain:
        lines += [
            "",
            "  The chain runs on this machine alone: a demonstration, not evidence. Set RPC_URL to",
            "  anchor on a chain that you do not control.",
        ]
    return "\n".join(lines)
