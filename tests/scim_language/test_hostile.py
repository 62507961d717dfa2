"""Hostile input at every door of the language: nothing but a ScimError comes out, and never late."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.bulk_plan import BULK_SCHEMA, bind, read_bulk
from scim.dialects.bodies import normalise_resource
from scim.dialects.observation import observe_request
from scim.dialects.patches import normalise_patch
from scim.dialects.recognise import recognise
from scim.errors import ScimError, error_document
from scim.filters.matching import matches
from scim.filters.reading import read_filter, read_filters
from scim.list_query import read_query, read_search
from scim.patch import MAX_OPERATIONS, apply
from scim.paths import read_path
from scim.projection import Projection
from scim.resources import accept
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.schema_set import STANDARD
from tests.scim_language.generated import filters
from tests.support.effort import not_for_long

USER, GROUP = STANDARD.user, STANDARD.group
ODD = (
    "",
    " ",
    "\x00",
    "\u202e",
    "İ",
    "ß",
    "ﬀ",
    "💥",
    "\ud7ff",
    "a" * 5000,
    "%_\\",
    '"',
    "[",
    "]",
    "(",
    ")",
    ".",
    ":",
    "$",
    "not",
    "null",
)
PIECES = (
    *ODD,
    "userName",
    "emails",
    "type",
    "eq",
    "pr",
    "and",
    "or",
    '"x"',
    "true",
    "1e400",
    "-0",
    "emails[",
    E,
    f"{E}:",
    "\u00a0",
    "members",
)

fragments = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).flatmap(
    lambda parts: st.sampled_from((" ", "", ".")).map(lambda glue: glue.join(parts))
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | fragments
)
NAMES = (
    "schemas",
    "id",
    "meta",
    "userName",
    "emails",
    "name",
    "active",
    "members",
    "value",
    "type",
    "primary",
    "groups",
    "password",
    E,
)
keys = st.sampled_from(
    (*NAMES, "Operations", "op", "path", "roles", "name.givenName", 'emails[type eq "x"].value', f"{E}:manager")
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | fragments, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(keys | fragments, values, max_size=5)
fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def guarded(call: Callable[[], Any]) -> Any:
    """The result, or None for a proper refusal, whose document can be sent."""
    error: ScimError | None = None
    try:
        return call()
    except ScimError as refusal:
        error = refusal
    document = error_document(error)
    json.dumps(document).encode()
    assert len(document["detail"]) < 400
    assert 400 <= error.status < 500
    return None


@fuzz
@given(fragments)
def test_texts(text: str):
    condition = guarded(lambda: read_filter(text, USER))
    if condition is not None:
        matches(condition, {"userName": "x"})
    guarded(lambda: read_filters(text, STANDARD.resource_types))
    for kind in STANDARD.resource_types:
        guarded(lambda kind=kind: read_path(text, kind))
        guarded(lambda kind=kind: Projection(kind, [text]))
    guarded(lambda: read_query({"filter": text, "count": text, "sortBy": text, "attributes": text}, USER))
    guarded(lambda: read_query({"startIndex": text, "cursor": text, "sortOrder": text}, USER))
    recognise(text, ())
    observe_request(text, {"content-type": text}, {"excludedAttributes": text, text: text})


@fuzz
@given(objects)
def test_bodies(body: dict[str, Any]):
    for kind in STANDARD.resource_types:
        standard, _ = normalise_resource(body, kind)
        accepted = guarded(lambda kind=kind, standard=standard: accept(standard, kind))
        if accepted is not None:
            again = accept(accepted.document, kind)
            assert again.document == accepted.document, "canonical"
            json.dumps(accepted.document)
    guarded(lambda: read_search(body, USER))
    guarded(lambda: read_bulk(body))
    guarded(lambda: read_bulk({"schemas": [BULK_SCHEMA], "Operations": [body, {"method": "POST", **body}]}))
    guarded(lambda: bind(body, {}))


operations = st.fixed_dictionaries(
    {"op": st.sampled_from(("add", "Replace", "remove", "x")) | scalars},
    optional={
        "path": st.sampled_from((*NAMES, "emails.value", 'emails[type eq "x"]', f"{E}:manager")) | fragments,
        "value": values,
    },
)


@fuzz
@given(st.lists(operations, min_size=1, max_size=4))
def test_patches(given_operations: list[dict[str, Any]]):
    user = {"id": "usr_1", "userName": "a", "active": True, "emails": [{"value": "x", "type": "x"}], E: {"department": "d"}}
    document = {**accept(user, USER).document, "id": "usr_1"}
    before = json.dumps(document)
    for kind, target in ((USER, document), (GROUP, {"schemas": [], "id": "grp_1", "displayName": "g"})):
        result = guarded(
            lambda kind=kind, target=target: apply(target, normalise_patch({"Operations": given_operations}, kind)[0], kind)
        )
        if result is not None:
            accept({n: v for n, v in result.document.items() if n not in ("id", "schemas")}, kind)
            assert "members" not in result.document
    assert json.dumps(document) == before


def bodies_of(count: int) -> dict[str, Any]:
    return {"Operations": [{"op": "add", "path": "roles", "value": [{"value": f"r{i}"}]} for i in range(count)]}


LARGE: list[tuple[str, Callable[[], Any]]] = [
    ("a filter of brackets", lambda: read_filter("[" * 4096, USER)),
    ("a filter of nots", lambda: read_filter("not (" * 819, USER)),
    ("a filter of quotes", lambda: read_filter('"' * 4096, USER)),
    ("a filter of backslashes", lambda: read_filter('userName eq "' + "\\" * 4000, USER)),
    ("a filter of dots", lambda: read_filter("a." * 2000 + " pr", USER)),
    ("a filter of digits", lambda: read_filter("userName eq " + "9" * 4000, USER)),
    ("a filter of spaces", lambda: read_filter(" " * 4096, USER)),
    ("a path of brackets", lambda: read_path("emails" + "[" * 4000, USER)),
    ("a path of quotes", lambda: read_path("emails[" + '"' * 4000 + "]", USER)),
    ("a path of escapes", lambda: read_path('emails[value eq "' + "\\\\" * 2000 + "]", USER)),
    ("a path of colons", lambda: read_path("urn" + ":a" * 2000, USER)),
    ("2,000 operations that add", lambda: apply({"userName": "a"}, normalise_patch(bodies_of(2000), USER)[0], USER)),
    ("10,000 operations", lambda: normalise_patch(bodies_of(10_000), USER)),
    (
        "2,000 operations on 1,000 elements",
        lambda: apply(
            {"userName": "a", "roles": [{"value": str(i)} for i in range(1000)]},
            normalise_patch({"Operations": [{"op": "replace", "path": "roles.display", "value": "x"}] * 2000}, USER)[0],
            USER,
        ),
    ),
    (
        "1,000 values to remove of 1,000",
        lambda: apply(
            {"userName": "a", "roles": [{"value": str(i)} for i in range(1000)]},
            normalise_patch({"Operations": [{"op": "remove", "path": "roles", "value": [{"display": "x"}] * 1000}]}, USER)[0],
            USER,
        ),
    ),
    ("50,000 names", lambda: accept(normalise_resource({f"n{i}": i for i in range(50_000)}, USER)[0], USER)),
    ("20,000 odd names", lambda: normalise_resource({f'emails[type eq "{i}"].value': "x" for i in range(20_000)}, USER)),
    ("50,000 elements", lambda: accept({"userName": "a", "roles": [{"value": str(i)} for i in range(50_000)]}, USER)),
    ("50,000 members", lambda: accept({"displayName": "a", "members": [{"value": str(i)} for i in range(50_000)]}, GROUP)),
    ("50,000 attributes asked", lambda: read_query({"attributes": "a," * 50_000}, USER)),
    (
        "1,000 operations that need all others",
        lambda: read_bulk(
            {
                "schemas": [BULK_SCHEMA],
                "Operations": [
                    {"method": "POST", "path": "/Users", "bulkId": str(i), "data": {"x": [f"bulkId:{j}" for j in range(60)]}}
                    for i in range(1000)
                ],
            }
        ),
    ),
]


@pytest.mark.parametrize(("what", "call"), LARGE, ids=[what for what, _ in LARGE])
def test_nothing_large_takes_long(what: str, call: Callable[[], Any]):
    with not_for_long():
        guarded(call)


def test_a_thousand_members_in_a_thousand_operations():
    body = {"Operations": [{"op": "add", "path": "members", "value": [{"value": f"usr_{i}"}]} for i in range(1000)]}
    result = apply({"displayName": "g"}, normalise_patch(body, GROUP)[0], GROUP)
    assert len(result.members) == 1000
    assert MAX_OPERATIONS >= 1000


@settings(max_examples=60, deadline=None)
@given(filters, st.randoms(use_true_random=False))
def test_filters_with_a_piece_broken_off(text: str, chance: random.Random):
    at = chance.randrange(len(text))
    guarded(lambda: read_filter(text[:at] + text[at + 1 :], USER))
    guarded(lambda: read_filter(text[:at], USER))
    guarded(lambda: read_filter(text[:at] + chance.choice(ODD) + text[at:], USER))


@pytest.mark.parametrize("name", ["userName", "externalId"])
@pytest.mark.parametrize("value", ["\x00", "a\x00b"])
def test_nul_never_reaches_a_store(name: str, value: str):
    """Bodies are refused by ``strict_json``; a path or filter holds none either."""
    assert guarded(lambda: read_filter(f'{name} eq "{value}"', USER)) is None
    assert guarded(lambda: read_path(f"{name}{value}", USER)) is None
