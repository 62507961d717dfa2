"""Receivers that hang: streams and webhooks that are in order are not held up by them, nor the trail."""

from __future__ import annotations

import threading
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores

HANGING = 12
GOOD_HOOK, GOOD_STREAM = "https://good.example/hook", "https://good.example/stream"


def test_who_hangs_delays_nobody_else(sqlite_stores: Stores, clock: TestClock) -> None:
    world = AdminWorld(sqlite_stores, clock)
    tenant, arrived, released, waiting = world.tenant("acme"), threading.Semaphore(0), threading.Event(), threading.Semaphore(0)

    def hang(got: Any) -> int:
        waiting.release()
        released.wait(30)
        return 200

    def take(got: Any) -> int:
        arrived.release()
        return 200

    for number in range(HANGING):
        for kind in ("hook", "stream"):
            world.receivers.answers[f"https://hangs{number}.example/{kind}"] = hang
        world.post("/webhooks", {"url": f"https://hangs{number}.example/hook"})
        world.post(f"/tenants/{tenant}/log-streams", {"url": f"https://hangs{number}.example/stream"})
    world.receivers.answers.update({GOOD_HOOK: take, GOOD_STREAM: take})
    world.post("/webhooks", {"url": GOOD_HOOK})
    world.post(f"/tenants/{tenant}/log-streams", {"url": GOOD_STREAM})

    def tell(name: str) -> None:
        with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
            unit[Outbox].record(Event("user.updated", Resource("user", name)))
        world.trail.seal_all()
        world.dispatcher.start_due()
        world.streams.start_due()

    try:
        tell("usr_1")
        for _ in range(2 * HANGING):
            assert waiting.acquire(timeout=20), "all that hang are waited for by now"
        for _ in range(2):
            assert arrived.acquire(timeout=20)
        for number in range(3):
            while not quiet(world):  # the turn before is over
                threading.Event().wait(0.01)
            tell(f"usr_{number + 2}")
            for _ in range(2):
                assert arrived.acquire(timeout=20), "one of those in order was held up"
        assert not released.is_set()
    finally:
        released.set()
        world.dispatcher.close()
        world.streams.close()
    assert [one.url for one in world.receivers.received].count(GOOD_HOOK) == 4


def quiet(world: AdminWorld) -> bool:
    """Whether nobody is at the good ones."""
    lanes: Any = (world.dispatcher._lanes, world.streams._lanes)
    return all(len(lane._steady._busy) == HANGING for lane in lanes)
