"""Builds the page that verifies dossiers: one HTML file with everything inlined.

``make page`` runs it; with ``--check`` it compares the committed page and its published SHA-256
with what the sources lead to. The bundler and the hash library are pinned in
``verifier/package-lock.json``.
"""

import argparse
import base64
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "verifier"
PAGE = ROOT / "src" / "provenance" / "verify" / "dossier" / "page" / "dossier-verifier.html"
PUBLISHED = PAGE.with_name("dossier-verifier.html.sha256")


def build() -> bytes:
    """The page's bytes."""
    bundler = SOURCE / "node_modules" / ".bin" / "esbuild"
    if not bundler.exists():
        sys.exit("the bundler is missing: run `npm ci --ignore-scripts` in verifier/")
    command = [
        bundler, "src/view.js", "--bundle", "--format=esm", "--target=es2022", "--minify-syntax",
        "--charset=utf8", "--legal-comments=inline", "--log-level=error",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=SOURCE, check=True, capture_output=True)
    # A closing tag inside the script would end it.
    script = done.stdout.decode().replace("</script", "<\\/script")
    style = (SOURCE / "style.css").read_text(encoding="utf-8")
    page = (SOURCE / "page.html").read_text(encoding="utf-8")
    parts = {
        "STYLE_HASH": _hash(style),
        "SCRIPT_HASH": _hash(script),
        "STYLE": style,
        "SCRIPT": script,
    }
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page.encode()


def published(page: bytes) -> str:
    """Line of ``sha256sum``."""
    return f"{hashlib.sha256(page).hexdigest()}  {PAGE.name}\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, change nothing")
    page = build()
    if not parser.parse_args().check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_bytes(page)
        PUBLISHED.write_text(published(page), encoding="ascii")
    elif PAGE.read_bytes() != page or PUBLISHED.read_text(encoding="ascii") != published(page):
        sys.exit("the committed page is not what its sources lead to: run `make page`")
    print(published(page), end="")


if __name__ == "__main__":
    main()
