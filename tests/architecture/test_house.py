"""The laws of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from idbroker import plugins
from idbroker.audit.events import ACTIONS

ROOT = Path(__file__).parents[2]
PACKAGES = ("idbroker", "saml", "oidc", "scim", "admin_ui")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager"}


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tables_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(keyword.arg == "table" for keyword in node.keywords):
            yield node.name


def test_every_module_that_maps_a_table_is_on_the_plug_board() -> None:
    found = {
        relative(path).removesuffix(".py").replace("/", ".")
        for path in sources()
        if list(tables_of(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == set(plugins.TABLES)
    assert list(plugins.TABLES) == sorted(plugins.TABLES)


def test_every_table_says_whose_it_is() -> None:
    """A table outside the three kinds would be outside the session guard and the policies."""
    plugins.load_tables()
    assert not SQLModel.metadata.tables, "mapped past idbroker.storage.rows"


@pytest.mark.parametrize("path", [path for path in sources() if path.name == "__init__.py"], ids=relative)
def test_a_package_opens_with_what_it_owns_and_nothing_else(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a docstring says what the package owns"
    assert len(tree.body) == 1, "nothing but the docstring"
    assert len(path.read_text(encoding="utf-8").strip().splitlines()) <= 10


def test_no_drawer_for_odds_and_ends() -> None:
    named = [relative(path) for path in sources() if {*path.parts, path.stem} & FORBIDDEN_NAMES]
    assert named == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        relative(p) for p in sources() if "migrations" not in p.parts and not ast.get_docstring(ast.parse(p.read_text("utf-8")))
    ]
    assert silent == []


def test_the_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 broken" in ended.stdout


PUBLISHED = {
    "sign_in": "succeeded refused",
    "session": "started ended",
    "user": "created updated deactivated reactivated deleted",
    "group": "created updated deleted member_added member_removed",
    "connection": "created updated activated disabled deleted",
    "domain": "added verified removed",
    "app": "created updated",
    "api_key": "created revoked",
    "role_mapping": "created deleted",
    "tenant": "created transitioned",
    "signing_key": "rotated",
    "token": "reuse_detected",
}


def test_the_published_actions_are_in_the_catalogue() -> None:
    published = {f"{noun}.{verb}" for noun, verbs in PUBLISHED.items() for verb in verbs.split()}
    assert published - set(ACTIONS) == set()


FORESEEN = {"connection.certificate_expiring", "connection.client_secret_expiring"}
"""Told before it happens, which is the point of it."""


def test_actions_are_a_noun_and_what_became_of_it() -> None:
    for action, sentence in ACTIONS.items():
        noun, dot, verb = action.partition(".")
        assert dot, action
        assert noun.replace("_", "").isalpha(), action
        assert verb.replace("_", "").isalpha(), action
        past = any(word.endswith(("ed", "en", "wn", "ld")) for word in verb.split("_"))
        assert past or action in FORESEEN, action
        assert sentence.endswith("."), action


def recorded_actions() -> set[str]:
    """Every literal that is handed to ``Event(…)``, or looks like an action beside one."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event" and node.args:
                found |= {n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


def test_what_the_code_records_is_in_the_catalogue() -> None:
    recorded = recorded_actions()
    assert len(recorded) > 15
    assert recorded - set(ACTIONS) == set()


def test_the_plug_board_makes_what_it_names() -> None:
    for module in plugins.TABLES:
        importlib.import_module(module)
    names = [protocol.__name__ for protocol in plugins.PROTOCOLS]  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
