"""Architectures that meet the requirements between decisions: counted, drawn, enumerated, and the nearest to a wish.

An architecture is drawn in two steps: first the states of what conditions read (`counting/`), then, for every element
that those leave open (a `Slot`), one of its options.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import comb, exp, log, prod
from typing import Any

from .architectures import Layout, Position, canonical, hand_made, satisfies
from .counting.build import build
from .counting.count import Counter
from .counting.draw import States, Walker, states_at
from .counting.forms import Constraint, In
from .counting.parts import Part
from .counting.polynomial import Budget
from .counting.problem import Problem, Variable, domain_size
from .decisions import Architecture, Decision, Domain, Options
from .ir import Graph

STEPS = 5_000_000
Fixed = Mapping[str, Mapping[int, Position]]
"""What is settled beforehand: decision → element → position of its option (as in an `Architecture`)."""


class Unreadable(Exception):
    """A requirement or a fixed element that cannot be taken into account."""


class Sampler:
    """All architectures of one graph that meet its requirements and hold what is fixed; what has been counted is kept.

    Requirements on costs and `prior`s are not looked at. Raises Unreadable where a condition cannot be read, and where
    only some of the values of a field have a fixed option that a condition reads. Every method raises TooHard where
    counting would take more than `steps` operations.
    """

    def __init__(self, graph: Graph, fixed: Fixed | None = None, *, steps: int = STEPS) -> None:
        self.graph, self.fixed, self.steps = graph, fixed or {}, steps
        self.problem: Problem = build(graph)
        if self.problem.opaque:
            raise Unreadable(f"these conditions cannot be read: {', '.join(self.problem.opaque)}")
        self.layout, self.default = Layout.of(graph), hand_made(graph)
        self.decisions: dict[str, Decision] = {d.name: d for d in graph.decisions}
        self.problem.variables[:] = [self._narrowed(v) for v in self.problem.variables]
        self.links: list[Constraint] = [c for c, _ in self.problem.constraints]
        self.links += [
            In(v, mask) for v, mask in enumerate(map(self._mask, self.problem.variables)) if mask is not None
        ]
        self.counter = Counter(self.problem, Budget(steps))
        self._walker: Walker | None = None
        self._tied = -1

    def part(self, *links: Constraint) -> Part | None:
        """What is left to be settled, `links` met as well; None where one of them cannot be met."""
        self.counter.budget.left = self.steps
        return self.counter.whole([*self.links, *links])

    def feasible(self, *links: Constraint) -> bool:
        """Whether there is an architecture that meets `links` as well."""
        part = self.part(*links)
        return part is not None and bool(self.counter.poly(part).get((), 0))

    def total(self) -> int:
        """How many architectures there are; a real number counts as one."""
        part = self.part()
        tied = self.counter.poly(part).get((), 0) if part is not None else 0
        rows = ((name, row) for name, free in self.problem.free.items() for row in free.tolist())
        slots = (slot for name, row in rows for slot in self._whole(name, row))
        return tied and tied * prod(1 if s.settled is not None else domain_size(s.domain) for s in slots)

    def draw(self, rng: random.Random) -> Architecture:
        """A uniform draw, in canonical form; reals are drawn evenly along their scale. ValueError where there is none."""
        states = self._walk().at(rng.randrange(self._tied))
        return self.architecture(states, {(s.decision, s.at): _drawn(s, rng) for s in self.slots(states)})

    def toward(self, wish: Architecture, rng: random.Random) -> Architecture:
        """An architecture that takes what is wished as far as the requirements and what is fixed let it, in canonical form.

        A wish that meets them comes true. Of others, what counts alike is asked in an order that is drawn; what cannot
        have its wish is drawn. Quick, and only roughly the nearest: see `nearest`. ValueError where there is none.
        """
        wish = {name: self._held(name, options) for name, options in wish.items()}
        if not self.problem.constraints or satisfies(self.graph, wish):
            return canonical(self.graph, wish)
        wanted = {}
        for var, variable in enumerate(self.problem.variables):
            if variable.decision and variable.copies == 1:
                at = self.layout.starts[variable.decision][variable.element]
                wanted[var] = self.state_of(variable, wish[variable.decision][at])
        states = self._walk().toward(wanted, rng)
        return self.architecture(states, {(s.decision, s.at): _toward(s, wish, rng) for s in self.slots(states)})

    def _held(self, name: str, options: Options) -> Options:
        settled = self.fixed.get(name)
        return tuple(settled.get(e, o) for e, o in enumerate(options)) if settled else options

    def _walk(self) -> Walker:
        if self._walker is None:
            part = self.part()
            tied = 0 if part is None else self.counter.poly(part).get((), 0)
            if part is None or not tied:
                raise ValueError("nothing meets the requirements")
            self._walker, self._tied = Walker(self.counter, part), tied
        self.counter.budget.left = self.steps
        return self._walker

    def every(self) -> Iterator[Architecture]:
        """Every architecture, once, in canonical form. ValueError for decisions over reals that are not fixed."""
        # Each state counts once here: what it stands for is spelled out by its slots.
        alike = [replace(v, weights=tuple(min(w, 1) for w in v.weights)) for v in self.problem.variables]
        counter = Counter(replace(self.problem, variables=alike), Budget(self.steps))
        part = counter.whole(self.links)
        if part is None:
            return
        walker = Walker(counter, part)
        for number in range(counter.poly(part).get((), 0)):
            counter.budget.left = self.steps
            states = walker.at(number)
            slots = list(self.slots(states))
            if any(s.domain.kind == "real" and s.settled is None for s in slots):
                raise ValueError("reals cannot be enumerated")
            for choice in product(*map(_options, slots)):
                yield self.architecture(states, {(s.decision, s.at): c for s, c in zip(slots, choice, strict=True)})

    # -- between states and options --------------------------------------------------------------------------

    def slots(self, states: States) -> Iterator[Slot]:
        """What the states of the variables leave open, in the order of decisions."""
        for name, rows in self.problem.free.items():
            for row in rows.tolist():
                yield from self._whole(name, row)
        for var, own in states.items():
            variable = self.problem.variables[var]
            for name, row in variable.bundle:
                for value in range(self.layout.counts[name][row]):
                    if own[value if variable.field else 0] == 0:
                        yield from self._whole(name, row, value)
            if variable.part == -1:
                yield from self._members(variable, own)

    def architecture(self, states: States, choices: Mapping[tuple[str, int], Position]) -> Architecture:
        """The architecture of some states, with a choice for every slot that they leave open."""
        found = {name: list(chosen) for name, chosen in self.default.items()}
        for (name, at), choice in choices.items():
            found[name][at] = choice
        for var, own in states.items():
            variable = self.problem.variables[var]
            if not variable.decision or variable.part == -1:
                continue
            start = self.layout.starts[variable.decision][variable.element]
            for k, state in enumerate(own):
                if variable.conditional and state == variable.absent:
                    continue
                if variable.part is None:
                    found[variable.decision][start + k] = state
                    continue
                members: Any = found[variable.decision][start + k]
                taken = set(members) - {variable.part}
                found[variable.decision][start + k] = tuple(sorted(taken | ({variable.part} if state else set())))
        return {name: tuple(chosen) for name, chosen in found.items()}

    def asked(self, variable: Variable) -> set[int]:
        """The members of a variable's subset that conditions read one by one."""
        alike = (v for v in self.problem.variables if (v.decision, v.element) == (variable.decision, variable.element))
        return {v.part for v in alike if v.part is not None and v.part >= 0}

    def first(self, variable: Variable) -> int:
        """How many of the members that nobody reads are chosen in a variable's state 0."""
        return 0 if self.asked(variable) else int(self.decisions[variable.decision].domain(variable.element).low)

    def state_of(self, variable: Variable, option: Position) -> int:
        """The state of a variable in which its element has an option."""
        if variable.part is None:
            return int(option)
        if variable.part >= 0:
            return int(variable.part in option)
        return len(set(option) - self.asked(variable)) - self.first(variable)

    def _whole(self, name: str, row: int, value: int | None = None) -> Iterator[Slot]:
        start, domain = self.layout.starts[name][row], self.decisions[name].domain(row)
        settled = self.fixed.get(name, {})
        for k in range(self.layout.counts[name][row]) if value is None else [value]:
            yield Slot(name, start + k, domain, settled=settled.get(start + k))

    def _members(self, variable: Variable, states: tuple[int, ...]) -> Iterator[Slot]:
        """The members of a subset that no condition reads: their number is the variable's state."""
        domain = self.decisions[variable.decision].domain(variable.element)
        asked, first = self.asked(variable), self.first(variable)
        members = tuple(m for m in range(len(domain.options)) if m not in asked)
        start = self.layout.starts[variable.decision][variable.element]
        settled = self.fixed.get(variable.decision, {})
        for k, state in enumerate(states):
            if not (variable.conditional and state == variable.absent):
                option = settled.get(start + k)
                taken = None if option is None else tuple(m for m in option if m not in asked)
                yield Slot(variable.decision, start + k, domain, members, first + state, taken)

    # -- what is fixed ---------------------------------------------------------------------------------------

    def _settled(self, variable: Variable) -> Position | None:
        """The fixed option of a variable's element."""
        settled = self.fixed.get(variable.decision, {})
        start = self.layout.starts[variable.decision][variable.element]
        found = {settled.get(start + k) for k in range(variable.copies)}
        if len(found) > 1:
            raise Unreadable(f"`{variable.decision}` is fixed for some of the values of {variable.field} alone")
        return next(iter(found))

    def _narrowed(self, variable: Variable) -> Variable:
        """Fixed elements stand for one assignment each, not for all of their options."""
        weights = list(variable.weights)
        for name, row in variable.bundle:
            start, size = self.layout.starts[name][row], domain_size(self.decisions[name].domain(row))
            copies = range(self.layout.counts[name][row])
            fixed = [start + k in self.fixed.get(name, {}) for k in copies]
            if variable.field and any(fixed) and not all(fixed):
                raise Unreadable(f"`{name}` is fixed for some of the values of {variable.field} alone")
            weights[0] //= size ** (any(fixed) if variable.field else sum(fixed))
        if variable.part == -1 and (option := self._settled(variable)) is not None:
            weights[self.state_of(variable, option)] = 1
        return replace(variable, weights=tuple(weights))

    def _mask(self, variable: Variable) -> int | None:
        """The states that what is fixed leaves to a variable, as bits; None for all of them."""
        if not variable.decision or (option := self._settled(variable)) is None:
            return None
        return 1 << self.state_of(variable, option) | (1 << variable.absent if variable.conditional else 0)


@dataclass(frozen=True, slots=True)
class Slot:
    """An element whose option is still open: any of its domain, or so many of some members of a subset.

    `settled`: what is fixed of it. `members`, `count`: of a subset some of whose members are settled by states.
    """

    decision: str
    at: int
    domain: Domain
    members: tuple[int, ...] | None = None
    count: int = -1
    settled: Position | None = None


def _drawn(slot: Slot, rng: random.Random) -> Position:
    domain = slot.domain
    if slot.settled is not None:
        return slot.settled
    match domain.kind:
        case "real" if domain.log:
            return exp(rng.uniform(log(domain.low), log(domain.high)))
        case "real":
            return rng.uniform(domain.low, domain.high)
        case "subset":
            members = tuple(range(len(domain.options))) if slot.members is None else slot.members
            count = slot.count
            if count < 0:
                sizes = range(int(domain.low), int(domain.high) + 1)
                at = rng.randrange(sum(comb(len(members), k) for k in sizes))
                count = next(k for k in sizes if (at := at - comb(len(members), k)) < 0)
            return tuple(sorted(rng.sample(members, count)))
        case "gate" | "number" | "name" | "alternative" | "range":
            return rng.randrange(domain_size(domain))


def _toward(slot: Slot, wish: Architecture, rng: random.Random) -> Position:
    """What is wished of a slot; of a set as many of the wished members as there may be, filled up by chance."""
    if slot.settled is not None or slot.domain.kind != "subset":
        return slot.settled if slot.settled is not None else wish[slot.decision][slot.at]
    members = range(len(slot.domain.options)) if slot.members is None else slot.members
    wanted: Any = wish[slot.decision][slot.at]
    first = [m for m in members if m in wanted]
    others = [m for m in members if m not in wanted]
    low, high = (slot.count, slot.count) if slot.count >= 0 else (int(slot.domain.low), int(slot.domain.high))
    taken = rng.sample(first, min(len(first), high))
    return tuple(sorted(taken + rng.sample(others, max(low - len(taken), 0))))


def _options(slot: Slot) -> Iterator[Position]:
    domain = slot.domain
    if slot.settled is not None:
        return iter((slot.settled,))
    if domain.kind == "subset":
        members = tuple(range(len(domain.options))) if slot.members is None else slot.members
        sizes = range(int(domain.low), int(domain.high) + 1) if slot.count < 0 else [slot.count]
        return (c for k in sizes for c in combinations(members, k))
    return iter(range(domain_size(domain)))


# -- the nearest to a wish -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one element: its options from the best to the worst, and by how much the best is better.

    Of a subset `ranking` holds the best set alone, and `members` all members, the most wanted first.
    """

    ranking: tuple[Position, ...]
    margin: float
    members: tuple[int, ...] = ()


def nearest(sampler: Sampler, wishes: Mapping[str, tuple[Wish, ...]]) -> Architecture:
    """The architecture in which the wishes come true as far as the requirements let them, the surest first.

    An element gets the best of its options that what was settled before it leaves possible. Under a bound on how many
    gates may stay these are the gates with the largest margins. Raises ValueError where nothing meets the requirements,
    and Unreadable for decisions indexed by values that a condition reads.
    """
    variables = sampler.problem.variables
    if any(v.field for v in variables):
        raise Unreadable("a requirement reads decisions that are indexed by the values of a field")
    if not sampler.feasible():
        raise ValueError("nothing meets the requirements")
    tied = [v for v, own in enumerate(variables) if own.decision]
    rankings = {v: _states(sampler, variables[v], wishes) for v in tied}
    todo = sorted(tied, key=lambda v: -_wish(sampler, variables[v], wishes).margin)
    links: list[Constraint] = []
    while todo:
        sure = _longest(sampler, links, [_in(variables[v], v, rankings[v][0]) for v in todo])
        links += sure
        todo = todo[len(sure) :]
        if todo:
            var, *todo = todo
            options = (_in(variables[var], var, state) for state in rankings[var][1:])
            links.append(next(link for link in options if sampler.feasible(*links, link)))
    part = sampler.part(*links)
    assert part is not None, "every link was found feasible"
    states = states_at(sampler.counter, part, 0)
    return sampler.architecture(states, {(s.decision, s.at): _wanted(s, wishes) for s in sampler.slots(states)})


def _longest(sampler: Sampler, links: list[Constraint], wanted: list[Constraint]) -> list[Constraint]:
    """As many of the wanted links, from the first on, as can be met together with those there are."""
    low, high, reach = 0, len(wanted) + 1, 1  # the first `low` can be met, the first `high` cannot
    while high - low > 1:
        middle = min(low + reach, len(wanted)) if high > len(wanted) else (low + high) // 2
        if sampler.feasible(*links, *wanted[:middle]):
            low, reach = middle, reach * 2
        else:
            high = middle
    return wanted[:low]


def _in(variable: Variable, var: int, state: int) -> Constraint:
    return In(var, 1 << state | (1 << variable.absent if variable.conditional else 0))


def _wish(sampler: Sampler, variable: Variable, wishes: Mapping[str, tuple[Wish, ...]]) -> Wish:
    return wishes[variable.decision][sampler.layout.starts[variable.decision][variable.element]]


def _states(sampler: Sampler, variable: Variable, wishes: Mapping[str, tuple[Wish, ...]]) -> list[int]:
    """All states in which a variable exists, the best first; numbers of members by how near they are to the best."""
    ranking = _wish(sampler, variable, wishes).ranking
    count = len(variable.weights) - variable.conditional
    best = sampler.state_of(variable, ranking[0])
    if variable.part is not None:
        return sorted(range(count), key=lambda s: (abs(s - best), -s))
    return list(dict.fromkeys([*map(int, ranking), *range(count)]))


def _wanted(slot: Slot, wishes: Mapping[str, tuple[Wish, ...]]) -> Position:
    if slot.settled is not None:
        return slot.settled
    wish = wishes[slot.decision][slot.at]
    if slot.members is None:
        return wish.ranking[0]
    return tuple(sorted([m for m in wish.members if m in slot.members][: slot.count]))
