"""The course of a run, read off its events: stages one after the other on one axis of steps, and series along it. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Point = tuple[int, float]


@dataclass(slots=True)
class Stage:
    """`begins`: the steps of all stages before it. `steps`: how many it has at most, `at`: how many it has done. `seconds`,
    `memory_mb` where it is finished."""

    name: str
    begins: int
    steps: int
    at: int = 0
    seconds: float | None = None
    memory_mb: float | None = None
    test: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Course:
    """`series`: by what it is of – `loss`, a figure on the rows that stop training, `entropy` or `open` of a decision – and
    whose it is: a stage, or the decision. `trials`: the architectures that were judged."""

    stages: list[Stage] = field(default_factory=list)
    series: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    trials: list[Mapping[str, Any]] = field(default_factory=list)
    done: bool = False
    failed: str = ""
    _before: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def running(self) -> Stage | None:
        """The stage at hand."""
        return None if self.done or not self.stages else self.stages[-1]

    def add(self, event: Mapping[str, Any]) -> tuple[tuple[str, str, int, float], ...]:
        """Take up one event; the points (what, whose, step, value) that came of it."""
        match event.get("event"):
            case "stage":
                begins = self.stages[-1].begins + self.stages[-1].at if self.stages else 0
                self.stages.append(Stage(str(event["stage"]), begins, int(event.get("steps", 0))))
            case "epoch":
                numbers = {n: v for n, v in event["figures"].items() if isinstance(v, int | float) and n != "loss"}
                return self._points(event, [(name, event["stage"], value) for name, value in numbers.items()])
            case "progress":
                return self._points(event, self._progress(event))
            case "finished":
                stage, figures = self._moved(event), event.get("figures", {})
                stage.seconds, stage.memory_mb = figures.get("seconds"), event.get("memory_mb")
                stage.test = figures.get("test") or {}
            case "trial":
                self._moved(event)
                self.trials.append(event)
                if isinstance(event.get("score"), int | float):
                    return self._points(event, [(str(event["metric"]), event["stage"], event["score"])])
            case "failed":
                self.failed = str(event.get("why", ""))
            case "done":
                self.done = True
        return ()

    def _moved(self, event: Mapping[str, Any]) -> Stage:
        stage = next((s for s in reversed(self.stages) if s.name == event["stage"]), None)
        if stage is None:
            self.add({"event": "stage", "stage": event["stage"]})
            stage = self.stages[-1]
        stage.at = max(stage.at, int(event.get("step", 0)))
        return stage

    def _progress(self, event: Mapping[str, Any]) -> list[tuple[str, str, float]]:
        """The mean loss since the line before: lines have that of the epoch so far, and of how many steps."""
        found: list[tuple[str, str, float]] = []
        name = str(event["stage"])
        if isinstance(event.get("loss"), int | float):
            before, steps = self._before.get(name, (0.0, 0))
            before, steps = (before, steps) if steps < event["of"] else (0.0, 0)
            found.append(("loss", name, (event["loss"] * event["of"] - before * steps) / (event["of"] - steps)))
            self._before[name] = event["loss"], event["of"]
        for what in ("entropy", "open"):
            found += [(what, decision, value) for decision, value in event.get(what, {}).items()]
        return found

    def _points(
        self, event: Mapping[str, Any], found: Iterable[tuple[str, str, float]]
    ) -> tuple[tuple[str, str, int, float], ...]:
        stage = self._moved(event)
        at = stage.begins + int(event.get("step", 0))
        points = tuple((what, whose, at, float(value)) for what, whose, value in found)
        for what, whose, step, value in points:
            self.series.setdefault((what, whose), []).append((step, value))
        return points


def course(events: Iterable[Mapping[str, Any]]) -> Course:
    """Of events in order, without what was done again (`journal.effective`)."""
    found = Course()
    for event in events:
        found.add(event)
    return found
