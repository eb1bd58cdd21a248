"""``python -m provenance.intake``: read documents for the process that started this one."""

import gc
import os
import signal
import sys

from provenance.intake.apart import serve


def main() -> None:
    """Serve on standard input and output."""
    # Ctrl-C goes to all processes of a terminal; it is for the one that started this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # Nothing but answers goes into the pipe.
    with os.fdopen(os.dup(1), "wb", buffering=1 << 20) as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
