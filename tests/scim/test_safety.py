"""Brake, dry run, request log, report, tokens, scopes, states: what keeps a directory from harm, and tells what it did."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.races import at_once
from tests.support.scim_world import PATCH_OP, USER, Directory, ScimWorld

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def off(idp: Directory, user: str):
    return idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})


def test_the_brake_holds_until_an_admin_speaks(world: ScimWorld):
    idp = world.directory(brake={"users": 2, "percent": None, "minutes": 10})
    users = [idp.user(f"u{number}")["id"] for number in range(6)]
    session = world.session(idp.tenant, users[2])
    assert off(idp, users[0]).status_code == 200
    assert idp.send("DELETE", f"/Users/{users[1]}").status_code == 204
    held = off(idp, users[2])
    assert (held.status_code, held.json()["status"], held.headers["retry-after"]) == (503, "503", "900")
    assert world.session_row(idp.tenant, session).ended_at is None
    assert idp.ok("GET", f"/Users/{users[2]}")["active"] is True
    assert off(idp, users[3]).status_code == 503
    assert idp.send("DELETE", f"/Users/{users[3]}").status_code == 503
    idp.user("new")  # everything else goes on
    assert idp.patch(f"/Users/{users[2]}", {"op": "replace", "path": "title", "value": "x"}).status_code == 200
    world.clock.advance(minutes=30)
    assert off(idp, users[2]).status_code == 503  # time alone releases nothing
    told = [one for one in world.sealed(idp.tenant) if one["action"] == "directory.brake_engaged"]
    assert [one["context"]["people"] for one in told] == [3]

    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    assert world.get(below)["brake"]["held_at"] is not None
    world.post(f"{below}/brake/release", status=200)
    for user in users[2:]:
        assert off(idp, user).status_code == 200
    world.clock.advance(minutes=61)
    assert off(idp, idp.user("late")["id"]).status_code == 200


OFF = {"op": "replace", "path": "active", "value": False}


def switch_off(idp: Directory, way: str, user: str) -> int:
    match way:
        case "patch":
            return off(idp, user).status_code
        case "put":
            return idp.send("PUT", f"/Users/{user}", {"schemas": [USER], "userName": user, "active": False}).status_code
        case "delete":
            return idp.send("DELETE", f"/Users/{user}").status_code
        case _:
            one = {"method": "PATCH", "path": f"/Users/{user}", "data": {"schemas": [PATCH_OP], "Operations": [OFF]}}
            told = idp.ok("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": [one]})
            return int(told["Operations"][0]["status"])


WAYS = ["patch", "put", "delete", "bulk"]


@pytest.mark.parametrize(
    ("people", "percent", "ways", "free"),
    [
        (150, 50, ["delete"], 100),  # the preset lets a hundred go
        (210, 50, ["patch"], 105),
        (210, 50, ["delete"], 105),
        (10, 20, ["patch"], 2),  # what an admin has chosen counts from the first
        (10, 33, WAYS, 3),
        (10, 60, ["put"], 6),
        (10, 60, ["bulk"], 6),
        (10, 100, WAYS, 10),
    ],
)
def test_a_part_of_the_people_is_held_however_they_are_switched_off(
    world: ScimWorld, people: int, percent: int, ways: list[str], free: int
):
    idp = world.directory(brake={"percent": percent})
    idp.user("long gone", active=False)
    users = idp.crowd(people)
    answers = [switch_off(idp, ways[number % len(ways)], user) for number, user in enumerate(users[: free + 5])]
    assert {answer < 300 for answer in answers[:free]} == {True}
    assert answers[free:] == [503] * (min(people, free + 5) - free)


def test_the_brake_counts_many_at_once(world: ScimWorld):
    idp = world.directory(brake={"users": 3, "percent": None})
    users = [idp.user(f"u{number}")["id"] for number in range(12)]
    answers = at_once(12, lambda number: off(idp, users[number]).status_code)
    assert answers.count(200) == 3
    assert answers.count(503) == 9
    assert len([one for one in world.sealed(idp.tenant) if one["action"] == "directory.brake_engaged"]) == 1


def test_a_dry_run_tells_and_does_nothing(world: ScimWorld):
    idp = world.directory()
    dry = {"idbroker-dry-run": "1"}
    told = idp.ok("POST", "/Users", {"userName": "ada"}, headers=dry)
    assert told["status"] == "201"
    assert [one["action"] for one in told["effects"]] == ["user.created"]
    assert idp.ok("GET", "/Users")["totalResults"] == 0
    user = idp.user("ada")["id"]
    session = world.session(idp.tenant, user)
    told = idp.ok("DELETE", f"/Users/{user}", headers=dry)
    assert {one["action"] for one in told["effects"]} == {"session.ended", "user.deleted"}
    assert world.session_row(idp.tenant, session).ended_at is None
    assert idp.send("DELETE", "/Users/usr_none", headers=dry).status_code == 404

    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    world.send("PATCH", below, {"dry_run": True})
    refused = idp.send("DELETE", f"/Users/{user}")
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert "user.deleted" in refused.json()["detail"]
    assert idp.ok("GET", f"/Users/{user}")["userName"] == "ada"
    world.send("PATCH", below, {"dry_run": False})
    idp.user("bob")
    world.send("PATCH", below, {"dry_run": True})
    assert idp.ok("GET", "/Users?count=1")["totalResults"] == 2  # it remembers where the next page begins
    world.scim.traffic.flush()
    newest = [one for one in world.get(f"{below}/requests")["data"] if one["status"] == 503]
    assert "user.deleted" in [one["action"] for one in newest[0]["effects"]]


def test_a_bulk_is_tried_as_a_whole(world: ScimWorld):
    idp = world.directory(brake={"users": 1})
    ada, bob, cyd = (idp.user(name)["id"] for name in ("ada", "bob", "cyd"))

    def post(endpoint: str, number: str, **data: Any) -> dict[str, Any]:
        return {"method": "POST", "path": f"/{endpoint}", "bulkId": number, "data": data}

    plan = [
        post("Groups", "g", displayName="G", members=[{"value": "bulkId:new"}, {"value": ada}]),
        post("Users", "new", userName="new"),
        post("Users", "taken", userName="ADA"),
        post("Users", "again", userName="again"),
        {"method": "DELETE", "path": f"/Users/{ada}"},
        {"method": "DELETE", "path": f"/Users/{bob}"},
        {"method": "PATCH", "path": f"/Users/{cyd}", "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}]}},
    ]
    asked = {"schemas": [BULK_REQUEST], "Operations": plan}
    told = idp.ok("POST", "/Bulk", asked, headers={"idbroker-dry-run": "1"})
    assert [one["status"] for one in told["Operations"]] == ["201", "201", "409", "201", "204", "503", "200"]
    actions = [one["action"] for one in told["effects"]]
    assert sorted(actions) == sorted(
        ["group.created", "group.member_added", "group.member_added", "user.created", "user.created",
         "group.member_removed", "user.deleted"]
    )  # fmt: skip
    assert (idp.ok("GET", "/Users")["totalResults"], idp.ok("GET", "/Groups")["totalResults"]) == (3, 0)
    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    assert world.get(below)["brake"]["held_at"] is None
    world.send("PATCH", below, {"dry_run": True})
    refused = idp.send("POST", "/Bulk", asked)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "3600")
    assert "user.deleted" in refused.json()["detail"]
    assert idp.ok("GET", "/Users")["totalResults"] == 3
    world.scim.traffic.flush()
    logged = [one for one in world.get(f"{below}/requests")["data"] if one["path"] == "/scim/v2/Bulk"]
    assert [len(one["effects"]) for one in logged] == [7, 7]
    assert not {"user.deleted", "group.created"} & {one["action"] for one in world.sealed(idp.tenant)}


def test_whoever_administers_tries_a_request_and_changes_nothing(world: ScimWorld):
    idp = world.directory(brake={"users": 1})
    ada, bob, group = idp.user("ada")["id"], idp.user("bob")["id"], idp.group("Staff")["id"]
    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    off = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    join = {"Operations": [{"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]}]}
    added = {"group.member_added"}
    for method, path, body, status, actions in (
        ("POST", "/Users", {"userName": "cyd"}, 201, {"user.created"}),
        ("POST", "/Users", {"userName": "ADA"}, 409, set()),
        ("POST", "/Users", {}, 400, set()),
        ("PUT", f"/Users/{ada}", {"userName": "eve"}, 200, {"user.updated"}),
        ("PATCH", f"/Users/{ada}", off, 200, {"user.deactivated"}),
        ("PATCH", f"/Groups/{group}", join, 200, added),
        ("DELETE", f"/Users/{ada}", None, 204, {"user.deleted"}),
        ("DELETE", f"/Groups/{group}", None, 204, {"group.deleted"}),
        ("DELETE", f"/Groups/{ada}", None, 404, set()),
        ("POST", f"/Users/{ada}", {"userName": "x"}, 404, set()),
        ("PATCH", "/Users", off, 404, set()),
    ):
        told = world.post(f"{below}/dry-runs", {"method": method, "path": path, "body": body}, status=200)
        assert (told["status"], {one["action"] for one in told["effects"]}) == (status, actions), (method, path)
        assert (told["answer"] is None) is (status == 204)
    assert idp.patch(f"/Users/{bob}", off["Operations"][0]).status_code == 200
    for _ in range(2):  # the brake would hold it, and is not engaged by that
        held = world.post(f"{below}/dry-runs", {"method": "DELETE", "path": f"/Users/{ada}"}, status=200)
        assert held["status"] == 503
        assert idp.send("DELETE", f"/Users/{ada}", headers={"idbroker-dry-run": "1"}).status_code == 503
    assert world.get(below)["brake"]["held_at"] is None
    assert idp.ok("GET", f"/Users/{ada}")["meta"]["version"] == '"1"'
    assert idp.members(group) == set()
    assert idp.ok("GET", "/Users")["totalResults"] == 2
    for method, path in (("GET", "/Users"), ("POST", "/Bulk"), ("POST", "/Users?x")):
        assert world.send("POST", f"{below}/dry-runs", {"method": method, "path": path}).status_code == 422


def test_the_request_log_and_the_report(world: ScimWorld):
    idp = world.directory()
    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    okta = {"user-agent": "OKTA SCIM Integration"}
    made = idp.ok("POST", "/Users", {"userName": "ada", "password": "hush-hush"}, 201, headers=okta)
    change = {"Operations": [{"op": "Replace", "path": "password", "value": "hush-hush"}]}
    idp.send("PATCH", f"/Users/{made['id']}", change, headers=okta)
    idp.send("POST", "/Users", raw=b'{"userName": "x", "password": "hush-hush"', headers=okta)
    idp.send("GET", "/Users?count=1", headers=okta)
    assert world.scim.traffic.flush() == 4
    rows = world.get(f"{below}/requests")["data"]
    assert [(one["method"], one["status"]) for one in rows] == [("GET", 200), ("POST", 400), ("PATCH", 200), ("POST", 201)]
    assert "hush-hush" not in str(rows)
    assert made["id"] in rows[-1]["answer_body"]
    assert [one["action"] for one in rows[-1]["effects"]] == ["user.created"]
    report = world.get(f"{below}/report")
    assert (report["requests"], report["users"], report["user_agents"]) == (4, 1, ["OKTA SCIM Integration"])
    assert "pascal_case_ops" in [one["name"] for one in report["observations"]]
    assert "conditional" in [one["name"] for one in report["absent"]]
    assert report["dialect"] == "okta"
    assert world.get(below)["last_request_at"] == "2026-11-21T09:00:00.000Z"
    assert world.get(f"{below}/tokens")["data"][0]["last_used_at"] is not None
    raw = (
        world.stores.main.engine.raw_connection().cursor().execute("SELECT sealed FROM directory_requests").fetchall()
        if (world.stores.engine == "sqlite")
        else []
    )
    assert all(made["id"].encode() not in bytes(sealed) for (sealed,) in raw)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401), ("", 401), ("non-token", 401), ("Bearer", 401), ("Bearer x", 401), ("Basic eDp5", 401),
        ("Bearer {token}x", 401), ("Bearer scim_a.b.c", 401), ("Bearer scima_a.b.1.1.c", 401), ("bearer {token}", 200),
        ("Bearer  {token}", 200),
    ],
)  # fmt: skip
def test_only_the_token_opens(lite: ScimWorld, authorization: str | None, status: int):
    idp = lite.directory()
    headers = {} if authorization is None else {"authorization": authorization.format(token=idp.token)}
    answer = lite.client.get("/scim/v2/Users", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["status"] == "401"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_written_for_another_tenant_opens_nothing(lite: ScimWorld):
    one, two = lite.directory(), lite.directory()
    prefix, token, secret = one.token.split(".")
    forged = f"{two.token.split('.')[0]}.{token}.{secret}"
    for text in (forged, f"{prefix}.{two.token.split('.')[1]}.{secret}"):
        assert lite.client.get("/scim/v2/Users", headers={"authorization": f"Bearer {text}"}).status_code == 401


def test_a_revoked_or_expired_token_is_dead_at_once(world: ScimWorld):
    idp = world.directory()
    idp.user("ada")  # proven, and remembered as such
    below = f"/tenants/{idp.tenant}/directories/{idp.id}/tokens"
    short = world.post(below, {"expires_at": "2026-11-21T09:10:00Z"})["token"]
    late = Directory(world, idp.tenant, idp.id, short, "")
    assert late.ok("GET", "/Users")["totalResults"] == 1
    world.send("DELETE", f"{below}/{idp.token_id}")
    assert idp.send("GET", "/Users").status_code == 401
    assert idp.send("POST", "/Users", {"userName": "x"}).status_code == 401
    world.clock.advance(minutes=10)
    assert late.send("POST", "/Users", {"userName": "x"}).status_code == 401


def test_scopes_states_and_switches(world: ScimWorld):
    idp = world.directory()
    reader = world.directory(idp.tenant, scopes=["users:read"])
    assert reader.send("GET", "/Users").status_code == 200
    for method, path in (
        ("POST", "/Users"),
        ("GET", "/Groups"),
        ("POST", "/Groups"),
        ("POST", "/Bulk"),
        ("POST", "/Groups/.search"),
    ):
        assert reader.send(method, path, {} if method == "POST" else None).status_code == 403, path
    assert reader.ok("POST", "/.search", {})["totalResults"] == 0
    below = f"/tenants/{idp.tenant}/directories/{idp.id}"
    world.send("PATCH", below, {"status": "disabled"})
    assert idp.send("GET", "/Users").status_code == 403
    assert idp.send("POST", "/Users", {"userName": "ada"}).status_code == 403
    world.send("PATCH", below, {"status": "active"})
    world.post(f"/tenants/{idp.tenant}/transitions", {"to": "paused", "reason": "test"}, status=200)
    refused = idp.send("POST", "/Users", {"userName": "ada"})
    assert (refused.status_code, "paused" in refused.json()["detail"]) == (403, True)
    world.scim.traffic.flush()
    told = [(one["method"], one["status"]) for one in world.get(f"{below}/requests")["data"]]
    assert told == [("POST", 403), ("POST", 403), ("GET", 403)]  # what the door refuses is told, too


def test_nothing_of_another_directory_or_tenant_is_there(world: ScimWorld):
    one, two = world.directory(), world.directory()
    sibling = world.directory(one.tenant)
    user, group = one.user("ada")["id"], one.group("G")["id"]
    unknown = "usr_01m8ejyygtehf8zwphg9znrjq1"
    for client in (two, sibling):
        for path in (f"/Users/{user}", f"/Groups/{group}"):
            for method, body in (("GET", None), ("PUT", {"userName": "x", "displayName": "x"}), ("DELETE", None)):
                answer = client.send(method, path, body)
                assert answer.status_code == 404
                assert answer.content == client.send(method, f"/Users/{unknown}", body).content
            assert client.patch(path, {"op": "replace", "path": "externalId", "value": "x"}).status_code == 404
        assert client.ok("GET", "/Users")["totalResults"] == 0
        assert client.find("/Users", f'id eq "{user}"') == []
        client.user("ada")
    assert one.ok("GET", "/Users")["totalResults"] == 1


def test_client_credentials_give_a_token_that_lives_as_its_own_does(world: ScimWorld):
    idp = world.directory()

    def ask(**fields: str):
        basic = base64.b64encode(f"{idp.id}:{idp.token}".encode()).decode()
        return world.client.post(
            "/scim/oauth2/token",
            data={"grant_type": "client_credentials", **fields},
            headers={} if "client_id" in fields else {"authorization": f"Basic {basic}"},
        )

    made = ask(scope="users:read").json()
    assert (made["token_type"], made["expires_in"], made["scope"]) == ("Bearer", 3600, "users:read")
    narrow = Directory(world, idp.tenant, idp.id, made["access_token"], "")
    assert narrow.send("GET", "/Users").status_code == 200
    assert narrow.send("POST", "/Users", {"userName": "ada"}).status_code == 403
    wide = Directory(world, idp.tenant, idp.id, ask(client_id=idp.id, client_secret=idp.token).json()["access_token"], "")
    wide.user("ada")
    for wrong in ({"client_id": "dir_x", "client_secret": idp.token}, {"client_id": idp.id, "client_secret": "x"}):
        assert (ask(**wrong).status_code, ask(**wrong).json()["error"]) == (401, "invalid_client")
    assert ask(scope="admin").json()["error"] == "invalid_scope"
    world.send("DELETE", f"/tenants/{idp.tenant}/directories/{idp.id}/tokens/{idp.token_id}")
    assert wide.send("GET", "/Users").status_code == 401
