"""The consumers of decisions become expectations; searched widths become alternatives of fixed width.

    w[f] = embed(f, dim[f])           →   w2 = embed(f, 2); w8 = embed(f, 8)              (alternatives of dim)
    linear(w[f], 32)                  →   mix(dim, linear·2(w2, 32), linear·8(w8, 32))    (weights of their own)
    layer[i, j] >= 1                  →   expect(layer, [0, 1, 1, …])
    sum(x for i in S if keep[i])      →   sum(keep[i] * x)

After this pass every shape is fixed, and decisions are read by `mix` (a `Select` over a decision's weights), `expect`
(Σ weight · table), `option_weight` and, gates, as numbers. With one-hot weights the result is the derived model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Span

from ..decisions import Decision
from ..ir import Block, Constant, DecisionNode, Graph, Merge, Node, Operator, Output, Reduce, Ref, Rows, Select
from ..promise import Promises, no_buffers
from ..search_phase import ON_NUMBERS
from ..shapes import NUMBER, Searched, Shape, fixed

MOST = 4096


def not_yet(span: Span, what: str, help: str = "") -> SpaceError:
    """A construct that checks and sizes, and has no execution yet."""
    return SpaceError(
        [Diagnostic("S0630", f"{what} has no implementation yet", span, "checked and counted, not run", help=help)]
    )


@dataclass(frozen=True, slots=True)
class Variants:
    """A value of searched width: by the options of one decision, each of a fixed width.

    `subject`: the decision's row for every row; `options`: the option's position for every alternative. `mixable`: all
    have one shape by now, and are mixed by whoever reads them next, unless that has statistics for each of them.
    """

    subject: Ref
    options: tuple[int, ...]
    texts: tuple[str, ...]
    alternatives: tuple[Ref, ...]
    mixable: bool = False

    def at(self, rows: Rows) -> Variants:
        def of(ref: Ref) -> Ref:
            return Ref(ref.node, ref.rows.take(rows))

        return replace(self, subject=of(self.subject), alternatives=tuple(map(of, self.alternatives)))


def relax(graph: Graph, promises: Promises) -> Graph:
    """All nodes in order, each for fixed shapes."""
    return _Relaxing(graph, promises).run()


class _Relaxing:
    def __init__(self, graph: Graph, promises: Promises) -> None:
        self.graph, self.promises = graph, promises
        self.nodes: dict[int, Node] = {}
        self.next = max(k for k, _ in graph.items()) + 1
        self.values: dict[int, Ref | Variants] = {}
        self.spread: set[int] = set()

    def run(self) -> Graph:
        for key, node in self.graph.items():
            self.values[key] = self.lowered(key, node)
        return self.graph.with_nodes(self.nodes)

    def add(self, node: Node, key: int | None = None) -> Ref:
        if key is None:
            key = self.next
            self.next += 1
        self.nodes[key] = node
        return Ref(key, Rows.all(len(node.index)))

    def value(self, ref: Ref, apart: bool = False) -> Ref | Variants:
        """What rows of a node have become. `apart`: alternatives of one shape are not mixed yet."""
        found = self.values[ref.node]
        if isinstance(found, Variants) and found.mixable and not apart:
            shape = self.nodes[found.alternatives[0].node].shape
            found = self.mixed(self.graph[ref.node], found.subject, found.options, found.alternatives, shape)
            self.values[ref.node] = found
        return found.at(ref.rows) if isinstance(found, Variants) else Ref(found.node, found.rows.take(ref.rows))

    def fixed(self, ref: Ref, span: Span) -> Ref:
        found = self.value(ref)
        if isinstance(found, Variants):
            raise not_yet(
                span,
                "a value of searched width in this place",
                "bring it to one width with align(x, n) where it is made",
            )
        return found

    def decision(self, node: DecisionNode) -> Decision:
        return self.graph.decision(node.name)

    def options(self, node: DecisionNode) -> tuple[Any, ...]:
        decision = self.decision(node)
        used = {decision.domain_of[e] if decision.domain_of else 0 for e in node.elements.array}
        if len(used) > 1:
            raise not_yet(node.span, f"`{node.name}`, whose domain differs between its elements,")
        return decision.domains[used.pop()].options

    # -- one node ----------------------------------------------------------------------------------------

    def lowered(self, key: int, node: Node) -> Ref | Variants:
        match node:
            case DecisionNode():
                if node.given is not None or node.prior is not None:
                    raise not_yet(node.span, "a decision with `given` or `prior`")
                decision = self.decision(node)
                if decision.per_value or decision.domains[0].kind in ("real", "subset"):
                    kind = "indexed by values" if decision.per_value else f"of the kind {decision.domains[0].kind}"
                    raise not_yet(node.span, f"a decision {kind}")
                return self.add(replace(node, exists=None), key)
            case Output(role="constraint"):
                return Ref(key, Rows.all(0))
            case Output():
                return self.add(replace(node, value=self.fixed(node.value, node.span)), key)
            case Operator() if node.phase == "search":
                return self.search(key, node)
            case Operator():
                return self.operator(key, node)
            case Select():
                return self.select(key, node)
            case Reduce():
                return self.reduce(key, node)
            case Merge():
                return self.merge(key, node)
            case _:
                if node.phase == "search":
                    return Ref(key, Rows.all(len(node.index)))
                return self.add(node, key)

    # -- the search phase --------------------------------------------------------------------------------

    def leaf(self, ref: Ref) -> DecisionNode | None:
        """The decision that an operand is, if it is one of numbers or names (gates are numbers already)."""
        node = self.graph[ref.node]
        if isinstance(node, DecisionNode) and self.decision(node).domains[0].kind != "gate":
            return node
        return None

    def search(self, key: int, node: Operator) -> Ref:
        leaves = [o for o in node.operands if self.leaf(o) is not None]
        if leaves:
            return self.expectation(key, node, leaves)
        refs = tuple(self.fixed(o, node.span) for o in node.operands)
        plain = replace(node, operands=refs, phase="run")
        match node.operator:
            case "and":
                return self.add(replace(plain, operator="*"), key)
            case "not":
                return self.add(replace(plain, operator="-", operands=(self.constant(node, 1.0), refs[0])), key)
            case "or":
                both = self.add(replace(plain, operator="*"))
                total = self.add(replace(plain, operator="+"))
                return self.add(replace(plain, operator="-", operands=(total, both)), key)
            case "+" | "-" | "*" | "/" | "^" | "negate":
                return self.add(plain, key)
            case _:
                return self.gates(key, node, refs)

    def gates(self, key: int, node: Operator, refs: tuple[Ref, ...]) -> Ref:
        """A condition between gates and constants: its expectation, the gates being independent."""
        kinds = [self.graph[o.node] for o in node.operands]
        if node.operator not in ON_NUMBERS or not all(isinstance(k, DecisionNode | Constant) for k in kinds):
            raise not_yet(node.span, f"`{node.operator}` on what decisions add up to")
        return self.expectation(
            key, node, [o for o, k in zip(node.operands, kinds, strict=True) if isinstance(k, DecisionNode)]
        )

    def constant(self, node: Node, value: float) -> Ref:
        return self.add(
            Constant(index=node.index, phase="compile", span=node.span, values=np.full(len(node.index), value))
        )

    def expectation(self, key: int, node: Operator, leaves: list[Ref]) -> Ref:
        """Σ over the options of the decisions that are read, of their weights times what the operator gives."""
        lists = []
        for leaf in leaves:
            source = self.graph[leaf.node]
            assert isinstance(source, DecisionNode)
            options = self.options(source)
            named = self.decision(source).domains[0].kind in ("name", "alternative")
            gate = self.decision(source).domains[0].kind == "gate"
            lists.append(
                [0.0, 1.0]
                if gate
                else [float(k) for k in range(len(options))]
                if named
                else [float(o) for o in options]
            )
        total = int(np.prod([len(one) for one in lists]))
        if total > MOST or node.operator not in ON_NUMBERS:
            raise not_yet(node.span, f"`{node.operator}` on these decisions")
        others = [self.graph[o.node] for o in node.operands if o not in leaves]
        if not all(isinstance(o, Constant) for o in others):
            raise not_yet(node.span, f"`{node.operator}` on a decision and what other decisions add up to")
        n = len(node.index)
        table = np.empty((n, total))
        for column, values in enumerate(product(*lists)):
            chosen = dict(zip(leaves, values, strict=True))
            arguments = [np.full(n, chosen[o]) if o in chosen else self._numbers(o) for o in node.operands]
            table[:, column] = np.frompyfunc(ON_NUMBERS[node.operator], len(arguments), 1)(*arguments).astype(
                np.float64
            )
        made = replace(node, operator="expect", operands=tuple(self.fixed(o, node.span) for o in leaves), phase="run",
                       options={"table": table, "sizes": tuple(len(one) for one in lists)})  # fmt: skip
        return self.add(made, key)

    def _numbers(self, ref: Ref) -> np.ndarray:
        node = self.graph[ref.node]
        assert isinstance(node, Constant)
        return node.values[ref.rows.array]

    # -- operators of the model --------------------------------------------------------------------------

    def operator(self, key: int, node: Operator) -> Ref | Variants:
        if node.operator in ("lookup", "element", "frequency", "block", "current", "l0"):
            raise not_yet(node.span, f"{node.operator}()")
        searched = next((name for name, o in node.options.items() if isinstance(o, Ref)), None)
        if searched is not None:
            return self.over_option(key, node, searched)
        leaf = next((o for o in node.operands if self.leaf(o) is not None), None)
        if leaf is not None:
            return self.over_leaf(key, node, leaf)
        values = [self.value(o, self.apart(node, o)) for o in node.operands]
        variants = next((v for v in values if isinstance(v, Variants)), None)
        if variants is None:
            refs = tuple(v for v in values if isinstance(v, Ref))
            self._check_spread(node, refs)
            return self.add(replace(node, operands=refs, phase="run", shape=fixed_shape(node.shape), widths=()), key)
        return self.over_variants(node, values, variants)

    def apart(self, node: Operator, ref: Ref) -> bool:
        """Whether candidates of one shape are not mixed before this: statistics are kept of each layer's own results."""
        source = self.graph[ref.node]
        layered = isinstance(source, Operator) and bool(source.layer)
        return (self.measures(node) and layered) or self.same_layer(node, ref)

    def measures(self, node: Node) -> bool:
        """Whether an operator keeps statistics: candidates stay apart for it."""
        promise = self.promises.operators.get(node.operator) if isinstance(node, Operator) else None
        return promise is not None and promise.buffers is not no_buffers

    def same_layer(self, node: Operator, ref: Ref) -> bool:
        """Whether an operand is the batch norm of the same `align`, whose activation belongs to it."""
        source = self.graph[ref.node]
        return bool(node.part) and source.place == node.place and self.measures(source)

    def _check_spread(self, node: Operator, refs: Sequence[Ref]) -> None:
        promise = self.promises.operators.get(node.operator)
        if any(r.node in self.spread for r in refs) and not (promise is not None and promise.linear):
            raise not_yet(node.span, f"{node.operator}() on a concatenation of searched widths",
                          "put a linear layer on it first, or bring the parts to one width with align(x, n)")  # fmt: skip

    def over_option(self, key: int, node: Operator, name: str) -> Ref | Variants:
        """`embed(f, dim[f])`: one alternative for each width."""
        option = node.options[name]
        subject, by_option = self.width(option, node.span)
        found: list[Ref] = []
        texts: list[str] = []
        kept: list[int] = []
        for position, width in by_option:
            plain = replace(node, options={**node.options, name: width}, part=node.part)
            shape = replace(node.shape, dims=tuple(width if isinstance(d, Searched) else d for d in node.shape.dims))
            plain = replace(plain, shape=shape, widths=())
            lowered = self.operator_with_candidate(plain, str(width), subject, position)
            if isinstance(lowered, Variants):
                shape = self.nodes[lowered.alternatives[0].node].shape
                lowered = self.mixed(node, lowered.subject, lowered.options, lowered.alternatives, shape)
            found.append(lowered)
            texts.append(str(width))
            kept.append(position)
        return Variants(subject, tuple(kept), tuple(texts), tuple(found))

    def operator_with_candidate(self, node: Operator, text: str, subject: Ref, option: int) -> Ref | Variants:
        return self.operator(self.fresh(), self.marked(node, text, subject, option))

    def marked(self, node: Operator, text: str, subject: Ref, option: int) -> Operator:
        """The layer of one candidate; `chosen` says what has to be decided for it to stay."""
        if not node.layer:
            return node
        inner = node.options.get("·candidate")
        candidate = text if inner is None else f"{text},{inner}"
        decision = self.nodes[subject.node]
        assert isinstance(decision, DecisionNode)
        chosen = (*node.chosen, (decision.name, decision.elements.take(subject.rows), option))
        return replace(node, options={**node.options, "·candidate": candidate}, chosen=chosen)

    def fresh(self) -> int:
        self.next += 1
        return self.next - 1

    def width(self, option: Ref, span: Span) -> tuple[Ref, list[tuple[int, int]]]:
        """The decision that settles a width, and the width for each of its options."""
        node = self.graph[option.node]
        if isinstance(node, DecisionNode):
            return self.fixed(option, span), [(k, int(o)) for k, o in enumerate(self.options(node))]
        if isinstance(node, Operator):
            leaf = next((o for o in node.operands if isinstance(self.graph[o.node], DecisionNode)), None)
            others = [self.graph[o.node] for o in node.operands if o is not leaf]
            if leaf is not None and all(isinstance(o, Constant) for o in others):
                source = self.graph[leaf.node]
                assert isinstance(source, DecisionNode)
                found = []
                for k, o in enumerate(self.options(source)):
                    arguments = [float(o) if r is leaf else float(self._numbers(r)[0]) for r in node.operands]
                    found.append((k, int(ON_NUMBERS[node.operator](*arguments))))
                subject = self.fixed(leaf, span)
                return Ref(subject.node, subject.rows.take(option.rows)), found
        raise not_yet(span, "a width that several decisions settle together")

    def over_leaf(self, key: int, node: Operator, leaf: Ref) -> Ref:
        """An operator that reads a number decided: its expectation over the options."""
        source = self.graph[leaf.node]
        assert isinstance(source, DecisionNode)
        alternatives = []
        for option in self.options(source):
            if not isinstance(option, int | float):
                raise not_yet(node.span, "a name as a number")
            constant = self.constant(node, float(option))
            operands = tuple(self.fixed(o, node.span) if o != leaf else constant for o in node.operands)
            alternatives.append(self.add(replace(node, operands=operands, widths=())))
        return self.mixed(
            node, self.fixed(leaf, node.span), tuple(range(len(alternatives))), alternatives, node.shape, key
        )

    def mixed(
        self,
        node: Node,
        subject: Ref,
        options: tuple[int, ...],
        alternatives: Sequence[Ref],
        shape: Shape,
        key: int | None = None,
    ) -> Ref:
        made = Select(index=node.index, shape=fixed_shape(shape), phase="run", place=node.place, span=node.span,
                      subject=subject, labels=options, alternatives=tuple(alternatives))  # fmt: skip
        return self.add(made, key)

    def over_variants(self, node: Operator, values: list[Ref | Variants], first: Variants) -> Variants:
        """The operator for every alternative, with weights and statistics of its own."""
        if any(isinstance(v, Variants) and v.subject != first.subject for v in values):
            raise not_yet(node.span, f"{node.operator}() on two widths that are searched apart")
        found: list[Ref] = []
        shapes = []
        for k, text in enumerate(first.texts):
            refs = tuple(v.alternatives[k] if isinstance(v, Variants) else v for v in values)
            shapes.append(self._shape(node, refs))
            marked = self.marked(node, text, first.subject, first.options[k])
            found.append(self.add(replace(marked, operands=refs, shape=shapes[-1], widths=(), phase="run")))
        return Variants(first.subject, first.options, first.texts, tuple(found), len(set(shapes)) == 1)

    def _shape(self, node: Operator, refs: Sequence[Ref]) -> Shape:
        """The operator's shape for fixed inputs."""
        from ..search_phase import SHAPES

        shapes = tuple(self.nodes[r.node].shape for r in refs)
        own = SHAPES.get(node.operator)
        return own(shapes) if own else self.promises.operators[node.operator].shape(shapes, node.options)

    # -- branches, aggregates ----------------------------------------------------------------------------

    def select(self, key: int, node: Select) -> Ref | Variants:
        if node.phase == "search":
            return Ref(key, Rows.all(len(node.index)))  # a width; it is read through the values it belongs to
        source = self.graph[node.subject.node]
        if source.phase == "run":
            raise not_yet(node.span, "a branch that each example decides")
        subject = self.fixed(node.subject, node.span)
        options = self._positions(node, source)
        values = [self.value(a) for a in node.alternatives]
        if not node.shape.searched and not any(isinstance(v, Variants) for v in values):
            return self.mixed(node, subject, options, [v for v in values if isinstance(v, Ref)], node.shape, key)
        if any(isinstance(v, Variants) for v in values) or not isinstance(source, DecisionNode):
            raise not_yet(node.span, "a branch between values whose widths are searched")
        refs = [v for v in values if isinstance(v, Ref)]
        blown = [self._blown(node, r, refs) for r in refs]
        texts = tuple(str(self.nodes[r.node].shape.last) for r in blown)
        return Variants(subject, options, texts, tuple(blown))

    def _blown(self, node: Select, ref: Ref, siblings: list[Ref]) -> Ref:
        """A constant alternative takes its siblings' shape."""
        own = self.nodes[ref.node]
        other = next((self.nodes[s.node].shape for s in siblings if self.nodes[s.node].shape != NUMBER), NUMBER)
        if not (isinstance(own, Constant) and own.shape == NUMBER) or other == NUMBER:
            return ref
        values = np.broadcast_to(
            own.values[ref.rows.array].reshape(-1, *(1,) * len(other.dims)), (len(node.index), *other.fixed)
        )
        return self.add(Constant(index=node.index, shape=other, phase="compile", span=node.span, values=values.copy()))

    def _positions(self, node: Select, source: Node) -> tuple[int, ...]:
        if not isinstance(source, DecisionNode):
            return tuple(1 if label else 0 for label in node.labels)
        options = self.options(source)
        if self.decision(source).domains[0].kind == "gate":
            return tuple({"on": 1, "off": 0, True: 1, False: 0}.get(label, -1) for label in node.labels)
        return tuple(options.index(label) for label in node.labels)

    def reduce(self, key: int, node: Reduce) -> Ref | Variants:
        if node.phase == "search" and any(self.leaf(b.ref) is not None for b in node.blocks):
            raise not_yet(node.span, f"{node.operator}() of decisions inside the model")
        values = [self.value(b.ref) for b in node.blocks]
        weights = self.fixed(node.weights, node.span) if node.weights else None
        if weights is not None and node.operator in ("max", "min"):
            raise not_yet(node.span, f"{node.operator}() over what a decision filters")
        if not any(isinstance(v, Variants) for v in values):
            blocks = tuple(replace(b, ref=v) for b, v in zip(node.blocks, values, strict=True) if isinstance(v, Ref))
            if any(b.ref.node in self.spread for b in blocks):
                self.spread.add(key)
            shape = (
                self._concat_shape(node, blocks)
                if node.operator == "concat" and node.shape.searched
                else fixed_shape(node.shape)
            )
            return self.add(replace(node, blocks=blocks, weights=weights, phase="run", shape=shape, widths=()), key)
        if node.operator != "concat":
            raise not_yet(node.span, f"{node.operator}() of values whose widths are searched")
        return self.side_by_side(key, node, values)

    def side_by_side(self, key: int, node: Reduce, values: list[Ref | Variants]) -> Ref:
        """Every candidate has a place of its own, scaled by its weight: what a linear layer on it makes of that is the
        mixture of what it makes of each."""
        blocks: list[Block] = []
        for block, value in zip(node.blocks, values, strict=True):
            if isinstance(value, Ref):
                blocks.append(replace(block, ref=value))
                continue
            for option, text, alternative in zip(value.options, value.texts, value.alternatives, strict=True):
                scaled = self.scaled(node, value.subject, option, alternative)
                blocks.append(replace(block, ref=scaled, candidate=text))
        self.spread.add(key)
        return self.add(
            replace(node, blocks=tuple(blocks), phase="run", shape=self._concat_shape(node, blocks), widths=()), key
        )

    def _concat_shape(self, node: Reduce, blocks: Sequence[Block]) -> Shape:
        shapes = [(self.nodes[b.ref.node].shape, b.count) for b in blocks]
        if shapes[0][0].kind == "matrix":
            return Shape("matrix", (sum(fixed(s.dims[0]) * c for s, c in shapes), shapes[0][0].dims[1]))
        return Shape("vector", (sum(fixed(s.last) * c for s, c in shapes),))

    def scaled(self, node: Node, subject: Ref, option: int, value: Ref) -> Ref:
        """The elements of a block, each times the weight of one option of its decision."""
        source = self.nodes[value.node]
        index = source.index.take(value.rows)
        weight = self.add(
            Operator(
                index=index,
                phase="run",
                span=node.span,
                operator="option_weight",
                operands=(subject,),
                options={"option": option},
            )
        )
        return self.add(
            Operator(
                index=index, shape=source.shape, phase="run", span=node.span, operator="*", operands=(weight, value)
            )
        )

    def merge(self, key: int, node: Merge) -> Ref | Variants:
        if (
            node.phase == "search"
            and node.shape == NUMBER
            and any(
                self.graph[s.node].phase == "search"
                and not isinstance(self.graph[s.node], DecisionNode)
                and s.node not in self.nodes
                for s in node.sources
            )
        ):
            return Ref(key, Rows.all(len(node.index)))
        sources = tuple(self.fixed(s, node.span) for s in node.sources)
        return self.add(replace(node, sources=sources, shape=fixed_shape(node.shape), widths=(), phase="run"), key)


def fixed_shape(shape: Shape) -> Shape:
    """No searched width is left (the widest stands where one was)."""
    return replace(shape, dims=tuple(d.widest if isinstance(d, Searched) else d for d in shape.dims))
