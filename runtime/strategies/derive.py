"""derive: settle every decision by what a relaxation has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.compiler.decisions import Decision
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "derive",
    "Take for every decision the option that the search weighs most; gates by a threshold, a rank or a share",
    "settle",
    (
        Option("by", "label", "auto", ("auto", "magnitude", "argmax", "chance"),
               doc="magnitude: by size; argmax: by weight, gates open above one half; auto: size for as = gate; chance: by a draw, "
                   "the control of what a search is worth"),
        Option("threshold", "real", None, doc="gates above it stay; by size 0, else 0.5, if nothing is said"),
        Option("top", "whole", None, low=0, doc="that many gates of a decision stay"),
        Option("keep", "real", None, low=0.0, high=1.0, doc="that share of a decision's gates stays: 10%"),
        Option("per", "any", None, doc="the index within which `top` and `keep` count: per = k", refers="index"),
        Option("soft", "flag", False, doc="gates that stay keep the weight that was learned instead of 1"),
        Option("prune", "any", None, refers="value",
               doc="a value whose tables are pruned number by number, by |E ∘ gate|: `keep`, `top`, `threshold` are then of these"),
        Option("budgets", "any", None, doc="[5%, 10%]: one model for each budget, from one search"),
        Option("of", "any", None, doc="the cost that the budgets are of; parameters() if nothing is said"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    per_value=True,
    conditional=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0603, S0760) where `start` would, S0753 for tables that cannot be pruned, and S0630 for requirements
    on costs that are no bounds."""
    from recspace.compiler.budgets import bounded, on_costs

    from ..derive_stage import refuse_chance, refuse_per
    from ..pruning import refuse_compressed

    refuse_per(call)
    refuse_chance(call)
    refuse_compressed(graph, call)
    for output in on_costs(graph):
        bounded(graph, output)


def inspect(supernet: Compiled, decisions: tuple[Decision, ...], call: StageCall) -> None:
    """Raises SpaceError (S0603) where `prune` names no tables."""
    from ..pruning import tables_of
    from ..refuse import refusal

    name = call.options["prune"]
    if name is not None and not tables_of(supernet, str(name)):
        text = f"`{name}` has no embedding tables of its own that could be pruned"
        raise refusal("S0603", text, call.spans.get("prune", call.span), help="name the `let` that stands for embed(…)")


def start(context: Context, call: StageCall) -> Task:
    from ..derive_stage import Derive

    return Derive(context, call)
