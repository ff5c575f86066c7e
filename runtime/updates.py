"""What an optimizer is to the training loop: gradients in, weights moved, all of its state in the open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from .state import State, copied, joined

LARGE = 16
"""Times the rows that a step touches at most: tables from there on are moved by these alone (measured)."""


class Update(Protocol):
    """Moves parameters by their gradients. `rate` scales the step size (decay over a stage)."""

    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None: ...

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class Torch:
    """An optimizer of torch."""

    def __init__(self, parameters: Mapping[str, Parameter], optimizer: torch.optim.Optimizer) -> None:
        self._parameters, self._optimizer = dict(parameters), optimizer
        self._rates = [group["lr"] for group in optimizer.param_groups]

    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        for group, lr in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = lr * rate
        for name, parameter in self._parameters.items():
            gradient = gradients.get(name)
            parameter.grad = gradient.to_dense() if gradient is not None and gradient.is_sparse else gradient
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def state(self) -> State:
        held: Mapping[Any, dict[str, Any]] = self._optimizer.state
        tensors = {
            f"{key}:{name}": value
            for name, parameter in self._parameters.items()
            for key, value in held.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }
        return State(copied(tensors))

    def restore(self, state: State) -> None:
        for name, parameter in self._parameters.items():
            found = {k.partition(":")[0]: v for k, v in state.tensors.items() if k.partition(":")[2] == name}
            if found:
                # Counts of steps stay where torch keeps them: on the CPU unless a fused kernel reads them.
                self._optimizer.state[parameter] = {
                    key: value.clone() if value.ndim == 0 and not self._fused else value.to(parameter.device, copy=True)
                    for key, value in found.items()
                }
            else:
                self._optimizer.state.pop(parameter, None)

    @property
    def _fused(self) -> bool:
        return bool(self._optimizer.param_groups[0].get("fused"))


class TouchedAdam:
    """Adam that costs what the touched rows cost. Source: SparseAdam of torch, which it equals without weight decay.

    A row that no example of a step has is left alone: its means do not decay, its weight decay waits until it is
    touched again (lazy). Bias is corrected by the number of all steps. Rows are those of a sparse gradient, or those
    of a dense one that are not all zero.
    """

    def __init__(self, parameters: Mapping[str, Parameter], options: Mapping[str, Any]) -> None:
        self._parameters, self._options, self._steps = dict(parameters), options, 0
        self._mean = {name: torch.zeros_like(p, requires_grad=False) for name, p in parameters.items()}
        self._square = {name: torch.zeros_like(p, requires_grad=False) for name, p in parameters.items()}

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        self._steps += 1
        beta1, beta2 = self._options["beta1"], self._options["beta2"]
        lr = self._options["lr"] * rate * (1 - beta2**self._steps) ** 0.5 / (1 - beta1**self._steps)
        for name, parameter in self._parameters.items():
            if name not in gradients:
                continue
            rows, gradient = touched(gradients[name])
            if self._options["weight_decay"]:
                gradient = gradient + self._options["weight_decay"] * parameter.index_select(0, rows)
            mean = self._mean[name].index_select(0, rows).lerp_(gradient, 1 - beta1)
            square = self._square[name].index_select(0, rows).mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            self._mean[name].index_copy_(0, rows, mean)
            self._square[name].index_copy_(0, rows, square)
            parameter.index_add_(0, rows, mean / (square.sqrt() + self._options["eps"]), alpha=-lr)

    def state(self) -> State:
        named = {f"mean:{n}": t for n, t in self._mean.items()} | {f"square:{n}": t for n, t in self._square.items()}
        return State(copied(named), {"steps": self._steps})

    def restore(self, state: State) -> None:
        self._steps = int(state.facts["steps"])
        for name in self._parameters:
            self._mean[name].copy_(state.tensors[f"mean:{name}"])
            self._square[name].copy_(state.tensors[f"square:{name}"])


def touched(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Row numbers [R], in rising order and each once, and their gradients [R, …]."""
    if gradient.is_sparse:
        if gradient.is_coalesced():
            return gradient.indices()[0], gradient.values()
        rows, place = torch.unique(gradient._indices()[0], return_inverse=True)  # quicker than `coalesce`
        values = gradient._values()
        return rows, values.new_zeros(len(rows), *values.shape[1:]).index_add_(0, place, values)
    wide = gradient.numel() // max(gradient.shape[0], 1)  # of a table of which nothing is left there are no rows
    rows = gradient.reshape(gradient.shape[0], wide).ne(0).any(1).nonzero().squeeze(1)
    return rows, gradient.index_select(0, rows)


def in_rows(gradient: Tensor) -> Tensor:
    """A sparse gradient with each row once."""
    rows, values = touched(gradient)
    return torch.sparse_coo_tensor(rows[None], values, gradient.shape, is_coalesced=True, check_invariants=False)


def by_rows(update: Update) -> bool:
    """Whether any table is moved by the rows alone that a step has touched: then its gradient need not hold others."""
    match update:
        case TouchedAdam():
            return True
        case Several():
            return any(map(by_rows, update.parts.values()))
        case _:
            return False


def moved_by_rows(option: str, rows: int, most: int) -> bool:
    """Of a table of so many rows, of which a step touches `most`."""
    return option == "touched" or (option == "auto" and rows >= LARGE * most)


class Several:
    """Each parameter by the optimizer it belongs to."""

    def __init__(self, parts: Mapping[str, Update]) -> None:
        self.parts = dict(parts)

    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        for part in self.parts.values():
            part.step(gradients, rate)

    def state(self) -> State:
        return joined({name: part.state() for name, part in self.parts.items()})

    def restore(self, state: State) -> None:
        for name, part in self.parts.items():
            part.restore(state.part(name))


def dense_or_touched(
    parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], options: Mapping[str, Any]
) -> Update:
    """Adam: fused and dense for all, or the touched rows of embedding tables apart (see the option `rows`).
    `embeddings`: how many rows of each a step touches at most.

    Of small tables moving all rows in one fused pass costs less than finding those that were touched (docs/decisions/0151).
    """
    tables = {name: p for name, p in parameters.items() if name in embeddings}
    lazy = {n: p for n, p in tables.items() if moved_by_rows(options["rows"], p.shape[0], embeddings[n])}
    others = {name: p for name, p in parameters.items() if name not in lazy}
    parts: dict[str, Update] = {}
    decay = options["weight_decay"] + options["embedding_decay"]
    if others:
        groups = [
            {"params": [p for n, p in others.items() if n in tables], "weight_decay": decay},
            {"params": [p for n, p in others.items() if n not in tables], "weight_decay": options["weight_decay"]},
        ]
        betas = (options["beta1"], options["beta2"])
        adam = torch.optim.Adam([g for g in groups if g["params"]], options["lr"], betas, options["eps"], fused=True)
        parts["dense"] = Torch(others, adam)
    if lazy:
        parts["touched"] = TouchedAdam(lazy, {**options, "weight_decay": decay})
    return Several(parts)
