"""Options of stages against what the stage promises. Unknown ones are refused, missing ones filled in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recspace.compiler.promise import REQUIRED, Option
from recspace.dsl.diagnostics import Diagnostic, Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest


@dataclass(frozen=True, slots=True)
class Schedule:
    """`start -> end`: in equal steps from the first step of a stage to its last; a plain number never moves."""

    start: float
    end: float

    def at(self, step: int, steps: int) -> float:
        """The value at `step` out of 0 … steps − 1; both ends are reached exactly."""
        share = min(step / (steps - 1), 1.0) if steps > 1 else 1.0
        return self.start * (1 - share) + self.end * share


def unknown(code: str, kind: str, name: str, names: Iterable[str], span: Span) -> Diagnostic:
    known = sorted(names)
    near = nearest(name, known)
    hint = f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}" if known else "it has none"
    word = Span(span.source, span.start, span.start + len(name))
    edits = (Edit(word, near),) if near and word.text == name else ()
    return Diagnostic(code, f"there is no {kind} `{name}`", word if edits else span, help=hint, edits=edits)


def check(
    given: Mapping[str, Any], options: tuple[Option, ...], owner: str, span: Span, spans: Mapping[str, Span]
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Every option's value and what is wrong. `owner` is whose options they are, as text: `relax(as = gate)`."""
    known = {option.name: option for option in options}
    found: dict[str, Any] = {}
    faults = [
        unknown("S0602", f"option of {owner} called", name, known, spans.get(name, span))
        for name in given
        if name not in known
    ]
    for name, option in known.items():
        if name not in given:
            if option.default is REQUIRED:
                faults.append(
                    Diagnostic("S0604", f"{owner} needs `{name}`", span, help=option.doc or f"add `{name} = …`")
                )
            found[name] = normal(option, option.default)
            continue
        wanted = fits(option, given[name])
        if wanted:
            place = spans.get(name, span)
            faults.append(Diagnostic("S0603", f"`{name}` of {owner} must be {wanted}", place, help=option.doc))
        found[name] = normal(option, given[name])
    return found, faults


def normal(option: Option, value: Any) -> Any:
    """A schedule is always a `Schedule`, a real always a float."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if option.kind == "schedule" and number:
        return Schedule(value, value)
    return float(value) if option.kind == "real" and number else value


def fits(option: Option, value: Any) -> str:
    """ "" if the value is what the option takes, else what it takes."""
    if isinstance(value, str) and value in option.choices:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    match option.kind:
        case "whole" | "width":
            low = option.low if option.low is not None else 1 if option.kind == "width" else None
            right = number and value == int(value) and _within(value, low, option.high)
            return "" if right else _or("a whole number", low, option)
        case "real":
            return "" if number and _within(value, option.low, option.high) else _or("a number", option.low, option)
        case "schedule":
            ends = (value.start, value.end) if isinstance(value, Schedule) else (value,) if number else ()
            right = bool(ends) and all(_within(end, option.low, option.high) for end in ends)
            return "" if right else _or("a number, or `start -> end`,", option.low, option)
        case "flag":
            return "" if isinstance(value, bool) else "true or false"
        case "label":
            return "one of " + ", ".join(option.choices)
        case "widths":
            right = isinstance(value, list) and all(isinstance(v, int) and v >= 1 for v in value)
            return "" if right else "a list of whole numbers"
        case "call":
            name = getattr(value, "name", None)
            right = hasattr(value, "options") and (not option.choices or name in option.choices)
            return "" if right else "one of " + ", ".join(f"{c}(…)" for c in option.choices)
        case "any" | "logits":
            return ""


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _or(what: str, low: float | None, option: Option) -> str:
    bounds = "".join(
        [
            f" of at least {low:g}" if low is not None else "",
            f" and at most {option.high:g}" if option.high is not None else "",
        ]
    )
    return what + bounds + "".join(f", or {choice}" for choice in option.choices)
