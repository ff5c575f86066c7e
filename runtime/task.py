"""A stage under way, as the search drives it; and what stages hand on to one another."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from recspace.compiler.decisions import Architecture, Options, opened, packed

from .choices import Option
from .state import State, copied, joined


@dataclass(frozen=True, slots=True)
class Found:
    """What has been found so far, on the CPU.

    weights       of the supernet, by attribute; empty before anything trained it
    weighing      weights of the decisions as the last relaxation left them, without noise
    raw           whether these are raw gates (as = gate), which are ranked by size, or shares
    architecture  the options taken, once something has settled them
    gates         weights [elements] of the gate decisions that the derived model keeps as weights
    model         tensors of the derived model, by attribute, once it has been trained
    settled       elements that a stage has settled for all that follow (decision → element → option), as `--fix` does
    margins       whether `weighing` says how far gates are above what would shut them
    shared        weights that all architectures share, by name (`bank.py`); they stand before those of a supernet
    closing       by how much the loss rises with each gate shut that examples decide (decision → [elements])
    untempered    weights of gates as they would be at a temperature of one, so that those that have come to 1 can be ranked
    pruned        what is left of tables that were pruned number by number (`pruning.name_of` → bool [rows, width])
    """

    weights: Mapping[str, Tensor] = field(default_factory=dict)
    weighing: Mapping[str, Tensor] = field(default_factory=dict)
    raw: bool = False
    architecture: Architecture | None = None
    gates: Mapping[str, Tensor] = field(default_factory=dict)
    model: Mapping[str, Tensor] = field(default_factory=dict)
    settled: Mapping[str, Mapping[int, Option]] = field(default_factory=dict)
    margins: bool = False
    pruned: Mapping[str, Tensor] = field(default_factory=dict)
    shared: Mapping[str, Tensor] = field(default_factory=dict)
    closing: Mapping[str, Tensor] = field(default_factory=dict)
    untempered: Mapping[str, Tensor] = field(default_factory=dict)

    def state(self) -> State:
        tensors = {"weights": self.weights, "weighing": self.weighing, "gates": self.gates, "model": self.model}
        tensors |= {"pruned": self.pruned, "shared": self.shared, "closing": self.closing}
        tensors |= {"untempered": self.untempered}
        parts = {name: State(copied(part)) for name, part in tensors.items()}
        facts = {"raw": self.raw, "margins": self.margins, "architecture": architecture_json(self.architecture)}
        return joined(parts, {**facts, "settled": settled_json(self.settled)})

    @staticmethod
    def from_state(state: State) -> Found:
        return Found(
            state.part("weights").tensors,
            state.part("weighing").tensors,
            bool(state.facts["raw"]),
            architecture_from(state.facts["architecture"]),
            state.part("gates").tensors,
            state.part("model").tensors,
            settled_from(state.facts["settled"]),
            bool(state.facts["margins"]),
            state.part("pruned").tensors,
            state.part("shared").tensors,
            state.part("closing").tensors,
            state.part("untempered").tensors,
        )


def architecture_json(architecture: Architecture | None) -> Any:
    if architecture is None:
        return None
    return {n: _listed(options) for n, options in architecture.items()}


def _listed(options: Options) -> Any:
    """Bytes as a text: base64 of the bits."""
    if isinstance(options, bytes):
        return {"bits": b64encode(np.packbits(opened(options)).tobytes()).decode(), "count": len(options)}
    return [list(o) if isinstance(o, tuple) else o for o in options]


def architecture_from(data: Any) -> Architecture | None:
    return None if data is None else {name: _options(listed) for name, listed in data.items()}


def _options(listed: Any) -> Options:
    if isinstance(listed, dict):
        bits = np.frombuffer(b64decode(listed["bits"]), dtype=np.uint8)
        return packed(np.unpackbits(bits, count=int(listed["count"])) == 1)
    return tuple(tuple(o) if isinstance(o, list) else o for o in listed)


def settled_json(settled: Mapping[str, Mapping[int, Option]]) -> Any:
    return {
        name: [[e, list(o) if isinstance(o, tuple) else o] for e, o in own.items()] for name, own in settled.items()
    }


def settled_from(data: Any) -> dict[str, dict[int, Option]]:
    return {name: {e: tuple(o) if isinstance(o, list) else o for e, o in own} for name, own in data.items()}


class Task(Protocol):
    """One stage. `step` until `done`; `state` and `restore` work between any two steps.

    `steps` is how many there will be at most; `at` how many there were. `hurry`: time is up, end as well as you can.
    `figures`: what is worth saying of the whole stage. `found`: what it hands on, once it is done.
    """

    @property
    def steps(self) -> int: ...

    @property
    def at(self) -> int: ...

    @property
    def done(self) -> bool: ...

    def step(self) -> Mapping[str, float]: ...

    def hurry(self) -> None: ...

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...

    def figures(self) -> dict[str, Any]: ...

    def found(self) -> Found: ...
