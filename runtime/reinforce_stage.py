"""reinforce: shared weights and the policy that draws architectures for them, in turn; then the best of what it draws.

A step of the weights is one on training rows, with an architecture drawn for it. A step of the policy is

    R = quality of an architecture on validation rows − what costs add to what is minimized
    ∇ Σ_t log π(a_t) · (R − b_t)  +  entropy · ∇ Σ_t H(π_t)

with b_t the mean of the rewards before, or the critic's value, which learns from (R − b_t)². Elements that do not exist in an
architecture have no part in it. Source: REINFORCE (Williams, 1992); NIS (KDD 2020) with an actor and a critic.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.architectures import exists, fingerprint
from recspace.compiler.decisions import Architecture

from .choices import Choices, one_hots
from .context import Context, optimizer, with_defaults
from .evaluation import goodness, metric, score_of, scores
from .plain_stages import hand_made
from .policy import Drawn, Independent, Slots, noise_of, policy_of, reinforced
from .randomness import digest, order
from .recipe import StageCall
from .refuse import refusal
from .repair import Repair
from .state import State, copied, joined
from .supernet_stages import Fitting
from .task import Found, architecture_from, architecture_json


class Proposed:
    """What the weights are trained with: an architecture of the policy for every step; evaluated at the likeliest."""

    def __init__(self, stage: Reinforce) -> None:
        self.parameters: Mapping[str, Parameter] = {}
        self._stage = stage

    def training(self, step: int) -> Choices:
        return self._stage.choices(self._stage.proposed(self._stage.drawn("weights", step), "weights", step))

    def settled(self) -> Choices:
        return self._stage.choices(self._stage.likeliest())


class Reinforce(Fitting):
    """Steps: those of the weights, each `every`-th with one of the policy; then one for each architecture that is judged."""

    def __init__(self, context: Context, call: StageCall) -> None:
        if context.examples.valid.numel() == 0:
            raise refusal(
                "S0611", "a policy is rewarded on validation rows", call.span, help="give the split a valid part"
            )
        options = call.options
        self.call, self.slots = call, Slots(context.decisions)
        self.policy = policy_of(str(options["network"]), self.slots, options["policy"], context.seed, context.stage)
        self._repair, self._base = Repair(context.graph, context.fixed), hand_made(context)
        self._conditional = any(d.conditional for d in context.decisions)
        self._metric = metric("auto" if options["quality"] == "loss" else options["quality"], context.examples)
        moves = max(1, context.steps(call) // int(options["every"]))
        rate = min(0.1 if options["network"] == "independent" else 0.01, max(0.001, 3 / moves))
        asked = options["optimizer"] or with_defaults("adam", lr=rate)
        self._update = optimizer(asked, self.policy.parameters, {}, moves)
        self._rewards: list[float] = []
        self.trials: list[dict[str, Any]] = []
        super().__init__(context, context.fit(context.supernet_model(), Proposed(self), call, "weights"))

    # -- a task ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        return self.fit.steps + int(self.call.options["trials"])

    @property
    def at(self) -> int:
        return self.fit.at + len(self.trials)

    @property
    def done(self) -> bool:
        return self.fit.ended and len(self.trials) >= self._to_judge

    def step(self) -> Mapping[str, float]:
        if self.fit.ended:
            self._judge()
            return {}
        if self.fit.at % int(self.call.options["every"]) == 0:
            self._teach()
        return self.fit.step()

    def hurry(self) -> None:
        """What is likeliest is judged in any case."""
        self.fit.hurry()
        if not self.trials:
            self._judge()
        self._hurried = True

    _hurried = False

    @property
    def _to_judge(self) -> int:
        return 1 if self._hurried else int(self.call.options["trials"])

    # -- the policy ------------------------------------------------------------------------------------------

    def drawn(self, *names: str | int) -> Drawn:
        return self.policy.draw(noise_of(self.slots, self.context.seed, self.context.stage, *names))

    def proposed(self, drawn: Drawn, *names: str | int) -> Architecture:
        """What was drawn, as requirements and what is fixed let it be."""
        rng = random.Random(digest(self.context.seed, self.context.stage, *names, "repair"))
        return self._repair(self.slots.options(drawn.actions), self._base, rng)

    @torch.no_grad()
    def likeliest(self) -> Architecture:
        return self.proposed(self.policy.draw(None), "likeliest")

    def choices(self, architecture: Architecture) -> Choices:
        return one_hots(self.context.decisions, architecture, self.context.device)

    def _teach(self) -> None:
        """A step of the policy."""
        gradients: dict[str, Tensor] = {}
        count = int(self.call.options["samples"])
        for sample in range(count):
            drawn = self.drawn("policy", self.fit.at, sample)
            architecture = self.proposed(drawn, "policy", self.fit.at, sample)
            reward = self._reward(architecture)
            if not math.isfinite(reward):
                continue  # rows of one class have no AUC
            loss = self._loss(drawn, self._there(architecture), reward)
            found = torch.autograd.grad(loss / count, list(self.policy.parameters.values()), allow_unused=True)
            for name, gradient in zip(self.policy.parameters, found, strict=True):
                if gradient is not None:
                    gradients[name] = gradients[name] + gradient if name in gradients else gradient
            self._rewards.append(reward)
        if gradients:
            self._update.step(gradients, 1.0)

    def _there(self, architecture: Architecture) -> Tensor:
        """Which elements exist: 1 and 0 [T]."""
        if not self._conditional:
            return torch.ones(self.slots.size)
        return self.slots.flat(exists(self.context.graph, architecture)).float()

    def _loss(self, drawn: Drawn, there_T: Tensor, reward: float) -> Tensor:
        if self.call.options["controller"] == "actor_critic":
            better_T = reward - drawn.value
            critic = 0.5 * better_T.square().mean()
        else:
            window = self._rewards[-int(self.call.options["window"]) :]
            better_T = torch.tensor([reward - (sum(window) / len(window) if window else reward)])
            critic = torch.zeros(())
        return critic + reinforced(drawn, better_T.detach(), there_T, float(self.call.options["entropy"]))

    def _reward(self, architecture: Architecture) -> float:
        """Quality on some validation rows, less what costs add."""
        context, count = self.context, int(self.call.options["rows"])
        rows = context.examples.valid
        if rows.numel() > count:
            rows = (
                rows[order(rows.numel(), context.seed, f"{context.stage}/rewards", self.fit.at)[:count]].sort().values
            )
        return self._quality(architecture, rows) - context.charge(architecture)

    def _quality(self, architecture: Architecture, rows: Tensor) -> float:
        context, choices = self.context, self.choices(architecture)
        if self.call.options["quality"] == "loss":
            return -self.fit.loss(rows, choices)
        found = scores(self.fit.model, context.examples, rows, choices, context.settings.evaluation_rows)
        return goodness(found, self._metric)

    # -- what comes of it ------------------------------------------------------------------------------------

    @torch.no_grad()
    def _judge(self) -> None:
        """The likeliest architecture first, then others that the policy draws, on all validation rows."""
        number = len(self.trials)
        architecture = self.likeliest() if not number else self.proposed(self.drawn("judged", number), "judged", number)
        quality, charge = self._quality(architecture, self.context.examples.valid), self.context.charge(architecture)
        good = quality - charge
        self.trials.append(
            {
                "number": number,
                "score": quality if self.call.options["quality"] == "loss" else score_of(quality, self._metric),
                "metric": self._metric,
                "goodness": good if math.isfinite(good) else None,
                "charge": charge,
                "failed": "" if math.isfinite(good) else f"no {self._metric} is defined on the validation rows",
                "fingerprint": fingerprint(self.context.graph, architecture),
                "architecture": architecture_json(architecture),
            }
        )

    def figures(self) -> dict[str, Any]:
        tenth = max(1, len(self._rewards) // 10)
        ends = (self._rewards[:tenth], self._rewards[-tenth:])
        first, last = (sum(part) / len(part) if part else None for part in ends)
        rewards = {"rewards": len(self._rewards), "reward_at_first": first, "reward_at_last": last}
        judged = [{k: t[k] for k in ("number", "score", "charge", "failed", "fingerprint")} for t in self.trials]
        return {**super().figures(), **rewards, "metric": self._metric, "judged": judged}

    def found(self) -> Found:
        usable = [t for t in self.trials if t["goodness"] is not None]
        best = max(usable, key=lambda t: t["goodness"], default=self.trials[0])  # of equal ones the first
        weights, weighing = copied(self.fit.model.tensors), self._shares()
        architecture = architecture_from(best["architecture"])
        return replace(
            self.context.found,
            architecture=architecture,
            weights=weights,
            weighing=weighing,
            untempered={},
            raw=False,
            gates={},
            model={},
        )

    def _shares(self) -> dict[str, Tensor]:
        """How likely the policy takes every option, where that does not depend on what was taken before."""
        if not isinstance(self.policy, Independent):
            return {}
        parts = torch.split(self.policy.shares(), [d.elements for d in self.context.decisions])
        found = {}
        for decision, own in zip(self.context.decisions, parts, strict=True):
            gate = decision.domains[0].kind == "gate"
            widest = int(max(len(domain.options) for domain in decision.domains))
            found[decision.name] = (own[:, 1] if gate else own[:, :widest]).clone()
        return found

    def state(self) -> State:
        parts = {
            "fit": self.fit.state(),
            "policy": State(copied(self.policy.parameters)),
            "update": self._update.state(),
        }
        return joined(parts, {"rewards": list(self._rewards), "trials": list(self.trials), "hurried": self._hurried})

    @torch.no_grad()
    def restore(self, state: State) -> None:
        self.fit.restore(state.part("fit"))
        for name, parameter in self.policy.parameters.items():
            parameter.copy_(state.part("policy").tensors[name])
        self._update.restore(state.part("update"))
        self._rewards, self.trials = list(state.facts["rewards"]), list(state.facts["trials"])
        self._hurried = bool(state.facts["hurried"])
