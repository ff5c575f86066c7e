"""A recipe as the list of stages that will be run, and the reasons why it cannot be. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from recspace.compiler.budgets import on_costs
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Choice, Decision, rank_names
from recspace.compiler.ir import Graph
from recspace.compiler.penalties import charged, without_slope
from recspace.compiler.promise import Promises, Relaxation, Stage
from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span

from .recipe import Recipe, StageCall
from .references import binders, index_of

if TYPE_CHECKING:
    from .choices import Fixed

BASELINE = "baseline"
WEIGHING = ("relax", "variational", "salience")
"""Stages that leave weights of decisions, which something has to settle."""
THRIFTY = ("derive", "random", "tpe", "nsga2", "cmaes", "evolution", "exhaustive")
"""Stages that keep to requirements on costs."""
TRAINING = ("relax", "variational", "warmup", "progressive", "reinforce")
"""Stages that train the supernet."""
SHARING = ("one_shot", "progressive", "generator")
"""Stages that may do so without a supernet, with weights that all architectures share."""
SEARCHING = frozenset({"relax", "sample", "score", "infer", "screen"})
"""Roles of stages that have to be able to handle the decisions that they are handed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A stage with its name in the run: `2.retrain`, counted from 0; `baseline` trains the hand-made model.

    `budget`: the one that it is for, of several; `stream`: the name of its random streams, the same for all of these.
    """

    name: str
    call: StageCall
    budget: str = ""
    stream: str = ""


def planned(recipe: Recipe, decisions: tuple[Decision, ...], promises: Promises) -> tuple[Planned, ...]:
    """Hand-made model first (where there is something to choose), then the recipe, its decisions settled by the end.

    The hand-made model has the budget of the recipe's last stage that trains a plain model; where there is none, that
    of `train` with as many epochs as the recipe has.
    """
    stages = list(recipe.stages)
    if not decisions:
        return tuple(Planned(f"{k}.{call.name}", call) for k, call in enumerate(stages) if _trains(call))
    last_relax = max((k for k, c in enumerate(stages) if _searching(c, promises).name in WEIGHING), default=-1)
    if last_relax >= 0 and not any(promises.stages[c.name].role in ("settle", "sample") for c in stages[last_relax:]):
        stages.insert(last_relax + 1, _default("derive", promises, stages[last_relax].span))
    own = [Planned(f"{k}.{call.name}", call) for k, call in enumerate(stages)]
    return (Planned(BASELINE, _hand_made(stages, promises)), *own)


def need_supernet(stages: Iterable[Planned], promises: Promises) -> bool:
    """Whether any of the stages trains the supernet or reads its weights; what is inherited from shared ones does not."""
    shared = False
    for stage in stages:
        if needs_supernet(stage.call, promises) and not (shared and stage.call.options.get("evaluate") == "inherited"):
            return True
        shared = shared or shares(stage.call)
    return False


def shares(call: StageCall) -> bool:
    """Whether a stage trains weights that all architectures share, without a supernet."""
    if call.name == "warmup":
        return bool(call.options["sharing"] != "none" or call.options["distill"] != "none")
    return call.name in SHARING and not call.options.get("along")


def needs_supernet(call: StageCall, promises: Promises) -> bool:
    """Whether a stage trains the supernet or reads its weights; the others get along with plain models."""
    if promises.stages[call.name].role in ("relax", "infer", "score") or call.name == "reinforce":
        return True
    if call.name == "warmup" and not shares(call):
        return True
    inherits = call.options.get("evaluate") == "inherited" or bool(call.options.get("rewind"))
    step = _searching(call, promises)
    inside = call.inner if step is call else (*call.inner, step)
    return inherits or any(needs_supernet(stage, promises) for stage in inside)


def _hand_made(stages: list[StageCall], promises: Promises) -> StageCall:
    plain = [call for call in stages if call.name in ("train", "retrain")]
    owners = [sampler_of(call, promises) for call in stages]
    epochs = sum(int(call.options["epochs"]) for call in owners if "epochs" in call.options) or 1
    span = stages[-1].span if stages else Span(Source("recipe", ""), 0, 0)
    call = _default("train", promises, span)
    if not plain:
        return StageCall("train", {**call.options, "epochs": epochs}, span)
    return StageCall("train", {name: plain[-1].options[name] for name in call.options}, plain[-1].span)


def _default(name: str, promises: Promises, span: Span) -> StageCall:
    return StageCall(name, {option.name: option.default for option in promises.stages[name].options}, span)


def obstacles(recipe: Recipe, decisions: tuple[Decision, ...], promises: Promises) -> tuple[Diagnostic, ...]:
    """Why this recipe cannot search these decisions: found before anything is trained. The recipe is a checked one."""
    found: list[Diagnostic] = []
    for outer in recipe.stages:
        found += _later(outer, promises)
        call = _searching(outer, promises)
        promise = promises.stages[call.name]
        relaxation = promises.relaxations.get(str(call.options.get("as")))
        if outer.name == "progressive" and relaxation is not None and relaxation.gated:
            text = f"progressive() cannot take tables into the model that relax(as = {relaxation.name}) looks at"
            found.append(Diagnostic("S0605", text, call.span, help="use relax() alone"))
        elif outer.name == "progressive" and not found:
            found += _unfit_to_grow(outer, decisions, promises)
        found += _levels(call, relaxation)
        able: Stage | Relaxation = relaxation if promise.role == "relax" and relaxation is not None else promise
        if promise.role in SEARCHING and able.implemented and promise.implemented:
            who = f"relax(as = {able.name})" if isinstance(able, Relaxation) else f"{able.name}()"
            if "grow" in call.options and not _handed(call, decisions):
                text = f"{who} has nothing to grow: `{call.options['grow']}` has no element on this data"
                found.append(Diagnostic("S0605", text, call.spans.get("grow", call.span)))
            ranks = rank_names(decisions) if isinstance(able, Relaxation) else frozenset()
            for decision in _handed(call, decisions):
                why = "" if decision.name in ranks else _cannot(able, decision)
                if why:
                    hint = f"settle it beforehand: --fix '{decision.name}=…'"
                    found.append(
                        Diagnostic("S0605", f"{who} cannot search `{decision.name}`: it {why}", call.span, help=hint)
                    )
    return tuple(found) or _untrained(recipe, decisions)


def _untrained(recipe: Recipe, decisions: tuple[Decision, ...]) -> tuple[Diagnostic, ...]:
    """A space with nothing to choose has to be trained by its recipe."""
    if decisions or not recipe.stages or any(_trains(call) for call in recipe.stages):
        return ()
    text = f"there is nothing to choose, and nothing in the recipe trains the model: {recipe.stages[0].name}() only searches"
    return (Diagnostic("S0790", text, recipe.stages[0].span, help="write: train(epochs = 10)"),)


def _trains(call: StageCall) -> bool:
    """Whether a stage trains the model of a space with nothing to choose."""
    return call.name in ("train", "retrain") or any(_trains(inner) for inner in call.inner)


def foresee(stages: tuple[Planned, ...], graph: Graph, fixed: Fixed) -> None:
    """Raises SpaceError for what a stage would refuse when its turn comes, hours after the start."""
    first = next(iter(on_costs(graph)), None)
    if (
        first is not None
        and stages
        and not any(call.name in THRIFTY for stage in stages for call in (stage.call, *stage.call.inner))
    ):
        names = " and ".join(dict.fromkeys(f"{stage.call.name}()" for stage in stages if stage.name != BASELINE))
        text = f"{names} would not keep to `{first.text}`: nothing in the recipe looks at costs"
        help = "settle decisions with derive() or random(), which do"
        raise SpaceError([Diagnostic("S0630", text, first.span, help=help)])
    costly = next(iter(charged(graph)), None)
    stepped = without_slope(graph) if costly is not None else ""
    for stage in stages:
        if costly is None:
            break
        step = stage.call.options.get("step")
        used = [stage.call, *(inner for inner in (*stage.call.inner, step) if isinstance(inner, StageCall))]
        deaf = next((c for c in used if c.name in WEIGHING and not (_expects(c) and stage.call.name != "stream")), None)
        learns = any(c.name in WEIGHING for c in used)
        if deaf is not None or (stepped and learns):
            why = (
                f"`{stepped}` of a cost, through which gradients do not go"
                if deaf is None
                else "a cost that only architectures have"
            )
            text = f"{stage.call.name}() learns by gradients, and `{costly.text}` holds {why}"
            help = "use a stage that draws them: reinforce(), random(), one_shot(); or bound the cost: require parameters(e) <= 30%"
            raise SpaceError([Diagnostic("S0652", text, stage.call.span, help=help)])
    for k, stage in enumerate(stages):
        trained = any(earlier.call.name in TRAINING for earlier in stages[:k])
        if stage.call.options.get("prune") is not None and not trained:
            text = "nothing before derive(prune = …) trains what it prunes"
            raise SpaceError([Diagnostic("S0603", text, stage.call.span, help="put relax(…) or warmup(…) before it")])
        own = [d.name for d in graph.decisions if d.given == "objective"]
        if own and stage.name != BASELINE and stage.call.name in ("retrain", "train"):
            text = f"{stage.call.name}() has nothing to minimize: `{own[0]}` weighs the loss, and the derived model has none of it"
            help = f"leave {stage.call.name}() out: what the search has trained is the model"
            raise SpaceError([Diagnostic("S0660", text, stage.call.span, help=help)])
    for stage in stages:
        ahead = _hook(stage.call, "foresee")
        if ahead is not None:
            ahead(graph, stage.call, fixed)


def _expects(call: StageCall) -> bool:
    """Whether costs are expected while a stage learns."""
    return call.name == "relax" and tells_chances(str(call.options["as"]))


def tells_chances(relaxation: str) -> bool:
    """Whether the weights of a relaxation say how likely options are."""
    promise = import_module(f"{__package__}.relaxations.{relaxation}").promise
    return not (promise.identity or promise.gated)


def inspected(stages: tuple[Planned, ...], supernet: Compiled, decisions: tuple[Decision, ...]) -> None:
    """Raises SpaceError for what a stage does not find in the supernet that it is to train."""
    for stage in stages:
        inspect = _hook(stage.call, "inspect")
        if inspect is not None:
            inspect(supernet, decisions, stage.call)


def _hook(call: StageCall, name: str) -> Any:
    """A function of a stage's module; None where it has none."""
    return getattr(import_module(f"{__package__}.strategies.{call.name}"), name, None)


def _searching(call: StageCall, promises: Promises) -> StageCall:
    """The stage that searches: of one that wraps another, that one."""
    step = call.options.get("step") or next(iter(call.inner), None)
    return step if promises.stages[call.name].wraps and isinstance(step, StageCall) else sampler_of(call, promises)


def sampler_of(call: StageCall, promises: Promises) -> StageCall:
    """Of a stage that stops the trials of a sampler, that sampler; else the stage itself."""
    stops = promises.stages[call.name].role == "sample" and call.inner and call.inner[0].name in promises.stages
    return call.inner[0] if stops else call


def _levels(call: StageCall, relaxation: Relaxation | None) -> Iterator[Diagnostic]:
    """Options of a step ahead where none is taken, and one where the weights ahead would not be those of the gates."""
    ahead = call.options.get("bilevel") == "one_step"
    for name in ("hessian", "virtual_step", "judged"):
        if name in call.given and name in call.options and not ahead:
            text, place = (
                f"`{name}` says how decisions look a step of the weights ahead",
                call.spans.get(name, call.span),
            )
            yield Diagnostic("S0661", text, place, "and none is taken", help="write: bilevel = one_step")
    if ahead and relaxation is not None and relaxation.gated:
        text = f"relax(as = {relaxation.name}) reads the tables of the model, and a step ahead they would be others"
        yield Diagnostic("S0661", text, call.spans.get("bilevel", call.span), help="write: bilevel = first_order")


def _unfit_to_grow(call: StageCall, decisions: tuple[Decision, ...], promises: Promises) -> Iterator[Diagnostic]:
    """What keeps `progressive` from taking decisions into the model one value of the index after the other."""
    along = call.options["along"]
    if call.options["grow"] is not None:
        decision = next((d for d in decisions if d.name == call.options["grow"]), None)
        if decision is None or decision.domains[0].kind != "subset" or decision.elements != 1 or decision.given:
            text = f"progressive() cannot grow `{call.options['grow']}`: it is no single set on this data"
            yield Diagnostic(
                "S0605", text, call.spans.get("grow", call.span), help="choose … from subset(…), without an index"
            )
        return
    if not isinstance(along, str) or not isinstance(call.options["step"], StageCall):
        missing = "step" if isinstance(along, str) else "along"
        help_text = "write: progressive(along = k, step = relax(as = gate))"
        yield Diagnostic("S0604", f"progressive() needs `{missing}`", call.span, help=help_text)
        return
    relaxation = promises.relaxations.get(str(call.options["step"].options.get("as")))
    if call.options["held"] == "settled" and relaxation is not None and relaxation.identity:
        text = f"progressive(held = settled) settles by one half, and gates of relax(as = {relaxation.name}) are of any size"
        yield Diagnostic("S0605", text, call.spans.get("held", call.span), help="write: held = weighed")
    for decision in decisions:
        if decision.name in rank_names(decisions) or along not in binders(decision):
            continue
        own = index_of(along, decision)
        why = (
            f"is indexed by the values of {decision.per_value}" if own is None else _fixed_from_the_start(decision, own)
        )
        if why:
            text = f"progressive() cannot take `{decision.name}` into the model along {along}: it {why}"
            yield Diagnostic("S0605", text, call.spans.get("along", call.span), help="search it with the step alone")


def _fixed_from_the_start(decision: Decision, own: tuple[Choice, ...]) -> str:
    """Why elements of a decision cannot be left out of the model at first; "" if they can."""
    if any(domain.kind != "gate" for domain in decision.domains):
        return "is no gate, and nothing else can be left out"
    if decision.given:
        return "has logits of its own (given)"
    groups = decision.factors.group_of if decision.factors is not None else ()
    if len(set(zip(groups, own, strict=bool(groups)))) > len(set(groups)):
        return "has factors that are shared along this index"
    return ""


def _handed(call: StageCall, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """The decisions that a stage has to be able to search: one that grows a set, that set; one with `only`, those."""
    only = call.options.get("only")
    names = [only] if isinstance(only, str) else only
    return tuple(
        d
        for d in decisions
        if (call.options.get("grow") is None or d.name == call.options["grow"]) and (names is None or d.name in names)
    )


def unsearched(recipe: Recipe, decisions: tuple[Decision, ...], promises: Promises) -> tuple[Diagnostic, ...]:
    """Warnings: the decisions that nothing in the recipe searches. Growing a set settles numbers as well; a rank is
    searched by who has logits: samplers draw architectures, and those are the same models whatever it is."""
    searching = [_searching(c, promises) for c in recipe.stages]
    stages = [c for c in searching if promises.stages[c.name].role in SEARCHING or c.options.get("grow")]
    if not stages:
        return ()
    left: list[Decision] = []
    if all(call.options.get("grow") or call.options.get("only") for call in stages):
        taken = {d.name for call in stages for d in _handed(call, decisions)}
        grows = any(call.name == "beam" for call in stages)
        left = [d for d in decisions if d.name not in taken and not (grows and d.domains[0].kind == "number")]
    text, help_text = "nothing in the recipe searches `{}`: it keeps its default", "add a stage that does, or --fix it"
    kept = (Diagnostic("S0613", text.format(d.name), stages[0].span, severity="warning", help=help_text) for d in left)
    learned = any(promises.stages[c.name].role == "relax" for c in stages)
    return (*kept, *([] if learned else _drawn_ranks(stages[0], decisions)))


def _drawn_ranks(call: StageCall, decisions: tuple[Decision, ...]) -> Iterator[Diagnostic]:
    for name in sorted(rank_names(decisions)):
        text = f"{call.name}() searches no logits, and `{name}` is the rank of some: it multiplies what there is to try"
        yield Diagnostic(
            "S0613", text, call.span, severity="warning", help=f"use relax(), or settle it: --fix {name}=…"
        )


def _later(call: StageCall, promises: Promises) -> Iterator[Diagnostic]:
    """What is promised but does not run yet: stages, relaxations, options, and what stands inside."""
    promise = promises.stages.get(call.name)
    if promise is None:
        return  # a cost, as in `of = parameters(e)`
    if not promise.implemented:
        names = [n for n, p in promises.stages.items() if p.role == promise.role and p.implemented]
        hint = f"these do: {', '.join(names)}" if names else ""
        yield Diagnostic("S0606", f"{call.name}() cannot be run yet", call.span, help=hint)
        return
    relaxation = promises.relaxations.get(str(call.options.get("as")))
    if promise.role == "relax" and relaxation is not None and not relaxation.implemented:
        names = [n for n, r in promises.relaxations.items() if r.implemented]
        place = call.spans.get("as", call.span)
        yield Diagnostic(
            "S0606", f"relax(as = {relaxation.name}) cannot be run yet", place, help=f"these do: {', '.join(names)}"
        )
    if promise.role not in ("optimizer", "controller", "evaluator"):
        later = getattr(import_module(f"{__package__}.strategies.{call.name}"), "LATER", {})
        for option, values in later.items():
            value = call.options.get(option)
            if option in call.given and value is not None and (not values or value in values):
                text = f"`{option} = {value}`" if values else f"`{option}`"
                yield Diagnostic(
                    "S0606", f"{text} of {call.name}() cannot be run yet", call.spans.get(option, call.span)
                )
    for value in (*call.options.values(), *call.inner):
        if isinstance(value, StageCall):
            yield from _later(value, promises)


def _cannot(able: Stage | Relaxation, decision: Decision) -> str:
    """Why a decision is beyond a stage; "" if it is not."""
    kinds = {domain.kind for domain in decision.domains}
    beyond = sorted(kinds - able.domains)
    if beyond:
        return f"is {'an' if beyond[0][0] in 'aeiou' else 'a'} {beyond[0]}"
    if isinstance(able, Stage) and any(o.name == "grow" for o in able.options) and decision.elements != 1:
        return f"has {decision.elements:,} sets, and one can grow"
    inner = decision.given == "data" and bool(decision.per_value)
    if inner and isinstance(able, Relaxation) and not able.per_example:
        return "is decided by an expression (given)"
    if decision.given in ("example", "objective") and not getattr(able, "per_example", False):
        return "is decided by each example (given)"
    if decision.given == "data" and not inner:
        return "has logits from statistics (given)"
    if decision.factors is not None and isinstance(able, Stage) and able.role == "infer":
        return "has logits of shared factors (factored)"
    if decision.per_value and not able.per_value:
        return f"is indexed by the values of {decision.per_value}"
    if isinstance(able, Relaxation) and able.gated and not decision.per_value:
        return "multiplies no table of embeddings: it is not indexed by values"
    if decision.conditional and not able.conditional:
        return "exists only in some architectures"
    return ""
