"""Where boxes and lines of large graphs lie: boxes apart and within their own, lines from box to box."""

import random

import pytest

from recspace.pages.document import document

BOXES = """[...document.querySelectorAll('.node, .group')].map(g => { const m = g.transform.baseVal[0].matrix, b = g.firstChild;
return [g.dataset.id, m.e, m.f, b.width.baseVal.value, b.height.baseVal.value]; })"""
LINES = "[...document.querySelectorAll('.arrows .arrow')].map(a => a.getAttribute('d'))"


def drawn_graph(seed: int, count: int) -> dict:
    """Boxes up to three deep, whose lines go from box to box, into boxes and out of them, and now and then back up."""
    chance = random.Random(seed)
    places = [[]] + [[f"a = {a}", *deeper] for a in range(4) for deeper in ([], ["b"], ["b", f"c{a}"])]
    nodes = [
        {
            "kind": "operator", "title": f"n{k}" * chance.randint(1, 6), "detail": "number", "note": "", "phase": "run",
            "axes": [], "rows": 1, "keys": 0, "path": chance.choice(places), "formula": "x", "at": None,
        }
        for k in range(count)
    ]  # fmt: skip
    edges = {(chance.randrange(max(0, k - 12), k), k) for k in range(1, count) for _ in range(2)}
    return {
        "name": "Many", "title": "", "data": "", "size": "1", "decisions": [], "fields": [], "sources": [], "code": None,
        "refused": "", "stages": [{"name": "As written", "nodes": nodes, "edges": [[s, t, ""] for s, t in sorted(edges)], "keys": [[[]]]}],
    }  # fmt: skip


def parents(data: dict) -> dict[str, str]:
    found = {}
    for k, node in enumerate(data["stages"][0]["nodes"]):
        ids = ["", *("/" + "/".join(node["path"][: n + 1]) for n in range(len(node["path"]))), f"n{k}"]
        found |= dict(zip(ids[1:], ids, strict=False))
    return found


@pytest.mark.parametrize(("seed", "count"), [(0, 30), (1, 90), (2, 90)])
def test_boxes_lie_apart_and_lines_join_them(visit, tmp_path, seed, count):
    data = drawn_graph(seed, count)
    (tmp_path / "x.html").write_text(document("Many", "graph_page", data), "utf-8")
    page = visit.open(tmp_path / "x.html").page
    page.click(".tools button:text('Open all')")
    visit.settled()
    up = parents(data)
    visit.until(lambda: page.locator(".node, .group").count() == len(up), "every box")
    rects = {name: (x, y, x + w, y + h) for name, x, y, w, h in page.evaluate(BOXES)}
    for a, (left, top, right, bottom) in rects.items():
        if up[a]:
            around = rects[up[a]]
            assert around[0] < left < right < around[2], a
            assert around[1] < top < bottom < around[3], a
        for b, other in rects.items():
            apart = right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
            assert apart or a == b or up[a] != up[b], (a, b)
    ends = [
        tuple(map(float, (*d[1:].split("L")[0].split(), *d.rsplit("L", 1)[1].split()))) for d in page.evaluate(LINES)
    ]
    edges = data["stages"][0]["edges"]
    assert len(ends) == len(edges)
    for source, target, _ in edges:
        a, b = rects[f"n{source}"], rects[f"n{target}"]
        assert any(on_edge(a, x, y) and on_edge(b, *end) for x, y, *end in ends), (source, target)


def on_edge(rect, x, y):
    left, top, right, bottom = rect
    return left - 0.2 < x < right + 0.2 and (abs(y - top) < 0.2 or abs(y - bottom) < 0.2)
