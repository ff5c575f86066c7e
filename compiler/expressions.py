"""Expressions: the value of each in every row of a context."""

from __future__ import annotations

from recspace.dsl import ast

from . import calls, deciding, emptied
from .aggregates import expand
from .arithmetic import binary, compute
from .atoms import FieldRef, ItemSet
from .branches import case, selected, switch
from .columns import Column, Context
from .conditions import condition
from .lists import comprehension, known, listed
from .names import name_value
from .state import State, Value
from .subscripts import subscript
from .unknown import unknown


def evaluate(state: State, expr: ast.Expr, ctx: Context, labels: bool = False) -> Value:
    """The value of an expression. `labels`: unknown names stand for themselves."""
    match expr:
        case ast.Number(value=value):
            return Column.uniform(value, ctx.n)
        case ast.String(value=text):
            return Column.uniform(_quoted(state, text), ctx.n)
        case ast.Name(name):
            return name_value(state, name, expr.span, ctx, labels)
        case ast.Qualified(module, name):
            raise unknown(state, f"{module}.{name}", ctx, expr.span, "value")
        case ast.ListOf(items):
            return listed(state, items, ctx, expr.span, labels)
        case ast.SetOf(items):
            columns = state.columns(items, ctx, labels=True)
            return known(state, columns, lambda *v: ItemSet(tuple(dict.fromkeys(v))), ctx, expr.span)
        case ast.Comprehension(generator):
            inner, weights = expand(state, generator.fors, ctx)
            elements = state.column(generator.value, inner) if inner.n else Column.of_atoms(())
            return comprehension(state, inner, ctx, elements, weights, expr.span)
        case ast.Binary():
            return binary(state, expr, ctx, labels)
        case ast.Unary("not", value):
            return compute(state, "not", [condition(state, value, ctx)], ctx, expr.span)
        case ast.Unary(_, value):
            return compute(state, "negate", [state.column(value, ctx)], ctx, expr.span)
        case ast.Switch():
            return switch(state, expr, ctx, labels)
        case ast.Call():
            called: Value = calls.call(state, expr, ctx)
            return called
        case ast.Subscript():
            return subscript(state, expr, ctx)
        case ast.Case(subject, alternatives):
            searched = emptied.decided(ctx.scope, subject)
            return case(state, state.column(subject, ctx), alternatives, ctx, expr.span, searched)
        case ast.ChooseOne(name, alternatives, clauses):
            labels_ = [a.label for a in alternatives]
            place = ctx.scope.place(name)
            decided = deciding.between(state, place, labels_, clauses, ctx, expr.span)
            return selected(state, decided, alternatives, ctx, expr.span, place, searched=True)
        case ast.ChooseFrom(name, domain, clauses):
            return deciding.from_domain(state, ctx.scope.place(name), domain, clauses, ctx, expr.span)


def _quoted(state: State, text: str) -> FieldRef | str:
    """A text in quotes; a column of that name, whatever the name."""
    return FieldRef(text) if any(f.name == text for f in state.schema.fields) else text
