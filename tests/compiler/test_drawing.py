"""Drawings: every family is there, nothing overlaps, and no name is ever markup."""

import json
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from recspace.checking import Question, judge
from recspace.compiler.drawing import to_dot, to_json, to_svg
from recspace.compiler.drawing.boxes import arrows, boxes
from recspace.compiler.drawing.layout import Size, layout
from recspace.compiler.ir import Graph, Index, Input, Output, Ref, Rows
from recspace.compiler.schema import Column
from recspace.dsl.ast import NOWHERE
from recspace.reading import shipped

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>",
    "&amp;<",
    "a\x00\x1b\ud800b",
    '\\"; x [',
    "\n{",
]


def graph_of(name):
    checked = judge(Question(name)).checked
    assert checked is not None
    assert checked.graph is not None
    return checked.graph


def hostile(name):
    index = Index(axes=(name,), keys=((name,),))
    column = Column("id", (name,))
    nodes = {
        0: Input(index=index, columns=(column,), span=NOWHERE, place=name),
        1: Output(index=index, role="predict", value=Ref(0, Rows.all(1)), text=name, span=NOWHERE),
    }
    return Graph(name, nodes, ())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_family_is_drawn_once(name):
    graph = graph_of(name)
    data = json.loads(to_json(graph))
    assert [node["id"] for node in data["nodes"]] == [key for key, _ in graph.items()]
    place = {node["id"]: k for k, node in enumerate(data["nodes"])}
    assert all(place[edge["source"]] < place[edge["target"]] for edge in data["edges"])
    assert {(e["source"], e["target"]) for e in data["edges"]} == {
        (p, k) for k, _ in graph.items() for p in graph.producers(k)
    }
    svg = ET.fromstring(to_svg(graph))
    assert len(svg.findall(".//{*}g")) == len(graph)
    assert to_dot(graph).count('label="') >= len(graph)


@pytest.mark.parametrize("name", ["autofis", "autoias", "ameir", "autoctr"])
def test_boxes_do_not_overlap_and_arrows_go_down(name):
    graph = graph_of(name)
    sizes = {box.key: Size(40.0 + 7 * len(box.title), 60.0) for box in boxes(graph)}
    edges = [(a.source, a.target) for a in arrows(graph)]
    placed = layout(sizes, edges)
    for a, b in combinations(sizes, 2):
        (ax, ay), (bx, by) = placed.centres[a], placed.centres[b]
        apart = abs(ax - bx) >= (sizes[a].width + sizes[b].width) / 2 or abs(ay - by) >= 60
        assert apart, (a, b)
    assert all(placed.centres[s][1] < placed.centres[t][1] for s, t in edges)
    for key, (x, y) in placed.centres.items():
        assert sizes[key].width / 2 <= x <= placed.width - sizes[key].width / 2
        assert 30 <= y <= placed.height - 30


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(name):
    graph = hostile(name)
    svg = ET.fromstring(to_svg(graph))
    assert {node.tag.rpartition("}")[2] for node in svg.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"
    }  # fmt: skip
    allowed = {"class", "d", "marker-end", "x", "y", "width", "height", "rx", "fill", "stroke", "viewBox", "id", "refX",
               "refY", "markerWidth", "markerHeight", "orient"}  # fmt: skip
    assert {key for node in svg.iter() for key in node.attrib} <= allowed
    assert json.loads(to_json(graph))["name"] == name
    for line in to_dot(graph).splitlines():
        bare = line.replace("\\\\", "").replace('\\"', "")
        assert bare.count('"') % 2 == 0
        inside = "".join(bare.split('"')[::2])
        assert "script" not in inside
        assert "img" not in inside


def test_an_empty_graph_is_drawn():
    assert ET.fromstring(to_svg(Graph("none", {}, ()))).tag.endswith("svg")
