"""Look-ups: what is decided for every value of a field, at the values of a batch. The axis of the values is never spelled
out: a decision is one tensor, of which the ids pick elements. N options of a choice."""

from __future__ import annotations

import numpy as np

from ..gated import begins
from ..ir import DecisionNode, IntArray, Operator, Ref
from ..unfinished import not_yet
from .emitter import Emitter, Value, broadcasts, in_family, is_gate

LOOKED_UP = '''
def looked_up(weights: Tensor, ids: Tensor, starts: Tensor | int) -> Tensor:
    """Gates [E] that are decided for every value, at ids [B, …]: `starts` is where the gate of the value 1 stands.

    A value never seen (0) and what is no value (−1) have gates that are off.
    """
    at = (ids + starts - 1).clamp(min=0)
    return weights.index_select(0, at.flatten()).view(at.shape).to(torch.get_default_dtype()) * (ids > 0)
'''.strip()

CHOSEN = '''
def chosen_at(weights: Tensor, ids: Tensor, starts: Tensor | int, unseen: int) -> Tensor:
    """Weights [E, N] of what is chosen for every value, at ids [B, …]: [B, …, N]. See `looked_up`.

    A value never seen (0) has the option `unseen`.
    """
    at = (ids + starts - 1).clamp(min=0)
    weights = weights.to(torch.get_default_dtype())
    other = F.one_hot(torch.full_like(ids, unseen), weights.shape[-1]).to(weights.dtype)
    return torch.where((ids > 0).unsqueeze(-1), weights.index_select(0, at.flatten()).view(*at.shape, -1), other)
'''.strip()
SETTLED = '''
def option_at(options: Tensor, ids: Tensor, starts: Tensor | int, unseen: int, count: int) -> Tensor:
    """Options [E] of what is chosen for every value, at ids [B, …], as ones among zeros [B, …, count]; see `chosen_at`."""
    at = (ids + starts - 1).clamp(min=0)
    option = torch.where(ids > 0, options.index_select(0, at.flatten()).view(at.shape).long(), unseen)
    return F.one_hot(option, count).to(torch.get_default_dtype())
'''.strip()


GIVEN = '''
def weighed_at(weigher, logits: Tensor, noise: Tensor | None, ids: Tensor, starts: Tensor | int, unseen: int) -> Tensor:
    """What a weigher makes of logits [B, …, N] of what is chosen for the values ids [B, …], in their shape; of gates N is not
    there. It is told which elements of the decision they are, −1 for a value never seen (0): that one has the option `unseen`.
    """
    at = torch.where(ids > 0, ids + starts - 1, -1)
    weights = weigher(logits, noise, at)
    if weights.dim() == ids.dim():
        return weights * (ids > 0)
    return torch.where((ids > 0).unsqueeze(-1), weights, F.one_hot(torch.full_like(ids, unseen), weights.shape[-1]).to(weights))
'''.strip()


LOOKED_UP_ROWS = '''
def looked_up_rows(weights: Tensor, ids: Tensor, starts: Tensor | int, steps: Tensor | int, count: int) -> Tensor:
    """Vectors of gates [*, count]: of value 1 the first stands at `starts`, each of the others `steps` after the one before."""
    after = torch.arange(count, device=ids.device)
    first, step = (torch.as_tensor(t, device=ids.device).unsqueeze(-1) for t in (starts, steps))
    return looked_up(weights, ids.unsqueeze(-1), first + step * after)
'''.strip()


def lookup(emitter: Emitter, key: int, node: Operator) -> None:
    """One row of the decision for each row of the node."""
    family, at, *given = node.operands
    several = node.shape.kind == "sequence"
    own = in_family(node)
    ids = emitter.fetch(at, own, full=True)
    found = begins(emitter.graph, family)
    name = emitter.values[family.node].name
    source = emitter.graph[family.node]
    if given:
        assert isinstance(source, DecisionNode)
        _given(emitter, key, node, source, given[0], ids, _starts(emitter, found, several))
        return
    if isinstance(source, DecisionNode) and not is_gate(emitter.graph.decision(source.name)):
        _chosen(emitter, key, node, f"{name}, {ids}, {_starts(emitter, found, several)}", source.name)
        return
    emitter.functions["looked_up"] = LOOKED_UP
    if found.ndim == 1:
        text = f"looked_up({name}, {ids}, {_starts(emitter, found, several)})"
    else:
        emitter.functions["looked_up_rows"] = LOOKED_UP_ROWS
        steps = found[:, 1] - found[:, 0] if found.shape[1] > 1 else np.zeros(len(found), dtype=np.int64)
        if not bool((np.diff(found) == steps[:, None]).all()):
            raise not_yet(node.span, "a vector of gates that do not stand side by side")
        starts = [_starts(emitter, one, several) for one in (found[:, 0], steps)]
        text = f"looked_up_rows({name}, {ids}, {', '.join(starts)}, {found.shape[1]})"
    emitter.define(key, node, text, True)
    if several:
        present = emitter.present[at.node]
        emitter.present[key] = Ref(present.node, present.rows.take(at.rows))


def _given(emitter: Emitter, key: int, node: Operator, source: DecisionNode, given: Ref, ids: str, starts: str) -> None:
    """What an expression decides for the values at hand: a weigher makes weights of its logits."""
    decision, own = emitter.graph.decision(source.name), in_family(node)
    if node.shape.kind == "sequence":
        raise not_yet(node.span, "what an expression decides for each value of a field that may have several")
    logits = emitter.fetch(given, own, full=True, batched=True)
    gate = is_gate(decision)
    if gate and emitter.graph[given.node].shape.kind == "vector":
        logits = f"{logits}.squeeze(-1)"
    noise = emitter.layers.attribute(f"{node.place or source.name}.noise")
    options = [] if gate else [str(len(decision.domains[0].options))]
    sizes = [emitter.size(), *([str(len(node.index))] if own else []), *options]
    emitter.noise.append(f'"{noise}": ({", ".join(sizes)},)')
    emitter.functions["weighed_at"] = GIVEN
    read = f'{emitter.values[node.operands[0].node].name}, {logits}, noise.get("{noise}"), {ids}, {starts}'
    text = f"weighed_at({read}, {decision.domains[0].unseen})"
    value = emitter.define(key, node, text, True)
    emitter.values[key] = Value(value.name, True, value.family, 0 if gate else 1)


def _chosen(emitter: Emitter, key: int, node: Operator, read: str, name: str) -> None:
    """What is chosen for the values at hand, as weights of the options."""
    domain = emitter.graph.decision(name).domains[0]
    settled = name in emitter.layers.settled
    emitter.functions |= {"option_at": SETTLED} if settled else {"chosen_at": CHOSEN}
    text = (
        f"option_at({read}, {domain.unseen}, {len(domain.options)})"
        if settled
        else f"chosen_at({read}, {domain.unseen})"
    )
    value = emitter.define(key, node, text, True)
    emitter.values[key] = Value(value.name, True, value.family, 1)


PICKED = '''
def picked(x: Tensor, at: Tensor) -> Tensor:
    """Of alternatives x [S, *shape], in a family [N, S, *shape], those that `at` [B, (N,) …] says, from 1."""
    at = at.long().sub(1).clamp(min=0)
    if at.dim() == 1 or x.dim() == 1:
        return x[at]
    member = torch.arange(x.shape[0], device=x.device)
    return x[member.view(-1, *(1,) * (at.dim() - 2)), at]
'''.strip()


def block(emitter: Emitter, key: int, node: Operator) -> None:
    """The frequency block of every id: a buffer, fields one below the other. Padding stays −1."""
    (at,) = node.operands
    held, starts = emitter.layers.known.at[key]
    own, several = in_family(node), node.shape.kind == "sequence"
    ids = emitter.fetch(at, own, full=True)
    start = _starts(emitter, np.array(starts), several)
    text = f"self.{held.attribute}[{ids}.clamp(min=0){f' + {start}' if start != '0' else ''}].to(torch.get_default_dtype())"
    if several:
        text = f"torch.where({ids} >= 0, {text}, -1.0)"
    emitter.define(key, node, text, True)
    emitter.inherit(key, node.operands)


def frequency(emitter: Emitter, key: int, node: Operator) -> None:
    """The training count of every id, a buffer: a stream brings it up to date. 0 for a value never seen."""
    (at,) = node.operands
    held, starts = emitter.layers.known.at[key]
    ids = emitter.fetch(at, in_family(node), full=True)
    start = _starts(emitter, np.array(starts), False)
    text = f"self.{held.attribute}[{ids}{f' + {start}' if start != '0' else ''}].to(torch.get_default_dtype())"
    emitter.define(key, node, text, True)


CURRENT = '''
def current_at(weights: Tensor, ids: Tensor, starts: Tensor | int) -> Tensor:
    """Weights [E, N], of gates [E], at ids [B, …]; those of a value never seen (0) are even."""
    at = (ids + starts - 1).clamp(min=0)
    found = weights.index_select(0, at.flatten()).view(*at.shape, *weights.shape[1:]).to(torch.get_default_dtype())
    there = (ids > 0).view(*ids.shape, *(1,) * (weights.dim() - 1))
    return torch.where(there, found, 0.5 if weights.dim() == 1 else 1 / weights.shape[-1])
'''.strip()


def current(emitter: Emitter, key: int, node: Operator) -> None:
    """What a stream has decided for the values of a batch so far."""
    at = node.operands[-1]
    held, starts = emitter.layers.known.at[key]
    emitter.functions["current_at"] = CURRENT
    ids = emitter.fetch(at, in_family(node), full=True)
    emitter.define(
        key, node, f"current_at(self.{held.attribute}, {ids}, {_starts(emitter, np.array(starts), False)})", True
    )


def pick(emitter: Emitter, key: int, node: Operator) -> None:
    """What the block of a value picks out of the alternatives, each the same for all examples."""
    at, *alternatives = node.operands
    if emitter.batched(*alternatives):
        raise not_yet(node.span, "what each example computes, looked up by block,",
                      "look gates up, and compute with what is found")  # fmt: skip
    own, rank = in_family(node), len(node.shape.dims)
    emitter.functions["picked"] = PICKED
    listed = [_whole(emitter, a, own, rank, node) for a in alternatives]
    stacked = f"torch.stack([{', '.join(listed)}], {int(own)})"
    emitter.define(key, node, f"picked({stacked}, {emitter.fetch(at, own, full=True)})", True)
    emitter.inherit(key, (at,))


def _whole(emitter: Emitter, ref: Ref, own: bool, rank: int, node: Operator) -> str:
    """An alternative in its full shape: [(N,) *shape]."""
    text = emitter.aligned(ref, own, rank, full=True)
    value = emitter.values[ref.node]
    if value.rank == rank and not broadcasts(value):
        return text
    sizes = ([str(len(node.index))] if own else []) + [str(d) for d in node.shape.dims]
    return f"torch.as_tensor({text}, dtype=torch.get_default_dtype()).expand({', '.join(sizes) or '()'})"


def _starts(emitter: Emitter, numbers: IntArray, several: bool) -> str:
    """A number in the text, or a constant that stands along the family axis of ids."""
    if bool((numbers == numbers[0]).all()):
        return str(int(numbers[0]))
    return emitter.constant(numbers) + ("[:, None]" if several else "")
