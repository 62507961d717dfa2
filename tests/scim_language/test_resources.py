"""Bodies of create and replace (RFC 7643, RFC 7644 3.3, 3.5.1): what is taken, what is left aside, what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from scim.members import Member
from scim.resources import accept
from scim.schemas.attribute import Attribute, Schema
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.group import GROUP_URN
from scim.schemas.schema_set import STANDARD, SchemaSet
from scim.schemas.user import USER_URN

USER, GROUP = STANDARD.user, STANDARD.group
ACME = Schema(
    "urn:example:params:scim:acme:2.0:User",
    "Acme",
    "",
    (Attribute("badge", mutability="immutable"), Attribute("site", required=True), Attribute("level", "integer")),
)
KIND = SchemaSet.of([ACME]).user


def user(**more: Any) -> dict[str, Any]:
    return {"schemas": [USER_URN], "userName": "bjensen", **more}


def test_the_rfc_s_full_user_is_taken_whole(barbara: dict[str, Any]):
    accepted = accept(barbara, USER)
    ours = {name: value for name, value in barbara.items() if name not in ("id", "meta", "groups")}
    del ours[E]["manager"]["displayName"]
    assert accepted.document == ours
    assert list(accepted.document) == list(ours), "in the schema's order"
    assert accepted.ignored == ("groups",)
    assert accepted.members is None


def test_a_document_is_canonical():
    accepted = accept(
        {
            "USERNAME": "bjensen",
            E.upper(): {"DEPARTMENT": "d", "costcenter": None},
            "Name": {"GIVENNAME": "B", "familyName": None},
            "emails": [{"VALUE": "a@x", "Primary": True}, {"value": "a@x", "primary": True}, {}],
            "title": None,
            "roles": [],
        },
        USER,
    )
    assert accepted.document == {
        "schemas": [USER_URN, E],
        "userName": "bjensen",
        "name": {"givenName": "B"},
        "active": True,
        "emails": [{"value": "a@x", "primary": True}],
        E: {"department": "d"},
    }
    assert accept(accepted.document, USER).document == accepted.document


def test_what_is_not_ours_is_left_aside_and_told():
    accepted = accept(
        user(
            schemas=[USER_URN, "urn:vendor:x"],
            id="chosen by the client",
            meta={"created": "1999-01-01T00:00:00Z"},
            groups=[{"value": "grp_1"}],
            favouriteColour="blue",
            **{"urn:vendor:x": {"a": 1}, E: {"shoeSize": 45, "department": "d"}},
        ),
        USER,
    )
    assert accepted.document == {"schemas": [USER_URN, E], "userName": "bjensen", "active": True, E: {"department": "d"}}
    assert set(accepted.ignored) == {"urn:vendor:x", "groups", "favouritecolour", f"{E}:shoesize"}


def test_a_password_is_checked_and_gone(refused):
    accepted = accept(user(password="s3cret"), USER)
    assert accepted.password_given
    assert "s3cret" not in repr(accepted)
    with refused("invalidValue", "'password'"):
        accept(user(password=["x"]), USER)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"schemas": [USER_URN]}, "invalidValue", "'userName'"),
    (user(userName=None), "invalidValue", "'userName'"),
    (user(userName=" \t"), "invalidValue", "'userName'"),
    (user(userName=5), "invalidValue", "'userName'"),
    (user(userName=["bjensen"]), "invalidValue", "'userName'"),
    (user(schemas="x"), "invalidValue", "'schemas'"),
    (user(schemas=[]), "invalidValue", "'schemas'"),
    (user(schemas=[GROUP_URN]), "invalidValue", "'schemas'"),
    (user(schemas=[1]), "invalidValue", "'schemas'"),
    (user(username="twice"), "invalidSyntax", "'username'"),
    (user(emails={"value": "x"}), "invalidValue", "'emails'"),
    (user(emails=["x"]), "invalidValue", "'emails'"),
    (user(emails=[[]]), "invalidValue", "'emails'"),
    (user(emails=[{"value": 5}]), "invalidValue", "'emails.value'"),
    (user(emails=[{"value": "x", "primary": "yes"}]), "invalidValue", "'emails.primary'"),
    (user(emails=[{"primary": True, "value": "a"}, {"primary": True, "value": "b"}]), "invalidValue", "primary"),
    (user(emails=[{"value": "x", "VALUE": "y"}]), "invalidSyntax", "emails"),
    (user(emails=[{"value": str(n)} for n in range(1001)]), "invalidValue", "1000"),
    (user(name="Barbara"), "invalidValue", "'name'"),
    (user(name={"givenName": {}}), "invalidValue", "'name.givenName'"),
    (user(active="true"), "invalidValue", "'active'"),
    (user(active=1), "invalidValue", "'active'"),
    (user(profileUrl="java script"), "invalidValue", "'profileUrl'"),
    (user(photos=[{"value": "JavaScript:alert(1)"}]), "invalidValue", "'photos.value'"),
    (user(x509Certificates=[{"value": "???"}]), "invalidValue", "'x509Certificates.value'"),
    (user(title="x" * 70_000), "invalidValue", "'title'"),
    (user(userName="x" * 513), "invalidValue", "'userName'"),
    (user(externalId="💥" * 512), "invalidValue", "'externalId'"),
    (user(displayName="💥" * 512), "invalidValue", "'displayName'"),
    (user(emails=[{"value": "x" * 513}]), "invalidValue", "'emails.value'"),
    (user(**{E: "x"}), "invalidValue", "enterprise"),
    (user(**{E: {"department": 5}}), "invalidValue", "department"),
    (user(**{E: {"a": 1, "A": 2}}), "invalidSyntax", "'A'"),
    (user(**{ACME.id: {"level": 1, "site": "x", "badge": 7}}), "invalidValue", "badge"),
    (user(**{ACME.id: {"level": 1.5, "site": "x"}}), "invalidValue", "level"),
    (user(**{ACME.id: {"level": True, "site": "x"}}), "invalidValue", "level"),
    (user(**{ACME.id: {"level": 1}}), "invalidValue", "site"),
]


@pytest.mark.parametrize(("body", "scim_type", "names"), REFUSED)
def test_what_is_refused_and_why(body: dict[str, Any], scim_type: str, names: str, refused):
    before = deepcopy(body)
    with refused(scim_type, names):
        accept(body, KIND)
    assert body == before


def test_a_replace_clears_what_is_not_given_but_nobody_s_standing(barbara: dict[str, Any]):
    barbara["active"] = False
    after = accept(user(nickName="B"), USER, existing=barbara).document
    assert after == {"schemas": [USER_URN], "userName": "bjensen", "nickName": "B", "active": False}
    assert accept(user(active=True), USER, existing=barbara).document["active"] is True


def test_a_replace_keeps_immutable_values(refused):
    existing = accept(user(**{ACME.id: {"badge": "7", "site": "x", "level": 1}}), KIND).document
    same = user(**{ACME.id: {"badge": "7", "site": "y"}})
    assert accept(same, KIND, existing=existing).document[ACME.id] == {"badge": "7", "site": "y"}
    assert accept(user(**{ACME.id: {"site": "y"}}), KIND, existing=existing).document[ACME.id]["badge"] == "7"
    with refused("mutability", "badge"):
        accept(user(**{ACME.id: {"badge": "8", "site": "x"}}), KIND, existing=existing)


def test_members_are_told_only_when_they_are_named(refused):
    def members(**more: Any) -> Any:
        return accept({"schemas": [GROUP_URN], "displayName": "g", **more}, GROUP).members

    assert members() is None
    assert members(members=None) is None
    assert members(members=[]) == ()
    assert members(members=[{"value": "usr_1", "display": "B", "$ref": "x"}]) == (Member("usr_1", "B"),)
    assert "members" not in accept({"schemas": [GROUP_URN], "displayName": "g", "members": [{"value": "u"}]}, GROUP).document
    with refused("invalidValue", "'members'"):
        members(members={})
    with refused("invalidValue", "'members'"):
        members(members=[{"display": "x"}])
    with refused("invalidValue", "'members.value'"):
        members(members=[{"value": "x" * 600}])
    with refused("invalidValue", "'displayName'"):
        members(displayName="")
