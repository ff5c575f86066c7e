"""From a program to what is asked of it: a graph, its size, a supernet, a plain model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit, SpaceError

from .architectures import hand_made
from .builder import Failed
from .compiled import Compiled, Slice
from .conditions import condition
from .decisions import Architecture, Key, smallest
from .incompressible import gates_on_compressed
from .ir import Graph
from .nesting import room
from .passes.keep import Mask, Place
from .passes.vanish import vanish
from .promise import Promises
from .resolve import Resolved, resolve
from .schema import Schema
from .state import Bound
from .unfinished import UNFINISHED


@dataclass(frozen=True, slots=True)
class Checked:
    """A space that was checked: its graph (None where there are errors), its size, and what there is to say."""

    graph: Graph | None
    size: Any
    diagnostics: tuple[Diagnostic, ...]


def check(
    program: ast.Program, schema: Schema, promises: Promises, *, overrides: Mapping[str, Any] | None = None
) -> Checked:
    """Names, types, shapes, requirements and expectations of a space on a schema; its size."""
    from .size import size, unmet
    from .unread import unread

    if program.file.space is None:
        return Checked(None, None, ())
    resolved = resolve(program, schema, promises, overrides=overrides)
    if resolved.graph is None:
        return Checked(None, None, resolved.diagnostics)
    found = size(resolved.graph)
    impossible = unmet(resolved.graph, found)
    if not impossible:
        _expectations(resolved, program.file.space, found)
    diagnostics = (*resolved.state.builder.diagnostics.values(), *impossible, *gates_on_compressed(resolved.graph))
    if any(d.severity == "error" for d in diagnostics):
        return Checked(None, found, diagnostics)
    return Checked(resolved.graph, found, (*diagnostics, *unread(resolved.graph, program.file.space)))


def _expectations(resolved: Resolved, space: ast.Space, found: Any) -> None:
    """`expect`: a test in the file; a failure is an error at its line, with both values."""
    state = resolved.state
    state.size, state.size_said, state.size_why = found.value, found.formula, found.why
    for statement in space.statements:
        if not isinstance(statement, ast.Expect):
            continue
        try:
            with room():
                column = condition(state, statement.condition, resolved.root)
            if not column.constant:
                raise state.builder.report(
                    "S0409",
                    "an expectation is about what is known when compiling",
                    statement.condition.span,
                    help="expect something of `size`, params and the data; what architectures must meet is a `require`",
                )
            if not column.atoms[0]:
                state.builder.report(
                    "S0409",
                    "this expectation fails",
                    statement.condition.span,
                    _values(state, statement.condition, resolved),
                    help=f"correct it, or the space: `size` is {found.formula if found.value is None else _shown(found.value)}",
                    edits=_expected(statement.condition, found.value),
                )
        except Failed:
            continue


def _expected(condition: ast.Expr, size: int | None) -> tuple[Edit, ...]:
    """`expect size == …` with the size that there is."""
    match condition:
        case ast.Binary("==", ast.Name("size"), right) if size is not None and size.bit_length() <= 200:
            return (Edit(right.span, str(size)),)
        case _:
            return ()


def _values(state: Any, condition: ast.Expr, resolved: Resolved) -> str:
    if not isinstance(condition, ast.Binary):
        return "false"
    sides = [state.column(side, resolved.root) for side in (condition.left, condition.right)]
    if not all(side.constant for side in sides):
        return "false"
    left, right = (side.atoms[0] for side in sides)
    return f"{_shown(left)} {condition.operator} {_shown(right)} is false"


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return f"a number of {value.bit_length()} bits"
    return str(value)


def bind(
    decisions: Mapping[str, Any], graph: Graph, weighted: frozenset[str] = frozenset(), required: bool = True
) -> Bound:
    """An architecture (decision → option positions, in the order of the decision table) as constants to compile with."""
    options: dict[tuple[str, Key], Any] = {}
    for decision in graph.decisions:
        if decision.name in decisions and decision.keys is not None:
            for key, option in zip(decision.keys, decisions[decision.name], strict=True):
                options[decision.name, key] = option
    return Bound(options, {d.name: d for d in graph.decisions}, weighted, required)


DENSE_FROM = 0.5


@dataclass(frozen=True, eq=False)
class Models:
    """What a checked space gives on its data: its supernet, and as many plain models as are asked for.

    The graph is resolved once, and the supernet generated once, when it is first needed: every plain model names its
    weights after it, where it has a form. So a cache is kept, and the class has no slots. `dense_from`: the share of the
    positions of run-time sets that are taken on average from which on all positions have rows. `without`: passes that are
    left out (`lower.SWITCHES`).
    """

    program: ast.Program
    schema: Schema
    promises: Promises
    graph: Graph
    overrides: Mapping[str, Any] | None = None
    dense_from: float = DENSE_FROM
    without: frozenset[str] = frozenset()

    @cached_property
    def supernet(self) -> Compiled:
        """Raises SpaceError where something in the space has no implementation yet."""
        from .codegen import generate
        from .lower import lower

        lowered = lower(self.graph, self.promises, without=self.without)
        return self._switched(generate(lowered, self.schema, self.promises, dense_from=self.dense_from))

    def _switched(self, compiled: Compiled) -> Compiled:
        return replace(compiled, tiled=False) if "tile" in self.without else compiled

    @cached_property
    def _named_after(self) -> Compiled | None:
        """The supernet; None where it has no form: then there are no weights that a plain model could take from it."""
        try:
            return self.supernet
        except SpaceError as refused:
            if any(d.code != UNFINISHED for d in refused.diagnostics):
                raise
            return None

    def settled(self, architecture: Mapping[str, Any]) -> Graph:
        """The graph of a plain model before any pass: what it reads, and how. No `require` is looked at, so that sets may
        hold more than a model may. Raises SpaceError for what cannot be resolved."""
        space = self.program.file.space
        assert space is not None
        free = replace(space, statements=tuple(s for s in space.statements if not isinstance(s, ast.Require)))
        program = replace(self.program, file=replace(self.program.file, space=free))
        bound = bind(architecture, self.graph)
        resolved = resolve(program, self.schema, self.promises, overrides=self.overrides, bound=bound)
        if resolved.graph is None:
            raise SpaceError(resolved.diagnostics)
        return resolved.graph

    def plain(
        self,
        architecture: Mapping[str, Any],
        weighted: frozenset[str] = frozenset(),
        required: bool = True,
        pruned: Mapping[Place, Mask] | None = None,
    ) -> Compiled:
        """The model that is left of the space.

        `architecture`: for every decision the position of each element's option (see `decisions.Architecture`). One
        that each example decides may be left out: then the model keeps what predicts it, made hard.
        `weighted`: decisions of gates whose open gates stay in the model as weights (a buffer, all elements long;
        `choices` overrides it). Raises SpaceError where what is left of the space has no implementation yet, and where no
        `require` lets the architecture pass (unless that is not `required`: of the hand-made model, which is what one has
        without a search). `pruned`: which numbers are left of tables, by layer and element.
        """
        from .codegen import generate
        from .lower import lower
        from .passes.settle import settle

        bound = bind(architecture, self.graph, weighted, required)
        derived = resolve(self.program, self.schema, self.promises, overrides=self.overrides, bound=bound)
        if derived.graph is None:
            raise SpaceError(derived.diagnostics)
        if required:
            self._check_costs(architecture)
        graph = settle(derived.graph, weighted) if weighted else derived.graph
        looked_up = {d.name: d for d in self.graph.decisions if d.per_value and d.name not in weighted}
        default = hand_made(self.graph) if looked_up.keys() - architecture.keys() else {}
        settled = {n: smallest(d, architecture.get(n, default.get(n, ()))) for n, d in looked_up.items()}
        lowered = lower(vanish(graph), self.promises, settled, self.without)
        plain = generate(
            lowered, self.schema, self.promises, plain=True, dense_from=self.dense_from, settled=settled, pruned=pruned
        )
        plain = self._switched(plain)
        return plain if self._named_after is None else named_alike(plain, self._named_after, architecture)

    def _check_costs(self, architecture: Architecture) -> None:
        """Raises SpaceError (S0410) where an architecture does not meet a requirement on costs."""
        from .budgets import on_costs, unmet

        if not on_costs(self.graph):
            return
        whole = {**hand_made(self.graph), **architecture}
        said = "an architecture that was to be compiled does not meet this requirement"
        help = "search with relax and derive, which meets it where gates decide on the numbers of tables"
        found = [
            Diagnostic("S0410", said, output.span, "not met", help=help)
            for output in unmet(self.graph, self.schema, self.promises, whole)
        ]
        if found:
            raise SpaceError(found)


def models(
    program: ast.Program, schema: Schema, promises: Promises, *, overrides: Mapping[str, Any] | None = None,
    without: frozenset[str] = frozenset(),
) -> Models:  # fmt: skip
    """The models of a space that has been checked, its graph resolved again."""
    resolved = resolve(program, schema, promises, overrides=overrides)
    assert resolved.graph is not None, "check the space first"
    return Models(program, schema, promises, resolved.graph, overrides, without=without)


def compile_space(
    program: ast.Program, schema: Schema, promises: Promises, *, overrides: Mapping[str, Any] | None = None,
    architecture: Mapping[str, Any] | None = None, weighted: frozenset[str] = frozenset(),
) -> Compiled:  # fmt: skip
    """One supernet; or, where an architecture is given, one plain model. For several of a space keep its `Models`."""
    made = models(program, schema, promises, overrides=overrides)
    return made.supernet if architecture is None else made.plain(architecture, weighted)


def named_alike(plain: Compiled, supernet: Compiled, architecture: Mapping[str, Any]) -> Compiled:
    """The plain model with each weight called as the one of the supernet that it can be taken from.

    A layer of searched width has weights for each candidate; the architecture says which of them stays.
    """
    unsearched = {_place(s) for t in supernet.tensors for s in t.slices if not s.candidate}
    by_place: dict[tuple[Any, ...], list[tuple[Slice, tuple[int, ...]]]] = {}
    for tensor in supernet.tensors:
        for one in tensor.slices:
            if one.candidate and all(architecture[d][e] == o for d, e, o in one.chosen):
                by_place.setdefault(_place(one), []).append((one, _extent(one)))

    def renamed(one: Slice) -> Slice:
        alike = [s.candidate for s, extent in by_place.get(_place(one), ()) if extent == _extent(one)]
        if alike:
            return replace(one, candidate=one.candidate if one.candidate in alike else alike[0])
        return replace(one, candidate="") if _place(one) in unsearched else one

    tensors = tuple(replace(t, slices=tuple(map(renamed, t.slices))) for t in plain.tensors)
    return replace(plain, tensors=tensors)


def _place(one: Slice) -> tuple[Any, ...]:
    return (one.layer, one.name, one.key, one.part)


def _extent(one: Slice) -> tuple[int, ...]:
    """The shape of a logical weight: ranges of one entry are axes of the tensor that holds it."""
    return tuple(b - a for a, b in one.box[-2:] if b - a > 1)
