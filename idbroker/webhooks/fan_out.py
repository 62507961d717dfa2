"""From the feed into the queues: every event once for every endpoint that wants it, in the order of the feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from idbroker.audit.feed import FeedEntry, matches
from idbroker.audit.following import follow
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId, new_id
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.storage.database import Database
from idbroker.storage.statement import insert_many
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.webhooks.model import WebhookDeliveries, WebhookDelivery, WebhookQueue, WebhookQueues, Webhooks

NAME = "webhooks"


def fan_out(database: Database) -> int:
    """Queue what has come into the feed since the last time; how many events it went through."""
    return follow(database, NAME, _fill)


def _fill(platform: PlatformUnit, entries: Sequence[FeedEntry]) -> None:
    for owner, queues in _by_owner(platform[WebhookQueues].planned()).items():
        wanted = [(queue, entry) for queue in queues for entry in entries if wants(queue, entry)]
        if wanted:
            with platform.enter(TenantScope(owner, SYSTEM)) as unit:
                _queue(unit, wanted)


def wants(queue: WebhookQueue, entry: FeedEntry) -> bool:
    """Whether the endpoint is sent that event by itself: one that is for it, since it was made."""
    return entry.position > queue.after_position and is_for(queue, entry)


def is_for(queue: WebhookQueue, entry: FeedEntry) -> bool:
    """Whether the endpoint asked for that event, and may hear of its tenant."""
    if queue.tenant_id not in (PLATFORM_TRAIL, entry.tenant_id):
        return False
    return (queue.tenants is None or entry.tenant_id in queue.tenants) and matches(queue.events, entry.type)


def queued(unit: TenantUnit, queue: WebhookQueue, entry: FeedEntry) -> WebhookDelivery:
    now = unit.clock.now()
    return WebhookDelivery(
        tenant_id=unit.scope.tenant,
        id=new_id("whd"),
        webhook_id=queue.webhook_id,
        event_id=entry.event_id,
        event_tenant=entry.tenant_id,
        type=entry.type,
        subject=entry.subject,
        position=entry.position,
        due_at=now,
        give_up_at=now + GIVE_UP_AFTER,
        created_at=now,
    )


def _queue(unit: TenantUnit, wanted: Sequence[tuple[WebhookQueue, FeedEntry]]) -> None:
    # Where the tenant lives in another database, a worker that was killed may have queued some of it.
    first = min(entry.position for _, entry in wanted)
    there = unit[WebhookDeliveries].placed(first) if unit.transaction.spans else set()
    rows = [queued(unit, queue, entry) for queue, entry in wanted if (queue.webhook_id, entry.event_id) not in there]
    insert_many(unit, WebhookDelivery, (row.model_dump(exclude={"tenant_id"}) for row in rows))
    # In one order everywhere, so that nobody waits in a ring.
    unit[Webhooks].wake(sorted({queue.webhook_id for queue, _ in wanted}))


def _by_owner(queues: Iterable[WebhookQueue]) -> dict[TenantId, list[WebhookQueue]]:
    found: dict[TenantId, list[WebhookQueue]] = {}
    for queue in queues:
        found.setdefault(TenantId(queue.tenant_id), []).append(queue)
    return found
