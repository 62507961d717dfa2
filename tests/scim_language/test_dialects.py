"""The forms of bodies and patches that vendors send, each under its vendor's name, and the standard form that they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scim.dialects.bodies import normalise_resource
from scim.dialects.observation import SENTENCES, Observation, observe_request
from scim.dialects.patches import PATCH_SCHEMA, normalise_patch
from scim.dialects.recognise import Dialect, recognise
from scim.patch import Operation, Patched, apply
from scim.resources import accept
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.group import GROUP_URN
from scim.schemas.schema_set import STANDARD
from scim.schemas.user import USER_URN

USER = STANDARD.user
O = Observation  # noqa: E741
ALICE = {
    "schemas": [USER_URN, E],
    "id": "usr_1",
    "userName": "alice",
    "active": True,
    "emails": [{"value": "alice@acme.com", "type": "work", "primary": True}],
    E: {"department": "Sales"},
}


def patched(operations: list[dict[str, Any]], document: dict[str, Any] | None = None) -> tuple[Patched, frozenset[Observation]]:
    standard, seen = normalise_patch({"schemas": [PATCH_SCHEMA], "Operations": operations}, USER)
    return apply(document or ALICE, standard, USER), seen


def created(body: dict[str, Any]) -> tuple[dict[str, Any], frozenset[Observation]]:
    standard, seen = normalise_resource(body, USER)
    return accept(standard, USER).document, seen


# vendor, operations, {attribute: after}, what is seen of it
PATCHES: list[tuple[str, list[dict[str, Any]], dict[str, Any], set[Observation]]] = [
    (
        "entra legacy",
        [{"op": "Replace", "path": "active", "value": "False"}],
        {"active": False},
        {O.PASCAL_CASE_OPS, O.STRING_BOOLEANS},
    ),
    (
        "entra legacy",
        [{"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "555"}],
        {"phoneNumbers": [{"type": "mobile", "value": "555"}]},
        {O.PASCAL_CASE_OPS},
    ),
    (
        "entra legacy",
        [
            {"op": "Add", "path": 'addresses[type eq "work"].streetAddress', "value": "1 Way"},
            {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "DE"},
        ],
        {"addresses": [{"streetAddress": "1 Way", "country": "DE", "type": "work"}]},
        {O.PASCAL_CASE_OPS},
    ),
    (
        "entra legacy",
        [{"op": "Replace", "path": 'emails[type eq "work"].value', "value": "a2@acme.com"}],
        {"emails": [{"value": "a2@acme.com", "type": "work", "primary": True}]},
        {O.PASCAL_CASE_OPS},
    ),
    (
        "entra legacy",
        [{"op": "Replace", "path": 'emails[type eq "work"].primary', "value": "True"}],
        {},
        {O.PASCAL_CASE_OPS, O.STRING_BOOLEANS},
    ),
    (
        "entra oldest",
        [{"op": "Replace", "path": "displayName", "value": [{"$ref": None, "value": "Alice A"}]}],
        {"displayName": "Alice A"},
        {O.PASCAL_CASE_OPS, O.WRAPPED_VALUES},
    ),
    (
        "entra legacy",
        [{"op": "Add", "path": f"{E}:manager", "value": "usr_9"}],
        {f"{E}:manager": {"value": "usr_9"}},
        {O.PASCAL_CASE_OPS, O.MANAGER_AS_STRING},
    ),
    (
        "entra oldest",
        [{"op": "Add", "path": f"{E}:manager", "value": [{"$ref": "http://x/Users/usr_9", "value": "usr_9"}]}],
        {f"{E}:manager": {"value": "usr_9", "$ref": "http://x/Users/usr_9"}},
        {O.PASCAL_CASE_OPS, O.ARRAY_FOR_SINGLE},
    ),
    ("entra", [{"op": "Remove", "path": f"{E}:department"}], {E: None}, {O.PASCAL_CASE_OPS}),
    (
        "entra with the flag",
        [{"op": "replace", "value": {"displayName": "Alice A", "name.givenName": "Alice", f"{E}:employeeNumber": "7"}}],
        {"displayName": "Alice A", "name": {"givenName": "Alice"}, f"{E}:employeeNumber": "7"},
        {O.PATHLESS_PATCH, O.DOTTED_KEYS, O.URN_KEYS},
    ),
    (
        "entra with the flag",
        [{"op": "add", "value": {f"{E}:manager": "usr_9", 'emails[type eq "home"].value': "h@x.com", "active": False}}],
        {
            "active": False,
            "emails": [{"value": "alice@acme.com", "type": "work", "primary": True}, {"value": "h@x.com", "type": "home"}],
            f"{E}:manager": {"value": "usr_9"},
        },
        {O.PATHLESS_PATCH, O.URN_KEYS, O.VALUE_PATH_KEYS, O.MANAGER_AS_STRING},
    ),
    (
        "entra, SingleAppRoleAssignment",
        [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "admin"}],
        {"roles": [{"value": "admin", "primary": True}]},
        {O.PASCAL_CASE_OPS},
    ),
    (
        "entra, AppRoleAssignments",
        [
            {
                "op": "Add",
                "path": "roles",
                "value": [{"value": json.dumps({"id": "1", "value": "25", "displayName": "Role 25"})}],
            }
        ],
        {"roles": [{"value": "25", "display": "Role 25"}]},
        {O.PASCAL_CASE_OPS, O.JSON_IN_STRINGS},
    ),
    (
        "entra, AppRoleAssignmentsComplex",
        [{"op": "Add", "path": "roles", "value": [{"primary": "False", "type": "T", "display": "A", "value": "A"}]}],
        {"roles": [{"value": "A", "display": "A", "type": "T", "primary": False}]},
        {O.PASCAL_CASE_OPS, O.STRING_BOOLEANS},
    ),
    ("okta", [{"op": "replace", "value": {"active": False}}], {"active": False}, {O.PATHLESS_PATCH}),
    ("okta", [{"op": "replace", "value": {"id": "usr_1", "title": "T"}}], {"title": "T"}, {O.PATHLESS_PATCH, O.ID_IN_VALUE}),
    (
        "onelogin",
        [{"op": "replace", "path": "active", "value": [{"value": "false"}]}],
        {"active": False},
        {O.WRAPPED_VALUES, O.STRING_BOOLEANS},
    ),
    (
        "jumpcloud",
        [{"op": "replace", "value": [{"active": "false"}]}],
        {"active": False},
        {O.PATHLESS_PATCH, O.ARRAY_FOR_SINGLE, O.STRING_BOOLEANS},
    ),
    (
        "ping",
        [{"op": "replace", "path": "emails", "value": {"value": "p@x.com", "type": "work"}}],
        {"emails": [{"value": "p@x.com", "type": "work"}]},
        {O.SINGLE_FOR_ARRAY},
    ),
    (
        "rippling",
        [{"op": "add", "path": "emails", "value": "r@x.com"}],
        {"emails": [*ALICE["emails"], {"value": "r@x.com"}]},
        {O.SINGLE_FOR_ARRAY, O.PLAIN_ELEMENTS},
    ),
    ("generic", [{"op": "REPLACE", "path": " title ", "value": "T"}], {"title": "T"}, {O.PASCAL_CASE_OPS}),
    ("generic", [{"op": "replace", "path": "", "value": {"title": "T"}}], {"title": "T"}, {O.PATHLESS_PATCH}),
    (
        "generic",
        [{"op": "replace", "path": "emails", "value": ["g@x.com"]}],
        {"emails": [{"value": "g@x.com"}]},
        {O.PLAIN_ELEMENTS},
    ),
    (
        "generic",
        [{"op": "remove", "path": "emails", "value": [{"value": "alice@acme.com"}]}],
        {"emails": None},
        {O.REMOVE_WITH_VALUES},
    ),
    ("generic", [{"op": "replace", "path": "password", "value": "x"}], {}, {O.PASSWORD_SENT}),
]


@pytest.mark.parametrize(("vendor", "operations", "changes", "seen"), PATCHES)
def test_a_patch_of(vendor: str, operations: list[dict[str, Any]], changes: dict[str, Any], seen: set[Observation]):
    result, observed = patched(operations)
    expected = json.loads(json.dumps(ALICE))
    for place, value in changes.items():
        base, name = (expected[E], place.removeprefix(f"{E}:")) if place.startswith(f"{E}:") else (expected, place)
        if value is None:
            del base[name]
        else:
            base[name] = value
    if E not in expected:
        expected["schemas"] = [USER_URN]
    assert result.document == expected, vendor
    assert observed == seen


BODIES: list[tuple[str, dict[str, Any], dict[str, Any], set[Observation]]] = [
    (
        "entra",
        {
            "schemas": [USER_URN, E],
            "externalId": "alice",
            "userName": "alice",
            "active": True,
            "meta": {"resourceType": "User"},
            "emails": [{"primary": True, "type": "work", "value": "a@x.com"}],
            "name": {"formatted": "A B", "familyName": "B", "givenName": "A"},
            "roles": [],
            E: {"manager": "usr_9", "department": "d"},
        },
        {
            "externalId": "alice",
            "emails": [{"value": "a@x.com", "type": "work", "primary": True}],
            "name": {"formatted": "A B", "familyName": "B", "givenName": "A"},
            E: {"manager": {"value": "usr_9"}, "department": "d"},
        },
        {O.MANAGER_AS_STRING},
    ),
    (
        "entra legacy",
        {"schemas": [USER_URN], "userName": "alice", "active": "False", "emails": [{"value": "a@x.com", "primary": "True"}]},
        {"active": False, "emails": [{"value": "a@x.com", "primary": True}]},
        {O.STRING_BOOLEANS},
    ),
    (
        "entra, roles as JSON",
        {"schemas": [USER_URN], "userName": "alice", "roles": [json.dumps({"id": "1", "value": "25", "displayName": "R"})]},
        {"roles": [{"value": "25", "display": "R"}]},
        {O.JSON_IN_STRINGS},
    ),
    (
        "flat names",
        {
            "schemas": [USER_URN],
            "userName": "alice",
            "name.givenName": "A",
            "name": {"familyName": "B"},
            f"{E}:department": "d",
            'emails[type eq "work"].value': "a@x.com",
            'emails[type eq "work"].primary': "true",
        },
        {
            "name": {"givenName": "A", "familyName": "B"},
            E: {"department": "d"},
            "emails": [{"type": "work", "value": "a@x.com", "primary": True}],
        },
        {O.DOTTED_KEYS, O.URN_KEYS, O.VALUE_PATH_KEYS, O.STRING_BOOLEANS},
    ),
    (
        "rippling, google",
        {"userName": "alice", "emails": "a@x.com", "phoneNumbers": ["1", {"value": "2"}], "name": [{"givenName": "A"}]},
        {"emails": [{"value": "a@x.com"}], "phoneNumbers": [{"value": "1"}, {"value": "2"}], "name": {"givenName": "A"}},
        {O.NO_SCHEMAS, O.SINGLE_FOR_ARRAY, O.PLAIN_ELEMENTS, O.ARRAY_FOR_SINGLE},
    ),
    (
        "okta",
        {"schemas": [USER_URN], "userName": "alice", "password": "x", "displayName": "A", "active": True, "groups": []},
        {"displayName": "A"},
        {O.PASSWORD_SENT},
    ),
    ("any", {"schemas": USER_URN, "userName": "alice"}, {}, {O.SINGLE_FOR_ARRAY}),
    (
        "any",
        {"schemas": [USER_URN, "urn:vendor:own"], "userName": "alice", "urn:vendor:own": {"x": 1}},
        {},
        {O.UNKNOWN_SCHEMAS},
    ),
    (
        "any",
        {"schemas": [USER_URN], "userName": "alice", "roles": ["{not json", '{"x": 1}']},
        {"roles": [{"value": "{not json"}, {"value": '{"x": 1}'}]},
        {O.PLAIN_ELEMENTS},
    ),
]


@pytest.mark.parametrize(("vendor", "body", "means", "seen"), BODIES)
def test_a_body_of(vendor: str, body: dict[str, Any], means: dict[str, Any], seen: set[Observation]):
    before = json.dumps(body)
    document, observed = created(body)
    plain = {name: value for name, value in document.items() if name not in ("schemas", "userName")}
    assert plain == {"active": True, **means}, vendor
    assert observed == seen
    assert json.dumps(body) == before


def test_entra_s_group_with_a_schema_of_its_own():
    body = {
        "schemas": [GROUP_URN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0",
        "displayName": "Sales",
        "meta": {"resourceType": "Group"},
    }
    standard, seen = normalise_resource(body, STANDARD.group)
    accepted = accept(standard, STANDARD.group)
    assert accepted.document == {"schemas": [GROUP_URN], "externalId": "8aa1a0c0", "displayName": "Sales"}
    assert seen == {O.UNKNOWN_SCHEMAS}


def test_okta_renames_a_group_by_an_object_with_its_id():
    group = {"schemas": [GROUP_URN], "id": "grp_1", "displayName": "old"}
    body = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "replace", "value": {"id": "grp_1", "displayName": "new"}}]}
    operations, seen = normalise_patch(body, STANDARD.group)
    assert apply(group, operations, STANDARD.group).document["displayName"] == "new"
    assert recognise(None, seen) is Dialect.OKTA


@pytest.mark.parametrize(
    ("body", "scim_type", "names"),
    [
        ({}, "invalidSyntax", "'Operations'"),
        ({"Operations": []}, "invalidSyntax", "'Operations'"),
        ({"Operations": {"op": "add"}}, "invalidSyntax", "'Operations'"),
        ({"Operations": ["add"]}, "invalidSyntax", "object"),
        ({"Operations": [{}]}, "invalidSyntax", "operation"),
        ({"Operations": [{"op": "move", "path": "title"}]}, "invalidSyntax", "'move'"),
        ({"Operations": [{"op": 5}]}, "invalidSyntax", "'5'"),
        ({"Operations": [{"op": "add", "OP": "remove"}]}, "invalidSyntax", "twice"),
        ({"Operations": [{"op": "add", "path": 5, "value": 1}]}, "invalidPath", "'path'"),
        ({"Operations": [{"op": "add", "path": ["title"], "value": 1}]}, "invalidPath", "'path'"),
        ({"schemas": [USER_URN], "Operations": [{"op": "add", "path": "title", "value": "x"}]}, "invalidSyntax", "'schemas'"),
        ({"schemas": 5, "Operations": [{"op": "add", "path": "title", "value": "x"}]}, "invalidSyntax", "'schemas'"),
    ],
)
def test_what_is_no_patch(body: dict[str, Any], scim_type: str, names: str, refused):
    with refused(scim_type, names):
        normalise_patch(body, USER)


def test_names_in_any_case_and_no_schemas():
    operations, seen = normalise_patch({"operations": [{"OP": "Add", "Path": "title", "VALUE": "x"}]}, USER)
    assert operations == (Operation("add", "title", "x", has_value=True),)
    assert O.NO_SCHEMAS in seen


def test_standard_bodies_show_nothing_unusual(barbara: dict[str, Any]):
    standard, seen = normalise_resource(barbara, USER)
    assert standard == barbara
    assert not seen


@pytest.mark.parametrize(
    ("agent", "seen", "dialect"),
    [
        ("OKTA SCIM Integration", set(), Dialect.OKTA),
        ("OneLogin SCIM/2.0", set(), Dialect.ONELOGIN),
        ("JumpCloud", set(), Dialect.JUMPCLOUD),
        ("PingOne/1.0", set(), Dialect.PING),
        ("Google-Auto-Provisioning", set(), Dialect.GOOGLE),
        ("Rippling", set(), Dialect.RIPPLING),
        ("Microsoft Entra", set(), Dialect.ENTRA),
        ("Microsoft Entra", {O.STRING_BOOLEANS, O.PASCAL_CASE_OPS}, Dialect.ENTRA_LEGACY),
        ("OKTA SCIM Integration", {O.STRING_BOOLEANS}, Dialect.OKTA),
        (None, {O.PASCAL_CASE_OPS}, Dialect.ENTRA),
        ("", {O.PASCAL_CASE_OPS, O.REMOVE_WITH_VALUES}, Dialect.ENTRA_LEGACY),
        (None, {O.DOTTED_KEYS, O.PATHLESS_PATCH}, Dialect.ENTRA),
        (None, {O.ID_IN_VALUE, O.PATHLESS_PATCH}, Dialect.OKTA),
        (None, {O.STRING_BOOLEANS}, Dialect.GENERIC),
        ("python-httpx/1", set(), Dialect.GENERIC),
        ("Centralized-Sync/2.0", set(), Dialect.GENERIC),
        ("Mozilla/5.0 (AzureAD-Provisioning)", set(), Dialect.ENTRA),
        ("x" * 10_000 + "okta", set(), Dialect.GENERIC),
    ],
)
def test_a_dialect_is_recognised(agent: str | None, seen: set[Observation], dialect: Dialect):
    assert recognise(agent, seen) is dialect


def test_what_the_outside_of_a_request_tells():
    json_put = observe_request("PUT", {"content-type": "application/json; charset=utf-8"}, {})
    assert json_put == {O.PLAIN_JSON, O.UPDATES_BY_PUT}
    etags = observe_request("PATCH", {"content-type": "application/scim+json", "if-match": '"1"'}, {})
    assert etags == {O.CONDITIONAL, O.UPDATES_BY_PATCH}
    assert observe_request("GET", {}, {"excludedAttributes": "members", "cursor": ""}) == {
        O.EXCLUDES_MEMBERS,
        O.PAGES_BY_CURSOR,
    }


def test_every_observation_has_its_sentence():
    assert set(SENTENCES) == set(Observation)
