"""Tables of a few hundred rows on which every shipped space means something, and params that make it small."""

from pathlib import Path

import numpy as np
import polars as pl

import recspace
from recspace.dsl import library_path
from recspace.running import Space

ROWS, USERS, ITEMS, GOODS = 320, 10, 9, 30
"""GOODS: items where models rank, of which nobody has chosen all."""
BLOCKS = {
    "label": "user: category(role = user)\nitem: category(role = item)\ncity: category(role = context)\nage: number(bins = 3)",
    "history": "user: category(role = user)\nitem: category(role = item)\nseen: sequence(of = item, role = history, longest = 3)",
    "nodes": "nodes: many()",
    "rating": "user: category(role = user)\nitem: category(role = item)",
    "chosen": "user: category(role = user)\nitem: category(role = item)",
}
SPLIT = {"chosen": "leave_one_out(user, time = time)"}
LABEL = {"rating": "label: rating", "chosen": ""}
NEED = (
    dict.fromkeys(("din", "ameir"), "history")
    | {"l0sign_sets": "nodes"}
    | dict.fromkeys(("autoemb", "esapn", "sif", "sif_autodim", "autoloss_ratings"), "rating")
    | dict.fromkeys(("mf", "neumf", "bpfis", "bpfis_groups", "rule"), "chosen")
)
"""Which block a space needs, if not the one with a label."""
SMALL = {
    "n": 1, "n1": 1, "n2": 1, "most": 2, "K": 2, "L": 1, "R": 2, "S": 2, "T": 2, "G": 2, "width": 4, "span": 2, "crossed": 2,
    "order": 3, "groups": 2, "blocks": 2, "units": [8], "inner": [4, 2], "attention": [4], "hidden": 4, "maps": 2, "ranks": {1, 2},
    "depth": 1, "min_count": 1,
}  # fmt: skip
OTHERS = {"autogroup": {"groups": [2, 2, 2]}, "autoemb": {"widths": {2, 4}}, "esapn": {"widths": [2, 4]}, "l0sign": {"T": 1},
          "autocross": {"n": 2}, "bpfis_groups": {}, "autopi": {"n": 2}, "autopi_l0sign": {"n": 2}}  # fmt: skip


def write(folder: Path) -> None:
    """The table, and a data block for each task: `label.space`, `chosen.space`, …"""
    rng = np.random.default_rng(0)
    user, item, city = rng.integers(0, USERS, ROWS), rng.integers(0, ITEMS, ROWS), rng.integers(0, 4, ROWS)
    items = [f"i{k}" for k in item]
    taste = rng.normal(0, 1.5, (USERS, ITEMS))[user, item]
    rows = {
        "user": [f"u{k}" for k in user], "item": items, "city": [f"c{k}" for k in city], "age": rng.normal(size=ROWS),
        "seen": [list(rng.choice(items, 3)) for _ in range(ROWS)], "nodes": [list(rng.choice(items, 4)) for _ in range(ROWS)],
        "time": np.arange(ROWS) * 3600.0, "label": (rng.random(ROWS) < 1 / (1 + np.exp(-taste))).astype(int),
        "rating": np.clip(np.round(3 + taste), 1, 5).astype(int),
    }  # fmt: skip
    pl.DataFrame(rows).write_parquet(folder / "t.parquet")
    chosen = rng.permutation(USERS * GOODS)[: USERS * 8]
    visits = {
        "user": [f"u{k}" for k in chosen // GOODS],
        "item": [f"i{k}" for k in chosen % GOODS],
        "time": np.arange(len(chosen)) * 3600.0,
    }
    pl.DataFrame(visits).write_parquet(folder / "chosen.parquet")
    for name, fields in BLOCKS.items():
        label, split = LABEL.get(name, "label: label"), SPLIT.get(name, "time(time, 0.6, 0.2, 0.2)")
        table = "chosen" if name == "chosen" else "t"
        head = f'source: "{table}.parquet"\n{label}\nsplit: {split}\n'
        (folder / f"{name}.space").write_text(f"data {name} {{\n{head}{fields}\n}}\n")


def compiled(name: str, folder: Path) -> Space:
    """A shipped space on the table, made small."""
    path = next(library_path().rglob(f"{name}.space"))
    text = path.read_text()
    settings = {p: v for p, v in (SMALL | OTHERS.get(name, {})).items() if f"param {p} = " in text}
    return recspace.compile(name, folder / f"{NEED.get(name, 'label')}.space", set=settings)
