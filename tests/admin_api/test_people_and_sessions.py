"""People as CONTRACT section 8 shows them, their roles, their sessions, and the end of these; lists in pages."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.service import Beginning
from tests.support.admin_world import OPERATOR, AdminWorld

USER = {
    "id", "tenant_id", "email", "user_name", "given_name", "family_name", "display_name", "active", "source", "connection_ids",
    "directory_id", "groups", "roles", "created_at", "updated_at", "last_sign_in_at",
}  # fmt: skip
SESSION = {
    "id", "tenant_id", "user_id", "connection_id", "started_at", "last_seen_at", "expires_at", "ended_at", "end_reason", "ip",
    "user_agent", "apps",
}  # fmt: skip


@pytest.fixture
def tenant(world: AdminWorld) -> str:
    return world.tenant("acme")


def test_a_person_with_groups_and_roles(world: AdminWorld, tenant: str) -> None:
    user, _ = world.person(tenant, "alice@acme.example", ["Staff", "Admins"])
    world.post(f"/tenants/{tenant}/role-mappings", {"group": "Admins", "role": "admin"})
    shown = world.get(f"/tenants/{tenant}/users/{user}")
    assert set(shown) == USER
    assert [group["display_name"] for group in shown["groups"]] == ["Admins", "Staff"]
    assert (shown["roles"], shown["connection_ids"], shown["directory_id"]) == (["admin"], ["con_x"], None)
    assert shown["created_at"] == "2026-11-21T09:00:00.000Z"
    assert world.get(f"/tenants/{tenant}/users")["data"] == [shown]
    groups = world.get(f"/tenants/{tenant}/groups")["data"]
    assert world.get(f"/tenants/{tenant}/groups/{groups[0]['id']}") == groups[0]


def test_a_role_of_one_app_is_not_a_role_everywhere(world: AdminWorld, tenant: str) -> None:
    user, _ = world.person(tenant, "alice@acme.example", ["Staff"])
    app = world.post("/apps", {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"], "tenants": [tenant]})
    made = world.post(f"/tenants/{tenant}/role-mappings", {"group": "Staff", "role": "x", "app": app["client_id"]})
    assert made["app"] == app["client_id"]
    assert world.get(f"/tenants/{tenant}/users/{user}")["roles"] == []
    other = world.tenant("globex")
    foreign = {"group": "Staff", "role": "x", "app": app["client_id"]}
    assert world.send("POST", f"/tenants/{other}/role-mappings", foreign).status_code == 422


def test_a_role_mapping_comes_and_goes(world: AdminWorld, tenant: str) -> None:
    path = f"/tenants/{tenant}/role-mappings"
    made = world.post(path, {"group": "Admins", "role": "admin"})
    assert (made["group"], made["role"], made["app"]) == ("Admins", "admin", None)
    assert world.send("POST", path, {"group": "Admins", "role": "admin"}).status_code == 409
    assert world.get(path)["data"] == [made]
    assert world.send("DELETE", f"{path}/{made['id']}").status_code == 204
    assert world.get(path)["data"] == []
    actions = [record["action"] for record in world.sealed(tenant)][:2]
    assert actions == ["role_mapping.deleted", "role_mapping.created"]


def test_a_list_of_people_does_not_grow_in_statements(world: AdminWorld, tenant: str) -> None:
    def statements() -> int:
        counted: list[str] = []

        def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
            counted.append(statement)

        event.listen(world.stores.main.engine, "before_cursor_execute", count)
        world.get(f"/tenants/{tenant}/users")
        event.remove(world.stores.main.engine, "before_cursor_execute", count)
        return len(counted)

    for name in ("first", "second"):  # one alone is read in another way
        world.person(tenant, f"{name}@acme.example", ["Staff"])
    few = statements()
    for number in range(5):
        world.person(tenant, f"person{number}@acme.example", ["Staff", f"Team {number}"])
    assert statements() == few


def test_sessions_are_seen_and_ended(world: AdminWorld, tenant: str) -> None:
    user, session = world.person(tenant, "alice@acme.example")
    bob, other = world.person(tenant, "bob@acme.example")
    shown = world.get(f"/tenants/{tenant}/sessions/{session}")
    assert set(shown) == SESSION
    assert (shown["user_id"], shown["ended_at"]) == (user, None)
    assert [row["id"] for row in world.get(f"/tenants/{tenant}/sessions?user={bob}")["data"]] == [other]
    assert world.send("DELETE", f"/tenants/{tenant}/users/{user}/sessions").status_code == 204
    assert world.get(f"/tenants/{tenant}/sessions/{session}")["end_reason"] == "ended_by_admin"
    assert world.get(f"/tenants/{tenant}/sessions/{other}")["ended_at"] is None
    for _ in range(2):
        assert world.send("DELETE", f"/tenants/{tenant}/sessions/{other}").status_code == 204
    ended = world.sealed(tenant, action="session.ended")
    assert [record["session_id"] for record in ended] == [other, session]
    assert ended[0]["actor"]["type"] == "operator"


def test_pages_hold_every_row_once_and_end(world: AdminWorld, tenant: str) -> None:
    made = [world.person(tenant, f"person{number}@acme.example")[0] for number in range(7)]
    seen: list[str] = []
    path, pages = f"/tenants/{tenant}/users?limit=3", 0
    while path:
        page = world.get(path)
        seen += [row["id"] for row in page["data"]]
        pages += 1
        path = f"/tenants/{tenant}/users?limit=3&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert (seen, pages) == (made, 3)
    assert world.get(f"/tenants/{tenant}/users?limit=7")["next_cursor"] is None


def test_apps_and_tenants_and_keys_come_in_pages_too(world: AdminWorld) -> None:
    for slug in ("a1", "a2", "a3"):
        tenant = world.tenant(slug)
        world.post("/apps", {"name": slug, "redirect_uris": ["https://x.example.com/cb"]})
        world.connection(tenant)
        world.post("/api-keys", {"name": slug, "scope": "operator"})
    for path, total in (("/apps", 3), ("/tenants", 3), ("/api-keys", 4), ("/audit-events", 6)):
        world.trail.seal_all()
        first = world.get(f"{path}?limit=2")
        rest = world.get(f"{path}?limit=200&cursor={first['next_cursor']}")
        assert len(first["data"] + rest["data"]) == total, path
        assert rest["next_cursor"] is None


def test_people_are_counted_once_for_each_day_also_when_the_days_were_counted_before(world: AdminWorld) -> None:
    def counted() -> list[int]:
        return [day["people"] for day in world.get("/tenants/acme/active-days")["days"]][-3:]

    tenant, other = world.tenant("acme"), world.tenant("globex")
    alice, _ = world.person(tenant, "alice@acme.example")
    again(world, tenant, alice)
    world.person(other, "bob@globex.example")
    assert counted() == [0, 0, 1]
    world.clock.advance(seconds=86_400)
    again(world, tenant, alice)
    world.person(tenant, "carol@acme.example")
    assert counted() == counted() == [0, 1, 2]
    world.clock.advance(seconds=86_400)
    assert counted() == [1, 2, 0]


def again(world: AdminWorld, tenant: str, user_id: str) -> None:
    with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        world.sessions.start(unit, Beginning(user_id, "con_x", world.clock.now(), (), None, {}, None))
