"""`recspace size FILE`: how many architectures, exact and as a formula, and what each decision adds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from recspace.dsl import as_data

from .arguments import Subparsers, add_json, add_space, command, question
from .output import aligned, counted, digits, show, write_json

if TYPE_CHECKING:
    from recspace.checking import Verdict
    from recspace.compiler.compile import Checked


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "size", run, "count the architectures of a space")
    add_space(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.checking import judge

    verdict = judge(question(args))
    if verdict.ok and (verdict.checked is None or verdict.checked.graph is None):
        return no_space(args, verdict)
    if args.json:
        write_json(_data(args.file, verdict))
    else:
        show(verdict.diagnostics)
        if verdict.ok and verdict.checked:
            print("\n".join(_lines(verdict, verdict.checked)))
    return 0 if verdict.ok else 1


def no_space(args: argparse.Namespace, verdict: Verdict) -> int:
    """A file of parts or data alone: an error where a space is wanted."""
    from recspace.dsl import Diagnostic, SpaceError

    assert verdict.program is not None
    message, span = f"there is no space in {args.file}", verdict.program.file.span
    raise SpaceError([Diagnostic("S0006", message, span, help="a space begins with  space Name")])


def _data(file: str, verdict: Verdict) -> dict[str, Any]:
    from .describe import decision_data, size_data

    checked = verdict.checked
    graph = checked.graph if checked else None
    return {
        "ok": verdict.ok,
        "file": file,
        "space": graph.name if graph else None,
        "example": verdict.schema.example if verdict.schema else None,
        "size": size_data(checked.size) if checked and checked.size else None,
        "decisions": [decision_data(d) for d in graph.decisions] if graph else [],
        "diagnostics": [as_data(d) for d in verdict.diagnostics],
    }


def _lines(verdict: Verdict, checked: Checked) -> list[str]:
    from .describe import domains_text, heading, schema_text, traits

    size, graph, schema = checked.size, checked.graph, verdict.schema
    assert graph is not None
    assert schema is not None
    lines = [f"{graph.name} on {schema_text(schema)}", ""]
    rows = [(heading(d), f"× {counted(d.elements)}", domains_text(d), ", ".join(traits(d))) for d in graph.decisions]
    lines += [*aligned(rows), ""] if rows else []
    lines.append(f"formula   {size.formula}")
    lines += [f"          {letter} = {meaning}" for letter, meaning in size.legend]
    if size.value is not None:
        lines.append(f"exactly   {digits(size.value)}")
        lines += [f"about     {counted(size.value)}"] if size.value >= 10**15 else []
    elif not size.exact and size.upper is not None:
        lines.append(f"bounds    {counted(size.lower)} … {counted(size.upper)}: {size.why}")
    lines += [f"real      {', '.join(size.reals)} (not counted)"] if size.reals else []
    lines += [f"not counted: require {text}" for text in size.ignored]
    return lines
