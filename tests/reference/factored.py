"""Logits of `factored symmetric(rank = R)`, element by element: logit(s) = Σ_r Π_{f in s} β^r_f (PROFIT).

Where R is a decision the logit is its expectation: Σ_n P(R = n) · Σ_{r ≤ n} Π_{f in s} β^r_f.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from recspace.dsl import ast

from .interpreter import Interpreter
from .scopes import Env
from .values import Element, Key, Refused, label

Factors = Callable[[Key, Any], Any]
"""(the key without its set, a member of the set) → the factors β [R] of the member."""


def factored(
    oracle: Interpreter, name: str, factors: Factors, ranks: Mapping[Element, Mapping[int, Any]] | None = None
) -> dict[Element, Any]:
    """The logit of every element of a declared decision, R summed up term by term.

    `ranks`: of a rank that is a decision, how much every option of its elements weighs.
    """
    found = {}
    for env, members, group in _elements(oracle, name):
        beta = [factors(group, m) for m in members]
        logit = 0.0
        for rank, share in _ranks(oracle, name, env, ranks or {}):
            for r in range(rank):
                term = 1.0
                for b in beta:
                    term = term * b[r]
                logit = logit + share * term
        found[name, env.key] = logit
    return found


def _ranks(
    oracle: Interpreter, name: str, env: Env, ranks: Mapping[Element, Mapping[int, Any]]
) -> list[tuple[int, Any]]:
    """R as it is written; of a decision every option with its weight."""
    statement = oracle.scope.names[name]
    assert isinstance(statement, ast.Choose)
    (clause,) = [c for c in statement.clauses if isinstance(c, ast.Factored)]
    assert isinstance(clause.value, ast.Call)
    (argument,) = clause.value.arguments
    assert isinstance(argument, ast.Keyword)
    match argument.value:
        case ast.Name(decision) if isinstance(oracle.scope.names.get(decision), ast.Choose):
            return list(ranks[decision, ()].items())
        case ast.Subscript(ast.Name(decision), slots):
            evaluator = oracle.plain_evaluator()
            return list(ranks[decision, tuple(label(evaluator.eval(s, env)) for s in slots)].items())
    return [(int(oracle.plain_evaluator().eval(argument.value, env)), 1.0)]


def _elements(oracle: Interpreter, name: str) -> Iterator[tuple[Env, tuple[Any, ...], Key]]:
    """Every element with the members of its set and the rest of its key."""
    statement = oracle.scope.names[name]
    assert isinstance(statement, ast.Choose)
    evaluator = oracle.plain_evaluator()
    fors = tuple(ast.For(b, None, b.span) for b in statement.index)
    for env, _ in evaluator.rows(fors, Env(oracle.scope, owner=name)):
        sets, group = [], []
        for binder in statement.index:
            values = tuple(env.locals[n] for n in binder.names.names)
            if isinstance(binder.names, ast.Each) and not isinstance(values[0], tuple):
                group += [label(v) for v in values]
            else:
                sets.append(values[0] if isinstance(values[0], tuple) else values)
        if len(sets) != 1:
            raise Refused(f"{name} has {len(sets)} sets")
        yield env, tuple(label(m) for m in sets[0]), tuple(group)
