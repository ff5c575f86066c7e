"""Arithmetic and comparisons: on plain numbers at once, else as nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span

from . import advice, split
from .atoms import FieldRef, ItemSet, Label, RealRange, describe, is_number, members
from .binders import difference
from .builder import Failed
from .columns import ATOM, Column, Context, scatter
from .conditions import asked, chosen, logical, member, with_name
from .ir import Cost
from .lists import known
from .search_phase import ARITHMETIC, BITS, CONDITIONS, TooLarge
from .state import State
from .words import no_words


def binary(state: State, expr: ast.Binary, ctx: Context, labels: bool) -> Column:
    """Two operands and what stands between them."""
    operator = expr.operator
    left, right = state.columns((expr.left, expr.right), ctx, labels or operator in ("==", "!="))
    match operator:
        case "..":
            return known(state, [left, right], lambda a, b: _range(state, a, b, expr.span), ctx, expr.span)
        case "in":
            return member(state, left, right, ctx, expr)
        case "-" if left.constant and any(members(a) is not None and not is_number(a) for a in left.atoms):
            return known(state, [left, right], lambda a, b: _difference(state, a, b, expr.right.span), ctx, expr.span)
        case "and" | "or":
            left, right = asked(state, left, expr.left.span), asked(state, right, expr.right.span)
            return logical(state, operator, left, right, ctx, expr.span)
        case "==" | "!=":
            named = with_name(state, operator, left, right, ctx, expr.span)
            if named is not None:
                return named
        case _:
            for side, operand in ((left, expr.left), (right, expr.right)):
                no_words(state, f"`{operator}` needs", side, operand.span, operand)
    left, right = _relative(state, expr, left, right)
    try:
        return compute(state, operator, [left, right], ctx, expr.span)
    except Failed:
        advice.explain(state, expr.span, (expr.left, expr.right), ctx)
        advice.sides(state, expr, left, right)
        raise


def _relative(state: State, expr: ast.Binary, left: Column, right: Column) -> tuple[Column, Column]:
    """A percentage beside a cost is relative to that cost in the widest model."""
    for mine, other in ((left, expr.right), (right, expr.left)):
        if isinstance(other, ast.Number) and other.unit == "%":
            for k in mine.node_ids():
                node = state.builder.nodes[k]
                if isinstance(node, Cost):
                    state.builder.nodes[k] = replace(node, relative=True)
    return left, right


def _range(state: State, low: Any, high: Any, span: Span) -> Any:
    if isinstance(low, int) and isinstance(high, int):
        return range(low, high + 1)
    if is_number(low) and is_number(high):
        return RealRange(float(low), float(high))
    raise state.builder.report(
        "S0202", "a range goes from one number to another", span, f"{describe(low)} .. {describe(high)}"
    )


def _difference(state: State, left: Any, right: Any, span: Span) -> ItemSet:
    found = difference(left, right)
    if found is None:
        one = isinstance(right, FieldRef | int | str | Label)
        ends = Span(span.source, span.start, span.start), Span(span.source, span.end, span.end)
        raise state.builder.report(
            "S0202", f"a set is taken from a set, and this is {describe(right)}", span, describe(right),
            help="a set of one element stands in braces" if one else "",
            edits=(Edit(ends[0], "{"), Edit(ends[1], "}")) if one else (),
        )  # fmt: skip
    return found


def compute(state: State, operator: str, columns: list[Column], ctx: Context, span: Span) -> Column:
    """Arithmetic and comparisons: on plain numbers now, else as a node."""
    if not all(c.constant for c in columns):
        said, help = chosen(state, columns) if operator not in ("==", "!=") else ("", "")
        if said:
            raise state.builder.report(
                "S0302", f"`{operator}` works on numbers, and this is {said}", span, said, help=help
            )
        if operator in ("*", "+") and any(c.has_atoms for c in columns):
            return _absorbed(state, operator, columns[0], columns[1], ctx, span)
        if ctx.n and any(c.has_atoms and not c.constant for c in columns) and len(columns) == 2:
            return _split(state, operator, columns, ctx, span)
        return split.apply(state.builder, operator, columns, ctx, span)
    function = {**ARITHMETIC, **CONDITIONS}.get(operator)
    found = []
    for values in zip(*(c.atoms for c in columns), strict=True):
        comparable = operator in ("==", "!=") or (function is not None and all(map(is_number, values)))
        if not comparable:
            wrong = next((v for v in values if not is_number(v)), values[0])
            numeric = all(is_number(x) for v in values for x in (v if isinstance(v, tuple) else (v,)))
            if isinstance(wrong, tuple) and function is not None and numeric:
                lengths = sorted({len(v) for v in values if isinstance(v, tuple)})
                if len(lengths) > 1:
                    said = " and ".join(map(str, lengths))
                    message = f"`{operator}` works on lists of one length, and these have {said} elements"
                    raise state.builder.report("S0302", message, span, f"{said} elements")
                found.append(tuple(_number(state, operator, function, v, span) for v in _spread(values)))
                continue
            raise state.builder.report(
                "S0302", f"`{operator}` works on numbers, and this is {describe(wrong)}", span, describe(wrong)
            )
        assert function is not None
        found.append(_number(state, operator, function, values, span))
    return Column.of_atoms(found)


def _number(state: State, operator: str, function: Any, values: tuple[Any, ...], span: Span) -> Any:
    """What a function makes of plain numbers; reported where that is none."""
    try:
        result = function(*values)
    except ZeroDivisionError:
        raise state.builder.report("S0209", "division by zero", span, "the divisor is 0") from None
    except TooLarge:
        raise state.builder.report(
            "S0218", f"a whole number has {BITS:,} bits at most, and this has more", span, "too large",
            help="compare smaller numbers, or write one of them as a real number: 2.0",
        ) from None  # fmt: skip
    except OverflowError:
        raise state.builder.report("S0209", "this number is too large", span) from None
    if isinstance(result, complex) or result != result:
        raise state.builder.report("S0209", "this has no value among the real numbers", span, f"{values[0]} {operator} {values[1]}")  # fmt: skip
    return result


def _spread(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Element by element; a number goes with each."""
    length = max(len(v) for v in values if isinstance(v, tuple))
    return zip(*(v if isinstance(v, tuple) else (v,) * length for v in values), strict=True)


def _absorbed(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    """x * 1 and x + 0 are x, x * 0 is 0: a gate that is shut takes its row away. A sum with a sequence pools it."""
    neutral = 1 if operator == "*" else 0
    how = np.zeros(ctx.n, dtype=np.int64)  # 0: compute; 1: left; 2: right; 3: zero
    for mine, other, name in ((left, right, 2), (right, left, 1)):
        for row in np.flatnonzero((mine.nodes == ATOM) & (other.nodes != ATOM)).tolist():
            atom = mine.atoms[row]
            if not is_number(atom) or atom not in (0, neutral):
                continue
            kind = state.builder.nodes[int(other.nodes[row])].shape.kind
            if atom == neutral and (operator, kind) != ("+", "sequence"):
                how[row] = name
            elif operator == "*" and atom == 0 and kind == "number":
                how[row] = 3
    pieces = []
    for kind in np.unique(how):
        rows = np.flatnonzero(how == kind)
        match int(kind):
            case 1:
                made = left.take(rows)
            case 2:
                made = right.take(rows)
            case 3:
                made = Column.uniform(0, len(rows))
            case _:
                sub = ctx.restricted(rows) if len(rows) < ctx.n else ctx
                made = _split(state, operator, [left.take(rows), right.take(rows)], sub, span)
        pieces.append((rows, made))
    return scatter(ctx.n, pieces)


def _split(state: State, operator: str, columns: list[Column], ctx: Context, span: Span) -> Column:
    """Rows in which both sides are known apart from those in which a node is needed."""
    known = np.logical_and.reduce([c.nodes == ATOM for c in columns])
    pieces = []
    for rows, plain in ((np.flatnonzero(known), True), (np.flatnonzero(~known), False)):
        if len(rows):
            sub = ctx.restricted(rows)
            taken = [c.take(rows) for c in columns]
            pieces.append(
                (
                    rows,
                    compute(state, operator, taken, sub, span)
                    if plain
                    else split.apply(state.builder, operator, taken, sub, span),
                )
            )
    return scatter(ctx.n, pieces)
