"""The compiler's models and the oracle on the same weights, examples and decisions, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from generate import batch_of
from reference import Drawn, Interpreter, assignment
from torch import Tensor

from recspace.compiler.compile import Models, check, models
from recspace.compiler.compiled import Compiled, Slice
from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.schema import Column, Schema
from recspace.dsl import ast, library_path, load
from recspace.runtime.choices import Set, by_value, inside
from recspace.runtime.choices import one_hot as hot
from recspace.runtime.module import Model, build, identity, put, region, transfer
from recspace.runtime.registry import promises

TOLERANCE = {"rtol": 1e-9, "atol": 1e-11}


@contextmanager
def float64() -> Iterator[None]:
    """What generated code makes itself is in float64, too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def shipped(path: str) -> ast.Program:
    program, found = load(library_path() / path, library_path())
    assert program is not None, found
    return program


@dataclass(frozen=True)
class Pair:
    """A space on a schema, for the compiler and for the oracle; `overrides` go to both."""

    program: ast.Program
    schema: Schema
    overrides: Mapping[str, Any]
    rows: int = 6
    dense_from: float = 0.5

    @property
    def supernet(self) -> Compiled:
        checked = check(self.program, self.schema, promises(), overrides=self.overrides)
        errors = [f"{d.code} {d.message}: {d.span.text}" for d in checked.diagnostics if d.severity == "error"]
        assert not errors, errors
        return self.models.supernet

    @property
    def models(self) -> Models:
        return replace(
            models(self.program, self.schema, promises(), overrides=self.overrides), dense_from=self.dense_from
        )

    def plain(self, architecture: Mapping[str, Any]) -> Compiled:
        return self.models.plain(architecture)

    def oracle(self, weights: Drawn) -> Interpreter:
        return Interpreter(self.program, self.schema, self.overrides, weights)

    def batch(self, compiled: Compiled, seed: int) -> dict[str, np.ndarray[Any, Any]]:
        made = tuple(c for c in compiled.columns if c.what in ("bucket", "cross"))
        return batch_of(self.schema, made, rows=self.rows, seed=seed)


def model_of(compiled: Compiled) -> Model:
    """The generated module in float64, its constants included, in eval mode."""
    exact = replace(compiled, source=compiled.source.replace("dtype=torch.float32", "dtype=torch.float64"))
    model = build(exact, torch.device("cpu"))
    model.module.double().eval()
    tensors = {name: getattr(model.module, name) for name in model.tensors}
    return replace(model, parameters={k: tensors[k] for k in model.parameters}, tensors=tensors)


@torch.no_grad()
def fill(model: Model, weights: Drawn) -> set[Any]:
    """Hand the oracle's weights over; what it never read is large, so that reading it shows. The places handed over."""
    used = set()
    for stored in (t for t in model.compiled.tensors if t.settled is None):
        for part in stored.slices:
            view, place = region(model.tensors[stored.attribute], part), identity(part)
            if (
                place not in weights.found
            ):  # without a supernet to be named after, a layer is told apart by its input's width
                place = identity(replace(part, candidate=""))
            if place in weights.found:
                value = torch.tensor(weights.found[place])
                put(
                    model.tensors[stored.attribute],
                    part,
                    value.reshape(view.shape if part.kept is None else part.kept.shape),
                )
                used.add(place)
            else:
                view.fill_(1e3)
    return used


@torch.no_grad()
def fill_whole(model: Model, weights: Drawn) -> set[Any]:
    """The same of whole models, whose layers read blocks of rows that the oracle, or the module, tells apart more finely."""
    used: dict[Any, int] = {}
    for stored in (t for t in model.compiled.tensors if t.settled is None):
        for part in stored.slices:
            view, places = region(model.tensors[stored.attribute], part), _places(weights, part)
            if not places:
                view.fill_(1e3)
                continue
            own = [np.asarray(weights.found[p]) for p in places]
            value = torch.tensor(own[0] if len(own) == 1 else np.concatenate(own))
            before = used.setdefault(places[0], 0)
            used |= {p: used.get(p, 0) for p in places}
            if len(places[0][4]) < len(part.part):  # rows of a part that the module tells apart
                used[places[0]] += view.shape[-2]
                value = value[before : used[places[0]]]
            put(
                model.tensors[stored.attribute],
                part,
                value.reshape(view.shape if part.kept is None else part.kept.shape),
            )
    return set(used)


def _places(weights: Drawn, part: Slice) -> list[Any]:
    """Where the oracle has it. Of one width, it may tell layers apart by their input's and the module not, or the other way
    round; the module may tell parts of a part, or take parts together."""
    place = identity(part)
    if place in weights.found:
        return [place]
    same = [p for p in weights.found if p[:3] == place[:3]]
    exact = [p for p in same if p[4] == place[4]]
    around = [p for p in same if p[4] == place[4][: len(p[4])]]
    for found in (exact, around):
        if len(found) == 1:
            return found
    together = {p[3] for p in same} == {place[3]} and not place[4]
    return same if together and not around else []


def tensors_of(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    found = {k: torch.as_tensor(v) for k, v in batch.items()}
    return {**found, ":label": found[":label"].double()}


# -- decisions as both take them -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Likely:
    """How a decision of every example is weighed: by its likelihood, or the likeliest option alone."""

    gate: bool
    hard: bool = False

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        if self.hard:
            one = (
                (logits > 0).double() if self.gate else torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1])
            )
            return one.double()
        return logits.sigmoid() if self.gate else logits.softmax(-1)

    def chance(self, logits: Tensor) -> Tensor:
        return self(logits, None)


def weighers(decisions: tuple[Decision, ...], hard: bool = False) -> dict[str, Likely]:
    return {d.name: Likely(d.domains[0].kind == "gate", hard) for d in decisions if inside(d)}


def random_weights(decisions: tuple[Decision, ...], seed: int) -> tuple[dict[str, Any], dict[Any, Any]]:
    """Weights of a relaxation: tensors for the module, by element for the oracle."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, Any] = dict(weighers(decisions))
    found: dict[Any, Any] = {}
    for d in decisions:
        if d.name in tensors:
            continue
        n = d.elements
        if d.domains[0].kind == "gate":
            w = rng.uniform(0, 1, n)
            found |= {(d.name, d.key(k)): w[k] for k in range(n)}
        else:
            widest = max(len(o.options) for o in d.domains)
            w = np.zeros((n, widest))
            for k in range(n):
                key, options = d.key(k), d.domain(k).options
                w[k, : len(options)] = rng.dirichlet(np.ones(len(options)))
                found[d.name, key] = dict(zip(options, w[k], strict=False))
        tensors[d.name] = torch.tensor(w)
    return tensors, found


def random_architecture(decisions: tuple[Decision, ...], seed: int) -> dict[str, tuple[Any, ...]]:
    """Positions of options; of sets those of as many members as there may be."""
    rng = np.random.default_rng(seed)

    def option(domain: Domain) -> int | tuple[int, ...]:
        if domain.kind != "subset":
            return int(rng.integers(len(domain.options)))
        return tuple(sorted(rng.choice(len(domain.options), int(domain.high), replace=False).tolist()))

    return {
        d.name: tuple(option(d.domain(k)) for k in range(d.elements))
        for d in decisions
        if d.given not in ("example", "objective")
    }


def one_hot(decisions: tuple[Decision, ...], architecture: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {n: w for n, w in weighers(decisions, hard=True).items() if n not in architecture}
    for d in decisions:
        if d.name in found:
            continue
        if d.domains[0].kind == "subset":
            found[d.name] = hot(d, architecture[d.name]).double()
            continue
        positions = torch.tensor(architecture[d.name])
        if by_value(d) and d.domains[0].kind != "gate":
            found[d.name] = Set(torch.nn.functional.one_hot(positions, len(d.domains[0].options)).double())
        elif d.domains[0].kind == "gate":
            found[d.name] = Set(positions.double()) if d.given else positions.double()
        else:
            widest = max(len(o.options) for o in d.domains)
            found[d.name] = torch.nn.functional.one_hot(positions, widest).double()
    return found


# -- what must agree -----------------------------------------------------------------------------------------


def relaxed_agrees(pair: Pair, seed: int) -> None:
    """A supernet under random weights of its decisions equals the oracle; predictions and objectives."""
    compiled, weights = pair.supernet, Drawn(seed)
    batch = pair.batch(compiled, seed)
    choices, odds = random_weights(compiled.decisions, seed)
    odds |= random_weights(tuple(d for d in compiled.graph.decisions if d.name not in choices), seed)[1]
    oracle = pair.oracle(weights)
    expected = oracle.relaxed(odds, batch)
    terms = oracle.objectives(odds, batch, relaxed=True)
    with float64(), torch.no_grad():
        model = model_of(compiled)
        unknown = set(weights.found) - fill(model, weights)
        assert not unknown, f"weights that the module does not have: {sorted(map(str, unknown))[:5]}"
        found = model.module(tensors_of(batch), choices)
        prediction, objectives = model.objective(tensors_of(batch), choices, {})
    np.testing.assert_allclose(found.numpy(), expected, **TOLERANCE)
    np.testing.assert_allclose(prediction.numpy(), expected, **TOLERANCE)
    np.testing.assert_allclose([float(t) for t in objectives], terms, **TOLERANCE)


def derived_agrees(pair: Pair, seed: int, architecture: Mapping[str, tuple[Any, ...]] | None = None) -> None:
    """One-hot supernet = plain model with the supernet's slices = the oracle's."""
    compiled, weights = pair.supernet, Drawn(seed)
    decisions = compiled.graph.decisions
    architecture = random_architecture(decisions, seed) if architecture is None else architecture
    batch = pair.batch(compiled, seed)
    expected = pair.oracle(weights).predict(assignment(decisions, architecture), batch)
    with float64(), torch.no_grad():
        supernet = model_of(compiled)
        unknown = set(weights.found) - fill(supernet, weights)
        assert not unknown, f"weights that the supernet does not have: {sorted(map(str, unknown))[:5]}"
        plain = model_of(pair.plain(architecture))
        assert not plain.compiled.decisions
        missing = transfer(supernet.tensors, compiled, plain)
        assert not missing, missing[:5]
        hot = supernet.module(tensors_of(batch), one_hot(decisions, architecture)).numpy()
        found = plain.module(tensors_of(batch)).numpy()
    np.testing.assert_allclose(found, expected, **TOLERANCE)
    # What a shut gate hides is large: it is multiplied by 0, and takes digits with it where it is added before that.
    np.testing.assert_allclose(hot, expected, rtol=1e-7, atol=1e-8)


def plain_agrees(
    pair: Pair, seed: int, architecture: Mapping[str, Any], *besides: Column, dead: bool = False, whole: bool = False
) -> Compiled:
    """A plain model = the oracle's, whether or not the space has a supernet. `besides`: columns that the oracle looks at
    for the shape of what an empty set gives. `dead`: the oracle may compute what nothing reads. `whole`: see `fill_whole`."""
    compiled, weights = pair.plain(architecture), Drawn(seed)
    graph = check(pair.program, pair.schema, promises(), overrides=pair.overrides).graph
    assert graph is not None
    batch = pair.batch(replace(compiled, columns=tuple(dict.fromkeys((*compiled.columns, *besides)))), seed)
    expected = pair.oracle(weights).predict(assignment(graph.decisions, architecture), batch)
    with float64(), torch.no_grad():
        plain = model_of(compiled)
        unknown = set(weights.found) - (fill_whole if whole else fill)(plain, weights)
        assert dead or not unknown, f"weights that the model does not have: {sorted(map(str, unknown))[:5]}"
        found = plain.module(tensors_of(batch)).numpy()
    np.testing.assert_allclose(found, expected, **TOLERANCE)
    return compiled


Agrees = Callable[[Pair, int], None]
