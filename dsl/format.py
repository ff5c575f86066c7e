"""Trees to text: the canonical spelling, with no more parentheses than needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import assert_never

from . import ast
from .build import BYTES, EXPONENTS
from .tokens import CONTEXTUAL

ANY, OR, AND, NOT, COMPARISON, RANGE, SUM, PRODUCT, UNARY, POWER, POSTFIX, ATOM = range(12)
"""How tightly an expression binds, by the rules of the grammar."""

BINDING = {
    "or": (OR, OR, AND), "and": (AND, AND, NOT), "in": (COMPARISON, RANGE, RANGE), "..": (RANGE, SUM, SUM),
    "+": (SUM, SUM, PRODUCT), "-": (SUM, SUM, PRODUCT), "*": (PRODUCT, PRODUCT, UNARY), "/": (PRODUCT, PRODUCT, UNARY),
    "@": (PRODUCT, PRODUCT, UNARY), "^": (POWER, POSTFIX, UNARY),
}  # fmt: skip
"""For each operator: how tightly it binds itself, and how tightly its sides must. Others compare."""


def format_file(file: ast.File) -> str:
    """The whole file. Reading it again gives an equal tree; comments are not part of trees."""
    parts: list[str] = []
    if file.imports:
        parts.append("\n".join(_import(i) for i in file.imports))
    parts += [_component(c) for c in file.components]
    parts += [_data(d) for d in file.datas]
    if file.space is not None:
        lines = [f"space {file.space.name}{_doc(file.space.doc)}", ""]
        lines += [format_statement(s) for s in file.space.statements]
        parts.append("\n".join(lines).rstrip())
    return "\n\n".join(parts) + "\n" if parts else ""


def format_statement(statement: ast.Statement) -> str:
    """One statement, in lines only where it is a recipe."""
    match statement:
        case ast.Param(name, value, doc):
            return f"param {name} = {format_expr(value)}{_doc(doc)}"
        case ast.Learn(name, index, shape, initial):
            colon = f" : {format_expr(shape)}" if shape is not None else ""
            equals = f" = {format_expr(initial)}" if initial is not None else ""
            return f"learn {name}{_index(index)}{colon}{equals}"
        case ast.Choose(name, index, domain, clauses):
            return f"choose {name}{_index(index)} from {_at(domain, OR)}{_clauses(clauses)}"
        case ast.Let(name, index, value):
            return f"let {name}{_index(index)} = {format_expr(value)}"
        case ast.Require(condition):
            return f"require {format_expr(condition)}"
        case ast.Expect(condition):
            return f"expect {format_expr(condition)}"
        case ast.Predict(value):
            return f"predict {format_expr(value)}"
        case ast.Minimize(values):
            return f"minimize {_listed(values)}"
        case ast.Search(name, stages):
            head = f"search {name} {{" if name else "search {"
            return "\n".join([head, *(f"  {s.name}({_arguments(s.arguments)})" for s in stages), "}"])
        case _:
            assert_never(statement)


def format_expr(expr: ast.Expr | ast.Generator | ast.Keyword | ast.Schedule | ast.All) -> str:
    """One expression in one line."""
    return _spelt(expr)[1]


def _at(expr: ast.Expr | ast.Schedule, tightness: int) -> str:
    """An expression where only some of a certain tightness may stand: in parentheses if it binds less."""
    own, text = _spelt(expr)
    return text if own >= tightness else f"({text})"


def _spelt(expr: ast.Expr | ast.Generator | ast.Keyword | ast.Schedule | ast.All) -> tuple[int, str]:
    """How tightly an expression binds, and its text."""
    match expr:
        case ast.Name(name):
            return ATOM, name
        case ast.Qualified(module, name):
            return POSTFIX, f"{module}.{name}"
        case ast.Number(value, unit):
            return ATOM, _number(value, unit)
        case ast.String(text):
            return ATOM, _quoted(text)
        case ast.ListOf(items):
            return ATOM, f"[{_listed(items)}]"
        case ast.SetOf(items):
            return ATOM, f"{{{_listed(items)}}}"
        case ast.Comprehension(generator):
            return ATOM, f"[{format_expr(generator)}]"
        case ast.Binary() | ast.Unary():
            return _operation(expr)
        case ast.Switch(value, condition, otherwise):
            return ANY, f"{_at(value, OR)} if {_at(condition, OR)} else {format_expr(otherwise)}"
        case ast.Call(function, arguments):
            return POSTFIX, f"{_at(function, POSTFIX)}({_arguments(arguments)})"
        case ast.Subscript(value, slots):
            return POSTFIX, f"{_at(value, POSTFIX)}[{_arguments(slots)}]"
        case ast.Case() | ast.ChooseOne() | ast.ChooseFrom():
            return _selection(expr)
        case ast.Generator(value, fors):
            return ANY, f"{format_expr(value)} {' '.join(_for(f) for f in fors)}"
        case ast.Keyword(name, value):
            return ANY, f"{name} = {format_expr(value)}"
        case ast.Schedule(start, end):
            return ANY, f"{_at(start, OR)} -> {_at(end, OR)}"
        case ast.All():
            return ANY, ":"
        case _:
            assert_never(expr)


def _operation(expr: ast.Binary | ast.Unary) -> tuple[int, str]:
    match expr:
        case ast.Unary("not", value):
            return NOT, f"not {_at(value, NOT)}"
        case ast.Unary(_, value):
            return UNARY, f"-{_at(value, UNARY)}"
        case ast.Binary(operator, left, right):
            own, on_left, on_right = BINDING.get(operator, (COMPARISON, RANGE, RANGE))
            sign = operator if operator == ".." else f" {operator} "
            return own, f"{_at(left, on_left)}{sign}{_at(right, on_right)}"
        case _:
            assert_never(expr)


def _selection(expr: ast.Case | ast.ChooseOne | ast.ChooseFrom) -> tuple[int, str]:
    match expr:
        case ast.Case(subject, alternatives):
            return ATOM, f"case {_at(subject, OR)} {_alternatives(alternatives)}"
        case ast.ChooseOne(name, alternatives, clauses):
            return ANY if clauses else ATOM, f"choose {name} {_alternatives(alternatives)}{_clauses(clauses)}"
        case ast.ChooseFrom(name, domain, clauses):
            return ANY, f"choose {name} from {_at(domain, OR)}{_clauses(clauses)}"
        case _:
            assert_never(expr)


def _arguments(arguments: Iterable[ast.Argument | ast.All]) -> str:
    return ", ".join(format_expr(a) for a in arguments)


def _listed(items: Iterable[ast.Expr]) -> str:
    return ", ".join(format_expr(i) for i in items)


def _alternatives(alternatives: Sequence[ast.Alternative]) -> str:
    parts = [
        f"{a.label if isinstance(a.label, str) else _number(a.label, '')}: {format_expr(a.value)}" for a in alternatives
    ]
    return f"{{ {', '.join(parts)} }}"


def _clauses(clauses: Iterable[ast.Clause]) -> str:
    return "".join(f" {type(c).__name__.lower()} {_at(c.value, OR)}" for c in clauses)


def _for(part: ast.For) -> str:
    condition = f" if {_at(part.condition, OR)}" if part.condition is not None else ""
    return f"for {_binder(part.binder)}{condition}"


def _binder(binder: ast.Binder) -> str:
    match binder.names:
        case ast.Each(names):
            text = ", ".join(names)
        case ast.Ordered((first, second)):
            text = f"{first} < {second}"
        case ast.OrderedOrEqual((first, second)):
            text = f"{first} <= {second}"
        case _:
            assert_never(binder.names)
    return f"{text} in {_at(binder.domain, OR)}"


def _index(index: Sequence[ast.Binder]) -> str:
    return f"[{', '.join(_binder(b) for b in index)}]" if index else ""


def _import(entry: ast.Import) -> str:
    return f"import {_quoted(entry.path)}" + (f" as {entry.alias}" if entry.alias else "")


def _component(component: ast.Component) -> str:
    parameters = ", ".join(
        p.name + (f" = {format_expr(p.default)}" if p.default is not None else "") for p in component.parameters
    )
    head = f"component {component.name}({parameters}){_doc(component.doc)} {{"
    body = [f"  {format_statement(d)}" for d in component.definitions]
    return "\n".join([head, *body, f"  return {format_expr(component.result)}", "}"])


def _data(data: ast.Data) -> str:
    lines = [f"data {data.name}{_doc(data.doc)} {{"]
    for i, entry in enumerate(data.entries):
        # Behind a value `default` and its like are keywords, unless in quotes.
        quoted = entry.quoted or (i > 0 and entry.name in CONTEXTUAL)
        lines.append(f"  {_quoted(entry.name) if quoted else entry.name}: {format_expr(entry.value)}")
    return "\n".join([*lines, "}"])


def _doc(text: str) -> str:
    return f" {_quoted(text)}" if text else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: float, unit: str) -> str:
    """The shortest text that reads as this number again."""
    if unit in EXPONENTS:
        return f"{_plain(Decimal(repr(value)).scaleb(-EXPONENTS[unit]))}{'' if unit == '%' else ' '}{unit}"
    if unit:
        return f"{_plain(Decimal(repr(value)) / BYTES[unit])} {unit}"
    return repr(value)


def _plain(value: Decimal) -> str:
    """A decimal without needless zeros."""
    text = f"{value:f}"
    if len(text) > 40:
        return f"{value.normalize():e}"
    return text.rstrip("0").rstrip(".") if "." in text else text
