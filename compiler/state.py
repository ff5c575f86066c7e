"""What resolving a space carries along, and the part of it that every file may call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from recspace.dsl import ast
from recspace.dsl.source import Span

from .builder import Builder, Failed
from .columns import Column, Context
from .decisions import Choice, Decision, Domain, Factors, Key, Ranks
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
    sets: list[tuple[Choice, ...]] = field(default_factory=list)
    groups: list[Key] = field(default_factory=list)
    ranks: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
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
            self.prior, self._factors(), self.conditional, self.per_value, tuple(self.counts) if self.per_value else (),
            tuple(self.keys) if self.per_value else (),
        )  # fmt: skip

    def _factors(self) -> Factors | None:
        """`sets` and `groups` hold the members and the rest of the key of every element, as labels; `ranks` the decision
        that is its rank, the same for all of a group."""
        if not self.rank:
            return None
        members = tuple(dict.fromkeys(m for s in self.sets for m in s))
        groups = tuple(dict.fromkeys(self.groups))
        place, number = ({x: k for k, x in enumerate(found)} for found in (members, groups))
        sets = tuple(tuple(place[m] for m in s) for s in self.sets)
        return Factors(self.rank, members, sets, groups, tuple(number[g] for g in self.groups), self._ranks(groups))

    def _ranks(self, groups: tuple[Key, ...]) -> Ranks | None:
        if not self.ranks:
            return None
        own = dict(zip(self.groups, self.ranks, strict=True))
        return Ranks(self.ranks[0][0], tuple(own[g][1] for g in groups), tuple(own[g][2] for g in groups))


@dataclass(eq=False)
class State:
    """One resolving of one space.

    What is being worked on now, from the outermost in: `resolving` families and `asked` params; `depth` counts the
    expressions. `stopped`: something was too much, and nothing more is evaluated.
    """

    program: ast.Program
    schema: Schema
    promises: Promises
    builder: Builder
    overrides: Mapping[str, Any]
    bound: Bound | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    evaluate: Evaluate = field(init=False)
    call_component: Callable[[ast.Component, ast.Call, Context, Sequence[Key]], Value] = field(init=False)
    size: int | None = None
    size_said: str = ""
    size_why: str = ""
    predicted: Column | None = None
    resolving: list[tuple[Family, Any]] = field(default_factory=list)
    used_params: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    tables: dict[tuple[str, Key], int] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    asked: list[ast.Param] = field(default_factory=list)
    depth: int = 0
    expanded: int = 0
    stopped: bool = False

    @contextmanager
    def opening(self, name: str, span: Span) -> Iterator[None]:
        """While a param's value or a family's index is found: one that needs itself is reported."""
        if name in self.opened:
            circle = [*self.opened[self.opened.index(name) :], name]
            raise self.builder.report(
                "S0206", f"`{name}` needs itself: {' → '.join(circle)}", span, "it would have to be known already",
                help="write out the number or the set that it is to begin with",
            )  # fmt: skip
        self.opened.append(name)
        try:
            yield
        finally:
            self.opened.pop()

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
