"""Which architectures shared weights are trained with, step by step. Each is a function of (seed, stage, step).

    uniform         every architecture that meets the requirements alike
    balanced        of every element each option equally often: n steps in a row take its n options in an order drawn for
                    them (strict fairness; FairNAS, ICCV 2021)
    any_connection  a single operator of every choice, and of every block's connections (gates that differ in the last part
                    of their index alone, members of a set) first how many, then which (NASRec, WWW 2023)
    sandwich        beside a uniform one the widest and the smallest: every number, range and set at its largest and at its
                    smallest (US-Nets, ICCV 2019)

What is wished for and forbidden by a `require` is repaired, not drawn again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from recspace.compiler.decisions import Architecture, Decision, Options

from .choices import Fixed, Option, count, domain_at
from .choosing import block_of
from .context import Context
from .draws import Draws
from .randomness import digest
from .repair import Repair

MODES = ("uniform", "balanced", "any_connection", "sandwich")


@dataclass(frozen=True, slots=True)
class Paths:
    """`decisions` are those that are drawn; all others are in `fixed`."""

    decisions: tuple[Decision, ...]
    draws: Draws
    repair: Repair
    mode: str
    count: int
    seed: int
    stage: str

    def __call__(self, step: int) -> tuple[Architecture, ...]:
        """The architectures of a step: `count`, of a sandwich two more, the widest first."""
        drawn = tuple(self._one(step, k) for k in range(self.count))
        if self.mode != "sandwich":
            return drawn
        widest, smallest = (_at_end(self.decisions, drawn[0], largest) for largest in (True, False))
        ends = [self._mended(wanted, drawn[0], step, "end") for wanted in (widest, smallest)]
        return (ends[0], *drawn, ends[1])

    def _one(self, step: int, number: int) -> Architecture:
        base = self.draws.at(self.seed, self.stage, step, "path", number)
        if self.mode in ("uniform", "sandwich"):
            return base
        wanted = dict(base)
        for decision in (d for d in self.decisions if not d.per_value):
            if self.mode == "balanced":
                wanted[decision.name] = self._balanced(decision, step * self.count + number)
            else:
                rng = random.Random(digest(self.seed, self.stage, step, "connections", number, decision.name))
                wanted[decision.name] = _connected(decision, base[decision.name], rng)
        return self._mended(wanted, base, step, number)

    def _mended(self, wanted: Architecture, base: Architecture, *names: str | int) -> Architecture:
        return self.repair(wanted, base, random.Random(digest(self.seed, self.stage, "repair", *names)))

    def _balanced(self, decision: Decision, number: int) -> Options:
        """Options of the `number`-th path of all."""
        found: list[Option] = []
        for element in range(decision.elements):
            domain, n = decision.domain(element), count(decision, domain_at(decision, element))
            block, place = divmod(number, n)
            rng = random.Random(digest(self.seed, self.stage, "balance", decision.name, element, block))
            if domain.kind == "real":
                found.append(rng.uniform(domain.low, domain.high))
                continue
            order = rng.sample(range(n), n)
            if domain.kind != "subset":
                found.append(order[place])
                continue
            size = rng.randint(
                int(domain.low), int(domain.high)
            )  # of all n of the block: each member is in `size` of them
            found.append(tuple(sorted(order[(place + k) % n] for k in range(size))))
        return tuple(found)


def paths_of(context: Context, decisions: tuple[Decision, ...], fixed: Fixed, mode: str, number: int) -> Paths:
    draws, repair = Draws(context.graph, fixed), Repair(context.graph, fixed)
    return Paths(decisions, draws, repair, mode, number, context.seed, context.stage)


def _connected(decision: Decision, base: Options, rng: random.Random) -> Options:
    """Gates of each block, and sets, with their number drawn first; at least one is on. Others as they are."""
    if decision.domains[0].kind == "subset":
        return tuple(_set(decision, e, rng) for e in range(decision.elements))
    if decision.domains[0].kind != "gate":
        return base
    blocks = block_of(decision)
    block_E = [0] * decision.elements if blocks is None else blocks.tolist()
    found = [0] * decision.elements
    for block in range(max(block_E, default=-1) + 1):
        own = [e for e, b in enumerate(block_E) if b == block]
        for element in rng.sample(own, rng.randint(1, len(own))):
            found[element] = 1
    return tuple(found)


def _set(decision: Decision, element: int, rng: random.Random) -> Option:
    domain = decision.domain(element)
    size = rng.randint(int(domain.low), int(domain.high))
    return tuple(sorted(rng.sample(range(len(domain.options)), size)))


def _at_end(decisions: tuple[Decision, ...], base: Architecture, largest: bool) -> Architecture:
    """Numbers, ranges and sets at their largest or smallest; of a set that grows the members that were drawn stay."""
    found = dict(base)
    sized = (d for d in decisions if d.domains[0].kind in ("number", "range", "subset") and not d.per_value)
    for decision in sized:
        found[decision.name] = tuple(_end(decision, e, o, largest) for e, o in enumerate(base[decision.name]))
    return found


def _end(decision: Decision, element: int, drawn: Option, largest: bool) -> Option:
    domain = decision.domain(element)
    if isinstance(drawn, tuple):
        rest = [m for m in range(len(domain.options)) if m not in drawn]
        size = int(domain.high if largest else domain.low)
        return tuple(sorted([*drawn, *rest][:size]))
    n = count(decision, domain_at(decision, element))
    if domain.kind == "number":
        return (max if largest else min)(range(n), key=lambda k: domain.options[k])
    return n - 1 if largest else 0
