"""Promises: what the compiler must know of an operator or a stage without touching a tensor.

An operator is one file `runtime/operators/<name>.py` with `promise = Operator(…)` and plain functions over tensors; a
stage is one file `runtime/strategies/<name>.py` with `promise = Stage(…)`. The compiler gets both tables as data.

The functions of an operator file (copied by codegen into what it writes, so they use only torch, F = torch.nn.functional
and one another) take, in this order: the inputs, the weights, the buffers, then keyword-only: options that matter at run
time, noise tensors, `training`. x is [B, *shape] or, in a family, [B, N, *shape] (sequences [B, (N,) L, n]).
`<name>` serves weights without a family axis (one layer for all elements); `<name>_grouped` serves weights with a
leading axis N, one layer for each element of the family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .shapes import Dim, Shape

Options = Mapping[str, Any]
REQUIRED: Any = ...


class Mismatch(Exception):
    """A shape function's refusal. `argument` is the position of the input at fault, −1 for the call as a whole."""

    def __init__(
        self, message: str, *, argument: int = -1, label: str = "", help: str = "", code: str = "S0301"
    ) -> None:
        super().__init__(message)
        self.message, self.argument, self.label, self.help, self.code = message, argument, label, help, code


@dataclass(frozen=True, slots=True)
class Option:
    """A named argument that is no tensor.

    width    a whole number ≥ 1, may be searched        whole   a whole number
    widths   a list of widths                           real    a number
    flag     true or false                              label   one of `choices`
    logits   a width, or the name `logits`              any     checked by the operator or stage itself
    schedule a number, or `a -> b`                      call    a nested call such as grda(c = auto, mu = 0.8)
    interval two numbers, the first below 0, the second above 1

    `refers`: what of the space its name, or each name of its list, has to be: a decision, a `learn`, a value (`learn` or
    `let`), an index (a binder of a decision).
    """

    name: str
    kind: Literal["width", "widths", "whole", "real", "flag", "label", "logits", "any", "schedule", "call", "interval"]
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    doc: str = ""
    refers: Literal["", "decision", "learned", "value", "index"] = ""


@dataclass(frozen=True, slots=True)
class Initial:
    """How a weight starts: constant(value), normal(mean, std = value), uniform(±value), xavier (uniform, fans from
    the last two axes), fan_in (uniform ±1/√fan, fan = value)."""

    kind: Literal["constant", "normal", "uniform", "xavier", "fan_in"]
    value: float = 0.0
    mean: float = 0.0


@dataclass(frozen=True, slots=True)
class Weight:
    """A trainable tensor of one layer. `rows`: the axis that runs along the first input's last axis, None if there is
    none (so a derived layer can take the rows of those inputs that are left). `along`: another axis of that input's
    shape instead: 0 for the rows of a matrix.

    `number_bytes`, `row_bytes`: what a finished model stores for each number of it, and for each row besides; one of whose
    numbers nothing is stored is no parameter of it. `unknown`: of a table looked up by ids, the first row is that of the
    unknown value. `digit`: (divisor, base) of a table in which several values share a row: value v, from 1, has the row
    1 + (v − 1) // divisor % base; None where value v has row v.
    """

    name: str
    shape: tuple[Dim, ...]
    initial: Initial
    rows: int | None = None
    along: int = -1
    number_bytes: int = 4
    row_bytes: int = 0
    unknown: bool = True
    digit: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Buffer:
    """State that is no parameter (running statistics), with its initial value. `rows` and `along` as in `Weight`."""

    name: str
    shape: tuple[Dim, ...]
    initial: float
    rows: int | None = None
    along: int = -1


@dataclass(frozen=True, slots=True)
class Noise:
    """A tensor of uniform numbers in [0, 1) that `forward` wants at training, with the shape of input `like`."""

    name: str
    like: int = 0


class Build(Protocol):
    """What a composite (mlp, align) is expanded with. Values are opaque."""

    def apply(self, operator: str, inputs: tuple[Any, ...], options: Options, part: str) -> Any:
        """Apply an operator. `part` tells its weights from those of the other parts: `0`, `1`, `norm`."""
        ...


def no_weights(shapes: tuple[Shape, ...], options: Options) -> tuple[Weight, ...]:
    return ()


def no_buffers(shapes: tuple[Shape, ...], options: Options) -> tuple[Buffer, ...]:
    return ()


def no_flops(shapes: tuple[Shape, ...], options: Options) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Operator:
    """The promise of an operator.

    `inputs`: names of the tensor arguments; a last name ending in `*` takes the rest. `shape` raises `Mismatch`.
    `elementwise`: acts on every number alone, whatever the shape (inputs broadcast: a number with anything).
    `zero_preserving`: gives 0 where its input is 0. `linear`: linear in its first input, given the others.
    `masked`: gives the same for an input with zeroed elements as without those elements (safe under gates).
    `expand`: a composite; then the graph holds its parts instead, and there is no function.
    `implemented`: false where there is a promise but no function yet: `run` refuses it.
    `flops`: multiplications and additions for one example and one element, widest width; of a sequence for one position.

    Beside other kinds of value a number comes with axes of one at its end, so that inputs broadcast.
    `lifts`: a number comes as a vector of one, x[..., None]; where `shape` promises a number, the last axis of what the
    function gives is one and has to go.
    `present`: the function has a keyword `present`: bool [B, (N,) L], which elements of a sequence there are; None where
    the input is no sequence. What it gives for absent ones is zero (of other operators it is anything).
    `whole`: takes a family as a whole: the result has no family axis.
    `structural`: the compiler gives it columns and calls the functions of its file as their docstrings say.
    `positional`: names of inputs and options as they follow one another in a call, where inputs are not the first.
    """

    name: str
    doc: str
    inputs: tuple[str, ...]
    shape: Callable[[tuple[Shape, ...], Options], Shape]
    options: tuple[Option, ...] = ()
    weights: Callable[[tuple[Shape, ...], Options], tuple[Weight, ...]] = no_weights
    buffers: Callable[[tuple[Shape, ...], Options], tuple[Buffer, ...]] = no_buffers
    noise: tuple[Noise, ...] = ()
    flops: Callable[[tuple[Shape, ...], Options], int] = no_flops
    elementwise: bool = False
    zero_preserving: bool = False
    linear: bool = False
    masked: bool = False
    uses_training: bool = False
    expand: Callable[[Build, tuple[Any, ...], Options], Any] | None = None
    implemented: bool = True
    lifts: bool = False
    present: bool = False
    whole: bool = False
    structural: bool = False
    positional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """The promise of a stage of a recipe (or of what stands inside one, such as `grda(…)` or `asha(…)`).

    `role`: relax, sample, score, screen (narrows what others search), infer, train (warmup, train, retrain), settle (derive), wrap (stream, progressive),
    optimizer, controller, evaluator. `domains`: which kinds of decision it handles: gate, number, name, alternative,
    range, real, subset. `per_value`, `per_example`, `conditional`, `constraints`: whether it handles decisions indexed
    by values(f), decisions with `given` over an example, decisions that exist only sometimes, `require`.
    `implemented`: whether it runs yet.
    """

    name: str
    doc: str
    role: str
    options: tuple[Option, ...] = ()
    domains: frozenset[str] = frozenset()
    per_value: bool = False
    per_example: bool = False
    conditional: bool = False
    constraints: bool = False
    wraps: bool = False
    implemented: bool = True


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The promise of `relax(as = name)`: its own options and the domains it handles (see `Stage`).

    `identity`: weights are the logits themselves, always; sums that the logits' factors make shorter are then taken
    from these (compiler/passes/algebra.py). `gated`: gates come of what they multiply, which is handed over in the place
    of noise (runtime/gating.py).
    """

    name: str
    doc: str
    options: tuple[Option, ...] = ()
    domains: frozenset[str] = frozenset()
    per_value: bool = False
    per_example: bool = False
    conditional: bool = True
    implemented: bool = True
    identity: bool = False
    gated: bool = False


@dataclass(frozen=True, slots=True)
class Promises:
    """Everything that the runtime offers, by name. `operators` excludes what the compiler knows itself: fields,
    look-ups, aggregates, arithmetic. `sources`: the functions of an operator's file as text, by name."""

    operators: Mapping[str, Operator]
    stages: Mapping[str, Stage]
    relaxations: Mapping[str, Relaxation]
    sources: Callable[[str], Mapping[str, str]]
