"""What a run leaves to be read: `architecture.json`, `report.json`, the modules and the weights as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision

from .choices import Option
from .files import dumped, inside, write_whole
from .journal import finite
from .state import copied
from .task import Found

VERSION = 1
LARGE = 10_000
"""Elements of a decision above which its options and weights lie in safetensors beside the JSON."""
ARCHITECTURE, ARCHITECTURE_TENSORS = "architecture.json", "architecture.safetensors"
GATES = "choices:"
"""What stands before the name of a decision whose gates are weights of the model."""


def write_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> None:
    write_whole(inside(folder, name), save(copied(tensors)))


def write_json(folder: Path, name: str, value: Any) -> None:
    write_whole(inside(folder, name), dumped(finite(value)))


def sizes(path: Path, compiled: Compiled) -> dict[str, int]:
    """Measured in the file: numbers of all trained tensors, bytes of embedding tables, bytes of the file."""
    stored = {tensor.attribute: tensor for tensor in compiled.tensors}
    parameters = embedding_bytes = 0
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 – a file is no mapping
            tensor = file.get_tensor(name)
            of = stored.get(name)
            parameters += tensor.numel() if of is None or of.trainable else 0
            embedding_bytes += tensor.nbytes if of is not None and of.embedding else 0
    return {"parameters": parameters, "embedding_bytes": embedding_bytes, "file_bytes": path.stat().st_size}


def write_architecture(folder: Path, decisions: tuple[Decision, ...], found: Found) -> None:
    """Every decision with its elements by name, the option taken and the weights that spoke for it (null: none did)."""
    architecture = found.architecture or {}
    entries, large = [], dict[str, Tensor]()
    for decision in decisions:
        weights = found.weighing.get(decision.name)
        entry: dict[str, Any] = {"name": decision.name, "axes": list(decision.axes), "count": decision.elements}
        if decision.elements > LARGE:
            entry["stored"] = ARCHITECTURE_TENSORS
            large[f"{decision.name}:value"] = _positions(decision, architecture)
            if weights is not None:
                large[f"{decision.name}:weight"] = weights
        else:
            options = architecture[decision.name]
            entry["elements"] = [
                {
                    "name": decision.label(element),
                    "value": value(decision, element, option),
                    "weight": None if weights is None else weights[element].tolist(),
                }
                for element, option in enumerate(options)
            ]
        entries.append(entry)
    if large:
        write_tensors(folder, ARCHITECTURE_TENSORS, large)
    write_json(folder, ARCHITECTURE, {"version": VERSION, "decisions": entries})


def _positions(decision: Decision, architecture: Architecture) -> Tensor:
    """Positions [E] of the options; of sets 0 and 1 for every member [E, N]; reals as they are."""
    options = architecture[decision.name]
    if decision.domains[0].kind != "subset":
        return torch.tensor(options)
    members = torch.zeros(decision.elements, max(len(d.options) for d in decision.domains), dtype=torch.uint8)
    for element, chosen in enumerate(options):
        members[element, list(chosen) if isinstance(chosen, tuple) else [int(chosen)]] = 1
    return members


def value(decision: Decision, element: int, option: Option) -> Any:
    """An option as the space writes it: `on`, 16, `relu`, a list of members."""
    domain = decision.domain(element)
    match domain.kind:
        case "real":
            return option
        case "subset":
            return [domain.options[p] for p in option] if isinstance(option, tuple) else [domain.options[int(option)]]
        case "gate" | "number" | "name" | "alternative" | "range":
            position = int(option) if not isinstance(option, tuple) else 0
            return domain.options[position] if domain.options else int(domain.low) + position
