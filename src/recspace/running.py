"""Runs: from a checked space to a search in a folder, and going on with one. Imports torch, but only when called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recspace.dsl import Diagnostic, SpaceError

from .aims import aim, roles
from .budgeting import Profiles, targets_of
from .checking import Question, Verdict, judge
from .recipes import recipe_of

if TYPE_CHECKING:
    from recspace.compiler.budgets import Clock, Purse
    from recspace.compiler.compile import Models
    from recspace.compiler.compiled import Compiled
    from recspace.compiler.decisions import Architecture, Decision
    from recspace.compiler.ir import Graph
    from recspace.compiler.passes.keep import Mask, Place
    from recspace.compiler.schema import Column, Schema
    from recspace.compiler.size import Size
    from recspace.runtime.extension import Base
    from recspace.runtime.inputs import Inputs
    from recspace.runtime.module import Model
    from recspace.runtime.progress import Progress
    from recspace.runtime.run import Result
    from recspace.runtime.settings import Settings


@dataclass(frozen=True, repr=False)
class Space:
    """A checked space, bound to data: what `compile` gives. It has no slots, for what it keeps once made (`models`; `able`: the
    strategies that can search it, which `support` finds out)."""

    question: Question
    verdict: Verdict
    able: list[str] = field(default_factory=list, compare=False)

    def __repr__(self) -> str:
        """In one line: the text, the data and the tree would fill pages."""
        decisions = f"{len(self.decisions)} decision{'s' * (len(self.decisions) != 1)}"
        return f"<Space {self.graph.name} on {self.schema.name}: {decisions}, size {self.size.formula}>"

    def _repr_html_(self) -> str:
        from recspace.pages.notebook import space_html

        return space_html(self.graph, self.schema.name, self.size.formula)

    @property
    def schema(self) -> Schema:
        assert self.verdict.schema is not None
        return self.verdict.schema

    @property
    def graph(self) -> Graph:
        """Families as nodes; `recspace.compiler.drawing` draws it."""
        assert self.verdict.checked is not None
        assert self.verdict.checked.graph is not None
        return self.verdict.checked.graph

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return self.graph.decisions

    @property
    def size(self) -> Size:
        """How many architectures there are."""
        assert self.verdict.checked is not None
        found: Size = self.verdict.checked.size
        return found

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self.verdict.diagnostics

    @cached_property
    def models(self) -> Models:
        """The graph was resolved by the check; the supernet is generated once for all plain models."""
        from recspace.compiler.compile import Models
        from recspace.runtime.registry import promises

        assert self.verdict.program is not None
        left_out = frozenset(self.question.without)
        return Models(self.verdict.program, self.schema, promises(), self.graph, without=left_out)

    def unrequired(self, architecture: Architecture, keep: frozenset[str] = frozenset()) -> Compiled:
        """The plain model of an architecture, whether it meets the requirements or not."""
        return self.models.plain(architecture, keep, required=False)

    @cached_property
    def purse(self) -> Purse:
        """What the requirements on costs allow."""
        from recspace.compiler.budgets import Purse
        from recspace.runtime.registry import promises

        return Purse(self.graph, self.schema, promises())

    def penalty(self, architecture: Architecture, clock: Clock | None = None) -> float:
        """What costs of an architecture add to what is minimized. `clock`: where latency is measured."""
        from recspace.compiler.penalties import penalty
        from recspace.runtime.registry import promises

        return penalty(self.graph, self.schema, promises(), architecture, clock)

    def describe(self, folder: Path) -> None:
        """Write the graph to a run's folder, for the pages of the run."""
        from recspace.pages.graphs import graph_data
        from recspace.runtime.files import dumped, inside, write_whole
        from recspace.runtime.folder import GRAPH

        write_whole(inside(folder, GRAPH), dumped(graph_data(self.verdict, self.models)))

    def compiled(
        self,
        architecture: Architecture | None = None,
        keep: frozenset[str] = frozenset(),
        pruned: Mapping[Place, Mask] | None = None,
    ) -> Compiled:
        """The supernet; with an architecture the plain model that it means. `keep`: gates that stay weights in it;
        `pruned`: which numbers are left of its tables."""
        if architecture is None:
            return self.models.supernet
        return self.models.plain(architecture, frozenset(keep), pruned=pruned)


def bound_space(question: Question) -> Space:
    """The space of a question. Raises SpaceError with everything that is wrong."""
    verdict = judge(question)
    if not verdict.ok:
        raise SpaceError(verdict.diagnostics)
    if verdict.checked is None or verdict.checked.graph is None:
        assert verdict.program is not None
        text = f"there is no space in {question.file}"
        raise SpaceError([Diagnostic("S0006", text, verdict.program.file.span, help="a space begins with  space Name")])
    return Space(question, verdict)


def inputs_of(space: Space, strategy: str = "", profiles: Profiles = ()) -> Inputs:
    """What the runtime searches. Raises SpaceError for a strategy that is not there and data that cannot be learned."""
    from recspace.runtime.inputs import Inputs
    from recspace.runtime.registry import promises

    verdict, schema = space.verdict, space.schema
    assert verdict.bound is not None, "a run needs a table"
    task = aim(verdict)
    who = roles(verdict.bound) if task == "ranking" else None
    recipe = recipe_of(verdict, strategy)
    return Inputs(
        space.compiled,
        space.graph,
        verdict.bound.encode,
        task,
        recipe,
        promises(),
        _remembered(space, strategy),
        _user(schema),
        who,
        space.unrequired,
        verdict.bound.save,
        space.models.settled,
        frozenset(field.name for field in schema.fields),
        space.purse,
        space.penalty,
        space.describe,
        targets_of(verdict, recipe, profiles),
        None if space.question.extends is None else base_of(space),
    )


def _user(schema: Schema) -> Column | None:
    """The column of user ids, by which the grouped AUC goes."""
    from recspace.compiler.schema import Column

    user = schema.by_role("user")
    return Column("id", (user.name,)) if user is not None and user.kind == "category" else None


def _remembered(space: Space, strategy: str) -> dict[str, Any]:
    """What a resumed run must find as it was; `asked` is enough to compile the space again from any folder."""
    from importlib.metadata import version

    verdict = space.verdict
    assert verdict.program is not None
    assert verdict.bound is not None
    return {
        "asked": {**asdict(_absolute(space.question)), "strategy": strategy},
        "space": [file.span.source.text for file in verdict.program.files],
        "data": asdict(verdict.bound.fingerprint()),
        "table": str((Path(verdict.bound.spec.folder) / verdict.bound.spec.source).absolute()),
        "recspace": version("recspace"),
    }


def _absolute(question: Question) -> Question:
    """The same question from any working folder."""
    from .reading import find

    data = question.data
    if data is not None:
        path, _, name = data.partition(".space:")
        whole = f"{path}.space" if name else data
        data = str(Path(whole).absolute()) + (f":{name}" if name else "") if Path(whole).is_file() else data
    source = None if question.source is None else str(Path(question.source).absolute())
    extends = None if question.extends is None else str(Path(question.extends).absolute())
    file = str(find(str(question.file)).absolute())
    return replace(question, file=file, data=data, source=source, extends=extends)


def extension(folder: Path, data: str | Path, seed: int = 0) -> Space:
    """The space of a finished run on another table, whose values and fields join. Raises SpaceError (S0422, S0656, S0703)."""
    import json

    from recspace.runtime.files import inside
    from recspace.runtime.folder import RUN
    from recspace.runtime.refuse import refusal, words

    if not (folder / "report.json").is_file():
        place = words(str(folder), "")
        raise refusal("S0703", f"the run in {folder} is not done", place, help=f"recspace resume {folder}")
    asked = json.loads(inside(folder, RUN).read_bytes())["bound"]["asked"]
    settings = tuple(asked["settings"])
    return bound_space(Question(asked["file"], str(data), settings=settings, seed=seed, extends=str(folder)))


def base_of(space: Space) -> Base:
    """What the run that a space extends has learned. Raises SpaceError (S0656) for a model that cannot be extended."""
    from recspace.compiler.incompressible import compressed
    from recspace.runtime.extension import Base, extended
    from recspace.runtime.refuse import refusal, words
    from recspace.runtime.report import read_architecture

    folder = Path(str(space.question.extends))
    before, model = outcome(folder)
    why = _fixed_ids(before, model)
    architecture, kept = read_architecture(folder, before.decisions) if before.decisions else ({}, frozenset[str]())
    if kept:
        why = "it keeps gates as weights"
    if compressed(model.compiled.graph):
        why = "it has compressed tables, and with more values others would share what they store"
    if why:
        raise refusal("S0656", f"the model in {folder} cannot be extended: {why}", words(str(folder), ""))
    options = extended(space.decisions, before.decisions, architecture)
    return Base(options, model.compiled, model.tensors)


def _fixed_ids(space: Space, model: Model) -> str:
    """Why the ids of a model cannot be added to; "" if they can."""
    for column in model.compiled.columns:
        if column.what == "cross":
            return f"it reads the cross of {', '.join(column.fields)}"
        if column.what == "id" and column.min_count > 1:
            return f"it takes rare values of `{column.fields[0]}` for unknown ones (min_count)"
        if column.what == "id" and space.schema.field(column.fields[0]).of:
            return f"`{column.fields[0]}` has the values of another field"
    nodes = (node for _, node in space.graph.items())  # a derived model may have them in the shape of its tables alone
    return "it reads frequency blocks" if any(getattr(n, "operator", "") == "block" for n in nodes) else ""


def start(space: Space, settings: Settings, folder: Path, progress: Progress | None = None) -> Result:
    """Search in a new folder. Raises SpaceError as `runtime.run.search` does."""
    from recspace.runtime.run import search

    return _shown(search(inputs_of(space, settings.strategy, settings.profiles), settings, folder, progress))


def _shown(result: Result) -> Result:
    """A run that is done has a page to look at."""
    from recspace.pages import write_report

    write_report(result.folder)
    return result


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a run's files lie now, if they were moved since: the space, and the table or data block."""

    file: str | None = None
    data: str | None = None
    source: str | None = None


def go_on(folder: Path, progress: Progress | None = None, moved: Moved = Moved()) -> Result:
    """Go on with a run; one that is done is only read. Raises SpaceError as `runtime.run.resume` does."""
    from recspace.runtime.run import resume

    def rebuilt(bound: Mapping[str, Any], settings: Settings) -> Inputs:
        return inputs_of(_space_of(bound, moved), str(bound["asked"]["strategy"]), settings.profiles)

    return _shown(resume(folder, rebuilt, progress))


def _space_of(bound: Mapping[str, Any], moved: Moved) -> Space:
    """The space that a run remembers, bound again."""
    asked = {**bound["asked"], **{name: value for name, value in asdict(moved).items() if value is not None}}
    asked.pop("strategy")
    try:
        return bound_space(
            Question(**{**asked, "settings": tuple(asked["settings"]), "without": tuple(asked.get("without", ()))})
        )
    except SpaceError as error:
        refuse_edited(bound, str(asked["file"]), asked["settings"])
        gone = [d for d in error.diagnostics if d.code in ("S0001", "S0541")]
        advice = "if it was moved: --file FILE and --data DATA say where it lies now"
        raise SpaceError([replace(d, help=advice) if d in gone else d for d in error.diagnostics]) from error


def refuse_edited(bound: Mapping[str, Any], file: str, settings: Sequence[str]) -> None:
    """Raises SpaceError (S0704) where the text is not the one that the run remembers: that says more than what is wrong with it."""
    from recspace.runtime.changes import unchanged

    from .reading import program_of

    try:
        program, _ = program_of(file, tuple(settings))
    except SpaceError:
        return
    if program is not None:
        now = {**bound, "space": [own.span.source.text for own in program.files]}
        unchanged(bound, now, Path(file))


def outcome(folder: Path, moved: Moved = Moved()) -> tuple[Space, Model]:
    """The model that a finished run handed back, on the CPU and in evaluation mode, and the space it came from.

    Its text is generated again from the space and the decisions; weights are read from `model.safetensors`. Raises
    SpaceError: S0703 for a run that is not done or whose files do not fit, S0704 if the space or the data have changed.
    """
    import json

    from safetensors.torch import load_file

    from recspace.runtime.changes import unchanged
    from recspace.runtime.devices import pick
    from recspace.runtime.files import inside
    from recspace.runtime.folder import RUN
    from recspace.runtime.module import build
    from recspace.runtime.pruning import masks_of
    from recspace.runtime.refuse import refusal, words
    from recspace.runtime.report import read_architecture, read_pruned

    place = words(str(folder), "")
    if not (folder / "report.json").is_file():
        raise refusal("S0703", f"the run in {folder} is not done", place, help=f"recspace resume {folder}")
    bound = json.loads(inside(folder, RUN).read_bytes())["bound"]
    space = _space_of(bound, moved)
    unchanged(bound, _remembered(space, ""), folder)
    try:
        architecture, keep = read_architecture(folder, space.decisions)
        left = masks_of(read_pruned(folder))
        compiled = space.compiled(architecture, keep, left)
        model = build(compiled.stored or compiled, pick("cpu"))
        model.load(load_file(inside(folder, "model.safetensors")))
    except (ValueError, KeyError, RuntimeError, OSError) as why:
        raise refusal("S0703", f"the files in {folder} do not fit the space: {why}", place) from why
    model.module.eval()
    return space, model
