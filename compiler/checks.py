"""What shape functions have in common: they give a shape or raise `Mismatch` with a message that says what to do."""

from __future__ import annotations

from .promise import Mismatch, Options
from .shapes import NUMBER, Dim, Searched, Shape, widest

Shapes = tuple[Shape, ...]
Kinds = tuple[str, ...]


def same(shapes: Shapes, options: Options) -> Shape:
    """The shape of the one input: element-wise functions, normalisations."""
    return shapes[0]


def of_kind(shapes: Shapes, position: int, operator: str, *kinds: str, help: str = "") -> Shape:
    """The input at `position`, if it is of one of `kinds`."""
    shape = shapes[position]
    if shape.kind in kinds:
        return shape
    wanted = " or ".join(f"a {kind}" for kind in kinds)
    raise Mismatch(
        f"{operator}() needs {wanted}, not a {shape.kind}",
        argument=position,
        label=f"this is a {shape}",
        help=help or _instead(shape.kind, kinds),
    )


def _instead(found: str, wanted: Kinds) -> str:
    match found:
        case "sequence" if "vector" in wanted:
            return "pool it first: `mean(x)` is one vector for the whole sequence"
        case "matrix" if "vector" in wanted:
            return "`flatten(x)` makes one vector of its rows"
        case "vector" | "number" if "matrix" in wanted:
            return "`stack(e[f] for f in fields)` makes a matrix, a row for each field"
        case "vector" if "number" in wanted:
            return "`sum(x)` or `linear(x, 1)` makes one number of a vector"
    return ""


def not_stacked(shapes: Shapes, position: int, operator: str) -> Shape:
    """The input at `position`, if it is no matrix: rows that are gated would count in the statistics of the rest."""
    help = f"standardise the rows before they are stacked: `stack({operator}(e[f]) for f in fields)`"
    return of_kind(shapes, position, operator, "number", "vector", "sequence", help=help)


def number_like(shapes: Shapes, position: int, operator: str) -> Shape:
    """The input at `position`, if it is a number or a vector of one."""
    shape = shapes[position]
    if shape.kind == "number" or (shape.kind == "vector" and shape.last == 1):
        return shape
    advice = "`linear(x, 1)` makes one number of it" if shape.kind == "vector" else _instead(shape.kind, ("vector",))
    raise Mismatch(
        f"{operator}() needs one number for an example, not a {shape}",
        argument=position,
        label=f"this is a {shape}",
        help=advice,
        code="S0315",
    )


def replaced_last(shape: Shape, width: Dim) -> Shape:
    """The shape with another last axis; a number becomes a vector."""
    return Shape("vector", (width,)) if shape.kind == "number" else Shape(shape.kind, (*shape.dims[:-1], width))


def fixed(dim: Dim, operator: str, what: str, argument: int = 0) -> int:
    """A width that must not be searched."""
    if isinstance(dim, Searched):
        raise Mismatch(
            f"{operator}() cannot work with a searched {what}",
            argument=argument,
            label=f"the {what} is {dim}",
            help="bring it to one width first: `align(x, 16)`",
            code="S0314",
        )
    return dim


def one_width(left: Shape, right: Shape, operator: str) -> Dim:
    """The last axis that two inputs have in common."""
    if left.last == right.last:
        return left.last
    searched = isinstance(left.last, Searched) or isinstance(right.last, Searched)
    raise Mismatch(
        f"{operator}() needs two vectors of one width",
        label="these widths may differ" if searched else f"these are {left.last} and {right.last} wide",
        help="bring them to one width where they are made: `align[f](embed(f, n), 16)`"
        if searched
        else "bring them to one width where they are made: `align(x, 16)` or `linear(x, 16)`",
        code="S0312",
    )


def broadcast(operator: str, shapes: Shapes) -> Shape:
    """One shape for inputs that are combined number by number; a number goes with anything."""
    result = NUMBER
    for position, shape in enumerate(shapes):
        if shape.kind == "number" or shape == result:
            continue
        if result.kind == "number":
            result = shape
        elif shape.kind == result.kind == "vector":
            one_width(result, shape, operator)
        else:
            raise Mismatch(
                f"{operator}() needs inputs of one shape",
                argument=position,
                label=f"this is a {shape}, the first a {result}",
                help=_instead(shape.kind, (result.kind,)),
                code="S0313",
            )
    return result


def row_pairs(rows: Dim) -> Dim:
    """How many unordered pairs of different rows there are."""
    if isinstance(rows, Searched):
        return Searched(tuple(sorted({r * (r - 1) // 2 for r in rows.candidates})), ("pairs", rows.key))
    return rows * (rows - 1) // 2


def numbers(shape: Shape) -> int:
    """How many numbers a value holds, at its widest; of a sequence, one position."""
    product = 1
    for dim in shape.dims:
        product *= widest(dim)
    return product


def pair_of_numbers(operator: str, shapes: Shapes) -> Shape:
    """The shape of a loss of a label and a prediction, each one number for an example."""
    for position in range(len(shapes)):
        number_like(shapes, position, operator)
    return broadcast(operator, shapes)
