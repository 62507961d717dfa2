"""What is vendored for the pages is what was published."""

from __future__ import annotations

import hashlib
from pathlib import Path

STATIC = Path(__file__).parents[2] / "admin_ui" / "static"


def test_htmx_is_byte_for_byte_the_published_file() -> None:
    digest = hashlib.sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest()
    assert f"`{digest}`" in (STATIC / "VENDORED.md").read_text(encoding="utf-8")
