"""Which recipe a run follows: the space's own, another of the file, of another space, or one written on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import Diagnostic, Edit, Source, SpaceError, Span, ast, parse
from recspace.dsl.suggest import nearest

from .checking import params_of
from .reading import program_of, shipped

if TYPE_CHECKING:
    from recspace.runtime.recipe import Recipe

    from .checking import Verdict


def recipe_of(verdict: Verdict, strategy: str) -> Recipe:
    """The recipe that `--strategy` means; without one the first of the space.

    In this order: a recipe of the space by its name; stages, where there are parentheses in it (`random(trials = 8)
    retrain(epochs = 2)`); a shipped space or a `.space` file, whose first recipe it is (`FILE.space:NAME` another one).
    Raises SpaceError S0601 to S0604, S0607, S0620, S0621.
    """
    from recspace.runtime.recipe import read
    from recspace.runtime.references import known_names, strangers
    from recspace.runtime.registry import promises

    space = verdict.program.file.space if verdict.program else None
    assert space is not None
    search = _found(space, strategy)
    recipe, faults = read(search, params_of(space), promises())
    if verdict.checked is not None and verdict.checked.graph is not None:
        faults += tuple(strangers(recipe, known_names(space, verdict.checked.graph.decisions), promises()))
    if any(d.severity == "error" for d in faults):
        raise SpaceError(faults)
    return recipe


def _found(space: ast.Space, strategy: str) -> ast.Search:
    own = _recipes(space)
    if not strategy:
        if not own:
            help = "add one:  search { train(epochs = 10) }  or name one with --strategy"
            raise SpaceError([Diagnostic("S0621", f"{space.name} has no search recipe", space.span, help=help)])
        return own[0]
    named = {search.name: search for search in own if search.name}
    if strategy in named:
        return named[strategy]
    if "(" in strategy:
        return _written(strategy)
    path, _, name = strategy.partition(".space:")
    file = f"{path}.space" if name else strategy
    if file in shipped() or Path(file).is_file():
        return _borrowed(file, name)
    span = Span(Source("--strategy", strategy), 0, len(strategy))
    raise _stage_alone(strategy, span) or _unknown(strategy, [*named, *shipped()], span)


def _recipes(space: ast.Space) -> list[ast.Search]:
    return [s for s in space.statements if isinstance(s, ast.Search)]


def _written(text: str) -> ast.Search:
    """Stages as they stand between the braces of a recipe; the braces may be written too."""
    whole = text.split("(", maxsplit=1)[0].split("{", maxsplit=1)[0].strip().startswith("search")
    tree, faults = parse(
        Source("--strategy", text), "space set" if whole else "space set search {", "" if whole else "}"
    )
    if faults or tree is None or tree.space is None or len(_recipes(tree.space)) != 1:
        raise SpaceError(faults or [_malformed(text)])
    return _recipes(tree.space)[0]


def _malformed(text: str) -> Diagnostic:
    span = Span(Source("--strategy", text), 0, len(text))
    return Diagnostic("S0620", "this is no recipe", span, help="write stages: random(trials = 8) retrain(epochs = 2)")


def _borrowed(file: str, name: str) -> ast.Search:
    """A recipe of another file."""
    program, faults = program_of(file)
    errors = [d for d in faults if d.severity == "error"]
    if program is None or errors:
        raise SpaceError(errors)
    recipes = _recipes(program.file.space) if program.file.space else []
    found = [s for s in recipes if not name or s.name == name]
    if not found:
        span = program.file.space.span if program.file.space else program.file.span
        raise _unknown(name, [s.name for s in recipes], span)
    return found[0]


def _stage_alone(name: str, span: Span) -> SpaceError | None:
    """`--strategy random`: a stage, without the parentheses that make a recipe of it."""
    from recspace.compiler.promise import REQUIRED
    from recspace.runtime.recipe import INNER_ROLES
    from recspace.runtime.registry import promises

    stages = {n: s for n, s in promises().stages.items() if s.role not in INNER_ROLES}
    meant = name if name in stages else nearest(name, stages)
    if meant is None or (name not in stages and nearest(name, shipped())):
        return None
    needed = [o for o in stages[meant].options if o.default is REQUIRED]
    told = f"`{name}` is a stage, not a recipe" if name in stages else f"there is no recipe `{name}`"
    texts = {"relax": "relax(as = softmax) derive() retrain()", "settle": "relax(as = softmax) derive() retrain()"}
    shown = [f"{o.name} = …" for o in needed] or [
        f"trials = {o.default}" for o in stages[meant].options if o.name == "trials"
    ]
    own = f"{meant}({', '.join(shown)})"
    written = texts.get(stages[meant].role) or (own if stages[meant].role != "sample" else f"{own} retrain()")
    edits = () if needed and written not in texts.values() else (Edit(span, written),)
    return SpaceError([Diagnostic("S0620", told, span, help=f"write it with its options: {written}", edits=edits)])


def _unknown(name: str, names: list[str], span: Span) -> SpaceError:
    meant = nearest(name, names)
    known = ", ".join(n for n in names[:6] if n)
    help = f"did you mean `{meant}`?" if meant else f"there are: {known}, …" if known else "the file has none"
    return SpaceError([Diagnostic("S0620", f"there is no recipe `{name}`", span, help=help)])
