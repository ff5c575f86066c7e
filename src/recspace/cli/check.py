"""`recspace check FILE`: everything that is wrong with a space, without torch."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recspace.dsl import as_data

from .arguments import Subparsers, add_json, add_space, command, question
from .output import show, write_json

if TYPE_CHECKING:
    from recspace.checking import Verdict


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "check", run, "find everything that is wrong with a space")
    add_space(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.checking import judge, unready

    verdict = judge(question(args))
    verdict = replace(verdict, diagnostics=(*verdict.diagnostics, *unready(verdict)))
    if args.json:
        write_json(_data(args.file, verdict))
    else:
        print_block(verdict)
        show(verdict.diagnostics)
        if verdict.ok:
            print(_summary(args.file, verdict))
    return 0 if verdict.ok else 1


def _data(file: str, verdict: Verdict) -> dict[str, Any]:
    from .describe import decision_data, size_data

    checked, schema = verdict.checked, verdict.schema
    graph = checked.graph if checked else None
    space = verdict.program.file.space if verdict.program else None
    return {
        "ok": verdict.ok,
        "file": file,
        "space": space.name if space else None,
        "data": None if schema is None else {"name": schema.name, "example": schema.example, "rows": schema.rows},
        "size": size_data(checked.size) if checked and checked.size else None,
        "decisions": [decision_data(d) for d in graph.decisions] if graph else [],
        "diagnostics": [as_data(d) for d in verdict.diagnostics],
    }


def _summary(file: str, verdict: Verdict) -> str:
    program, checked, schema = verdict.program, verdict.checked, verdict.schema
    assert program is not None
    if checked is None or checked.graph is None or schema is None:
        parts = [f"components {', '.join(c.name for c in program.file.components)}"] if program.file.components else []
        parts += [f"data {', '.join(d.name for d in program.file.datas)}"] if program.file.datas else []
        return f"{file}: no errors; no space in it, {' and '.join(parts) or 'nothing at all'}"
    from .describe import schema_text, size_text

    lines = [f"{checked.graph.name}: no errors, on {schema_text(schema)}"]
    if checked.graph.decisions:
        size = size_text(checked.size)
        formula = "" if size == checked.size.formula else f", {checked.size.formula}"
        lines.append(f"{size} architectures{formula}")
    else:
        lines.append("nothing to choose: one architecture")
    return "\n".join(lines)


def print_block(verdict: Verdict) -> None:
    """The data block that was inferred from a bare table, on stderr: to be pasted above `space` and corrected."""
    if verdict.bound is not None and verdict.bound.spec.inferred:
        from recspace.runtime.data.inspection import pasted

        spec = verdict.bound.spec
        if all(f.name == f.column for f in spec.features):
            print(f"inferred from {spec.source}; to correct it, put it above `space` in the file:\n", file=sys.stderr)
            print(pasted(spec), file=sys.stderr)
