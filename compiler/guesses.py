"""What a name that is not known was probably meant to be: each guess knows one mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from recspace.dsl import ast, library_path, parse
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Source, Span
from recspace.dsl.suggest import LOSSES
from recspace.dsl.walk import walk

from .columns import Context
from .example import FIELDS
from .state import State

WITHOUT = ("flops", "latency", "size", "distinct", "label", "fields", "categorical", "numeric", "multivalued")
ROLES = {
    "user": "user|shopper|customer|member|visitor|client|buyer|reader|viewer|person|account",
    "item": "item|product|movie|article|song|track|book|ad|app|video|news|sku|good",
}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nothing is called by; `call` where it is called, `functions` those of the compiler."""

    state: State
    name: str
    ctx: Context
    span: Span
    call: ast.Call | None
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Advice:
    """`once`: said at the first of several places alone."""

    help: str
    edits: tuple[Edit, ...] = ()
    message: str = ""
    once: bool = False


Guess = Callable[[Unknown], Advice | None]


def called_in_vain(asked: Unknown) -> Advice | None:
    """`flops()`: these are read without parentheses."""
    if asked.call is None or asked.name not in WITHOUT:
        return None
    edits = (Edit(asked.call.span, asked.name),) if not asked.call.arguments else ()
    return Advice("it stands without parentheses", edits, f"`{asked.name}` is no function")


def not_called(asked: Unknown) -> Advice | None:
    """`wide`: a component or a function without its parentheses."""
    component = asked.ctx.scope.components.get(asked.name)
    if asked.call is not None:
        return None
    if component is not None:
        needed = [p.name for p in component.parameters if p.default is None]
        point = Span(asked.span.source, asked.span.end, asked.span.end)
        edits = () if needed else (Edit(point, "()"),)
        return Advice(f"call it: {asked.name}({', '.join(needed)})", edits, f"`{asked.name}` is a component")
    if asked.name in asked.functions or asked.name in asked.state.promises.operators:
        return Advice(f"call it: {asked.name}(…)", (), f"`{asked.name}` is a function")
    return None


def metric(asked: Unknown) -> Advice | None:
    """`minimize auc`."""
    loss = LOSSES.get(asked.name.lower())
    if loss is None or asked.call is not None:
        return None
    losses = [n for n, p in asked.state.promises.operators.items() if p.inputs[:1] == ("prediction",)]
    return Advice(f"what is minimized is a loss: {', '.join(losses)}", (Edit(asked.span, loss),))


def shipped_part(asked: Unknown) -> Advice | None:
    """`deep(e)` without the import that brings it."""
    for path in sorted((library_path() / "lib").glob("*.space")):
        tree, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
        found = next((c for c in tree.components if c.name == asked.name), None) if tree is not None else None
        if found is not None:
            source = asked.span.source
            edits = [Edit(Span(source, 0, 0), f'import "lib/{path.name}"\n')]
            if asked.call is None and all(p.default is not None for p in found.parameters):
                edits.append(Edit(Span(source, asked.span.end, asked.span.end), "()"))
            return Advice(f"`{asked.name}` is a shipped part, which is imported", tuple(edits))
    return None


def decided_inside(asked: Unknown) -> Advice | None:
    """`sum(dim)`, where `dim` is decided inside a family: declared before, it has a name."""
    space = asked.state.program.file.space
    for let in space.statements if space is not None and asked.call is None else ():
        if not isinstance(let, ast.Let):
            continue
        for node in walk(let.value):
            if isinstance(node, ast.ChooseFrom | ast.ChooseOne) and node.name == asked.name:
                return _hoisted(let, node, asked)
    return None


def _hoisted(let: ast.Let, node: ast.ChooseFrom | ast.ChooseOne, asked: Unknown) -> Advice:
    text = f"`{asked.name}` is decided inside `{let.name}`, and has no name outside of it"
    inside = any(isinstance(g, ast.Generator) and node in walk(g) for g in walk(let.value))
    if isinstance(node, ast.ChooseOne) or inside:
        return Advice("declare it before, as `choose name[f in fields] from …`", (), text)
    index = f"[{', '.join(b.span.text for b in let.index)}]" if let.index else ""
    names = ", ".join(n for b in let.index for n in b.names.names)
    rest = re.sub(r"^choose\s+\w+", "", node.span.text)
    at = Span(let.span.source, let.span.start, let.span.start)
    read = f"{asked.name}[{names}]" if names else asked.name
    edits = (Edit(at, f"choose {asked.name}{index}{rest}\n"), Edit(node.span, read))
    return Advice("declare it before", edits, text)


def role_of_the_data(asked: Unknown) -> Advice | None:
    """`user` on a table that has no such column: one of it takes the role."""
    schema = asked.state.schema
    known = {f.name: f for f in FIELDS} | {f.role: f for f in FIELDS if f.role}
    if schema.example or asked.name not in known or asked.call is not None:
        return None
    several = known[asked.name].several
    free = [
        f for f in schema.fields if f.several == several and not f.role and f.kind in ("category", "many", "sequence")
    ]
    free = free or [f for f in schema.fields if f.has_ids]
    pattern = re.compile(ROLES.get(asked.name, asked.name), re.I)
    best = next((f for f in free if pattern.search(f.name)), max(free, key=lambda f: f.cardinality, default=None))
    text = f"the data has no field or role `{asked.name}`"
    if best is None:
        return Advice("this space needs other data", (), text, once=True)
    return Advice(f"say which column it is, for example with --rename {best.name}={asked.name}", (), text, once=True)


GUESSES: tuple[Guess, ...] = (called_in_vain, not_called, metric, shipped_part, decided_inside, role_of_the_data)
"""Tried in this order; where none knows better, the nearest name is meant."""
