"""Write the golden vectors to ``tests/vectors``; ``--check`` only compares.

They are for whoever writes another reader of the formats of ``docs/formats.md``: each file has
good cases and named corruptions, with what each must lead to. Keys and salts are fixed, so that
the files come out the same each time.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "vectors"
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from vectors import json_formats, notes_and_trees, receipts  # noqa: E402  # path set above

FILES: dict[str, Callable[[], Any]] = {
    "jcs": json_formats.jcs_cases,
    "statement": json_formats.statement_cases,
    "entry": json_formats.entry_cases,
    "note": notes_and_trees.note_cases,
    "text": notes_and_trees.text_cases,
    "tile": notes_and_trees.tile_cases,
    "tree": notes_and_trees.tree_cases,
    "disclosure": notes_and_trees.disclosure_cases,
    "receipt": receipts.receipt_cases,
    "trust": receipts.trust_cases,
}


def contents(name: str) -> bytes:
    """Bytes of one file."""
    return (json.dumps(FILES[name](), indent=1, ensure_ascii=True) + "\n").encode()


def outdated() -> list[str]:
    """Names of the files that are not what they should be."""
    paths = {name: FOLDER / f"{name}.json" for name in FILES}
    strange = {path.stem for path in FOLDER.glob("*.json")} - FILES.keys()
    return sorted(strange) + [
        name
        for name, path in paths.items()
        if not path.is_file() or path.read_bytes() != contents(name)
    ]


def main(arguments: list[str]) -> int:
    """Write or compare; 1 if a comparison fails."""
    if "--check" in arguments:
        different = outdated()
        if different:
            print(f"differ: {', '.join(different)}; run scripts/make_vectors.py")
        return 1 if different else 0
    for name in FILES:
        (FOLDER / f"{name}.json").write_bytes(contents(name))
    print(f"wrote {len(FILES)} files to {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
