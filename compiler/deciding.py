"""Decisions: their domains, where they exist, and what they are when an architecture is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import factored, split
from .atoms import ItemSet, Label, RealRange, SubsetDomain, SubsetsOf, TooMany, describe, is_number, key_label, members
from .columns import Column, Context, scatter
from .decisions import Domain
from .ir import DecisionNode, Ref, Rows
from .logits import logits_of
from .nesting import too_many
from .state import Bound, Entry, State

LISTED = 10_000


def declared(state: State, choose: ast.Choose, ctx: Context, place: str) -> Column:
    """`choose name[index] from domain`."""
    return from_domain(state, place, choose.domain, choose.clauses, ctx, choose.span)


def from_domain(
    state: State, place: str, domain: ast.Expr, clauses: tuple[ast.Clause, ...], ctx: Context, span: Span
) -> Column:
    """A decision that takes a value out of a domain, in every row of a context."""
    column = state.column(domain, ctx, labels=True)
    if not column.constant:
        raise state.builder.report("S0401", "a domain is known when compiling, and this one is searched", domain.span)
    made: dict[int, tuple[Domain, tuple[Any, ...]]] = {}
    for atom in column.atoms:
        if id(atom) not in made:
            try:
                made[id(atom)] = _domain(state, atom, domain.span)
            except TooMany:
                raise too_many(state, domain.span) from None
    return _decide(state, place, [made[id(a)] for a in column.atoms], clauses, ctx, span)


def between(
    state: State, place: str, labels: Sequence[Any], clauses: tuple[ast.Clause, ...], ctx: Context, span: Span
) -> Column:
    """A decision between expressions, by their labels."""
    domain = Domain("alternative", tuple(labels))
    return _decide(state, place, [(domain, tuple(labels))] * ctx.n, clauses, ctx, span)


def _domain(state: State, atom: Any, span: Span) -> tuple[Domain, tuple[Any, ...]]:
    """The domain, and what each of its options stands for."""

    def wrong(message: str, help: str = "") -> Exception:
        return state.builder.report("S0402", message, span, describe(atom), help=help)

    match atom:
        case ItemSet(()) | range() if not atom:
            raise state.builder.report("S0403", "this domain is empty: there is nothing to choose from", span, "empty")
        case ItemSet(items):
            if set(items) == {Label("off"), Label("on")}:
                return Domain("gate", ("off", "on")), (False, True)
            names = tuple(i.name for i in items if isinstance(i, Label))
            if len(names) == len(items):
                return Domain("name", names), items
            numbers = tuple(i for i in items if isinstance(i, int | float) and not isinstance(i, bool))
            if len(numbers) == len(items):
                return Domain("number", numbers), items
            raise wrong("a domain holds numbers or names, not both", "give names alone, or numbers alone")
        case range():
            members(atom)
            options = tuple(atom) if len(atom) <= LISTED else ()
            return Domain("range", options, atom[0], atom[-1]), tuple(atom)
        case RealRange(low, high, log):
            if not low < high or (log and low <= 0):
                raise wrong("a range of reals goes from a smaller to a larger number" + (" above 0" if log else ""))
            return Domain("real", (), low, high, log), ()
        case SubsetDomain(options, low, high):
            items = tuple(members(options) or ())
            if not 0 <= low <= high or low > len(items):
                raise state.builder.report(
                    "S0403", f"no subset of {len(items)} elements has {low}..{high} members", span
                )
            return Domain("subset", tuple(map(key_label, items)), low, min(high, len(items))), items
        case SubsetsOf():
            raise wrong("a decision takes one value", "to choose a set write subset(S, a..b)")
        case tuple():
            return _domain(state, ItemSet(tuple(dict.fromkeys(atom))), span)
        case _:
            raise wrong(f"a domain is a set, a range or subset(S, n), and this is {describe(atom)}",
                        "write {2, 8, 16}, {off, on}, a..b or subset(S, n)")  # fmt: skip


def _decide(
    state: State, place: str, domains: Sequence[tuple[Domain, tuple[Any, ...]]], clauses: tuple[ast.Clause, ...],
    ctx: Context, span: Span,
) -> Column:  # fmt: skip
    index = ctx.index()
    keys = index.keys
    if state.bound is not None:
        bound = _bound(state, state.bound, place, domains, ctx, span)
        if bound is not None:
            return bound
    clash = state.entries.get(place)
    if clash is not None and clash.span != span:
        raise state.builder.report("S0105", f"a decision named `{place}` is declared already", span)
    entry = state.entries.setdefault(place, Entry(place, index.axes, span))
    where = Conditions(state, ctx, span)
    exists = where.exists()
    defaults = _defaults(state, clauses, domains, ctx, place)
    elements = np.empty(ctx.n, dtype=np.int64)
    shared = factored.declared(state, clauses, ctx, place)
    entry.rank = shared.rank
    for row, (key, (domain, atoms)) in enumerate(zip(keys, domains, strict=True)):
        if key not in entry.at:
            entry.at[key] = len(entry.keys)
            entry.keys.append(key)
            if not (entry.domains and domain is entry.domains[-1]) and domain not in entry.domains:
                entry.domains.append(domain)
            entry.domain_of.append(
                len(entry.domains) - 1 if domain is entry.domains[-1] else entry.domains.index(domain)
            )
            entry.defaults.append(defaults[row])
            entry.counts.append(_elements(state, index.values[row] if index.values else ""))
            entry.sets += shared.sets[row : row + 1]
            entry.groups += shared.groups[row : row + 1]
            entry.ranks += shared.ranks[row : row + 1]
        elements[row] = entry.at[key]
        entry.atoms[entry.domain_of[entry.at[key]]] = atoms
    entry.per_value = index.values[0] if index.values else ""
    entry.conditional |= exists is not None
    given, prior = logits_of(state, entry, clauses, domains, ctx)
    node = DecisionNode(index=index, place=place, span=span, name=place, elements=Rows(elements), exists=exists,
                        given=given, prior=prior)  # fmt: skip
    return Column.of_node(state.builder.add(node), ctx.n)


def _elements(state: State, field: str) -> int:
    return state.schema.field(field).cardinality if field else 1


class Conditions:
    """The condition under which the rows of a context are reached, out of the guards around it."""

    def __init__(self, state: State, ctx: Context, span: Span) -> None:
        self.state, self.ctx, self.span = state, ctx, span

    def exists(self) -> Ref | None:
        """A row of the search phase for each row of the context, or None where nothing decides."""
        found: Column | None = None
        builder = self.state.builder
        for guard, rows in self.ctx.guards():
            subject = guard.subject.take(rows)
            if subject.has_atoms or any(builder.nodes[k].phase != "search" for k in subject.node_ids()):
                continue
            match guard.how:
                case "is" | "member":
                    positions = Column.of_atoms([guard.positions[r] for r in rows])
                    condition = split.apply(builder, guard.how, [subject, positions], self.ctx, self.span)
                case "holds":
                    condition = subject
                case "fails":
                    condition = split.apply(builder, "not", [subject], self.ctx, self.span)
            found = condition if found is None else split.apply(builder, "and", [found, condition], self.ctx, self.span)
        if found is None or self.ctx.n == 0:
            return None
        joined = split.settle(builder, found, self.ctx, self.span)
        return Ref(int(joined.nodes[0]), Rows(joined.rows))


def _defaults(
    state: State,
    clauses: tuple[ast.Clause, ...],
    domains: Sequence[tuple[Domain, tuple[Any, ...]]],
    ctx: Context,
    place: str,
) -> list[Any]:
    clause = next((c for c in clauses if isinstance(c, ast.Default)), None)
    if clause is None:
        return [_widest(d) for d, _ in domains]
    column = state.column(clause.value, ctx, labels=True)
    found: list[Any] = []
    for row, (domain, atoms) in enumerate(domains):
        atom = column.atoms[row] if column.constant else None
        options = domain.options if domain.kind in ("gate", "alternative") else atoms
        value = atom.name if isinstance(atom, Label) and domain.kind in ("gate", "alternative") else atom
        if domain.kind == "real" and is_number(atom) and domain.low <= atom <= domain.high:  # type: ignore[operator]
            found.append(float(atom))  # type: ignore[arg-type]
        elif domain.kind == "subset" and isinstance(atom, ItemSet | tuple) and set(atom) <= set(atoms):
            found.append(tuple(sorted(atoms.index(a) for a in atom)))
        elif value in options:
            found.append(options.index(value))
        else:
            raise state.builder.report(
                "S0404", f"the default of `{place}` is none of its options", clause.span, describe(atom),
                help=f"options are {', '.join(map(str, domain.options))}",
            )  # fmt: skip
    return found


def _widest(domain: Domain) -> Any:
    """What the hand-made model has where nothing is said: the widest; between expressions and names the first."""
    match domain.kind:
        case "gate":
            return 1
        case "number":
            return max(range(len(domain.options)), key=lambda k: domain.options[k])
        case "range":
            return len(domain.options) - 1
        case "real":
            return domain.high
        case "subset":
            return tuple(range(int(domain.high)))
        case "name" | "alternative":
            return 0


def _bound(
    state: State, bound: Bound, place: str, domains: Sequence[tuple[Domain, tuple[Any, ...]]], ctx: Context, span: Span
) -> Column | None:
    """The decision as a constant, where the architecture says what it is. What it does not say has its default."""
    keys = ctx.keys()
    if ctx.index().values:
        return None
    if all((place, key) not in bound.options for key in keys) and _by_example(bound, place):
        return None  # the model keeps what predicts it
    atoms: list[Any] = []
    for key, (domain, options) in zip(keys, domains, strict=True):
        option = bound.options.get((place, key), _widest(domain))
        if domain.kind == "real":
            atoms.append(option)
        elif domain.kind == "subset":
            atoms.append(ItemSet(tuple(options[k] for k in option)))
        else:
            atoms.append(options[option])
    column = Column.of_atoms(atoms)
    if place in bound.weighted:
        return _weighted(state, bound, place, column, ctx, span)
    return column


def _by_example(bound: Bound, place: str) -> bool:
    return place in bound.decisions and bound.decisions[place].given in ("example", "objective")


def _weighted(state: State, bound: Bound, place: str, column: Column, ctx: Context, span: Span) -> Column:
    """Gates that are on stay decisions of the plain model: weights of what they gate."""
    on = np.array([k for k, a in enumerate(column.atoms) if a], dtype=np.int64)
    if not len(on):
        return column
    decision = bound.decisions[place]
    if place not in state.entries:
        state.entries[place] = Entry.of(decision, span)
    keys = ctx.keys()
    elements = Rows([state.entries[place].at[keys[k]] for k in on])
    node = DecisionNode(index=ctx.index().take(Rows(on)), place=place, span=span, name=place, elements=elements)
    every = np.arange(ctx.n, dtype=np.int64)
    return scatter(ctx.n, [(every, column), (on, Column.of_node(state.builder.add(node), len(on)))])
