"""One function for each rule of the grammar: children in, node out.

The parser calls them from the leaves up, so no tree is ever walked. A child is a node, a list of nodes (`index`), a
`Token`, or None for an optional part that is absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import ast
from .source import Source, Span
from .tokens import Token

Build = Callable[[Source, list[Any], Span], Any]

BYTES = {"kB": 1000, "MB": 1000**2, "GB": 1000**3, "kiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
EXPONENTS = {"%": -2, "ms": -3, "us": -6}
"""Powers of ten, so that 30% is the float nearest to 0.3."""

DIGITS = 300
"""Digits of a number, at most."""


def number(text: str) -> tuple[int | float, str]:
    """Value and unit of a number as it is written. Raises OverflowError where no float can hold it."""
    digits = text.rstrip("%kMGiBmsu ")
    unit = text[len(digits) :].strip()
    if len(digits) > DIGITS:
        raise OverflowError
    if unit in EXPONENTS:
        mantissa, _, exponent = digits.lower().partition("e")
        return _finite(float(f"{mantissa}e{int(exponent or 0) + EXPONENTS[unit]}")), unit
    if digits.isdigit():
        return int(digits) * BYTES.get(unit, 1), unit
    if not unit:
        return _finite(float(digits)), unit
    from decimal import Decimal  # here, because fractions of bytes are rare

    size = _finite(float(Decimal(digits) * BYTES[unit]))
    return (int(size) if size.is_integer() else size), unit


def _finite(value: float) -> float:
    if value in (float("inf"), float("-inf")):
        raise OverflowError
    return value


def string(text: str) -> str:
    """The value of a string as it is written, quotes included."""
    inner = text[1:-1]
    return _ESCAPE.sub(r"\1", inner) if "\\" in inner else inner


_ESCAPE = re.compile(r"\\(.)")


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.end)


def _doc(token: Token | None) -> str:
    return string(token.text) if token is not None else ""


def _binary(source: Source, kids: list[Any], span: Span) -> ast.Binary:
    return ast.Binary(kids[1].text, kids[0], kids[2], span)


def _named(operator: str) -> Build:
    return lambda source, kids, span: ast.Binary(operator, kids[0], kids[1], span)


def _present(kids: list[Any]) -> tuple[Any, ...]:
    return tuple(kid for kid in kids if kid is not None)


def _import(source: Source, kids: list[Any], span: Span) -> ast.Import:
    path, alias = kids
    return ast.Import(string(path.text), alias.text if alias else "", span, _span(source, path))


def _component(source: Source, kids: list[Any], span: Span) -> ast.Component:
    name, *parts, result = kids
    doc = next((p for p in parts if isinstance(p, Token)), None)
    parameters = tuple(p for p in parts if isinstance(p, ast.Parameter))
    body = tuple(p for p in parts if isinstance(p, ast.Let | ast.Learn | ast.Choose))
    return ast.Component(name.text, parameters, _doc(doc), body, result, span, _span(source, name))


def _data(source: Source, kids: list[Any], span: Span) -> ast.Data:
    name, doc, *entries = kids
    return ast.Data(name.text, _doc(doc), tuple(entries), span, _span(source, name))


def _entry(source: Source, kids: list[Any], span: Span) -> ast.Entry:
    name, value = kids
    quoted = name.kind == "STRING"
    return ast.Entry(string(name.text) if quoted else name.text, quoted, value, span, _span(source, name))


def _space(source: Source, kids: list[Any], span: Span) -> ast.Space:
    name, doc, *statements = kids
    header = Span(source, span.start, (doc or name).end)
    return ast.Space(name.text, _doc(doc), tuple(statements), header, _span(source, name))


def _file(source: Source, kids: list[Any], span: Span) -> ast.File:
    return ast.File(
        tuple(k for k in kids if isinstance(k, ast.Import)),
        tuple(k for k in kids if isinstance(k, ast.Component)),
        tuple(k for k in kids if isinstance(k, ast.Data)),
        next((k for k in kids if isinstance(k, ast.Space)), None),
        frozenset(),
        Span(source, 0, len(source.text)),
    )


def _param(source: Source, kids: list[Any], span: Span) -> ast.Param:
    name, value, doc = kids
    return ast.Param(name.text, value, _doc(doc), span, _span(source, name))


def _learn(source: Source, kids: list[Any], span: Span) -> ast.Learn:
    name, index, shape, initial = kids
    return ast.Learn(name.text, index or (), shape, initial, span, _span(source, name))


def _choose(source: Source, kids: list[Any], span: Span) -> ast.Choose:
    name, index, domain, *clauses = kids
    return ast.Choose(name.text, index or (), domain, tuple(clauses), span, _span(source, name))


def _let(source: Source, kids: list[Any], span: Span) -> ast.Let:
    name, index, value = kids
    return ast.Let(name.text, index or (), value, span, _span(source, name))


def _search(source: Source, kids: list[Any], span: Span) -> ast.Search:
    name, *stages = kids
    return ast.Search(name.text if name else "", tuple(stages), span)


def _stage(source: Source, kids: list[Any], span: Span) -> ast.Stage:
    name, *arguments = kids
    return ast.Stage(name.text, _present(arguments), span, _span(source, name))


def _alternative(source: Source, kids: list[Any], span: Span) -> ast.Alternative:
    label, value = kids
    return ast.Alternative(number(label.text)[0] if label.kind == "NUMBER" else label.text, value, span)


def _unary(source: Source, kids: list[Any], span: Span) -> ast.Unary:
    return ast.Unary("-", kids[1], span)


def _number(source: Source, kids: list[Any], span: Span) -> ast.Number:
    return ast.Number(*number(kids[0].text), span)


def _given(source: Source, kids: list[Any], span: Span) -> ast.ChooseOne:
    one, *clauses = kids
    return ast.ChooseOne(one.name, one.alternatives, tuple(clauses), span)


RULES: dict[str, Build] = {
    "import_": _import,
    "component": _component,
    "parameter": lambda source, kids, span: ast.Parameter(kids[0].text, kids[1], span),
    "data": _data,
    "entry": _entry,
    "space": _space,
    "file": _file,
    "param": _param,
    "learn": _learn,
    "choose": _choose,
    "let": _let,
    "require": lambda source, kids, span: ast.Require(kids[0], span),
    "expect": lambda source, kids, span: ast.Expect(kids[0], span),
    "predict": lambda source, kids, span: ast.Predict(kids[0], span),
    "minimize": lambda source, kids, span: ast.Minimize(tuple(kids), span),
    "search": _search,
    "stage": _stage,
    "index": lambda source, kids, span: tuple(kids),
    "binder": lambda source, kids, span: ast.Binder(kids[0], kids[1], span),
    "each": lambda source, kids, span: ast.Each(tuple(k.text for k in kids), span),
    "ordered": lambda source, kids, span: ast.Ordered((kids[0].text, kids[1].text), span),
    "ordered_or_equal": lambda source, kids, span: ast.OrderedOrEqual((kids[0].text, kids[1].text), span),
    "switch": lambda source, kids, span: ast.Switch(kids[0], kids[1], kids[2], span),
    "choose_from": lambda source, kids, span: ast.ChooseFrom(kids[0].text, kids[1], tuple(kids[2:]), span),
    "choose_given": _given,
    "given": lambda source, kids, span: ast.Given(kids[0], span),
    "prior": lambda source, kids, span: ast.Prior(kids[0], span),
    "factored": lambda source, kids, span: ast.Factored(kids[0], span),
    "default": lambda source, kids, span: ast.Default(kids[0], span),
    "or_": _named("or"),
    "and_": _named("and"),
    "negate": lambda source, kids, span: ast.Unary("not", kids[0], span),
    "comparison": _binary,
    "member": _named("in"),
    "range": _named(".."),
    "sum": _binary,
    "product": _binary,
    "unary": _unary,
    "power": _named("^"),
    "qualified": lambda source, kids, span: ast.Qualified(kids[0].text, kids[1].text, span),
    "call": lambda source, kids, span: ast.Call(kids[0], _present(kids[1:]), span),
    "subscript": lambda source, kids, span: ast.Subscript(kids[0], tuple(kids[1:]), span),
    "all": lambda source, kids, span: ast.All(span),
    "keyword": lambda source, kids, span: ast.Keyword(kids[0].text, kids[1], span),
    "schedule": lambda source, kids, span: ast.Schedule(kids[0], kids[1], span),
    "generator": lambda source, kids, span: ast.Generator(kids[0], tuple(kids[1:]), span),
    "for_": lambda source, kids, span: ast.For(kids[0], kids[1], span),
    "name": lambda source, kids, span: ast.Name(kids[0].text, span),
    "number": _number,
    "string": lambda source, kids, span: ast.String(string(kids[0].text), span),
    "list": lambda source, kids, span: ast.ListOf(_present(kids), span),
    "comprehension": lambda source, kids, span: ast.Comprehension(kids[0], span),
    "set": lambda source, kids, span: ast.SetOf(tuple(kids), span),
    "case": lambda source, kids, span: ast.Case(kids[0], tuple(kids[1:]), span),
    "choose_one": lambda source, kids, span: ast.ChooseOne(kids[0].text, tuple(kids[1:]), (), span),
    "alternative": _alternative,
}
"""Keyed by the name that the tree gives a rule: its alias, or else its own."""

EXPRESSIONS = frozenset(RULES) - frozenset(
    ("import_", "component", "parameter", "data", "entry", "space", "file", "param", "learn", "choose", "let",
     "require", "expect", "predict", "minimize", "search", "stage", "index")
)  # fmt: skip
"""Rules whose nodes lie inside expressions: these are what an expression's depth counts."""
