"""Golden files: what is printed must equal what was printed; `GOLDEN=write pytest` writes it anew."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Compare a text with `golden/<name>`, or write it there."""
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {name}: run with GOLDEN=write and read it"
    assert text == path.read_text(encoding="utf-8")
