"""A text checked as a user's file is: everything that is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recspace.compiler.compile import Checked, check
from recspace.compiler.example import EXAMPLE
from recspace.compiler.schema import Schema
from recspace.dsl import Diagnostic, Source, library_path, load
from recspace.runtime.registry import promises

END = "predict sigmoid(bias())\nminimize logloss\n"


def checked(text: str, schema: Schema = EXAMPLE, overrides: Mapping[str, Any] | None = None) -> Checked:
    """The text has no syntax errors; what the compiler says of it."""
    program, found = load(Source("t.space", text), library_path())
    assert program is not None, found
    assert not found, found
    return check(program, schema, promises(), overrides=overrides)


def said(text: str, schema: Schema = EXAMPLE) -> tuple[Diagnostic, ...]:
    return checked(text, schema).diagnostics


def faults(statements: str, schema: Schema = EXAMPLE) -> list[tuple[str, str]]:
    """(code, the text underlined) of what is wrong with some statements of a space that is fine otherwise."""
    return [(d.code, d.span.text) for d in said(f"space T\n{statements}\n{END}", schema)]


def value(expression: str, statements: str = "", schema: Schema = EXAMPLE) -> Any:
    """What an expression known when compiling comes to: found by `expect`, whose message holds both sides."""
    found = said(f'space T\n{statements}\n{END}expect ({expression}) == "never"\n', schema)
    (only,) = found
    assert only.code == "S0409", only
    return only.label.removesuffix(" == never is false")
