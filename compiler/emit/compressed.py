"""Look-ups in tables that take less than a row of numbers for each value (`compression.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir import Operator
from ..passes.tables import Laid
from .emitter import Emitter, in_family


def looked_up(emitter: Emitter, node: Operator, reads: Sequence[str], several: bool) -> str:
    """The text of the vectors. `reads`: for each part the rows of it, as text; of padding −1."""
    laid = node.options["·laid"]
    name = "embed_sequence" if several else "embed"

    def row(k: int) -> str:
        emitter.use("embed", name)
        return f"{name}({reads[k]}, {_tensor(emitter, laid[k])}, self.sparse)"

    match node.options["table"]:
        case "tensor_train":
            emitter.use("embed", "embed_cores")
            return f"embed_cores({row(0)}, {row(1)}, {row(2)}, {node.options['rank']})"
        case "int8" if emitter.layers.packed:
            emitter.use("embed", "embed_bytes")
            scale = emitter.layers.scales[laid[0].table].attribute
            return f"embed_bytes({reads[0]}, {_tensor(emitter, laid[0])}, self.{scale})"
        case "int8":
            emitter.use("embed", "embed_rounded")
            return f"embed_rounded({row(0)})"
        case "codes" if emitter.layers.packed:
            return _by_codes(emitter, node, reads[0], several)
        case "codes":
            emitter.use("embed", "embed_quantised")
            known = f", ids={reads[0]}" if several else ""
            own = ", ".join(_books(emitter, node, one, several) for one in laid[1:])
            return f"embed_quantised({row(0)}, {own}, {laid[0].weight.row_bytes}{known})"
        case _:
            return " * ".join(row(k) for k in range(len(laid)))


def _tensor(emitter: Emitter, laid: Laid) -> str:
    return f"self.{emitter.layers.tables[laid.table].attribute}"


def _books(emitter: Emitter, node: Operator, laid: Laid, several: bool) -> str:
    """The vectors [(N,) K, n] that belong to every element of a family; beside sequences [N, 1, K, n]."""
    k, table = laid.rows[0], _tensor(emitter, laid)
    if not in_family(node):
        return f"{table}[{laid.starts[0]} : {laid.starts[0] + k}]"
    at = emitter.constant([list(range(start, start + k)) for start in laid.starts])
    return f"{table}[{at}]{'.unsqueeze(1)' if several else ''}"


def _by_codes(emitter: Emitter, node: Operator, read: str, several: bool) -> str:
    codes, _, codewords = node.options["·laid"]
    emitter.use("embed", "embed_codes")
    start = str(codewords.starts[0])
    if in_family(node):
        start = f"{emitter.constant(codewords.starts)}{'[:, None, None]' if several else '[:, None]'}"
    return f"embed_codes({read}, {_tensor(emitter, codes)}, {_tensor(emitter, codewords)}, {start})"
