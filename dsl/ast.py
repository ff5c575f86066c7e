"""The syntax tree: one frozen dataclass for each rule of `grammars/space.lark`, with the span it was read from.

Spans do not count in comparisons: two trees are equal if they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .source import Source, Span

NOWHERE = Span(Source("", ""), 0, 0)
"""The span of a tree that was made, not read."""


def _span() -> Span:
    return field(default=NOWHERE, compare=False, repr=False)


# -- Expressions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A name where a value is expected."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Qualified:
    """`module.name`: a part of a file that was imported `as module`."""

    module: str
    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Number:
    """`value` is already scaled: 10% is 0.1, 8 MB is 8_000_000, 5 ms is 0.005. `unit` is "", "%", "kB", … "us"."""

    value: int | float
    unit: str = ""
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class String:
    """Text between quotes, escapes resolved."""

    value: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetOf:
    """`{a, b}`."""

    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[x for i in S]`."""

    generator: Generator
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    """One `for binder in S if condition` of a generator."""

    binder: Binder
    condition: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Generator:
    """`value for i in S if condition for …`, an argument or the inside of a comprehension."""

    value: Expr
    fors: tuple[For, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of + - * / @ ^ == != < > <= >= and or in (member) .. (range)."""

    operator: str
    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """`operator` is `-` or `not`."""

    operator: str
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Switch:
    """`value if condition else otherwise`."""

    value: Expr
    condition: Expr
    otherwise: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name = value` among arguments."""

    name: str
    value: Expr | Schedule
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Schedule:
    """`start -> end`: an option that moves from one value to another over a stage."""

    start: Expr
    end: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`; `function` may be a subscript: `mlp[i, j](x)`."""

    function: Expr
    arguments: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class All:
    """`:` in a subscript: every element along that axis, as a vector."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Subscript:
    """`value[slots]`."""

    value: Expr
    slots: tuple[Expr | All, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Alternative:
    """`label: value` of a case or a choose. A numeric label is an int or a float."""

    label: str | int | float
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Case:
    """`case subject { label: value … }`."""

    subject: Expr
    alternatives: tuple[Alternative, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ChooseOne:
    """`choose name { label: value … }`, with the clauses that follow it where it stands alone (choose_given)."""

    name: str
    alternatives: tuple[Alternative, ...]
    clauses: tuple[Clause, ...] = ()
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ChooseFrom:
    """`choose name from domain` inside an expression."""

    name: str
    domain: Expr
    clauses: tuple[Clause, ...] = ()
    span: Span = _span()


Expr = (
    Name
    | Qualified
    | Number
    | String
    | ListOf
    | SetOf
    | Comprehension
    | Binary
    | Unary
    | Switch
    | Call
    | Subscript
    | Case
    | ChooseOne
    | ChooseFrom
)
Argument = Expr | Generator | Keyword | Schedule


# -- Clauses and binders -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """`given value`: where the logits come from."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Prior:
    """`prior value`: a prior probability."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Factored:
    """`factored value`: how the logits are factorised."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Default:
    """`default value`: what the hand-made model has there."""

    value: Expr
    span: Span = _span()


Clause = Given | Prior | Factored | Default


@dataclass(frozen=True, slots=True)
class Each:
    """`i, j in S`: every combination, equal ones too."""

    names: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Ordered:
    """`i < j in S`: unordered pairs of different elements."""

    names: tuple[str, str]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OrderedOrEqual:
    """`i <= j in S`: unordered pairs."""

    names: tuple[str, str]
    span: Span = _span()


Names = Each | Ordered | OrderedOrEqual


@dataclass(frozen=True, slots=True)
class Binder:
    """`names in domain`."""

    names: Names
    domain: Expr
    span: Span = _span()


# -- Statements --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """`param name = value "doc"`."""

    name: str
    value: Expr
    doc: str
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Learn:
    """`shape` is the expression after the colon, normally a list; `initial` the one after `=`."""

    name: str
    index: tuple[Binder, ...]
    shape: Expr | None
    initial: Expr | None
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Choose:
    """`choose name[index] from domain`, a statement."""

    name: str
    index: tuple[Binder, ...]
    domain: Expr
    clauses: tuple[Clause, ...]
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Let:
    """`let name[index] = value`."""

    name: str
    index: tuple[Binder, ...]
    value: Expr
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Require:
    """`require condition`."""

    condition: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect condition`."""

    condition: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Predict:
    """`predict value`."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Minimize:
    """`minimize value, …`."""

    values: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stage:
    """`name(arguments)` in a recipe."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Search:
    """A recipe; `name` is "" where it has none."""

    name: str
    stages: tuple[Stage, ...]
    span: Span = _span()


Definition = Learn | Choose | Let
Statement = Definition | Param | Require | Expect | Predict | Minimize | Search


# -- Files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Import:
    """`import "path" as alias`; `alias` is "" where it has none."""

    path: str
    alias: str
    span: Span = _span()
    path_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a component; one without a default must be given."""

    name: str
    default: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Component:
    """`component name(parameters) "doc" { definitions return result }`."""

    name: str
    parameters: tuple[Parameter, ...]
    doc: str
    definitions: tuple[Definition, ...]
    result: Expr
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a data block. `quoted` keeps a column named "label" apart from the entry `label:`."""

    name: str
    quoted: bool
    value: Expr
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Data:
    """`data name "doc" { entries }`."""

    name: str
    doc: str
    entries: tuple[Entry, ...]
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Space:
    name: str
    doc: str
    statements: tuple[Statement, ...]
    span: Span = _span()
    name_span: Span = _span()
    """`span` covers the header alone (`space Name "doc"`): the place where what is missing is reported."""


@dataclass(frozen=True, slots=True)
class File:
    """All that one file says.

    `broken` holds the names of declarations that could not be read, also `predict` and `minimize`: they have been
    reported, so nobody says again that they are missing.
    """

    imports: tuple[Import, ...]
    components: tuple[Component, ...]
    datas: tuple[Data, ...]
    space: Space | None
    broken: frozenset[str] = frozenset()
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Program:
    """A file with everything that it imports, ready to be compiled.

    `components` and `datas` are keyed by the name under which the file sees them: `deep`, or `parts.deep` for
    `import "lib/parts.space" as parts`. A component's own calls are looked up in `scopes[component span's source
    name]` first: `scopes` maps a source name to that file's view. `files` are all files in the order they were read.

    `broken` holds names that are declared but could not be read, as any of the files sees them: `deep`, `parts.deep`,
    and `*` or `parts.*` where a whole file is missing. They have been reported; what is unknown because of them is
    not worth a word.
    """

    file: File
    components: dict[str, Component]
    datas: dict[str, Data]
    scopes: dict[str, dict[str, Component]]
    files: tuple[File, ...]
    broken: frozenset[str] = frozenset()
