"""What belongs together in a picture: every node has the path of the box that it lies in, outermost first.

The paths are those of the text – `deep.mlp.0` lies in `deep`, and there in `mlp` – and the blocks of families that
were unrolled, one for each value of their binder (`b = 3`). A box with one thing in it is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..ir import Constant, Cost, DecisionNode, Graph, Input, Merge, Node, Operator, Output

Path = tuple[str, ...]


def paths(graph: Graph) -> dict[int, Path]:
    """The box of every node; () is the picture itself."""
    blocks = _blocks(graph)
    found: dict[int, Path] = {}
    for key, node in graph.items():
        if not isinstance(node, Input | Output | Cost):
            found[key] = _named(node)
    known = set(found.values())
    for key, node in graph.items():
        if isinstance(node, Merge) and tuple(node.place.split(".")) in known:
            found[key] = tuple(node.place.split("."))  # what a box hands out lies in it
    _settle(graph, found, blocks)
    whole = {key: (*blocks.get(key, ()), *found.get(key, ())) for key, _ in graph.items()}
    return _without_singles(whole)


def _named(node: Node) -> Path:
    if isinstance(node, DecisionNode):
        return tuple(node.name.split(".")[:-1])
    part = node.part if isinstance(node, Operator) else ""
    return tuple(".".join(filter(None, (node.place, part))).split(".")[:-1])


def _settle(graph: Graph, found: dict[int, Path], blocks: Mapping[int, Path]) -> None:
    """What has no name of its own – arithmetic, constants – lies where all that read it lie."""
    for key, node in reversed(list(graph.items())):
        if key not in found or found[key] or node.place or isinstance(node, DecisionNode):
            continue
        readers = [found.get(reader, ()) for reader in graph.consumers(key)]
        if isinstance(node, Constant) or readers:
            found[key] = _shared(readers)


def _shared(paths: list[Path]) -> Path:
    if not paths:
        return ()
    shortest = min(paths, key=len)
    for k, part in enumerate(shortest):
        if any(path[k] != part for path in paths):
            return shortest[:k]
    return shortest


def _blocks(graph: Graph) -> dict[int, Path]:
    """`b = 3` for what a family had for one value of a whole number, where it has it for several values, one by one."""
    at = {key: block for key, node in graph.items() if (block := _block(node)) is not None}
    values = Counter(name for name, _ in set(at.values()))
    return {key: (f"{name} = {value}",) for key, (name, value) in at.items() if values[name] > 1}


def _block(node: Node) -> tuple[str, int] | None:
    firsts = {key[0] if key else None for key in node.index.keys}
    value = next(iter(firsts), None)
    if len(firsts) != 1 or not isinstance(value, int) or not node.index.axes or node.index.symbolic:
        return None
    return node.index.axes[0].partition(" in ")[0].strip(), value


def _without_singles(paths: dict[int, Path]) -> dict[int, Path]:
    """Boxes that hold a single node or box are taken away, until there are none."""
    while True:
        inside: dict[Path, set[object]] = {}
        for key, path in paths.items():
            for depth in range(1, len(path) + 1):
                inside.setdefault(path[:depth], set()).add(key if depth == len(path) else path[: depth + 1])
        lonely = {path for path, content in inside.items() if len(content) == 1}
        if not lonely:
            return paths
        paths = {
            key: tuple(part for k, part in enumerate(path) if path[: k + 1] not in lonely)
            for key, path in paths.items()
        }
