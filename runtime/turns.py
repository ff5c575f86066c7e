"""Several budgets from one sampler: it is there once for each, they take turns, and each hears of every trial that it could
have made itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from recspace.compiler.budgets import Purse
from recspace.compiler.decisions import Architecture

from .context import Context
from .draws import Draws
from .samplers import Ranked
from .state import State, joined


class Turns(Ranked):
    """Trial k is asked of the sampler of budget k modulo their number. `purses`: what each may spend."""

    def __init__(self, samplers: Sequence[Ranked], purses: Sequence[Purse]) -> None:
        super().__init__(samplers[0].trials)
        self._samplers, self._purses = tuple(samplers), tuple(purses)

    def ask(self) -> Architecture:
        found = self._samplers[self.asked % len(self._samplers)].ask()
        self.asked += 1
        return found

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        super().tell(architecture, score, others)
        turn = (self.asked - 1) % len(self._samplers)
        for k, (sampler, purse) in enumerate(zip(self._samplers, self._purses, strict=True)):
            if k == turn:
                sampler.tell(architecture, score, others)
            else:
                allowed = score > -math.inf and purse.met(architecture)
                sampler.hear(architecture, score, others, allowed=allowed)

    def state(self) -> State:
        parts = {str(k): sampler.state() for k, sampler in enumerate(self._samplers)}
        return joined(parts, super().state().facts)

    def restore(self, state: State) -> None:
        super().restore(state)
        for k, sampler in enumerate(self._samplers):
            sampler.restore(state.part(str(k)))


def in_turn(context: Context, made: Callable[[Context, Draws], Ranked]) -> Ranked:
    """The sampler that `made` makes, or of several budgets one for each. Its draws keep to the budget."""
    if len(context.targets) < 2:
        purse = context.targets[0].purse if context.targets else context.purse
        return made(replace(context, purse=purse), Draws(context.graph, context.fixed, purse))
    own = [replace(context, purse=target.purse, stage=f"{context.stage}/{target.name}") for target in context.targets]
    samplers = [made(each, Draws(each.graph, each.fixed, each.purse)) for each in own]
    return Turns(samplers, [target.purse for target in context.targets])
