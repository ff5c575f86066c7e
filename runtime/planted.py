"""Which planted interactions a search has found: the decisions of a run beside the truth of its table. No torch.

The truth is what `recspace data synth` writes: groups of columns that interact. A decision can be held to it where its
elements are indexed by fields, as many as are in a group (`keep[i < j in fields]`), where its options are sets of fields, or
where its gates are layers of a graph, by the interactions that are listed beside them, or say which fields are in a group.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

from .refuse import reason, refusal, words

Group = frozenset[str]
LISTED = 1_000
"""Interactions that `architecture.json` lists of one decision."""


@dataclass(frozen=True, slots=True)
class Truth:
    """`groups` by the names of the space's fields. `permuted`: the labels were shuffled, so there is nothing to find."""

    groups: tuple[Group, ...]
    permuted: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A decision beside the truth.

    `planted`: groups that it could take; `found` of them it took, `taken` elements in all, `of` as many as there are (0:
    unknown). `ranked`: planted groups among its `planted` largest weights, None where it has none. `options`: of a decision
    that is not on or off, how often each option was taken for planted groups and for others; `found` is None then.
    """

    decision: str
    planted: int
    found: int | None
    taken: int
    of: int
    ranked: int | None = None
    options: Mapping[str, tuple[int, int]] | None = None

    def as_data(self) -> dict[str, Any]:
        options = None if self.options is None else {o: list(n) for o, n in self.options.items()}
        return {
            "decision": self.decision, "planted": self.planted, "found": self.found, "taken": self.taken, "of": self.of,
            "ranked": self.ranked, "options": options,
        }  # fmt: skip

    def __str__(self) -> str:
        if self.options is not None:
            planted = ", ".join(f"{o} {n}" for o, (n, _) in self.options.items() if n)
            others = ", ".join(f"{o} {n}" for o, (_, n) in self.options.items() if n)
            return f"{self.decision} took for {self.planted} planted ones {planted}; for {self.of - self.planted} others {others}"
        if not self.of:
            text = f"{self.decision} found {self.found} of {self.planted}, among {self.taken} that it took"
            return text if self.ranked is None else f"{text}; the {self.planted} heaviest hold {self.ranked}"
        chance = self.planted * self.taken / self.of
        text = f"{self.decision} found {self.found} of {self.planted}: {self.taken} of {self.of} are on"
        text += f", of which chance would hit {chance:.1f}"
        return text if self.ranked is None else f"{text}; its {self.planted} largest weights hold {self.ranked}"


def read_truth(path: Path, names: Mapping[str, str] | None = None) -> Truth:
    """The truth of a table; `names`: what the space calls a column. Raises SpaceError (S0581) for what is none."""
    names = names or {}
    try:
        document = json.loads(path.read_bytes())
        groups = tuple(frozenset(names.get(_text(c), c) for c in group) for group in document["groups"])
        plan = document.get("plan", {})
        if not groups or any(len(group) < 2 for group in groups):
            raise ValueError("it names no groups of columns")
        return Truth(groups, plan.get("permuted") is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        text = f"{path} is no truth of a table: {reason(why)}"
        help_text = "it is the file that `recspace data synth -o x.parquet` writes beside the table: x.truth.json"
        raise refusal("S0581", text, words(str(path), ""), help=help_text) from why


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no column")
    return value


def _of_tastes(path: Path) -> bool:
    """Whether a truth is of users and what they chose: there no groups of columns are planted."""
    try:
        return "groups" not in (document := json.loads(path.read_bytes())) and "oracle_recall" in document
    except (OSError, ValueError, TypeError):
        return False


def findings(truth: Truth, architecture: Mapping[str, Any], folder: Path) -> tuple[Finding, ...]:
    """Every decision of `architecture.json` that can be held to the truth. Raises SpaceError (S0703) if it is damaged."""
    try:
        return tuple(found for entry in architecture["decisions"] for found in _held_to(truth, entry))
    except (ValueError, KeyError, TypeError, AttributeError) as why:
        text = f"architecture.json in {folder} is damaged: {reason(why)}"
        raise refusal("S0703", text, words(str(folder), "")) from why


def said(truth: Truth, found: tuple[Finding, ...]) -> list[str]:
    """The comparison in words."""
    lines = [f"planted interactions: {finding}" for finding in found]
    if not found:
        size = " or ".join(map(str, sorted({len(group) for group in truth.groups})))
        lines = [f"planted interactions: the space decides on no groups of {size} fields, so none can be found"]
    return lines + (["the labels of this table are shuffled: whatever is found is chance"] if truth.permuted else [])


def layered(entry: Mapping[str, Any]) -> bool:
    """Whether the gates of a decision are edges `[k, i, j]` of layers, so that interactions are paths along them."""
    return any(list(map(type, e["key"])) == [int, str, str] for e in entry.get("elements", ()))


def grouping(entry: Mapping[str, Any]) -> bool:
    """Whether the gates of a decision say which fields `[p, g, f]` are in a group of order p, whose members interact p by p."""
    return any(list(map(type, e["key"])) == [int, int, str] for e in entry.get("elements", ()))


def _of_paths(truth: Truth, entry: Mapping[str, Any]) -> Iterator[Finding]:
    reached = max(e["key"][0] for e in entry["elements"])
    planted = [group for group in truth.groups if len(group) <= reached]
    sizes = {len(group) for group in planted}
    paths = [frozenset(i["fields"]) for i in entry.get("interactions", ())]
    taken = [path for path in paths if len(path) in sizes]  # the heaviest first
    if planted:
        weighed = any(i["weight"] is not None for i in entry.get("interactions", ()))
        ranked = len(set(taken[: len(planted)]) & set(planted)) if weighed else None
        yield Finding(entry["name"], len(planted), len(set(taken) & set(planted)), len(taken), 0, ranked)


def _of_groups(truth: Truth, entry: Mapping[str, Any], elements: list[Any]) -> Iterator[Finding]:
    members: dict[tuple[int, int], set[str]] = {}
    for e in elements:
        order, number, name = e["key"]
        members.setdefault((order, number), set()).update([name] if e["value"] == "on" else [])
    orders = {order for order, _ in members}
    planted = [group for group in truth.groups if len(group) in orders]
    sizes = {len(group) for group in planted}
    taken = {
        frozenset(own) for (order, _), names in members.items() if order in sizes
        for own in combinations(sorted(names), order)
    }  # fmt: skip
    fields = len({e["key"][2] for e in elements})
    if planted:
        of = sum(comb(fields, size) for size in sizes)
        yield Finding(entry["name"], len(planted), len(taken & set(planted)), len(taken), of)


def _held_to(truth: Truth, entry: Mapping[str, Any]) -> Iterator[Finding]:
    elements = [e for e in entry.get("elements", ()) if e.get("active", True)]
    if entry["kind"] == "subset":
        yield from _of_sets(truth, entry["name"], elements)
        return
    if layered(entry):
        yield from _of_paths(truth, entry)
        return
    if grouping(entry):
        yield from _of_groups(truth, entry, elements)
        return
    every = {_group(e["key"]): e for e in elements}
    sizes = {len(group) for group in truth.groups if group in every}
    grouped = {group: e for group, e in every.items() if len(group) in sizes}
    planted = [group for group in truth.groups if group in grouped]
    if not planted:
        return
    if entry["kind"] == "gate":
        on = {group for group, e in grouped.items() if e["value"] == "on" or _mostly(e)}
        yield Finding(
            entry["name"], len(planted), len(on & set(planted)), len(on), len(grouped), _ranked(grouped, planted)
        )
        return
    ours = Counter(str(grouped[group]["value"]) for group in planted)
    all_ = Counter(str(e["value"]) for e in grouped.values())
    options = {option: (ours[option], count - ours[option]) for option, count in sorted(all_.items())}
    yield Finding(entry["name"], len(planted), None, len(grouped), len(grouped), options=options)


def _mostly(element: Mapping[str, Any]) -> bool:
    """Whether an edge that every example decides is on in more than half of them."""
    return element["value"] is None and isinstance(element["weight"], int | float) and element["weight"] > 0.5


def _group(key: list[Any]) -> Group:
    """The fields of an index: `a*b` is the set of a and b, a number says which order they are of."""
    return frozenset(name for part in key if isinstance(part, str) for name in part.split("*"))


def _ranked(grouped: Mapping[Group, Any], planted: list[Group]) -> int | None:
    weights = {group: e.get("closing", e["weight"]) for group, e in grouped.items()}
    if any(not isinstance(weight, int | float) for weight in weights.values()) or not any(weights.values()):
        return None
    best = sorted(weights, key=lambda group: -abs(weights[group]))[: len(planted)]
    return len(set(best) & set(planted))


def _of_sets(truth: Truth, name: str, elements: list[Any]) -> Iterator[Finding]:
    """A choice of crosses: `a*b` is the set of a and b."""
    taken = {frozenset(str(member).split("*")) for e in elements for member in e["value"]}
    if taken and all(len(group) > 1 for group in taken):
        yield Finding(name, len(truth.groups), len(taken & set(truth.groups)), len(taken), 0)


def of_run(folder: Path, truth: Path | None = None) -> tuple[Truth, tuple[Finding, ...]] | None:
    """The findings of a finished run; without `truth` by the file beside its table, None where there is none.

    Raises SpaceError: S0703 where the run is not done, S0581.
    """
    place = words(str(folder), "")
    try:
        bound = json.loads((folder / "run.json").read_bytes())["bound"]
        architecture = json.loads((folder / "architecture.json").read_bytes())
        renamed = dict(bound.get("asked", {}).get("rename") or {})
        table = bound.get("table")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        raise refusal("S0703", f"there is no finished run in {folder}", place, help="give the folder of one") from why
    if truth is None:
        truth = Path(table).with_suffix(".truth.json") if isinstance(table, str) and table else None
        if truth is None or not truth.is_file() or _of_tastes(truth):
            return None
    known = read_truth(truth, renamed)
    return known, findings(known, architecture, folder)
