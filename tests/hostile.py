"""Names that are meant to harm: markup, script, quotes, what reads as nothing, and what turns or hides text."""

import random

WHOLE = [
    "<script>window.harmed=1</script>", "</script><script>window.harmed=2</script>", "<img src=x onerror=window.harmed=3>",
    '"><svg onload=window.harmed=4>', "' onmouseover='window.harmed=5", "javascript:window.harmed=6", "</style><style>*{display:none}",
    "</title><b>", "]]>", "<![CDATA[", "<!--", "-->", "&lt;script&gt;", "&#60;b&#62;", "<a href=//evil.example>x</a>", "${window.harmed=7}",
    "{{constructor.constructor('window.harmed=8')()}}", "`window.harmed=9`", "\\u003cscript\\u003e", "%3Cscript%3E", "<iframe srcdoc=x>",
    "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "null", "None", "NaN", "undefined", "true", "0", "-1", "1e309",
    "\u202egnp.exe", "\u2066left\u2069", "שלום עולם", "مرحبا", "日本語の名前", "👩‍👩‍👧‍👦", "🏴‍☠️", "e\u0301" * 20, "Z̸̡a̷l̵g̶o̴", "\u200b", "\u00a0", "\ufeff",
    "a\u2028b",
    "a\u2029b", "a\nb", "a\r\nb", "a\tb", "\x1b[31mred", "\x07", "\\", "\\\\", "\\n", '"', '""', "'", "''", "'''", '"""', "`", ";", "--", "/*", "*/",
    "//", "#", "%", "%s", "{}", "{0}", "$(id)", "`id`", "| id", "&& id", "; DROP TABLE t", "../../etc/passwd", "..", ".", "/", "C:\\x", "con",
    "n0", "e0", "%0", "%5", "f[i]", "f[i < j]", "a:b", "a, b", "a×b", "a.b", " ", "  x  ", "x" * 400, "long name " * 60, "A" * 300 + "<b>",
    "subgraph x", "end", "class", "click n0 href \"javascript:x\"", "graph TD", "digraph", "]", ")", "}", "=>", "-->|x|", ":::x", "%%{init: {}}%%",
]  # fmt: skip
PIECES = [
    "<b>",
    "</p>",
    '"',
    "'",
    "&",
    ";",
    "<svg/onload=window.harmed=10>",
    "]]>",
    "\u202e",
    "🙂",
    "\\",
    "`",
    "{",
    "}",
    "%",
    "#",
    "x",
    " ",
    "=",
    "//",
    "é",
]


def names(count: int = 200) -> list[str]:
    """All of the whole ones, and pieces put together by chance; no two alike."""
    chance = random.Random(7)
    found = dict.fromkeys(WHOLE)
    while len(found) < count:
        found["".join(chance.choices(PIECES, k=chance.randint(2, 9)))] = None
    return list(found)[:count]
