"""The graph: families as nodes.

A node is a family: a row for each element of its index, all of one shape (`split` sees to that). An operand says which
row of the producer each row of the consumer reads. So a graph is as large as the text, whatever the number of fields.
"""

from __future__ import annotations

from .graph import Graph
from .nodes import (
    Block,
    Constant,
    Cost,
    DecisionNode,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Phase,
    Reduce,
    Select,
    SubsetSum,
)
from .operands import operands, with_operands
from .rows import Index, IntArray, Ref, Rows, Run

__all__ = [
    "Block",
    "Constant",
    "Cost",
    "DecisionNode",
    "Graph",
    "Index",
    "Input",
    "IntArray",
    "Learned",
    "Merge",
    "Node",
    "Operator",
    "Output",
    "Phase",
    "Reduce",
    "Ref",
    "Rows",
    "Run",
    "Select",
    "SubsetSum",
    "operands",
    "with_operands",
]
