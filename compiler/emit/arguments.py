"""What an operator's function is called with beside its inputs: weights, options, noise, which elements there are."""

from __future__ import annotations

import ast as python

import numpy as np

from ..ir import Operator, Ref
from ..layers import Layer
from ..promise import Buffer, Weight
from ..promise import Operator as Promise
from ..unfinished import not_yet
from .emitter import Emitter, in_family


def layer_weights(emitter: Emitter, node: Operator, layer: Layer | None, grouped: bool) -> list[str]:
    """The weights and statistics of a layer: of all its elements that are read, or of one."""
    if layer is None:
        return []
    found = []
    at = np.array([layer.keys[k] for k in node.keys or ((),)], dtype=np.int64)
    tensors: tuple[Weight | Buffer, ...] = (*layer.weights, *layer.buffers)
    for weight in tensors:
        text = f"self.{layer.names[weight.name]}"
        if layer.keyed:
            text = emitter.rows(text, at, 0, len(layer.keys), grouped, True)
            if isinstance(weight, Buffer) and "index_select" in text:
                # A copy: statistics that are changed in place would be lost.
                raise not_yet(node.span, f"{node.operator}() shared by some elements of two families")
        found.append(text)
    return found


def keywords(emitter: Emitter, node: Operator, promise: Promise, name: str) -> list[str]:
    """Keyword arguments that the function declares: options, noise, training, presence."""
    declared = _keyword_names(emitter.promises.sources(node.operator)[name])
    found = []
    noises = {n.name: n for n in promise.noise}
    for argument in declared:
        if argument == "training":
            found.append("training=self.training")
        elif argument in noises:
            found.append(f"{argument}={_noise(emitter, node, noises[argument].like, argument)}")
        elif argument == "present":
            source = emitter.present.get(node.operands[0].node)
            if source is not None:
                rows = Ref(source.node, source.rows.take(node.operands[0].rows))
                found.append(f"present={emitter.fetch(rows, in_family(node), full=True)} >= 0")
        else:
            found.append(f"{argument}={node.options[argument]!r}")
    return found


def _noise(emitter: Emitter, node: Operator, like: int, name: str) -> str:
    source = node.operands[like]
    if emitter.graph[source.node].shape.kind == "sequence":
        raise not_yet(node.span, f"{node.operator}() on a sequence")
    key = emitter.layers.attribute(f"{node.place}.{node.part}.{name}.{node.options.get('·candidate', '')}")
    sizes = [emitter.size()] + ([str(len(node.index))] if in_family(node) else [])
    sizes += [str(d) for d in emitter.graph[source.node].shape.fixed]
    emitter.noise.append(f'"{key}": ({", ".join(sizes)},)')
    return f'noise.get("{key}")'


def _keyword_names(source: str) -> tuple[str, ...]:
    function = python.parse(source).body[0]
    assert isinstance(function, python.FunctionDef)
    return tuple(a.arg for a in function.args.kwonlyargs)
