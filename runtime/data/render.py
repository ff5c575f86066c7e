"""A DataSpec as a `data` block that reads back as the same."""

from __future__ import annotations

import re
from typing import assert_never

from .blocks import SPECIAL
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

RESERVED = frozenset(
    (
        "let", "learn", "choose", "param", "require", "expect", "predict", "minimize", "return", "if", "else", "for",
        "in", "and", "or", "not", "case",
    )
)  # fmt: skip


def to_block(spec: DataSpec) -> str:
    """The text of a `data` block. Raises ValueError where a renamed field no longer has its column's name."""
    lines = [(quoted_if_needed(f.column), _meaning(f.meaning)) for f in spec.features]
    if any(f.name != f.column for f in spec.features):
        raise ValueError("a renamed field has no place in a data block")
    if spec.source:
        lines.insert(0, ("source", _text(spec.source)))
    if spec.target:
        lines.insert(1 if spec.source else 0, ("label", _target(spec.target)))
    if spec.weight:
        lines.append(("weight", _column(spec.weight)))
    lines.append(("split", _split(spec.split)))
    widest = min(24, max(len(name) for name, _ in lines)) + 1
    doc = f" {_text(spec.doc)}" if spec.doc else ""
    body = "\n".join(f"  {(name + ':').ljust(widest)} {value}" for name, value in lines)
    return f"data {spec.name}{doc} {{\n{body}\n}}\n"


def quoted_if_needed(name: str) -> str:
    """A column as the name of an entry."""
    return _text(name) if name in SPECIAL else _column(name)


def _column(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name not in RESERVED else _text(name)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _target(target: Target) -> str:
    column = _column(target.column)
    if target.classes:
        return f"classes({column})"
    if target.operator is None:
        return column
    value = _text(target.value) if isinstance(target.value, str) else _number(target.value)
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
    role = _option("role", _column(meaning.role) if meaning.role else "", "")
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
                "sequence", role, _option("of", _column(meaning.of) if meaning.of else "", ""),
                f"longest = {meaning.longest}", _option("sharing", meaning.sharing, "none"),
                _option("min_count", meaning.min_count, 1), _separator(meaning.separator),
            )  # fmt: skip
        case Vector():
            return _call("vector", str(meaning.width), role)
        case _:
            assert_never(meaning)


def _separator(separator: str) -> str:
    return f"separator = {_text(separator)}" if separator else ""


def _split(split: Split) -> str:
    match split:
        case RandomSplit():
            return _call("random", _shares(split.shares), _option("seed", split.seed, None))
        case ColumnSplit():
            return _call("column", _text(split.column), _option("valid", _number(split.valid), "0.1"))
        case LeaveOneOut():
            time = _text(split.time) if split.time else ""
            return _call(
                "leave_one_out", _text(split.column), _option("time", time, ""), _option("seed", split.seed, None)
            )
        case TimeSplit():
            return _call("time", _text(split.column), _shares(split.shares))
        case GroupSplit():
            return _call("grouped", _text(split.column), _shares(split.shares), _option("seed", split.seed, None))
        case _:
            assert_never(split)


def _shares(shares: tuple[float, float, float]) -> str:
    return ", ".join(map(_number, shares))
