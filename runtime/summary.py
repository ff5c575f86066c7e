"""report.json: every figure of a run that is done, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .evaluation import metric
from .examples import Examples
from .figures import higher
from .plan import BASELINE
from .settings import Settings

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out: its figures, the standard errors of the differences to the hand-made model (of the figures
    themselves where there is none), and whether it decides everything as the hand-made model does. `ranked`: how many
    questions were asked, of how many, over how many items, where models rank."""

    searched: Row
    errors: Mapping[str, float]
    same: bool
    ranked: Mapping[str, int] | None = None


def summary(
    name: str,
    examples: Examples,
    settings: Settings,
    rows: Sequence[Row],
    outcome: Outcome,
    seconds: float,
    budgets: Sequence[Row] = (),
) -> dict[str, Any]:
    """The document. `gap`: what the searched model gained or lost when it was trained on its own. `budgets`: the models of
    several, a row each, of which `searched` is the last."""
    baseline = next((r for r in rows if r["stage"] == BASELINE), None)
    own = [r for r in rows if r["stage"] != BASELINE]
    relaxed = next((r for r in reversed(own) if "test" in r and r["stage"].endswith((".relax", ".progressive"))), None)
    first = metric("auto", examples)
    return {
        "version": 1,
        "space": name,
        "task": examples.task,
        "judged_on": "test" if examples.test.numel() else "valid",
        "metric": {"name": first, "higher_is_better": higher(first)},
        "hand_made": baseline,
        "searched": {**outcome.searched, "seconds": round(sum(r["seconds"] for r in own), 3)},
        "budgets": list(budgets),
        "errors": dict(outcome.errors),
        "same_architecture": outcome.same,
        "ranked": outcome.ranked,
        "gap": _gap(relaxed, outcome.searched, first),
        "stages": list(rows),
        "rows": {n: getattr(examples, n).numel() for n in ("train", "stopping", "valid", "test")},
        "seconds": round(seconds, 3),
        "settings": settings.as_json(),
    }


def _gap(relaxed: Row | None, searched: Row, name: str) -> float | None:
    """The metric of the model that came out minus that of the supernet at the end of its search."""
    if relaxed is None or searched.get("test", {}).get(name) is None or relaxed["test"].get(name) is None:
        return None
    return float(searched["test"][name]) - float(relaxed["test"][name])
