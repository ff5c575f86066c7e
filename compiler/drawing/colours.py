"""Colours of boxes by kind: decisions stand out, what is data is green, the rest is quiet. All carry dark text well."""

from __future__ import annotations

FILL = {
    "decision": "#ffe2b8",
    "input": "#dcefdc",
    "constant": "#f4f4f4",
    "learned": "#dbe9f9",
    "operator": "#ffffff",
    "select": "#fff4df",
    "reduce": "#ffffff",
    "merge": "#f7f7f7",
    "subsetsum": "#ffffff",
    "output": "#e9defa",
    "cost": "#fbe3e3",
}
STROKE = {
    "decision": "#c46a00",
    "input": "#3f8f4f",
    "constant": "#9a9a9a",
    "learned": "#2f6fb5",
    "operator": "#6b6b6b",
    "select": "#c46a00",
    "reduce": "#6b6b6b",
    "merge": "#9a9a9a",
    "subsetsum": "#6b6b6b",
    "output": "#6d46b0",
    "cost": "#b54040",
}
