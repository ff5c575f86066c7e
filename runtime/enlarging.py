"""Widths that a policy enlarges while a stream goes on (ESAPN, SIGIR 2020).

Every value starts at the smallest width. Before a batch is learned from, the policy sees how often each of its values was seen and how wide it
is, and keeps or enlarges: the likelier action is what the model does, a drawn one is rewarded for

    R = (1 − loss of the value's rows under it) − mean of the last `window` such numbers of the value

A vector that is enlarged starts as what the space's own transform from one width to the next makes of the old one. V values of a decision, N widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import linear, one_hot

from recspace.compiler.compiled import Compiled, Slice
from recspace.compiler.decisions import Decision

from .choices import Choices, Fixed
from .context import optimizer, with_defaults
from .evaluation import Figures
from .flow import tables_of
from .module import region
from .randomness import stream
from .recipe import StageCall
from .refuse import refusal
from .second_order import task_loss
from .state import State, copied, joined
from .streaming import Streamed
from .training import reached

SMALLEST = 1e-7
Place = tuple[str, Slice]
"""A stored tensor and a weight in it."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A decision of widths for the values of a field, smallest first: `order[r]` is the option of rank r, `tables[r]` its table,
    `climbs[r]` weight and bias that lead from rank r to the next."""

    decision: Decision
    field: str
    order: tuple[int, ...]
    tables: tuple[Place, ...]
    climbs: tuple[tuple[Place, Place | None], ...]


def ladder_of(compiled: Compiled, decision: Decision, call: StageCall) -> Ladder:
    """Raises SpaceError (S0657) for a decision that is no width of one field's values, or has no transform from width to width."""

    def unfit(why: str) -> Exception:
        help = "write each width as a table and a layer to the next, as spaces/embedding/esapn.space does"
        return refusal("S0657", f"reinforce(moves = …) cannot enlarge `{decision.name}`: {why}", call.span, help=help)

    if len(decision.rows) != 1 or decision.domains[0].kind not in ("number", "range"):
        raise unfit("it is no number for each value of one field")
    options = decision.domains[0].options
    order = tuple(sorted(range(len(options)), key=lambda k: options[k]))
    fields = tables_of(compiled)
    every = [(t.attribute, s) for t in compiled.tensors if t.trainable for s in t.slices]
    embedded = {t.attribute for t in compiled.tensors if t.embedding}
    tables = []
    for k in order:
        found = [p for p in every if p[0] in embedded and fields.get((p[1].layer, p[1].key)) == decision.per_value
                 and p[1].key[-1:] == (options[k],)]  # fmt: skip
        if len(found) != 1:
            raise unfit(f"it has {len(found)} tables for {options[k]}")
        tables.append(found[0])
    climbs = []
    for r, (_, table) in enumerate(tables[:-1]):
        shape, key = (_width(table), _width(tables[r + 1][1])), options[order[r + 1]]
        part = table.layer.split(".")[0]
        near = [p for p in every if p[1].layer.split(".")[0] == part and key in p[1].key and p[0] not in embedded]
        weights = [p for p in near if p[1].name == "weight" and tuple(b - a for a, b in p[1].box[-2:]) == shape]
        if len(weights) != 1:
            raise unfit(f"there is no transform from {shape[0]} to {shape[1]} numbers")
        bias = next(
            (
                p
                for p in near
                if p[1].layer == weights[0][1].layer and p[1].name == "bias" and p[1].key == weights[0][1].key
            ),
            None,
        )
        climbs.append((weights[0], bias))
    return Ladder(decision, decision.per_value, order, tuple(tables), tuple(climbs))


def _width(table: Slice) -> int:
    return table.box[-1][1] - table.box[-1][0]


class Sizes:
    """What the model is trained with: the rank of every value's width, [V] by decision, as ones among zeros."""

    def __init__(self, ladders: tuple[Ladder, ...], fixed: Fixed, device: torch.device) -> None:
        self.parameters: Mapping[str, Parameter] = {}
        self._ladders, self._fixed, self._device = ladders, fixed, device
        self.ranks = {one.decision.name: torch.zeros(one.decision.elements, dtype=torch.long) for one in ladders}

    def at(self, ranks: Mapping[str, Tensor]) -> Choices:
        found: Choices = {}
        for one in self._ladders:
            name, n = one.decision.name, len(one.order)
            options = torch.tensor(one.order)[ranks[name]]
            found[name] = self._fixed.weights(name, one_hot(options, n).float()).to(self._device)
        return found

    def training(self, step: int) -> Choices:
        return self.at(self.ranks)

    def settled(self) -> Choices:
        return self.at(self.ranks)


class Enlarging(Streamed):
    """A stream in which a policy for each decision enlarges widths."""

    def __init__(self, ladders: tuple[Ladder, ...], call: StageCall, *parts: Any) -> None:
        super().__init__(*parts)
        self._ladders, self._call = ladders, call
        widths, self._window = [2, *map(int, call.options["policy"]), 2], int(call.options["window"])
        self._policies = {
            f"{one.decision.name}/{k}": Parameter(_start(i, o, self._seed, one.decision.name, k))
            for one in ladders
            for k, (i, o) in enumerate(pairwise(widths))
        }
        self._depth = len(widths) - 1
        asked = call.options["optimizer"] or with_defaults("adam", lr=0.001)
        self._teaching = optimizer(asked, self._policies, {}, self.steps)
        elements = {one.decision.name: one.decision.elements for one in ladders}
        self._past = {name: torch.zeros(n, self._window) for name, n in elements.items()}
        self._known = {name: torch.zeros(n, dtype=torch.long) for name, n in elements.items()}
        self.moves = dict.fromkeys(elements, 0)

    @property
    def sizes(self) -> Sizes:
        assert isinstance(self.choosing, Sizes)
        return self.choosing

    def _learn(self) -> float:
        if self.batch_at.first and self.at:
            self._move()
        return super()._learn()

    # -- the policy ------------------------------------------------------------------------------------------

    def _move(self) -> None:
        """Reward what is drawn for the values of this batch, and do what is likelier."""
        batch = self._examples.batch(self.batch_at.rows)
        ranks, losses, taken, likely = dict(self.sizes.ranks), [], {}, {}
        for one in self._ladders:
            name = one.decision.name
            value = torch.unique(batch[one.field].cpu())
            value = value[value > 0] - 1
            log_p = self._logits(one, value).log_softmax(-1)
            generator = stream(self._seed, self.plan.stage, self.at, "moves", name)
            gumbel = -(-torch.rand(log_p.shape, generator=generator).clamp(SMALLEST, 1 - SMALLEST).log()).log()
            action = (log_p.detach() + gumbel).argmax(-1)
            taken[name] = (value, action, log_p.gather(-1, action.unsqueeze(-1)).squeeze(-1))
            likely[name] = log_p.detach().argmax(-1)
            self._inherit(one, value)
            ranks[name] = self._moved(one, value, action)
        loss_B = self._loss_of_each(batch, self.sizes.at(ranks))
        for one in self._ladders:
            value, _, log_p = taken[one.decision.name]
            reward = self._rewards(one, batch, value, loss_B)
            losses.append(-(reward * log_p).mean())
        gradients = torch.autograd.grad(torch.stack(losses).sum(), list(self._policies.values()), allow_unused=True)
        named = zip(self._policies, gradients, strict=True)
        self._teaching.step({n: g for n, g in named if reached(g)}, 1.0)
        for one in self._ladders:
            name, (value, _, _) = one.decision.name, taken[one.decision.name]
            after = self._moved(one, value, likely[name])
            self.moves[name] += int((after != self.sizes.ranks[name]).sum())
            self.sizes.ranks[name] = after
        self._remember(batch, taken)

    def _logits(self, one: Ladder, value: Tensor) -> Tensor:
        """Keep or enlarge, by frequency and present width: [values, 2]."""
        name = one.decision.name
        often = self.seen.counts[one.field][value + 1].float().log1p()
        wide = self.sizes.ranks[name][value].float() / max(len(one.order) - 1, 1)
        x = torch.stack([often / 5, wide], 1)
        for k in range(self._depth):
            x = linear(torch.cat([x, torch.ones(len(x), 1)], 1), self._policies[f"{name}/{k}"])
            x = x.tanh() if k + 1 < self._depth else x
        return x

    def _moved(self, one: Ladder, value: Tensor, action: Tensor) -> Tensor:
        ranks = self.sizes.ranks[one.decision.name].clone()
        ranks[value] = (ranks[value] + action).clamp(max=len(one.order) - 1)
        return ranks

    @torch.no_grad()
    def _inherit(self, one: Ladder, value: Tensor) -> None:
        """The vectors that values would have one width further, made of those that they have."""
        if not self._call.options["inherit"]:
            return
        ranks = self.sizes.ranks[one.decision.name]
        for r, (weight, bias) in enumerate(one.climbs):
            own = value[ranks[value] == r] + 1
            read = [region(self.model.tensors[name], part) for name, part in (one.tables[r], one.tables[r + 1], weight)]
            old, new, w_io = read[0], read[1], read[2].reshape(read[2].shape[-2:])
            climbed = old[own.to(old.device)] @ w_io
            if bias is not None:
                climbed = climbed + region(self.model.tensors[bias[0]], bias[1]).reshape(-1)
            new[own.to(new.device)] = climbed

    # -- rewards ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def _loss_of_each(self, batch: Mapping[str, Tensor], choices: Choices) -> Tensor:
        """The loss of every row by itself [B], in evaluation mode."""
        self.model.module.eval()
        prediction = self.model.module(batch, choices, {})
        rows = zip(prediction, batch[":label"], strict=True)
        return torch.stack([task_loss(self._examples.task, p[None], {":label": y[None]}) for p, y in rows]).cpu()

    def _mean_of(self, one: Ladder, batch: Mapping[str, Tensor], value: Tensor, x_B: Tensor) -> Tensor:
        """The mean over the rows of each value."""
        place = torch.searchsorted(value, (batch[one.field].cpu() - 1).clamp(min=0)).clamp(max=max(len(value) - 1, 0))
        there = (batch[one.field].cpu() > 0).float()
        total = torch.zeros(len(value)).index_add(0, place, x_B * there)
        return total / torch.zeros(len(value)).index_add(0, place, there).clamp(min=1)

    def _rewards(self, one: Ladder, batch: Mapping[str, Tensor], value: Tensor, loss_B: Tensor) -> Tensor:
        """How much better a value fares than it did: nothing where it was not seen before."""
        good, count = 1 - self._mean_of(one, batch, value, loss_B), self._known[one.decision.name][value]
        past = self._past[one.decision.name][value].sum(1) / count.clamp(min=1, max=self._window)
        return torch.where(count > 0, good - past, 0.0)

    def _remember(self, batch: Mapping[str, Tensor], taken: Mapping[str, Any]) -> None:
        """How values fare under what the model does."""
        loss_B = self._loss_of_each(batch, self.sizes.settled())
        for one in self._ladders:
            name, (value, _, _) = one.decision.name, taken[one.decision.name]
            place = self._known[name][value] % self._window
            self._past[name][value, place] = 1 - self._mean_of(one, batch, value, loss_B)
            self._known[name][value] += 1

    # -- its state -------------------------------------------------------------------------------------------

    def _close(self) -> Figures:
        return super()._close()

    def state(self) -> State:
        parts = {
            "stream": super().state(),
            "policies": State(copied(self._policies)),
            "teaching": self._teaching.state(),
            "ranks": State(copied(self.sizes.ranks)),
            "past": State(copied(self._past)),
            "known": State(copied(self._known)),
        }
        return joined(parts, {"moves": dict(self.moves)})

    @torch.no_grad()
    def restore(self, state: State) -> None:
        super().restore(state.part("stream"))
        for part, own in (
            ("policies", self._policies),
            ("ranks", self.sizes.ranks),
            ("past", self._past),
            ("known", self._known),
        ):
            for name, tensor in own.items():
                tensor.copy_(state.part(part).tensors[name])
        self._teaching.restore(state.part("teaching"))
        self.moves = dict(state.facts["moves"])


def _start(i: int, o: int, seed: int, name: str, layer: int) -> Tensor:
    """Weights and offsets [o, i + 1], uniform in ±1/√i."""
    bound = i**-0.5
    return torch.empty(o, i + 1).uniform_(-bound, bound, generator=stream(seed, "policy", name, layer))
