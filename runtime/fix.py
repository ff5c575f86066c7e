"""`--fix 'keep[user,item]=on'`: which elements of a decision are settled before anything is searched.

`keep[user,*]=on` settles all that have `user` in that place (of an unordered pair: in either).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from recspace.compiler.counting.polynomial import TooHard
from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Unreadable
from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span

from .choices import Fixed, Option, by_example
from .options import unknown
from .refuse import refusal, words

FORM = re.compile(r"\s*(?P<name>[^\[\]=]+?)\s*(?:\[(?P<key>[^\]]*)\])?\s*=\s*(?P<option>.+?)\s*")


def parsed(texts: Iterable[str], graph: Graph) -> Fixed:
    """The elements that the texts name; without brackets, all of a decision.

    Raises SpaceError (S0608) for a text that fixes nothing, and where nothing that meets the requirements is left.
    """
    found: dict[str, dict[int, Option]] = {}
    faults: list[Diagnostic] = []
    listed = tuple(texts)
    for text in listed:
        result = _one(text, graph.decisions)
        if isinstance(result, Diagnostic):
            faults.append(result)
        else:
            name, elements, option = result
            found.setdefault(name, {}).update(dict.fromkeys(elements, option))
    if faults:
        raise SpaceError(faults)
    if found and not possible(graph, found):
        message = "nothing that meets the requirements of the space has what is fixed"
        raise refusal("S0608", message, words("--fix", ", ".join(listed)), help="fix less, or something else")
    return Fixed(graph.decisions, found)


def possible(graph: Graph, found: Mapping[str, Mapping[int, Option]]) -> bool:
    """Whether an architecture with these elements meets the requirements, as far as that can be told."""
    try:
        return Sampler(graph, found).feasible()
    except (Unreadable, TooHard):
        return True


def _one(text: str, decisions: tuple[Decision, ...]) -> tuple[str, list[int], Option] | Diagnostic:
    source = Source("--fix", text)
    whole = Span(source, 0, len(text))
    match = FORM.fullmatch(text)
    if match is None:
        return Diagnostic("S0608", "this fixes no decision", whole, help="write it as keep[user,item]=on")
    names = {d.name: d for d in decisions}
    place = Span(source, *match.span("name"))
    if match["name"] not in names:
        return unknown("S0608", "decision", match["name"], names, place)
    decision = names[match["name"]]
    if by_example(decision):
        help = "fix what its logits come from, or remove `given` from the space"
        return Diagnostic(
            "S0608", f"`{decision.name}` is decided by each example, so it cannot be fixed", place, help=help
        )
    elements = _elements(decision, match["key"])
    if not elements:
        key = Span(source, *match.span("key"))
        labels = [decision.label(e).partition("[")[2].rstrip("]") for e in range(min(decision.elements, 10_000))]
        return unknown("S0608", f"element of {decision.name} called", match["key"], labels, key)
    options = [_option(decision.domain(e), match["option"]) for e in elements]
    at = Span(source, *match.span("option"))
    if any(o is None for o in options) or len(set(options)) != 1 or options[0] is None:
        listed = [str(o) for o in decision.domain(elements[0]).options]
        return unknown("S0608", f"option of {decision.name} called", match["option"], listed, at)
    return decision.name, elements, options[0]


def _elements(decision: Decision, key: str | None) -> list[int]:
    if key is None:
        return list(range(decision.elements))
    wanted = tuple(part.strip() for part in key.split(","))
    # A pair may be named in either order, as in a space.
    turned = tuple(reversed(wanted)) if any("<" in axis for axis in decision.axes) and len(wanted) == 2 else wanted
    texts = [tuple(str(part) for part in k) for k in decision.every_key()]
    return [e for e, k in enumerate(texts) if _fits(k, wanted) or _fits(k, turned)]


def _fits(key: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """`*` stands for any part of a key."""
    return len(key) == len(wanted) and all(w in ("*", k) for k, w in zip(key, wanted, strict=True))


def _option(domain: Domain, text: str) -> Option | None:
    """The position of the option that a text names, the number for a real, the positions for a set `{a, b}`."""
    names = [str(option) for option in domain.options]
    match domain.kind:
        case "real":
            try:
                value = float(text)
            except ValueError:
                return None
            return value if domain.low <= value <= domain.high else None
        case "subset":
            parts = [part.strip() for part in text.strip("{} ").split(",") if part.strip()]
            inside = all(part in names for part in parts) and domain.low <= len(set(parts)) <= domain.high
            return tuple(sorted({names.index(part) for part in parts})) if inside else None
        case "range" if not names:
            return int(text) - int(domain.low) if text.isdigit() and domain.low <= int(text) <= domain.high else None
        case "gate" | "number" | "name" | "alternative" | "range":
            return names.index(text) if text in names else None
