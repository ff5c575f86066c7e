"""Where the logits of a decision come from, and its prior probability, if expressions give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import split
from .columns import Column, Context
from .decisions import Domain
from .ir import Input, Ref, Rows
from .shapes import NUMBER, Shape, vector
from .state import Entry, State


def logits_of(
    state: State,
    entry: Entry,
    clauses: tuple[ast.Clause, ...],
    domains: Sequence[tuple[Domain, tuple[Any, ...]]],
    ctx: Context,
) -> tuple[Ref | None, Ref | None]:
    """The rows of `given` and of `prior`, one for each row of a context; the entry learns what kind they are of."""
    refs: dict[str, Ref] = {}
    for clause in clauses if ctx.n else ():
        match clause:
            case ast.Given(value):
                n = 1 if domains and domains[0][0].kind == "gate" else max((len(a) for _, a in domains), default=1)
                inner = Context(
                    ctx.n, ctx.scope, ctx, np.arange(ctx.n, dtype=np.int64), {"logits": Column.of_atoms((n,) * ctx.n)}
                )
                inner._keys = ctx.keys()
                refs["given"] = _one(state, state.column(value, inner), ctx, value.span)
                _check_logits(state, entry.name, refs["given"], n, domains[0][0].kind if domains else "gate", value)
                phases = "example" if _reads_example(state, refs["given"]) else "data"
                entry.given = "objective" if _reads_label(state, refs["given"]) else phases
            case ast.Prior(value):
                refs["prior"] = _one(state, state.column(value, ctx), ctx, value.span)
                entry.prior = True
            case ast.Factored() | ast.Default():
                pass
    return refs.get("given"), refs.get("prior")


def _check_logits(state: State, name: str, found: Ref, n: int, kind: str, given: ast.Expr) -> None:
    shape = state.builder.nodes[found.node].shape
    right = shape in (vector(n), NUMBER) if n == 1 else shape == vector(n)
    if not right and shape.kind in ("number", "vector"):
        options = f"`{name}` is a gate, with one logit" if kind == "gate" else f"`{name}` has {n} options"
        raise state.builder.report(
            "S0420", f"{options}, and its logits are {_described(shape)}", given.span, f"{n} wanted",
            help="`logits` is how many it has: given linear(…, logits)",
        )  # fmt: skip


def _described(shape: Shape) -> str:
    return "a number" if shape == NUMBER else f"vector[{shape.last}]"


def _one(state: State, column: Column, ctx: Context, span: Span) -> Ref:
    settled = split.settle(state.builder, state.builder.values(column, ctx, span), ctx, span)
    return Ref(int(settled.nodes[0]) if ctx.n else 0, Rows(settled.rows))


def _reads_example(state: State, start: Ref) -> bool:
    """Whether logits depend on the example at hand, not on statistics alone."""
    return any(isinstance(n, Input) for n in state.builder.upstream(start.node))


def _reads_label(state: State, start: Ref) -> bool:
    return any(isinstance(n, Input) and n.columns[0].what == "label" for n in state.builder.upstream(start.node))
