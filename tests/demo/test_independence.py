"""The demo app is an ordinary client: it imports nothing of ours."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import idbroker.demo.notes

FOLDER = Path(idbroker.demo.notes.__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_it_imports_nothing_of_ours(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            assert getattr(node, "level", 1) == 1
        assert not {name.split(".")[0] for name in names} & {"idbroker", "saml", "oidc", "scim", "admin_ui"}
