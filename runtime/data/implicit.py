"""Tables of positives with planted tastes: what users choose is known, so a ranking can be held to it.

Users and items have vectors of `rank` numbers. A user chooses items without repeating one, each in proportion to
exp(strength · taste + log popularity) (Gumbel's largest, Yellott 1977), so popularity alone ranks well but not best.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .. import metrics
from .cells import Floats
from .generated import refuse, write_with

TOP = 20


@dataclass(frozen=True, slots=True)
class Tastes:
    """What is planted. `rows`: about how many, at least 5 a user; the last tenth of a user's tests, the one before it
    chooses. `zipf`: how unevenly popular items are. `strength` 0: popularity is everything, a control."""

    users: int = 1000
    items: int = 400
    rows: int = 40_000
    rank: int = 4
    strength: float = 2.0
    zipf: float = 0.8
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Known:
    """Recall and NDCG of test rows at `TOP`: of the true preferences, and of the items' training counts."""

    plan: Tastes
    oracle_recall: float
    oracle_ndcg: float
    popular_recall: float
    popular_ndcg: float

    def as_data(self) -> dict[str, Any]:
        return {"version": 1} | asdict(self)


def synthesise(plan: Tastes) -> tuple[pl.DataFrame, Known]:
    """A table with the columns user, item, time and split, and what is known of it. Raises SpaceError S0580."""
    check(plan)
    generator = np.random.default_rng(plan.seed)
    user = generator.standard_normal((plan.users, plan.rank))
    item = generator.standard_normal((plan.items, plan.rank))
    popular = -plan.zipf * np.log(generator.permutation(plan.items) + 1.0)
    wish_UI = plan.strength * (user @ item.T) / np.sqrt(plan.rank) + popular
    each = max(5, round(plan.rows / plan.users))
    chosen_UC = np.argsort(-(wish_UI + generator.gumbel(size=wish_UI.shape)), axis=1)[:, :each]
    chosen_UC = generator.permuted(chosen_UC, axis=1)
    held = max(1, each // 10)
    part_C = np.where(np.arange(each) >= each - held, 2, np.where(np.arange(each) >= each - 2 * held, 1, 0))
    known = _known(plan, wish_UI, chosen_UC, part_C)
    table = pl.DataFrame(
        {
            "user": [f"u{u}" for u in range(plan.users) for _ in range(each)],
            "item": [f"i{i}" for i in chosen_UC.ravel()],
            "time": np.tile(np.arange(each), plan.users),
            "split": pl.Series(["train", "valid", "test"]).gather(pl.Series(np.tile(part_C, plan.users))),
        }
    )
    return table.sample(fraction=1.0, shuffle=True, seed=plan.seed), known


def _known(plan: Tastes, wish_UI: Floats, chosen_UC: Any, part_C: Any) -> Known:
    counts = np.bincount(chosen_UC[:, part_C == 0].ravel(), minlength=plan.items).astype(float)
    before, asked = chosen_UC[:, part_C < 2], chosen_UC[:, part_C == 2]
    found: list[float] = []
    for score_UI in (wish_UI.copy(), np.tile(counts, (plan.users, 1))):
        np.put_along_axis(score_UI, before, -np.inf, 1)
        best_UK = np.argsort(-score_UI, axis=1, kind="stable")[:, :TOP]
        hits = (best_UK[:, :, None] == asked[:, None, :]).any(2)
        found += metrics.ranking(hits, np.full(plan.users, asked.shape[1]), TOP)
    return Known(plan, *found)


def write(plan: Tastes, table: Path, truth: Path | None = None) -> Known:
    """Writes the table as Parquet and, beside it, what is known of it as JSON."""
    frame, known = synthesise(plan)
    write_with(frame, known.as_data(), table, truth)
    return known


def check(plan: Tastes) -> None:
    """Raises SpaceError S0580 with the first thing that no table can have."""
    faults = (
        (plan.users < 2 or plan.items < 10, "at least 2 users and 10 items are needed"),
        (plan.users * plan.items > 100_000_000, "there would be more than 100 million pairs of a user and an item"),
        (plan.rows < 5 * plan.users, "at least 5 rows a user are needed"),
        (plan.rows > plan.users * plan.items // 2, "no user chooses more than half of the items"),
        (plan.rank < 1, "tastes have at least one number"),
        (not 0 <= plan.strength <= 100, "the strength of tastes lies between 0 and 100"),
        (not 0 <= plan.zipf <= 5, "the Zipf exponent lies between 0 and 5"),
        (plan.seed < 0, "a seed is at least 0"),
    )
    refuse(faults)
