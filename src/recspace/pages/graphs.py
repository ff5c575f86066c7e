"""The data of a graph's page: the graph as written and after the passes, decisions, texts, and the generated module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recspace.dsl import SpaceError

from .document import document

if TYPE_CHECKING:
    from recspace.checking import Verdict
    from recspace.compiler.compile import Models
    from recspace.compiler.compiled import Compiled
    from recspace.compiler.ir import Graph
    from recspace.compiler.schema import Schema
    from recspace.compiler.size import Size

VERSION = 1


def graph_page(verdict: Verdict) -> str:
    """The page of a checked space that has a graph."""
    data = graph_data(verdict)
    return document(data["name"], "graph_page", data)


def graph_data(verdict: Verdict, models: Models | None = None) -> dict[str, Any]:
    """What the page shows, as JSON; a run keeps it beside what it learns. `models`: of the space, if there are any yet."""
    from recspace.compiler.drawing.page import Texts, decision_data, described

    checked, schema = verdict.checked, verdict.schema
    assert checked is not None
    assert schema is not None
    graph = checked.graph
    assert graph is not None
    texts = Texts()
    module, refused = _supernet(models or _models(verdict, graph))
    stages = [{"name": "As written", **described(graph, texts, _costs(graph, schema), {})}]
    if module is not None:
        stages.append({"name": "After passes", **described(module.graph, texts, {}, module.names)})
    return {
        "version": VERSION,
        "name": graph.name,
        "title": _title(verdict),
        "data": _data_text(schema),
        "size": _size_text(checked.size),
        "stages": stages,
        "decisions": [decision_data(decision) for decision in graph.decisions],
        "fields": [[field.name, field.kind, field.cardinality] for field in schema.fields],
        "sources": texts.as_data(),
        "code": None if module is None else module.source,
        "refused": refused,
    }


def _models(verdict: Verdict, graph: Graph) -> Models:
    from recspace.compiler.compile import Models
    from recspace.runtime.registry import promises

    assert verdict.program is not None
    assert verdict.schema is not None
    return Models(verdict.program, verdict.schema, promises(), graph)


def _supernet(models: Models) -> tuple[Compiled | None, str]:
    """The generated module; or why there is none."""
    try:
        return models.supernet, ""
    except SpaceError as error:
        return None, "; ".join(d.message for d in error.diagnostics)


def _costs(graph: Graph, schema: Schema) -> dict[int, tuple[int, int]]:
    """Of every node in the hand-made model."""
    from recspace.compiler.architectures import hand_made
    from recspace.compiler.cost import Costs
    from recspace.runtime.registry import promises

    return Costs(graph, schema, promises(), hand_made(graph)).by_node()


def _title(verdict: Verdict) -> str:
    space = verdict.program.file.space if verdict.program else None
    return (space.doc or "") if space is not None else ""


def _data_text(schema: Schema) -> str:
    kind = "an example" if schema.example else schema.name
    return f"{kind} · {len(schema.fields)} fields · {schema.rows:,} rows"


def _size_text(size: Size) -> str:
    """The formula, and the number where that is short."""
    if size.value is None or size.value.bit_length() > 60:
        return size.formula
    return f"{size.value:,}" + ("" if size.formula == str(size.value) else f" = {size.formula}")
