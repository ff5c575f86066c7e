"""One HTML file: its data packed, its script and style admitted by hash, everything else refused by its own policy."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from .scripts import joined, style

ENGINE = Path(__file__).parent / "vendor" / "elk-worker.min.js.gz"
NOTICE = """The layout engine in this page is elkjs 0.12.1, Copyright Kiel University and others, under the Eclipse Public
License 2.0 (https://www.eclipse.org/legal/epl-2.0); its source: https://github.com/kieler/elkjs."""
CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")
"""What no document may hold, even as text."""


def document(title: str, entry: str, data: Any, *, live: bool = False) -> str:
    """The page whose script starts in the module `entry`. `data` is JSON for it; `live`: it may ask its own server."""
    script, sheet = joined(entry), style()
    parts = {"data": packed(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))}
    parts["engine"] = _engine()
    blocks = "\n".join(f'<script type="text/plain" id="{name}">{text}</script>' for name, text in parts.items())
    return f"""<!doctype html>
<!-- {NOTICE} -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(script, sheet, live=live)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title.translate(CONTROL))}</title>
<style>{sheet}</style>
</head>
<body>
<noscript>This page draws itself: it needs JavaScript, and nothing from the network.</noscript>
{blocks}
<script>{script}</script>
</body>
</html>
"""


def policy(script: str, sheet: str, *, live: bool) -> str:
    """The script and the style are known by their hashes; the layout engine runs in a worker made of a blob."""
    rules = [
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(sheet)}'",
        "worker-src blob:",
        *(["connect-src 'self'"] if live else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def packed(data: bytes) -> str:
    """Gzipped, in letters that mean nothing in HTML; the same for the same bytes."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def _engine() -> str:
    return base64.b64encode(ENGINE.read_bytes()).decode("ascii")
