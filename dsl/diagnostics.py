"""Diagnostics are values: collected, sorted and shown together, never raised one by one out of the front end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains the first: the declaration that clashes, the option that was meant."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of text which, applied as it stands, removes the error."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `code` is stable (`S0312`); `message` one sentence; `label` what is written under the place.

    `help` is a sentence of advice; `edits`, where given, is the advice as text that works when pasted. `lines` are to be read with
    the message: what differs between two texts.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    notes: tuple[Note, ...] = ()
    help: str = ""
    edits: tuple[Edit, ...] = ()
    severity: Severity = "error"
    lines: tuple[str, ...] = ()


class SpaceError(Exception):
    """Carries the diagnostics of a file to whoever shows them."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))
