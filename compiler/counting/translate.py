"""Rows of search-phase nodes → expressions over decision elements.

Requirements are read strictly (a decision that does not exist is None), conditions of existence loosely (it has its
default). A family over the values of a field is read once, for one value; what aggregates over values multiplies.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb, prod
from typing import Any, assert_never

import numpy as np

from ..decisions import Decision, Domain
from ..evaluate import copies_of, elements_of, merged
from ..ir import (
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Input,
    IntArray,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Select,
    SubsetSum,
)  # fmt: skip
from .constraints import constrain, exists
from .forms import spread_within
from .members import Element, asked_members
from .problem import LARGEST, Problem, Variable, domain_size, rows_of
from .spread import broadcast, constant, over_values
from .terms import Expr, Table, add, make, support
from .values import Unsupported, option_value


class Translator:
    """Makes the variables that conditions read as it reads them."""

    def __init__(self, graph: Graph, problem: Problem) -> None:
        self.graph, self.nodes, self.problem = graph, problem.nodes, problem
        self.decisions: dict[str, Decision] = {d.name: d for d in graph.decisions}
        self.holders = rows_of(graph, problem.nodes)
        self.members = asked_members(graph, problem.nodes)
        self.read: dict[Element, tuple[int, ...]] = {}
        self._known: dict[tuple[int, int, bool], Expr] = {}
        self._where: dict[str, dict[int, list[tuple[int, int]]]] = {}
        self._fields = self._copies()

    def _copies(self) -> dict[str, int]:
        """How many values every field has, as far as decisions are indexed by it."""
        found: dict[str, int] = {}
        for nodes in self.holders.values():
            for _, node in nodes:
                for row, field in enumerate(node.index.values):
                    if field not in found:
                        found[field] = copies_of(self.decisions[node.name], int(node.elements.array[row]))
        return found

    def require(self, node: Output, row: int) -> Expr:
        """The condition of a requirement."""
        return self._at(node.value, row, True)

    # -- existence ---------------------------------------------------------------------------------------

    def conditions(self, name: str) -> dict[int, list[tuple[int, int]]]:
        """For the elements of a decision that may not exist: the rows of the conditions, any of which will do."""
        if name not in self._where:
            found: dict[int, list[tuple[int, int]]] = {}
            always: set[int] = set()
            for _, node in self.holders[name]:
                elements = node.elements.array.tolist()
                if node.exists is None:
                    always.update(elements if any(n.exists for _, n in self.holders[name]) else ())
                    continue
                for element, row in zip(elements, node.exists.rows.array.tolist(), strict=True):
                    found.setdefault(element, []).append((node.exists.node, row))
            self._where[name] = {e: rows for e, rows in found.items() if e not in always}
        return self._where[name]

    def _exists(self, rows: list[tuple[int, int]]) -> Expr:
        parts = [self._row(node, row, False) for node, row in dict.fromkeys(rows)]
        return parts[0] if len(parts) == 1 else make("or", parts)

    def settle_existence(self) -> None:
        """Tie every element that is read to the condition under which it exists, then bundle the rest."""
        done: set[Element] = set()
        bundles: dict[tuple[tuple[int, int], ...], list[Element]] = {}
        for decision in self.graph.decisions:
            for element, rows in self.conditions(decision.name).items():
                bundles.setdefault(tuple(rows), []).append((decision.name, element))
        conditions = {rows: self._exists(list(rows)) for rows in bundles}
        while set(self.read) - done:
            for name, element in [e for e in self.read if e not in done]:
                done.add((name, element))
                held = self.conditions(name).get(element)
                if held is not None:
                    condition = self._exists(held)
                    for var in self.read[name, element]:
                        absent = self.problem.variables[var].absent
                        self.problem.constraints += [(c, -1) for c in exists(var, absent, condition)]
        self._bundle(bundles, conditions)

    def _bundle(self, bundles: dict[tuple[tuple[int, int], ...], list[Element]], conditions: dict[Any, Expr]) -> None:
        joined: dict[Expr, list[Element]] = {}
        for rows, elements in bundles.items():
            joined.setdefault(conditions[rows], []).extend(e for e in elements if e not in self.read)
        for condition, elements in joined.items():
            spread = spread_within(condition)
            fields = set() if spread else {self.problem.variables[v].field for v in support(condition)} - {""}
            field = next(iter(fields), "")
            copies = self._fields[field] if field else 1
            if not elements:
                continue
            sizes = ((domain_size(self.decisions[n].domain(e)), copies_of(self.decisions[n], e)) for n, e in elements)
            weight = prod(s ** (1 if field else c) for s, c in sizes)
            var = self._variable(Variable("", 0, (weight, 1), True, copies, field, bundle=tuple(elements)))
            self.problem.constraints += [(c, -1) for c in exists(var, 1, condition)]

    def free(self) -> dict[str, IntArray]:
        """Elements that always exist and that nobody reads."""
        found: dict[str, IntArray] = {}
        read: dict[str, list[int]] = {}
        for name, element in self.read:
            read.setdefault(name, []).append(element)
        for name, decision in self.decisions.items():
            count = len(decision.keys) if decision.keys is not None else self._rows(decision)
            free = np.ones(count, dtype=bool)
            free[list(self.conditions(name))] = False
            free[read.get(name, [])] = False
            if free.any():
                found[name] = np.flatnonzero(free)
        return found

    def _rows(self, decision: Decision) -> int:
        nodes = self.holders[decision.name]
        return max((int(n.elements.array.max(initial=-1)) + 1 for _, n in nodes), default=len(decision.counts) or 1)

    # -- variables ---------------------------------------------------------------------------------------

    def _variable(self, variable: Variable) -> int:
        self.problem.variables.append(variable)
        return len(self.problem.variables) - 1

    def _element(self, node: DecisionNode, row: int) -> Element:
        if node.index.runs:
            raise Unsupported(node.name)
        element = int(node.elements.array[row])
        key = (node.name, element)
        if key not in self.read:
            decision = self.decisions[node.name]
            domain = decision.domain(element)
            field = node.index.values[row] if node.index.values else ""
            conditional = element in self.conditions(node.name)
            copies = copies_of(decision, element) if field else 1

            def variable(weights: tuple[int, ...], part: int | None = None) -> int:
                own = (*weights, 1) if conditional else weights
                return self._variable(Variable(node.name, element, own, conditional, copies, field, part))

            if domain.kind == "subset":
                self.read[key] = self._subset(key, domain, variable)
            elif domain.kind == "real" or domain_size(domain) > LARGEST:
                raise Unsupported(node.name)
            else:
                self.read[key] = (variable((1,) * domain_size(domain)),)
        return key

    def _subset(self, key: Element, domain: Domain, variable: Callable[..., int]) -> tuple[int, ...]:
        n, low, high = len(domain.options), int(domain.low), int(domain.high)
        asked = sorted(self.members.get(key, ()))
        if not asked:
            return (variable(tuple(comb(n, k) for k in range(low, high + 1)), -1),)
        bits = tuple(variable((1, 1), p) for p in asked)
        rest = n - len(asked)
        made = (*bits, variable(tuple(comb(rest, k) for k in range(min(rest, high) + 1)), -1)) if rest else bits
        self.read[key] = made
        total = self._count(key, domain, True)
        for name, end in ((">=", low),) * (low > 0) + (("<=", high),) * (high < n):
            self.problem.constraints += [(c, -1) for c in constrain(make(name, [total, end]))]
        return made

    def _table(self, var: int, values: tuple[Any, ...], default: Any, strict: bool) -> Expr:
        variable = self.problem.variables[var]
        own = (*values, None if strict else default) if variable.conditional else values
        return Table(var, own) if any(v != own[0] for v in own) else own[0]

    def _count(self, key: Element, domain: Domain, strict: bool) -> Expr:
        """How many members a subset has."""
        default = self.decisions[key[0]].default(key[1])
        assert isinstance(default, tuple)
        parts: list[Expr] = []
        asked = {v.part for v in map(self.problem.variables.__getitem__, self.read[key])}
        for var in self.read[key]:
            variable = self.problem.variables[var]
            states = len(variable.weights) - variable.conditional
            first = int(domain.low) if len(self.read[key]) == 1 and variable.part == -1 else 0
            rest = sum(p not in asked for p in default) if variable.part == -1 else int(variable.part in default)
            parts.append(self._table(var, tuple(range(first, first + states)), rest, strict))
        return add(parts)

    # -- expressions -------------------------------------------------------------------------------------

    def _at(self, ref: Ref, k: int, strict: bool) -> Expr:
        return self._row(ref.node, int(ref.rows.array[k]), strict)

    def _row(self, node: int, row: int, strict: bool) -> Expr:
        key = (node, row, strict)
        if key not in self._known:
            self._known[key] = self._expr(self.nodes[node], row, strict)
        return self._known[key]

    def _expr(self, node: Node, row: int, strict: bool) -> Expr:
        match node:
            case Constant():
                return constant(node.values[row])
            case DecisionNode():
                return self._decision(node, row, strict)
            case Operator():
                return self._operator(node, row, strict)
            case Select():
                subject = self._at(node.subject, row, strict)
                return make("select", [subject, *(self._at(a, row, strict) for a in node.alternatives)], node.labels)
            case Reduce():
                return self._reduce(node, row, strict)
            case Merge():
                return self._row(*merged(node, row), strict)
            case Output():
                return self._at(node.value, row, strict)
            case Input() | Learned() | SubsetSum() | Cost():
                raise Unsupported(type(node).__name__)
            case _:
                assert_never(node)

    def _decision(self, node: DecisionNode, row: int, strict: bool, *, position: bool = False) -> Expr:
        key = self._element(node, row)
        decision = self.decisions[node.name]
        domain, default = decision.domain(key[1]), decision.default(key[1])
        if domain.kind == "subset":
            raise Unsupported(node.name)
        states = range(domain_size(domain))
        values = tuple(states) if position else tuple(option_value(domain, s) for s in states)
        return self._table(self.read[key][0], values, default if position else option_value(domain, default), strict)

    def _operator(self, node: Operator, row: int, strict: bool) -> Expr:
        if node.operator in ("is", "member", "count"):
            own, at = self._source(node.operands[0], row)
            if isinstance(own, DecisionNode):
                return self._of_decision(node, own, at, row, strict)
        if any(isinstance(o, Ref) for o in node.options.values()):
            raise Unsupported(node.operator)
        return broadcast(node.operator, [self._at(r, row, strict) for r in node.operands])

    def _of_decision(self, node: Operator, own: DecisionNode, at: int, row: int, strict: bool) -> Expr:
        if node.operator == "is":
            return make("is", [self._decision(own, at, strict, position=True), self._at(node.operands[1], row, strict)])
        key = self._element(own, at)
        domain = self.decisions[own.name].domain(key[1])
        if node.operator == "count":
            return self._count(key, domain, strict)
        wanted = int(self._at(node.operands[1], row, strict))
        default = self.decisions[own.name].default(key[1])
        var = next(v for v in self.read[key] if self.problem.variables[v].part == wanted)
        return self._table(var, (False, True), isinstance(default, tuple) and wanted in default, strict)

    def _source(self, ref: Ref, k: int) -> tuple[Node, int]:
        node, row = self.nodes[ref.node], int(ref.rows.array[k])
        while isinstance(node, Merge):
            key, row = merged(node, row)
            node = self.nodes[key]
        return node, row

    def _reduce(self, node: Reduce, row: int, strict: bool) -> Expr:
        parts: list[Expr] = []
        copies: list[int] = []
        for position, (ref, k) in enumerate(elements_of(node, row)):
            value = self._at(ref, k, strict)
            if node.weights is not None:
                at = k if len(node.blocks) == 1 else position
                weight = self._at(node.weights, at, strict)
                value = make("select", [weight, value, None], (True, False))
            parts.append(value)
            copies.append(self._spread(node, ref, k))
        if any(c > 1 for c in copies):
            shared = any(not self.problem.variables[v].field for p in parts for v in support(p))
            return over_values(node.operator, parts, copies, shared)
        if node.operator in ("vector", "concat", "stack"):
            return tuple(x for p in parts for x in (p if isinstance(p, tuple) else (p,)))
        return make(node.operator, parts)

    def _spread(self, node: Reduce, ref: Ref, k: int) -> int:
        """How many values of a field one element of an aggregate stands for."""
        values = self.nodes[ref.node].index.values
        return self._fields.get(values[int(ref.rows.array[k])], 1) if values and not node.index.values else 1
