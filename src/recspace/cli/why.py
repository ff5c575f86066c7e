"""`recspace why RUN`: which decisions of a run mattered and which never did, by what it measured; `--freeze`: the settings that
leave these out of the next search."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import Subparsers, add_json, command
from .output import aligned, write_json
from .trials import read_trials

if TYPE_CHECKING:
    from recspace.runtime.mattered import Element

HEAD = ("element", "effect", "90% interval", "chance", "verdict")


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "why", run, "say which decisions of a run mattered, and which never did")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="print the --fix settings that leave out what never mattered, nothing else",
    )
    parser.add_argument(
        "--tolerance", metavar="X", type=float,
        help="an effect that may be missed, in units of the metric; else half a deviation of the scores",
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    tolerance, elements = judged(args.folder, read_trials(args.folder), args.tolerance)
    settings = frozen(elements)
    if args.json:
        told = [asdict(element) for element in elements]
        never = decisions_without_effect(elements)
        write_json({"ok": True, "tolerance": tolerance, "elements": told, "never_mattered": never, "fix": settings})
    elif args.freeze:
        print(" ".join(f"--fix {shlex.quote(text)}" for text in settings))
    else:
        print("\n".join(_text(args.folder, tolerance, elements, settings)))
    return 0


def judged(
    folder: Path, trials: Sequence[Mapping[str, Any]], tolerance: float | None = None
) -> tuple[float, tuple[Element, ...]]:
    """Every element that samplers have drawn or relaxations weighed, in the order of the space.

    `trials`: as the journal has them. Raises SpaceError (S0771) where the run measured nothing, or is not done.
    """
    from recspace.runtime.files import inside
    from recspace.runtime.mattered import drawn, weighed
    from recspace.runtime.refuse import refusal, words
    from recspace.runtime.report import ARCHITECTURE

    if not (folder / ARCHITECTURE).is_file():
        raise refusal(
            "S0771", f"the run in {folder} is not done", words(str(folder), ""), help=f"recspace resume {folder}"
        )
    document = json.loads(inside(folder, ARCHITECTURE).read_bytes())
    chosen = {e["name"]: e["value"] for entry in document["decisions"] for e in entry.get("elements", ())}
    stage = max((t["stage"] for t in trials), default="")  # scores of two stages are no scores of one training
    least, elements = drawn([t for t in trials if t["stage"] == stage], chosen, tolerance)
    elements = (*elements, *weighed(document))
    if not elements:
        text = f"the run in {folder} has neither judged architectures nor weighed choices"
        help = "search with random(trials = 60), tpe(), or relax(as = softmax)"
        raise refusal("S0771", text, words(str(folder), ""), help=help)
    return least, elements


def decisions_without_effect(elements: Iterable[Element]) -> list[str]:
    """Decisions of which no element mattered."""
    verdicts: dict[str, set[str]] = {}
    for element in elements:
        verdicts.setdefault(element.decision, set()).add(element.verdict)
    return [name for name, own in verdicts.items() if own == {"never mattered"}]


def frozen(elements: Sequence[Element]) -> list[str]:
    """What never mattered, as the run chose it: `keep[user,item]=on`. Sets and reals are left open."""
    settings = [
        f"{e.name}={e.value}"
        for e in elements
        if e.verdict == "never mattered" and isinstance(e.value, str | int) and not isinstance(e.value, bool)
    ]
    return list(dict.fromkeys(settings))


def _text(folder: Path, tolerance: float, elements: Sequence[Element], settings: Sequence[str]) -> list[str]:
    ordered = sorted(elements, key=lambda e: (e.how, -e.effect))
    lines = aligned([HEAD, *map(_row, ordered)])
    never = decisions_without_effect(elements)
    lines.append("")
    lines.append(f"never mattered: {', '.join(never)}" if never else "no decision as a whole never mattered")
    if any(e.how == "drawn" for e in elements):
        lines.append(
            f"effects are differences of mean scores on validation rows; below {tolerance:.4g} they count as none"
        )
    if settings:
        lines.append(f"recspace why {folder} --freeze  prints the {len(settings)} settings that leave these out")
    return lines


def _row(element: Element) -> tuple[str, ...]:
    chance: Any = element.chance
    if element.how == "weighed":
        return element.name, f"{element.effect:.3f} ahead", f"entropy {element.entropy:.2f}", "", element.verdict
    interval = f"{element.low:.4f} … {element.high:.4f}"
    return element.name, f"{element.effect:.4f}", interval, f"{chance:.3f}", element.verdict
