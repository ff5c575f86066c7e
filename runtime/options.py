"""Options of stages as values that run: checked against the promise, schedules ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recspace.compiler.options import Problem, check_options
from recspace.compiler.promise import Option, Relaxation, Stage
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
    """There is no such name: the nearest one as a fix, or all there are."""
    known = sorted(names)
    near = nearest(name, known)
    hint = f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}" if known else "it has none"
    return Diagnostic(code, f"there is no {kind} `{name}`", span, help=hint, edits=_renamed(span, name, near or ""))


def check(
    given: Mapping[str, Any], promise: Stage | Relaxation, span: Span, spans: Mapping[str, Span]
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Every option's value, and what is wrong. `span` is the whole call, `spans` the written options."""
    found, problems = check_options(promise, given)
    declared = {option.name: option for option in promise.options}
    faults = [
        Diagnostic(
            problem.code(operator=False),
            problem.message,
            place := spans.get(problem.option, span),
            help=problem.help,
            edits=_mended(problem, place),
        )
        for problem in problems
    ]
    return {name: normal(declared[name], value) for name, value in found.items()}, faults


def _mended(problem: Problem, place: Span) -> tuple[Edit, ...]:
    """Another name for the option, or another value."""
    if problem.fault == "unknown":
        return _renamed(place, problem.option, problem.instead)
    value = problem.instead or problem.usual
    if not value or place.text.partition("=")[0].strip() != problem.option:
        return ()
    return (Edit(place, f"{problem.option} = {value}"),)


def normal(option: Option, value: Any) -> Any:
    """A schedule is always a `Schedule`, a real always a float."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if option.kind == "schedule" and number:
        return Schedule(value, value)
    return float(value) if option.kind == "real" and number else value


def _renamed(span: Span, old: object, new: str) -> tuple[Edit, ...]:
    """The edit that puts another word where `old` is first written inside a span."""
    at = span.text.find(old) if isinstance(old, str) and old else -1
    return (Edit(Span(span.source, span.start + at, span.start + at + len(str(old))), new),) if new and at >= 0 else ()
