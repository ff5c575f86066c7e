"""A count as a formula that a person can check: powers of what is independent, sums over what decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..decisions import Decision, Domain, Key
from ..ir import DecisionNode
from .axes import Amount, amount, plain, wrapped
from .count import Counter
from .parts import Part, classes, split
from .problem import Problem, Variable, domain_size, multiply_free, rows_of

SMALL = 10_000
TERMS = 6


@dataclass(frozen=True, slots=True)
class Formula:
    """`text`, what its letters mean, and whether the number is known only with an example at hand."""

    text: str
    legend: tuple[tuple[str, str], ...] = ()
    symbolic: bool = False


@dataclass(frozen=True, slots=True)
class Factor:
    """base ^ exponent. `value` is the base as a number."""

    text: str
    value: int
    exponent: Amount


def formula_of(problem: Problem, counter: Counter, part: Part | None) -> Formula:
    """The formula of a whole problem."""
    holders = rows_of(problem.graph, problem.nodes)
    amounts = {d.name: _amount(holders, d, problem.graph.fields) for d in problem.graph.decisions}
    factors = [f for d in problem.graph.decisions if d.name in problem.free for f in _free(problem, d, amounts[d.name])]
    if part is not None:
        factors += [_tied(counter, ps[0], n, amounts) for ps, n in counter.kinds(split(part))]
    factors = _merged([f for f in factors if f.value != 1])
    symbolic = any(f.exponent.value is None for f in factors)
    legend = tuple(dict.fromkeys(entry for f in factors for entry in f.exponent.legend))
    text = "·".join(_power(f, f.exponent.text, len(factors) > 1) for f in factors) or "1"
    if not symbolic and any(f.exponent.symbolic for f in factors):
        numbers = "·".join(_power(f, str(f.exponent.value), len(factors) > 1) for f in factors)
        text += f" = {numbers}" if numbers != text else ""
    return Formula(text, legend, symbolic)


def _power(factor: Factor, exponent: str, among: bool) -> str:
    if exponent == "1":
        return wrapped(factor.text) if among else factor.text
    base = factor.text if factor.text.isalnum() else f"({factor.text})" if not _call(factor.text) else factor.text
    return f"{base}^{exponent}" if exponent.isalnum() else f"{base}^({exponent})"


def _call(text: str) -> bool:
    return text.startswith("C(") and text.endswith(")") and text.count("(") == 1


def _amount(holders: Mapping[str, list[tuple[int, DecisionNode]]], decision: Decision, fields: int) -> Amount:
    keys: list[Key] = []
    for _, node in holders[decision.name]:
        keys += node.index.keys
    found = amount(decision.axes, list(dict.fromkeys(keys)), decision.elements)
    # Where some fields do not reach the decision, F is another number.
    partly = fields and any(
        letter == "F" and meaning != f"count(fields) = {fields}" for letter, meaning in found.legend
    )
    return plain(decision.elements) if partly else found


def _free(problem: Problem, decision: Decision, whole: Amount) -> list[Factor]:
    groups = multiply_free(decision, problem.free[decision.name])
    exponents = {d: whole if n == decision.elements else plain(n) for d, n in groups.items()}
    return [Factor(base_text(decision.domains[d]), domain_size(decision.domains[d]), e) for d, e in exponents.items()]


def base_text(domain: Domain) -> str:
    """How many options a domain has, as text."""
    if domain.kind != "subset":
        return str(domain_size(domain))
    n, low, high = len(domain.options), int(domain.low), int(domain.high)
    if low == high:
        return f"C({n}, {low})"
    return f"Σ_{{m≤{high}}} C({n}, m)" if low == 0 else f"Σ_{{m={low}..{high}}} C({n}, m)"


def _merged(factors: Sequence[Factor]) -> list[Factor]:
    """4^n·4^n·2^n → 32^n; then 2^a·2^b → 2^(a + b)."""
    alike: dict[tuple[str, int | None], list[Factor]] = {}
    for f in factors:
        key = (f.exponent.text, f.exponent.value)
        small = f.value < SMALL and f.text.isdigit()
        alike.setdefault(key if small else (f"{key[0]}·{id(f)}", key[1]), []).append(f)
    first = []
    for group in alike.values():
        value = prod(f.value for f in group)
        text = group[0].text if len(group) == 1 else str(value)
        first.append(Factor(text, value, group[0].exponent))
    bases: dict[str, list[Factor]] = {}
    for f in first:
        bases.setdefault(f.text, []).append(f)
    return [Factor(fs[0].text, fs[0].value, _sum([f.exponent for f in fs])) for fs in bases.values()]


def _sum(amounts: Sequence[Amount]) -> Amount:
    if len(amounts) == 1:
        return amounts[0]
    legend = tuple(dict.fromkeys(entry for a in amounts for entry in a.legend))
    values = [a.value for a in amounts]
    value = None if None in values else sum(v for v in values if v is not None)
    numbers = sum(v for a, v in zip(amounts, values, strict=True) if v is not None and not a.symbolic)
    texts = [a.text for a in amounts if a.symbolic] + ([str(numbers)] if numbers else [])
    return Amount(" + ".join(texts), value, legend)


# -- what is tied together -------------------------------------------------------------------------------------------


def _tied(counter: Counter, part: Part, n: int, amounts: dict[str, Amount]) -> Factor:
    value = counter.component(part).get((), 0)
    exponent = _times(counter.variables, part, n, amounts)
    return Factor(_described(counter, part, value, amounts), value, exponent)


def _times(variables: Sequence[Variable], part: Part, n: int, amounts: dict[str, Amount]) -> Amount:
    """n, as the number of elements of a decision of which the part has one."""
    for v in part.variables:
        own = amounts.get(variables[v].decision)
        if own is not None and own.value == n and n > 1:
            return own
    return plain(n)


def _described(counter: Counter, part: Part, value: int, amounts: dict[str, Amount]) -> str:
    if len(part.variables) == 1 and not part.links:
        return number_text(value)
    opened = counter.opened(part)
    if opened is not None:
        return _additive(counter, opened) or number_text(value)
    return (value >= SMALL and _cases(counter, part, amounts)) or number_text(value)


def number_text(value: int) -> str:
    """A number in full, or the power of two that it lies above (no digits: Python refuses to print very long ones)."""
    return str(value) if value < 10**24 else f"(≈2^{value.bit_length() - 1})"


def _additive(counter: Counter, part: Part) -> str | None:
    """Σ_{m≤20} C(741, m): equal parts, each of which counts or does not."""
    kinds = counter.kinds(split(part))
    if len(kinds) != 1 or not all(limit.capped for limit in part.limits):
        return None
    (first, *_), n = kinds[0]
    poly = counter.component(first)
    width = len(part.limits)
    if set(poly) != {(0,) * width, (1,) * width}:
        return None
    off, on = poly[(0,) * width], poly[(1,) * width]
    allowed = [m for m in range(n + 1) if all(limit.met(m) for limit in part.limits)]
    if not allowed or allowed != list(range(allowed[0], allowed[-1] + 1)):
        return None
    weights = "".join(f"·{base}^{power}" for base, power in ((on, "m"), (off, f"({n}−m)")) if base != 1)
    low, high = allowed[0], allowed[-1]
    if low == high:
        weights = "".join(f"·{base}^{power}" for base, power in ((on, low), (off, n - low)) if base != 1 and power)
        return f"C({n}, {low}){weights}"
    where = f"m≤{high}" if low == 0 else f"m≥{low}" if high == n else f"m={low}..{high}"
    return f"Σ_{{{where}}} C({n}, m){weights}"


def _cases(counter: Counter, part: Part, amounts: dict[str, Amount]) -> str | None:
    """Σ over the states of the variable that ties most, as one term in its value where they are alike."""
    if part.limits or part.field:
        return None
    var = counter.pick(part)
    variable = counter.variables[var]
    groups = counter.kinds(split(part, apart=var), var)
    states = classes(part, var, variable.weights)
    rows = []
    for state, weight, members in states:
        inner = [(counter.given(first, var, state).get((), 0), n) for (first, *_), n in groups]
        if all(v for v, _ in inner):
            rows.append((members, weight, inner))
    values = _numbers(counter, variable)
    times = [_times(counter.variables, ps[0], n, amounts) for ps, n in groups]
    return _as_sum(rows, values, times, _name(counter, variable)) or _spelled(rows, times)


def _numbers(counter: Counter, variable: Variable) -> dict[int, int]:
    """The numbers that the states of a variable stand for, where they are whole numbers."""
    decision = next((d for d in counter.decisions if d.name == variable.decision), None)
    if decision is None or variable.part is not None:
        return {}
    domain = decision.domain(variable.element)
    if domain.kind not in ("number", "range"):
        return {}
    options = domain.options or tuple(range(int(domain.low), int(domain.high) + 1))
    return {s: o for s, o in enumerate(options) if isinstance(o, int)}


def _name(counter: Counter, variable: Variable) -> str:
    decision = next((d for d in counter.decisions if d.name == variable.decision), None)
    return "D" if decision is None else decision.label(variable.element)


def _as_sum(rows: Sequence[Any], values: dict[int, int], times: Sequence[Amount], name: str) -> str | None:
    if len(rows) < 3 or any(len(members) > 1 or members[0] not in values or weight != 1 for members, weight, _ in rows):
        return None
    xs = [values[members[0]] for members, _, _ in rows]
    if xs != list(range(xs[0], xs[0] + len(xs))):
        return None
    texts = []
    single: list[list[int]] = [[] for _ in rows]
    for k, exponent in enumerate(times):
        bases = [inner[k][0] for _, _, inner in rows]
        if exponent.value == 1:
            for own, base in zip(single, bases, strict=True):
                own += [base] if base != 1 else []
            continue
        fitted = _affine(xs, bases, name)
        if fitted is None:
            return None
        if fitted != "1":
            base_text = fitted if fitted.isdigit() else f"({fitted})"
            texts.append(
                f"{base_text}^{exponent.text}" if exponent.text.isalnum() else f"{base_text}^({exponent.text})"
            )
    bases_left = {b for own in single for b in own}
    if len(bases_left) > 1:
        return None
    for base in bases_left:
        fitted = _affine(xs, [own.count(base) for own in single], name)
        if fitted is None:
            return None
        texts.insert(0, f"{base}^{fitted}" if fitted.isalnum() else f"{base}^({fitted})")
    return f"Σ_{{{name}={xs[0]}..{xs[-1]}}} {'·'.join(texts)}" if texts else None


def _affine(xs: Sequence[int], ys: Sequence[int], name: str) -> str | None:
    """a + b·x through all points."""
    step = ys[1] - ys[0]
    start = ys[0] - step * xs[0]
    if any(y != start + step * x for x, y in zip(xs, ys, strict=True)):
        return None
    if step == 0:
        return str(start)
    slope = name if step == 1 else f"{step}·{name}"
    return slope if start == 0 else f"{start}+{slope}" if start > 0 else f"{slope}−{-start}"


def _spelled(rows: Sequence[Any], times: Sequence[Amount]) -> str | None:
    """t₁ + t₂ + …, where there are few."""
    if not rows or len(rows) > TERMS:
        return None
    terms = []
    for _, weight, inner in rows:
        number = weight
        factors = []
        for (value, n), exponent in zip(inner, times, strict=True):
            if n == 1 or value ** min(n, 32) < SMALL:
                number *= value**n
            elif value != 1:
                base = number_text(value)
                factors.append(f"{base}^{exponent.text}" if exponent.text.isalnum() else f"{base}^({exponent.text})")
        if number >= 10**12:
            return None
        terms.append("·".join([*([str(number)] if number != 1 or not factors else []), *factors]))
    return " + ".join(terms)
