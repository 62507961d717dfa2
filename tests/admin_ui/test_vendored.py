"""What is vendored for the pages is what was published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", ["admin_ui/static/htmx.min.js", "tests/browser/vendored/axe.min.js"])
def test_a_vendored_file_is_byte_for_byte_the_published_one(file: str) -> None:
    path = ROOT / file
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"`{digest}`" in (path.parent / "VENDORED.md").read_text(encoding="utf-8")
