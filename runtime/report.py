"""What a run leaves to be read: `architecture.json`, `report.json`, the modules and the weights as safetensors."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.compiled import Tensor as Stored
from recspace.compiler.decisions import Architecture, Decision, Options, opened, packed
from recspace.compiler.schema import Column

from .choices import Option
from .files import dumped, inside, write_whole
from .interactions import interactions
from .journal import finite
from .state import copied
from .task import Found, architecture_from

VERSION = 1
LARGE = 10_000
"""Elements of a decision above which its options and weights lie in safetensors beside the JSON."""
ARCHITECTURE, ARCHITECTURE_TENSORS = "architecture.json", "architecture.safetensors"
PRUNED = "pruned:"
"""What stands before the name of a table that was pruned number by number."""
ENCODING, COLUMNS = "encoding", "columns.json"
TOLD = 1_000
"""Elements of an architecture above which the journal has only the fingerprint of a trial."""
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
            parameters += (
                (tensor.numel() if of is None else _left(of))
                if of is None or of.trainable or of.packed == "bytes"
                else 0
            )
            embedding_bytes += tensor.nbytes if of is not None and of.embedding else 0
    return {"parameters": parameters, "embedding_bytes": embedding_bytes, "file_bytes": path.stat().st_size}


def _left(tensor: Stored) -> int:
    """The numbers that a tensor holds for the model: of a table of which a part is left, that part."""
    if all(s.kept is None for s in tensor.slices):
        return math.prod(tensor.shape)
    parts = [math.prod(b - a for a, b in s.box) if s.kept is None else int(s.kept.sum()) for s in tensor.slices]
    return sum(parts)


def write_encoding(folder: Path, columns: Sequence[Column], save: Callable[[Path, Sequence[Column]], None]) -> None:
    """`encoding/`: how cells became what the model reads, and `columns.json`: which columns it reads."""
    place = inside(folder, ENCODING)
    shutil.rmtree(place, ignore_errors=True)
    save(place, columns)
    write_json(place, COLUMNS, [{**asdict(column), "key": column.key} for column in columns])


def readable(trial: Mapping[str, Any], decisions: tuple[Decision, ...]) -> dict[str, Any]:
    """A trial of a sampler as the journal has it: options in words, unless there are too many."""
    names = (
        "number",
        "score",
        "metric",
        "parameters",
        "failed",
        "fingerprint",
        "charge",
        "costs",
        "stopped",
        "repeats",
        "rungs",
    )
    told = {name: trial[name] for name in names if name in trial}
    architecture = architecture_from(trial["architecture"]) or {}
    if sum(map(len, architecture.values())) > TOLD:
        return {"trial": told.pop("number"), **told}
    chosen = {
        d.name: {d.label(e): value(d, e, option) for e, option in enumerate(architecture[d.name])}
        for d in decisions
        if d.name in architecture
    }
    return {"trial": told.pop("number"), **told, "chosen": chosen}


def write_architecture(
    folder: Path,
    decisions: tuple[Decision, ...],
    found: Found,
    alive: Mapping[str, Sequence[bool]] | None = None,
    fields: frozenset[str] = frozenset(),
) -> None:
    """Every decision with its elements by name and index, the option taken and the weights that spoke for it (null: none
    did). `alive`: which elements exist in the architecture; the others stand there with `active` false. Of gates that
    stand for interactions of `fields` those that are kept are listed, the heaviest first: by what gates weigh at a
    temperature of one, as at the end of a search many weigh the same."""
    architecture = found.architecture or {}
    entries, large = [], dict[str, Tensor]()
    for decision in decisions:
        if not decision.elements:
            continue
        weights = found.weighing.get(decision.name)
        entry: dict[str, Any] = {"name": decision.name, "axes": list(decision.axes), "count": decision.elements}
        entry["kind"] = decision.domains[0].kind if decision.domains else ""
        if decision.elements > LARGE and decision.name in architecture:
            entry["stored"] = ARCHITECTURE_TENSORS
            if decision.packed:
                entry |= _rows(decision, architecture[decision.name])
            large[f"{decision.name}:value"] = _positions(decision, architecture)
            if weights is not None:
                large[f"{decision.name}:weight"] = weights
        else:
            options = architecture.get(decision.name)
            if decision.packed and options is not None:
                entry |= _rows(decision, options)
            if options is None:
                entry["given"] = decision.given  # every example decides it
                entry["options"] = list(decision.domains[0].options)
            entry["elements"] = [
                {
                    "name": decision.label(element),
                    "key": list(decision.key(element)),
                    "active": alive is None or alive[decision.name][element],
                    "value": None if options is None else value(decision, element, options[element]),
                    "weight": None if weights is None else weights[element].tolist(),
                }
                for element in range(min(decision.elements, LARGE))
            ]
            for own, cost in zip(entry["elements"], found.closing.get(decision.name, ()), strict=False):
                own["closing"] = float(cost)
        spoken = found.untempered.get(decision.name, weights)
        crossed = _crossed(decision, architecture.get(decision.name), spoken, fields)
        if crossed:
            entry["interactions"] = crossed
        entries.append(entry)
    large |= {f"{PRUNED}{name}": mask.to(torch.uint8) for name, mask in found.pruned.items()}
    if large:
        write_tensors(folder, ARCHITECTURE_TENSORS, large)
    document: dict[str, Any] = {"version": VERSION, "decisions": entries, "kept_gates": sorted(found.gates)}
    if found.pruned:
        document["pruned"] = _left_of(found.pruned)
    write_json(folder, ARCHITECTURE, document)


def _left_of(pruned: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """How many numbers are left of every table; which, lies in the file beside."""
    found = []
    for name, mask in sorted(pruned.items()):
        layer, key = json.loads(name)
        found.append({"table": layer, "key": key, "numbers": mask.numel(), "left": int(mask.sum())})
    return found


def read_pruned(folder: Path) -> dict[str, Tensor]:
    """What is left of tables that were pruned number by number (`Found.pruned`)."""
    if "pruned" not in json.loads(inside(folder, ARCHITECTURE).read_bytes()):
        return {}
    with safe_open(inside(folder, ARCHITECTURE_TENSORS), framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(PRUNED)]  # noqa: SIM118 – a file is no mapping
        return {name.removeprefix(PRUNED): file.get_tensor(name) == 1 for name in names}


def _rows(decision: Decision, options: Options) -> dict[str, Any]:
    """How many gates are on, in all and of every row of values: `rows` stand one after the other in the file."""
    on = opened(options)
    ends = np.cumsum(decision.counts)
    own = [int(on[end - count : end].sum()) for end, count in zip(ends, decision.counts, strict=True)]
    keys = zip(decision.rows, decision.counts, own, strict=bool(decision.rows))
    return {"on": int(on.sum()), "rows": [{"key": list(k), "count": c, "on": n} for k, c, n in keys]}


def _crossed(
    decision: Decision, options: Sequence[Option] | None, weights: Tensor | None, fields: frozenset[str]
) -> list[dict[str, Any]]:
    gates = [1.0] * decision.elements if weights is None else weights.reshape(decision.elements, -1)[:, -1].tolist()
    if options is None:  # every example decides it: on is what is on in most of them
        options = [int(weights is not None and gate > 0.5) for gate in gates]
    found = interactions(decision, options, gates, fields)
    return [{"name": i.name, "fields": list(i.fields), "weight": None if weights is None else i.weight} for i in found]


def read_architecture(folder: Path, decisions: tuple[Decision, ...]) -> tuple[Architecture, frozenset[str]]:
    """Inverse of `write_architecture`: the options taken, and the gates that the model keeps as weights.

    Raises ValueError or KeyError where the files do not fit the decisions.
    """
    document = json.loads(inside(folder, ARCHITECTURE).read_bytes())
    entries = {entry["name"]: entry for entry in document["decisions"]}
    found: dict[str, Options] = {}
    for decision in decisions:
        if not decision.elements:
            continue
        entry = entries[decision.name]
        if "given" in entry:
            continue
        if "elements" in entry:
            listed = tuple(
                position(decision, k, element["value"])
                for k, element in enumerate(_checked(entry["elements"], decision.elements))
            )
            found[decision.name] = packed(opened(listed)) if decision.packed else listed
        else:
            with safe_open(inside(folder, ARCHITECTURE_TENSORS), framework="pt") as file:
                stored = file.get_tensor(f"{decision.name}:value")
            if decision.packed:
                found[decision.name] = packed(_counted(stored.numpy() == 1, decision.elements))
                continue
            sets = decision.domains[0].kind == "subset"
            rows = ((row != 0).nonzero().flatten().tolist() for row in stored) if sets else None
            options = map(tuple, rows) if rows is not None else stored.tolist()
            found[decision.name] = tuple(_checked(list(options), decision.elements))
    return found, frozenset(document["kept_gates"])


def _counted(on: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    if on.shape != (count,):
        raise ValueError(f"{on.size} elements where there are {count}")
    return on


def _checked(elements: list[Any], count: int) -> list[Any]:
    if len(elements) != count:
        raise ValueError(f"{len(elements)} elements where there are {count}")
    return elements


def _positions(decision: Decision, architecture: Architecture) -> Tensor:
    """Positions [E] of the options; of sets 0 and 1 for every member [E, N]; reals as they are."""
    options = architecture[decision.name]
    if decision.packed:
        return torch.from_numpy(opened(options).astype(np.uint8))
    if decision.domains[0].kind != "subset":
        return torch.tensor(options)
    members = torch.zeros(decision.elements, max(len(d.options) for d in decision.domains), dtype=torch.uint8)
    for element, chosen in enumerate(options):
        members[element, list(chosen) if isinstance(chosen, tuple) else [int(chosen)]] = 1
    return members


def position(decision: Decision, element: int, written: Any) -> Option:
    """Inverse of `value`. Raises ValueError for what is no option."""
    domain = decision.domain(element)
    match domain.kind:
        case "real":
            return float(written)
        case "subset":
            return tuple(sorted(domain.options.index(member) for member in written))
        case "gate" | "number" | "name" | "alternative" | "range":
            return domain.options.index(written) if domain.options else int(written) - int(domain.low)


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
