"""Arithmetic and conditions: shapes, and what they come to on plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, Protocol

from .ir import Constant, DecisionNode, Merge, Node, Operator, Reduce, Select
from .promise import Mismatch
from .shapes import NUMBER, Shape, vector

MOST = 4096
BITS = 100_000
"""Of a whole number."""


class Numbers(Protocol):
    """What `candidates` reads of a graph under construction."""

    nodes: dict[int, Node]

    def candidates(self, node: int, row: int) -> tuple[float, ...]: ...

    def domain_options(self, node: DecisionNode, row: int) -> tuple[Any, ...]: ...

    def sizes(self, node: Node, row: int) -> tuple[int, int]: ...


def divide(a: Any, b: Any) -> Any:
    """Exact integer division stays integer."""
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b


def power(a: Any, b: Any) -> Any:
    """a ^ b; whole numbers stay whole."""
    if isinstance(a, int) and isinstance(b, int) and b > 0 and abs(a) > 1 and (a.bit_length() - 1) * b > BITS:
        raise TooLarge
    return a**b


class TooLarge(OverflowError):
    """A whole number of more than `BITS` bits."""


def times(a: Any, b: Any) -> Any:
    """a * b; whole numbers stay whole."""
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > BITS:
        raise TooLarge
    return a * b


ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": times,
    "/": divide,
    "^": power,
    "negate": lambda a: -a,
}
CONDITIONS: Mapping[str, Callable[..., bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": lambda a: not a,
    "is": lambda a, b: a == b,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "exp": math.exp,
    "log": math.log,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round,
    "abs": abs,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0),
}
# Widths that operators make of searched ones: the rows of all pairs, the hidden layer of senet.
WIDTHS: Mapping[str, Callable[..., Any]] = {
    "pairs": lambda n: n * (n - 1) // 2,
    "senet": lambda n, reduction: max(1, n // reduction),
}
ON_NUMBERS: Mapping[str, Callable[..., Any]] = {**ARITHMETIC, **CONDITIONS, **FUNCTIONS, **WIDTHS}


def broadcast(shapes: tuple[Shape, ...]) -> Shape:
    """Numbers go with anything; other shapes must be equal."""
    real = [s for s in shapes if s.kind != "number"]
    if not real:
        return NUMBER
    first = max(real, key=lambda s: len(s.dims))
    for other in real:
        if other.kind == "sequence" and not other.dims and first.kind == "sequence":
            continue
        if other == first:
            continue
        if other.kind == first.kind and (other.searched or first.searched):
            raise Mismatch("these two have searched widths that may differ", code="S0312", label=f"{first} and {other}",
                           help="bring both to one width with align(x, n) where they are made")  # fmt: skip
        raise Mismatch(
            f"{first} and {other} cannot be combined element by element", code="S0303", label=f"{first} and {other}"
        )
    return first


def matmul(shapes: tuple[Shape, ...]) -> Shape:
    left, right = shapes
    if right.kind != "matrix" or left.kind not in ("vector", "matrix"):
        raise Mismatch(f"@ multiplies a vector or a matrix with a matrix, not {left} with {right}", code="S0305")
    if left.last != right.dims[0]:
        raise Mismatch(
            f"@ needs equal inner widths, and these are {left} and {right}", code="S0305", label=f"{left} and {right}"
        )
    return vector(right.dims[1]) if left.kind == "vector" else Shape("matrix", (left.dims[0], right.dims[1]))


def lookup(shapes: tuple[Shape, ...]) -> Shape:
    return Shape("sequence", shapes[0].dims) if shapes[1].kind == "sequence" else shapes[0]


def pick(shapes: tuple[Shape, ...]) -> Shape:
    """The first says which of the others."""
    every = {s for s in shapes[1:] if s != NUMBER} or {NUMBER}
    if len(every) > 1 or any(s.kind == "sequence" for s in every):
        shown = " and ".join(sorted(map(str, every)))
        raise Mismatch(f"what is looked up by block has one shape, and this is {shown}", code="S0303", label=shown)
    (shape,) = every
    return Shape("sequence", shape.dims) if shapes[0].kind == "sequence" else shape


def value(shapes: tuple[Shape, ...]) -> Shape:
    return Shape("sequence") if shapes[0].kind == "sequence" else NUMBER


def pool(shapes: tuple[Shape, ...]) -> Shape:
    return vector(shapes[0].last) if shapes[0].dims else NUMBER


def element(shapes: tuple[Shape, ...]) -> Shape:
    return vector(shapes[0].last) if shapes[0].dims else NUMBER


def over(shapes: tuple[Shape, ...]) -> Shape:
    """An aggregate over the elements of one value: a vector's numbers, a matrix's rows, a sequence's vectors."""
    match shapes[0].kind:
        case "number" | "vector":
            return NUMBER
        case "matrix" | "sequence":
            return vector(shapes[0].last) if shapes[0].dims else NUMBER


SHAPES: Mapping[str, Callable[[tuple[Shape, ...]], Shape]] = {
    **dict.fromkeys((*ARITHMETIC, *CONDITIONS), broadcast),
    "@": matmul,
    "lookup": lookup,
    "value": value,
    "block": value,
    "pick": pick,
    "element": element,
    "rename": lambda shapes: shapes[0],
    "current": lambda shapes: shapes[0],
    "pool": pool,
    **dict.fromkeys(("over_sum", "over_mean", "over_max", "over_min", "over_product", "over_any", "over_all"), over),
    **dict.fromkeys(("member", "count", "frequency", "l0"), lambda shapes: NUMBER),
}  # fmt: skip


def candidates(builder: Numbers, node: int, row: int) -> tuple[float, ...]:
    """Every number that a row of a search-phase node can take (the ends alone beyond 4,096 combinations)."""
    own = builder.nodes[node]
    match own:
        case Constant():
            return (float(own.values[row]),) if own.values.ndim == 1 else ()
        case DecisionNode():
            options = builder.domain_options(own, row)
            return tuple(sorted(float(o) if isinstance(o, int | float) else k for k, o in enumerate(options)))
        case Select():
            found: set[float] = set()
            for alternative in own.alternatives:
                found |= set(builder.candidates(alternative.node, int(alternative.rows.array[row])))
            return tuple(sorted(found))
        case Merge():
            k = int(own.source_of.array[row])
            before = int((own.source_of.array[:row] == k).sum())
            source = own.sources[k]
            return builder.candidates(source.node, int(source.rows.array[before]))
        case Operator(operator="member" | "is"):
            return (0.0, 1.0)
        case Operator(operator="count"):
            chosen = own.operands[0]
            low, high = builder.sizes(builder.nodes[chosen.node], int(chosen.rows.array[row]))
            return tuple(map(float, range(low, high + 1)))
        case Operator(operator="lookup"):
            family = own.operands[0]
            return builder.candidates(family.node, int(family.rows.array[row]))
        case Operator() if own.operator not in ON_NUMBERS:
            return ()
        case Operator():
            lists = [builder.candidates(r.node, int(r.rows.array[row])) for r in own.operands]
            return combine(ON_NUMBERS[own.operator], lists)
        case Reduce():
            block = own.blocks[0]
            rows = block.ref.rows.array[row * block.count : (row + 1) * block.count]
            lists = [builder.candidates(block.ref.node, int(r)) for r in rows]
            function = {"sum": lambda *v: sum(v), "max": lambda *v: max(v), "min": lambda *v: min(v)}.get(own.operator)
            return combine(function, lists) if function else (0.0, 1.0)
        case _:
            return (0.0, 1.0)


def combine(function: Callable[..., Any], lists: list[tuple[float, ...]]) -> tuple[float, ...]:
    total = math.prod(len(one) for one in lists)
    if total > MOST:
        lists = [(one[0], one[-1]) for one in lists]
        if math.prod(len(one) for one in lists) > MOST:
            ends = [function(*(one[0] for one in lists)), function(*(one[-1] for one in lists))]
            return tuple(sorted(set(map(float, ends))))
    return tuple(sorted({float(function(*values)) for values in product(*lists)}))
