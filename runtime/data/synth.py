"""Tables with a planted truth: which fields interact is known, so a search can be held to it.

Fields are independent Zipf draws. A group of fields interacts by a random table out of which all effects of fewer
fields are projected under the marginals, so that its logits show nothing below its order (through the logistic curve a
little does: `first_order_auc` is measured). Decoys repeat a field of a true
group most of the time and have no effect. One scale on the logits is found by bisection so that the best possible AUC
is the one asked for.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..metrics import auc
from .cells import Floats
from .faults import fault
from .generated import refuse, write_with

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planted.

    `groups` interactions of `order` fields each. `kind`: a random table, or the parity of random signs. `decoys` fields
    repeat a field of a true group with the chance `likeness`. `first_order`: share of the logit's variance that single
    fields explain. `positives`: share of positive rows. `permuted`: labels are shuffled in the end, a control.
    """

    fields: int = 20
    cardinality: int = 50
    rows: int = 200_000
    groups: int = 10
    order: int = 2
    kind: Literal["table", "parity"] = "table"
    decoys: int = 2
    likeness: float = 0.9
    zipf: float = 1.1
    auc: float = 0.8
    first_order: float = 0.06
    positives: float = 0.5
    permuted: bool = False
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted and what it measures: AUC on all rows of the true probabilities, and on the test rows of an
    additive model (logistic regression on the values) fitted on the training rows. `decoys`: (decoy, what it repeats).
    """

    plan: Plan
    groups: tuple[tuple[str, ...], ...]
    decoys: tuple[tuple[str, str], ...]
    oracle_auc: float
    first_order_auc: float

    def as_data(self) -> dict[str, Any]:
        return {"version": 1} | asdict(self)


def synthesise(plan: Plan) -> tuple[pl.DataFrame, Truth]:
    """A table with the columns f01 …, label and split, and its truth. Raises SpaceError S0580 for impossible plans."""
    check(plan)
    generator = np.random.default_rng(plan.seed)
    names = [f"f{k + 1:0{len(str(plan.fields))}d}" for k in range(plan.fields)]
    place = generator.permutation(plan.fields)
    real, decoys = place[plan.decoys :], place[: plan.decoys]
    groups = _groups(real, plan, generator)
    share_V = _zipf(plan)
    ids = _draw(share_V, plan, generator)
    sources = generator.permutation(np.unique(groups))[: plan.decoys]
    for decoy, source in zip(decoys, sources, strict=True):
        same = generator.random(plan.rows) < plan.likeness
        ids[decoy, same] = ids[source, same]
    logit = _logits(ids, real, groups, share_V, plan, generator)
    label = (generator.random(plan.rows) < _sigmoid(logit)).astype(np.int8)
    if plan.permuted:
        label = generator.permutation(label)
    part = _parts(plan.rows)
    truth = Truth(
        plan,
        tuple(tuple(names[f] for f in sorted(g)) for g in sorted(map(sorted, groups.tolist()))),
        tuple((names[d], names[s]) for d, s in zip(decoys, sources, strict=True)),
        auc(label, logit),
        first_order_auc(ids, label, part),
    )
    return _table(names, ids, label, part, generator), truth


def write(plan: Plan, table: Path, truth: Path | None = None) -> Truth:
    """Writes the table as Parquet and, beside it, its truth as JSON (`x.parquet` and `x.truth.json`)."""
    frame, found = synthesise(plan)
    write_with(frame, found.as_data(), table, truth)
    return found


def check(plan: Plan) -> None:
    """Raises SpaceError S0580 with the first thing that no table can have."""
    real = plan.fields - plan.decoys
    faults = (
        (plan.order < 2, "an interaction has at least two fields"),
        (plan.fields < 2 or plan.cardinality < 2, "at least two fields of at least two values are needed"),
        (plan.cardinality**plan.order > 20_000_000, "an interaction would have more than 20 million combinations"),
        (plan.rows < 100, "at least 100 rows are needed"),
        (plan.groups < 1, "at least one interaction is needed"),
        (real < plan.order, f"{plan.fields} fields less {plan.decoys} decoys leave too few to interact"),
        (plan.groups > math.comb(max(real, 0), plan.order), f"{real} fields have fewer than {plan.groups} groups"),
        (plan.decoys < 0 or plan.decoys > plan.order * plan.groups, "a decoy repeats a field that interacts"),
        (not 0.55 <= plan.auc <= 0.99, "the best possible AUC lies between 0.55 and 0.99"),
        (not 0 <= plan.first_order < 1, "the first order explains a share of at least 0 and below 1"),
        (not 0 <= plan.likeness <= 1, "a decoy is alike with a chance between 0 and 1"),
        (not 0.05 <= plan.positives <= 0.95, "the share of positives lies between 0.05 and 0.95"),
        (not 0 <= plan.zipf <= 5, "the Zipf exponent lies between 0 and 5"),
        (plan.seed < 0, "a seed is at least 0"),
    )
    refuse(faults)


def _groups(real: NDArray[np.int64], plan: Plan, generator: np.random.Generator) -> NDArray[np.int64]:
    """Different groups of real fields [groups, order]."""
    count = math.comb(real.size, plan.order)
    if count <= 1_000_000:
        every = np.array(list(combinations(real.tolist(), plan.order)))
        chosen = every[generator.choice(count, plan.groups, replace=False)]
    else:
        found: set[tuple[int, ...]] = set()
        while len(found) < plan.groups:
            found.add(tuple(sorted(generator.choice(real, plan.order, replace=False).tolist())))
        chosen = np.array(sorted(found))
    if np.unique(chosen).size < plan.decoys:
        raise fault("S0580", "there are more decoys than fields that interact")
    return chosen


def _zipf(plan: Plan) -> Floats:
    share = np.arange(1, plan.cardinality + 1, dtype=np.float64) ** -plan.zipf
    return np.asarray(share / share.sum())


def _draw(share_V: Floats, plan: Plan, generator: np.random.Generator) -> Ids:
    """Values [fields, rows], 0 the most frequent."""
    border = np.cumsum(share_V)[:-1]
    drawn = [np.searchsorted(border, generator.random(plan.rows), side="right") for _ in range(plan.fields)]
    return np.stack(drawn).astype(np.int64)


def _logits(
    ids: Ids,
    real: NDArray[np.int64],
    groups: NDArray[np.int64],
    share_V: Floats,
    plan: Plan,
    generator: np.random.Generator,
) -> Floats:
    """True logits [rows]: single fields and interactions in the planned shares, scaled to the planned AUC."""
    single = np.zeros(plan.rows)
    for field in real:
        effect_V = generator.standard_normal(plan.cardinality)
        single += _unit(effect_V - effect_V @ share_V, share_V)[ids[field]]
    joint = np.zeros(plan.rows)
    for group in groups:
        joint += _interaction(share_V, plan, generator)[tuple(ids[f] for f in group)]
    single /= single.std()
    joint /= joint.std()
    raw = math.sqrt(plan.first_order) * single + math.sqrt(1 - plan.first_order) * joint
    return _calibrated(raw, plan)


def _interaction(share_V: Floats, plan: Plan, generator: np.random.Generator) -> Floats:
    """A table [V] * order of variance 1 whose mean over any one of its axes is 0."""
    if plan.kind == "table":
        table = generator.standard_normal((plan.cardinality,) * plan.order)
    else:
        table = np.ones(())
        for _ in range(plan.order):
            table = np.multiply.outer(table, _signs(share_V, generator))
    for axis in range(plan.order):
        table = table - np.expand_dims(np.tensordot(table, share_V, axes=(axis, 0)), axis)
    return _unit(table, share_V)


def _signs(share_V: Floats, generator: np.random.Generator) -> Floats:
    """Random signs of the values under which both sides are about equally frequent: a parity is even only then."""
    sign_V = np.empty(share_V.size)
    balance = 0.0
    for value in np.argsort(-share_V, kind="stable"):
        sign_V[value] = generator.choice((-1.0, 1.0)) if balance == 0 else -math.copysign(1.0, balance)
        balance += sign_V[value] * share_V[value]
    return sign_V


def _unit(table: Floats, share_V: Floats) -> Floats:
    """The table with variance 1 under independent draws of its axes; its mean is 0 already."""
    square = table**2
    for _ in range(table.ndim):
        square = np.tensordot(square, share_V, axes=(0, 0))
    return np.asarray(table / math.sqrt(float(square)))


def _calibrated(raw: Floats, plan: Plan) -> Floats:
    """scale * raw + shift, so that labels drawn from it have the planned AUC and share of positives, both expected."""
    low, high = 0.0, 40.0
    logit = raw
    for _ in range(40):
        scale = (low + high) / 2
        logit = _shifted(scale * raw, plan.positives)
        if _expected_auc(logit) < plan.auc:
            low = scale
        else:
            high = scale
    return logit


def _shifted(logit: Floats, positives: float) -> Floats:
    low, high = -200.0, 200.0
    sample = logit[:: max(1, logit.size // 20_000)]
    for _ in range(40):
        shift = (low + high) / 2
        if _sigmoid(sample + shift).mean() < positives:
            low = shift
        else:
            high = shift
    return logit + shift


def _expected_auc(logit: Floats) -> float:
    """AUC of the logits themselves on labels drawn from them, without drawing: each row is a bit of both classes."""
    p = _sigmoid(np.sort(logit[:: max(1, logit.size // 50_000)]))
    down = np.cumsum(1 - p)
    return float((p * (down - 0.5 * (1 - p))).sum() / (p.sum() * down[-1]))


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))


def _parts(rows: int) -> NDArray[np.uint8]:
    """Rows are drawn independently, so the first 80% train, the next 10% choose, the last 10% test."""
    part = np.zeros(rows, np.uint8)
    part[round(0.8 * rows) :] = 1
    part[round(0.9 * rows) :] = 2
    return part


def _table(
    names: list[str], ids: Ids, label: NDArray[np.int8], part: NDArray[np.uint8], generator: np.random.Generator
) -> pl.DataFrame:
    """Values get names that say nothing of how frequent they are."""
    columns: dict[str, pl.Series] = {}
    words = pl.Series([f"v{k}" for k in range(int(ids.max()) + 1)])
    for name, column in zip(names, ids, strict=True):
        columns[name] = words.gather(pl.Series(generator.permutation(words.len())[column]))
    columns["label"] = pl.Series(label)
    columns["split"] = pl.Series(["train", "valid", "test"]).gather(pl.Series(part))
    return pl.DataFrame(columns)


def first_order_auc(ids: Ids, label: NDArray[np.int8], part: NDArray[np.uint8], passes: int = 6) -> float:
    """Test AUC of an additive model: logistic regression with one weight a value, fitted by block Newton steps."""
    train, test = part == 0, part == 2
    x, y = ids[:, train], label[train].astype(np.float64)
    size = int(ids.max()) + 1
    weight = np.zeros((ids.shape[0], size))
    logit = np.full(y.size, math.log((y.mean() + 1e-9) / (1 - y.mean() + 1e-9)))
    for _ in range(passes):
        for field in range(ids.shape[0]):
            p = _sigmoid(logit)
            slope = np.bincount(x[field], y - p, size) - weight[field]
            step = slope / (np.bincount(x[field], p * (1 - p), size) + 1)
            weight[field] += step
            logit += step[x[field]]
    score = sum(weight[f][ids[f, test]] for f in range(ids.shape[0]))
    return auc(label[test], score)
