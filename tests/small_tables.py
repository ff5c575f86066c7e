"""A small table for every shipped space, and the data block that the space needs of it."""

import numpy as np
import polars as pl

ROWS = 600
BLOCKS = {
    "label": "user: category(role = user)\nitem: category(role = item)\ncity: category(role = context)\nage: number(bins = 6)",
    "history": "user: category(role = user)\nitem: category(role = item)\nseen: sequence(of = item, role = history, longest = 5)",
    "nodes": "nodes: many()",
    "rating": "user: category(role = user)\nitem: category(role = item)",
}
NEED = {"din": "history", "ameir": "history", "l0sign_sets": "nodes"} | dict.fromkeys(
    ("autoemb", "esapn", "sif", "sif_autodim", "autoloss_ratings"), "rating"
)
RANKING = ("mf", "neumf", "bpfis", "bpfis_groups", "rule")
"""Learn from what nobody chose, which is drawn outside of the model: tests/cli/test_topk.py, test_bpfis.py, test_rule.py."""


def block_of(folder, name):
    return folder / f"{NEED.get(name, 'label')}.space"


def write(folder):
    rng = np.random.default_rng(0)
    items = [f"i{k}" for k in rng.integers(0, 30, ROWS)]
    table = {
        "user": [f"u{k}" for k in rng.integers(0, 20, ROWS)], "item": items,
        "city": [f"c{k}" for k in rng.integers(0, 8, ROWS)], "age": rng.normal(size=ROWS),
        "seen": [list(rng.choice(items, 4)) for _ in range(ROWS)], "nodes": [list(rng.choice(items, 4)) for _ in range(ROWS)],
        "time": np.arange(ROWS) * 3600.0, "label": rng.integers(0, 2, ROWS), "rating": rng.integers(1, 6, ROWS),
    }  # fmt: skip
    pl.DataFrame(table).write_parquet(folder / "t.parquet")
    for name, fields in BLOCKS.items():
        label = "rating" if name == "rating" else "label"
        head = f'source: "t.parquet"\nlabel: {label}\nsplit: time(time, 0.7, 0.1, 0.2)\n'
        (folder / f"{name}.space").write_text(f"data {name} {{\n{head}{fields}\n}}\n")
    return folder
