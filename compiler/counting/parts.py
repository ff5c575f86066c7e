"""Parts of a counting problem: connected components, signatures of isomorphic ones, what one variable's states do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .constraints import restrict
from .forms import Both, Constraint, Either, Exists, Holds, In, Sum, reads, spreads
from .polynomial import Key, Limits
from .problem import Variable
from .terms import Linear, Op, Table, known, substitute


@dataclass(frozen=True, slots=True)
class Adds:
    """Once its variables are settled, coefficient · expression is added to a tracked sum."""

    tracker: int
    coefficient: Any
    expr: Any
    reads: frozenset[int]


Link = Constraint | Adds


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Variables with the states they may take (bits), what ties them together, and what they add to tracked sums.

    `adds[var]`: for every state what it adds to each tracker, as (tracker, values). `field`: all variables belong to
    one value of that field, and the part is counted for one value.
    """

    variables: tuple[int, ...]
    masks: Mapping[int, int]
    links: tuple[Link, ...]
    adds: Mapping[int, tuple[tuple[int, tuple[Any, ...]], ...]]
    limits: Limits
    field: str = ""


def link_reads(link: Link) -> frozenset[int]:
    """The variables that a link ties."""
    return link.reads if isinstance(link, Adds) else reads(link)


def settle(links: Iterable[Link], masks: Mapping[int, int]) -> tuple[dict[int, int], list[Link]] | None:
    """Masks narrowed by the links on one variable alone; None where nothing is left of one."""
    narrowed = dict(masks)
    rest: list[Link] = []
    for link in links:
        match link:
            case In(var, mask):
                narrowed[var] &= mask
                if not narrowed[var]:
                    return None
            case Either((), _):
                return None
            case _:
                rest.append(link)
    return narrowed, rest


def split(part: Part, apart: int = -1) -> list[Part]:
    """Connected components; the variable `apart` ties nothing (its links stay with the others they are about)."""
    parent = {v: v for v in part.variables if v != apart}

    def find(v: int) -> int:
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        return v

    homes: list[int] = []
    for link in part.links:
        own = [v for v in link_reads(link) if v != apart]
        homes.append(own[0] if own else -1)
        for v in own[1:]:
            parent[find(v)] = find(own[0])
    members: dict[int, list[int]] = {}
    for v in parent:
        members.setdefault(find(v), []).append(v)
    links: dict[int, list[Link]] = {}
    for link, home in zip(part.links, homes, strict=True):
        if home >= 0:
            links.setdefault(find(home), []).append(link)
    return [
        Part(tuple(sorted(vs)), part.masks, tuple(links.get(root, ())), part.adds, part.limits, part.field)
        for root, vs in members.items()
    ]


def signature(part: Part, variables: Sequence[Variable], apart: int = -1) -> tuple[Any, ...]:
    """Equal for parts that differ in nothing but the names of their variables."""
    label = {v: k for k, v in enumerate(part.variables)}
    label[apart] = -1
    own = tuple(
        (
            variables[v].weights,
            part.masks[v],
            variables[v].copies,
            variables[v].field == part.field,
            part.adds.get(v, ()),
        )
        for v in part.variables
    )
    return own, tuple(_signed(link, label) for link in part.links), part.limits, part.field == ""


def _signed(link: Link, label: Mapping[int, int]) -> tuple[Any, ...]:
    match link:
        case In(var, mask):
            return "in", label[var], mask
        case Sum(tables, atoms, relation, bound, _, spread):
            own = tuple(sorted((label[t.var], t.values) for t in tables)) if len(tables) > 1 else _terms(tables, label)
            return "sum", own, tuple((c, _signed_expr(a, label)) for c, a in atoms), relation, bound, spread
        case Either(parts, _):
            return "either", tuple(_signed(p, label) for p in parts)
        case Both(parts, _):
            return "both", tuple(_signed(p, label) for p in parts)
        case Holds(expr, positive, _):
            return "holds", _signed_expr(expr, label), positive
        case Exists(var, absent, condition, _):
            return "exists", label[var], absent, _signed_expr(condition, label)
        case Adds(tracker, coefficient, expr, _):
            return "adds", tracker, coefficient, _signed_expr(expr, label)


def _terms(tables: tuple[Table, ...], label: Mapping[int, int]) -> tuple[Any, ...]:
    return tuple((label[t.var], t.values) for t in tables)


def _signed_expr(expr: Any, label: Mapping[int, int]) -> Any:
    match expr:
        case Table(var, values):
            return "table", label[var], values
        case Linear(const, tables, atoms, spread):
            return "linear", spread, const, _terms(tables, label), tuple((c, _signed_expr(a, label)) for c, a in atoms)
        case Op(name, args, _, labels):
            return name, tuple(_signed_expr(a, label) for a in args), labels
        case tuple():
            return tuple(_signed_expr(e, label) for e in expr)
        case _:
            return expr


def restricted(links: Iterable[Link], var: int, state: int) -> tuple[list[Link], dict[int, Any]]:
    """What is left of links with a variable in a state, and what that adds to tracked sums."""
    left: list[Link] = []
    added: dict[int, Any] = {}
    for link in links:
        if var not in link_reads(link):
            left.append(link)
        elif isinstance(link, Adds):
            expr = substitute(link.expr, var, state)
            if known(expr):
                added[link.tracker] = added.get(link.tracker, 0) + link.coefficient * expr
            else:
                left.append(Adds(link.tracker, link.coefficient, expr, link.reads - {var}))
        else:
            left += restrict(link, var, state)
    return left, added


def key_of(
    adds: Iterable[tuple[int, tuple[Any, ...]]], state: int, extra: Mapping[int, Any], limits: Limits
) -> Key | None:
    """What a state adds to the tracked sums, cut to what matters; None where that is too much already."""
    key = [0] * len(limits)
    for tracker, values in adds:
        key[tracker] += values[state]
    for tracker, value in extra.items():
        key[tracker] += value
    clamped = [limit.clamp(total) for limit, total in zip(limits, key, strict=True)]
    return None if None in clamped else tuple(clamped)


def classes(part: Part, var: int, weights: Sequence[int]) -> list[tuple[int, int, tuple[int, ...]]]:
    """States that all links treat alike: (one of them, their assignments, all of them)."""
    tables: list[Any] = [values for _, values in part.adds.get(var, ())]
    for link in part.links:
        if var in link_reads(link):
            tables += _tables_on(link, var)
    groups: dict[Any, list[int]] = {}
    mask = part.masks[var]
    for state in range(len(weights)):
        if mask >> state & 1:
            key = tuple(_plain(t[state]) for t in tables)
            groups.setdefault(key, []).append(state)
    return [(g[0], sum(weights[s] for s in g), tuple(g)) for g in groups.values()]


def _plain(value: Any) -> Any:
    return (type(value) is bool, value)


def _tables_on(link: Link, var: int) -> list[Any]:
    """All the functions of a variable that a link reads."""
    match link:
        case In(own, mask):
            return [_Bits(mask)] if own == var else []
        case Sum(tables, atoms):
            return _of_expr(Linear(0, tables, atoms), var)
        case Either(parts, _) | Both(parts, _):
            return [t for p in parts for t in _tables_on(p, var)]
        case Holds(expr, _, _) | Adds(_, _, expr, _):
            return _of_expr(expr, var)
        case Exists(own, absent, condition, _):
            return [_Bits(1 << absent), *_of_expr(condition, var)] if own == var else _of_expr(condition, var)


class _Bits:
    __slots__ = ("mask",)

    def __init__(self, mask: int) -> None:
        self.mask = mask

    def __getitem__(self, state: int) -> int:
        return self.mask >> state & 1


def _of_expr(expr: Any, var: int) -> list[Any]:
    match expr:
        case Table(own, values):
            return [values] if own == var else []
        case Linear(_, tables, atoms):
            return [t.values for t in tables if t.var == var] + [v for _, a in atoms for v in _of_expr(a, var)]
        case Op(_, args, support, _):
            return [v for a in args for v in _of_expr(a, var)] if var in support else []
        case tuple():
            return [v for e in expr for v in _of_expr(e, var)]
        case _:
            return []


def local(link: Link) -> bool:
    """Whether a link is about one value of a field at a time."""
    return isinstance(link, Adds) or not spreads(link)
