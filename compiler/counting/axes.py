"""How many elements an index has, as it would be written: `i < j in fields` → F(F−1)/2."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, prod

from ..decisions import Key

RANGE = re.compile(r"(-?\w+)\s*\.\.\s*(-?\w+)")
SUBSETS = re.compile(r"subsets\((\w+),\s*(\w+)(?:\s*\.\.\s*(\w+))?\)")
VALUES = re.compile(r"values\((\w+)\)")
ELEMENTS = re.compile(r"elements\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its text; `legend` says what the letters of the text are. `value` is None for a run-time size."""

    text: str
    value: int | None
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def symbolic(self) -> bool:
        """Whether the text is more than the number."""
        return self.text != str(self.value)


def plain(value: int) -> Amount:
    """A number as itself."""
    return Amount(str(value), value)


def wrapped(text: str) -> str:
    """In parentheses where it would not stand as a factor."""
    return f"({text})" if re.search(r"[+−]", re.sub(r"\([^()]*\)", "", text)) or text.startswith("Σ") else text


@dataclass(frozen=True, slots=True)
class Binder:
    """`names in over`; `pairs` is "<", "<=" or "" (every combination)."""

    names: tuple[str, ...]
    pairs: str
    over: str


def binder(text: str) -> Binder | None:
    """A binder from its text."""
    names, found, over = text.partition(" in ")
    if not found:
        return None
    for pairs in ("<=", "<"):
        if pairs in names:
            return Binder(tuple(n.strip() for n in names.split(pairs)), pairs, over.strip())
    return Binder(tuple(n.strip() for n in names.split(",")), "", over.strip())


def amount(axes: Sequence[str], keys: Sequence[Key], elements: int) -> Amount:
    """The number of elements of an index. `keys` are its rows; `elements` counts values that rows stand for as well."""
    binders = [b for b in map(binder, axes) if b is not None]
    width = sum(len(b.names) for b in binders)
    if len(binders) != len(axes) or not keys or any(len(k) != width for k in keys):
        return plain(elements)
    at: dict[str, int] = {}
    for b in binders:
        for name in b.names:
            at[name] = len(at)
    if len(at) != width:
        return plain(elements)
    factors = _factors(binders, keys, at, elements)
    run_time = any(f.value is None for f in factors)
    known = prod(f.value for f in factors if f.value is not None)
    rest = 1
    if not run_time and known != elements:
        if known == 0 or elements % known or len(factors) == len(binders):
            return plain(elements)
        rest = elements // known
    texts = [*([str(rest)] if rest > 1 else []), *(f.text for f in factors if f.text != "1")]
    legend = tuple(dict.fromkeys(entry for f in factors for entry in f.legend))
    if not texts:
        return plain(elements)
    return Amount(
        texts[0] if len(texts) == 1 else "·".join(map(wrapped, texts)), None if run_time else elements, legend
    )


def _factors(binders: Sequence[Binder], keys: Sequence[Key], at: Mapping[str, int], elements: int) -> list[Amount]:
    """What is understood of the binders that no other binder reads, and of pairs of binders that go together."""
    factors: list[Amount] = []
    taken: set[int] = set()
    for k, b in enumerate(binders):
        words = set(re.findall(r"\w+", b.over))
        above = [j for j in range(k) if words & set(binders[j].names)]
        if not above:
            continue
        taken.add(k)
        taken.update(above)
        if len(above) == 1:
            together = _together(binders[above[0]], b, keys, at, elements)
            if together is not None and not any(
                set(binders[j].names) & set(re.findall(r"\w+", binders[above[0]].over)) for j in range(k)
            ):
                factors.append(together)
    for k, b in enumerate(binders):
        if k not in taken:
            own = _one(b, sorted({x for key in keys for n in b.names if isinstance(x := key[at[n]], int)}),
                       len({key[at[n]] for key in keys for n in b.names}), elements)  # fmt: skip
            if own is not None:
                factors.append(own)
    # A run over the values of a field is known by what the other factors leave.
    known = prod(f.value for f in factors if f.value)
    return [_over_values(f, elements // known) if f.value == 0 else f for f in factors]


def _over_values(factor: Amount, values: int) -> Amount:
    meaning = f"{factor.legend[0][1]} = {values}" if factor.legend else str(values)
    return Amount(factor.text, values, ((factor.text, meaning),))


def _one(b: Binder, numbers: Sequence[int], count: int, elements: int) -> Amount | None:
    if found := ELEMENTS.fullmatch(b.over):
        return _combined("n", None, b, (("n", f"elements of {found[1]} in an example"),))
    if found := VALUES.fullmatch(b.over):
        return Amount(f"cardinality({found[1]})", 0)
    if found := RANGE.fullmatch(b.over):
        end = found[2]
        if not numbers or numbers != list(range(numbers[0], numbers[-1] + 1)):
            return None
        if end.lstrip("-").isdigit():
            return _combined(str(len(numbers)), len(numbers), b, ())
        text = {1: end, 0: f"({end}+1)"}.get(numbers[0])
        return _combined(text, len(numbers), b, ((end, str(numbers[-1])),)) if text else None
    if found := SUBSETS.fullmatch(b.over):
        base, low, high = found[1], found[2], found[3] or found[2]
        return _subsets(base, low, high, count)
    if b.over.isidentifier():
        letter = "F" if b.over == "fields" else f"count({b.over})"
        legend = (("F", f"count(fields) = {count}"),) if letter == "F" else ((letter, str(count)),)
        return _combined(letter, count, b, legend)
    return None


def _combined(letter: str, n: int | None, b: Binder, legend: tuple[tuple[str, str], ...]) -> Amount:
    match b.pairs:
        case "<":
            return Amount(f"{letter}({letter}−1)/2", n if n is None else n * (n - 1) // 2, legend)
        case "<=":
            return Amount(f"{letter}({letter}+1)/2", n if n is None else n * (n + 1) // 2, legend)
        case _ if len(b.names) > 1:
            return Amount(f"{letter}^{len(b.names)}", n if n is None else n ** len(b.names), legend)
        case _:
            return Amount(letter, n, legend)


def _subsets(base: str, low: str, high: str, count: int) -> Amount | None:
    """C(F, k), or the sum of them; F is found by its count."""
    letter = "F" if base == "fields" else f"count({base})"
    for top in [int(high)] if high.isdigit() else range(1, 12):
        for n in range(1, 200):
            if low.isdigit() and sum(comb(n, k) for k in range(int(low), top + 1)) == count:
                legend = [(letter, f"count({base}) = {n}" if letter == "F" else str(n))]
                if not high.isdigit():
                    legend.append((high, str(top)))
                text = f"C({letter}, {low})" if low == high else f"Σ_{{k={low}..{high}}} C({letter}, k)"
                return Amount(text, count, tuple(legend))
    return None


def _together(a: Binder, b: Binder, keys: Sequence[Key], at: Mapping[str, int], elements: int) -> Amount | None:
    """Two binders of which the second reads the first."""
    if (found := VALUES.fullmatch(b.over)) and found[1] in a.names and len(a.names) == 1:
        return Amount("V", 0, (("V", f"count(v for {found[1]} in {a.over} for v in {b.over})"),))
    if len(a.names) != 1 or not RANGE.fullmatch(a.over):
        return None
    numbers = sorted({x for key in keys if isinstance(x := key[at[a.names[0]]], int)})
    pairs = {(key[at[a.names[0]]], *(key[at[n]] for n in b.names)) for key in keys}
    counts = [sum(p[0] == x for p in pairs) for x in numbers]
    ends = RANGE.fullmatch(a.over)
    assert ends is not None
    if (found := SUBSETS.fullmatch(b.over)) and found[2] == a.names[0] and not found[3]:
        low = str(numbers[0]) if ends[1].isdigit() else ends[1]
        return _subsets(found[1], low, ends[2], sum(counts))
    if len(b.names) == 1 and numbers[:1] == [1] and len(numbers) > 1 and not ends[2].lstrip("-").isdigit():
        step, n, end = counts[1] - counts[0], len(numbers), ends[2]
        if step and counts == [counts[0] + step * k for k in range(n)] and numbers == list(range(1, n + 1)):
            shift = 2 * counts[0] - step
            own = end if step == 1 else f"{step}{end}"
            inside = own if not shift else f"{own}{'+' if shift > 0 else '−'}{abs(shift)}"
            return Amount(f"{end}({inside})/2", sum(counts), ((end, str(n)),))
    return None
