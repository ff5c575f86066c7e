"""A space against data, without torch: everything that is wrong, its graph and its size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recspace.dsl import Diagnostic, Source, SpaceError, ast, library_path

from .reading import program_of

if TYPE_CHECKING:
    from recspace.compiler.compile import Checked
    from recspace.compiler.schema import Schema
    from recspace.compiler.tasks import Task
    from recspace.runtime.data.bind import Bound
    from recspace.runtime.data.spec import DataSpec
    from recspace.runtime.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Question:
    """What to check. `data`: a shipped name, a table, or a `.space` file with a data block; None: the block of the
    file, or else the example binding. `label`: its column in a bare table. `source`: another table for a block.
    `rename`: roles and columns → what the space calls them. `settings`: `width=16`. `seed` draws splits that have none.
    `without`: passes of the compiler that are left out.
    `task`: for which the head and the loss of the space, and the label, are swapped.
    `extends`: the folder of a finished run, whose encoding the table takes
    over; a bare table has that run's meaning, too.
    """

    file: str | Path | Source
    data: str | None = None
    label: str | None = None
    source: str | None = None
    rename: Mapping[str, str] | None = None
    settings: tuple[str, ...] = ()
    seed: int = 0
    without: tuple[str, ...] = ()
    task: Task | None = None
    extends: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. `checked` and `schema` are None where it did not get so far; `bound` without a table."""

    program: ast.Program | None
    schema: Schema | None
    bound: Bound | None
    checked: Checked | None
    recipes: tuple[Recipe, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(d.severity == "error" for d in self.diagnostics)


def judge(question: Question) -> Verdict:
    """Check a space. Never raises for what is wrong with it or with the data: that is in `diagnostics`."""
    program, found = _loaded(question)
    if program is None:
        return Verdict(None, None, None, None, (), ordered(found))
    schema: Schema | None = None
    bound: Bound | None = None
    try:
        if question.task is not None:
            from recspace.compiler.tasks import swapped

            program = swapped(program, question.task)
    except SpaceError as error:
        return Verdict(program, None, None, None, (), ordered([*found, *error.diagnostics]))
    try:
        schema, bound = binding(question, program)
    except SpaceError as error:
        found += error.diagnostics
    if bound is not None:
        found += [*bound.spec.warnings, *bound.warnings]
    if schema is None or program.file.space is None:
        return Verdict(program, schema, bound, None, (), ordered(found))
    from recspace.compiler.compile import check
    from recspace.runtime.references import known_names, strangers
    from recspace.runtime.registry import promises

    checked = check(program, schema, promises())
    recipes, faults = _recipes(program.file.space)
    if checked.graph is not None:
        names = known_names(program.file.space, checked.graph.decisions)
        faults += [fault for recipe in recipes for fault in strangers(recipe, names, promises())]
    told = checked.diagnostics
    if any(d.severity == "error" for d in found):  # what was not read may be what reads a decision
        told = tuple(d for d in told if d.code != "S0411")
    return Verdict(program, schema, bound, checked, recipes, ordered([*found, *told, *faults]))


def unready(verdict: Verdict) -> tuple[Diagnostic, ...]:
    """What keeps a space that is right from being run on its table, as warnings: constructs without an implementation."""
    if not verdict.ok or verdict.bound is None or verdict.checked is None or verdict.checked.graph is None:
        return ()
    from recspace.compiler.compile import Models
    from recspace.runtime.registry import promises

    assert verdict.program is not None
    assert verdict.schema is not None
    try:
        _ = Models(verdict.program, verdict.schema, promises(), verdict.checked.graph).supernet
    except SpaceError as error:
        return tuple(replace(d, severity="warning") for d in error.diagnostics)
    return ()


def _loaded(question: Question) -> tuple[ast.Program | None, list[Diagnostic]]:
    try:
        return program_of(question.file, question.settings)
    except SpaceError as error:
        return None, list(error.diagnostics)


def binding(question: Question, program: ast.Program | None) -> tuple[Schema, Bound | None]:
    """The data of a question: its schema and, where there is a table, its rows. Raises SpaceError (S05xx)."""
    from recspace.compiler.example import EXAMPLE

    if question.extends is not None:
        from recspace.runtime.applying import encoding_of
        from recspace.runtime.data.bind import bind

        base, _ = encoding_of(Path(question.extends))
        bare = question.data is not None and Path(question.data).suffix in (".parquet", ".csv")
        spec = base.spec.with_source(str(question.data)) if bare else data_of(question, program)
        assert spec is not None
        bound = bind(spec, seed=question.seed, rename=None if bare else question.rename, base=base)
        return bound.schema, bound
    spec = data_of(question, program)
    if spec is None:
        return EXAMPLE, None
    from recspace.runtime.data.bind import bind
    from recspace.runtime.data.retarget import labelled

    spec = spec if question.task is None else labelled(spec, question.task)
    bound = bind(spec, seed=question.seed, rename=question.rename)
    return bound.schema, bound


def data_of(question: Question, program: ast.Program | None) -> DataSpec | None:
    """What `--data` names; None for the example binding. Tables are read late: polars costs a tenth of a second."""
    if question.data is None and not (program and (program.file.datas or program.datas)):
        return None
    from recspace.runtime.data.locate import locate

    return locate(question.data, program, library_path(), label=question.label, source=question.source)


def _recipes(space: ast.Space) -> tuple[tuple[Recipe, ...], list[Diagnostic]]:
    """All recipes of a space, and what is wrong with their stages and options."""
    from recspace.runtime.recipe import read
    from recspace.runtime.registry import promises

    recipes, faults = [], list[Diagnostic]()
    params = params_of(space)
    for statement in space.statements:
        if isinstance(statement, ast.Search):
            recipe, wrong = read(statement, params, promises())
            recipes.append(recipe)
            faults += wrong
    return tuple(recipes), faults


def params_of(space: ast.Space) -> Mapping[str, Any]:
    """Values of params that a recipe may name: numbers, names, lists, and arithmetic on them."""
    from recspace.runtime.recipe import value_of

    values: dict[str, Any] = {}
    for statement in space.statements:
        if isinstance(statement, ast.Param):
            values[statement.name] = value_of(statement.value, values)
    return values


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each once, in the order of the text; files in the order in which they came up."""
    every = list(dict.fromkeys(diagnostics))
    files = list(dict.fromkeys(d.span.source.name for d in every))
    return tuple(sorted(every, key=lambda d: (files.index(d.span.source.name), d.span.start)))
