"""progressive(grow = crosses): interactions found order by order with shared weights (AMEIR, Zhao et al., IJCAI 2021).

    pool      of the smallest order all members of the domain; of a larger one those that are a retained one and a field more;
              and what is retained so far
    trained   shared weights, with sets drawn from the pool: first how many members, then which
    judged    the model without any, and with each of the pool alone: how much it helps on validation rows
    retained  of those that help the best `keep`

Members that are no sets of fields are all in one pool.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from recspace.compiler.architectures import satisfies
from recspace.compiler.decisions import Architecture

from .context import Context
from .growing import based
from .growth import Growth, Members, options_of
from .randomness import digest
from .recipe import StageCall
from .refuse import refusal
from .repair import Repair
from .samplers import Listed
from .sampling import Sampling
from .sharing import Sharing
from .state import State, copied, joined
from .task import Found


class Retaining:
    """The stage. `retained`: the members so far, and by how much each is better than none."""

    def __init__(self, context: Context, call: StageCall) -> None:
        decision = next(d for d in context.decisions if d.name == call.options["grow"])
        every = frozenset(range(options_of(decision, 0)))
        self.context, self.growth = context, Growth(context.graph, context.fixed, decision, "any", every)
        options = {**call.options, "optimizer": call.options["weights"], "evaluate": "inherited", "metric": "auto"}
        self.call = replace(call, options=options)
        self.most = min(self.growth.most, int(call.options["keep"] or self.growth.most))
        self._parts = [frozenset(label.split("*")) for label in self.growth.labels]
        self.orders = tuple(sorted({len(parts) for parts in self._parts}))
        self._base = self._empty()
        self._repair = Repair(context.graph, context.fixed)
        self.at, self.round, self.judged, self._hurried = 0, 0, 0, False
        self.retained: dict[int, float] = {}
        self._found = context.found
        self._sharing: Sharing | None = None
        self._judging: Sampling | None = None
        self._begin()

    def _empty(self) -> Architecture:
        try:
            return self.growth.start(based(self.context))
        except ValueError as why:
            raise refusal("S0610", f"progressive() has nothing to begin with: {why}", self.call.span) from why

    # -- a task ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """At most so many: what is in later pools shows only as it goes."""
        return len(self.orders) * (self.context.steps(self.call) + 1 + self.most) + len(self._parts)

    @property
    def done(self) -> bool:
        return self._hurried or self._sharing is None

    def step(self) -> Mapping[str, float]:
        self.at += 1
        assert self._sharing is not None
        if not self._sharing.ended:
            return self._sharing.step()
        self._judging = self._judging or self._judge()
        self._judging.step()
        if not self._judging.done:
            return {}
        self._retain(self._judging)
        return {"members": float(len(self.retained))}

    def hurry(self) -> None:
        """What is retained so far; an order that is not judged to its end adds nothing."""
        self._hurried = True

    def figures(self) -> dict[str, Any]:
        best = sorted(self.retained.items(), key=lambda item: -item[1])
        grown = [{"member": self.growth.labels[member], "gain": gain} for member, gain in best]
        return {"rounds": self.round, "judged": self.judged, "grown": grown}

    def found(self) -> Found:
        members = tuple(sorted(self.retained))
        architecture = self.growth.joined(self._base, members)
        if not satisfies(self.context.graph, architecture) or len(members) < self.growth.least:
            text = f"{len(members)} members were found, and the space wants more or others"
            raise refusal("S0610", text, self.call.span, help="use random()")
        settled = {**self._found.settled, self.growth.decision.name: {0: members}}
        return replace(self._found, architecture=None, gates={}, model={}, weights={}, settled=settled)

    # -- a round ---------------------------------------------------------------------------------------------

    @property
    def _stage(self) -> str:
        return f"{self.context.stage}/{self.round}"

    def _begin(self) -> None:
        """The next order of which there is anything to judge; the end where there is none."""
        while self.round < len(self.orders) and not self._candidates():
            self.round += 1
        self._judging = self._sharing = None
        if self.round < len(self.orders):
            context = replace(self.context, stage=self._stage, found=self._found)
            whole = self.growth.joined(self._base, self._pool()[: self.most])
            first = self._repair(whole, self._base, random.Random(0))
            self._sharing = Sharing(context, self.call, self._drawn, first)

    def _candidates(self) -> Members:
        """The members of this order that are a retained one and a field more."""
        order = self.orders[self.round]
        known = {self._parts[member] for member in self.retained}
        return tuple(
            member
            for member, parts in enumerate(self._parts)
            if len(parts) == order and (self.round == 0 or any(parts - {part} in known for part in parts))
        )

    def _pool(self) -> Members:
        return tuple(sorted({*self.retained, *self._candidates()}))

    def _drawn(self, step: int) -> tuple[Architecture, ...]:
        rng, pool = random.Random(digest(self.context.seed, self._stage, step, "set")), self._pool()
        chosen = rng.sample(pool, rng.randint(1, min(self.most, len(pool))))
        return (self._repair(self.growth.joined(self._base, chosen), self._base, rng),)

    def _judge(self) -> Sampling:
        """The model without any member first."""
        assert self._sharing is not None
        shared = self._sharing.loans.bank.tensors()
        self._found = replace(self._found, shared=shared)
        alone = [self.growth.joined(self._base, (member,)) for member in self._pool()]
        context = replace(self.context, stage=self._stage, found=self._found)
        return Sampling(context, self.call, Listed((self._base, *alone)))

    def _retain(self, judging: Sampling) -> None:
        (without, *_), pool = judging.trials, self._pool()
        base = without["goodness"]
        gains = {
            member: trial["goodness"] - base
            for member, trial in zip(pool, judging.trials[1:], strict=True)
            if trial["goodness"] is not None and base is not None
        }
        ranked = sorted(gains, key=lambda member: -gains[member])
        helpful = [m for k, m in enumerate(ranked) if gains[m] > 0 or k < self.growth.least]
        self.retained = {member: gains[member] for member in helpful[: self.most]}
        self.judged += len(pool)
        self.round += 1
        self._begin()

    # -- state -----------------------------------------------------------------------------------------------

    def state(self) -> State:
        facts: dict[str, Any] = {
            "at": self.at, "round": self.round, "judged": self.judged, "hurried": self._hurried,
            "retained": [[member, gain] for member, gain in self.retained.items()], "judging": self._judging is not None,
        }  # fmt: skip
        parts = {"shared": State(copied(self._found.shared))}
        if self._sharing is not None:
            parts["sharing"] = self._sharing.state()
        if self._judging is not None:
            parts["judge"] = self._judging.state()
        return joined(parts, facts)

    def restore(self, state: State) -> None:
        facts = state.facts
        self.at, self.round, self.judged = int(facts["at"]), int(facts["round"]), int(facts["judged"])
        self._hurried = bool(facts["hurried"])
        self.retained = {int(member): float(gain) for member, gain in facts["retained"]}
        self._found = replace(self._found, shared=dict(state.part("shared").tensors))
        self._begin()
        if self._sharing is not None:
            self._sharing.restore(state.part("sharing"))
        if facts["judging"]:
            self._judging = self._judge()
            self._judging.restore(state.part("judge"))
