"""generator: a network generates architectures component by component, rewarded by what shared weights make of them.

A step trains shared weights with an architecture that the network generates. Every `every`-th step the network is taught:

    R = quality of an architecture on validation rows, with the weights that all share
    ∇ Σ_t log π(a_t) · (R − b)  +  entropy · ∇ Σ_t H(π_t),    b the mean of the last `window` rewards

Elements that do not exist in an architecture have no part in it. What is judged at the end is the likeliest architecture and
others that the network generates. Source: AutoIAS (Wei et al., CIKM 2021); REINFORCE (Williams, 1992).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.architectures import exists
from recspace.compiler.decisions import Architecture, Decision

from .components import Components
from .context import Context, optimizer, with_defaults
from .draws import Draws
from .evaluation import goodness, scores
from .one_shot_stage import OneShot
from .policy import Drawn, Slots, noise_of, reinforced
from .randomness import digest, order
from .recipe import StageCall
from .refuse import refusal
from .repair import Repair
from .samplers import Proposer, Ranked
from .state import State, copied, joined
from .training import reached


class Writer:
    """What a policy draws, as architectures that requirements and what is fixed let be."""

    def __init__(self, context: Context, decisions: tuple[Decision, ...], hidden: int) -> None:
        self._context, self.slots = context, Slots(decisions)
        self.policy = Components(self.slots, hidden, context.seed, context.stage)
        self._repair = Repair(context.graph, context.fixed)
        try:
            self._base = Draws(context.graph, context.fixed).at(context.seed, context.stage, "base")
        except ValueError as why:
            raise ValueError(f"nothing meets the requirements: {why}") from why

    def drawn(self, *names: str | int) -> Drawn:
        return self.policy.draw(noise_of(self.slots, self._context.seed, self._context.stage, *names))

    def architecture(self, drawn: Drawn, *names: str | int) -> Architecture:
        rng = random.Random(digest(self._context.seed, self._context.stage, *names, "repair"))
        return self._repair({**self._base, **self.slots.options(drawn.actions)}, self._base, rng)

    @torch.no_grad()
    def likeliest(self) -> Architecture:
        return self.architecture(self.policy.draw(None), "likeliest")


class Generated(Ranked):
    """The likeliest architecture first, then others that the policy draws as it is when it is asked."""

    def __init__(self, writer: Writer, trials: int) -> None:
        super().__init__(trials)
        self._writer = writer

    @torch.no_grad()
    def ask(self) -> Architecture:
        number, self.asked = self.asked, self.asked + 1
        if not number:
            return self._writer.likeliest()
        return self._writer.architecture(self._writer.drawn("judged", number), "judged", number)


class Generator(OneShot):
    """As `one_shot`, but for what is drawn. `rewards`: all so far."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self.rewards: list[float] = []
        super().__init__(context, call)
        moves = max(1, self.sharing.steps // int(call.options["every"]))
        asked = call.options["teacher"] or with_defaults("adam", lr=min(0.03, max(0.001, 3 / moves)))
        self._update = optimizer(asked, self._writer.policy.parameters, {}, moves)

    def _sampler(self, context: Context, call: StageCall) -> Proposer:
        try:
            self._writer = Writer(context, self._own, int(call.options["hidden"]))
        except ValueError as why:
            help = "loosen a `require` of the space, or --fix less"
            raise refusal("S0610", f"generator() has nothing to try: {why}", call.span, help=help) from why
        return Generated(self._writer, int(call.options["samples"]))

    def _paths(self, context: Context, call: StageCall) -> Callable[[int], tuple[Architecture, ...]]:
        def drawn(step: int) -> tuple[Architecture, ...]:
            with torch.no_grad():
                every = [self._writer.drawn("weights", step, k) for k in range(int(call.options["paths"]))]
            return tuple(self._writer.architecture(one, "weights", step, k) for k, one in enumerate(every))

        return drawn

    def step(self) -> Mapping[str, float]:
        if not self.sharing.ended and self.sharing.at % int(self.call.options["every"]) == 0:
            self._teach()
        return super().step()

    # -- the policy ------------------------------------------------------------------------------------------

    def _teach(self) -> None:
        """A step of the network, by the mean of some architectures."""
        policy, count = self._writer.policy, int(self.call.options["drawn"])
        told: list[tuple[Drawn, Tensor, float]] = []
        for sample in range(count):
            drawn = self._writer.drawn("policy", self.sharing.at, sample)
            architecture = self._writer.architecture(drawn, "policy", self.sharing.at, sample)
            there_T = self._writer.slots.flat(exists(self.context.graph, architecture)).float()
            reward = self._reward(architecture)
            if math.isfinite(reward):  # rows of one class have no AUC
                told.append((drawn, there_T, reward))
        if not told:
            return
        window = self.rewards[-int(self.call.options["window"]) :] or [reward for _, _, reward in told]
        baseline, entropy = sum(window) / len(window), float(self.call.options["entropy"])
        losses = [reinforced(drawn, reward - baseline, there_T, entropy) for drawn, there_T, reward in told]
        loss = torch.stack(losses).mean()
        found = torch.autograd.grad(loss, list(policy.parameters.values()), allow_unused=True)
        gradients = {n: g for n, g in zip(policy.parameters, found, strict=True) if reached(g)}
        self._update.step(gradients, 1.0)
        self.rewards += [reward for _, _, reward in told]

    def _reward(self, architecture: Architecture) -> float:
        """Quality on some validation rows, the same for all architectures of a step."""
        context, count = self.context, int(self.call.options["rows"])
        rows = context.examples.valid
        if rows.numel() > count:
            shuffled = order(rows.numel(), context.seed, f"{context.stage}/rewards", self.sharing.at)
            rows = rows[shuffled[:count]].sort().values
        model, examples = self.sharing.loans(architecture)
        return goodness(scores(model, examples, rows, {}, context.settings.evaluation_rows), self._metric)

    # -- what there is to say, and state -----------------------------------------------------------------------

    def figures(self) -> dict[str, Any]:
        tenth = max(1, len(self.rewards) // 10)
        ends = (self.rewards[:tenth], self.rewards[-tenth:])
        first, last = (sum(part) / len(part) if part else None for part in ends)
        return {**super().figures(), "rewards": len(self.rewards), "reward_at_first": first, "reward_at_last": last}

    def state(self) -> State:
        policy = State(copied(self._writer.policy.parameters))
        parts = {"one_shot": super().state(), "policy": policy, "update": self._update.state()}
        return joined(parts, {"rewards": list(self.rewards)})

    @torch.no_grad()
    def restore(self, state: State) -> None:
        for name, parameter in self._writer.policy.parameters.items():
            parameter.copy_(state.part("policy").tensors[name])
        self._update.restore(state.part("update"))
        self.rewards = list(state.facts["rewards"])
        super().restore(state.part("one_shot"))
