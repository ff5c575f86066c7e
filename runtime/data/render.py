"""A DataSpec as a `data` block that reads back as the same."""

from __future__ import annotations

from typing import assert_never

from .blocks import SPECIAL
from .names import column_text, quoted
from .spec import (
    Category,
    ColumnSplit,
    DataSpec,
    GroupSplit,
    LeaveOneOut,
    Many,
    Meaning,
    Number,
    RandomSplit,
    Sequence,
    Split,
    Target,
    TimeSplit,
    Vector,
)


def to_block(spec: DataSpec) -> str:
    """The text of a `data` block. Raises ValueError where a renamed field no longer has its column's name."""
    lines = [(quoted_if_needed(f.column), _meaning(f.meaning)) for f in spec.features]
    if any(f.name != f.column for f in spec.features):
        raise ValueError("a renamed field has no place in a data block")
    if spec.source:
        lines.insert(0, ("source", quoted(spec.source)))
    if spec.target:
        lines.insert(1 if spec.source else 0, ("label", _target(spec.target)))
    if spec.weight:
        lines.append(("weight", column_text(spec.weight)))
    if spec.time:
        lines.append(("time", column_text(spec.time)))
    lines.append(("split", _split(spec.split)))
    widest = min(24, max(len(name) for name, _ in lines)) + 1
    doc = f" {quoted(spec.doc)}" if spec.doc else ""
    body = "\n".join(f"  {(name + ':').ljust(widest)} {value}" for name, value in lines)
    return f"data {spec.name}{doc} {{\n{body}\n}}\n"


def quoted_if_needed(name: str) -> str:
    """A column as the name of an entry."""
    return quoted(name) if name in SPECIAL else column_text(name)


def _target(target: Target) -> str:
    column = column_text(target.column)
    if target.classes:
        return f"classes({column})"
    if target.operator is None:
        return column
    value = quoted(target.value) if isinstance(target.value, str) else _number(target.value)
    return f"{column} {target.operator} {value}"


def _number(value: float) -> str:
    """A number that the grammar reads back as the same."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _call(kind: str, *options: str) -> str:
    return f"{kind}({', '.join(o for o in options if o)})"


def _option(name: str, value: object, default: object) -> str:
    return "" if value == default else f"{name} = {value}"


def _meaning(meaning: Meaning) -> str:
    role = _option("role", column_text(meaning.role) if meaning.role else "", "")
    match meaning:
        case Category():
            return _call("category", role, _option("min_count", meaning.min_count, 1))
        case Number():
            edges = f"edges = [{', '.join(map(_number, meaning.edges))}]" if meaning.edges else ""
            by = _option("by", meaning.by, "quantile")
            return _call("number", role, _option("bins", meaning.bins, 0), by, edges)
        case Many():
            longest = _option("longest", meaning.longest, 0)
            return _call(
                "many", role, f"pool = {meaning.pool}", _option("min_count", meaning.min_count, 1), longest,
                _separator(meaning.separator),
            )  # fmt: skip
        case Sequence():
            return _call(
                "sequence", role, _option("of", column_text(meaning.of) if meaning.of else "", ""),
                f"longest = {meaning.longest}", _option("sharing", meaning.sharing, "none"),
                _option("min_count", meaning.min_count, 1), _separator(meaning.separator),
            )  # fmt: skip
        case Vector():
            return _call("vector", str(meaning.width), role)
        case _:
            assert_never(meaning)


def _separator(separator: str) -> str:
    return f"separator = {quoted(separator)}" if separator else ""


def _split(split: Split) -> str:
    match split:
        case RandomSplit():
            return _call("random", _shares(split.shares), _option("seed", split.seed, None))
        case ColumnSplit():
            return _call("column", quoted(split.column), _option("valid", _number(split.valid), "0.1"))
        case LeaveOneOut():
            time = quoted(split.time) if split.time else ""
            seed = _option("seed", split.seed, None)
            return _call("leave_one_out", quoted(split.column), _option("time", time, ""), seed)
        case TimeSplit():
            return _call("time", quoted(split.column), _shares(split.shares))
        case GroupSplit():
            return _call("grouped", quoted(split.column), _shares(split.shares), _option("seed", split.seed, None))
        case _:
            assert_never(split)


def _shares(shares: tuple[float, float, float]) -> str:
    return ", ".join(map(_number, shares))
