"""Archives within an image or a PDF, found while its bytes stream by.

Whoever reads ZIP looks for the end record in the last 64 KiB, and from there for the directory in
front of it, whatever lies around both. How strictly they hold the record against the directory
differs, so that any end record behind any directory counts. Readers of RAR and 7-Zip look for a
signature from the beginning on.
"""

from typing import Final

_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_SIZE: Final = 22
_ZIP_DIRECTORY: Final = b"PK\x01\x02"
_OTHERS: Final = (("RAR", b"Rar!\x1a\x07"), ("7-Zip", b"7z\xbc\xaf\x27\x1c"))
_LONGEST: Final = 6


class Archives:
    """Looks for archives; ``feed`` takes a document's bytes in order."""

    def __init__(self) -> None:
        self._held = b""
        self._has_directory = False
        self._found: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._held + data
        self._held = data[-(_LONGEST - 1) :]
        self._has_directory = self._has_directory or _ZIP_DIRECTORY in data
        if self._found is None:
            self._found = next((name for name, start in _OTHERS if start in data), None)

    @property
    def other(self) -> str | None:
        """Name of an archive that is no ZIP; None where there is none."""
        return self._found

    def has_zip(self, tail: bytes) -> bool:
        """Whether it is a ZIP besides, of which the last bytes are ``tail``.

        A record that the end cuts off is none for any reader.
        """
        whole = tail[: max(0, len(tail) - _ZIP_END_SIZE + len(_ZIP_END))]
        return self._has_directory and _ZIP_END in whole
