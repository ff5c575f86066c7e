"""Trees without recursion: the nodes below a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from . import ast

Node = (
    ast.File | ast.Import | ast.Component | ast.Parameter | ast.Data | ast.Entry | ast.Space | ast.Search | ast.Stage
    | ast.Param | ast.Learn | ast.Choose | ast.Let | ast.Require | ast.Expect | ast.Predict | ast.Minimize
    | ast.Given | ast.Prior | ast.Factored | ast.Default | ast.Binder | ast.Each | ast.Ordered | ast.OrderedOrEqual
    | ast.Name | ast.Qualified | ast.Number | ast.String | ast.ListOf | ast.SetOf | ast.Comprehension | ast.Binary
    | ast.Unary | ast.Switch | ast.Call | ast.Subscript | ast.Case | ast.ChooseOne | ast.ChooseFrom | ast.Alternative
    | ast.Generator | ast.For | ast.Keyword | ast.Schedule | ast.All
)  # fmt: skip

_NODES = frozenset(get_args(Node))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the text."""
    below: list[Any] = []
    for name in node.__match_args__:
        value = getattr(node, name)
        below.extend(value if isinstance(value, tuple) else (value,))
    return tuple(child for child in below if type(child) in _NODES)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents before children, in the order of the text."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))
