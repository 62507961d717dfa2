"""RFC 7644 3.5.2: every form of operation and path, its errors, atomicity. Each line: operations, what changes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from scim.patch import Operation, Patched, apply
from scim.schemas.attribute import Attribute, Schema
from scim.schemas.schema_set import STANDARD, SchemaSet

E = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ID = "2819c223-7f76-453a-919d-413861904646"
NOTHING = object()


def add(path: str | None, value: Any) -> Operation:
    return Operation("add", path, value, has_value=True)


def replace(path: str | None, value: Any) -> Operation:
    return Operation("replace", path, value, has_value=True)


def remove(path: str | None, value: Any = NOTHING) -> Operation:
    return Operation("remove", path) if value is NOTHING else Operation("remove", path, value, has_value=True)


WORK = {"value": "bjensen@example.com", "type": "work", "primary": True}
HOME = {"value": "babs@jensen.org", "type": "home"}
OTHER = {"value": "new@example.com", "type": "other"}
NO_LONGER = {**WORK, "primary": False}

# operations, {attribute: its value after; None: gone}
CHANGES: list[tuple[list[Operation], dict[str, Any]]] = [
    # add (3.5.2.1)
    ([add("nickName", "Barb")], {"nickName": "Barb"}),
    ([add("NICKNAME", "Barb")], {"nickName": "Barb"}),
    ([add(f"{CORE}:nickName", "Barb")], {"nickName": "Barb"}),
    ([add("name.middleName", "J")], {"name.middleName": "J"}),
    ([add("name", {"middleName": "J", "formatted": None})], {"name.middleName": "J", "name.formatted": None}),
    ([add("emails", [OTHER])], {"emails": [WORK, HOME, OTHER]}),
    ([add("emails", OTHER)], {"emails": [WORK, HOME, OTHER]}),
    ([add("emails", [HOME])], {}),
    ([add("emails", [{**HOME, "display": "Babs"}])], {"emails": [WORK, {**HOME, "display": "Babs"}]}),
    ([add("emails", [{**HOME, "value": "BABS@jensen.org"}])], {"emails": [WORK, {**HOME, "value": "BABS@jensen.org"}]}),
    ([add("emails", [{**OTHER, "primary": True}])], {"emails": [NO_LONGER, HOME, {**OTHER, "primary": True}]}),
    ([add('emails[type eq "home"]', {"display": "Babs"})], {"emails": [WORK, {**HOME, "display": "Babs"}]}),
    ([add('emails[type eq "home"].display', "Babs")], {"emails": [WORK, {**HOME, "display": "Babs"}]}),
    ([add('emails[type eq "home"].primary', True)], {"emails": [NO_LONGER, {**HOME, "primary": True}]}),
    ([add('emails[type eq "other"].value', "new@example.com")], {"emails": [WORK, HOME, OTHER]}),
    ([add('emails[type eq "other"]', {"value": "new@example.com"})], {"emails": [WORK, HOME, OTHER]}),
    ([add('roles[primary eq "True"].value', "admin")], {"roles": [{"value": "admin", "primary": True}]}),
    ([add("roles", [{"value": "a"}]), add("roles", [{"value": "b"}])], {"roles": [{"value": "a"}, {"value": "b"}]}),
    ([add("roles", [{"value": "a"}, {"value": "a"}])], {"roles": [{"value": "a"}]}),
    ([add(None, {"emails": [OTHER], "nickName": "Barb"})], {"emails": [WORK, HOME, OTHER], "nickName": "Barb"}),
    ([add(f"{E}:department", "Tours")], {f"{E}:department": "Tours"}),
    ([add(E, {"department": "Tours"})], {f"{E}:department": "Tours"}),
    ([add(None, {E: {"department": "Tours"}})], {f"{E}:department": "Tours"}),
    ([add(f"{E}:manager.value", "x")], {f"{E}:manager.value": "x"}),
    ([add(f"{E}:manager", {"value": "x"})], {f"{E}:manager.value": "x"}),
    # replace (3.5.2.3)
    ([replace("nickName", "Barb")], {"nickName": "Barb"}),
    ([replace("active", False)], {"active": False}),
    ([replace(None, {"active": False})], {"active": False}),
    ([replace(None, {"name.givenName": "B", f"{E}:division": "D"})], {"name.givenName": "B", f"{E}:division": "D"}),
    ([replace("name", {"givenName": "B"})], {"name.givenName": "B"}),
    ([replace("emails", [OTHER])], {"emails": [OTHER]}),
    ([replace("emails", [])], {"emails": None}),
    ([replace("emails", None)], {"emails": None}),
    ([replace("nickName", None)], {"nickName": None}),
    ([replace("name.middleName", None)], {"name.middleName": None}),
    ([replace('emails[type eq "work"].value', "x@example.com")], {"emails": [{**WORK, "value": "x@example.com"}, HOME]}),
    ([replace('emails[type eq "HOME"]', {"primary": True})], {"emails": [NO_LONGER, {**HOME, "primary": True}]}),
    ([replace('emails[value co "e"].display', "E")], {"emails": [{**WORK, "display": "E"}, {**HOME, "display": "E"}]}),
    ([replace("emails.display", "E")], {"emails": [{**WORK, "display": "E"}, {**HOME, "display": "E"}]}),
    ([replace("entitlements", [{"value": "x"}])], {"entitlements": [{"value": "x"}]}),
    # remove (3.5.2.2)
    ([remove("nickName")], {"nickName": None}),
    ([remove("name.middleName")], {"name.middleName": None}),
    ([remove("name")], {"name": None}),
    ([remove("emails")], {"emails": None}),
    ([remove('emails[type eq "work"]')], {"emails": [HOME]}),
    ([remove('emails[type eq "work" and value ew "example.com"]')], {"emails": [HOME]}),
    ([remove('emails[not (type eq "work")]')], {"emails": [WORK]}),
    ([remove("emails[type pr]")], {"emails": None}),
    ([remove('emails[type eq "work"].primary')], {"emails": [{"value": WORK["value"], "type": "work"}, HOME]}),
    ([remove("emails", [{"value": "babs@jensen.org"}])], {"emails": [WORK]}),
    ([remove("emails", [{"value": "BABS@jensen.org", "type": "home"}])], {"emails": [WORK]}),
    ([remove("emails", [{"value": "babs@jensen.org", "type": "work"}])], {}),
    ([remove("emails", [])], {}),
    ([remove('ims[type eq "aim"].value'), remove("ims.type")], {"ims": None}),
    ([remove(E)], {E: None}),
    ([remove(f"{E}:manager")], {f"{E}:manager": None}),
    ([remove('emails[type eq "nothing"]')], {}),
    ([remove("entitlements")], {}),
    ([remove("active")], {"active": None}),
    # what comes along in objects and says nothing new
    (
        [replace(None, {"id": ID, "schemas": [CORE], "meta": {}, "title": "T"})],
        {"title": "T"},
    ),
    ([replace(f"{E}:manager", {"value": "x", "displayName": "somebody"})], {f"{E}:manager.value": "x"}),
    # in order
    ([add("nickName", "A"), replace("nickName", "B"), remove("nickName"), add("nickName", "C")], {"nickName": "C"}),
    ([remove("emails"), add("emails", [OTHER])], {"emails": [OTHER]}),
    # without effect
    ([replace("active", True), add("title", "Tour Guide"), replace("emails", [WORK, HOME])], {}),
    ([replace("nickName", "x"), replace("nickName", "Babs")], {}),
]


def patched(document: dict[str, Any], operations: list[Operation]) -> Patched:
    before = deepcopy(document)
    result = apply(document, operations, STANDARD.user)
    assert document == before, "the document that was given is left as it was"
    return result


def expected(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    after = deepcopy(document)
    for place, value in changes.items():
        base, name = after, place
        if place.startswith(f"{E}:"):
            base, name = after[E], place.removeprefix(f"{E}:")
        elif place == E:
            after["schemas"] = [CORE]
        if "." in name and place != E:
            name, _, sub = name.partition(".")
            base, name = base[name], sub
        if value is None:
            del base[name]
        else:
            base[name] = value
    return after


@pytest.mark.parametrize(("operations", "changes"), CHANGES)
def test_what_operations_change(operations: list[Operation], changes: dict[str, Any], barbara: dict[str, Any]):
    result = patched(barbara, operations)
    assert result.document == expected(barbara, changes)
    assert result.changed is bool(changes)
    assert result.members == ()


REFUSED = [
    ([remove(None)], "noTarget", "path"),
    ([replace('emails[type eq "other"].value', "x")], "noTarget", "'emails'"),
    ([replace('emails[type eq "other"]', {"value": "x"})], "noTarget", "'emails'"),
    ([add('emails[type ne "work" and type ne "home"].value', "x")], "noTarget", "'emails'"),
    ([add('emails[type eq "a" or type eq "b"].value', "x")], "noTarget", "'emails'"),
    ([replace("entitlements.display", "x")], "noTarget", "'entitlements'"),
    ([add("unknown", "x")], "invalidPath", "'unknown'"),
    ([add("name.unknown", "x")], "invalidPath", "'name.unknown'"),
    ([add('emails[type eq "work"].unknown', "x")], "invalidPath", "'unknown'"),
    ([add("emails[type eq", "x")], "invalidPath", "'emails[type eq'"),
    ([add("emails]", "x")], "invalidPath", "emails]"),
    ([add('emails[type eq "work"]value', "x")], "invalidPath", "emails"),
    ([add('emails[type eq "work"].value.x', "x")], "invalidPath", "emails"),
    ([add("/nickName", "x")], "invalidPath", "/nickName"),
    ([add("nick Name", "x")], "invalidPath", "nick Name"),
    ([add('name[givenName eq "x"]', {"familyName": "x"})], "invalidPath", "'name'"),
    ([add('nickName[value eq "x"]', "x")], "invalidPath", "'nickName'"),
    ([add('emails[unknown eq "x"]', {"value": "x"})], "invalidFilter", "'unknown'"),
    ([add('emails[type zz "x"]', {"value": "x"})], "invalidFilter", "'zz'"),
    ([add('emails[type eq "other"].type', "third")], "invalidValue", "'emails'"),
    ([add("emails[]", {"value": "x"})], "invalidFilter", "empty"),
    ([add(None, {"unknown": "x"})], "invalidPath", "'unknown'"),
    ([add(None, {E: {"unknown": "x"}})], "invalidPath", "unknown"),
    ([add("name", {"unknown": "x"})], "invalidPath", "'unknown'"),
    ([add("emails", [{"unknown": "x"}])], "invalidPath", "'unknown'"),
    ([add(None, "x")], "invalidValue", "object"),
    ([add(None, [])], "invalidValue", "object"),
    ([add("nickName", None)], "invalidValue", "null"),
    ([Operation("add", "nickName")], "invalidValue", "'add'"),
    ([Operation("replace", "nickName")], "invalidValue", "'replace'"),
    ([add("nickName", 5)], "invalidValue", "'nickName'"),
    ([add("nickName", {"value": "x"})], "invalidValue", "'nickName'"),
    ([add("name", "x")], "invalidValue", "'name'"),
    ([add("name.givenName", ["x"])], "invalidValue", "'name.givenName'"),
    ([replace("active", "maybe")], "invalidValue", "'active'"),
    ([add("emails", ["x"])], "invalidValue", "'emails'"),
    ([add("emails", [{"value": 5}])], "invalidValue", "'emails.value'"),
    ([add('emails[type eq "work"]', "x")], "invalidValue", "'emails'"),
    ([add("emails", [{**OTHER, "primary": True}, {"value": "z", "primary": True}])], "invalidValue", "primary"),
    ([replace("emails.primary", True)], "invalidValue", "primary"),
    ([add("x509Certificates", [{"value": "not base64!"}])], "invalidValue", "'x509Certificates.value'"),
    ([replace("profileUrl", "javascript:alert(1)")], "invalidValue", "'profileUrl'"),
    ([replace("userName", "   ")], "invalidValue", "'userName'"),
    ([add(E, "x")], "invalidValue", "enterprise"),
    ([replace("id", "x")], "mutability", "'id'"),
    ([replace(None, {"id": "x"})], "mutability", "'id'"),
    ([replace("meta.created", "2011-05-13T04:42:34Z")], "mutability", "'meta.created'"),
    ([remove("schemas")], "mutability", "'schemas'"),
    ([add("groups", [{"value": "x"}])], "mutability", "'groups'"),
    ([add(None, {"groups": [{"value": "x"}]})], "mutability", "'groups'"),
    ([remove('groups[value eq "x"]')], "mutability", "'groups'"),
    ([add(f"{E}:manager.displayName", "x")], "mutability", "manager.displayName"),
    ([remove("userName")], "mutability", "'userName'"),
    ([replace("userName", None)], "mutability", "'userName'"),
    ([replace("active", None)], "mutability", "'active'"),
    ([replace(None, {"active": None})], "mutability", "'active'"),
]


@pytest.mark.parametrize(("operations", "scim_type", "names"), REFUSED)
def test_what_is_refused_and_why(operations: list[Operation], scim_type: str, names: str, barbara: dict[str, Any], refused):
    before = deepcopy(barbara)
    with refused(scim_type, names):
        apply(barbara, [replace("title", "changed before"), *operations], STANDARD.user)
    assert barbara == before


def test_passwords_are_taken_and_gone(barbara: dict[str, Any], refused):
    for operation in (replace("password", "s3cret"), add(None, {"password": "s3cret"})):
        result = patched(barbara, [operation])
        assert result.password_given
        assert not result.changed
        assert "s3cret" not in repr(result)
    with refused("invalidValue", "'password'"):
        apply(barbara, [replace("password", 5)], STANDARD.user)


def test_a_resource_does_not_grow_without_end(barbara: dict[str, Any], refused):
    document = barbara
    with refused(None, "larger", status=413):
        for number in range(40):
            document = apply(document, [add("roles", [{"value": f"{number}{'x' * 50_000}"}])], STANDARD.user).document


ACME = Schema(
    "urn:example:params:scim:acme:2.0:User",
    "Acme",
    "",
    (
        Attribute("badge", mutability="immutable"),
        Attribute("codes", multi_valued=True, mutability="immutable"),
        Attribute("tags", multi_valued=True, case_exact=True),
        Attribute("level", "integer"),
        Attribute("site", required=True),
    ),
)
KIND = SchemaSet.of([ACME]).user
A = ACME.id


def test_immutable_attributes_are_given_once(barbara: dict[str, Any], refused):
    barbara |= {"schemas": [*barbara["schemas"], A], A: {"site": "x", "badge": "7", "codes": ["a", "b"]}}
    unset = {**barbara, A: {"site": "x"}}
    assert apply(unset, [add(f"{A}:badge", "8")], KIND).document[A]["badge"] == "8"
    assert not apply(barbara, [replace(f"{A}:badge", "7"), add(f"{A}:codes", ["b", "a"])], KIND).changed
    for operation in (
        replace(f"{A}:badge", "8"),
        add(None, {A: {"badge": "8"}}),
        remove(f"{A}:badge"),
        remove(A),
        replace(f"{A}:codes", ["c"]),
        add(f"{A}:codes", ["c"]),
        remove(f"{A}:codes"),
        remove(f"{A}:codes", ["a"]),
    ):
        with refused("mutability", A):
            apply(barbara, [operation], KIND)


def test_required_attributes_of_an_extension_hold_once_it_is_in_use(barbara: dict[str, Any], refused):
    with refused("invalidValue", "site"):
        apply(barbara, [add(f"{A}:level", 3)], KIND)
    used = apply(barbara, [add(A, {"level": 3, "site": "x"})], KIND).document
    assert used["schemas"][-1] == A
    with refused("mutability", "site"):
        apply(used, [remove(f"{A}:site")], KIND)


def test_simple_values_in_arrays(barbara: dict[str, Any], refused):
    base = apply(barbara, [add(A, {"site": "x", "tags": ["a", "b", "a"]})], KIND).document
    assert base[A]["tags"] == ["a", "b"]
    assert apply(base, [add(f"{A}:tags", "A")], KIND).document[A]["tags"] == ["a", "b", "A"]
    assert apply(base, [add(f"{A}:tags", ["b", "c"])], KIND).document[A]["tags"] == ["a", "b", "c"]
    assert apply(base, [remove(f"{A}:tags", ["a"])], KIND).document[A]["tags"] == ["b"]
    assert "tags" not in apply(base, [remove(f"{A}:tags")], KIND).document[A]
    with refused("invalidValue", "tags"):
        apply(base, [add(f"{A}:tags", [5])], KIND)
    with refused("invalidValue", "level"):
        apply(base, [replace(f"{A}:level", 1.5)], KIND)
