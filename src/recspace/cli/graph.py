"""`recspace graph FILE -o x.html`: a space's graph, one box for each family, as a page, a picture, DOT, Mermaid or JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import as_data

from .arguments import Subparsers, add_json, add_space, command, question
from .output import show, write_json
from .size import no_space
from .writing import write_page

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

FORMATS = (".html", ".svg", ".png", ".dot", ".mmd", ".json")


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "graph", run, "draw the graph of a space")
    add_space(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=_output,
        help="x.html, x.svg, x.png, x.dot, x.mmd (Mermaid) or x.json; without it, text on stdout",
    )
    add_json(parser)


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} should end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    return path


def run(args: argparse.Namespace) -> int:
    from recspace.checking import judge

    verdict = judge(question(args))
    graph = verdict.checked.graph if verdict.checked else None
    if verdict.ok and graph is None:
        return no_space(args, verdict)
    if graph is None:
        if args.json:
            write_json({"ok": False, "diagnostics": [as_data(d) for d in verdict.diagnostics]})
        else:
            show(verdict.diagnostics)
        return 1
    show(verdict.diagnostics)
    if args.output is not None:
        from recspace.pages import graph_page

        page = args.output.suffix == ".html"
        write_page(args.output, graph_page(verdict) if page else drawn(graph, args.output.suffix))
    if args.json:
        from recspace.compiler.drawing import to_json

        print(to_json(graph), end="")
    elif args.output is None:
        from recspace.compiler.printing import show as shown

        print(shown(graph), end="")
    return 0


def drawn(graph: Graph, suffix: str) -> str | bytes:
    """The graph in the format that a suffix names."""
    from recspace.compiler.drawing import to_dot, to_json, to_mermaid, to_png, to_svg

    formats: dict[str, Callable[[Graph], str | bytes]] = {
        ".json": to_json, ".dot": to_dot, ".svg": to_svg, ".mmd": to_mermaid, ".png": to_png
    }  # fmt: skip
    return formats[suffix](graph)
