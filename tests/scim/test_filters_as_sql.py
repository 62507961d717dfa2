"""Filters as SQL against filters in memory: the same documents, the same answers, on both engines; sorting beside it."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idbroker.directories.lists import Part, ResourceLists
from scim.conditions.compile import Compiler
from scim.filters.matching import matches
from scim.filters.reading import read_filter
from scim.schemas.schema_set import STANDARD
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, open_stores, urls_for
from tests.support.scim_world import ENTERPRISE, Directory, ScimWorld

PEOPLE: list[dict[str, Any]] = [
    {"userName": "ada", "displayName": "Ada Äpfel", "active": True, "title": "", "externalId": "X1"},
    {"userName": "Bob%", "name": {"familyName": "O'Neil", "givenName": "bob_b"}, "active": False, "externalId": "x1"},
    {
        "userName": "cyd",
        "emails": [{"value": "Cyd@x.example", "type": "work", "primary": True}, {"value": "c@home.example", "type": "home"}],
    },
    {"userName": "déjà", "emails": [{"value": "d@x.example", "type": "home"}], "nickName": "STRASSE", "locale": "de-DE"},
    {"userName": "eve\\", ENTERPRISE: {"department": "Straße", "employeeNumber": "7", "manager": {"value": "26118915"}}},
    {"userName": "fay", "phoneNumbers": [{"value": "+1 555", "type": "work"}], "photos": [{"value": "https://x.example/P.png"}]},
    {"userName": "gus_", "displayName": "ada äpfel", "roles": [{"value": "admin", "primary": True}, {"value": "Reader"}]},
]  # fmt: skip
TEXTS = [
    "ada",
    "ADA",
    "a",
    "",
    "%",
    "_",
    "\\",
    "'",
    "äpfel",
    "STRASSE",
    "straße",
    "x1",
    "X1",
    "c@home.example",
    "work",
    "7",
    "zz",
    "bob_b",
]
ATTRIBUTES = [
    "userName", "displayName", "externalId", "title", "nickName", "locale", "name.familyName", "name.givenName", "emails",
    "emails.value", "emails.type", "phoneNumbers.value", "photos.value", "roles.value", "roles.type", "groups.display",
    f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager.value", "schemas",
]  # fmt: skip


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def joined(ones: list[str], word: str) -> str:
    return reduce(lambda a, b: f"({a}) {word} ({b})", ones)


comparison = st.builds(
    lambda name, op, text: f"{name} {op} {quoted(text)}",
    st.sampled_from(ATTRIBUTES),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]),
    st.sampled_from(TEXTS),
)
present = st.sampled_from(["title", "name", "emails", "groups", "roles.type", f"{ENTERPRISE}:manager", "meta", "id"]).map(
    "{} pr".format
)
boolean = st.sampled_from(["active eq true", "active ne true", "emails.primary eq true", "roles.primary ne true"])
path = st.builds(
    lambda name, kind, text, op: f"{name}[type {op} {quoted(kind)} and value co {quoted(text)}]",
    st.sampled_from(["emails", "phoneNumbers", "groups"]),
    st.sampled_from(["work", "home", "direct"]),
    st.sampled_from(TEXTS),
    st.sampled_from(["eq", "ne"]),
)
term = st.one_of(comparison, comparison, present, boolean, path)
condition = st.recursive(
    term,
    lambda inner: st.one_of(
        st.builds(lambda one: f"not ({one})", inner),
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["and", "or"])),
    ),
    max_leaves=5,
)  # fmt: skip


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Directory, list[Any]]]:
    clock = TestClock()
    stores = open_stores(request.param, urls_for(request.param, Path(tmp_path_factory.mktemp("filters")), request), clock)
    idp = ScimWorld(stores, clock).directory()
    made = []
    for person in PEOPLE:
        made.append(idp.ok("POST", "/Users", person, 201)["id"])
        clock.advance(seconds=1)
    idp.group("Äpfel", *made[:2])
    yield idp, [idp.ok("GET", f"/Users/{one}") for one in made]
    stores.close()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=condition)
def test_sql_and_memory_agree(filled: tuple[Directory, list[Any]], text: str):
    idp, documents = filled
    where = read_filter(text, STANDARD.user)
    expected = [one["id"] for one in documents if matches(where, one)]
    stores = idp.world.stores
    compiled = Compiler("sqlite" if stores.engine == "sqlite" else "postgresql", "User", "https://id.example.com/scim/v2")
    with stores.main.tenant(idp.world.scope(idp.tenant), read_only=True) as unit:
        found = unit[ResourceLists].first(idp.id, Part("User", compiled.condition(where)), 100)
    assert [one.resource.id for one in found] == expected, text


@pytest.mark.parametrize("name", ["meta.created", "meta.lastModified"])
def test_moments(filled: tuple[Directory, list[Any]], name: str):
    idp, documents = filled
    moments = {one["id"]: one["meta"][name.partition(".")[2]] for one in documents}
    third = moments[documents[2]["id"]]
    for op in ("eq", "gt", "ge", "lt", "le", "ne"):
        expected = {one for one, moment in moments.items() if getattr(operator, op)(moment, third)}
        assert set(idp.find("/Users", f'{name} {op} "{third}"')) == expected, op


@pytest.mark.parametrize(
    ("by", "first"),
    [("userName", "ada"), ("emails", "cyd"), (f"{ENTERPRISE}:department", "eve\\"), ("roles", "gus_"), ("meta.created", "ada")],
)
def test_sorting_puts_those_without_last(filled: tuple[Directory, list[Any]], by: str, first: str):
    idp, _ = filled
    up = [one["userName"] for one in idp.ok("GET", f"/Users?sortBy={by}")["Resources"]]
    down = [one["userName"] for one in idp.ok("GET", f"/Users?sortBy={by}&sortOrder=descending")["Resources"]]
    assert up[0] == first
    assert sorted(up) == sorted(down)
    pages = [idp.ok("GET", f"/Users?sortBy={by}&startIndex={start}&count=2")["Resources"] for start in (1, 3, 5, 7)]
    assert [one["userName"] for page in pages for one in page] == up
