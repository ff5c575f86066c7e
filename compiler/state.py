"""What resolving a space carries along, and the part of it that every file may call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from recspace.dsl import ast
from recspace.dsl.source import Span

from .builder import Builder, Failed
from .columns import Column, Context
from .decisions import Decision, Domain, Key
from .promise import Promises
from .schema import Schema
from .scopes import Family

Value = Column | Family


class Evaluate(Protocol):
    def __call__(self, expr: ast.Expr, ctx: Context, labels: bool = False) -> Value:
        """The value of an expression in every row of a context. `labels`: unknown names stand for themselves."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """Decisions that are constants: (decision, key) → position of the option (positions for a subset, or a real).

    Gates named in `weighted` stay decisions of the model where they are on: weights, to be kept or trained on. Not
    `required`: requirements are not asked for.
    """

    options: Mapping[tuple[str, Key], Any]
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    weighted: frozenset[str] = frozenset()
    required: bool = True


@dataclass(eq=False)
class Entry:
    """A decision while its elements are being found."""

    name: str
    axes: tuple[str, ...]
    span: Span
    keys: list[Key] = field(default_factory=list)
    at: dict[Key, int] = field(default_factory=dict)
    domains: list[Domain] = field(default_factory=list)
    domain_of: list[int] = field(default_factory=list)
    defaults: list[Any] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    atoms: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    given: str = ""
    prior: bool = False
    rank: int = 0
    conditional: bool = False
    per_value: str = ""

    @classmethod
    def of(cls, decision: Decision, span: Span) -> Entry:
        """A decision whose elements are known already."""
        keys = list(decision.keys or ())
        n = len(keys)
        return cls(
            decision.name, decision.axes, span, keys, {k: i for i, k in enumerate(keys)}, list(decision.domains),
            list(decision.domain_of) or [0] * n, [decision.default(k) for k in range(n)], [1] * n,
        )  # fmt: skip

    def domain(self, element: int) -> Domain:
        return self.domains[self.domain_of[element]]

    def decision(self) -> Decision:
        return Decision(
            self.name, self.axes, sum(self.counts), None if self.per_value else tuple(self.keys), tuple(self.domains),
            tuple(self.domain_of) if len(self.domains) > 1 else (), tuple(self.defaults), self.given,  # type: ignore[arg-type]
            self.prior, self.rank, self.conditional, self.per_value, tuple(self.counts) if self.per_value else (),
        )  # fmt: skip


@dataclass(eq=False)
class State:
    """One resolving of one space."""

    program: ast.Program
    schema: Schema
    promises: Promises
    builder: Builder
    overrides: Mapping[str, Any]
    bound: Bound | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    evaluate: Evaluate = field(init=False)
    call_component: Callable[[ast.Component, ast.Call, Context], Value] = field(init=False)
    size: int | None = None
    size_said: str = ""
    size_why: str = ""
    predicted: Column | None = None
    resolving: list[tuple[Family, Any]] = field(default_factory=list)
    used_params: set[str] = field(default_factory=set)

    def columns(self, exprs: Sequence[ast.Expr], ctx: Context, labels: bool = False) -> list[Column]:
        """Several expressions, each looked at even where one before it failed, so that all errors show."""
        found, failure = [], None
        for expr in exprs:
            try:
                found.append(self.column(expr, ctx, labels))
            except Failed as failed:
                failure = failed
        if failure is not None:
            raise failure
        return found

    def column(self, expr: ast.Expr, ctx: Context, labels: bool = False) -> Column:
        """As `evaluate`, for where a family as a whole makes no sense."""
        value = self.evaluate(expr, ctx, labels)
        if isinstance(value, Family):
            axes = ", ".join(value.names)
            raise self.builder.report(
                "S0201", f"`{value.name}` is a family, and one element of it is needed here", expr.span,
                f"indexed by {axes}", help=f"write {value.name}[{axes}], or aggregate it: sum({value.name})",
            )  # fmt: skip
        return value
