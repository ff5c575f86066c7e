"""Decisions and sizes in words and as data: for `check`, `size` and `list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .output import counted, digits, whole

if TYPE_CHECKING:
    from recspace.compiler.decisions import Decision, Domain
    from recspace.compiler.schema import Schema
    from recspace.compiler.size import Size

OPTIONS_SHOWN = 8
GIVEN = {"data": "given by the data", "example": "given by the example", "objective": "in the objective"}


def domain_text(domain: Domain) -> str:
    """A domain as a space writes it."""
    match domain.kind:
        case "gate" | "number" | "name" | "alternative":
            return "{" + _some(domain.options) + "}"
        case "range":
            return f"{domain.low:g}..{domain.high:g}"
        case "real":
            text = f"{domain.low:g}..{domain.high:g}"
            return f"log({text})" if domain.log else text
        case "subset":
            count = f"{domain.low:g}" if domain.low == domain.high else f"{domain.low:g}..{domain.high:g}"
            return f"subset({{{_some(domain.options)}}}, {count})"


def _some(options: tuple[Any, ...]) -> str:
    shown = [str(option) for option in options[:OPTIONS_SHOWN]]
    return ", ".join(shown) + (", …" if len(options) > OPTIONS_SHOWN else "")


def domains_text(decision: Decision) -> str:
    """Its domain, the first of several with their number."""
    more = len(decision.domains) - 1
    return domain_text(decision.domains[0]) + (f" and {more} more" if more else "") if decision.domains else ""


def heading(decision: Decision) -> str:
    """`keep[i < j in fields]`."""
    return decision.name + (f"[{', '.join(decision.axes)}]" if decision.axes else "")


def traits(decision: Decision) -> list[str]:
    """What else is to be known of a decision."""
    found = ["conditional"] if decision.conditional else []
    found += [f"indexed by the values of {decision.per_value}"] if decision.per_value else []
    found += [GIVEN[decision.given]] if decision.given else []
    found += ["prior"] if decision.prior else []
    return found + ([f"factored, rank {decision.rank}"] if decision.rank else [])


def decision_data(decision: Decision) -> dict[str, Any]:
    return {
        "name": decision.name,
        "axes": list(decision.axes),
        "elements": whole(decision.elements),
        "domains": [domain_data(domain) for domain in decision.domains],
        "conditional": decision.conditional,
        "given": decision.given,
        "prior": decision.prior,
        "rank": decision.rank,
        "per_value": decision.per_value,
    }


def domain_data(domain: Domain) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": domain.kind, "options": list(domain.options)}
    if domain.kind in ("range", "real", "subset"):
        found |= {"low": domain.low, "high": domain.high}
    return found | ({"log": domain.log} if domain.kind == "real" else {})


def size_data(size: Size) -> dict[str, Any]:
    """`value` is null where the size is symbolic or only bounded; then `upper` holds."""
    return {
        "value": None if size.value is None else whole(size.value),
        "formula": size.formula,
        "legend": dict(size.legend),
        "exact": size.exact,
        "lower": whole(size.lower),
        "upper": None if size.upper is None else whole(size.upper),
        "why": size.why,
        "log10": size.log10 if size.log10 > float("-inf") else None,
        "reals": list(size.reals),
        "ignored": list(size.ignored),
    }


def size_text(size: Size, *, full: bool = False) -> str:
    """The number where there is one: all its digits if `full`, else as it is best read; or the formula."""
    if size.value is None:
        return size.formula
    return digits(size.value) if full else counted(size.value)


def schema_text(schema: Schema) -> str:
    """`example data (9 fields): user, item, …`."""
    kind = "the example binding" if schema.example else f"`{schema.name}`"
    return f"{kind} ({len(schema.fields)} fields, {schema.rows:,} rows)"
