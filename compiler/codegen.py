"""A lowered graph as the text of one readable module."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from keyword import kwlist
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from .compiled import Compiled, Tensor
from .compression import PACKED
from .emit import Emitter, emit
from .frequencies import blocks_of
from .gated import Settled
from .incompressible import compressed
from .ir import DecisionNode, Graph, Node, Operator, Output, Ref
from .layers import Layers, table_rows
from .levels import weighing_losses
from .passes.columns import columns
from .passes.keep import Mask, Place, keep
from .passes.tables import tables
from .promise import Promises, no_buffers
from .ranking import LOSSES as RANKING
from .ranking import Sides, Term, needed_lines, ranking_of
from .runs import runs_of
from .schema import Column, Schema
from .unfinished import not_yet

IMPORTED = frozenset({"F", "Tensor", "NamedTuple"})
"""Names that the text imports, and that no line of a body reads."""

# What the text of a module has names for already, besides the functions of operators.
RESERVED = frozenset(
    {
        "self",
        "batch",
        "choices",
        "noise",
        "size",
        "prediction",
        "torch",
        "nn",
        "average",
        "tensor",
        "stacked",
        "next",
        "iter",
    }
    | {
        "embed_sequence",
        "pool_mean",
        "pool_sum",
        "logloss_with_logits",
        "logloss_classes",
        "symmetric_sums",
        "sums_before",
        "weighed_sums",
        "gram",
        "mixed",
        "looked_up",
        "looked_up_rows",
        "chosen_at",
        "option_at",
        "picked",
        "kept_rows",
        "kept_bits",
        "kept_cells",
        "spread",
        "longest",
        "columns",
        "super",
        "others",
        "with_others",
        "own",
        "item",
        "ones",
    }
    | set(kwlist)
)
LOSSES = {"logloss": "logloss_with_logits"}
READ = {
    "id": "int64 [B], the id of a value, 0 for one that training did not have",
    "list": "int64 [B, L], ids of the values in a cell, filled up with -1",
    "number": "float [B], standardised, 0 where it is missing",
    "vector": "float [B, width]",
    "bucket": "int64 [B], the id of the quantile that a number lies in, 0 for one that training did not have",
    "cross": "int64 [B], the id of a combination of values, 0 where training had it too rarely",
    "label": "float [B] (of classes int64), for the objective alone",
    "weight": "float [B], for the objective alone",
}
"""How the columns of a batch come, by `Column.what`."""


def generate(
    graph: Graph, schema: Schema, promises: Promises, plain: bool = False, dense_from: float = 0.5,
    settled: Settled | None = None, pruned: Mapping[Place, Mask] | None = None,
) -> Compiled:  # fmt: skip
    """The module of a supernet or of a plain model, and what stands in its tensors. A plain model may keep gates: their
    weights are a buffer, which `choices` overrides. `dense_from`: see `emit/elements.py`. `settled`: the
    options of what a plain model looks up by the values of an example: what gates leave of a table is stored, else they are
    a buffer.
    `pruned`: what is left of tables besides."""

    def rows_of(column: Column) -> int:
        return table_rows(schema, column)

    def blocks(name: str, many: int, over: str) -> NDArray[np.int64]:
        return blocks_of(schema, name, many, over)

    graph = keep(columns(graph, pruned), settled or {}, rows_of, blocks, pruned) if plain else graph
    graph = tables(graph, rows_of, promises.operators)
    whole = _module(graph, schema, promises, plain, dense_from, settled, False)
    if plain and any(node.options["table"] in PACKED for node in compressed(graph)):
        return replace(whole, stored=_module(graph, schema, promises, plain, dense_from, settled, True))
    return whole


def _module(
    graph: Graph, schema: Schema, promises: Promises, plain: bool, dense_from: float, settled: Settled | None, packed: bool
) -> Compiled:  # fmt: skip
    """The module of a graph whose tables are laid out. `packed`: tables are bytes where they can be."""
    layers = Layers(graph, schema, promises, plain, settled, packed)
    layers.taken |= RESERVED | {
        f"{o}{ending}" for o in promises.operators for ending in ("", "_grouped", "_number", "_vector")
    }
    emitter = Emitter(
        graph, schema, promises, layers, runs=runs_of(graph), dense_from=dense_from, weighing=weighing_losses(graph)
    )
    outputs = [(k, n) for k in graph.outputs if isinstance(n := graph[k], Output)]
    predict_key, predict = next((k, n) for k, n in outputs if n.role == "predict")
    objectives = [n for _, n in outputs if n.role == "objective"]
    needed = graph.ancestors([predict.value.node])
    _emit(emitter, graph, needed)
    body, emitter.lines = emitter.lines, []
    emitter.stand(predict_key, predict)
    prediction = _scalar(emitter, predict.value)
    rewritten = {id(o): _fused(graph, o, predict) for o in objectives}
    ranking, noisy = ranking_of(graph), len(emitter.noise)
    own, item = _factors(emitter, Sides(graph, schema).terms(predict.value) if ranking else ())
    terms = _objective(emitter, graph, objectives, needed, predict, rewritten)
    if ranking and len(emitter.noise) > noisy:
        raise not_yet(predict.span, "noise in the objective beside a ranking loss")
    made = [
        *(emitter.values[k].name for k in needed if k in emitter.values),
        *(name for k, name in emitter.logits.items() if k in needed),
    ]
    made += emitter.places.values()
    extras = [v for v in dict.fromkeys(made)
              if _reads(v, emitter.lines + terms) and not v.startswith("self.") and v.isidentifier()]  # fmt: skip
    cut = [v.name for v in emitter.values.values() if v.batched and v.name in extras]
    tensors = layers.tensors()
    asked = {n.name for _, n in graph.items() if isinstance(n, DecisionNode) and not (plain and n.given)} - set(
        settled or ()
    )
    decisions = tuple(d for d in graph.decisions if d.name in asked)
    name = _class_name(graph.name, emitter.functions)
    source = _template().render(
        doc=f"{graph.name}: {'a plain model' if plain else 'a supernet'} made by recspace. To read; it is not run from this file.",
        name=name, summary=f"{graph.name} for {schema.name}.", functions=list(emitter.functions.values()),
        tensors=[_described(t) for t in tensors], constants=_constants(emitter), body=emitter.prelude + body,
        before=["from typing import NamedTuple"] if emitter.places else [], after=_after(emitter), prelude=emitter.prelude,
        size=_size(emitter), result=f"({', '.join([prediction, *extras])},)", unpack=", ".join(["prediction", *extras]) + ("," if not extras else ""),
        objective=emitter.lines, returned=", ".join(terms), terms=", ".join(_safe(o.text) for o in objectives) or "nothing",
        ranking=ranking, cut=list(dict.fromkeys(cut)), own=own, item=item, factor_lines=needed_lines(body, own + item),
        sparse=any("self.sparse" in line for line in [*body, *emitter.lines]),
        noise=emitter.noise, reads=_reading(tuple(emitter.columns.values()), schema),
        classes=1 if predict.shape.kind == "number" or predict.shape.last == 1 else 2,
    )  # fmt: skip
    read = tuple(emitter.columns.values())
    said = tuple(o.text for o in objectives)
    names = {key: value.name for key, value in emitter.values.items()}
    tiled = not (ranking or emitter.places or any(_state(promises, node) for _, node in graph.items()))
    return Compiled(
        graph.name, name, source, read, tensors, decisions, said, graph, ranking, bool(own), names, tiled=tiled
    )  # fmt: skip


def _state(promises: Promises, node: Node) -> bool:
    """Whether an operator keeps statistics of all examples that it sees."""
    return (
        isinstance(node, Operator)
        and node.operator in promises.operators
        and (promises.operators[node.operator].buffers is not no_buffers)
    )


def _emit(emitter: Emitter, graph: Graph, wanted: frozenset[int]) -> None:
    for key, node in graph.items():
        if key in wanted and key not in emitter.values and not isinstance(node, Output):
            emit(emitter, key)


def _after(emitter: Emitter) -> list[str]:
    """What a module imports besides torch: a plain one nothing."""
    return (
        ["from torch_geometric.utils import scatter"]
        if any("scatter(" in f for f in emitter.functions.values())
        else []
    )


def _scalar(emitter: Emitter, ref: Ref) -> str:
    """A value as one number for an example: a vector of one loses its axis."""
    text = emitter.fetch(ref, False, batched=True)
    node = emitter.graph[ref.node]
    return f"{text}.squeeze(-1)" if node.shape.kind == "vector" and node.shape.last == 1 else text


def _factors(emitter: Emitter, terms: tuple[Term, ...]) -> tuple[list[str], list[str]]:
    """The two sides of a score: for each the expressions [B, …] that stand side by side, one for each term."""
    own, item = list[str](), list[str]()
    for term in terms:
        left, right = term.vectors or (None, None)
        text = _multiplied(emitter, term.own, left)
        own.append(text if term.sign > 0 else f"-{text}" if text.isidentifier() else f"-({text})")
        item.append(_multiplied(emitter, term.item, right))
    return own, item


def _multiplied(emitter: Emitter, numbers: tuple[Ref, ...], vector: Ref | None) -> str:
    parts = [f"{emitter.fetch(r, False, batched=True)}.unsqueeze(-1)" for r in numbers]
    parts += [] if vector is None else [emitter.fetch(vector, False, batched=True)]
    return " * ".join(parts) or "ones"


def _fused(graph: Graph, output: Output, predict: Output) -> Ref | None:
    """The logits, where logloss is taken of a sigmoid: exact where the sigmoid is 0 or 1."""
    for key in graph.ancestors([output.value.node]):
        node = graph[key]
        if isinstance(node, Operator) and node.operator in LOSSES and node.operands[0] == predict.value:
            top = graph[predict.value.node]
            if isinstance(top, Operator) and top.operator == "sigmoid":
                return top.operands[0]
    return None


def _objective(
    emitter: Emitter,
    graph: Graph,
    objectives: list[Output],
    done: frozenset[int],
    predict: Output,
    fused: dict[int, Ref | None],
) -> list[str]:
    terms = []
    for output in objectives:
        for key, node in graph.items():
            if key in graph.ancestors([output.value.node]) and key not in emitter.values:
                if (
                    isinstance(node, Operator)
                    and emitter.promises.operators.get(node.operator)
                    and _on_prediction(emitter, node)
                ):
                    emitter.stand(key, node)
                    _loss(emitter, key, node, fused[id(output)])
                else:
                    emit(emitter, key)
        emitter.at, emitter.rows_at, emitter.holding = (), None, False
        value = emitter.values[output.value.node]
        text = emitter.fetch(output.value, False)
        shape = graph[output.value.node].shape
        text = f"{text}.squeeze(-1)" if shape.kind == "vector" else text
        terms.append(f"average({text}, batch)" if value.batched else f"torch.as_tensor({text})")
    return terms


def _on_prediction(emitter: Emitter, node: Operator) -> bool:
    return emitter.promises.operators[node.operator].inputs[:1] == ("prediction",)


def _loss(emitter: Emitter, key: int, node: Operator, logits: Ref | None) -> None:
    """An objective on what is predicted."""
    classes = emitter.schema.label.kind == "classes"
    if node.operator in RANKING:
        emitter.use(node.operator, node.operator)
        emitter.define(key, node, f"{node.operator}(prediction, others)", True, node.operator)
        return
    if node.operator not in ("logloss", "mse") or (classes and node.operator == "mse"):
        raise not_yet(node.span, f"{node.operator}")
    name = node.operator if logits is None else LOSSES[node.operator]
    name = "logloss_classes" if classes and node.operator == "logloss" else name
    emitter.use(node.operator, name)
    first = _scalar(emitter, logits or node.operands[0]) if not classes else emitter.fetch(node.operands[0], False)
    label = emitter.fetch(node.operands[1], False)
    emitter.define(key, node, f"{name}({first}, {label})", True, node.operator)


def _reads(name: str, lines: list[str]) -> bool:
    import re

    return any(
        re.search(rf"(?<![\w.\"]){re.escape(name)}(?![\w\"])", line.split("  # ")[0].split(" = ", 1)[-1])
        for line in lines
    )


def _described(tensor: Tensor) -> dict[str, Any]:
    places = list(dict.fromkeys(f"{s.layer} {s.name}" for s in tensor.slices))
    keys = list(dict.fromkeys(".".join(map(str, s.key)) for s in tensor.slices if s.key))
    what = ", ".join(places[:2]) + (", …" if len(places) > 2 else "")
    what += f" of {', '.join(keys[:4])}{', …' if len(keys) > 4 else ''}" if keys else ""
    size = ", ".join(map(str, tensor.shape)) if tensor.shape else "()"
    size += f", dtype=torch.{tensor.dtype}" if tensor.dtype else ""
    return {"attribute": tensor.attribute, "trainable": tensor.trainable, "what": _safe(what), "size": size}


def _constants(emitter: Emitter) -> list[dict[str, str]]:
    return [{"name": name, "listed": values, "dtype": dtype} for (dtype, values), name in emitter.constants.items()]


def _size(emitter: Emitter) -> str:
    return "next(iter(batch.values())).shape[0]"


def _reading(columns: tuple[Column, ...], schema: Schema) -> list[str]:
    """What a batch holds, for whoever calls the module: a line for each form of column, with the keys that have it."""
    found: dict[str, list[str]] = {}
    for column in columns:
        several = column.what == "id" and schema.field(column.fields[0]).several
        found.setdefault("list" if several else column.what, []).append(_safe(column.key))
    return [
        line
        for what, keys in found.items()
        for line in wrap(f"{READ[what]}: {', '.join(keys)}", 108, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    ]  # fmt: skip


def _safe(text: str) -> str:
    """Text of a space or of data inside a comment or docstring: one line, nothing that ends it."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")


def _class_name(name: str, functions: Collection[str]) -> str:
    """The space's name, told apart from what the module has already: `F` is torch.nn.functional there."""
    found = "".join(c for c in name if c.isalnum() and c.isascii()) or "Model"
    taken = found in RESERVED or found in functions or found in IMPORTED or hasattr(builtins, found)
    return f"{found}Model" if taken else found


@cache
def _template() -> Any:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python is written, not markup
    )
    return environment.get_template("module.py.j2")
