"""People and groups pushed to an app's own SCIM endpoint: what it has in the end is what we have, whatever happens between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Group, Groups, User, Users
from idbroker.directory.nesting import GroupLink
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.outbound_scim.pushing import LEASE, ScimPusher
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.scim_app import BASE, TOKEN, ScimApp, unreachable


class World(AdminWorld):
    """With an app that is pushed to."""

    def set_up(self, **fields: Any) -> None:
        self.scim_app = ScimApp()
        self.pushing = ScimPusher(self.stores.main, self.envelope, self.scim_app)
        self.acme = self.tenant("acme")
        made = self.post("/apps", {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"]})
        self.app = made["client_id"]
        body = {"base_url": BASE, "token": TOKEN, **fields}
        assert self.send("PUT", f"/apps/{self.app}/scim", body).status_code == 200

    def human(self, name: str, groups: Sequence[str] = (), *, tenant: str | None = None) -> str:
        """Somebody new, with the events that provisioning would write."""
        with self.unit(tenant) as unit:
            now = unit.clock.now()
            row = User(
                tenant_id=unit.scope.tenant, id=new_id("usr"), email=f"{name}@acme.example", user_name=f"{name}@acme.example",
                display_name=name.title(), source="jit", created_at=now, updated_at=now,
            )  # fmt: skip
            unit[Users].add(row)
            unit[Outbox].record(Event("user.created", Resource("user", row.id)))
            for one in groups:
                known = unit[Groups].named("con_x", [one])
                group = known[0] if known else None
                if group is None:
                    group = Group(
                        tenant_id=unit.scope.tenant, id=new_id("grp"), display_name=one, source="con_x", created_at=now
                    )
                    unit[Groups].add(group)
                    unit[Outbox].record(Event("group.created", Resource("group", group.id)))
                unit[Groups].join(row.id, group.id)
                context = {"user_id": row.id}
                unit[Outbox].record(Event("group.member_added", Resource("group", group.id), context=context))
            return row.id

    def change(self, user_id: str, action: str = "user.updated", **fields: Any) -> None:
        with self.unit() as unit:
            row = unit[Users].get(user_id)
            assert row is not None
            unit[Outbox].record(Event(action, Resource("user", user_id)))
            for name, value in fields.items():
                setattr(row, name, value)
            if action == "user.deleted":
                for group in unit[Groups].of_user(user_id):
                    unit[Groups].leave(user_id, group.id)
                unit.session.delete(row)

    def unit(self, tenant: str | None = None) -> Any:
        return self.stores.main.tenant(TenantScope(TenantId(tenant or self.acme), OPERATOR))

    def push(self) -> int:
        self.trail.seal_all()
        return self.pushing.run_due()

    def pushes(self, status: str = "") -> list[Any]:
        wanted = f"&status={status}" if status else ""
        return list(self.get(f"/apps/{self.app}/scim/pushes?tenant=acme&limit=200{wanted}")["data"])


@pytest.fixture
def world(stores: Stores, clock: TestClock) -> World:
    made = World(stores, clock)
    made.set_up()
    return made


def test_a_life(world: World) -> None:
    alice, bob = world.human("alice", ["Staff"]), world.human("bob", ["Staff", "Admins"])
    world.push()
    assert set(world.scim_app.users()) == {alice, bob}
    assert world.scim_app.groups() == {"Staff": sorted([alice, bob]), "Admins": [bob]}
    pushed = world.scim_app.users()[alice]
    assert (pushed["userName"], pushed["active"], pushed["emails"][0]["value"]) == (
        "alice@acme.example",
        True,
        "alice@acme.example",
    )
    world.change(alice, display_name="Alice L.", department="R&D")
    world.push()
    assert world.scim_app.users()[alice]["displayName"] == "Alice L."
    assert "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" in world.scim_app.users()[alice]["schemas"]
    world.change(bob, "user.deactivated", active=False)
    world.push()
    assert world.scim_app.users()[bob]["active"] is False
    world.change(alice, "user.deleted")
    world.push()
    assert set(world.scim_app.users()) == {bob}
    assert world.scim_app.made == 4  # nobody was made twice
    assert {one["status"] for one in world.pushes()} == {"done"}
    assert world.push() == 0


def test_whoever_is_in_an_inner_group_is_in_the_outer_one(world: World) -> None:
    alice, bob = world.human("alice", ["Inner"]), world.human("bob", ["Outer", "Whole"])
    with world.unit() as unit:
        inner, outer, whole = (unit[Groups].named("con_x", [name])[0] for name in ("Inner", "Outer", "Whole"))
        for member, group in ((inner, outer), (outer, whole), (whole, outer)):  # a circle, too
            unit.session.add(GroupLink(tenant_id=world.acme, member_id=member.id, group_id=group.id))
            context = {"group_id": member.id}
            unit[Outbox].record(Event("group.member_added", Resource("group", group.id), context=context))
    world.push()
    both = sorted([alice, bob])
    assert world.scim_app.groups() == {"Inner": [alice], "Outer": both, "Whole": both}
    carol = world.human("carol", ["Inner"])  # nothing is told of the outer groups
    world.push()
    everybody = sorted([alice, bob, carol])
    assert world.scim_app.groups() == {"Inner": sorted([alice, carol]), "Outer": everybody, "Whole": everybody}


def test_what_the_app_has_already_is_adopted_and_not_made_twice(world: World) -> None:
    world.scim_app.ignores_filters = True
    kept = world.scim_app.resources["Users"]
    kept["old-1"] = {"id": "old-1", "userName": "Alice@Acme.example", "externalId": "theirs"}
    kept["old-2"] = {"id": "old-2", "userName": "somebody@else.example", "externalId": "other"}
    alice = world.human("alice")
    world.push()
    assert kept["old-1"]["externalId"] == alice
    assert len(kept) == 2
    kept.pop("old-1")  # removed there by hand
    world.change(alice, display_name="Alice B.")
    world.push()
    assert alice in world.scim_app.users()


def test_the_same_is_not_pushed_twice_until_it_is_asked_for(world: World) -> None:
    alice = world.human("alice")
    world.push()
    before = len(world.scim_app.calls)
    world.change(alice)  # an event, and nothing that the app would see
    assert world.push() == 1
    assert len(world.scim_app.calls) == before
    world.scim_app.resources["Users"].clear()
    assert world.post(f"/apps/{world.app}/scim/resync", {"tenant": "acme"}, status=202) == {"resources": 1}
    world.push()
    assert set(world.scim_app.users()) == {alice}


def test_an_app_that_is_down_gets_everything_when_it_is_back(world: World) -> None:
    people = [world.human(name, ["Staff"]) for name in ("alice", "bob", "carol")]
    world.scim_app.fails[:] = [unreachable()] * 3
    world.trail.seal_all()
    assert world.pushing.run_due() == 1  # the first failure ends the turn
    (queue,) = world.get(f"/apps/{world.app}/scim")["queues"]
    assert (queue["failures"], queue["error"]) == (1, "The other server did not answer in time.")
    assert world.pushing.run_due() == 0
    for _ in range(10):
        world.clock.advance(hours=1)
        world.pushing.run_due()
    assert set(world.scim_app.users()) == set(people)
    assert world.scim_app.groups() == {"Staff": sorted(people)}
    assert world.get(f"/apps/{world.app}/scim")["queues"][0]["failures"] == 0


def test_one_that_the_app_refuses_holds_up_nobody_and_is_a_dead_letter_in_the_end(world: World) -> None:
    alice = world.human("alice", ["Staff"])
    world.scim_app.refuses.add(alice)
    bob = world.human("bob", ["Staff"])
    for _ in range(80):
        world.push()
        world.clock.advance(hours=1)
    assert set(world.scim_app.users()) == {bob}
    assert world.scim_app.groups() == {"Staff": [bob]}
    (dead,) = world.pushes("dead")
    assert (dead["resource_id"], dead["error"]) == (alice, "The app answered 400. the userName is too long")
    assert dead["attempts"] > 8
    world.scim_app.refuses.clear()
    world.post(f"/apps/{world.app}/scim/resync", {"tenant": "acme"}, status=202)
    while world.push():
        pass
    assert set(world.scim_app.users()) == {alice, bob}
    assert world.scim_app.groups() == {"Staff": sorted([alice, bob])}


def test_a_wrong_token_stops_the_queue_and_the_right_one_sets_it_going(world: World) -> None:
    body = {"base_url": BASE, "token": "wrong"}
    assert world.send("PUT", f"/apps/{world.app}/scim", body).status_code == 200
    alice = world.human("alice")
    assert world.push() == 1
    assert world.get(f"/apps/{world.app}/scim")["queues"][0]["error"] == "The app answered 401. who are you"
    assert "wrong" not in str(world.get(f"/apps/{world.app}/scim"))
    assert world.send("PUT", f"/apps/{world.app}/scim", {"base_url": BASE, "token": TOKEN}).status_code == 200
    world.clock.advance(minutes=1)
    world.push()
    assert set(world.scim_app.users()) == {alice}


def test_each_app_hears_of_the_tenants_that_it_serves_alone(world: World) -> None:
    globex = world.tenant("globex")
    body = {"base_url": BASE, "tenants": [world.acme]}
    assert world.send("PUT", f"/apps/{world.app}/scim", body).json()["tenants"] == [world.acme]
    world.human("bob", tenant=globex)
    alice = world.human("alice")
    world.push()
    assert set(world.scim_app.users()) == {alice}
    assert world.send("POST", f"/apps/{world.app}/scim/resync", {"tenant": "globex"}).status_code == 404
    assert world.post(f"/apps/{world.app}/scim/resync", {}, status=202) == {"resources": 1}
    assert world.send("DELETE", f"/apps/{world.app}/scim").status_code == 204
    world.human("carol")
    assert world.push() == 0
    assert world.send("GET", f"/apps/{world.app}/scim").status_code == 404


def test_a_worker_that_is_killed_loses_nothing_and_makes_nobody_twice(world: World) -> None:
    people = [world.human(name) for name in ("alice", "bob", "carol")]
    plain = world.scim_app.post

    def killed(*arguments: Any) -> Any:
        answer = plain(*arguments)
        if world.scim_app.made == 2:
            raise SystemExit  # the app has him, and nobody has written it down
        return answer

    world.scim_app.post = killed  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        world.push()
    world.scim_app.post = plain  # type: ignore[method-assign]
    assert world.push() == 0  # its lease holds
    world.clock.advance(seconds=LEASE.total_seconds())
    world.push()
    assert set(world.scim_app.users()) == set(people)
    assert world.scim_app.made == 3


def test_many_workers_make_each_person_once(world: World) -> None:
    people = [world.human(f"person-{number}") for number in range(8)]
    others = [ScimPusher(world.stores.main, world.envelope, world.scim_app) for _ in range(3)]
    world.trail.seal_all()
    made = at_once(3, lambda number: others[number].run_due())
    assert not [one for one in made if isinstance(one, Exception)], made
    world.push()
    assert world.scim_app.made == 8
    assert set(world.scim_app.users()) == set(people)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"base_url": "http://app.example/scim", "token": "x"},
        {"base_url": BASE, "token": "a b"},
        {"base_url": BASE, "token": ""},
        {"base_url": f"{BASE}?a=b", "token": "x"},
        {"base_url": BASE, "token": "x", "tenants": ["tnt_unknown"]},
        {"base_url": 1},
    ],
)
def test_what_cannot_be_is_refused(world: World, body: dict[str, Any]) -> None:
    assert world.send("PUT", f"/apps/{world.app}/scim", body).status_code == 422
