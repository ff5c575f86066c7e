"""The explanations behind the codes of diagnostics: one Markdown file each, read when asked for."""

from __future__ import annotations

from pathlib import Path

from .suggest import nearest

EXPLANATIONS = Path(__file__).parent / "explanations"


def codes() -> tuple[str, ...]:
    """All codes that have an explanation, in order."""
    return tuple(sorted(path.stem for path in EXPLANATIONS.glob("S[0-9][0-9][0-9][0-9].md")))


def explain(code: str) -> str | None:
    """The explanation of a code, also of `s12` or `12`; None where there is no such code."""
    digits = code.strip().upper().removeprefix("S")
    if not (digits.isascii() and digits.isdigit()):
        return None
    path = EXPLANATIONS / f"S{digits.zfill(4)}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def title(code: str) -> str | None:
    """The first line of an explanation."""
    text = explain(code)
    return text.split("\n", 1)[0] if text is not None else None


def nearest_code(code: str) -> str | None:
    """The code that was probably meant."""
    return nearest(code.strip().upper(), codes())
