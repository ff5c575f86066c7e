"""`recspace run FILE --data DATA -o RUN`: search, derive, retrain, compare."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import Diagnostic, Source, SpaceError, Span, as_data

from .arguments import Subparsers, add_json, add_space, add_without, command, question
from .check import print_block
from .output import show, write_json

if TYPE_CHECKING:
    from recspace.runtime.planted import Finding, Truth
    from recspace.runtime.run import Result
    from recspace.runtime.settings import Settings

    from .progress import Bar, Lines

USAGE, FAILED = 2, 3


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "run", run, "search a space on data and compare with the hand-made model")
    add_space(parser)
    parser.add_argument("-o", "--output", metavar="RUN", type=Path, help="the run's folder; default runs/NAME")
    parser.add_argument("--dry-run", action="store_true", help="compile and count, but train nothing")
    group = parser.add_argument_group("search")
    group.add_argument(
        "--strategy", metavar="RECIPE", default="",
        help="a recipe of the space by name, of another space (autodim, FILE.space), or stages: 'random(trials = 8)'",
    )  # fmt: skip
    fix = "settle decisions beforehand: --fix 'keep[user,item]=on'"
    group.add_argument("--fix", metavar="DECISION=OPTION", action="append", default=[], help=fix)
    profile = 'bounds on costs, as TOML: memory = "8 MB"; several: one model for each, from one search'
    group.add_argument("--profile", metavar="FILE.toml", action="append", default=[], help=profile)
    group.add_argument("--seed", type=at_least_0, default=0, metavar="N")
    group.add_argument("--epochs", type=at_least_1, metavar="N", help="of every stage that trains")
    group.add_argument("--hours", type=_positive, metavar="H", help="for the whole run, divided among its stages")
    group.add_argument(
        "--top", type=at_least_1, default=20, metavar="K", help="of rankings: recall@K, ndcg@K; default 20"
    )
    group.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    group.add_argument("--amp", action="store_true", help="bfloat16 where it is safe")
    group.add_argument(
        "--log", metavar="SINK", action="append", default=[], help="log to tensorboard or mlflow as well (extras)"
    )
    group.add_argument("--compile", action="store_true", help="torch.compile the training step")
    add_without(group)
    group.add_argument(
        "--tile", type=at_least_1, default=0, metavar="ROWS", help="of a batch at a time, where the CPU takes tiles"
    )
    group.add_argument("--tuned", type=Path, metavar="FILE.json", help="the form that `recspace tune` found quickest")
    add_json(parser)


def _number(kind: Callable[[str], float], low: float, words: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= low):
            raise argparse.ArgumentTypeError(f"{text!r} is not {words}")
        return value

    return read


at_least_0 = _number(int, 0, "a whole number of at least 0")
at_least_1 = _number(int, 1, "a whole number of at least 1")
_positive = _number(float, 1e-6, "a number of hours above 0")


def run(args: argparse.Namespace) -> int:
    from recspace.running import bound_space
    from recspace.runtime.folder import vacant

    if args.output is not None and not args.dry_run:
        vacant(args.output)
    if args.tuned is not None:
        from recspace.tuned import read

        tuned = read(args.tuned)
        args.without, args.tile = [*args.without, *tuned.without], args.tile or tuned.tile
    space = bound_space(question(args))
    if space.verdict.bound is None:
        return _without_data(args)
    show(space.warnings)
    if not args.json:
        print_block(space.verdict)
    if args.dry_run:
        from .rehearsal import rehearse

        return rehearse(space, settings(args), as_json=args.json)
    from recspace.support import start

    folder = args.output or free_folder(space.graph.name)
    if not args.json:
        print(f"{space.graph.name}, run in {folder}", file=sys.stderr)
    return followed(folder, args, lambda progress: start(space, settings(args), folder, progress))


def _without_data(args: argparse.Namespace) -> int:
    text = f"a run needs a table, and {args.file} is bound to none"
    help = "name a table, a shipped name or a file with a data block:  --data movielens"
    told = Diagnostic("S0545", text, Span(Source(args.file, ""), 0, 0), help=help)
    if args.json:
        write_json({"ok": False, "diagnostics": [as_data(told)]})
    else:
        show([told])
    return USAGE


def settings(args: argparse.Namespace) -> Settings:
    from recspace.profiles import profile
    from recspace.runtime.settings import Settings

    return Settings(
        seed=args.seed, epochs=args.epochs, hours=args.hours, fix=tuple(args.fix), set=tuple(args.set),
        strategy=args.strategy, device=args.device, amp=args.amp, compile=args.compile, top=args.top, log=tuple(args.log),
        tile=args.tile, profiles=tuple(map(profile, args.profile)),
    )  # fmt: skip


def free_folder(name: str) -> Path:
    """`runs/autofis`, or `runs/autofis-2` … where that is taken."""
    first = Path("runs", "".join(c if c.isalnum() else "-" for c in name.lower()))
    folder, number = first, 1
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder


def followed(folder: Path, args: argparse.Namespace, work: Callable[[Bar | Lines], Result]) -> int:
    """Do the work under someone's eyes, and print the table. An interruption says how to go on."""
    from recspace.runtime.folder import forget

    from .progress import watcher

    progress = watcher(terminal=sys.stderr.isatty() and not args.json)
    try:
        result = work(progress)
    except SpaceError as error:
        progress.close()
        if not any(d.code == "S0707" for d in error.diagnostics):
            forget(folder)
        raise
    except KeyboardInterrupt:
        progress.close()
        begun = (folder / "run.json").is_file()
        print(f"interrupted; go on with  recspace resume {folder}" if begun else "interrupted", file=sys.stderr)
        return FAILED
    finally:
        progress.close()
    show_result(result, as_json=args.json)
    return 0


def show_result(result: Result, *, as_json: bool) -> None:
    """The report of a finished run, and what was planted where that is known."""
    from recspace.runtime.planted import said

    known = _planted(result.folder)
    if as_json:
        planted = {} if known is None else {"planted": [finding.as_data() for finding in known[1]]}
        write_json({"ok": True, "run": str(result.folder), "report": dict(result.report), **planted})
        return
    print(f"\n{_report(result)}")
    for line in said(*known) if known is not None else ():
        print(line)
    print(
        f"everything is in {result.folder}: report.html, report.json, architecture.json, model.py, model.safetensors, encoding/"
    )


def _planted(folder: Path) -> tuple[Truth, tuple[Finding, ...]] | None:
    """A truth beside the table that cannot be read is said, but is no reason to hide what the run found."""
    from recspace.runtime.planted import of_run

    try:
        return of_run(folder)
    except SpaceError as error:
        show([replace(d, severity="warning") for d in error.diagnostics])
        return None


def _report(result: Result) -> str:
    """Raises SpaceError (S0703) where the files of the folder are not what a run writes."""
    from recspace.runtime.refuse import reason, refusal, words

    from .outcome import text

    try:
        return text(result.report, json.loads((result.folder / "architecture.json").read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        message = f"the files in {result.folder} are damaged: {reason(why)}"
        raise refusal("S0703", message, words(str(result.folder), "")) from why
