"""screen: which sets of fields have anything to explain, found by counting before a supernet is trained.

    first order   what single fields explain is taken out of the labels (see `first_order`)
    sets          the salience of every set of fields that an open gate stands for (see `agreement`)
    narrowed      the `top` sets above `threshold` stay open; all others are settled: off in every stage that follows

Training rows alone are looked at. One step is a pass of the first-order model, or `TOGETHER` sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision
from recspace.compiler.schema import Column
from recspace.dsl.diagnostics import SpaceError

from .agreement import Values, agreement, values_of
from .choices import Fixed, Option
from .context import Context
from .derive_stage import groups, refuse_per
from .first_order import base, passed, residuals, summed
from .fix import possible
from .module import transfer
from .recipe import StageCall
from .refuse import refusal
from .set_index import FieldSet, sets_of
from .state import State, copied
from .task import Found

PASSES = 8
"""Newton steps of every field: more changed no score in the second digit."""
TOGETHER = 32
LISTED = 50
"""Sets that the report lists."""


class Screen:
    """The stage, one step at a time."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self.context, self.call, self.at, self._hurried = context, call, 0, False
        self.decisions = screened(context.decisions, call)
        self._sets = {d.name: _open_sets(d, context.fixed) for d in self.decisions}
        every = dict.fromkeys(s for own in self._sets.values() for s in own.values())
        self.sets = tuple(sorted(every, key=lambda s: (len(s), sorted(s))))
        self.names = tuple(dict.fromkeys(f for s in self.sets for f in sorted(s)))
        self.passes = PASSES if call.options["against"] == "first_order" and self.sets else 0
        self._weights: list[Tensor] | None = None
        self._scores: list[float] = []

    # -- a task ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        return max(1, self.passes - (-len(self.sets) // TOGETHER))

    @property
    def done(self) -> bool:
        return self._hurried or self.at >= self.steps

    def step(self) -> Mapping[str, float]:
        if self.at < self.passes:
            self._weights = passed(self._fields, self._first, self._label_N, self._weight_N, self._base, self._binary)
        else:
            begin = len(self._scores)
            cells = int(self.call.options["cells"])
            for s in self.sets[begin : begin + TOGETHER]:
                own = [self._values[name] for name in sorted(s)]
                self._scores.append(agreement(own, self._residual_N, cells).z)
        self.at += 1
        return {}

    def hurry(self) -> None:
        """Sets that were not looked at stay open."""
        self._hurried = True

    def state(self) -> State:
        tensors = {} if self._weights is None else {str(k): w_V.clone() for k, w_V in enumerate(self._weights)}
        scores = {"scores": torch.tensor(self._scores, dtype=torch.float64)}
        return State(scores | tensors, {"at": self.at, "hurried": self._hurried})

    def restore(self, state: State) -> None:
        self.at, self._hurried = int(state.facts["at"]), bool(state.facts["hurried"])
        self._scores = state.tensors["scores"].tolist()
        found = {int(name): w_V for name, w_V in state.tensors.items() if name != "scores"}
        self._weights = [found[k] for k in sorted(found)] or None
        self.__dict__.pop("_residual_N", None)

    def figures(self) -> dict[str, Any]:
        """`salient`: sets by falling salience, in standard deviations of what permuted labels give."""
        scored = sorted(zip(self._scores, map(_label, self.sets), strict=False), key=lambda one: (-one[0], one[1]))
        narrowed = self._narrowed()
        kept = {name: len(own) - len(narrowed.get(name, {})) for name, own in self._sets.items()}
        return {
            "against": self.call.options["against"], "rows": self._label_N.numel(),
            "judged": len(self._scores), "of_sets": len(self.sets), "gates_left": kept,
            "salient": [{"set": label, "z": round(z, 3)} for z, label in scored[:LISTED]],
        }  # fmt: skip

    def found(self) -> Found:
        settled = {name: dict(options) for name, options in self.context.found.settled.items()}
        for name, options in self._narrowed().items():
            settled.setdefault(name, {}).update(options)
        fixed = self.context.fixed.joined(self.context.decisions, settled)
        if not possible(self.context.graph, fixed.options):
            text = "with the gates that screen() leaves open nothing meets the requirements of the space"
            raise refusal("S0610", text, self.call.span, help="raise `top`, or lower `threshold`")
        weights = self._handed_on(fixed, settled)
        return replace(self.context.found, weights=weights, settled=settled, architecture=None, gates={}, model={})

    # -- what is left ----------------------------------------------------------------------------------------

    def _narrowed(self) -> dict[str, dict[int, Option]]:
        """The gates to settle: off."""
        score = dict(zip(self.sets, self._scores, strict=False))
        return {d.name: self._dropped(d, score) for d in self.decisions}

    def _dropped(self, decision: Decision, score: Mapping[FieldSet, float]) -> dict[int, Option]:
        """Of the gates that were judged all but the best `top` (within each value of `per`) above the threshold; of equal
        ones the earlier stays."""
        own, options = self._sets[decision.name], self.call.options
        judged = {e: score[s] for e, s in own.items() if s in score}
        kept: set[int] = set()
        for group in groups(decision, options["per"]):
            good = [e for e in group if e in judged and judged[e] > options["threshold"]]
            best = sorted(good, key=lambda e: -judged[e])
            kept |= set(best if options["top"] is None else best[: options["top"]])
        return {e: 0 for e in judged if e not in kept}

    def _handed_on(self, fixed: Fixed, settled: Mapping[str, Mapping[int, Option]]) -> Mapping[str, Tensor]:
        """The weights that stages before have trained, as the narrower supernet has them."""
        context = self.context
        if not context.found.weights:
            return {}
        model = replace(context, fixed=fixed, found=Found(settled=settled)).supernet_model()
        transfer(context.found.weights, context.supernet, model)
        return copied(model.tensors)

    # -- rows ------------------------------------------------------------------------------------------------

    @cached_property
    def _values(self) -> dict[str, Values]:
        rows, bins = self.context.examples.train, int(self.call.options["bins"])
        found = {}
        for name in self.names:
            ids_N = read(self.context, name, bins)
            assert ids_N is not None, "refused before"
            found[name] = values_of(ids_N.cpu().index_select(0, rows).long())
        return found

    @property
    def _fields(self) -> list[Values]:
        return [self._values[name] for name in self.names]

    @property
    def _first(self) -> list[Tensor]:
        """The weights of the first-order model so far."""
        return self._weights or [torch.zeros(f.count, dtype=torch.float64) for f in self._fields]

    @property
    def _binary(self) -> bool:
        return self.context.examples.task == "binary"

    @cached_property
    def _label_N(self) -> Tensor:
        examples = self.context.examples
        return examples.encoded.dense[":label"].cpu().index_select(0, examples.train).double()

    @cached_property
    def _weight_N(self) -> Tensor:
        examples = self.context.examples
        weight = examples.encoded.dense.get(":weight")
        return torch.ones_like(self._label_N) if weight is None else weight.cpu()[examples.train].double()

    @cached_property
    def _base(self) -> float:
        return base(self._label_N, self._weight_N, self._binary)

    @cached_property
    def _residual_N(self) -> Tensor:
        """Made when the first set is judged: the first-order model learns no more then."""
        total_N = summed(self._fields, self._first, self._base)
        return residuals(self._label_N, self._weight_N, total_N, self._binary)


def screened(decisions: Sequence[Decision], call: StageCall) -> tuple[Decision, ...]:
    """The decisions that a call screens: those that `only` names, else all."""
    only = call.options["only"]
    names = [only] if isinstance(only, str) else only
    return tuple(d for d in decisions if names is None or d.name in names)


def _open_sets(decision: Decision, fixed: Fixed) -> dict[int, FieldSet]:
    """The gates that are not settled, each with its set of fields."""
    sets = sets_of(decision)
    assert sets is not None, "refused before"
    settled = fixed.options.get(decision.name, {})
    return {e: s for e, s in enumerate(sets) if e not in settled}


def _label(s: FieldSet) -> str:
    return "*".join(sorted(s))


def read(context: Context, name: str, bins: int) -> Tensor | None:
    """Ids [N] of a field, a raw number in that many buckets; None where an example has no value or several of it."""
    for column in (Column("id", (name,)), Column("bucket", (name,), (bins,))):
        try:
            ids_N = context.examples.of([column]).encoded.single(column.key)
        except SpaceError:
            continue
        if ids_N is not None:
            return ids_N
    return None


def refuse_decisions(decisions: Sequence[Decision], call: StageCall) -> None:
    """Raises SpaceError (S0603, S0605) for decisions that are not indexed by sets of fields."""
    refuse_per(call)
    place = call.spans.get("only", call.span)
    chosen = screened(decisions, call)
    if not chosen:
        raise refusal("S0605", "screen() has nothing to screen", place, help="name gates of pairs or sets of fields")
    for decision in chosen:
        if sets_of(decision) is None:
            able = [d.name for d in decisions if d.domains[0].kind == "gate" and sets_of(d) is not None]
            text = f"screen() cannot search `{decision.name}`: it is not indexed by sets of two fields or more"
            hint = "index it by  i < j in fields  or by  s in subsets(fields, k)"
            raise refusal(
                "S0605", text, place, help=f"name those that are: only = [{', '.join(able)}]" if able else hint
            )


def refuse_data(context: Context, call: StageCall) -> None:
    """Raises SpaceError (S0605) for labels without residuals, and for fields that an example has no one value of."""
    task = context.examples.task
    if task not in ("binary", "number"):
        text = "screen() looks at labels that are numbers, or 0 and 1; this space " + (
            "ranks" if task == "ranking" else "predicts classes"
        )
        raise refusal("S0605", text, call.span, help="relax the gates instead")
    for decision in screened(context.decisions, call):
        for name in sorted({f for s in _open_sets(decision, context.fixed).values() for f in s}):
            if read(context, name, int(call.options["bins"])) is None:
                text = f"screen() cannot search `{decision.name}`: an example has not one value of `{name}`"
                help = f"settle its gates beforehand, --fix '{decision.name}[{name},*]=off', or leave the field out"
                raise refusal("S0605", text, call.spans.get("only", call.span), help=help)
