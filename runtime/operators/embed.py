"""embed(f, n, min_count = 1, sharing = none, table = full, mean = 0, std = 0.0001): a learned vector for a field's value.

B batch, N family, L positions of a sequence, V rows of the table, n width, k numbers of a `vector` column.
Rows start normal with standard deviation 1e-4, as in FuxiCTR and DeepCTR (`embedding_initializer`, `init_std`): those
that are hardly ever met stay near zero. Models of products alone do not leave it (L0-SIGN: mean 0.2, std 0.01). The table
of a `vector` column is a linear map and starts as one (Xavier).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes
from recspace.compiler.compression import KINDS, flops, parts
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, sequence, vector, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return sequence(options["n"]) if shapes[0].kind == "sequence" else vector(options["n"])


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    if shapes[0].kind == "vector":
        return (Weight("table", (shapes[0].last, options["n"]), Initial("xavier"), rows=0),)
    return parts(options["rows"] - 1, options)


def _flops(shapes: Shapes, options: Options) -> int:
    if shapes[0].kind == "vector":
        return 2 * widest(shapes[0].last) * widest(options["n"])
    return flops({**options, "n": widest(options["n"])})


promise = Operator(
    name="embed",
    doc="A learned vector for the value of a field; for a number without bins, the number times a learned vector.",
    # What the compiler gives for the field: a number for one id or raw number, sequence[1] for several ids, vector[k]
    # for a `vector` column; and an option `rows`: the rows of the table (1 for a raw number).
    inputs=("f",),
    options=(
        Option("n", "width", doc="width of the vector"),
        Option("min_count", "whole", 1, low=1, doc="values seen less often in training share the row of the unknown"),
        Option(
            "sharing",
            "label",
            "none",
            choices=("none", "nested", "ordinal", "table"),
            doc="nested, ordinal: small widths are the first columns of the widest; table: a sequence uses its field's",
        ),
        Option(
            "table",
            "label",
            "full",
            choices=KINDS,
            doc="how the table is stored; of numbers and vectors always in full",
        ),
        Option(
            "hash_rows", "real", 0.1, low=0.001, high=1.0, doc="rows of a hashed table, as share of the known values"
        ),
        Option("rank", "whole", 4, low=1, doc="of tensor_train: how many numbers join two cores"),
        Option("codebooks", "whole", 4, low=1, doc="of codes: as many at most as divide the width evenly"),
        Option("codewords", "whole", 32, low=2, high=256, doc="of codes: vectors of each codebook"),
        Option("mean", "real", 0.0, doc="around which rows start"),
        Option("std", "real", 1e-4, low=0.0, doc="standard deviation of rows at their start"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    structural=True,
)


def embed(ids_B: Tensor, table_Vn: Tensor, sparse: bool = False) -> Tensor:
    """Ids of any shape → [*shape, n]. Every id is a row of the table; for padded ids there is `embed_sequence`.

    `sparse`: the table's gradient is a sparse tensor of the rows that were looked up.
    """
    if sparse:
        return F.embedding(ids_B, table_Vn, sparse=True)
    return table_Vn.index_select(0, ids_B.flatten()).view(
        *ids_B.shape, table_Vn.shape[1]
    )  # its backward is quicker than F.embedding's


def embed_sequence(ids_BL: Tensor, table_Vn: Tensor, sparse: bool = False) -> Tensor:
    """[B, (N,) L] with −1 for padding → [B, (N,) L, n]; zero where padded."""
    return embed(ids_BL.clamp(min=0), table_Vn, sparse) * (ids_BL >= 0).unsqueeze(-1)


def embed_digit(ids: Tensor, divisor: Tensor | int, base: Tensor | int) -> Tensor:
    """Which row of a part of a table an id has, several ids sharing it: its own for the unknown value (0), −1 for padding."""
    return torch.where(ids > 0, (ids - 1) // divisor % base + 1, ids)


def embed_cores(first: Tensor, second: Tensor, third: Tensor, rank: int) -> Tensor:
    """Slices of three cores, [*, n1 r], [*, r n2 r], [*, r n3] → [*, n1 n2 n3]: their product over both ranks."""
    shape = first.shape[:-1]
    both = first.reshape(*shape, -1, rank) @ second.reshape(*shape, rank, -1)
    return (both.reshape(*shape, -1, rank) @ third.reshape(*shape, rank, -1)).flatten(-2)


def embed_rounded(x: Tensor) -> Tensor:
    """Rows [*, n] as bytes times a scale hold them; gradients go through the rounding."""
    scale = embed_scale(x)
    return ((x / scale).round() * scale).detach() + (x - x.detach())


def embed_scale(x: Tensor) -> Tensor:
    """What a row [*, n] is divided by, [*, 1], so that its numbers lie within ±127."""
    largest = x.detach().abs().amax(-1, keepdim=True)
    return torch.where(largest > 0, largest / 127, 1.0)


def embed_bytes(ids: Tensor, table_Vn: Tensor, scale_V: Tensor) -> Tensor:
    """Ids of any shape → [*shape, n]: rows of bytes, times their scales; of padding (−1) zero."""
    row = ids.clamp(min=0)
    return table_Vn[row].to(scale_V.dtype) * scale_V[row].unsqueeze(-1) * (ids >= 0).unsqueeze(-1)


def embed_nearest(query: Tensor, keys: Tensor, books: int) -> Tensor:
    """Queries [*, (N,) n] against keys [(N,) K, n] → how well each vector of each codebook fits: [*, (N,) books, K]."""
    query = query.reshape(*query.shape[:-1], books, 1, -1)
    keys = keys.reshape(*keys.shape[:-1], books, -1).transpose(-3, -2)
    return (query * keys).sum(-1)


def embed_quantised(query: Tensor, keys: Tensor, codewords: Tensor, books: int, ids: Tensor | None = None) -> Tensor:
    """Queries [*, (N,) n] → [*, (N,) n]: of each codebook the vector that fits best; gradients are those of the softmax. Zero
    where an id is padding (−1)."""
    weights = embed_nearest(query, keys, books).softmax(-1)
    best = F.one_hot(weights.argmax(-1), weights.shape[-1]).to(weights.dtype) + (weights - weights.detach())
    codewords = codewords.reshape(*codewords.shape[:-1], books, -1).transpose(-3, -2)
    found = (best.unsqueeze(-1) * codewords).sum(-2).flatten(-2)
    return found if ids is None else found * (ids >= 0).unsqueeze(-1)


def embed_codes(ids: Tensor, codes_VM: Tensor, codewords_Kn: Tensor, starts: Tensor | int) -> Tensor:
    """Ids of any shape → [*shape, n]: the vectors that an id has the codes of, side by side; of padding (−1) zero."""
    row, books = codes_VM[ids.clamp(min=0)].long() + starts, torch.arange(codes_VM.shape[1], device=ids.device)
    found = codewords_Kn.reshape(codewords_Kn.shape[0], codes_VM.shape[1], -1)[row, books].flatten(-2)
    return found * (ids >= 0).unsqueeze(-1)


def embed_number(x_B: Tensor, table_1n: Tensor) -> Tensor:
    """Raw numbers [B] → [B, n]: the number times the one row of its table. In a family, x [B, N] and table [N, n]."""
    return x_B.unsqueeze(-1) * table_1n if x_B.dim() > 1 else x_B.unsqueeze(-1) * table_1n[0]


def embed_vector(x_Bk: Tensor, table_kn: Tensor) -> Tensor:
    """A `vector` column [B, k] → [B, n], linearly and without a bias."""
    return x_Bk @ table_kn


def pool_mean(x_BLn: Tensor, present_BL: Tensor) -> Tensor:
    """[B, (N,) L, n] → [B, (N,) n]: the mean over the elements that there are (`ids >= 0`); 0 where there are none."""
    there_BL1 = present_BL.unsqueeze(-1).to(x_BLn.dtype)
    return (x_BLn * there_BL1).sum(-2) / there_BL1.sum(-2).clamp(min=1)


def pool_sum(x_BLn: Tensor, present_BL: Tensor) -> Tensor:
    """[B, (N,) L, n] → [B, (N,) n]: the sum over the elements that there are."""
    return (x_BLn * present_BL.unsqueeze(-1)).sum(-2)
