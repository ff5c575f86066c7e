"""`recspace watch RUN`: a run while it goes on, as a page on this machine or in the terminal."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from recspace.dsl import Diagnostic, Source, SpaceError, Span

from .arguments import Subparsers, command

POLL_S = 0.5


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "watch", run, "watch a run while it goes on, in a browser or in the terminal")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--terminal", action="store_true", help="show it here instead of in a browser")
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of the page on 127.0.0.1; default: any free one"
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from recspace.pages import run_page

    if args.terminal:
        return _terminal(args.folder)
    run_page(args.folder)  # says what is wrong with the run before anything is served
    return _served(args.folder, args.port, open_it=args.open)


def _served(folder: Path, port: int, *, open_it: bool) -> int:
    from recspace.pages import Watch

    try:
        server = Watch(folder, port)
    except OSError as why:
        text = f"port {port} of 127.0.0.1 cannot be had: {why.strerror}"
        place = Span(Source("--port", str(port)), 0, len(str(port)))
        raise SpaceError([Diagnostic("S0722", text, place, help="leave --port out: a free one is found")]) from why
    with server:
        print(f"{folder} is shown at {server.address} (this machine alone); Ctrl-C ends it", flush=True)
        if open_it:
            import webbrowser

            webbrowser.open(server.address)
        try:
            server.serve_forever(poll_interval=POLL_S)
        except KeyboardInterrupt:
            server.closing = True
    return 0


def _terminal(folder: Path) -> int:
    """One picture where nobody watches; else one after the other until the run is done."""
    from rich.console import Console
    from rich.live import Live

    from .sparklines import picture, read

    console = Console()
    course = read(folder)
    if not sys.stdout.isatty():
        console.print(picture(folder, course))
        return 0
    try:
        with Live(picture(folder, course), console=console, refresh_per_second=4) as live:
            while not (course.done or course.failed):
                time.sleep(POLL_S)
                course = read(folder)
                live.update(picture(folder, course))
    except KeyboardInterrupt:
        pass
    return 0
