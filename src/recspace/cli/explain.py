"""`recspace explain CODE`: what an error means, with a wrong and a right example."""

from __future__ import annotations

import argparse
import sys

from recspace.dsl.codes import codes, explain, nearest_code, title

from .arguments import Subparsers, add_json, command
from .output import write_json

USAGE = 2


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "explain", run, "explain an error such as S0312; without a code, list all")
    parser.add_argument("code", metavar="CODE", nargs="?")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.code is None:
        return _list(args)
    text = explain(args.code)
    if text is None:
        meant = nearest_code(args.code)
        hint = f"did you mean {meant}?" if meant else "`recspace explain` lists all codes"
        print(f"there is no code {args.code}; {hint}", file=sys.stderr)
        return USAGE
    head, _, body = text.partition("\n")
    if args.json:
        digits = args.code.strip().upper().removeprefix("S")
        write_json({"code": f"S{digits.zfill(4)}", "title": head, "text": body.strip()})
    else:
        print(text.rstrip())
    return 0


def _list(args: argparse.Namespace) -> int:
    every = {code: title(code) or "" for code in codes()}
    if args.json:
        write_json({"codes": [{"code": code, "title": text} for code, text in every.items()]})
    else:
        print("\n".join(f"{code}  {text}" for code, text in every.items()))
    return 0
