"""Okta: the requests of its published SCIM test, then what its two kinds of apps do over a person's life."""

from __future__ import annotations

from typing import Any

from scim.schemas.group import GROUP_URN
from scim.schemas.user import USER_URN

JSON = "application/scim+json; charset=utf-8"
AGENT = "OKTA SCIM Integration"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def person(name: str, **more: Any) -> dict[str, Any]:
    return {
        "schemas": [USER_URN],
        "userName": name,
        "name": {"givenName": "Runscope", "familyName": "Test"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Runscope Test",
        "active": True,
        **more,
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def test_the_published_spec_test(client: Any):
    okta = client(user_agent=AGENT, accept="application/scim+json", content_type=JSON)
    okta.ok("POST", "/Users", person("seed@acme.example"), 201)

    listed = okta.ok("GET", "/Users?count=1&startIndex=1")
    assert listed["Resources"]
    assert all(isinstance(listed[name], int) for name in ("itemsPerPage", "startIndex", "totalResults"))
    first = listed["Resources"][0]
    assert first["id"]
    assert first["name"]["familyName"]
    assert first["name"]["givenName"]
    assert first["userName"]
    assert first["active"] is True
    assert first["emails"][0]["value"]

    assert okta.ok("GET", f"/Users/{first['id']}")["id"] == first["id"]
    assert okta.find("/Users", 'userName eq "abcdefgh@atko.com"') == []
    for unknown in ("abc", "usr_01m8ejyygtehf8zwphg9znrjq1"):
        answer = okta.send("GET", f"/Users/{unknown}")
        assert answer.status_code == 404
        assert answer.json()["detail"]

    made = okta.send("POST", "/Users", person("runscope@acme.example"), **{"content-type": "application/json"})
    assert made.status_code == 201
    body = made.json()
    assert (body["active"], body["name"]["familyName"], body["userName"]) == (True, "Test", "runscope@acme.example")
    assert USER_URN in body["schemas"]
    assert okta.ok("GET", f"/Users/{body['id']}")["userName"] == "runscope@acme.example"
    assert okta.send("POST", "/Users", person("runscope@acme.example")).status_code == 409
    assert len(okta.find("/Users", 'userName eq "RUNSCOPE@ACME.EXAMPLE"')) == 1
    assert okta.ok("GET", "/Groups")["totalResults"] == 0
    refused = okta.send("GET", "/Groups", authorization="non-token")
    assert refused.status_code == 401
    assert refused.json()["detail"]


def test_an_app_of_the_wizard_updates_by_put(client: Any):
    okta = client(user_agent=AGENT, content_type=JSON)
    assert okta.find("/Users", 'userName eq "ada@acme.example"', "&startIndex=1&count=100") == []
    made = okta.ok("POST", "/Users", person("ada@acme.example", externalId="00u1", groups=[], password="x"), 201)
    path = f"/Users/{made['id']}"
    assert made["externalId"] == "00u1"

    read = okta.ok("GET", path)
    renamed = okta.ok("PUT", path, {**read, "name": {"givenName": "Ada", "familyName": "Byron"}})
    assert renamed["name"] == {"givenName": "Ada", "familyName": "Byron"}
    off = okta.ok("PUT", path, {**renamed, "active": False})
    assert off["active"] is False
    assert not okta.active(made["id"])
    assert okta.ok("GET", path)["active"] is False
    assert okta.ok("PUT", path, {**off, "active": True})["active"] is True
    assert okta.active(made["id"])
    assert okta.dialect() == "okta"


def test_an_app_of_the_catalogue_updates_by_patch(client: Any):
    okta = client(user_agent=AGENT, content_type=JSON)
    ada = okta.ok("POST", "/Users", person("ada@acme.example"), 201)["id"]
    bob = okta.ok("POST", "/Users", person("bob@acme.example"), 201)["id"]
    okta.ok("PATCH", f"/Users/{ada}", patch({"op": "replace", "value": {"active": False}}), 200, 204)
    assert not okta.active(ada)
    okta.ok("PATCH", f"/Users/{ada}", patch({"op": "replace", "value": {"active": True}}), 200, 204)
    assert okta.active(ada)

    made = okta.ok("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Engines", "members": []}, 201)
    group = f"/Groups/{made['id']}"
    rename = patch({"op": "replace", "value": {"id": made["id"], "displayName": "Difference Engines"}})
    okta.ok("PATCH", group, rename, 200, 204)
    assert okta.ok("GET", group)["displayName"] == "Difference Engines"
    members = [{"value": ada, "display": "ada@acme.example"}, {"value": bob, "display": "bob@acme.example"}]
    okta.ok("PATCH", group, patch({"op": "add", "path": "members", "value": members}), 200, 204)
    assert okta.members(made["id"]) == {ada, bob}
    remove_and_add = patch(
        {"op": "remove", "path": f'members[value eq "{ada}"]'},
        {"op": "add", "path": "members", "value": [{"value": bob, "display": "bob@acme.example"}]},
    )
    okta.ok("PATCH", group, remove_and_add, 200, 204)
    assert okta.members(made["id"]) == {bob}
    okta.ok("PATCH", group, patch({"op": "replace", "path": "members", "value": [{"value": ada}]}), 200, 204)
    assert okta.members(made["id"]) == {ada}
    assert [g["id"] for g in okta.find("/Groups", 'displayName eq "Difference Engines"')] == [made["id"]]
    assert okta.send("DELETE", group).status_code == 204
    assert okta.send("GET", group).status_code == 404
