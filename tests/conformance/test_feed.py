"""The feed: what the trail holds and apps are told, in one order for all, on every engine."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from idbroker.audit.feed import Feed, FeedOrder, forget_old
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail, TrailQuery
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import made_at
from idbroker.kernel.scope import SYSTEM, TenantScope
from tests.support.broker import second_process
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import make_tenant


def tell(stores: Stores, scope: TenantScope, *names: str, action: str = "user.updated") -> None:
    with stores.main.tenant(scope) as unit:
        for name in names:
            unit[Outbox].record(Event(action, Resource("user", name)))


def seal(stores: Stores) -> None:
    Trail(stores.main, stores.audit).seal_all()


def everything(stores: Stores, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
    """(position, event), read as the operator reads it."""
    with stores.main.platform(SYSTEM, read_only=True) as platform:
        entries = platform[FeedOrder].after(after, limit=10_000)
        documents = platform[FeedOrder].documents([(entry.tenant_id, entry.event_id) for entry in entries])
    return [(entry.position, json.loads(documents[entry.event_id])) for entry in entries]


def subjects(stores: Stores, after: int = 0) -> list[str]:
    return [event["data"]["id"] for _, event in everything(stores, after)]


def test_what_is_sealed_is_told_in_its_order_and_nothing_else(stores: Stores) -> None:
    acme, globex = make_tenant(stores, "acme"), make_tenant(stores, "globex")
    tell(stores, acme, "usr_1", "usr_2")
    tell(stores, globex, "usr_3")
    tell(stores, acme, "usr_4")
    tell(stores, acme, "x", action="domain.added")  # nothing for apps
    assert everything(stores) == []
    seal(stores)
    assert sorted(subjects(stores)) == ["usr_1", "usr_2", "usr_3", "usr_4"]
    with stores.main.tenant(acme, read_only=True) as unit:
        own = [json.loads(row.document) for row in unit[Feed].after(0, limit=10)]
    assert [event["data"]["id"] for event in own] == ["usr_1", "usr_2", "usr_4"]
    assert {event["tenant_id"] for event in own} == {acme.tenant}
    assert {"id", "type", "tenant_id", "occurred_at", "data", "previous"} == set(own[0])
    sealed = {record["id"] for record in Trail(stores.main, stores.audit).search(acme, TrailQuery(limit=1000))}
    assert {event["id"].replace("evt_", "aud_") for event in own} <= sealed


def test_a_savepoint_that_is_rolled_back_takes_its_events_along(stores: Stores) -> None:
    acme = make_tenant(stores, "acme")
    with stores.main.tenant(acme) as unit:
        unit[Outbox].record(Event("user.updated", Resource("user", "usr_1")))
        with suppress(ZeroDivisionError), unit.session.begin_nested():
            unit[Outbox].record(Event("user.updated", Resource("user", "usr_gone")))
            with unit.session.begin_nested():
                unit[Outbox].record(Event("user.deleted", Resource("user", "usr_gone_too")))
            raise ZeroDivisionError
        with unit.session.begin_nested():
            unit[Outbox].record(Event("user.updated", Resource("user", "usr_2")))
        unit[Outbox].record(Event("user.updated", Resource("user", "usr_3")))
    seal(stores)
    assert subjects(stores) == ["usr_1", "usr_2", "usr_3"]


def test_many_sealers_at_once_tell_each_event_once(stores: Stores) -> None:
    scopes = [make_tenant(stores, f"tenant-{number}") for number in range(3)]
    for number in range(20):
        tell(stores, scopes[number % 3], f"usr_{number}")
    elsewhere = Trail(second_process(stores, stores.main), second_process(stores, stores.audit))
    here = Trail(stores.main, stores.audit)
    for _ in range(3):
        at_once(4, lambda number: (here if number % 2 else elsewhere).seal_all())
    told = everything(stores)
    assert sorted(event["data"]["id"] for _, event in told) == sorted(f"usr_{number}" for number in range(20))
    assert [position for position, _ in told] == list(range(1, 21))
    elsewhere.store.close()
    elsewhere._database.close()


def test_a_reader_never_misses_one_that_was_committed_late(stores: Stores) -> None:
    """Positions become visible in their order: a taker whose transaction is open holds up the next taker."""
    acme, globex = make_tenant(stores, "acme"), make_tenant(stores, "globex")
    seen: list[int] = []
    trail = Trail(stores.main, stores.audit)

    def act(number: int) -> None:
        if number == 0:
            for _ in range(40):
                with stores.main.platform(SYSTEM, read_only=True) as platform:
                    seen.extend(entry.position for entry in platform[FeedOrder].after(seen[-1] if seen else 0, limit=100))
            return
        scope = (acme, globex)[number % 2]
        for turn in range(8):
            tell(stores, scope, f"usr_{number}_{turn}")
            trail.seal_all()

    at_once(3, act)
    seal(stores)
    with stores.main.platform(SYSTEM, read_only=True) as platform:
        seen.extend(entry.position for entry in platform[FeedOrder].after(seen[-1] if seen else 0, limit=100))
    assert seen == [position for position, _ in everything(stores)]
    assert len(seen) == 16


def test_a_sealer_that_was_killed_between_store_and_outbox_tells_all(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = make_tenant(stores, "acme")
    tell(stores, acme, "usr_1", "usr_2")
    trail = Trail(stores.main, stores.audit)
    with monkeypatch.context() as patched:
        patched.setattr(FeedOrder, "take", _killed)
        trail.seal_all()
    assert everything(stores) == []
    tell(stores, acme, "usr_3")
    trail.seal_all()
    assert subjects(stores) == ["usr_1", "usr_2", "usr_3"]


def _killed(self: FeedOrder, count: int) -> range:
    raise RuntimeError("killed")


def test_what_is_old_is_forgotten_and_positions_go_on(stores: Stores, clock: TestClock) -> None:
    acme, globex = make_tenant(stores, "acme"), make_tenant(stores, "globex")
    tell(stores, acme, "usr_1")
    tell(stores, globex, "usr_2")
    seal(stores)
    clock.advance(days=29)
    assert forget_old(stores.main, timedelta(days=30)) == 0
    clock.advance(days=2)
    assert forget_old(stores.main, timedelta(days=30)) == 2
    assert everything(stores) == []
    tell(stores, acme, "usr_3")
    seal(stores)
    assert [position for position, _ in everything(stores)] == [3]


def test_ids_tell_when_they_were_made(stores: Stores) -> None:
    acme = make_tenant(stores, "acme")
    tell(stores, acme, "usr_1")
    seal(stores)
    ((_, event),) = everything(stores)
    assert abs((made_at(event["id"]) - made_at(acme.tenant)).total_seconds()) < 60
