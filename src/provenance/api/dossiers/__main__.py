"""``python -m provenance.api.dossiers``: writes dossiers to standard output, one after the other.

Settings and order come as a line of JSON on standard input: neither is seen in a list of processes.
Lines of JSON go out first; the last of them says that the dossier follows, or why there is none.
The process ends with its input, and where a dossier that has begun cannot be written to its end.
"""

import gc
import os
import signal
import sys
from typing import BinaryIO, Final

import msgspec
import uvloop

from provenance.api.dossiers.order import ERASED_MEANWHILE, Begins, Line, Order
from provenance.api.dossiers.refusals import ErasedMeanwhileError, refused
from provenance.api.dossiers.writing import DossierWriter, WriterParts
from provenance.api.server import open_services
from provenance.chain.client import ChainClient
from provenance.evidence.timelines.contexts import Contexts, ContextStore
from provenance.settings import Settings
from provenance.wiring.chain import file_keys
from provenance.wiring.logging import set_up_logging
from provenance.wiring.logs import signer_for

LESS_URGENT: Final = 5
"""Steps of niceness below those who answer requests."""
_BUFFER: Final = 1 << 20

_encode = msgspec.json.Encoder().encode


class Work(msgspec.Struct, frozen=True):
    """What this process is started for; ``settings`` are the service's."""

    settings: dict[str, object]
    order: Order


class PipeChannel:
    """Lines, and then the dossier, on one pipe."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self.has_begun = False

    def tell(self, line: Line) -> None:
        """Send one line now."""
        self.has_begun = isinstance(line, Begins)
        self._pipe.write(_encode(line) + b"\n")
        self._pipe.flush()

    def write(self, data: bytes, /) -> None:
        """Send a part of the dossier."""
        self._pipe.write(data)


async def write_one(work: Work, channel: PipeChannel) -> None:
    """Write what ``work`` orders, or tell why not.

    Raises:
        Exception: what happens once the dossier has begun; whoever reads it sees that it ends.

    """
    settings = Settings.model_validate(work.settings)
    try:
        async with open_services(settings) as services:
            assert settings.rpc_url is not None
            chain = ChainClient(settings.rpc_url)
            parts = WriterParts(
                services=services,
                contexts=Contexts(ContextStore(services.engine), limits=services.intake),
                chain=chain,
                signer=signer_for(services.log.origin, file_keys(settings)),
            )
            try:
                await DossierWriter(parts).write(work.order, channel)
            finally:
                await chain.aclose()
    except BrokenPipeError:
        # Whoever asked has gone away.
        raise SystemExit(1) from None
    except Exception as error:
        if channel.has_begun and isinstance(error, ErasedMeanwhileError):
            raise SystemExit(ERASED_MEANWHILE) from None
        if channel.has_begun:
            raise
        channel.tell(refused(error, work.order.reference))


async def serve(pipe: BinaryIO) -> None:
    """Do what each line of the input orders."""
    gc.freeze()
    # Nothing else goes on here while it waits for a line.
    while line := sys.stdin.buffer.readline():
        await write_one(msgspec.json.decode(line, type=Work), PipeChannel(pipe))
        pipe.flush()
        gc.collect()


def main() -> None:
    """Serve whoever has started this process, until it closes its end."""
    set_up_logging()
    os.nice(LESS_URGENT)
    # Ctrl-C goes to all processes of a terminal; it is for the one that started this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nothing but the channel writes to the pipe.
    with os.fdopen(os.dup(1), "wb", buffering=_BUFFER) as pipe:
        os.dup2(2, 1)
        uvloop.run(serve(pipe))


if __name__ == "__main__":
    main()
