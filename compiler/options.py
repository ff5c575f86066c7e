"""Named arguments against what a promise declares: filled in, or told what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from recspace.dsl.suggest import nearest

from .promise import REQUIRED, Operator, Option, Relaxation, Stage
from .shapes import Searched

Fault = Literal["unknown", "missing", "wrong"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an option. `instead`: the name or label that was probably meant, "" if none is near; then
    `usual` is a value that would do.
    """

    option: str
    fault: Fault
    message: str
    help: str = ""
    instead: str = ""
    usual: str = ""

    def code(self, operator: bool) -> str:
        """The code of the diagnostic: operators and stages have ranges of their own."""
        match self.fault:
            case "unknown" | "missing":
                return "S0308" if operator else "S0602" if self.fault == "unknown" else "S0604"
            case "wrong":
                return "S0310" if operator else "S0603"
            case _:
                assert_never(self.fault)


def check_options(
    promise: Operator | Stage | Relaxation, given: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Every option that the promise declares, with its value, and what is wrong; `given` wins over defaults.

    Values are plain: numbers, booleans, text for labels, lists of widths; a `Searched` width or a frozenset of labels
    where a decision stands; for a schedule a number or what has `start` and `end`; for a call what has `name`.
    An option at fault has its default, None where it has none.
    """
    declared = {option.name: option for option in promise.options}
    problems = [_unknown(promise, name, declared) for name in given if name not in declared]
    options: dict[str, Any] = {}
    for name, option in declared.items():
        default = None if option.default is REQUIRED else option.default
        options[name] = given.get(name, default)
        if name not in given:
            if option.default is REQUIRED:
                advice = f"add `{name} = …`" + (f": {option.doc}" if option.doc else "")
                problems.append(Problem(name, "missing", f"{promise.name}() needs `{name}`", advice))
        elif wanted := unfit(option, given[name]):
            near = nearest(given[name], option.choices) if isinstance(given[name], str) and option.choices else None
            usual = "" if near else _usual(option)
            advice = f"did you mean `{near}`?" if near else f"for example `{name} = {usual}`" if usual else option.doc
            message = f"`{name}` of {promise.name}() must be {wanted}"
            problems.append(Problem(name, "wrong", message, advice, near or "", usual))
            options[name] = default
    return options, tuple(problems)


def unfit(option: Option, value: Any) -> str:
    """ "" if the option takes the value, else what it takes: `a whole number of at least 1`."""
    if isinstance(value, str) and value in option.choices and option.kind != "call":
        return ""
    match option.kind:
        case "width" | "logits":
            searched = isinstance(value, Searched) and value.candidates[0] >= 1
            right = searched or (option.kind == "logits" and value == "logits") or _whole(value, option, 1)
            return "" if right else _wanted("a whole number", option, 1)
        case "widths":
            right = isinstance(value, list | tuple) and all(
                v.candidates[0] >= 1 if isinstance(v, Searched) else _whole(v, option, 1) for v in value
            )
            return "" if right else "a list of whole numbers of at least 1"
        case "whole":
            return "" if _whole(value, option, option.low) else _wanted("a whole number", option, option.low)
        case "real":
            return "" if _within(value, option) else _wanted("a number", option, option.low)
        case "schedule":
            ends = (value.start, value.end) if hasattr(value, "start") and hasattr(value, "end") else (value,)
            right = all(_within(end, option) for end in ends)
            return "" if right else _wanted("a number, or `start -> end`,", option, option.low)
        case "flag":
            return "" if isinstance(value, bool) else "true or false"
        case "label":
            right = isinstance(value, frozenset) and value <= set(option.choices)
            return "" if right else "one of " + ", ".join(option.choices)
        case "call":
            name = getattr(value, "name", None)
            right = isinstance(name, str) and (not option.choices or name in option.choices)
            return "" if right else "one of " + ", ".join(f"{c}(…)" for c in option.choices)
        case "interval":
            right = isinstance(value, list | tuple) and len(value) == 2 and all(map(_number, value)) and value[0] < 0
            return "" if right and value[1] > 1 else "two numbers, one below 0 and one above 1: [-0.1, 1.1]"
        case "any":
            return ""
        case _:
            assert_never(option.kind)


def _unknown(promise: Operator | Stage | Relaxation, name: str, declared: Mapping[str, Option]) -> Problem:
    near = nearest(name, list(declared))
    known = f"its options: {', '.join(declared)}" if declared else "it has no options"
    advice = f"did you mean `{near}`?" if near else known
    return Problem(name, "unknown", f"{promise.name}() has no option `{name}`", advice, near or "")


def _usual(option: Option) -> str:
    """A value that the option takes, as it is written: its default, or the least there is."""
    for value in (None if option.default is REQUIRED else option.default, option.low, *option.choices):
        plain = str(value).lower() if isinstance(value, bool) else f"{value:g}" if _number(value) else value
        if isinstance(plain, str) and plain and not unfit(option, value):
            return plain
    return ""


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, option: Option, low: float | None) -> bool:
    right = _number(value) and value == int(value) and (low is None or value >= low)
    return right and (option.high is None or value <= option.high)


def _within(value: Any, option: Option) -> bool:
    if not _number(value):
        return False
    return (option.low is None or value >= option.low) and (option.high is None or value <= option.high)


def _wanted(what: str, option: Option, low: float | None) -> str:
    least = f" of at least {low:g}" if low is not None else ""
    most = f"{' and' if least else ' of'} at most {option.high:g}" if option.high is not None else ""
    return what + least + most + "".join(f", or {choice}" for choice in option.choices)
