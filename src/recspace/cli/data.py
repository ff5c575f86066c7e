"""`recspace data`: what a table seems to hold (`inspect`), a table with a planted truth (`synth`), and what of it a run has
found (`compare`)."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import as_data

from .arguments import Subparsers, add_json, command
from .output import aligned, show, write_json

if TYPE_CHECKING:
    from recspace.runtime.data.inspection import Report

PLAN = (
    ("--fields", int, "fields", "fields in all"),
    ("--cardinality", int, "cardinality", "values of each field"),
    ("--rows", int, "rows", "rows, of which 80%% train, 10%% choose, 10%% test"),
    ("--groups", int, "groups", "interactions"),
    ("--order", int, "order", "fields of each interaction"),
    ("--decoys", int, "decoys", "fields that repeat another one and have no effect"),
    ("--likeness", float, "likeness", "how often a decoy repeats"),
    ("--zipf", float, "zipf", "exponent of how often values occur"),
    ("--auc", float, "auc", "the best possible AUC"),
    ("--first-order", float, "first_order", "share of the logits that single fields explain"),
    ("--positives", float, "positives", "share of positive rows"),
    ("--seed", int, "seed", "of all that is drawn"),
)


TASTES = (
    ("--users", int, "users", "with --implicit: users"),
    ("--items", int, "items", "with --implicit: items"),
    ("--rank", int, "rank", "with --implicit: numbers that tell tastes apart"),
    ("--strength", float, "strength", "with --implicit: of tastes beside popularity; 0: a control"),
)


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    doc = "look at a table, or make one"
    parser = commands.add_parser("data", help=doc, description=f"{doc.capitalize()}.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    look = command(inner, "inspect", inspect, "print the data block that a table suggests, and what looks wrong")
    look.add_argument("table", metavar="TABLE")
    look.add_argument("--label", metavar="LABEL", help="the label, where no column is called so, or 'rating >= 4'")
    add_json(look)
    make = command(inner, "synth", synth, "make a table whose true interactions are known")
    make.add_argument("-o", "--output", metavar="OUT.parquet", type=_parquet, default=Path("planted.parquet"))
    make.add_argument("--implicit", action="store_true", help="users, and items that they chose, with planted tastes")
    for flag, kind, name, help in (*PLAN, *TASTES):
        make.add_argument(flag, dest=name, type=kind, metavar="N" if kind is int else "X", help=help)
    make.add_argument("--kind", choices=("table", "parity"), help="random tables, or parities of random signs")
    make.add_argument("--permuted", action="store_const", const=True, help="shuffle the labels in the end: a control")
    add_json(make)
    held = command(inner, "compare", compare, "say which planted interactions a run has found")
    held.add_argument("folder", metavar="RUN", type=Path, help="the folder of a finished run")
    held.add_argument("truth", metavar="TRUTH", type=Path, help="the truth that synth wrote: x.truth.json")
    add_json(held)


def _parquet(text: str) -> Path:
    if not text.endswith(".parquet"):
        raise argparse.ArgumentTypeError(f"{text!r} should end in .parquet")
    return Path(text)


def inspect(args: argparse.Namespace) -> int:
    from recspace.runtime.data.inspection import inspect

    report = inspect(args.table, args.label)
    ok = all(d.severity == "warning" for d in report.warnings)
    if args.json:
        columns = [asdict(column) for column in report.columns]
        found = [as_data(d) for d in report.warnings]
        facts = {"rows": report.rows, "columns": columns, "block": report.block}
        write_json({"ok": ok, "table": args.table, **facts, "diagnostics": found})
        return 0 if ok else 1
    print("\n".join(_columns(report)))
    print(f"\n{report.block.rstrip()}")
    print(
        "a data block stands above `space` in a file; its source is looked for from the file's folder", file=sys.stderr
    )
    show(report.warnings)
    return 0 if ok else 1


def _columns(report: Report) -> list[str]:
    head = ("column", "type", "distinct", "missing", "use", "examples")
    rows = [
        (c.name, c.type, f"{c.distinct:,}", f"{c.missing:,}", c.use or "left out", ", ".join(c.examples))
        for c in report.columns
    ]
    return [f"{report.rows:,} rows", "", *aligned([head, *rows])]


def synth(args: argparse.Namespace) -> int:
    from recspace.runtime.data.synth import Plan, write

    _refuse_others(args)
    if args.implicit:
        return _implicit(args)
    names = {field.name for field in fields(Plan)}
    plan = Plan(**{name: value for name, value in vars(args).items() if name in names and value is not None})
    truth = write(plan, args.output)
    beside = args.output.with_suffix(".truth.json")
    if args.json:
        write_json({"ok": True, "table": str(args.output), "truth": str(beside), **truth.as_data()})
        return 0
    print(f"{args.output}: {plan.rows:,} rows, {plan.fields} fields")
    print(f"best possible AUC {truth.oracle_auc:.4f}, first order alone {truth.first_order_auc:.4f}")
    print(f"interactions, also in {beside}: {', '.join('*'.join(group) for group in truth.groups)}")
    print("".join(f"{decoy} repeats {source}\n" for decoy, source in truth.decoys), end="")
    return 0


def compare(args: argparse.Namespace) -> int:
    from recspace.runtime.planted import of_run, said

    known = of_run(args.folder, args.truth)
    assert known is not None, "a truth was given"
    if args.json:
        truth, found = known
        planted = [finding.as_data() for finding in found]
        write_json({"ok": True, "run": str(args.folder), "permuted": truth.permuted, "planted": planted})
    else:
        print("\n".join(said(*known)))
    return 0


def _refuse_others(args: argparse.Namespace) -> None:
    """Options of the other kind of table are refused, not passed over."""
    shared = {"rows", "zipf", "seed"}
    others = (*PLAN, ("--kind", str, "kind", ""), ("--permuted", bool, "permuted", "")) if args.implicit else TASTES
    given = [flag for flag, _, name, _ in others if name not in shared and getattr(args, name) is not None]
    if given:
        why = "goes with labels, not with --implicit" if args.implicit else "goes with --implicit"
        raise SystemExit(_usage(f"{given[0]} {why}"))


def _usage(text: str) -> int:
    print(f"recspace data synth: {text}", file=sys.stderr)
    return 2


def _implicit(args: argparse.Namespace) -> int:
    from recspace.runtime.data.implicit import TOP, Tastes, write

    names = {field.name for field in fields(Tastes)}
    plan = Tastes(**{name: value for name, value in vars(args).items() if name in names and value is not None})
    known = write(plan, args.output)
    beside = args.output.with_suffix(".truth.json")
    if args.json:
        write_json({"ok": True, "table": str(args.output), "truth": str(beside), **known.as_data()})
        return 0
    print(f"{args.output}: {plan.users:,} users, {plan.items:,} items")
    print(f"test rows, also in {beside}: recall@{TOP} {known.oracle_recall:.4f} by the planted tastes, ", end="")
    print(f"{known.popular_recall:.4f} by popularity; ndcg@{TOP} {known.oracle_ndcg:.4f}, {known.popular_ndcg:.4f}")
    return 0
