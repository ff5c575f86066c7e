"""The oracle's face: architectures, predictions, objectives of a space bound to a schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.compiler.decisions import Decision
from recspace.compiler.schema import Schema
from recspace.dsl import ast
from recspace.dsl.walk import walk

from .domains import Domain, Need
from .evaluate import Evaluator
from .existence import Existence
from .scopes import Env, Scope
from .values import Chance, Choice, Chosen, Element, Key, Refused, Sequence, arithmetic, label, plain

Weights = Callable[[str, str, Key, str, Key], np.ndarray]
Assignment = Mapping[Element, Any]
"""(decision, key) → option: "on"/"off" for a gate, a number, a label, a tuple of members of a subset, a real."""
Relaxed = Mapping[Element, Any]
"""(decision, key) → the weight of `on`, or {option: weight}; of a subset {member: inclusion weight}; a real number.
Weights are floats or [B]."""
COSTS = ("parameters", "memory", "flops", "latency")


class Interpreter:
    """A space. `params`: values put in place of its params. `weights(layer, name, key, candidate, part)`."""

    def __init__(
        self,
        program: ast.Program,
        schema: Schema,
        params: Mapping[str, Any] | None = None,
        weights: Weights | None = None,
        training: bool = False,
    ) -> None:
        assert program.file.space is not None
        self.program, self.schema, self.training = program, schema, training
        self.weights = weights or _no_weights
        statements = program.file.space.statements
        self.scope = Scope("", (), statements, program.components)
        self.params = dict(params or {})
        unknown = [n for n in self.params if not isinstance(self.scope.names.get(n), ast.Param)]
        if unknown:
            raise Refused(f"no param {unknown[0]}")
        self._size: int | None = None

    def _evaluator(self, reader: Any, batch: Mapping[str, np.ndarray] | None, *, hard: bool) -> _Bound:
        return _Bound(self, reader, batch, hard=hard)

    def plain_evaluator(self) -> Evaluator:
        """For what is known when compiling."""
        return self._evaluator(_nothing, None, hard=True)

    # -- Compile time --------------------------------------------------------------------------------------

    def value(self, name: str, key: Key = ()) -> Any:
        """A compile-time `param` or `let` by its name; `key`: labels of its index."""
        evaluator = self._evaluator(_nothing, None, hard=True)
        found = evaluator.name(name, Env(self.scope))
        if not key:
            return found
        values = next(v for v, labels in evaluator.elements(found) if labels == key)
        return evaluator.element(found, values)

    def expectations(self) -> list[bool]:
        """Whether each `expect` holds."""
        evaluator = self._evaluator(_nothing, None, hard=True)
        env = Env(self.scope, owner="expect")
        return [evaluator.condition(s.condition, env) for s in self.scope.statements if isinstance(s, ast.Expect)]

    def architectures(self) -> Iterator[dict[Element, Any]]:
        """Every assignment of the decisions that exist that meets the requirements between them; a real is halfway."""
        requirements = [s for s in self.scope.statements if isinstance(s, ast.Require) and not _on_costs(s.condition)]
        for existing, assumed in self._patterns():
            free = [e for e in existing if e not in assumed]
            for options in itertools.product(*(list(options_of(existing[e])) for e in free)):
                found = {**assumed, **dict(zip(free, options, strict=True))}
                if all(self._met(r, found, existing) for r in requirements):
                    yield {e: found[e] for e in existing}

    def size(self) -> int:
        if self._size is None:
            if any(isinstance(s, ast.Require) and not _on_costs(s.condition) for s in self.scope.statements):
                self._size = sum(1 for _ in self.architectures())
            else:
                self._size = sum(_product(existing, assumed) for existing, assumed in self._patterns())
        return self._size

    def _patterns(self) -> Iterator[tuple[dict[Element, Domain], dict[Element, Any]]]:
        """For every way to settle what the existence of others depends on: what exists, and what was settled."""
        pending: list[dict[Element, Any]] = [{}]
        while pending:
            assumed = pending.pop()
            evaluator = self._evaluator(_assuming(assumed), None, hard=True)
            walker = Existence(evaluator)
            try:
                walker.space()
            except Need as need:
                pending += [{**assumed, need.element: o} for o in options_of(need.odds)]  # type: ignore[arg-type]
                continue
            yield walker.found, {e: o for e, o in assumed.items() if e in walker.found}

    def _met(self, requirement: ast.Require, found: Assignment, existing: Mapping[Element, Domain]) -> bool:
        evaluator = self._evaluator(_hard(found), None, hard=True)
        try:
            truth = evaluator.condition(requirement.condition, Env(self.scope, owner="require"))
        except _Missing:
            return True
        return bool(truth.p if isinstance(truth, Chance) else truth)

    def decisions(self) -> dict[Element, Domain]:
        """Every decision element that exists in some architecture."""
        return {e: d for existing, _ in self._patterns() for e, d in existing.items()}

    # -- Run time ------------------------------------------------------------------------------------------

    def predict(self, architecture: Assignment, batch: Mapping[str, np.ndarray]) -> np.ndarray:
        """The derived model: decisions are constants; `given` ones are the likeliest for each example."""
        return self._by_example(batch, lambda one: self._evaluator(_hard(architecture), one, hard=True).prediction())

    def relaxed(
        self, weights: Relaxed, batch: Mapping[str, np.ndarray], relax: Callable[[str, Any], Any] | None = None
    ) -> np.ndarray:
        """Every immediate consumer of a decision is its expectation. `relax(kind, logits)` weighs `given` decisions."""
        reader = _soft(weights, relax or likelihood)
        return self._by_example(batch, lambda one: self._evaluator(reader, one, hard=False).prediction())

    def objectives(
        self,
        decisions: Mapping[Element, Any],
        batch: Mapping[str, np.ndarray],
        *,
        relaxed: bool = False,
        relax: Callable[[str, Any], Any] | None = None,
    ) -> tuple[float, ...]:
        """The minimised terms: means over the rows of the batch."""
        reader = _soft(decisions, relax or likelihood) if relaxed else _hard(decisions)
        statement = next(s for s in self.scope.statements if isinstance(s, ast.Minimize))
        env = Env(self.scope, owner="minimize")

        def terms(one: Mapping[str, np.ndarray]) -> np.ndarray:
            evaluator = self._evaluator(reader, one, hard=not relaxed)
            return np.array([[evaluator.mean_over_rows(evaluator.eval(v, env)) for v in statement.values]])

        return tuple(self._by_example(batch, terms).mean(0).tolist())

    def _by_example(self, batch: Mapping[str, np.ndarray], of: Callable[[Mapping[str, np.ndarray]], Any]) -> Any:
        """Elements are those of one example: where they are read, examples are taken one by one."""
        if not any(isinstance(n, ast.Name) and n.name == "elements" for n in walk(self.program.file)):
            return of(batch)
        rows = len(next(iter(batch.values())))
        return np.concatenate([of({k: v[r : r + 1] for k, v in batch.items()}) for r in range(rows)])


class _Bound(Evaluator):
    def __init__(self, oracle: Interpreter, reader: Any, batch: Mapping[str, np.ndarray] | None, *, hard: bool) -> None:
        super().__init__(
            oracle.scope, oracle.schema, reader, oracle.weights, batch, hard=hard, training=oracle.training
        )
        self.oracle, self.views = oracle, oracle.program.scopes

    def name(self, name: str, env: Env) -> Any:
        if env.scope is self.oracle.scope and name in self.oracle.params and name not in env.locals:
            value = self.oracle.params[name]
            return tuple(value) if isinstance(value, list | tuple) else value
        return super().name(name, env)

    def builtin(self, name: str, env: Env) -> Any:
        if name == "size":
            return self.oracle.size()
        return super().builtin(name, env)

    def mean_over_rows(self, value: Any) -> float:
        x = plain(value)
        rows = len(next(iter((self.batch or {}).values())))
        x = np.atleast_1d(np.asarray(x.pooled() if isinstance(x, Sequence) else x, float))
        x = x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x
        return float(np.broadcast_to(x, (rows,)).mean())


class _Missing(KeyError):
    """A decision that does not exist was read."""


def assignment(decisions: tuple[Decision, ...], architecture: Mapping[str, Any]) -> dict[Element, Any]:
    """The compiler's architecture (positions of options) as the oracle takes it."""
    found: dict[Element, Any] = {}
    for d in decisions:
        for k, position in enumerate(architecture.get(d.name, ())):  # what each example decides is not there
            domain = d.domain(k)
            key = d.key(k)
            if domain.kind == "real":
                found[d.name, key] = position
            elif isinstance(position, tuple):
                found[d.name, key] = tuple(domain.options[p] for p in position)
            else:
                options = domain.options or range(int(domain.low), int(domain.high) + 1)
                found[d.name, key] = options[int(position)]
    return found


def options_of(domain: Any) -> Iterator[Any]:
    """Everything that a decision may be."""
    match domain:
        case tuple():
            yield from (o for o, _ in domain)
        case Domain("real"):
            yield 0.5 * (domain.low + domain.high)
        case Domain("subset", members, low, high):
            for k in range(int(low), int(high) + 1):
                yield from (tuple(label(m) for m in s) for s in itertools.combinations(members, k))
        case Domain(_, options):
            yield from options


def _product(existing: Mapping[Element, Domain], assumed: Mapping[Element, Any]) -> int:
    n = 1
    for element, domain in existing.items():
        if element not in assumed and domain.kind != "real":
            n *= sum(1 for _ in options_of(domain))
    return n


def likelihood(kind: str, logits: Any) -> Any:
    """Sigmoid for a gate, softmax otherwise, along the last axis."""
    if kind == "gate":
        return 1 / (1 + np.exp(-logits))
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _on_costs(condition: Any) -> bool:
    return any(isinstance(n, ast.Name) and n.name in COSTS for n in walk(condition))


def as_read(domain: Domain, odds: Any) -> Any:
    """Weights as what an expression reads."""
    match domain.kind:
        case "gate":
            return Chance(odds)
        case "subset":
            return Chosen(tuple((m, odds.get(label(m), 0.0)) for m in domain.options))
        case "real":
            return odds
    return Choice(tuple((o, odds[label(o)]) for o in domain.options if label(o) in odds))


def settled_as(domain: Domain, option: Any) -> Any:
    match domain.kind:
        case "gate":
            return Chance(float(option == "on" or option is True or option == 1))
        case "subset":
            return as_read(domain, dict.fromkeys(option, 1.0))
        case "real":
            return option
    found = as_read(domain, {option: 1.0})
    if not found.options:
        raise Refused(f"{option!r} is not among {domain.options}")
    return found


def _rows_of(domain: Domain, logits: Any) -> Any:
    """Logits as [B] for a gate, [B, options] otherwise."""
    x = plain(logits)
    if isinstance(x, Sequence):
        return x
    x = np.atleast_1d(np.asarray(x, float))
    return (x[:, 0] if x.ndim == 2 else x) if domain.kind == "gate" else x


def _hard(found: Assignment) -> Any:
    def read(element: Element, domain: Domain, logits: Any) -> Any:
        if element in found:
            return settled_as(domain, found[element])
        if logits is None:
            raise _Missing(f"{element} is not in the architecture")
        x = _rows_of(domain, logits)
        if domain.kind == "gate":
            return Chance((x > 0).astype(float))
        best = x.argmax(-1)
        return Choice(tuple((o, (best == k).astype(float)) for k, o in enumerate(domain.options)))

    return read


def _soft(weights: Relaxed, relax: Callable[[str, Any], Any]) -> Any:
    def read(element: Element, domain: Domain, logits: Any) -> Any:
        if element in weights:
            return as_read(domain, weights[element])
        if logits is None:
            raise KeyError(element)
        w = relax(domain.kind, _rows_of(domain, logits))
        return Chance(w) if domain.kind == "gate" else Choice(tuple((o, w[:, k]) for k, o in enumerate(domain.options)))

    return read


def _assuming(assumed: Assignment) -> Any:
    def read(element: Element, domain: Domain, logits: Any) -> Any:
        if element not in assumed:
            raise Need(element, tuple((o, 1.0) for o in options_of(domain)))
        return settled_as(domain, assumed[element])

    return read


def _nothing(element: Element, domain: Domain, logits: Any) -> Any:
    raise Refused(f"{element} is not known when compiling")


def _no_weights(*place: Any) -> np.ndarray:
    raise Refused("no weights were given")


__all__ = ["Interpreter", "arithmetic", "assignment", "replace"]
