"""Tables that take less than a row of numbers for each value: supernets, plain models, costs, and what is refused."""

from __future__ import annotations

from math import prod
from random import Random

import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st
from operators.harness import functions

from recspace.compiler.budgets import Purse, widest
from recspace.compiler.compile import check
from recspace.compiler.compression import KINDS, parts
from recspace.compiler.cost import cost
from recspace.compiler.ir import Operator
from recspace.compiler.sampler import Sampler
from recspace.compiler.schema import Field
from recspace.runtime.module import build, initialise
from recspace.runtime.packing import packed
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, relaxed_agrees
from .goldens import check_golden

SMALLER = KINDS[1:]
SCHEMA = schema_of(
    Field("user", "category", 13, "user"),
    Field("item", "category", 5, "item"),
    Field("tags", "many", 9, longest=3),
    Field("words", "many", 3, pool="sum", longest=3),
)
HEAD, END = "space T\n", "\nminimize logloss\n"
FIXED = """let e[f in fields] = embed(f, 4, table = {kind}, hash_rows = 40%, rank = 2, codewords = 3)
let one = embed(user, 6, table = {kind}, rank = 3)
predict sigmoid(linear(concat(concat(e), one), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""
SEARCHED = """choose table[f in fields] from {{full, {kinds}}}
let e[f in fields] = embed(f, 4, table = table[f], hash_rows = 40%, rank = 2, codebooks = 2, codewords = 5)
predict sigmoid(linear(concat(e), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""
BOTH = """choose table[f in fields] from {{full, {kinds}}}
let e[f in fields] = align[f](embed(f, choose dim from {{2, 4}}, table = table[f], hash_rows = 40%, rank = 2, codebooks = 2, codewords = 5), 4)
predict sigmoid(linear(concat(e), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""


MERGED = """choose table[f in fields - {{item}}] from {{full, {kinds}}}
choose dim[f in fields] from {{2, 4}}
let e[f in fields] = embed(f, dim[f], table = table[f] if f != item else full, hash_rows = 40%, rank = 2, codewords = 5)
let v[f in fields] = align[f](e[f], 4)
predict sigmoid(linear(concat(v), 1) + sum(dot(v[i], v[j]) for i < j in fields))"""


def pair_of(text: str, schema=SCHEMA) -> Pair:
    return Pair(program_of(HEAD + text + END), schema, {})


def texts() -> dict[str, str]:
    listed = ", ".join(SMALLER)
    fixed = {f"fixed {kind}": FIXED.format(kind=kind) for kind in SMALLER}
    return fixed | {
        "searched": SEARCHED.format(kinds=listed),
        "both": BOTH.format(kinds=listed),
        "merged": MERGED.format(kinds=listed),
    }


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("name", texts())
def test_supernets_and_plain_models_agree_with_the_oracle(name: str, seed: int) -> None:
    pair = pair_of(texts()[name])
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("name", texts())
def test_costs_are_those_of_what_is_stored(name: str, seed: int | None) -> None:
    pair = pair_of(texts()[name])
    graph = check(pair.program, SCHEMA, promises()).graph
    assert graph is not None
    architecture = widest(graph) if seed is None else Sampler(graph).draw(Random(seed))
    model = pair.plain(architecture)
    tensors = [t for t in (model.stored or model).tensors if t.trainable or t.packed]
    numbers, bytes_ = 0, 0
    for tensor in tensors:
        unknown = sum(s.name != "codewords" for s in tensor.slices) if tensor.embedding else 0
        own = prod(tensor.shape) - unknown * prod(tensor.shape[1:])
        numbers += own if tensor.packed in ("", "bytes") else 0
        bytes_ += own * (1 if tensor.dtype else 4)
    assert cost("parameters", graph, SCHEMA, promises(), architecture) == numbers
    assert cost("memory", graph, SCHEMA, promises(), architecture) == bytes_


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", texts())
def test_what_is_stored_predicts_what_was_learned(name: str, seed: int) -> None:
    pair = pair_of(texts()[name])
    graph = check(pair.program, SCHEMA, promises()).graph
    assert graph is not None
    compiled = pair.plain(Sampler(graph).draw(Random(seed)))
    model = build(compiled, torch.device("cpu"))
    initialise(model, seed)
    made = packed(model)
    assert (made is model) == (compiled.stored is None)
    batch = {k: torch.as_tensor(v) for k, v in pair.batch(compiled, seed).items()}
    model.module.eval(), made.module.eval()
    assert torch.equal(model.module(batch), made.module(batch))
    dtypes = {t.dtype for t in made.tensors.values()}
    assert dtypes <= {torch.float32, torch.int8, torch.uint8}
    kinds = {n.options.get("table") for _, n in compiled.graph.items() if isinstance(n, Operator)}
    assert ("int8" in kinds, "codes" in kinds) == (torch.int8 in dtypes, torch.uint8 in dtypes)


@pytest.mark.parametrize("form", ["supernet", "plain", "stored"])
def test_text(form: str) -> None:
    """The look-ups of every kind; of what is stored no numbers of rows that are bytes."""
    fields = schema_of(
        *(Field(f"f{k}", "category", 7 + k) for k in range(len(SMALLER))), Field("tags", "many", 9, longest=3)
    )
    table = "choose table[f in fields] from {full, hashed, quotient, tensor_train, codes, int8}\n"
    pair = pair_of(
        f"{table}predict sigmoid(sum(linear(concat(embed(f, 4, table = table[f]) for f in fields), 2)))", fields
    )
    compiled = pair.supernet if form == "supernet" else pair.plain({"table": (*range(1, len(KINDS)), 4)})
    compiled = compiled.stored or compiled if form == "stored" else compiled
    check_golden(f"compressed_{form}.py.txt", compiled.source)


@pytest.mark.parametrize("kind", SMALLER)
def test_every_part_of_a_table_learns(kind: str) -> None:
    """Gradients go through the rounding and the choice of codes."""
    pair = pair_of(f"predict sigmoid(sum(embed(user, 4, table = {kind}, hash_rows = 50%, std = 0.1)))")
    model = build(pair.plain({}), torch.device("cpu"))
    initialise(model, 1)
    model.module.train()
    batch = {k: torch.as_tensor(v) for k, v in pair.batch(model.compiled, 1).items()}
    _, (loss,) = model.objective({**batch, ":label": batch[":label"].float()})
    loss.backward()
    assert model.parameters
    for name, parameter in model.parameters.items():
        assert parameter.grad is not None
        assert bool((parameter.grad != 0).any()), name


REFUSED = {
    "embed(price, 4, table = hashed)": ("S0750", "`price` is a number without bins"),
    "embed(user, 4, table = hasht)": ("S0310", "hashed"),
    "embed(user, 4, table = hashed, hash_rows = 0)": ("S0310", "is a number in 0.001..1"),
    "embed(user, 4, table = hashed, hash_rows = 2)": ("S0310", "is a number in 0.001..1"),
    "embed(user, 4, table = tensor_train, rank = 0)": ("S0310", "is a whole number from 1"),
    "embed(user, 4, table = codes, codewords = 300)": ("S0310", "is a whole number from 2 to 256"),
    "embed(user, 4, table = tensor_train, mean = 1)": ("S0752", "around 0"),
    "embed(user, 4, table = int8) * keep[:]": ("S0751", "table = full"),
    "embed(user, 4, table = choose t from {full, codes}) * keep[:]": ("S0751", "one that is codes"),
    "embed(user, 4, table = quotient) * row[value(user)]": ("S0751", "no rows of its own"),
}
GATES = "choose keep[k in 1..4] from {off, on}\nchoose row[v in values(user)] from {off, on}\n"


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    code, said = REFUSED[text]
    schema = schema_of(Field("user", "category", 4, "user"), Field("price", "number"))
    found = check(program_of(f"{HEAD}{GATES}predict sigmoid(sum({text})){END}"), schema, promises()).diagnostics
    (error,) = [d for d in found if d.severity == "error"]
    assert error.code == code
    assert said in error.message + error.help


def test_a_share_is_one_of_the_tables_in_full() -> None:
    """Whatever the default is; here of one choice for all fields."""
    text = (
        "choose table from {int8, codes, full} default int8\nlet e[f in fields] = embed(f, 4, table = table)\n"
        "predict sigmoid(linear(concat(e), 1))\nminimize logloss\nrequire memory(e) <= 50%"
    )
    graph = check(program_of(HEAD + text), SCHEMA, promises()).graph
    assert graph is not None
    purse = Purse(graph, SCHEMA, promises())
    values = 13 + 5 + 9 + 3
    assert purse.largest == (4 * 4 * values,)
    assert [d.elements for d in graph.decisions] == [1]
    assert [purse.spent({"table": (k,)})[0] for k in range(3)] == [
        (4 + 4) * values,  # bytes, and a scale for each row
        4 * values + 4 * 32 * 4 * 4,  # four codes for each value, 32 codewords for each of four fields
        4 * 4 * values,
    ]


def test_a_gate_on_a_whole_vector_is_none_on_rows() -> None:
    pair = pair_of(
        "choose keep[f in fields] from {off, on}\nlet e[f in fields] = embed(f, 4, table = int8) * keep[f]\n"
        "predict sigmoid(linear(concat(e), 1))"
    )
    relaxed_agrees(pair, 1)
    derived_agrees(pair, 2)


@settings(max_examples=60)
@given(st.integers(0, 3000), st.integers(1, 64), st.sampled_from(SMALLER), st.floats(0.001, 1), st.integers(2, 256))
def test_every_value_finds_rows_of_its_own_in_every_part(values, n, kind, share, k) -> None:
    """The unknown value has row 0 alone; no two values of a quotient or a tensor train have the same rows."""
    sizes = {
        "n": n,
        "table": kind,
        "std": 0.1,
        "mean": 0.0,
        "hash_rows": share,
        "rank": 3,
        "codebooks": 4,
        "codewords": k,
    }
    weights = parts(values, sizes)
    ids = torch.arange(values + 1)
    embed = functions("embed")
    rows = []
    for weight in (w for w in weights if w.unknown):
        own = ids if weight.digit is None else embed["embed_digit"](ids, *weight.digit)
        assert int(own[0]) == 0
        assert values == 0 or (int(own[1:].min()) >= 1 and int(own.max()) < weight.shape[0])
        rows.append(own)
    distinct = len(torch.unique(torch.stack(rows), dim=1).T)
    assert distinct == (values + 1 if kind != "hashed" else min(values, weights[0].shape[0] - 1) + 1)
