"""Expressions: the value of each in every row of a context."""

from __future__ import annotations

from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import advice, calls, deciding, emptied, split
from .aggregates import expand, reduce
from .atoms import ElementVar, ItemSet, Label, RealRange, describe, is_number, members
from .binders import difference
from .builder import Failed
from .columns import ATOM, Column, Context, Guard, scatter
from .families import element, family
from .ir import DecisionNode, Input
from .schema import Column as DataColumn
from .scopes import Family
from .search_phase import ARITHMETIC, CONDITIONS
from .selecting import select
from .state import State, Value


def evaluate(state: State, expr: ast.Expr, ctx: Context, labels: bool = False) -> Value:
    """The value of an expression. `labels`: unknown names stand for themselves."""
    match expr:
        case ast.Number(value=value):
            return Column.uniform(value, ctx.n)
        case ast.String(value=text):
            return Column.uniform(text, ctx.n)
        case ast.Name(name):
            return name_value(state, name, expr.span, ctx, labels)
        case ast.Qualified(module, name):
            raise calls.unknown(state, f"{module}.{name}", ctx, expr.span, "value")
        case ast.ListOf(items):
            return _list(state, items, ctx, expr.span, labels)
        case ast.SetOf(items):
            columns = state.columns(items, ctx, labels=True)
            return _atoms(state, columns, lambda *v: ItemSet(tuple(dict.fromkeys(v))), ctx, expr.span)
        case ast.Comprehension(generator):
            inner, weights = expand(state, generator.fors, ctx)
            elements = state.column(generator.value, inner) if inner.n else Column.of_atoms(())
            return _comprehension(state, inner, ctx, elements, weights, expr.span)
        case ast.Binary():
            return _binary(state, expr, ctx, labels)
        case ast.Unary(operator, value):
            return _apply(state, "negate" if operator == "-" else "not", [state.column(value, ctx)], ctx, expr.span)
        case ast.Switch():
            return _switch(state, expr, ctx, labels)
        case ast.Call():
            called: Value = calls.call(state, expr, ctx)
            return called
        case ast.Subscript():
            return _subscript(state, expr, ctx)
        case ast.Case(subject, alternatives):
            searched = emptied.decided(ctx.scope, subject)
            return _case(state, state.column(subject, ctx), alternatives, ctx, expr.span, searched)
        case ast.ChooseOne(name, alternatives, clauses):
            labels_ = [a.label for a in alternatives]
            place = ctx.scope.place(name)
            decided = deciding.between(state, place, labels_, clauses, ctx, expr.span)
            return _alternatives(state, decided, alternatives, ctx, expr.span, place, searched=True)
        case ast.ChooseFrom(name, domain, clauses):
            return deciding.from_domain(state, ctx.scope.place(name), domain, clauses, ctx, expr.span)


# -- names -------------------------------------------------------------------------------------------------


def name_value(state: State, name: str, span: Span, ctx: Context, labels: bool) -> Value:
    """Locals, the space, roles and columns, built-ins – in this order."""
    local = ctx.lookup(name)
    if local is not None:
        return local
    scope = ctx.scope
    if name in scope.arguments:
        given = scope.arguments[name]
        return given if isinstance(given, Family) else given.take(ctx.rows_in(scope.base))
    definition = scope.definitions.get(name)
    if isinstance(definition, ast.Param):
        return Column.uniform(param(state, definition, ctx), ctx.n)
    if definition is not None:
        fam = family(state, scope, name)
        return fam if definition.index else element(state, fam, ctx, (), span)
    schema = state.schema
    role = schema.by_role(name)
    if role is not None or any(f.name == name for f in schema.fields):
        from .atoms import FieldRef

        return Column.uniform(FieldRef(role.name if role is not None else name), ctx.n)
    if name in ("fields", "categorical", "numeric", "multivalued"):
        return Column.uniform(field_set(state, name), ctx.n)
    if name == "label":
        node = Input(index=ctx.index(), span=span, columns=(DataColumn("label"),) * ctx.n)
        return Column.of_node(state.builder.add(node), ctx.n)
    if name in ("flops", "latency"):
        return calls.cost_node(state, name, (), ctx, span)
    if name in ("size", "distinct"):
        if state.size is None:
            raise state.builder.report("S0210", f"`{name}` is for `expect` alone", span, "not known here")
        return Column.uniform(state.size, ctx.n)
    if name in ("true", "false"):
        return Column.uniform(name == "true", ctx.n)
    promise = state.promises.operators.get(name)
    if promise is not None and promise.inputs[:1] == ("prediction",):
        return calls.objective(state, promise, ast.Name(name, span), ctx)
    if labels:
        return Column.uniform(Label(name), ctx.n)
    raise calls.unknown(state, name, ctx, span, "value")


def param(state: State, definition: ast.Param, ctx: Context) -> Any:
    """A param's value: overridden from outside, or as declared."""
    name = definition.name
    if name in state.overrides:
        state.used_params.add(name)
        return state.overrides[name]
    base = Context(1, ctx.scope)
    column = state.column(definition.value, base, labels=True)
    if not column.constant:
        raise state.builder.report("S0211", f"`{name}` is a param, and so known when compiling", definition.value.span, "decided later",
                                   help=f"write: let {name} = …")  # fmt: skip
    return column.atoms[0]


def field_set(state: State, name: str) -> ItemSet:
    from .atoms import FieldRef

    kinds = {"categorical": ("category",), "numeric": ("number",), "multivalued": ("many", "sequence")}
    wanted = kinds.get(name)
    return ItemSet(tuple(FieldRef(f.name) for f in state.schema.fields if wanted is None or f.kind in wanted))


# -- lists, arithmetic, conditions -------------------------------------------------------------------------


def _atoms(state: State, columns: list[Column], make: Any, ctx: Context, span: Span) -> Column:
    made: dict[tuple[int, ...], Any] = {}
    found = []
    for row in range(ctx.n):
        if any(c.nodes[row] != ATOM for c in columns):
            raise state.builder.report("S0213", "what stands here is known when compiling", span, "decided later")
        values = tuple(c.atoms[row] for c in columns)
        key = tuple(map(id, values))
        if key not in made:
            made[key] = make(*values)
        found.append(made[key])
    return Column.of_atoms(found)


def _list(state: State, items: tuple[ast.Expr, ...], ctx: Context, span: Span, labels: bool) -> Column:
    columns = state.columns(items, ctx, labels)
    if all(c.constant for c in columns):
        return _atoms(state, columns, lambda *v: v, ctx, span)
    n = len(columns)
    outer = np.repeat(np.arange(ctx.n, dtype=np.int64), n)
    inner = Context(len(outer), ctx.scope, ctx, outer, {"·": Column.of_atoms(list(range(n)) * ctx.n)})
    order = np.arange(len(outer), dtype=np.int64)
    joined = scatter(len(outer), [(order[k::n], c) for k, c in enumerate(columns)])
    return _vector(state, inner, ctx, joined, span)


def _vector(state: State, inner: Context, ctx: Context, value: Column, span: Span) -> Column:
    return reduce(state, "vector", inner, ctx, value, None, span, "")


def _comprehension(
    state: State, inner: Context, ctx: Context, value: Column, weights: Column | None, span: Span
) -> Column:
    if weights is not None:
        raise state.builder.report(
            "S0213", "a list's elements are known when compiling, and this filter is decided later", span
        )
    if not value.constant:
        return _vector(state, inner, ctx, value, span)
    found: list[list[Any]] = [[] for _ in range(ctx.n)]
    for row, atom in zip(inner.rows_in(ctx).tolist(), value.atoms, strict=True):
        found[row].append(atom)
    return Column.of_atoms([tuple(f) for f in found])


def _binary(state: State, expr: ast.Binary, ctx: Context, labels: bool) -> Column:
    operator = expr.operator
    left, right = state.columns((expr.left, expr.right), ctx, labels or operator in ("==", "!="))
    match operator:
        case "..":
            return _atoms(state, [left, right], lambda a, b: _range(state, a, b, expr.span), ctx, expr.span)
        case "in":
            return _member(state, left, right, ctx, expr.span)
        case "-" if left.constant and any(members(a) is not None and not is_number(a) for a in left.atoms):
            return _atoms(state, [left, right], lambda a, b: _difference(state, a, b, expr.span), ctx, expr.span)
        case "and" | "or":
            return _logical(state, operator, left, right, ctx, expr.span)
        case "==" | "!=":
            named = _named(state, operator, left, right, ctx, expr.span)
            if named is not None:
                return named
    left, right = _relative(state, expr, left, right)
    try:
        return _apply(state, operator, [left, right], ctx, expr.span)
    except Failed:
        advice.explain(state, expr.span, (expr.left, expr.right), ctx)
        raise


def _relative(state: State, expr: ast.Binary, left: Column, right: Column) -> tuple[Column, Column]:
    """A percentage beside a cost is relative to that cost in the widest model."""
    from dataclasses import replace

    from .ir import Cost

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
        raise state.builder.report(
            "S0202", f"a set is taken from a set, and this is {describe(right)}", span, describe(right)
        )
    return found


def _member(state: State, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    if left.constant and right.constant:
        found = []
        for item, atom in zip(left.atoms, right.atoms, strict=True):
            items = members(atom)
            if items is None:
                raise state.builder.report(
                    "S0202", f"`in` asks for a member of a set, and this is {describe(atom)}", span, describe(atom)
                )
            found.append(item in items)
        return Column.of_atoms(found)
    positions = []
    for row in range(ctx.n):
        node = state.builder.nodes[int(right.nodes[row])] if right.nodes[row] != ATOM else None
        if not isinstance(node, DecisionNode) or left.nodes[row] != ATOM:
            raise state.builder.report("S0202", "`in` asks whether something known is in a set", span)
        entry = state.entries[node.name]
        options = entry.atoms[entry.domain_of[int(node.elements.array[int(right.rows[row])])]]
        positions.append(options.index(left.atoms[row]) if left.atoms[row] in options else -1)
    return split.apply(state.builder, "member", [right, Column.of_atoms(positions)], ctx, span)


def _named(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column | None:
    """A decision of names compared with a name."""
    for subject, other in ((left, right), (right, left)):
        nodes = [state.builder.nodes[k] for k in subject.node_ids()]
        if other.constant and any(isinstance(a, Label) for a in other.atoms) and nodes:
            if not all(isinstance(n, DecisionNode) for n in nodes):
                raise state.builder.report("S0302", "a name is compared with a decision of names", span)
            positions = [_position(state, subject, k, other.atoms[k], span) for k in range(ctx.n)]
            found = split.apply(state.builder, "is", [subject, Column.of_atoms(positions)], ctx, span)
            return found if operator == "==" else split.apply(state.builder, "not", [found], ctx, span)
    return None


def _position(state: State, subject: Column, row: int, atom: Any, span: Span) -> int:
    node = state.builder.nodes[int(subject.nodes[row])]
    assert isinstance(node, DecisionNode)
    options = state.entries[node.name].domain(int(node.elements.array[int(subject.rows[row])])).options
    name = atom.name if isinstance(atom, Label) else atom
    if name not in options:
        raise state.builder.report("S0406", f"`{node.name}` is never {name}", span, "no such option",
                                   help=f"its options are {', '.join(map(str, options))}")  # fmt: skip
    return options.index(name)


def _logical(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    """Where one side is known, the other decides or nothing does."""
    known = operator == "or"
    pieces = []
    both = []
    for row in range(ctx.n):
        for mine, other in ((left, right), (right, left)):
            if mine.nodes[row] == ATOM:
                one = np.array([row])
                truth = bool(mine.atoms[row])
                pieces.append((one, Column.of_atoms([known]) if truth == known else other.take(one)))
                break
        else:
            both.append(row)
    if both:
        rows = np.array(both, dtype=np.int64)
        sub = ctx.restricted(rows)
        pieces.append((rows, split.apply(state.builder, operator, [left.take(rows), right.take(rows)], sub, span)))
    return scatter(ctx.n, pieces)


def _apply(state: State, operator: str, columns: list[Column], ctx: Context, span: Span) -> Column:
    """Arithmetic and comparisons: on plain numbers now, else as a node."""
    if not all(c.constant for c in columns):
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
                found.append(_on_lists(function, values))
                continue
            raise state.builder.report(
                "S0302", f"`{operator}` works on numbers, and this is {describe(wrong)}", span, describe(wrong)
            )
        try:
            assert function is not None
            found.append(function(*values))
        except ZeroDivisionError:
            raise state.builder.report("S0209", "division by zero", span, "the divisor is 0") from None
        except OverflowError:
            raise state.builder.report("S0209", "this number is too large", span) from None
    return Column.of_atoms(found)


def _on_lists(function: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
    length = max(len(v) for v in values if isinstance(v, tuple))
    spread = [v if isinstance(v, tuple) else (v,) * length for v in values]
    return tuple(function(*one) for one in zip(*spread, strict=False))


def _absorbed(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    """x * 1 and x + 0 are x, x * 0 is 0: a gate that is shut takes its row away."""
    neutral = 1 if operator == "*" else 0
    how = np.zeros(ctx.n, dtype=np.int64)  # 0: compute; 1: left; 2: right; 3: zero
    for row in range(ctx.n):
        for mine, other, name in ((left, right, 2), (right, left, 1)):
            if mine.nodes[row] == ATOM and other.nodes[row] != ATOM and is_number(mine.atoms[row]):
                if mine.atoms[row] == neutral:
                    how[row] = name
                elif (
                    operator == "*"
                    and mine.atoms[row] == 0
                    and state.builder.nodes[int(other.nodes[row])].shape.kind == "number"
                ):
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
    known = np.array([all(c.nodes[r] == ATOM for c in columns) for r in range(ctx.n)])
    pieces = []
    for rows, plain in ((np.flatnonzero(known), True), (np.flatnonzero(~known), False)):
        if len(rows):
            sub = ctx.restricted(rows)
            taken = [c.take(rows) for c in columns]
            pieces.append(
                (
                    rows,
                    _apply(state, operator, taken, sub, span)
                    if plain
                    else split.apply(state.builder, operator, taken, sub, span),
                )
            )
    return scatter(ctx.n, pieces)


# -- branches ----------------------------------------------------------------------------------------------


def _switch(state: State, expr: ast.Switch, ctx: Context, labels: bool) -> Column:
    condition = state.column(expr.condition, ctx)
    pieces = []
    settled = condition.nodes == ATOM
    truths = np.array([bool(condition.atoms[r]) if settled[r] else False for r in range(ctx.n)], dtype=bool)
    searched = state.bound is not None and emptied.decided(ctx.scope, expr.condition)
    for rows, branch, other in (
        (np.flatnonzero(settled & truths), expr.value, expr.otherwise),
        (np.flatnonzero(settled & ~truths), expr.otherwise, expr.value),
    ):
        if len(rows):
            sub = ctx.restricted(rows) if len(rows) < ctx.n else ctx
            taken = state.column(branch, sub, labels)
            pieces.append((rows, emptied.like_siblings(state, taken, [other] if searched else [], sub, expr.span)))
    if len(pieces) == 1 and len(pieces[0][0]) == ctx.n:
        return pieces[0][1]
    open_rows = np.flatnonzero(~settled)
    if len(open_rows):
        sub = ctx.restricted(open_rows) if len(open_rows) < ctx.n else ctx
        subject = condition.take(open_rows)
        yes = state.column(expr.value, sub.guarded(Guard(subject)), labels)
        no = state.column(expr.otherwise, sub.guarded(Guard(subject, "fails")), labels)
        pieces.append((open_rows, select(state.builder, subject, (True, False), (yes, no), sub, expr.span, "")))
    return scatter(ctx.n, pieces)


def _case(
    state: State, subject: Column, alternatives: tuple[ast.Alternative, ...], ctx: Context, span: Span, searched: bool
) -> Column:
    given = [a.label for a in alternatives]
    odd = next((a for r in np.flatnonzero(subject.nodes == ATOM) if _label(a := subject.atoms[r]) not in given), None)
    if odd is not None:
        raise state.builder.report(
            "S0407", f"this case has no alternative for {describe(odd)}", span, "every option needs one"
        )
    for k in subject.node_ids():
        node = state.builder.nodes[k]
        if isinstance(node, DecisionNode):
            options = {o for d in state.entries[node.name].domains for o in d.options}
            missing = [str(o) for o in options if o not in given]
            extra = [str(g) for g in given if g not in options]
            if missing or extra:
                said = (
                    f"has no alternative for {', '.join(sorted(missing))}"
                    if missing
                    else f"has {', '.join(extra)}, which is no option"
                )
                raise state.builder.report(
                    "S0407", f"this case of `{node.name}` {said}", span, "every option needs one"
                )
        else:
            raise state.builder.report("S0407", "a case selects by a decision", span)
    return _alternatives(state, subject, alternatives, ctx, span, "", searched=searched)


def _alternatives(
    state: State, subject: Column, alternatives: tuple[ast.Alternative, ...], ctx: Context, span: Span, place: str,
    *, searched: bool,
) -> Column:  # fmt: skip
    """What the subject selects, row by row. `searched`: a decision does, so a constant is shaped as its siblings are."""
    pieces = []
    known = subject.nodes == ATOM
    for alternative in alternatives:
        rows = np.array(
            [r for r in np.flatnonzero(known) if _label(subject.atoms[r]) == alternative.label], dtype=np.int64
        )
        if len(rows):
            sub = ctx.restricted(rows) if len(rows) < ctx.n else ctx
            taken = state.column(alternative.value, sub)
            others = [a.value for a in alternatives if a is not alternative] if searched else []
            pieces.append((rows, emptied.like_siblings(state, taken, others, sub, span)))
    open_rows = np.flatnonzero(~known)
    if len(open_rows):
        sub = ctx.restricted(open_rows) if len(open_rows) < ctx.n else ctx
        own = subject.take(open_rows)
        labels = [a.label for a in alternatives]
        found = []
        for alternative in alternatives:
            positions = tuple(_option(state, own, r, alternative.label) for r in range(sub.n))
            found.append(state.column(alternative.value, sub.guarded(Guard(own, "is", positions))))
        pieces.append((open_rows, select(state.builder, own, labels, found, sub, span, place)))
    joined = scatter(ctx.n, pieces)
    return joined if joined.constant else split.settle(state.builder, joined, ctx, span, place)


def _label(atom: Any) -> Any:
    if isinstance(atom, bool):
        return "on" if atom else "off"
    return atom.name if isinstance(atom, Label) else atom


def _option(state: State, subject: Column, row: int, label: Any) -> int:
    node = state.builder.nodes[int(subject.nodes[row])]
    assert isinstance(node, DecisionNode)
    options = state.entries[node.name].domain(int(node.elements.array[int(subject.rows[row])])).options
    return options.index(label) if label in options else -1


# -- subscripts --------------------------------------------------------------------------------------------


def _subscript(state: State, expr: ast.Subscript, ctx: Context) -> Value:
    value = state.evaluate(expr.value, ctx)
    slots = [None if isinstance(s, ast.All) else state.column(s, ctx) for s in expr.slots]
    if isinstance(value, Family):
        return element(state, value, ctx, slots, expr.span)
    if value.constant and len(slots) == 1 and slots[0] is not None:
        return _item(state, value, slots[0], ctx, expr.span)
    if (
        len(slots) == 1
        and slots[0] is not None
        and slots[0].constant
        and all(isinstance(a, ElementVar) for a in slots[0].atoms)
    ):
        return split.apply(
            state.builder,
            "element",
            [value],
            ctx,
            expr.span,
            options={"at": Column.of_atoms([a.name for a in slots[0].atoms])},
        )
    raise state.builder.report(
        "S0205", "brackets read an element of a family or of a list, and this is neither", expr.span
    )


def _item(state: State, value: Column, slot: Column, ctx: Context, span: Span) -> Column:
    """Lists are indexed from 1."""
    found: list[Any] = []
    for row, atom in enumerate(value.atoms):
        items = members(atom)
        if items is None:
            raise state.builder.report(
                "S0205", f"brackets read an element, and this is {describe(atom)}", span, describe(atom)
            )
        if not items:
            raise state.builder.report("S0203", "this list has no elements", span, "empty")
        if slot.nodes[row] != ATOM:
            return _searched_item(state, items, slot, ctx, span)
        at = slot.atoms[row]
        if not isinstance(at, int) or not 1 <= at <= len(items):
            raise state.builder.report(
                "S0203", f"this list has {len(items)} elements, and none at {at}", span, "counted from 1"
            )
        found.append(items[at - 1])
    return Column.of_atoms(found)


def _searched_item(state: State, items: list[Any], slot: Column, ctx: Context, span: Span) -> Column:
    labels = list(range(1, len(items) + 1))
    return select(state.builder, slot, labels, [Column.uniform(i, ctx.n) for i in items], ctx, span, "")
