"""OneLogin and JumpCloud: look for somebody, create, update by PUT, move between groups, switch off, delete."""

from __future__ import annotations

from typing import Any

import pytest

from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.group import GROUP_URN
from scim.schemas.user import USER_URN

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


@pytest.mark.parametrize(
    ("agent", "dialect", "off"),
    [
        ("OneLogin SCIM", "onelogin", {"op": "replace", "path": "active", "value": "false"}),
        ("JumpCloud", "jumpcloud", {"op": "replace", "value": [{"active": False}]}),
        ("PingOne", "ping", {"op": "replace", "path": "active", "value": [False]}),
        ("Google-Auto-Provisioning", "google", {"op": "replace", "value": {"active": False}}),
        ("Rippling", "rippling", {"op": "Replace", "path": "active", "value": "False"}),
    ],
)
def test_a_person_s_life(client: Any, agent: str, dialect: str, off: dict[str, Any]):
    idp = client(user_agent=agent, content_type="application/json")
    assert idp.find("/Users", 'userName eq "ada@acme.example"') == []
    body = {
        "schemas": [USER_URN, E],
        "userName": "ada@acme.example",
        "externalId": "ext-1",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@acme.example", "type": "work", "primary": True}],
        "active": True,
        E: {"department": "Engines", "manager": {"value": "", "displayName": "nobody"}},
    }
    made = idp.ok("POST", "/Users", body, 201)
    path = f"/Users/{made['id']}"
    assert idp.ok("PUT", path, {**body, "title": "Countess"})["title"] == "Countess"
    assert [u["id"] for u in idp.find("/Users", 'userName eq "Ada@acme.example" and active eq true')] == [made["id"]]

    group = idp.ok(
        "POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Engines", "members": [{"value": made["id"]}]}, 201
    )
    address = f"/Groups/{group['id']}"
    idp.ok("PATCH", address, patch({"op": "remove", "path": f'members[value eq "{made["id"]}"]'}), 200, 204)
    assert idp.members(group["id"]) == set()
    idp.ok("PATCH", address, patch({"op": "add", "path": "members", "value": {"value": made["id"]}}), 200, 204)
    assert idp.members(group["id"]) == {made["id"]}
    idp.ok("PUT", address, {"schemas": [GROUP_URN], "displayName": "Looms"})
    assert idp.members(group["id"]) == {made["id"]}, "none named, none touched"

    idp.ok("PATCH", path, patch(off), 200, 204)
    assert not idp.active(made["id"])
    idp.ok("PUT", path, {**body, "active": "true"})
    assert idp.active(made["id"])
    assert idp.dialect() == dialect
    assert idp.send("DELETE", path).status_code == 204
    assert idp.send("DELETE", path).status_code == 404
    assert idp.members(group["id"]) == set()


def test_rippling_and_google_send_plain_values(client: Any):
    idp = client(content_type="application/json")
    made = idp.ok("POST", "/Users", {"userName": "ada", "emails": "ada@acme.example", "phoneNumbers": ["555"]}, 201)
    assert made["emails"] == [{"value": "ada@acme.example"}]
    assert made["phoneNumbers"] == [{"value": "555"}]
    idp.ok("PATCH", f"/Users/{made['id']}", patch({"op": "replace", "path": "emails", "value": "a@acme.example"}), 200, 204)
    assert idp.ok("GET", f"/Users/{made['id']}")["emails"] == [{"value": "a@acme.example"}]
