"""The page of SCIM's language against the code: dialects, observations, limits, and that the tests which it names exist."""

from __future__ import annotations

import ast
import re

import pytest

from scim import bulk_plan, members, patch, strict_json, values
from scim.dialects.observation import SENTENCES
from scim.dialects.recognise import Dialect
from scim.filters import tokens
from tests.docs.pages import REFERENCE, ROOT, sections, tables

PAGE = REFERENCE / "scim-language.md"
ROWS = {row[0]: row for row in tables(PAGE)}
NAMED = sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", PAGE.read_text(encoding="utf-8"))))


def test_every_dialect_has_its_line():
    assert set(Dialect) <= set(ROWS)


def test_every_observation_has_its_line_and_sentence():
    assert {name: ROWS[name][1] for name in SENTENCES} == dict(SENTENCES)


def test_the_limits_are_the_code_s():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for limit, words in [
        (values.MAX_ELEMENTS, "{} values of one attribute"),
        (values.MAX_KEY, "up to {} characters"),
        (values.MAX_TEXT, "other texts up to {}"),
        (members.MAX_MEMBERS, "{} members named in one operation"),
        (patch.MAX_OPERATIONS, "{} operations in a PATCH"),
        (bulk_plan.MAX_OPERATIONS, "{} in a Bulk"),
        (tokens.MAX_LENGTH, "{} characters"),
        (tokens.MAX_DEPTH, "{} levels"),
        (tokens.MAX_TERMS, "{} terms"),
        (strict_json.MAX_DEPTH, "{} levels deep"),
    ]:
        assert words.format(f"{limit:,}") in text


def test_the_table_by_section_names_tests():
    table = [line for line in sections(PAGE, 2)["RFC 7644 by section"].splitlines() if line.startswith(("| 3", "| 4"))]
    assert table
    assert all("::test_" in line for line in table)


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_exists(named: str):
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
