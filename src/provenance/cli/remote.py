"""A service at a URL, and the key for it: from options, environment, or the data folder."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import typer

from provenance.cli.exits import USAGE, fail
from provenance.cli.wording import web_address

if TYPE_CHECKING:
    import httpx

URL_OPTION: Final = typer.Option(
    metavar="URL",
    envvar="PROVENANCE_URL",
    callback=web_address,
    help="The service; else the data folder's.",
)
KEY_OPTION: Final = typer.Option(
    metavar="KEY", envvar="PROVENANCE_KEY", help="An API key; else the data folder's."
)
_TOLD: Final = 5
"""Errors of one refusal that are told."""
_REQUEST_S: Final = 120.0
"""A large capture is answered after its commit."""


class Service:
    """HTTP client of one service that waits when it is told to. Use as a context manager."""

    def __init__(self, url: str, key: str, *, patience: float) -> None:
        import httpx

        self._patience = patience
        self._http = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=_REQUEST_S
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Callable[[], Iterator[bytes]] | None = None,
        **arguments: Any,
    ) -> "httpx.Response":
        """Send a request; waits and repeats where the service says when to come back.

        Every request that this is used for may be repeated: reads, and what carries an
        Idempotency-Key. ``body`` begins a long body anew for each try.
        """
        import httpx

        deadline = time.monotonic() + self._patience
        while True:
            if body is not None:
                arguments["content"] = body()
            try:
                answer = self._http.request(method, path, **arguments)
                pause = pause_of(answer)
                if pause is None:
                    return answer
            except httpx.TransportError as error:
                if time.monotonic() >= deadline:
                    fail(f"{self._http.base_url} cannot be reached: {error}")
                pause = 1.0
            else:
                if time.monotonic() + pause >= deadline:
                    return answer
            time.sleep(pause)

    @contextmanager
    def receive(
        self, path: str, *, method: str = "GET", **arguments: Any
    ) -> "Iterator[httpx.Response]":
        """Answer whose body is not read yet."""
        import httpx

        try:
            with self._http.stream(method, path, **arguments) as answer:
                yield answer
        except httpx.TransportError as error:
            fail(f"{self._http.base_url}: the answer was cut off: {error}")


def open_service(url: str | None, key: str | None, *, role: str, patience: float) -> Service:
    """Service at ``url`` with ``key``; what is missing comes from the credentials file.

    A key out of that file is only ever sent to the service that it is of.
    """
    from provenance.cli.stores import read_settings

    if url is None or key is None:
        path = read_settings().data_dir / "credentials.json"
        kept = _credentials(path)
        if key is None and url not in {None, kept["api_url"]}:
            fail(f"the keys in {path} are for {kept['api_url']}: give --key", code=USAGE)
        url, key = url or kept["api_url"], key or kept["keys"][role]
    return Service(url, key, patience=patience)


def problem(answer: "httpx.Response") -> str:
    """What a problem document (RFC 9457) says, in one line."""
    try:
        value = answer.json()
        faults = [_fault(item) for item in value.get("errors", ())]
        # The detail of what has several errors is the first of them again.
        told = faults[:_TOLD] or [value["detail"]]
        if len(faults) > _TOLD:
            told.append(f"and {len(faults) - _TOLD} more")
        return "; ".join(told)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"status {answer.status_code}"


def _fault(error: Mapping[str, str]) -> str:
    """One error of a problem document, behind the field or parameter that it is about."""
    place = error.get("pointer") or error.get("parameter")
    return f"{place}: {error['detail']}" if place else error["detail"]


def pause_of(answer: "httpx.Response") -> float | None:
    """Seconds after which a service wants to be asked again; None: it does not."""
    if answer.status_code not in {409, 429, 503} or "retry-after" not in answer.headers:
        return None
    try:
        return min(max(float(answer.headers["retry-after"]), 0.1), 30.0)
    except ValueError:
        return 1.0


def _credentials(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fail(
            f"there is no {path}: set PROVENANCE_DATA to the service's data folder (.provenance "
            "where it was started), or give --url and --key",
            code=USAGE,
        )
    except (OSError, ValueError) as error:
        fail(f"{path} cannot be read: {error}")
    return value
