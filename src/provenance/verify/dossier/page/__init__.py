"""The page that verifies dossiers in a browser: one file, built from ``verifier/``.

Its SHA-256 stands beside it and is published with each release, so that a copy can be kept and
checked apart from any dossier.
"""

from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).with_name("dossier-verifier.html")
"""The built page."""
PAGE_SHA256: Final = PAGE.with_name("dossier-verifier.html.sha256")
"""A line of ``sha256sum`` for it."""
