"""The life of users and groups over HTTP, on both engines (RFC 7644 3.3 to 3.6, 3.14)."""

from __future__ import annotations

from typing import Any

from tests.support.scim_world import ENTERPRISE, GROUP, ScimWorld


def test_a_user_s_life(world: ScimWorld):
    idp = world.directory()
    made = idp.send("POST", "/Users", {"userName": "Ada@acme.example", "name": {"givenName": "Ada"}, "password": "hush"})
    assert made.status_code == 201
    user, path = made.json(), f"/Users/{made.json()['id']}"
    assert made.headers["location"] == user["meta"]["location"] == f"https://id.example.com/scim/v2{path}"
    assert made.headers["etag"] == user["meta"]["version"]
    assert made.headers["content-type"] == "application/scim+json"
    assert user["active"] is True
    assert "hush" not in made.text

    assert idp.ok("GET", path) == user
    assert idp.send("GET", path, headers={"if-none-match": made.headers["etag"]}).status_code == 304
    assert idp.send("HEAD", path).headers["etag"] == made.headers["etag"]
    assert idp.find("/Users", 'userName eq "ADA@ACME.EXAMPLE"') == [user["id"]]
    clash = idp.send("POST", "/Users", {"userName": "ADA@acme.example"})
    assert (clash.status_code, clash.json()["scimType"]) == (409, "uniqueness")

    world.clock.advance(seconds=5)
    same = idp.patch(path, {"op": "replace", "path": "name.givenName", "value": "Ada"})
    assert (same.status_code, same.headers["etag"]) == (200, made.headers["etag"])
    moved = idp.patch(path, {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Engines"})
    assert moved.headers["etag"] != made.headers["etag"]
    assert moved.json()["meta"]["created"] == user["meta"]["created"]
    assert moved.json()["meta"]["lastModified"] > user["meta"]["lastModified"]
    stale = idp.send("PUT", path, {"userName": "ada"}, headers={"if-match": made.headers["etag"]})
    assert stale.status_code == 412
    for none in ("*", moved.headers["etag"]):
        assert idp.send("PUT", path, {"userName": "ada"}, headers={"if-none-match": none}).status_code == 412
        nick = {"op": "add", "path": "nickName", "value": "A"}
        assert idp.patch(path, nick, headers={"if-none-match": none}).status_code == 412
        assert idp.send("DELETE", path, headers={"if-none-match": none}).status_code == 412
    replaced = idp.ok(
        "PUT", path, {"userName": "ada"}, headers={"if-none-match": made.headers["etag"], "if-match": moved.headers["etag"]}
    )
    assert "name" not in replaced
    assert ENTERPRISE not in replaced
    assert replaced["active"] is True

    assert idp.send("DELETE", path).status_code == 204
    assert idp.send("GET", path).status_code == 404
    assert idp.send("DELETE", path).status_code == 404
    assert idp.ok("GET", "/Users")["totalResults"] == 0
    idp.user("ada")  # the name is free again


def test_what_a_directory_says_stands_in_the_person(world: ScimWorld):
    idp = world.directory(vendor="okta")
    world.domain(idp.tenant, "acme.example")
    user = idp.user(
        "ada@acme.example",
        name={"givenName": "Ada", "familyName": "L"},
        emails=[{"value": "other@x.example"}, {"value": "Ada@Acme.example", "primary": True}],
        **{ENTERPRISE: {"department": "Engines", "employeeNumber": "7"}},
    )
    shown = world.get(f"/tenants/{idp.tenant}/users/{user['id']}")
    assert (shown["source"], shown["directory_id"], shown["email"]) == ("scim", idp.id, "ada@acme.example")
    assert (shown["display_name"], shown["user_name"]) == ("Ada L", "ada@acme.example")
    person = world.user(idp.tenant, user["id"])
    assert person is not None
    assert (person.department, person.employee_number, person.email_verified) == ("Engines", "7", True)
    idp.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"displayName": "Countess"}})
    assert world.get(f"/tenants/{idp.tenant}/users/{user['id']}")["display_name"] == "Countess"


def test_a_group_s_life(world: ScimWorld):
    idp = world.directory()
    ada, bob, cyd = (idp.user(name)["id"] for name in ("ada", "bob", "cyd"))
    group = idp.group("Engineers", ada)
    path = f"/Groups/{group['id']}"
    assert group["members"][0]["value"] == ada
    assert idp.ok("GET", f"/Users/{ada}")["groups"][0]["display"] == "Engineers"
    version = idp.ok("GET", f"/Users/{ada}")["meta"]["version"]

    assert idp.patch(path, {"op": "add", "path": "members", "value": [{"value": bob}, {"value": ada}]}).status_code == 204
    assert idp.members(group["id"]) == {ada, bob}
    assert idp.patch(path, {"op": "remove", "path": f'members[value eq "{ada}"]'}).status_code == 204
    assert idp.ok("GET", f"/Users/{ada}")["meta"]["version"] != version  # its groups are part of it
    assert idp.patch(path, {"op": "Remove", "path": "members", "value": [{"value": cyd}]}).status_code == 204
    assert idp.members(group["id"]) == {bob}
    tag = idp.send("GET", path).headers["etag"]
    assert idp.patch(path, {"op": "add", "path": "members", "value": [{"value": bob}]}).headers["etag"] == tag

    assert idp.patch(path, {"op": "replace", "value": {"id": group["id"], "displayName": "Builders"}}).status_code == 204
    assert idp.ok("GET", f"/Users/{bob}")["groups"][0]["display"] == "Builders"
    assert idp.ok("PUT", path, {"displayName": "Builders"})["members"][0]["value"] == bob  # none named, none touched
    assert "members" not in idp.ok("PUT", path, {"displayName": "Builders", "members": []})
    assert "members" not in idp.ok("GET", f"{path}?excludedAttributes=members")
    idp.patch(path, {"op": "replace", "path": "members", "value": [{"value": ada}, {"value": cyd}]})
    assert idp.members(group["id"]) == {ada, cyd}
    assert idp.find("/Groups", f'members.value eq "{ada}"') == [group["id"]]
    assert idp.find("/Users", 'groups.display eq "builders"') == sorted([ada, cyd])

    assert idp.send("DELETE", f"/Users/{cyd}").status_code == 204
    assert idp.members(group["id"]) == {ada}
    assert idp.send("DELETE", path).status_code == 204
    assert "groups" not in idp.ok("GET", f"/Users/{ada}")


def test_a_group_has_another_version_when_a_member_is_shown_otherwise_or_gone(world: ScimWorld):
    idp = world.directory()
    ada, bob = (idp.user(name)["id"] for name in ("ada", "bob"))
    inner = idp.group("Inner", ada)["id"]
    outer, other = idp.group("Outer", ada, bob, inner)["id"], idp.group("Other", bob)["id"]
    named = {"schemas": [GROUP], "displayName": "Named", "members": [{"value": ada, "display": "The Countess"}]}
    named = idp.ok("POST", "/Groups", named, 201)["id"]

    groups = [inner, outer, other, named]

    def moved(*change: Any) -> list[str]:
        """Which of the groups answer anew after a request."""
        paths = {one: f"/Groups/{one}" for one in groups}
        before = {one: idp.ok("GET", path)["meta"] for one, path in paths.items()}
        world.clock.advance(seconds=1)
        assert idp.send(*change).status_code < 300
        anew = []
        for one, meta in before.items():
            answer = idp.send("GET", paths[one], headers={"if-none-match": meta["version"]})
            if answer.status_code == 200:
                anew.append(one)
                assert answer.json()["meta"]["lastModified"] > meta["lastModified"]
        return anew

    def patch(path: str, name: str, value: str) -> list[str]:
        return moved("PATCH", path, {"Operations": [{"op": "replace", "path": name, "value": value}]})

    assert patch(f"/Users/{ada}", "nickName", "A") == []
    assert patch(f"/Users/{ada}", "displayName", "Ada") == [inner, outer]
    assert patch(f"/Users/{ada}", "userName", "ada@acme.example") == []  # groups show the other name
    assert patch(f"/Users/{bob}", "userName", "bob@acme.example") == [outer, other]
    assert patch(f"/Groups/{inner}", "displayName", "In") == [inner, outer]
    assert moved("DELETE", f"/Users/{ada}") == [inner, outer, named]
    told = [one for one in world.sealed(idp.tenant) if one["action"] == "group.member_removed"]
    assert {(one["resource"]["id"], one["context"]["user_id"]) for one in told} == {(one, ada) for one in (inner, outer, named)}
    groups.remove(inner)
    assert moved("DELETE", f"/Groups/{inner}") == [outer]
    assert idp.ok("GET", f"/Groups/{outer}")["members"] == idp.ok("GET", f"/Groups/{other}")["members"]
    told = [one for one in world.sealed(idp.tenant) if one["action"] == "group.member_removed"]
    assert len([one for one in told if "group_id" in one["context"]]) == 1


def test_groups_give_roles_before_the_first_sign_in_and_within_groups(world: ScimWorld):
    idp = world.directory()
    ada = idp.user("ada")["id"]
    world.post(f"/tenants/{idp.tenant}/role-mappings", {"group": "Everybody", "role": "reader"})
    inner, outer = idp.group("Engineers", ada)["id"], idp.group("Everybody")["id"]
    assert world.standing(idp.tenant, ada).roles == ()
    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": inner}]})
    idp.patch(f"/Groups/{inner}", {"op": "add", "path": "members", "value": [{"value": outer}]})  # a circle ends
    assert world.standing(idp.tenant, ada).groups == ("Engineers", "Everybody")
    assert world.standing(idp.tenant, ada).roles == ("reader",)
    assert {one["type"] for one in idp.ok("GET", f"/Groups/{outer}")["members"]} == {"Group"}
    idp.patch(f"/Groups/{inner}", {"op": "remove", "path": f'members[value eq "{ada}"]'})
    assert world.standing(idp.tenant, ada).roles == ()


def test_a_member_must_be_of_the_directory(world: ScimWorld):
    idp = world.directory()
    other = world.directory(idp.tenant)
    group, stranger = idp.group("Engineers")["id"], other.user("stranger")["id"]
    for value in (stranger, "usr_01m8ejyygtehf8zwphg9znrjq1", "nobody", group):
        refused = idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": value}]})
        assert refused.status_code == 400, value
        assert "members" in refused.json()["detail"]
        assert refused.json()["scimType"] == "invalidValue"
    assert idp.members(group) == set()
    refused = idp.send("POST", "/Groups", {"displayName": "X", "members": [{"value": stranger}]})
    assert refused.status_code == 400
    assert idp.ok("GET", "/Groups")["totalResults"] == 1


def test_people_are_made_together_and_each_for_himself(world: ScimWorld):
    """By one Bulk: a hundred at a time; where one cannot be made, the others are all the same."""
    tenant = world.tenant("acme")
    idp, config = world.directory(tenant), world.config(tenant, world.connection(tenant)["id"])
    known = world.sign_in(config, "subject-7").user.id

    def bulk(*names: str, **more: Any) -> list[Any]:
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(number),
             "data": {"userName": name, "externalId": f"subject-{name}", "emails": [{"value": f"{name}@acme.example"}]}}
            for number, name in enumerate(names)
        ]  # fmt: skip
        asked = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations, **more}
        told: list[Any] = idp.ok("POST", "/Bulk", asked)["Operations"]
        return told

    told = bulk(*map(str, range(130)))
    assert {one["status"] for one in told} == {"201"}
    assert [one["bulkId"] for one in told] == [str(number) for number in range(130)]
    ids = [one["location"].rpartition("/")[2] for one in told]
    assert ids[7] == known  # whoever is known from sign-in keeps his id
    made = {one["id"]: one for one in idp.ok("GET", "/Users?count=500")["Resources"]}
    assert [made[one]["userName"] for one in ids] == [str(number) for number in range(130)]
    assert {one["meta"]["version"] for one in made.values()} == {'"1"'}
    assert idp.find("/Users", 'emails.value eq "129@acme.example"') == [ids[129]]
    told_of = world.sealed(tenant, action="user.created", limit="200")
    assert sorted(one["resource"]["id"] for one in told_of) == sorted(ids)
    assert len(world.sealed(tenant, action="user.linked")) == 1

    assert [one["status"] for one in bulk("a", "b", "129", "c", "A", "d")] == ["201", "201", "409", "201", "409", "201"]
    assert [one["status"] for one in bulk("e", "129", "f", failOnErrors=1)] == ["201", "409"]
    assert idp.ok("GET", "/Users?count=0")["totalResults"] == 135


def test_bulk_makes_a_group_of_the_people_that_it_makes(world: ScimWorld):
    idp = world.directory()
    operations = [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": [{"value": "bulkId:a"}]}},
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "ada"}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "ADA"}},
        {"method": "DELETE", "path": "/Users/usr_none"},
        {"method": "PATCH", "path": "/Users/bulkId:a", "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}]}},
    ]
    bulk = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    told = idp.ok("POST", "/Bulk", {"schemas": [bulk], "Operations": operations})["Operations"]
    assert [one["status"] for one in told] == ["201", "201", "409", "404", "200"]
    assert told[2]["response"]["scimType"] == "uniqueness"
    ada = told[1]["location"].rpartition("/")[2]
    assert idp.members(told[0]["location"].rpartition("/")[2]) == {ada}
    assert idp.ok("GET", f"/Users/{ada}")["title"] == "x"
    stopped = idp.ok("POST", "/Bulk", {"schemas": [bulk], "failOnErrors": 1, "Operations": operations[2:]})["Operations"]
    assert len(stopped) == 1


def test_search_finds_people_and_groups(world: ScimWorld):
    idp = world.directory()
    idp.user("ada", displayName="Same")
    idp.group("Same")
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'displayName eq "same"'}
    found = idp.ok("POST", "/.search", search)
    assert found["totalResults"] == 2
    assert [one["meta"]["resourceType"] for one in found["Resources"]] == ["User", "Group"]
    assert idp.ok("POST", "/.search", {**search, "startIndex": 2})["Resources"][0]["meta"]["resourceType"] == "Group"
    assert idp.ok("POST", "/Users/.search", {**search, "attributes": ["userName"]})["Resources"][0].keys() == {
        "schemas", "id", "userName",
    }  # fmt: skip


def test_what_the_server_says_of_itself(world: ScimWorld):
    extension = {"id": "urn:acme:scim:User", "name": "Acme", "attributes": [{"name": "badge", "type": "integer"}]}
    idp = world.directory(extension_schemas=[extension])
    assert idp.ok("GET", "/ServiceProviderConfig")["etag"] == {"supported": True}
    assert {one["name"] for one in idp.ok("GET", "/ResourceTypes")["Resources"]} == {"User", "Group"}
    assert extension["id"] in {one["id"] for one in idp.ok("GET", "/Schemas")["Resources"]}
    assert idp.ok("GET", f"/Schemas/{extension['id']}")["attributes"][0]["name"] == "badge"
    made = idp.user("ada", schemas=["urn:ietf:params:scim:schemas:core:2.0:User"], **{extension["id"]: {"badge": 7}})
    assert made[extension["id"]] == {"badge": 7}
    assert idp.find("/Users", f"{extension['id']}:badge gt 6") == [made["id"]]
    assert idp.find("/Users", f"{extension['id']}:badge gt 7") == []
    assert idp.send("GET", "/Schemas?filter=id").status_code == 403
    assert idp.send("GET", "/Schemas/urn:none").status_code == 404
    assert idp.send("GET", "/Nothing").json()["status"] == "404"
    assert idp.send("PUT", "/Users", {}).status_code == 405
    assert idp.send("GET", "/Me").status_code == 404


def test_a_schema_changes_only_as_kept_values_allow(world: ScimWorld):
    urn = "urn:acme:scim:User"

    def schemas(*attributes: dict[str, Any]) -> dict[str, Any]:
        return {"extension_schemas": [{"id": urn, "name": "Acme", "attributes": list(attributes)}] if attributes else []}

    level, tags, code = {"name": "level"}, {"name": "tags", "multiValued": True}, {"name": "code"}
    idp = world.directory(**schemas(level, tags, code))
    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    user = idp.user("ada", **{urn: {"level": "High", "tags": ["a"]}})
    path = f"/Users/{user['id']}"

    def change(*attributes: dict[str, Any]) -> list[str]:
        """Pointers of what is refused."""
        world.clock.advance(seconds=1)
        answer = world.send("PATCH", below, schemas(*attributes))
        assert answer.status_code in (200, 422)
        return [one["pointer"] for one in answer.json().get("errors", [])]

    first, second = "/extension_schemas/0/attributes/0", "/extension_schemas/0/attributes/1"
    assert change({"name": "level", "type": "integer"}, {"name": "tags"}, code) == [first, second]
    assert change({"name": "level", "multiValued": True}, tags, code) == [first]
    assert change({"name": "level", "caseExact": True}, tags, code) == [first]  # it is compared in another form
    assert (
        change({"name": "level", "description": "x"}, tags, {"name": "code", "type": "integer"}) == []
    )  # of this is nothing kept
    assert idp.find("/Users", f'{urn}:level eq "HIGH"') == [user["id"]]

    assert change(level) == []
    assert idp.ok("GET", path)[urn] == {"level": "High"}
    assert change({"name": "level"}, {"name": "tags", "type": "integer"}) == [second]  # "a" is kept still
    assert change() == []
    shown = idp.ok("GET", path)
    assert (urn in shown, urn in shown["schemas"]) == (False, False)
    assert idp.ok("GET", "/Users")["Resources"] == [shown]
    assert change({"name": "level", "type": "integer"}) == [first]
    assert change(level, tags) == []
    assert idp.ok("GET", path)[urn] == {"level": "High", "tags": ["a"]}
    assert change() == []
    idp.patch(path, {"op": "add", "path": "nickName", "value": "A"})  # what is written is without it
    assert change({"name": "level", "type": "integer"}, {"name": "tags"}) == []
    for by in ("level", "tags"):
        assert idp.ok("GET", f"/Users?sortBy={urn}:{by}")["totalResults"] == 1
    assert idp.patch(path, {"op": "add", "path": f"{urn}:level", "value": 7}).json()[urn] == {"level": 7}
