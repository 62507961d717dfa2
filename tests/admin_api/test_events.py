"""Events as apps pull them: what they hold, their order, and who sees which."""

from __future__ import annotations

from typing import Any

import pytest

from idbroker.audit.feed import Feed
from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Groups, Users
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from tests.support.admin_world import OPERATOR, AdminWorld


def pulled(world: AdminWorld, query: str = "", *, key: str | None = None) -> list[dict[str, Any]]:
    world.trail.seal_all()
    return list(world.get(f"/events?{query}", key=key)["data"])


def walk(world: AdminWorld, limit: int, *, key: str | None = None) -> list[str]:
    """The ids of all events, page by page."""
    found: list[str] = []
    after = ""
    for _ in range(100):
        page = world.get(f"/events?limit={limit}{after}", key=key)
        found += [event["id"] for event in page["data"]]
        if page["next_cursor"] is None:
            return found
        after = f"&after={page['next_cursor']}"
    raise AssertionError("no end")


def test_data_is_what_the_admin_api_shows_at_that_moment(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    user, session = world.person(tenant, "alice@acme.example", ["Staff"])
    begun = world.get(f"/tenants/{tenant}/sessions/{session}")
    world.clock.advance(minutes=1)
    world.send("DELETE", f"/tenants/{tenant}/sessions/{session}")
    ended = world.get(f"/tenants/{tenant}/sessions/{session}")
    connection = world.connection(tenant)
    world.send("DELETE", f"/tenants/{tenant}/connections/{connection['id']}")
    events = pulled(world)
    assert [event["type"] for event in events] == [
        "session.started", "session.ended", "connection.created", "connection.deleted",
    ]  # fmt: skip
    assert [event["data"] for event in events] == [begun, ended, connection, connection]
    assert ended["end_reason"] == "ended_by_admin"
    assert {event["tenant_id"] for event in events} == {tenant}
    assert events[1]["occurred_at"] == ended["ended_at"]
    assert user == events[0]["data"]["user_id"]


def test_people_and_groups_are_shown_as_the_transaction_leaves_them(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    user, _ = world.person(tenant, "alice@acme.example", ["Staff"])
    world.post(f"/tenants/{tenant}/role-mappings", {"group": "Staff", "role": "editor"})
    with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        row, group = unit[Users].get(user), unit[Groups].named("con_x", ["Staff"])[0]
        assert row is not None
        unit[Outbox].record(Event("user.updated", Resource("user", user)))
        context = {"user_id": user}
        unit[Outbox].record(Event("group.member_added", Resource("group", group.id), context=context))
        row.display_name = "Alice"  # later in the same transaction
    told = {event["type"]: event["data"] for event in pulled(world, "types=user.*,group.*")}
    assert told["user.updated"] == world.get(f"/tenants/{tenant}/users/{user}")
    assert (told["user.updated"]["display_name"], told["user.updated"]["roles"]) == ("Alice", ["editor"])
    assert told["group.member_added"] == {**world.get(f"/tenants/{tenant}/groups/{group.id}"), "user_id": user}


def test_a_walk_in_pages_sees_each_once_in_order_and_goes_on_from_any_event(world: AdminWorld) -> None:
    acme, globex = world.tenant("acme"), world.tenant("globex")
    for number in range(5):
        world.person((acme, globex)[number % 2], f"p{number}@example.com")
    everything = [event["id"] for event in pulled(world, "limit=200")]
    assert len(everything) == 5
    for limit in (1, 2, 4, 5):
        assert walk(world, limit) == everything
    assert [event["id"] for event in pulled(world, f"after={everything[2]}")] == everything[3:]
    assert pulled(world, f"after={everything[-1]}") == []
    world.person(acme, "late@example.com")
    assert len(pulled(world, f"after={everything[-1]}")) == 1


def test_a_tenants_key_pulls_its_own_alone(world: AdminWorld) -> None:
    acme, globex = world.tenant("acme"), world.tenant("globex")
    world.person(acme, "alice@acme.example")
    world.person(globex, "bob@globex.example")
    key = world.key(acme, "member")
    (own,) = pulled(world, key=key)
    (foreign,) = pulled(world, "tenant=globex")
    assert (own["tenant_id"], foreign["tenant_id"]) == (acme, globex)
    assert walk(world, 1, key=key) == [own["id"]]
    assert [event["id"] for event in pulled(world, f"tenant={acme}")] == [own["id"]]
    assert [event["id"] for event in pulled(world, "tenant=acme", key=key)] == [own["id"]]
    answers = [world.send("GET", f"/events?tenant={one}", key=key) for one in (globex, "globex", new_id("tnt"), "nobody")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.json()["detail"], answer.json()["code"]) for answer in answers}) == 1
    unknown = [world.send("GET", f"/events?after={one}", key=key) for one in (foreign["id"], new_id("evt"))]
    assert len({(answer.status_code, answer.json()["detail"]) for answer in unknown}) == 1
    assert world.send("GET", "/events", key=world.key(acme, "guest")).status_code == 403


UNASKABLE = """
    after=x after=evt_1 after= after=aud_01m7yswpgcfdwtt563yrm34jz4 after=evt_zzzzzzzzzzzzzzzzzzzzzzzzzz after=%00
    limit=0 limit=x types= types=tenant.* types=user.created, types=%25
"""


@pytest.mark.parametrize("query", [*UNASKABLE.split(), "types=" + "user.*," * 60])
def test_what_cannot_be_asked_is_refused_with_its_name(world: AdminWorld, query: str) -> None:
    answer = world.send("GET", f"/events?{query}")
    assert answer.status_code in (400, 422), answer.text


def test_what_is_gone_is_said_to_be_gone(world: AdminWorld) -> None:
    world.person(world.tenant("acme"), "alice@acme.example")
    (event,) = pulled(world)
    with world.stores.main.platform(OPERATOR) as unit, unit.enter(TenantScope(event["tenant_id"], OPERATOR)) as inside:
        inside[Feed].forget([1])
    world.clock.advance(days=4000)
    answer = world.send("GET", f"/events?after={event['id']}")
    assert (answer.status_code, answer.json()["code"]) == (410, "events_expired")
