"""Documents read in a process of their own, so that a large one takes no time of the API's.

Over the pipes go frames: eight bytes of length, big-endian, and so many bytes. A request is one
frame, the pickle of document, submission, limits and share. The answer is the pickle of the document's
context, then of its events, :data:`EVENTS_AT_ONCE` in each frame, and an empty frame; or an empty
frame alone, where the document has faults: whoever asked reads it again, to tell them. Pickles
are made and read by the same program, on pipes that nobody else has.
"""

import pickle
from collections.abc import Iterator
from typing import BinaryIO, Final

from provenance.intake.document import Share, parse_document
from provenance.intake.errors import RefusedError
from provenance.intake.event import Submission
from provenance.intake.limits import IntakeLimits

LENGTH_BYTES: Final = 8
EVENTS_AT_ONCE: Final = 250
"""Events of one frame: a millisecond for whoever reads it."""


def framed(data: bytes) -> bytes:
    """``data`` behind its length."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def request(data: bytes, submission: Submission, limits: IntakeLimits, share: Share) -> bytes:
    """Frame that asks for a document, or a share of it, to be read."""
    return framed(pickle.dumps((data, submission, limits, share), pickle.HIGHEST_PROTOCOL))


def answer(asked: bytes) -> Iterator[bytes]:
    """Frames of the answer to the content of a request's frame."""
    data, submission, limits, share = pickle.loads(asked)  # noqa: S301 - of our own parent
    try:
        document = parse_document(data, submission=submission, limits=limits, share=share)
        events = document.require_valid()
    except RefusedError:
        yield framed(b"")
        return
    yield framed(pickle.dumps(document.context, pickle.HIGHEST_PROTOCOL))
    for start in range(0, len(events), EVENTS_AT_ONCE):
        some = events[start : start + EVENTS_AT_ONCE]
        yield framed(pickle.dumps(some, pickle.HIGHEST_PROTOCOL))
    yield framed(b"")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until the other side closes its end, or ends."""
    while length := requests.read(LENGTH_BYTES):
        asked = requests.read(int.from_bytes(length, "big"))
        for frame in answer(asked):
            answers.write(frame)
            # The other side takes one frame while the next is made.
            answers.flush()
