"""Directories and their tokens: made, changed, released, removed; shown once; nothing of another tenant's."""

from __future__ import annotations

import pytest

from idbroker.directories.tokens import parse_token
from tests.support.admin_world import BASE, AdminWorld


def directory(world: AdminWorld, tenant: str, **fields):
    return world.post(f"/tenants/{tenant}/directories", {"name": "Okta", **fields})


def test_a_directory_s_life(world: AdminWorld):
    acme = world.tenant("acme")
    made = directory(world, acme, vendor="okta")
    assert made["base_url"] == f"{BASE}/scim/v2"
    assert (made["status"], made["dry_run"], made["dialect"]) == ("active", False, None)
    below = f"/tenants/{acme}/directories/{made['id']}"
    assert world.get(f"/tenants/{acme}/directories")["data"] == [made]

    changed = world.send("PATCH", below, {"status": "disabled", "brake": {"users": 5}}).json()
    assert (changed["status"], changed["brake"]["users"], changed["brake"]["percent"]) == ("disabled", 5, 50)
    assert world.get(below)["name"] == "Okta"
    assert world.send("PATCH", below, {"brake": {"percent": None}}).status_code == 200
    assert world.post(f"{below}/brake/release", status=200)["brake"]["released_until"] == "2026-11-21T10:00:00.000Z"

    assert world.send("DELETE", below).status_code == 204
    assert world.send("GET", below).status_code == 404
    world.trail.seal_all()
    actions = [event["action"] for event in world.get(f"/tenants/{acme}/audit-events?resource={made['id']}")["data"]]
    assert set(actions) == {"directory.created", "directory.updated", "directory.brake_released", "directory.deleted"}


def test_a_brake_that_is_not_wanted_is_off_from_the_beginning(world: AdminWorld):
    tenant = world.tenant("acme")
    for given, percent in (({}, 50), ({"brake": {}}, 50), ({"brake": {"percent": None}}, None), ({"brake": {"percent": 7}}, 7)):
        made = world.post(f"/tenants/{tenant}/directories", {"name": "IdP", **given})
        assert world.get(f"/tenants/{tenant}/directories/{made['id']}")["brake"]["percent"] == percent


def test_two_tokens_can_be_live_and_are_shown_once(world: AdminWorld):
    acme = world.tenant("acme")
    below = f"/tenants/{acme}/directories/{directory(world, acme)['id']}/tokens"
    first = world.post(below)
    second = world.post(below, {"scopes": ["users:read"], "expires_at": "2026-11-22T09:00:00+01:00"})
    assert second["expires_at"] == "2026-11-22T08:00:00.000Z"
    assert world.send("POST", below, {}).json()["code"] == "too_many_tokens"
    listed = world.get(below)["data"]
    assert [row["id"] for row in listed] == [first["id"], second["id"]]
    assert first["token"].startswith(listed[0]["prefix"])
    assert first["token"] not in str(listed)

    handle = parse_token(first["token"])
    assert handle is not None
    assert handle.tenant == acme
    assert world.send("DELETE", f"{below}/{first['id']}").status_code == 204
    assert world.get(below)["data"][0]["revoked_at"] is not None
    world.post(below)
    world.clock.advance(days=2)
    world.post(below)  # an expired one takes no place


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"expires_at": "2026-11-20T09:00:00Z"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"scopes": ["users:delete"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"scope": "users:read"}, "/scope"),
    ],
)
def test_a_wrong_token_is_told_where(world: AdminWorld, body, pointer):
    acme = world.tenant("acme")
    answer = world.send("POST", f"/tenants/{acme}/directories/{directory(world, acme)['id']}/tokens", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_directory_names_a_connection_of_its_own_tenant(world: AdminWorld):
    acme, globex = world.tenant("acme"), world.tenant("globex")
    theirs = world.connection(globex)["id"]
    body = {"name": "Okta", "connection_id": theirs}
    refused = world.send("POST", f"/tenants/{acme}/directories", body)
    assert refused.json()["errors"][0]["pointer"] == "/connection_id"
    assert world.send("POST", f"/tenants/{acme}/directories", {**body, "connection_id": "con_none"}).status_code == 422
    assert world.post(f"/tenants/{globex}/directories", body)["connection_id"] == theirs


def test_another_tenant_s_directory_does_not_exist(world: AdminWorld):
    acme, globex = world.tenant("acme"), world.tenant("globex")
    made = directory(world, acme)["id"]
    token = world.post(f"/tenants/{acme}/directories/{made}/tokens")["id"]
    key = world.key(globex)
    for method, path in (
        ("GET", f"/tenants/{globex}/directories/{made}"),
        ("PATCH", f"/tenants/{globex}/directories/{made}"),
        ("DELETE", f"/tenants/{globex}/directories/{made}"),
        ("POST", f"/tenants/{globex}/directories/{made}/brake/release"),
        ("POST", f"/tenants/{globex}/directories/{made}/tokens"),
        ("DELETE", f"/tenants/{globex}/directories/{made}/tokens/{token}"),
        ("GET", f"/tenants/{acme}/directories/{made}"),
    ):
        assert world.send(method, path, {} if method in ("POST", "PATCH") else None, key=key).status_code == 404, path
    other = directory(world, acme)["id"]
    assert world.send("DELETE", f"/tenants/{acme}/directories/{other}/tokens/{token}").status_code == 404
