"""Microsoft Entra ID: the life of people and groups, without and with ``aadOptscim062020``."""

from __future__ import annotations

from typing import Any

import pytest

from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.group import GROUP_URN
from scim.schemas.user import USER_URN

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
OWN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def person(name: str, number: str) -> dict[str, Any]:
    return {
        "schemas": [USER_URN, E],
        "externalId": number,
        "userName": name,
        "active": True,
        "addresses": [{"type": "work", "formatted": "1 Way", "primary": True}],
        "displayName": "Ada Lovelace",
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada"},
        "roles": [],
        E: {"department": "Engines", "employeeNumber": "7"},
    }


@pytest.fixture
def entra(client: Any) -> Any:
    return client(content_type="application/scim+json; charset=utf-8")


def test_the_probe_and_the_first_person(entra: Any):
    assert entra.find("/Users", 'userName eq "5b8bd1fe-7a2b-4a04-b5b0-3a4f4bd0e7c6"') == []
    assert entra.find("/Users", 'externalId eq "nobody" and userName eq "nobody"') == []
    made = entra.ok("POST", "/Users", person("ada@acme.example", "ada"), 201)
    assert made["meta"]["resourceType"] == "User"
    assert made[E]["department"] == "Engines"
    assert [u["id"] for u in entra.find("/Users", 'userName eq "ada@acme.example"')] == [made["id"]]
    assert [u["id"] for u in entra.find("/Users", 'externalId eq "ada"')] == [made["id"]]
    assert [u["id"] for u in entra.find("/Users", 'emails[type eq "work" and value eq "ada@acme.example"]')] == [made["id"]]
    schemas = entra.ok("GET", "/Schemas")
    assert {s["id"] for s in schemas["Resources"]} == {USER_URN, E, GROUP_URN}


def test_people_without_the_flag(entra: Any):
    boss = entra.ok("POST", "/Users", person("boss@acme.example", "boss"), 201)["id"]
    made = entra.ok("POST", "/Users", person("ada@acme.example", "ada"), 201)
    path = f"/Users/{made['id']}"
    changed = patch(
        {"op": "Replace", "path": "displayName", "value": "Ada Byron"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@acme.example"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "555"},
        {"op": "Add", "path": f"{E}:manager", "value": boss},
        {"op": "Replace", "path": "name.familyName", "value": "Byron"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "admin"},
        {"op": "Remove", "path": f"{E}:department"},
    )
    entra.ok("PATCH", path, changed, 200, 204)
    after = entra.ok("GET", path)
    assert after["displayName"] == "Ada Byron"
    assert after["emails"] == [{"value": "ada@acme.example", "type": "work", "primary": True}]
    assert after["phoneNumbers"] == [{"value": "555", "type": "mobile"}]
    assert after[E]["manager"]["value"] == boss
    assert "department" not in after[E]
    assert after["roles"] == [{"value": "admin", "primary": True}]
    assert after["name"]["familyName"] == "Byron"

    entra.ok("PATCH", path, patch({"op": "Replace", "path": "active", "value": "False"}), 200, 204)
    assert not entra.active(made["id"])
    assert [u["active"] for u in entra.find("/Users", 'userName eq "ada@acme.example"')] == [False], "still returned"
    entra.ok("PATCH", path, patch({"op": "Replace", "path": "active", "value": "True"}), 200, 204)
    assert entra.active(made["id"])
    assert entra.dialect() == "entra_legacy"
    assert entra.send("DELETE", path).status_code == 204


def test_people_with_the_flag(entra: Any):
    made = entra.ok("POST", "/Users", person("ada@acme.example", "ada"), 201)
    path = f"/Users/{made['id']}"
    changed = {
        "displayName": "Ada Byron",
        "name.givenName": "Augusta",
        f"{E}:employeeNumber": "8",
        'emails[type eq "work"].value': "augusta@acme.example",
        "active": False,
    }
    entra.ok("PATCH", path, patch({"op": "replace", "value": changed}), 200, 204)
    after = entra.ok("GET", path)
    assert (after["displayName"], after["name"]["givenName"], after[E]["employeeNumber"]) == ("Ada Byron", "Augusta", "8")
    assert after["emails"][0]["value"] == "augusta@acme.example"
    assert after["active"] is False
    assert after["name"]["familyName"] == "Lovelace"
    assert not entra.active(made["id"])
    assert entra.dialect() == "entra"


def test_groups(entra: Any):
    ada, bob, cyd = (entra.ok("POST", "/Users", person(f"{n}@acme.example", n), 201)["id"] for n in ("ada", "bob", "cyd"))
    body = {"schemas": [GROUP_URN, OWN], "externalId": "8aa1a0c0", "displayName": "Engines", "meta": {"resourceType": "Group"}}
    assert entra.find("/Groups", 'displayName eq "Engines"', "&excludedAttributes=members") == []
    made = entra.ok("POST", "/Groups", body, 201)
    group = f"/Groups/{made['id']}"
    add = patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": one} for one in (ada, bob, cyd)]})
    assert entra.send("PATCH", group, add).status_code == 204
    assert entra.members(made["id"]) == {ada, bob, cyd}
    (found,) = entra.find("/Groups", 'displayName eq "Engines"', "&excludedAttributes=members")
    assert "members" not in found
    assert "members" not in entra.ok("GET", f"{group}?excludedAttributes=members")
    assert len(entra.find("/Groups", f'id eq "{made["id"]}" and members eq "{ada}"')) == 1

    # Without the flag: the list is the whole of what goes. Taking it for "all" is the classic way to empty a group.
    gone = patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ada}]})
    assert entra.send("PATCH", group, gone).status_code == 204
    assert entra.members(made["id"]) == {bob, cyd}
    assert entra.send("PATCH", group, patch({"op": "Remove", "path": "members", "value": []})).status_code == 204
    assert entra.members(made["id"]) == {bob, cyd}
    # With it: a value path.
    assert entra.send("PATCH", group, patch({"op": "remove", "path": f'members[value eq "{bob}"]'})).status_code == 204
    assert entra.members(made["id"]) == {cyd}
    rename = patch({"op": "Replace", "path": "displayName", "value": "Looms"})
    assert entra.send("PATCH", group, rename).status_code == 204
    assert entra.ok("GET", group)["displayName"] == "Looms"
    assert entra.members(made["id"]) == {cyd}
    assert entra.send("DELETE", group).status_code == 204
