"""What an answer shows: ``returned``, ``attributes``, ``excludedAttributes`` (RFC 7643 2.2, 7; RFC 7644 3.4.2.5, 3.9)."""

from __future__ import annotations

from typing import Any

import pytest

from scim.projection import Projection
from scim.schemas.attribute import Attribute, Schema
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.schema_set import STANDARD, SchemaSet
from scim.schemas.user import USER_URN

USER, GROUP = STANDARD.user, STANDARD.group
ALWAYS = {"schemas", "id"}
ACME = Schema(
    "urn:example:params:scim:acme:2.0:User",
    "Acme",
    "",
    (
        Attribute("badge", returned="always"),
        Attribute("notes", returned="request"),
        Attribute(
            "desk",
            "complex",
            sub_attributes=(
                Attribute("room", returned="always"),
                Attribute("key", returned="request"),
                Attribute("floor"),
            ),
        ),
    ),
)
KIND = SchemaSet.of([ACME]).user
A = ACME.id


def names(document: dict[str, Any]) -> set[str]:
    return set(document) - ALWAYS


def test_all_by_default(barbara: dict[str, Any]):
    projection = Projection(USER)
    assert projection.whole
    assert projection.show(barbara) == barbara


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (["userName"], {"userName": "bjensen@example.com"}),
        (["USERNAME"], {"userName": "bjensen@example.com"}),
        ([f"{USER_URN}:userName"], {"userName": "bjensen@example.com"}),
        (["name.givenName", "name.FAMILYNAME"], {"name": {"familyName": "Jensen", "givenName": "Barbara"}}),
        (["emails.value"], {"emails": [{"value": "bjensen@example.com"}, {"value": "babs@jensen.org"}]}),
        (["emails.primary"], {"emails": [{"primary": True}]}),
        ([f"{E}:department"], {E: {"department": "Tour Operations"}}),
        ([f"{E}:manager.displayName"], {E: {"manager": {"displayName": "John Smith"}}}),
        (["meta.created"], {"meta": {"created": "2010-01-23T04:56:22Z"}}),
        (["name", "name.givenName"], {"name": "whole"}),
        (["unknown", "name.unknown", "urn:no:such:thing"], {}),
        (["id"], {}),
        (["password"], {}),
    ],
)
def test_attributes_select(asked: list[str], shown: dict[str, Any], barbara: dict[str, Any]):
    if shown.get("name") == "whole":
        shown = {"name": barbara["name"]}
    document = Projection(USER, asked).show(barbara)
    assert {name: value for name, value in document.items() if name not in ALWAYS} == shown
    assert set(document) >= ALWAYS


def test_a_urn_selects_all_under_it(barbara: dict[str, Any]):
    assert Projection(USER, [E.lower()]).show(barbara)[E] == barbara[E]
    assert names(Projection(USER, [USER_URN]).show(barbara)) == set(barbara) - ALWAYS - {E, "externalId", "meta"}


def test_excluded_attributes_go_but_what_is_always_returned(barbara: dict[str, Any]):
    shown = Projection(USER, excluded=["emails", "name.givenName", "id", "schemas", f"{E}:manager", "meta", "nothing"]).show(
        barbara
    )
    assert set(barbara) - set(shown) == {"emails", "meta"}
    assert "givenName" not in shown["name"]
    assert "familyName" in shown["name"]
    assert "manager" not in shown[E]
    assert E not in Projection(USER, excluded=[E]).show(barbara)
    assert names(Projection(USER, excluded=[USER_URN, E, "meta", "externalId"]).show(barbara)) == set()


def test_the_four_kinds_of_returned(barbara: dict[str, Any]):
    barbara |= {A: {"badge": "7", "notes": "n", "desk": {"room": "1", "key": "k", "floor": "2"}}, "password": "never stored"}
    assert not Projection(KIND).whole
    default = Projection(KIND).show(barbara)
    assert default[A] == {"badge": "7", "desk": {"room": "1", "floor": "2"}}
    assert "password" not in default
    assert Projection(KIND, [f"{A}:notes"]).show(barbara)[A] == {"badge": "7", "notes": "n", "desk": {"room": "1"}}
    assert Projection(KIND, [f"{A}:desk.key"]).show(barbara)[A]["desk"] == {"room": "1", "key": "k"}
    assert Projection(KIND, [f"{A}:desk"]).show(barbara)[A]["desk"] == {"room": "1", "key": "k", "floor": "2"}
    assert Projection(KIND, excluded=[A]).show(barbara)[A] == {"badge": "7", "desk": {"room": "1"}}
    assert "password" not in Projection(KIND, ["password"]).show(barbara)


def test_what_need_not_be_fetched():
    assert Projection(GROUP).shows("members")
    assert not Projection(GROUP, excluded=["members"]).shows("members")
    assert Projection(GROUP, excluded=["members.display"]).shows("members")
    assert not Projection(GROUP, ["displayName"]).shows("members")
    assert Projection(GROUP, ["members.value"]).shows("members")
    assert Projection(USER, ["groups"]).shows("groups")
    assert not Projection(USER, ["userName"]).shows("groups")


@pytest.mark.parametrize("name", ["", "emails[type eq", 'emails[type eq "x"]', "a b", "a..b", "a.b.c", "\x00", "x" * 600, "ü"])
def test_a_malformed_name_is_refused(name: str, refused):
    with refused("invalidValue", "'attributes'"):
        Projection(USER, [name])
    with refused("invalidValue", "'excludedAttributes'"):
        Projection(USER, excluded=[name])


def test_both_at_once_and_too_many(refused):
    with refused("invalidValue", "exclude each other"):
        Projection(USER, ["userName"], ["emails"])
    with refused("invalidValue", "200"):
        Projection(USER, ["userName"] * 201)
