"""What a search chose, in one line for each decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from recspace.compiler.decisions import ANY_VALUE
from recspace.runtime.planted import LISTED, layered

SHOWN = 8
"""Elements that are named; the others are counted."""


def lines(architecture: Mapping[str, Any]) -> list[str]:
    """`keep: 6 of 21 on: brand×device, …`, for every decision of an architecture.json; where gates are not interactions
    one by one, as in the layers of a graph, the interactions that they stand for."""
    found = []
    for entry in architecture["decisions"]:
        found.append(line(entry))
        crossed = entry.get("interactions", ())
        if crossed and layered(entry):
            found.append(f"{entry['name']} stands for {_several(crossed)}")
    return found


def _several(crossed: Sequence[Mapping[str, Any]]) -> str:
    least = "at least " * (len(crossed) >= LISTED)
    count = f"{least}{len(crossed):,} interaction{'s' * (len(crossed) != 1)}"
    return f"{count}: {_some([i['name'] for i in crossed])}"


def line(entry: Mapping[str, Any]) -> str:
    name = str(entry["name"])
    if "on" in entry:
        listed = f", listed in {entry['stored']}" if "stored" in entry else ""
        return f"{name}: {entry['on']:,} of {entry['count']:,} on{listed}{_by_row(entry.get('rows', ()))}"
    if "elements" not in entry:
        return f"{name}: {entry['count']:,} elements, listed in {entry['stored']}"
    if "given" in entry and entry.get("kind") != "gate":
        return f"{name}: decided by every example: {_shares(entry)}"
    if "given" in entry:
        return f"{name}: decided by every example{_telling(entry['elements'])}"
    there = [e for e in entry["elements"] if e.get("active", True)]
    gone = len(entry["elements"]) - len(there)
    text = f"{name}: {_said(str(entry.get('kind', '')), there)}"
    return text + (f" ({gone} more do not exist in this architecture)" if gone else "")


def _by_row(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many of the gates of values of every row are on, the most first."""
    there = [(row["on"] / row["count"], _joined(row["key"])) for row in rows if row["count"]]
    told = [f"{key} {share:.0%}" for share, key in sorted(there, key=lambda r: -r[0]) if key]
    return f": {_some(told)}" if len(told) > 1 else ""


def _joined(key: Sequence[Any]) -> str:
    """`f3×f7`, without what stands for every value; `2, f3, f7` where a number is a part of it."""
    parts = [part for part in key if part != ANY_VALUE]
    return ("×" if all(isinstance(part, str) for part in parts) else ", ").join(map(str, parts))


def _shares(entry: Mapping[str, Any]) -> str:
    """The mean weight of every option over validation rows, of each element."""
    found = []
    for element in entry["elements"]:
        weights = element["weight"] or []
        named = zip(entry["options"], weights, strict=bool(weights))
        told = ", ".join(f"{option} {weight:.0%}" for option, weight in named)
        found.append(f"{_of(element)} {told}".strip())
    return _some(found)


def _telling(elements: Sequence[Mapping[str, Any]]) -> str:
    """The gates whose closing costs most, with how often they are open; and how often all are."""
    known = [e for e in elements if e["weight"] is not None]
    if not known:
        return ""
    ranked = sorted(known, key=lambda e: e.get("closing", e["weight"]), reverse=True)
    told = [f"{_of(e)} (open in {e['weight']:.0%})" for e in ranked if e.get("closing", 1) > 0]
    open_ = f"open in {sum(e['weight'] for e in known) / len(known):.0%} of the examples"
    return f": {open_}" + (f"; the loss needs most {_some(told)}" if len(known) > 1 and told else "")


def _said(kind: str, elements: list[Mapping[str, Any]]) -> str:
    if not elements:
        return "not there in this architecture"
    if len(elements) == 1 and not elements[0]["key"]:
        return shown(elements[0]["value"])
    if kind == "gate":
        on = sorted((e for e in elements if e["value"] == "on"), key=_strength, reverse=True)
        named = f": {_some([_of(e) for e in on])}" if on and len(on) < len(elements) else ""
        return f"{len(on):,} of {len(elements):,} on{named}"
    if len(elements) <= SHOWN:
        return ", ".join(f"{_of(e)} {shown(e['value'])}" for e in elements)
    counted = Counter(shown(e["value"]) for e in elements).most_common()
    return _some([f"{value} for {number:,}" for value, number in counted]) + f" of {len(elements):,}"


def _strength(element: Mapping[str, Any]) -> float:
    weight = element.get("weight")
    return abs(weight) if isinstance(weight, int | float) else 0.0


def _of(element: Mapping[str, Any]) -> str:
    """`f3×f7` of fields, and of sets of them whatever number says their size; `adjacent[2, f3, f7]` where a number is a part of
    its index."""
    key = element["key"]
    if len(key) == 2 and isinstance(key[0], int) and "*" in str(key[1]):
        return "×".join(str(key[1]).split("*"))
    if len(key) == 1 or all(isinstance(part, str) for part in key) or "[" not in str(element.get("name", "")):
        return "×".join(map(str, key))
    return f"{str(element['name']).partition('[')[0]}[{', '.join(map(str, key))}]"


def _some(texts: list[str]) -> str:
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def shown(value: Any) -> str:
    """An option as a space writes it."""
    match value:
        case list():
            return "{" + ", ".join(map(str, value)) + "}"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
