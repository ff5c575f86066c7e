"""Several budgets: those of a recipe (`budgets = [5%, 10%]`) and those of profiles, as requirements of the space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recspace.dsl import Diagnostic, Source, SpaceError, Span, ast, parse

if TYPE_CHECKING:
    from recspace.compiler.budgets import Purse
    from recspace.runtime.recipe import Recipe, StageCall
    from recspace.runtime.targets import Target

    from .checking import Verdict

Profiles = tuple[tuple[str, tuple[str, ...]], ...]
"""Names, and the requirements of each as text: `memory() <= 8 MB`."""
WHOLE = "parameters()"


def targets_of(verdict: Verdict, recipe: Recipe, profiles: Profiles) -> tuple[Target, ...]:
    """The budgets that a run makes a model for, each; none where there is but one model to be made.

    Raises SpaceError: S0643 for a list that is none, and what the language has to say of a requirement.
    """
    from recspace.runtime.targets import Target, shared_until

    stage = shared_until(recipe)
    wanted = [*(_of_stage(stage) if stage is not None else ()), *((name, texts, name) for name, texts in profiles)]
    names = [name for name, _, _ in wanted]
    for name in names:
        if names.count(name) > 1:
            place = Span(Source(name, name), 0, len(name))
            raise SpaceError(
                [Diagnostic("S0643", f"two budgets are called {name}", place, help="leave one of them out")]
            )
    return tuple(Target(name, _purse(verdict, texts, origin)) for name, texts, origin in wanted)


def _of_stage(call: StageCall) -> list[tuple[str, tuple[str, ...], str]]:
    """`derive(budgets = [5%, 10%], of = parameters(e))`."""
    if not call.options.get("budgets"):
        return []
    span = call.spans["budgets"]
    text = _value(span)
    items = [item.strip() for item in text[1:-1].split(",") if item.strip()]
    if not (text.startswith("[") and text.endswith("]") and items):
        said = f"`budgets` of {call.name}() is a list"
        raise SpaceError([Diagnostic("S0643", said, span, help="budgets = [5%, 10%], of = parameters(e)")])
    cost = _value(call.spans["of"]) if "of" in call.given else WHOLE
    return [(item.replace(" ", ""), (f"{cost} <= {item}",), f"budgets of {call.name}()") for item in items]


def _value(span: Span) -> str:
    """What stands behind the `=` of an option."""
    return span.text.partition("=")[2].strip() if "=" in span.text else span.text.strip()


def _purse(verdict: Verdict, texts: tuple[str, ...], origin: str) -> Purse:
    """What the requirements of a space, and these besides, allow."""
    from recspace.compiler.budgets import Purse, bounded, on_costs
    from recspace.compiler.compile import check
    from recspace.runtime.registry import promises

    program = verdict.program
    assert program is not None
    assert verdict.schema is not None
    assert program.file.space is not None
    own = program.file.space
    whole = replace(own, statements=(*own.statements, *(_required(text, origin) for text in texts)))
    checked = check(replace(program, file=replace(program.file, space=whole)), verdict.schema, promises())
    faults = [d for d in checked.diagnostics if d.severity == "error"]
    if checked.graph is None or faults:
        raise SpaceError(faults)
    for output in on_costs(checked.graph):
        bounded(checked.graph, output)
    return Purse(checked.graph, verdict.schema, promises())


def _required(text: str, origin: str) -> ast.Require:
    """A requirement as a statement. Raises SpaceError for what is none."""
    tree, faults = parse(Source(origin, text), "space set require ")
    found = [s for s in (tree.space.statements if tree and tree.space else ()) if isinstance(s, ast.Require)]
    errors = [d for d in faults if d.severity == "error"]
    if errors or len(found) != 1:
        place = Span(Source(origin, text), 0, len(text))
        help = "write a number, a share or a size: 10%, 8 MB"
        raise SpaceError(errors or [Diagnostic("S0643", "this is no budget", place, help=help)])
    return found[0]
