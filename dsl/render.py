"""Diagnostics as people read them, and as programs do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .columns import shown, width_until
from .diagnostics import Diagnostic, Edit
from .edits import apply_edits
from .source import Source, Span

STYLES = {"error": "1;31", "warning": "1;33", "note": "1;34", "help": "1;36", "bold": "1"}
HELP_LINES = 8
"""Lines of an edited text shown, at most."""


@dataclass(frozen=True, slots=True)
class Paint:
    """Terminal colours, or none."""

    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.on and text else text


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one line to be underlined. Columns are offsets in the line."""

    line: int
    start: int
    end: int
    text: str
    main: bool


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics, one blank line between two, without a newline at the end."""
    return "\n\n".join(_one(d, Paint(color)) for d in diagnostics)


def _one(diagnostic: Diagnostic, paint: Paint) -> str:
    head = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    groups = _marks(diagnostic)
    regions = _regions(diagnostic.edits)
    numbers = [m.line for marks in groups.values() for m in marks] + [r[1] + len(r[2]) - 1 for r in regions]
    gutter = len(str(max(numbers)))
    lines = [f"{head}{paint('bold', ': ' + shown(diagnostic.message))}"]
    for source, marks in groups.items():
        if not source.text:
            lines.append(" " * (gutter + 1) + paint("note", "-->") + f" {shown(source.name)}")
            continue
        place = diagnostic.span if source is diagnostic.span.source else None
        arrow = "-->" if place else ":::"
        line, column = (place.line, place.column) if place else (marks[0].line, marks[0].start + 1)
        lines.append(" " * (gutter + 1) + paint("note", arrow) + f" {shown(source.name)}:{line}:{column}")
        lines.append(_bar(gutter, paint))
        lines += _snippet(source, marks, gutter, diagnostic.severity, paint)
    lines += [f"{_bar(gutter, paint)} {shown(_cropped(line))}".rstrip() for line in diagnostic.lines]
    if diagnostic.help or regions:
        lines.append(_bar(gutter, paint))
        lines.append(f"{paint('help', 'help')}: {shown(diagnostic.help) or 'write'}")
    for source, first, edited in regions:
        if source is not diagnostic.span.source:
            lines.append(" " * (gutter + 1) + paint("note", "-->") + f" {shown(source.name)}")
        lines.append(_bar(gutter, paint))
        lines += [_numbered(first + i, shown(text), gutter, paint) for i, text in enumerate(edited[:HELP_LINES])]
        if len(edited) > HELP_LINES:
            lines.append(" " * (gutter + 1) + "...")
    return "\n".join(lines)


def _bar(gutter: int, paint: Paint) -> str:
    return " " * (gutter + 2) + paint("note", "|")


def _numbered(number: int, text: str, gutter: int, paint: Paint) -> str:
    return f" {paint('note', f'{number:>{gutter}} |')} {text}".rstrip()


def _marks(diagnostic: Diagnostic) -> dict[Source, list[Mark]]:
    """What is underlined, by source, the diagnostic's own first; in each by line."""
    groups: dict[Source, list[Mark]] = {diagnostic.span.source: []}
    places = [(diagnostic.span, diagnostic.label, True), *((n.span, n.text, False) for n in diagnostic.notes)]
    for span, text, main in places:
        groups.setdefault(span.source, []).extend(_split(span, text, main))
    for marks in groups.values():
        marks.sort(key=lambda m: (m.line, not m.main, m.start))
    return groups


def _split(span: Span, text: str, main: bool) -> list[Mark]:
    """A span of several lines is marked on its first and on its last, where the words stand."""
    source = span.source
    first, column = source.position(span.start)
    last, end = source.position(max(span.end, span.start))
    if end == 1 and last > first:
        last, end = last - 1, len(source.line(last - 1)) + 1
    if first == last:
        return [Mark(first, column - 1, max(end - 1, column), text, main)]
    head, tail = source.line(first), source.line(last)
    indent = len(tail) - len(tail.lstrip())
    return [
        Mark(first, column - 1, max(len(head.rstrip()), column), "", main),
        Mark(last, min(indent, end - 2), end - 1, text, main),
    ]


def _snippet(source: Source, marks: list[Mark], gutter: int, severity: str, paint: Paint) -> list[str]:
    lines: list[str] = []
    for number in sorted({mark.line for mark in marks}):
        here = [mark for mark in marks if mark.line == number]
        text = source.line(number)
        left, right = _window(text, here[0].start)
        cut = ("…" if left else "") + text[left:right] + ("…" if right < len(text) else "")
        shift = left - (1 if left else 0)
        lines.append(_numbered(number, shown(cut), gutter, paint))
        for mark in here:
            start, end = (min(max(x - shift, 0), len(cut) + 1) for x in (mark.start, mark.end))
            spaces = " " * width_until(cut, start)
            under = ("^" if mark.main else "-") * max(1, width_until(cut, end) - len(spaces))
            style = severity if mark.main else "note"
            row = spaces + paint(style, f"{under} {shown(mark.text)}".rstrip())
            lines.append(f"{_bar(gutter, paint)} {row}")
    return lines


def _window(text: str, at: int, widest: int = 240) -> tuple[int, int]:
    """The part of a long line that is shown."""
    if len(text) <= widest:
        return 0, len(text)
    left = max(0, at - widest // 3)
    return left, min(len(text), left + widest)


def _regions(edits: tuple[Edit, ...]) -> list[tuple[Source, int, list[str]]]:
    """The lines that edits change, as they will be: source, number of the first, texts."""
    regions: list[tuple[Source, int, list[str]]] = []
    for source in dict.fromkeys(e.span.source for e in edits):
        own = sorted((e for e in edits if e.span.source is source), key=lambda e: (e.span.start, e.span.end))
        shift = 0
        for group in _adjacent(own):
            first = source.position(group[0].span.start)[0]
            last = source.position(group[-1].span.end)[0]
            begin = group[0].span.start - source.position(group[0].span.start)[1] + 1
            end = begin + len("\n".join(source.line(n) for n in range(first, last + 1)))
            moved = [Edit(Span(source, e.span.start - begin, e.span.end - begin), e.text) for e in group]
            edited = apply_edits(source.text[begin:end], moved).split("\n")
            regions.append((source, first + shift, [_cropped(line) for line in edited]))
            shift += len(edited) - (last - first + 1)
    return regions


def _adjacent(edits: list[Edit]) -> list[list[Edit]]:
    """Edits grouped by neighbouring lines."""
    groups: list[list[Edit]] = []
    end = -2
    for edit in edits:
        first = edit.span.line
        if groups and first <= end:
            groups[-1].append(edit)
        else:
            groups.append([edit])
        end = max(end, edit.span.source.position(edit.span.end)[0])
    return groups


def _cropped(line: str, widest: int = 240) -> str:
    return line if len(line) <= widest else line[:widest] + "…"


def as_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic for `--json`. Lines and columns count from 1; the end is the first character after the place."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "notes": [{**_place(note.span), "text": note.text} for note in diagnostic.notes],
        "help": diagnostic.help,
        "lines": list(diagnostic.lines),
        "edits": [{**_place(edit.span), "text": edit.text} for edit in diagnostic.edits],
    }


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
