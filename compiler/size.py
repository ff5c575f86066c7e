"""How many architectures a space has: exact, in milliseconds, without building a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import log10

from recspace.dsl.diagnostics import Diagnostic, Note

from .counting.build import build
from .counting.count import Counter
from .counting.formula import formula_of
from .counting.polynomial import Budget, TooHard
from .counting.problem import Problem, multiply_free, sizes_of
from .intervals import interval
from .ir import Graph, Operator, Output

STEPS = 500_000
"""Some two seconds."""


@dataclass(frozen=True, slots=True)
class Size:
    """The number of architectures.

    `value`: None where the size is symbolic (a family over the elements of an example) or only bounded. `formula`: as
    `2^(F(F−1)/2) = 2^45`, `legend` what its letters stand for. `exact`: else `lower` and `upper` hold and `why` says
    why. `reals`: decisions over real numbers, not counted. `ignored`: requirements on costs, not counted. `conflict`:
    the nodes of requirements that cannot be met together, where nothing meets them. `log10`: of the value or of the
    upper bound, −inf for none, nan for a symbolic one.
    """

    value: int | None
    formula: str
    legend: tuple[tuple[str, str], ...] = ()
    exact: bool = True
    lower: int = 0
    upper: int | None = None
    why: str = ""
    reals: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    conflict: tuple[int, ...] = ()
    log10: float = 0.0

    def __repr__(self) -> str:
        """Without the number: Python writes none of more than 4,300 digits."""
        return f"Size({self.formula!r}, exact={self.exact}, log10={self.log10:.6g})"


def size(graph: Graph, *, steps: int = STEPS) -> Size:
    """The exact number of assignments of the decisions that exist and meet the requirements between decisions; a bound
    where that would take more than about `steps` operations."""
    made = build(graph)
    reals = tuple(d.name for d in graph.decisions if any(o.kind == "real" for o in d.domains))
    free = _free(made)
    links = [c for c, _ in made.constraints]
    counter = Counter(made, Budget(steps))
    common = {"reals": reals, "ignored": tuple(made.ignored)}
    part = counter.whole(links)
    try:
        tied = counter.poly(part).get((), 0) if part is not None else 0
    except (TooHard, RecursionError):
        return _bounded(
            made, free, "the requirements tie too many decisions together to be counted exactly", steps, reals
        )
    value = free * tied
    if made.opaque:
        return _bounded(made, free, f"these conditions could not be read: {', '.join(made.opaque)}", steps, reals)
    if not tied:
        return Size(0, "0", conflict=conflict(made, steps), log10=float("-inf"), **common)  # type: ignore[arg-type]
    formula = formula_of(made, counter, part)
    if formula.symbolic:
        return Size(None, formula.text, formula.legend, log10=float("nan"), **common)  # type: ignore[arg-type]
    return Size(value, formula.text, formula.legend, log10=_log10(value), **common)  # type: ignore[arg-type]


def _log10(value: int) -> float:
    if value <= 0:
        return float("-inf")
    shift = max(value.bit_length() - 1000, 0)
    return log10(value >> shift) + shift * log10(2)


def _free(made: Problem) -> int:
    """Assignments of the elements that always exist and that nothing reads."""
    counts: dict[int, int] = {}
    for decision in made.graph.decisions:
        if decision.name in made.free:
            sizes = sizes_of(decision)
            for domain, n in multiply_free(decision, made.free[decision.name]).items():
                counts[sizes[domain]] = counts.get(sizes[domain], 0) + n
    value = 1
    for base, n in counts.items():
        value *= base**n
    return value


def _bounded(made: Problem, free: int, why: str, steps: int, reals: tuple[str, ...]) -> Size:
    """At most as many as without the requirements; where even that is too hard, every decision counts in full."""
    counter = Counter(made, Budget(steps))
    part = counter.whole([c for c, home in made.constraints if home < 0])
    try:
        upper = counter.poly(part).get((), 0) if part is not None else 0
    except (TooHard, RecursionError):
        upper = 1
        for variable in made.variables:
            upper *= sum(variable.weights) ** variable.copies
    upper *= free
    return Size(None, f"at most {power_text(upper).removeprefix('≈ ')}", exact=False, upper=upper, why=why, reals=reals,
                ignored=tuple(made.ignored), log10=_log10(upper))  # fmt: skip


def conflict(made: Problem, steps: int) -> tuple[int, ...]:
    """A smallest set of requirements that cannot be met together (none can be left out)."""
    homes = list(dict.fromkeys(home for _, home in made.constraints if home >= 0))
    for home in list(homes):
        rest = [h for h in homes if h != home]
        if _impossible(made, rest, steps):
            homes = rest
    return tuple(homes)


def unmet(graph: Graph, size: Size) -> tuple[Diagnostic, ...]:
    """The error of a space that nothing is left of: at the last of the requirements that cannot be met together."""
    if size.value != 0 or not size.conflict:
        return ()
    *others, last = (graph[key].span for key in size.conflict)
    notes = tuple(Note(span, "together with this one") for span in others)
    what = "these requirements together" if others else "this requirement"
    help = "" if others else _reach(graph, size.conflict[-1])
    return (Diagnostic("S0408", f"nothing can meet {what}", last, "no architecture does", notes, help),)


def _reach(graph: Graph, key: int) -> str:
    """Between which numbers the sides of a comparison that nothing meets lie."""
    node = graph[key]
    compared = graph[node.value.node] if isinstance(node, Output) else node
    if not isinstance(compared, Operator) or compared.operator not in ("<", "<=", ">", ">=", "==", "!="):
        return ""
    nodes = dict(graph.items())
    sides = [interval(nodes, r.node, graph.decisions) for r in compared.operands]
    told = [f"{side} lies in {low:,g}..{high:,g}" for side, (low, high) in zip(("the left side", "the right side"), sides, strict=True)
            if math.isfinite(low) and math.isfinite(high) and low < high]  # fmt: skip
    return " and ".join(told)


def _impossible(made: Problem, homes: list[int], steps: int) -> bool:
    counter = Counter(made, Budget(steps))
    part = counter.whole([c for c, home in made.constraints if home < 0 or home in homes])
    try:
        return part is None or not counter.poly(part).get((), 0)
    except (TooHard, RecursionError):
        return False


def power_text(value: int) -> str:
    """A whole number as it can be read: in full up to 15 digits, else as a power of ten (never the digits: Python
    refuses to print more than 4,300)."""
    if value < 10**15:
        return f"{value:,}"
    exponent = _log10(value)
    whole = int(exponent)
    return f"≈ 10^{whole}" if exponent >= 1000 else f"≈ {10 ** (exponent - whole):.2f}·10^{whole}"


def show(size: Size) -> str:
    """One line: `2^(F(F−1)/2) = 2^45 ≈ 3.52·10^13`; a bound with its reason; a symbolic size as its formula."""
    if not size.exact:
        return f"{size.formula} ({size.why})"
    if size.value is None:
        return size.formula
    number = power_text(size.value)
    if size.formula == number.replace(",", ""):
        return number
    return f"{size.formula} {number if number.startswith('≈') else '= ' + number}"
