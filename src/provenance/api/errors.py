"""What is wrong with a request before anything below is asked."""

from provenance.api.times import iso
from provenance.core.errors import ProvenanceError
from provenance.intake.errors import ReservedSubjectError


class ApiError(ProvenanceError):
    """Root of this package's errors."""

    code = "request-refused"


class UnauthenticatedError(ApiError):
    """No API key, or one that is unknown or revoked."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "a valid API key is needed; send it as `Authorization: Bearer prov_…`, or ask the "
            "operator for one"
        )


class ForbiddenError(ApiError):
    """The key's role may not do this."""

    code = "forbidden"


class MissingError(ApiError):
    """There is no such thing, or it is not for this key; the two are not told apart."""

    code = "not-found"


class ParameterError(ApiError):
    """A query parameter or header that is wrong; ``name`` is its name."""

    code = "bad-parameter"

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class ReservedParameterError(ParameterError):
    """A name that the service gives itself, as the subject of what somebody submits."""

    code = ReservedSubjectError.code


class UnsupportedParameterError(ParameterError):
    """A query parameter that this operation does not have."""

    code = "unsupported-parameter"


class MediaTypeError(ApiError):
    """A body of a media type that the operation does not take."""

    code = "unsupported-media-type"

    def __init__(self, found: str, *, accepted: tuple[str, ...]) -> None:
        super().__init__(
            f"Content-Type {found[:80]!a} is not taken here; send {' or '.join(accepted)}, in UTF-8"
        )
        self.accepted = accepted


class ContentCodingError(ApiError):
    """A compressed body: its size could not be bounded before it is unpacked."""

    code = "unsupported-content-coding"

    def __init__(self, found: str) -> None:
        super().__init__(f"Content-Encoding {found[:40]!a} is not taken; send the body as it is")


class BodyTooLargeError(ApiError):
    """A body above its bound; it was not read to its end."""

    code = "body-too-large"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes; split it")
        self.limit = limit


class IncompleteBodyError(ApiError):
    """The client went away before its body was complete."""

    code = "incomplete-body"


class BodyTimeoutError(ApiError):
    """A body that did not arrive in time."""

    code = "body-timeout"

    def __init__(self, *, seconds: int) -> None:
        super().__init__(f"the body did not arrive within {seconds} s; send it faster or split it")


class ErasedError(ApiError):
    """It was recorded, and was erased since.

    ``at`` (milliseconds since the epoch) and ``ground`` are there once the log says so.
    """

    code = "erased"

    def __init__(self, what: str, *, at: int | None = None, ground: str | None = None) -> None:
        when = "" if at is None else f" at {iso(at)}, ground {ground}"
        super().__init__(f"{what} was erased{when}; its receipts still verify")


class RangeError(ApiError):
    """A range of bytes that the document does not have; ``size`` is its size."""

    code = "bad-range"

    def __init__(self, *, size: int) -> None:
        super().__init__(f"the document has {size} bytes; ask for a range within them")
        self.size = size
