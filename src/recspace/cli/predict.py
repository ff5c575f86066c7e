"""`recspace predict RUN TABLE -o predictions.parquet`: what the model of a finished run says of other rows."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .output import write_json

ENDINGS = (".parquet", ".csv")


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "predict", run, "let the model of a finished run predict the rows of a table")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "table", metavar="TABLE", type=Path, help="its columns as in the table of the run; no label is needed"
    )
    parser.add_argument("-o", "--output", metavar="OUT", type=_output, required=True, help="OUT.parquet or OUT.csv")
    parser.add_argument("--file", metavar="FILE", help="where the space lies now, if it was moved")
    parser.add_argument("--data", metavar="DATA", help="where the run's own table or data block lies now")
    add_json(parser)


def _output(text: str) -> Path:
    if Path(text).suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} should end in {' or '.join(ENDINGS)}")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    from recspace.running import Moved, outcome
    from recspace.runtime.applying import as_table, classes_of, encoded, encoding_of, write_table
    from recspace.runtime.evaluation import answers

    _, model = outcome(args.folder, Moved(args.file, args.data))
    rows = encoded(args.folder, args.table)
    table = as_table(answers(model, rows), classes_of(encoding_of(args.folder)[0]))
    write_table(table, args.output)
    if args.json:
        write_json({"ok": True, "output": str(args.output), "rows": table.height, "columns": table.columns})
    else:
        print(f"{args.output}: {table.height:,} rows, {', '.join(table.columns)}, in the order of {args.table}")
    return 0
