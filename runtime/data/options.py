"""The arguments of an entry of a data block, taken one by one; what is left over in the end is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit, Note
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest


@dataclass(slots=True)
class Options:
    """Arguments of the call `kind(…)`. Faults are added to `found`; a faulty option reads as its default."""

    kind: str
    call: ast.Call
    found: list[Diagnostic]
    plain: list[ast.Expr] = field(default_factory=list)
    named: dict[str, ast.Keyword] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for argument in self.call.arguments:
            match argument:
                case ast.Keyword(name) if name in self.named:
                    note = Note(self.named[name].span, "it is first given here")
                    self._fault(f"`{name}` is given twice", argument.span, notes=(note,))
                case ast.Keyword(name):
                    self.named[name] = argument
                case ast.Generator() | ast.Schedule():
                    self._fault(f"`{self.kind}` takes plain values", argument.span)
                case _:
                    self.plain.append(argument)

    def word(self, name: str, default: str, allowed: Sequence[str] = ()) -> str:
        """A bare name, one of `allowed` where given."""
        value = self._take(name)
        match value:
            case None:
                return default
            case ast.Name(word) | ast.String(word) if word and (not allowed or word in allowed):
                return word
            case ast.Name(word) | ast.String(word) if allowed:
                meant = nearest(word, allowed)
                edits = (Edit(value.span, meant),) if meant else ()
                advice = f"did you mean `{meant}`?" if meant else f"use one of: {', '.join(allowed)}"
                self._fault(f"`{name}` cannot be `{word}`", value.span, advice, edits)
            case _:
                advice = f"use one of: {', '.join(allowed)}" if allowed else ""
                self._fault(f"`{name}` is a name", value.span, advice)
        return default

    def text(self, name: str, default: str) -> str:
        value = self._take(name)
        if isinstance(value, ast.String) and value.value:
            return value.value
        if value is not None:
            self._fault(f"`{name}` is a text in quotation marks", value.span)
        return default

    def share(self, name: str, default: float) -> float:
        """A number of at least 0 and below 1."""
        value = self._take(name)
        if value is None:
            return default
        found = number(value)
        if found is not None and 0 <= found < 1:
            return float(found)
        self._fault(f"`{name}` is a share of at least 0 and below 1", value.span, f"write  {name} = {default}")
        return default

    def whole(self, name: str, default: int, least: int) -> int:
        """A whole number of at least `least`."""
        value = self._take(name)
        return default if value is None else self._whole(value, name, least, default)

    def maybe_whole(self, name: str, least: int) -> int | None:
        value = self._take(name)
        return None if value is None else self._whole(value, name, least, least)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of rising numbers; () where it is not given."""
        value = self._take(name)
        if value is None:
            return ()
        items = value.items if isinstance(value, ast.ListOf) else ()
        numbers = [number(item) for item in items]
        rising = [n for n in numbers if n is not None]
        if not rising or len(rising) < len(numbers) or any(a >= b for a, b in pairwise(rising)):
            self._fault(f"`{name}` is a list of rising numbers", value.span, f"write  {name} = [14, 25, 40]")
            return ()
        return tuple(float(n) for n in rising)

    def first_whole(self, what: str, least: int) -> int:
        """A whole number that stands first, without a name."""
        if not self.plain:
            self._fault(f"`{self.kind}` needs {what}", self.call.span, f"write  {self.kind}(64)")
            return least
        return self._whole(self.plain.pop(0), what, least, least)

    def column(self) -> str | None:
        """The column that stands first."""
        match self.plain[0] if self.plain else None:
            case ast.Name(name) | ast.String(name):
                self.plain.pop(0)
                return name
            case _:
                span = self.plain[0].span if self.plain else self.call.span
                rest = ", 0.8, 0.1, 0.1" if self.kind in ("time", "grouped") else ""
                advice = f'write  {self.kind}("name of the column"{rest})'
                self._fault(f"`{self.kind}` needs a column first", span, advice, code="S0514")
                return None

    def shares(self) -> tuple[float, float, float] | None:
        """Three shares that add up to 1; 80%, 10%, 10% where none is given."""
        if not self.plain:
            return (0.8, 0.1, 0.1)
        given, self.plain = self.plain, []
        values = [number(item) for item in given]
        parts = [float(v) for v in values if v is not None and v > 0]
        if len(given) != 3 or len(parts) != 3 or abs(sum(parts) - 1) > 1e-6:
            message = "a split needs shares above 0 for train, valid and test that add up to 1"
            advice = "write  0.8, 0.1, 0.1"
            self._fault(message, given[0].span.to(given[-1].span), advice, code="S0514")
            return None
        return (parts[0], parts[1], parts[2])

    def refuse_the_rest(self) -> None:
        """Adds a fault for each argument that nothing has taken."""
        for value in self.plain:
            self._fault(f"`{self.kind}` takes no value here", value.span, self._advice())
        for name, keyword in self.named.items():
            meant = nearest(name, self.known)
            start = keyword.span.start
            edits = (Edit(Span(keyword.span.source, start, start + len(name)), meant),) if meant else ()
            advice = f"did you mean `{meant}`?" if meant else self._advice()
            self._fault(f"`{self.kind}` has no option `{name}`", keyword.span, advice, edits)

    def _advice(self) -> str:
        return f"its options are: {', '.join(self.known)}" if self.known else ""

    def _take(self, name: str) -> ast.Expr | None:
        self.known.append(name)
        keyword = self.named.pop(name, None)
        value = keyword.value if keyword else None
        if isinstance(value, ast.Schedule):
            self._fault(f"`{name}` takes a plain value", value.span)
            return None
        return value

    def _whole(self, value: ast.Expr, name: str, least: int, default: int) -> int:
        found = number(value)
        if isinstance(found, int) and found >= least and found < 1 << 31:
            return found
        what = name if " " in name else f"`{name}`"
        self._fault(f"{what} is a whole number of at least {least}", value.span)
        return default

    def _fault(
        self,
        message: str,
        span: Span,
        advice: str = "",
        edits: tuple[Edit, ...] = (),
        notes: tuple[Note, ...] = (),
        code: str = "S0511",
    ) -> None:
        self.found.append(Diagnostic(code, message, span, help=advice, edits=edits, notes=notes))


def number(expr: ast.Expr) -> int | float | None:
    """The value of a number, also a negative one."""
    match expr:
        case ast.Number(value):
            return value
        case ast.Unary("-", ast.Number(value)):
            return -value
        case _:
            return None
