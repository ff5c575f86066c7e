"""What a benchmark says: one JSON object a line, or a table."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. `goal` is what is wanted of it, where something is."""

    case: str
    metric: str
    value: float
    goal: float | None = None
    lower_is_better: bool = False

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.lower_is_better else self.value >= self.goal

    def as_json(self) -> str:
        data = {"case": self.case, "metric": self.metric, "value": self.value}
        if self.goal is not None:
            data |= {"goal": self.goal, "lower_is_better": self.lower_is_better}
        return json.dumps(data)

    def as_text(self) -> str:
        goal = ""
        if self.goal is not None:
            goal = f"   {'≤' if self.lower_is_better else '≥'} {self.goal:g}: {'met' if self.met else 'MISSED'}"
        return f"{self.case:<34} {self.metric:<30} {self.value:>14,.5g}{goal}"


def options(doc: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--quick", action="store_true", help="under five minutes: one seed, fewer rows or epochs")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def say(line: Line, as_json: bool) -> None:
    print(line.as_json() if as_json else line.as_text(), flush=True)
