"""Families: `let`, `learn` and `choose` with an index; reading their elements; unrolling those that refer to themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Note
from recspace.dsl.source import Span

from . import deciding, split
from .atoms import ElementVar, ValueVar, is_number, key_label
from .binders import extend
from .builder import Failed
from .columns import ATOM, Column, Context, scatter
from .decisions import Key
from .ir import Block, IntArray, Learned, Operator, Reduce, Ref, Rows
from .looking_up import look_up
from .nesting import check_steps
from .scopes import Family, Scope
from .selecting import select
from .shapes import NUMBER, Shape, vector
from .state import State


def _atom(atom: Any) -> Any:
    """What an element is found by: the axes over values and over run-time elements are one row each."""
    return "·" if isinstance(atom, ValueVar | ElementVar) else atom


def family(state: State, scope: Scope, name: str) -> Family:
    """The family of a definition, made when it is first asked for."""
    if name not in scope.families:
        statement = scope.definitions[name]
        with state.opening(scope.place(name), statement.name_span):
            scope.families[name] = _opened(state, scope, name)
    return scope.families[name]


def _opened(state: State, scope: Scope, name: str) -> Family:
    statement = scope.definitions[name]
    assert isinstance(statement, ast.Let | ast.Choose | ast.Learn)
    assert scope.base is not None
    ctx = scope.base
    names: list[str] = []
    ordered: set[int] = set()
    for binder in statement.index:
        ctx, chosen = extend(state, ctx, binder)
        if chosen is not None:
            raise state.builder.report("S0204", "a family cannot be indexed by a set that is searched", binder.span)
        if not isinstance(binder.names, ast.Each):
            ordered.add(len(names))
        names += binder.names.names
    columns = [[_atom(a) for a in c.atoms] for c in map(ctx.lookup, names) if c is not None]
    base_rows = ctx.rows_in(scope.base).tolist()
    rows_of = {key: row for row, key in enumerate(zip(base_rows, *columns, strict=True))}
    made = Family(name, scope, statement, ctx, rows_of, tuple(names), frozenset(ordered))
    axis = scope.axis(name)
    if axis is not None:
        made.axis, made.step_of = axis, tuple(columns[axis])
        check_steps(state, len(set(made.step_of)), statement.index[0].span)
    return made


def element(state: State, fam: Family, ctx: Context, slots: Sequence[Column | None], span: Any) -> Column:
    """`fam[slots]` in every row of a context; None stands for `:`."""
    if len(slots) != len(fam.names):
        raise state.builder.report(
            "S0205", f"`{fam.name}` is indexed by {len(fam.names)}, and {len(slots)} are given", span,
            f"{fam.name}[{', '.join(fam.names)}]", notes=_declared(fam),
        )  # fmt: skip
    for k, slot in enumerate(slots):
        if slot is not None and not slot.constant:
            return _searched_or_looked_up(state, fam, ctx, slots, k, slot, span)
    if any(s is None for s in slots):
        return _whole_axis(state, fam, ctx, slots, span)
    base = ctx.rows_in(fam.scope.base) if fam.scope.base is not None else np.zeros(ctx.n, dtype=np.int64)
    columns = [s.atoms for s in slots if s is not None]
    rows = np.array([_row(state, fam, key, span) for key in zip(base.tolist(), *columns, strict=True)], dtype=np.int64)
    return _renamed(state, fam, read(state, fam, rows, span), ctx, slots, span)


def keys_at(state: State, fam: Family, ctx: Context, slots: Sequence[Column], span: Any) -> tuple[Key, ...]:
    """The index of `fam[slots]` in every row of a context; nothing of the family is resolved."""
    base = ctx.rows_in(fam.scope.base) if fam.scope.base is not None else np.zeros(ctx.n, dtype=np.int64)
    keys = fam.context.index().keys
    wanted = zip(base.tolist(), *(s.atoms for s in slots), strict=True)
    return tuple(keys[_row(state, fam, key, span)] for key in wanted)


def _renamed(
    state: State, fam: Family, column: Column, ctx: Context, slots: Sequence[Column | None], span: Any
) -> Column:
    """`z[j, i]` of a family `z[i, j in elements(f)]`: its run-time axes under the names of those who read it."""
    names = [
        (name, slot.atoms[0].name)
        for name, slot in zip(fam.names, slots, strict=True)
        if slot is not None and slot.atoms and isinstance(slot.atoms[0], ElementVar)
    ]
    nodes = np.flatnonzero(column.nodes != ATOM)
    if not names or not len(nodes):
        return column
    to = Column.uniform(tuple(names), len(nodes))
    made = split.apply(state.builder, "rename", [column.take(nodes)], ctx.restricted(nodes), span, options={"to": to})
    return scatter(ctx.n, [(np.arange(ctx.n), column), (nodes, made)])


def _row(state: State, fam: Family, key: tuple[Any, ...], span: Any) -> int:
    key = tuple(map(_atom, key))
    row = fam.rows_of.get(key)
    if row is None:
        for k in fam.ordered:
            swapped = (*key[: k + 1], key[k + 2], key[k + 1], *key[k + 3 :])
            row = fam.rows_of.get(swapped, row)
    if row is None:
        text = ", ".join(str(key_label(a)) for a in key[1:])
        raise state.builder.report(
            "S0203", f"`{fam.name}` has no element [{text}]", span, f"not in {fam.name}'s index", notes=_declared(fam),
            help="write the index of the family so that it covers this element, or a condition that leaves it out",
        )  # fmt: skip
    return row


def _declared(fam: Family | ast.Param) -> tuple[Note, ...]:
    if isinstance(fam, ast.Param):
        return (Note(fam.name_span, "declared here"),)
    axes = ", ".join(fam.context.axes and _axes(fam))
    return (Note(fam.statement.name_span, f"declared here{f' over [{axes}]' if axes else ''}"),)


def _axes(fam: Family) -> tuple[str, ...]:
    outer = len(fam.scope.base.all_axes()) if fam.scope.base else 0
    return fam.context.all_axes()[outer:]


def read(state: State, fam: Family, rows: IntArray, span: Any) -> Column:
    """Some elements, resolved if they are not yet."""
    if fam.axis is None:
        resolve_rows(state, fam, None, span)
    else:
        needed = {fam.step_of[r] for r in rows}
        if needed - fam.done:
            highest = max(needed)
            for step in sorted(s for s in set(fam.step_of) if s <= highest and s not in fam.done):
                if step in needed or step not in fam.active:
                    resolve_rows(state, fam, step, span)
    assert fam.values is not None
    return fam.values.take(rows)


def resolve_rows(state: State, fam: Family, step: Any, span: Any) -> None:
    """Resolve one step of a family (all of it where it has no ordered axis)."""
    if step in fam.done:
        return
    if fam.failed:
        raise Failed
    if step in fam.active:
        known = (fam, step) in state.resolving
        members = state.resolving[state.resolving.index((fam, step)) :] if known else [(fam, step)]
        raise circle(state, [(_step_name(f, s), f) for f, s in members], span)
    fam.active.add(step)
    state.resolving.append((fam, step))
    n = fam.context.n
    every = np.arange(n, dtype=np.int64)
    rows = every if step is None else np.array([k for k, s in enumerate(fam.step_of) if s == step], dtype=np.int64)
    try:
        ctx = fam.context if step is None else fam.context.restricted(rows)
        column = _resolved(state, fam, ctx)
    except Failed:
        fam.failed = True
        raise
    finally:
        fam.active.discard(step)
        state.resolving.pop()
    before = fam.values if fam.values is not None else Column.uniform(None, n)
    fam.values = column if step is None else scatter(n, [(every, before), (rows, column)])
    fam.done.add(step)


def circle(state: State, members: Sequence[tuple[str, Family | ast.Param]], span: Span) -> Failed:
    """What reads the first of some definitions that need one another in turn."""
    names = [name for name, _ in members]
    shown = names if len(names) <= 12 else [*names[:6], f"… {len(names) - 8} more …", *names[-2:]]
    notes = [n for m in dict.fromkeys(m for _, m in members) for n in _declared(m)]
    return state.builder.report(
        "S0206", f"`{names[0]}` needs itself: {' → '.join([*shown, names[0]])}", span,
        "it would have to be known already", notes=tuple(notes[:12]),
        help="a family may refer to earlier positions of an ordered index alone, such as h[l - 1]",
    )  # fmt: skip


def _step_name(fam: Family, step: Any) -> str:
    """`h[3]`, where a family is unrolled; else its name."""
    return (
        fam.name
        if step is None
        else f"{fam.name}[{', '.join(':' if k != fam.axis else str(step) for k in range(len(fam.names)))}]"
    )


def _resolved(state: State, fam: Family, ctx: Context) -> Column:
    place = fam.scope.place(fam.name)
    if not ctx.n and not isinstance(fam.statement, ast.Choose):
        return Column.of_atoms(())  # of no elements
    match fam.statement:
        case ast.Let(value=value):
            return split.settle(state.builder, state.column(value, ctx), ctx, value.span, place)
        case ast.Choose() as choose:
            return deciding.declared(state, choose, ctx, place)
        case ast.Learn() as learn:
            return _learned(state, learn, ctx, place)


def _learned(state: State, learn: ast.Learn, ctx: Context, place: str) -> Column:
    shape, initial = NUMBER, 0.0
    if learn.shape is not None:
        column = state.column(learn.shape, ctx)
        dims = column.atoms[0] if column.constant else ()
        dims = dims if isinstance(dims, tuple) else (dims,)
        if not dims or len(dims) > 2 or not all(isinstance(d, int) and d >= 1 for d in dims):
            raise state.builder.report(
                "S0306", "a learned tensor has a shape of one or two widths", learn.shape.span, "[n] or [m, n]"
            )
        shape = vector(dims[0]) if len(dims) == 1 else Shape("matrix", dims)
    if learn.initial is not None:
        atom = state.column(learn.initial, ctx).atoms[0]
        if not is_number(atom):
            raise state.builder.report("S0306", "a learned tensor starts from a number", learn.initial.span)
        initial = float(atom)
    node = Learned(index=ctx.index(), shape=shape, place=place, span=learn.span, name=place, initial=initial)
    return Column.of_node(state.builder.add(node), ctx.n)


def _searched_or_looked_up(
    state: State, fam: Family, ctx: Context, slots: Sequence[Column | None], k: int, slot: Column, span: Any
) -> Column:
    """`h[depth]` is a choice between elements; `keep[f, value(f)]` is looked up for every example."""
    builder = state.builder
    nodes = [builder.nodes[i] for i in slot.node_ids()]
    if all(isinstance(n, Operator) and n.operator == "value" for n in nodes):
        looked = np.array(["·"] * ctx.n, dtype=object)
        mine = element(state, fam, ctx, [*slots[:k], Column.of_atoms(tuple(looked)), *slots[k + 1 :]], span)
        return look_up(state, fam.name, _declared(fam), mine, slot, ctx, span)
    if all(isinstance(n, Operator) and n.operator == "block" for n in nodes):
        return _picked(state, fam, ctx, slots, k, slot, span)
    found = all(isinstance(n, Operator) and n.operator == "lookup" for n in nodes)
    if any(n.phase == "run" for n in nodes) and not found:
        options: list[Any] = sorted({key[k + 1] for key in fam.rows_of if is_number(key[k + 1])})
        if not options:
            raise builder.report("S0207", f"`{fam.name}` cannot be read at a position that each example decides", span,
                                 help="look it up with value(f), or search the position with a decision")  # fmt: skip
    else:
        options = sorted({c for i, r in zip(slot.nodes.tolist(), slot.rows.tolist(), strict=True) if i != ATOM
                          for c in builder.candidates(i, r)})  # fmt: skip
        if not options:
            raise builder.report("S0207", f"`{fam.name}` cannot be read at a position that is no whole number", span,
                                 help="search the position with a decision between whole numbers")  # fmt: skip
    alternatives = []
    for option in options:
        atom = int(option) if option == int(option) else option
        alternatives.append(element(state, fam, ctx, [*slots[:k], Column.uniform(atom, ctx.n), *slots[k + 1 :]], span))
    return select(builder, builder.values(slot, ctx, span), options, alternatives, ctx, span, "")


def _picked(
    state: State, fam: Family, ctx: Context, slots: Sequence[Column | None], k: int, slot: Column, span: Any
) -> Column:
    """`keep[block(f, S), :]`: the element of the block that the value of an example is in; element by element of a list."""
    nodes = [state.builder.nodes[i] for i in slot.node_ids()]
    most = max(int(n.options["blocks"]) for n in nodes if isinstance(n, Operator))
    found = [
        element(state, fam, ctx, [*slots[:k], Column.uniform(number, ctx.n), *slots[k + 1 :]], span)
        for number in range(1, most + 1)
    ]
    return split.apply(state.builder, "pick", [slot, *found], ctx, span)


def _whole_axis(state: State, fam: Family, ctx: Context, slots: Sequence[Column | None], span: Any) -> Column:
    """`keep[f, :]`: the elements along one axis as a vector."""
    k = next(i for i, s in enumerate(slots) if s is None)
    base = ctx.rows_in(fam.scope.base).tolist() if fam.scope.base is not None else [0] * ctx.n
    others = [s.atoms for i, s in enumerate(slots) if s is not None]
    if len(others) != len(slots) - 1:
        raise state.builder.report("S0205", "one `:` at most", span)
    along: dict[tuple[Any, ...], list[int]] = {}
    for key, row in fam.rows_of.items():
        along.setdefault((*key[: k + 1], *key[k + 2 :]), []).append(row)
    found = [along.get(tuple(map(_atom, key)), []) for key in zip(base, *others, strict=True)]
    counts = {len(f) for f in found}
    if len(counts) > 1 or 0 in counts:
        raise state.builder.report("S0203", f"`{fam.name}` has no such elements everywhere", span, notes=_declared(fam))
    rows = np.array(found, dtype=np.int64).reshape(-1)
    values = read(state, fam, rows, span)
    count = counts.pop() if counts else 1
    if values.constant:
        return Column.of_atoms([values.atoms[r * count : (r + 1) * count] for r in range(ctx.n)])
    nodes = values.node_ids()
    if len(nodes) != 1 or values.has_atoms or state.builder.nodes[nodes[0]].shape != NUMBER:
        raise state.builder.report(
            "S0307", "`:` gives a vector of numbers, and these are none", span, notes=_declared(fam)
        )
    block = Block(ref=Ref(nodes[0], Rows(values.rows)), count=count)
    source = state.builder.nodes[nodes[0]]
    index = ctx.index()
    if source.index.values and not index.values:
        index = _with_values(index, source.index.values, values.rows[::count])
    node = Reduce(index=index, shape=vector(count), phase=source.phase, span=span, operator="vector", blocks=(block,))
    return Column.of_node(state.builder.add(node), ctx.n)


def _with_values(index: Any, values: tuple[str, ...], rows: IntArray) -> Any:
    from dataclasses import replace

    return replace(index, values=tuple(values[r] for r in rows))


def rows_at(fam: Family, ctx: Context) -> tuple[IntArray, IntArray]:
    """All elements that belong to each row of a context: (row of the context, row of the family), in order."""
    base = ctx.rows_in(fam.scope.base) if fam.scope.base is not None else np.zeros(ctx.n, dtype=np.int64)
    by_base: dict[int, list[int]] = {}
    for key, row in fam.rows_of.items():
        by_base.setdefault(key[0], []).append(row)
    outer = [r for r in range(ctx.n) for _ in by_base.get(int(base[r]), ())]
    rows = [row for r in range(ctx.n) for row in by_base.get(int(base[r]), ())]
    return np.array(outer, dtype=np.int64), np.array(rows, dtype=np.int64)
