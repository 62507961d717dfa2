"""How queues stand, over all tenants, on each engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from idbroker.kernel.ids import new_id
from idbroker.storage.turns import Backlog
from idbroker.webhooks.model import WebhookQueue, WebhookQueues, Webhooks
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.world import OPERATOR, make_tenant


def test_due_is_what_may_be_sent_by_now(stores: Stores, clock: TestClock) -> None:
    now = clock.now()
    queues: tuple[dict[str, Any], ...] = (
        {"due_at": now - timedelta(minutes=5)},
        {"due_at": now, "failing": True},
        {"due_at": now + timedelta(seconds=1)},
        {"due_at": None},
        {"due_at": now - timedelta(hours=1), "status": "disabled"},
    )
    assert stands(stores) == Backlog(0, 0, 0, None)
    for number, fields in enumerate(queues):
        scope = make_tenant(stores, f"tenant-{number}")
        with stores.main.tenant(scope) as unit:
            row = WebhookQueue(tenant_id=scope.tenant, webhook_id=new_id("whk"), events=["*"], after_position=0, **fields)
            unit[Webhooks].session.add(row)
    assert stands(stores) == Backlog(5, 2, 1, now - timedelta(minutes=5))


def stands(stores: Stores) -> Backlog:
    with stores.main.platform(OPERATOR, read_only=True) as unit:
        return unit[WebhookQueues].backlog()
