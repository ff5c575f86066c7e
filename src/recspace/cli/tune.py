"""`recspace tune FILE --data DATA`: measure the forms that a supernet can have, and keep the quickest."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recspace.dsl import Diagnostic, Source, SpaceError, Span

from .arguments import Subparsers, add_json, add_space, command, question
from .output import show, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recspace.running import Space
    from recspace.runtime.tuning import Form
    from recspace.tuned import Tuned


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "tune", run, "measure the forms that a supernet can have, and keep the quickest")
    add_space(parser)
    parser.add_argument("--strategy", metavar="RECIPE", default="", help="whose batches are taken; as of `run`")
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=10.0, help="of measuring each question; default 10"
    )
    parser.add_argument("-o", "--output", metavar="TUNED.json", type=Path, help="for `recspace run --tuned`")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.running import bound_space
    from recspace.runtime import devices
    from recspace.runtime.files import dumped, write_whole
    from recspace.tuned import as_data

    space = bound_space(question(args))
    if space.verdict.bound is None:
        text = f"what is measured is a step on data, and {args.file} is bound to none"
        help = "name a table, a shipped name or a file with a data block:  --data movielens"
        raise SpaceError([Diagnostic("S0545", text, Span(Source(args.file, ""), 0, 0), help=help)])
    if args.output is not None and args.output.exists():
        text = f"{args.output} is there already"
        raise SpaceError(
            [Diagnostic("S0821", text, Span(Source(str(args.output), ""), 0, 0), help="name another file")]
        )
    show(space.warnings)
    with devices.settled(1):
        tuned, lines = measured(space, args.strategy, args.seconds, quiet=args.json)
    if args.output is not None:
        write_whole(args.output, dumped(as_data(tuned)))
    if args.json:
        write_json({"ok": True, **as_data(tuned), "measured": lines})
    else:
        print("\n".join(_said(lines, tuned, args.output)))
    return 0


def measured(space: Space, strategy: str, seconds: float, *, quiet: bool) -> tuple[Tuned, list[dict[str, Any]]]:
    """The quickest form and every one that was measured: first which passes, then how large a tile.

    Raises SpaceError for what a run would refuse, and for a recipe that trains no supernet (S0822).
    """
    from recspace.runtime.tuning import figures, in_turns, quickest, sizes
    from recspace.tuned import Tuned

    forms = list(_forms(space, strategy))
    ticks = _ticks(quiet)
    rounds = in_turns(forms, seconds, ticks)
    best = forms[quickest(rounds)]
    lines = [_line(form, figures(rounds, k)) for k, form in enumerate(forms)]
    tiled = dict.fromkeys((best.tile, *sizes(best.step, best.tile)))  # the usual one stands first
    several = [replace(best, tile=rows) for rows in tiled]
    tile = 0
    if len(several) > 1:
        rounds = in_turns(several, seconds, ticks)
        chosen = quickest(rounds)
        tile = several[chosen].tile if chosen else 0
        lines += [_line(form, figures(rounds, k)) for k, form in enumerate(several)]
    return Tuned(tuple(sorted(best.without)), tile), lines


def _forms(space: Space, strategy: str) -> Iterator[Form]:
    """The usual form first; then one without each pass, if its text differs from all before."""
    from recspace.compiler.lower import SWITCHES
    from recspace.running import inputs_of
    from recspace.runtime.plan import sampler_of
    from recspace.runtime.rehearsal import rehearsed
    from recspace.runtime.tuning import Form
    from recspace.support import plan

    inputs = inputs_of(space, strategy)
    planned = plan(space, inputs.recipe)
    options = [sampler_of(stage.call, inputs.promises).options for stage in planned.stages]
    if not planned.shared:
        text = "no stage of this recipe trains a supernet, and plain models differ from one another"
        raise SpaceError([Diagnostic("S0822", text, space.verdict.program.file.span if space.verdict.program else
                          Span(Source("", ""), 0, 0), help="name another with --strategy: 'relax() derive()'")])  # fmt: skip
    texts = set[str]()
    for left_out in ("", *(name for name in SWITCHES if name != "tile")):
        without = frozenset({left_out} if left_out else ())
        try:
            compiled = replace(space.models, without=without).supernet
        except SpaceError:
            continue  # it has no form without this pass
        if compiled.source in texts:
            continue
        texts.add(compiled.source)
        step = rehearsed(inputs, compiled, options)
        assert step is not None, "what trains a supernet has batches"
        yield Form(without, step, step.tile(step.kept()))


def _line(form: Form, found: Any) -> dict[str, Any]:
    return {"without": sorted(form.without), "tile": form.tile, "batch": form.step.rows, **found}


def _said(lines: list[dict[str, Any]], tuned: Tuned, output: Path | None) -> Iterator[str]:
    yield f"a step forward and backward on {lines[0]['batch']:,} rows, one thread:"
    yield f"{'without':<12}{'tile':>8}{'CPU ms':>12}{'of the usual':>16}{'quartiles':>16}"
    for line in lines:
        low, high = line["quartiles"]
        name = ", ".join(line["without"]) or "–"
        yield f"{name:<12}{line['tile']:>8,}{line['ms']:>12.2f}{line['ratio']:>16.2f}{f'{low:.2f} – {high:.2f}':>16}"
    if tuned.without or tuned.tile:
        options = [f"--without {name}" for name in tuned.without] + ([f"--tile {tuned.tile}"] if tuned.tile else [])
        yield f"quickest: {' '.join(options)}" + (f", kept in {output}" if output else "")
    else:
        yield "nothing was surely quicker than the usual form" + (f"; that is kept in {output}" if output else "")


def _ticks(quiet: bool) -> Any:
    """A dot for every round, on stderr where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        return lambda: None
    return lambda: print(".", end="", file=sys.stderr, flush=True)
