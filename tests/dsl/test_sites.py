"""Names of places stay what they are: weights and decisions are filed under them."""

from recspace.dsl import Source, ast, parse
from recspace.dsl.sites import calls, component_paths, joined, site_names


def expressions(text: str) -> list[ast.Expr]:
    file, found = parse(Source("t.space", f"space T predict {text}"))
    assert found == ()
    assert file is not None
    assert file.space is not None
    [predict] = file.space.statements
    assert isinstance(predict, ast.Predict)
    return [predict.value]


def test_calls_are_numbered_in_the_order_of_the_text() -> None:
    found = expressions("linear(mlp(x, [32]), 1) * mlp[i, j](y) + sum(linear(parts.deep(e), 1) for i in subsets(S, 2))")
    named = {call.span.text: site_names("e", found)[call.span.start, call.span.end] for call in calls(found)}
    assert named == {
        "linear(mlp(x, [32]), 1)": "e.linear",
        "mlp(x, [32])": "e.mlp",
        "mlp[i, j](y)": "e.mlp#2",
        "sum(linear(parts.deep(e), 1) for i in subsets(S, 2))": "e.sum",
        "linear(parts.deep(e), 1)": "e.linear#2",
        "parts.deep(e)": "e.parts.deep",
        "subsets(S, 2)": "e.subsets",
    }


def test_a_result_has_no_owner() -> None:
    found = expressions("hot * mlp(x) + mlp(x)")
    assert sorted(site_names("", found).values()) == ["mlp", "mlp#2"]


def test_components_are_numbered_over_a_whole_body() -> None:
    found = [call for call in calls(expressions("deep(a) + fm(a) + deep(deep(b))")) if call.span.text[0] in "df"]
    paths = component_paths(found)
    assert [paths[c.span.start, c.span.end] for c in found] == ["deep", "fm", "deep#2", "deep#3"]


def test_paths_are_joined() -> None:
    assert joined("deep#2", "h", "mlp") == "deep#2.h.mlp"
    assert joined("deep#2", "", "mlp") == "deep#2.mlp"
