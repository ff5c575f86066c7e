"""The kinds of columns that a data block knows, and their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from recspace.dsl.diagnostics import Diagnostic

from .options import Options
from .spec import Binning, Category, Many, Meaning, Number, Pool, Sequence, Vector

BINNINGS = ("quantile", "uniform", "log", "tree")


def _category(options: Options) -> Meaning:
    return Category(options.word("role", ""), options.whole("min_count", 1, 1))


def _number(options: Options) -> Meaning:
    bins, edges = options.whole("bins", 0, 2), options.numbers("edges")
    by_given = "by" in options.named
    by = cast("Binning", options.word("by", "quantile", BINNINGS))
    if edges and (bins or by_given):
        text = "a number is cut by given edges or into bins, not both"
        options.found.append(Diagnostic("S0511", text, options.call.span, help="leave out `bins` and `by`"))
    if by_given and not bins and not edges and not set(options.named) - {"role"}:
        text = "`by` needs the number of bins"
        options.found.append(Diagnostic("S0511", text, options.call.span, help="add  bins = 10"))
    return Number(bins, by, edges, options.word("role", ""))


def _many(options: Options) -> Meaning:
    return Many(
        cast("Pool", options.word("pool", "mean", ("mean", "sum"))),
        options.whole("min_count", 1, 1),
        options.whole("longest", 0, 1),
        options.word("role", ""),
        options.text("separator", ""),
    )


def _sequence(options: Options) -> Meaning:
    of, min_given = options.word("of", ""), "min_count" in options.named
    sharing = options.word("sharing", "none", ("none", "table"))
    if of and min_given:
        text = f"the values come from `{of}`, and so does their minimum count"
        options.found.append(Diagnostic("S0511", text, options.call.span, help="leave out `min_count`"))
    if sharing == "table" and not of:
        text = "a table can be shared with a field alone"
        options.found.append(Diagnostic("S0511", text, options.call.span, help="say which one:  of = item"))
    return Sequence(
        of,
        options.whole("longest", 50, 1),
        "table" if sharing == "table" else "none",
        options.word("role", ""),
        options.whole("min_count", 1, 1),
        options.text("separator", ""),
    )


def _vector(options: Options) -> Meaning:
    return Vector(options.first_whole("the length of the vector", 1), options.word("role", ""))


MEANINGS: Mapping[str, Callable[[Options], Meaning]] = MappingProxyType(
    {"category": _category, "number": _number, "many": _many, "sequence": _sequence, "vector": _vector}
)
