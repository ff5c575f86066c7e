"""Pages without a browser: what they are made of, what they admit, and that names in them are data."""

import base64
import gzip
import hashlib
import json
import re

import pytest

from recspace.pages import scripts
from recspace.pages.document import CONTROL, ENGINE, document, packed, policy

VENDORED = "dca3a19d9ec37f5634bf5876b4ebd2455c3f43f0d32570136c13c13edaba9bfb"
HOSTILE = "</script><script>alert(1)</script><!--\u2028\x00\ud800"


def blocks(page: str) -> dict[str, str]:
    found = re.findall(r'<script type="text/plain" id="(\w+)">([A-Za-z0-9+/=]*)</script>', page)
    return {name: gzip.decompress(base64.b64decode(text)).decode() for name, text in found}


def test_data_come_back_as_they_were():
    data = {"name": "Grün </script>", "of": [1, 2.5, None]}
    assert json.loads(blocks(document("x", "graph_page", data))["data"]) == data


def test_nothing_of_a_name_is_in_the_page_but_its_title():
    page = document(HOSTILE, "graph_page", {"name": HOSTILE})
    assert page.count("<script") == 3
    assert "alert(1)" not in re.sub(r"<title>.*?</title>", "", page)
    assert "&lt;/script&gt;" in page
    assert not [c for c in page if ord(c) in CONTROL]


def test_the_policy_admits_this_script_and_this_style_alone():
    page = document("x", "graph_page", {})
    script = page.rpartition("<script>")[2].rpartition("</script>")[0]
    sheet = page.partition("<style>")[2].partition("</style>")[0]
    said = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, sheet)]
    assert re.findall(r"sha256-([^']*)'", said) == hashes
    assert said.startswith("default-src 'none'")
    assert "unsafe" not in said
    assert "connect-src" not in said
    assert "connect-src 'self'" in policy("", "", live=True)


def test_the_same_data_make_the_same_page():
    assert document("x", "graph_page", {"a": 1}) == document("x", "graph_page", {"a": 1})
    assert packed(b"x") == packed(b"x")


def test_the_engine_is_as_it_was_published_and_its_licence_is_there():
    assert hashlib.sha256(gzip.decompress(ENGINE.read_bytes())).hexdigest() == VENDORED
    assert VENDORED in (ENGINE.parent / "README.md").read_text("utf-8")
    assert "Eclipse Public License - v 2.0" in (ENGINE.parent / "LICENSE-elkjs.md").read_text("utf-8")
    assert "Eclipse Public" in document("x", "graph_page", {})


def test_modules_set_no_markup_and_evaluate_nothing():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\(['\"`]|\.href\s*=|\.src\s*="
    for path in scripts.ASSETS.glob("*.js"):
        assert re.findall(forbidden, path.read_text("utf-8")) == [], path.name
        assert len(path.read_text("utf-8").splitlines()) <= 300, path.name


def test_modules_become_functions_in_the_order_of_their_imports(tmp_path, monkeypatch):
    (tmp_path / "one.js").write_text('import { two } from "./two.js";\nconst own = 1;\ntwo(own);\n')
    (tmp_path / "two.js").write_text("const own = 2;\nexport function two(x) { return own + x; }\n")
    (tmp_path / "round.js").write_text('import { x } from "./round.js";\n')
    (tmp_path / "odd.js").write_text("export default 1;\n")
    (tmp_path / "end.js").write_text('"</script>";\n')
    monkeypatch.setattr(scripts, "ASSETS", tmp_path)
    scripts._read.cache_clear()
    script = scripts.joined.__wrapped__("one")
    assert script.index("from_two = ") < script.index("const { two } = from_two;") < script.index("two(own)")
    assert "return { two };" in script
    for name in ("round", "odd", "end"):
        with pytest.raises(ValueError, match=name):
            scripts.joined.__wrapped__(name)
    scripts._read.cache_clear()
