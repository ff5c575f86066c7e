"""What a run has decided, as tests read it."""

import json

import polars as pl
import torch


def elements(folder, name):
    """Every element of a decision by its key, as architecture.json has it."""
    decisions = json.loads((folder / "architecture.json").read_text())["decisions"]
    (own,) = [d for d in decisions if d["name"] == name]
    return {tuple(e["key"]): e for e in own["elements"]}


def user_ids(space):
    """The id of every user, by its number."""
    encoding = space.verdict.bound
    column = next(c for c in space.models.supernet.columns if c.key == "user")
    table = pl.read_parquet(encoding.spec.source)
    encoded = encoding.encode([column]).batch(torch.arange(table.height))["user"].tolist()
    return {int(u[1:]): i for u, i in zip(table["user"].to_list(), encoded, strict=True)}
