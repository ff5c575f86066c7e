"""`recspace run FILE --data DATA -o RUN`: search, derive, retrain, compare."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import SpaceError

from .arguments import Subparsers, add_json, add_space, command, question
from .check import print_block
from .output import show, write_json

if TYPE_CHECKING:
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
    group.add_argument("--seed", type=_at_least_0, default=0, metavar="N")
    group.add_argument("--epochs", type=_at_least_1, metavar="N", help="of every stage that trains")
    group.add_argument("--hours", type=_positive, metavar="H", help="for the whole run, divided among its stages")
    group.add_argument(
        "--top", type=_at_least_1, default=20, metavar="K", help="of rankings: recall@K, ndcg@K; default 20"
    )
    group.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    group.add_argument("--amp", action="store_true", help="bfloat16 where it is safe")
    group.add_argument("--compile", action="store_true", help="torch.compile the training step")
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


_at_least_0 = _number(int, 0, "a whole number of at least 0")
_at_least_1 = _number(int, 1, "a whole number of at least 1")
_positive = _number(float, 1e-6, "a number of hours above 0")


def run(args: argparse.Namespace) -> int:
    from recspace.running import bound_space

    space = bound_space(question(args))
    if space.verdict.bound is None:
        print(f"recspace run: {args.file} is bound to no data; name a table with --data", file=sys.stderr)
        return USAGE
    show(space.warnings)
    if not args.json:
        print_block(space.verdict)
    if args.dry_run:
        from .rehearsal import rehearse

        return rehearse(space, settings(args), as_json=args.json)
    from recspace.running import start

    folder = args.output or free_folder(space.graph.name)
    if not args.json:
        print(f"{space.graph.name}, run in {folder}", file=sys.stderr)
    return followed(folder, args, lambda progress: start(space, settings(args), folder, progress))


def settings(args: argparse.Namespace) -> Settings:
    from recspace.runtime.settings import Settings

    return Settings(
        seed=args.seed, epochs=args.epochs, hours=args.hours, fix=tuple(args.fix), set=tuple(args.set),
        strategy=args.strategy, device=args.device, amp=args.amp, compile=args.compile, top=args.top,
    )  # fmt: skip


def free_folder(name: str) -> Path:
    """`runs/autofis`, or `runs/autofis-2` … where that is taken."""
    first = Path("runs", "".join(c if c.isalnum() else "-" for c in name.lower()))
    folder, number = first, 1
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder


def _forget_refused(folder: Path) -> None:
    """A run that was refused before it began leaves no folder to be in the way of the next."""
    if not folder.is_dir() or (folder / "run.json").exists():
        return
    left = {path.name: path for path in folder.iterdir()}
    events = left.get("events.jsonl")
    if not left.keys() <= {"lock", "checkpoints", "events.jsonl"} or (events and events.stat().st_size):
        return
    for path in left.values():
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def followed(folder: Path, args: argparse.Namespace, work: Callable[[Bar | Lines], Result]) -> int:
    """Do the work under someone's eyes, and print the table. An interruption says how to go on."""
    from .outcome import text
    from .progress import watcher

    progress = watcher(terminal=sys.stderr.isatty() and not args.json)
    try:
        result = work(progress)
    except SpaceError:
        progress.close()
        _forget_refused(folder)
        raise
    except KeyboardInterrupt:
        progress.close()
        begun = (folder / "run.json").is_file()
        print(f"interrupted; go on with  recspace resume {folder}" if begun else "interrupted", file=sys.stderr)
        return FAILED
    finally:
        progress.close()
    if args.json:
        write_json({"ok": True, "run": str(result.folder), "report": dict(result.report)})
    else:
        print(f"\n{text(result.report)}")
        print(f"everything is in {result.folder}: report.json, architecture.json, model.py, model.safetensors")
    return 0
