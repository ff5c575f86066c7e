"""Exact counting: components apart, isomorphic ones as powers, sums by polynomials, the rest by conditioning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any

from .forms import Constraint, Either, In, Sum
from .parts import Adds, Link, Part, classes, key_of, link_reads, local, restricted, settle, signature, split
from .polynomial import Budget, Limit, Poly, TooHard, multiply, product
from .problem import Problem, Variable
from .terms import Linear, Op, Table, may_miss

WIDE = 2
"""A sum over more variables than this is tracked, not conditioned on."""


class Counter:
    """Counts parts, remembering the isomorphic ones."""

    def __init__(self, problem: Problem, budget: Budget) -> None:
        self.variables: Sequence[Variable] = problem.variables
        self.decisions, self.budget = problem.graph.decisions, budget
        self._known: dict[Any, Poly] = {}

    def whole(self, links: Sequence[Constraint], only: Sequence[int] | None = None) -> Part | None:
        """The part of some variables (all); None where a constraint on a single one cannot be met."""
        chosen = range(len(self.variables)) if only is None else only
        every = {v: (1 << len(self.variables[v].weights)) - 1 for v in chosen}
        settled = settle(map(self._counted, links), every)
        return settled and Part(tuple(chosen), settled[0], tuple(settled[1]), {}, ())

    def _counted(self, link: Constraint) -> Constraint:
        """A long list of alternatives on single variables is a sum that is at least one."""
        if isinstance(link, Either) and len(link.parts) > WIDE and all(isinstance(p, In) for p in link.parts):
            tables = []
            for p in link.parts:
                assert isinstance(p, In)
                states = range(len(self.variables[p.var].weights))
                tables.append(Table(p.var, tuple(p.mask >> s & 1 for s in states)))
            return Sum(tuple(tables), (), ">=", 1, link.reads)
        return link

    # -- products ----------------------------------------------------------------------------------------

    def poly(self, part: Part) -> Poly:
        """The assignments of a part by tracked sums."""
        factors = [(self.component(ps[0]), n) for ps, n in self.kinds(split(part))]
        return product(factors, part.limits, self.budget)

    def kinds(self, parts: Sequence[Part], apart: int = -1) -> list[tuple[list[Part], int]]:
        """Isomorphic components together, and how often they count (each for all values of its field)."""
        groups: dict[Any, list[Part]] = {}
        copies: dict[Any, int] = {}
        for part in parts:
            self.budget.spend(len(part.variables))
            local, n = self.localised(part)
            key = signature(local, self.variables, apart)
            groups.setdefault(key, []).append(local)
            copies[key] = n
        return [(ps, len(ps) * copies[key]) for key, ps in groups.items()]

    def localised(self, part: Part) -> tuple[Part, int]:
        """A component whose variables all belong to one value of a field is counted for one value, so many times."""
        first = self.variables[part.variables[0]]
        if part.field or not first.field or any(self.variables[v].field != first.field for v in part.variables):
            return part, 1
        if not all(map(local, part.links)):
            return part, 1
        return replace(part, field=first.field), first.copies

    # -- components --------------------------------------------------------------------------------------

    def component(self, part: Part) -> Poly:
        """The assignments of a connected part."""
        key = signature(part, self.variables)
        if key not in self._known:
            self.budget.spend(1 + len(part.links))
            self._known[key] = self._component(part)
        return self._known[key]

    def _component(self, part: Part) -> Poly:
        if len(part.variables) == 1 and not part.links:
            return self.leaf(part, part.variables[0])
        opened = self.opened(part)
        if opened is not None:
            return self.closed(opened, len(part.limits))
        var = self.pick(part)
        total: Poly = {}
        for _, poly in self.cases(part, var):
            total = _plus(total, poly)
        return total

    def leaf(self, part: Part, var: int) -> Poly:
        """A variable alone."""
        found: dict[Any, int] = {}
        mask = part.masks[var]
        weights, adds = self.variables[var].weights, part.adds.get(var, ())
        if not part.limits:
            return {(): sum(w for s, w in enumerate(weights) if mask >> s & 1)}
        for state, weight in enumerate(weights):
            if mask >> state & 1:
                key = key_of(adds, state, {}, part.limits)
                if key is not None:
                    found[key] = found.get(key, 0) + weight
        return found

    def pick(self, part: Part) -> int:
        """The variable that ties most together; those shared by all values of a field come first."""
        ties = dict.fromkeys(part.variables, 0)
        for link in part.links:
            own = link_reads(link)
            for v in own:
                ties[v] += len(own) - 1
        shared = [v for v in part.variables if self.variables[v].field == part.field]
        if not shared:
            raise TooHard
        most = max((ties[v], -part.masks[v].bit_count()) for v in shared)
        # Of equal ones that in the middle: a chain falls apart into halves.
        best = [v for v in shared if (ties[v], -part.masks[v].bit_count()) == most]
        return best[len(best) // 2]

    def cases(self, part: Part, var: int) -> list[tuple[tuple[int, ...], Poly]]:
        """For all classes of states of a variable the assignments of the part: isomorphic components are found once."""
        groups = self.kinds(split(part, apart=var), var)
        alone = [link for link in part.links if link_reads(link) == {var}]
        found = []
        for state, weight, states in classes(part, var, self.variables[var].weights):
            self.budget.spend(1)
            left, added = restricted(alone, var, state)
            key = key_of(part.adds.get(var, ()), state, added, part.limits)
            poly: Poly = {key: weight} if key is not None and weight and settle(left, part.masks) is not None else {}
            inner: list[tuple[Poly, int]] = [(poly, 1)]
            for (first, *_), n in groups:
                if not inner[-1][0]:
                    break
                inner.append((self.given(first, var, state), n))
            whole = product(inner, part.limits, self.budget) if inner[-1][0] else {}
            found.append((states, whole))
        return found

    def given(self, part: Part, var: int, state: int) -> Poly:
        """A part with a variable beside it in a state."""
        rest = self.after(part, var, state)
        if rest is None:
            return {}
        inner, added = rest
        poly = self.poly(inner)
        if not added:
            return poly
        key = key_of((), 0, added, part.limits)
        return {} if key is None else multiply({key: 1}, poly, part.limits, self.budget)

    def after(self, part: Part, var: int, state: int) -> tuple[Part, dict[int, Any]] | None:
        """What is left of a part, and what that adds to tracked sums; None where it cannot be."""
        left, added = restricted(part.links, var, state)
        settled = settle(left, {v: part.masks[v] for v in part.variables})
        if settled is None:
            return None
        return replace(part, masks=settled[0], links=tuple(settled[1])), added

    # -- sums --------------------------------------------------------------------------------------------

    def opened(self, part: Part) -> Part | None:
        """The part with its wide sums tracked instead of tying their variables; None where there are none."""
        wide = [k for k, link in enumerate(part.links) if isinstance(link, Sum) and self._trackable(link, part)]
        if not wide:
            return None
        links: list[Link] = [link for k, link in enumerate(part.links) if k not in set(wide)]
        adds = dict(part.adds)
        limits = list(part.limits)
        for k in wide:
            link = part.links[k]
            assert isinstance(link, Sum)
            limit, tables, atoms = self._tracker(link, part)
            for table in tables:
                adds[table.var] = (*adds.get(table.var, ()), (len(limits), table.values))
            links += [Adds(len(limits), c, a, a.support) for c, a in atoms]
            limits.append(limit)
        return replace(part, links=tuple(links), adds=adds, limits=tuple(limits))

    def _trackable(self, link: Sum, part: Part) -> bool:
        if len(link.reads) <= WIDE and not link.spread:
            return False
        for table in link.tables:
            mask = part.masks[table.var]
            if any(v is None and mask >> s & 1 for s, v in enumerate(table.values)):
                return False
        return not any(may_miss(a) for _, a in link.atoms)

    def _tracker(self, link: Sum, part: Part) -> tuple[Limit, list[Table], tuple[tuple[Any, Op], ...]]:
        """A sum in whole numbers, every table's least value moved into the bound."""
        values = [v for t in link.tables for v in t.values if v is not None]
        scale = lcm(*(Fraction(v).denominator for v in [link.bound, *values, *(c for c, _ in link.atoms)]))
        bound = link.bound * scale
        tables = []
        for table in link.tables:
            mask, variable = part.masks[table.var], self.variables[table.var]
            low = min(v for s, v in enumerate(table.values) if v is not None and mask >> s & 1)
            bound -= low * scale * (1 if variable.field == part.field else variable.copies)
            tables.append(Table(table.var, tuple(0 if v is None else int((v - low) * scale) for v in table.values)))
        atoms = tuple((c * scale, a) for c, a in link.atoms)
        capped = all(c >= 0 and _never_negative(a) for c, a in atoms)
        return Limit(link.relation, int(bound) if bound == int(bound) else bound, capped), tables, atoms

    def closed(self, part: Part, keep: int) -> Poly:
        """The polynomial of a part whose trackers from `keep` on are complete within it: each is closed as soon as all
        that adds to it has been multiplied."""
        polys = [(_touches(ps[0]), self.component(ps[0]), n) for ps, n in self.kinds(split(part))]
        for tracker in sorted(
            range(keep, len(part.limits)), key=lambda t: sum(t in touched for touched, _, _ in polys)
        ):
            own = [(p, n) for t, p, n in polys if tracker in t]
            touched = frozenset().union(*(t for t, _, _ in polys if tracker in t)) - {tracker}
            polys = [(t, p, n) for t, p, n in polys if tracker not in t]
            joined = product(own, part.limits, self.budget)
            limit = part.limits[tracker]
            met: dict[Any, int] = {}
            for key, n in joined.items():
                if limit.met(key[tracker]):
                    at = (*key[:tracker], 0, *key[tracker + 1 :])
                    met[at] = met.get(at, 0) + n
            polys.append((touched, met, 1))
        whole = product([(p, n) for _, p, n in polys], part.limits, self.budget)
        return {key[:keep]: n for key, n in whole.items()}


def _touches(part: Part) -> frozenset[int]:
    tables = {t for v in part.variables for t, _ in part.adds.get(v, ())}
    return frozenset(tables | {link.tracker for link in part.links if isinstance(link, Adds)})


def _plus(p: Poly, q: Poly) -> Poly:
    found = dict(p)
    for key, n in q.items():
        found[key] = found.get(key, 0) + n
    return found


def _never_negative(expr: Any) -> bool:
    match expr:
        case Table(_, values):
            return all(v is None or (isinstance(v, int | Fraction) and v >= 0) for v in values)
        case Linear(const, tables, atoms):
            return (
                const >= 0
                and all(map(_never_negative, tables))
                and all(c >= 0 and _never_negative(a) for c, a in atoms)
            )
        case Op("and" | "or" | "not" | "is" | "any" | "all" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "member"):
            return True
        case Op("*" | "+" | "/" | "product" | "sum" | "max" | "min" | "mean" | "present", args):
            return all(map(_never_negative, args))
        case Op("select", args):
            return all(map(_never_negative, args[1:]))
        case int() | Fraction():
            return expr >= 0
        case _:
            return expr is None
