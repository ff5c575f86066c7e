"""Operators on columns: a composite is what its promise expands it to, anything else a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recspace.dsl.source import Span

from . import split
from .atoms import Label, describe, is_number
from .columns import Column, Context, scatter
from .decisions import Key
from .ir import IntArray
from .promise import Operator, no_buffers, no_weights
from .search_phase import FUNCTIONS
from .split import groups
from .state import State


@dataclass(frozen=True, slots=True)
class Parts:
    """What a composite is expanded with (`promise.Build`)."""

    state: State
    ctx: Context
    span: Span
    site: str
    part: str
    subscripts: Sequence[Key]

    def apply(self, operator: str, inputs: tuple[Any, ...], options: Mapping[str, Any], part: str) -> Column:
        promise = self.state.promises.operators[operator]
        columns = {k: v if isinstance(v, Column | tuple) else Column.uniform(v, self.ctx.n) for k, v in options.items()}
        for option in promise.options:
            if option.name not in columns:
                columns[option.name] = Column.uniform(option.default, self.ctx.n)
        whole = f"{self.part}.{part}" if self.part else part
        return apply(self.state, promise, inputs, columns, self.ctx, self.span, self.site, whole, self.subscripts)


LAYERS = 2_000
"""That one call makes, a layer for each entry of a list."""


def apply(
    state: State, promise: Operator, inputs: Sequence[Column], options: Mapping[str, Any], ctx: Context, span: Span,
    site: str, part: str, subscripts: Sequence[Key],
) -> Column:  # fmt: skip
    """Apply an operator in every row. A composite is expanded once for all rows whose options have the same names."""
    if promise.expand is None:
        if all(c.constant for c in inputs) and promise.name in FUNCTIONS and inputs:
            return Column.of_atoms([_plain(state, promise.name, a, span) for a in inputs[0].atoms])
        columns = {k: _plain_labels(v) for k, v in options.items()}
        weighted = promise.weights is not no_weights or promise.buffers is not no_buffers
        return split.apply(state.builder, promise.name, inputs, ctx, span, options=columns, layer=site if weighted else "",
                                   part=part, keys=subscripts if weighted else (), place=site)  # fmt: skip
    alike = _alike(options, ctx.n)
    if len(alike) > 1:
        pieces = []
        for rows in alike:
            taken = {
                k: tuple(c.take(rows) for c in v) if isinstance(v, tuple) else v.take(rows) for k, v in options.items()
            }
            own = [subscripts[r] for r in rows] if subscripts else ()
            sub = ctx.restricted(rows)
            pieces.append(
                (rows, apply(state, promise, [c.take(rows) for c in inputs], taken, sub, span, site, part, own))
            )
        return split.settle(state.builder, scatter(ctx.n, pieces), ctx, span, site)
    opaque = {k: _opaque(v) for k, v in options.items()}
    most = max((len(v) for v in opaque.values() if isinstance(v, tuple)), default=0)
    if most > LAYERS:
        raise state.builder.report(
            "S0220", f"{promise.name}() makes a layer of each entry of a list, {LAYERS:,} at most, and this has {most:,}",
            span, "too many layers", help="give a shorter list",
        )  # fmt: skip
    return promise.expand(Parts(state, ctx, span, site, part, subscripts), tuple(inputs), opaque)  # type: ignore[no-any-return]


def _alike(options: Mapping[str, Any], n: int) -> list[IntArray]:
    """Rows with the same names as options: a composite is expanded for each of them."""
    codes: dict[str, int] = {}
    named = [v for v in options.values() if isinstance(v, Column) and any(isinstance(a, Label) for a in v.atoms)]
    return groups(
        [np.array([codes.setdefault(repr(a), len(codes)) for a in v.atoms], dtype=np.int64) for v in named], n
    )


def _plain(state: State, name: str, atom: Any, span: Span) -> Any:
    if not is_number(atom):
        raise state.builder.report(
            "S0302", f"{name}() takes a number, and this is {describe(atom)}", span, describe(atom)
        )
    try:
        return FUNCTIONS[name](atom)
    except (ValueError, OverflowError):
        raise state.builder.report("S0209", f"{name}({atom}) has no value", span) from None


def _plain_labels(value: Any) -> Any:
    if isinstance(value, tuple):
        return Column.of_atoms(list(zip(*(c.atoms for c in value), strict=True)))
    if isinstance(value, Column) and value.constant:
        return Column.of_atoms([_label(a) for a in value.atoms])
    return value


def _label(atom: Any) -> Any:
    if isinstance(atom, Label):
        return {"true": True, "false": False}.get(atom.name, atom.name)
    return atom


def _opaque(value: Any) -> Any:
    """An option as a composite sees it: a plain value where all rows agree."""
    if isinstance(value, Column) and value.constant and len(set(map(repr, value.atoms))) == 1:
        return _label(value.atoms[0])
    return value
