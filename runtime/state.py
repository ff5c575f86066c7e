"""What a stage, an optimizer or a whole search is in the middle of: tensors by name and facts that JSON can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class State:
    """`tensors` and `facts` together are everything; a stage made anew and given them goes on with the same bits.

    Facts hold only None, bool, int, float, str, lists and string-keyed dicts of them.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def part(self, name: str) -> State:
        """The state that `joined` put under a name."""
        prefix = name + SEPARATOR
        tensors = {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}
        return State(tensors, self.facts.get(name, {}))


def joined(parts: Mapping[str, State], facts: Mapping[str, Any] | None = None) -> State:
    """Several states as one: tensors get `name/` before theirs, facts are nested under the name."""
    tensors = {f"{name}{SEPARATOR}{key}": value for name, part in parts.items() for key, value in part.tensors.items()}
    return State(tensors, {**(facts or {}), **{name: dict(part.facts) for name, part in parts.items()}})


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Detached copies on the CPU: what a state holds must not change when training goes on."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
