"""Webhooks as what a worker's turns are about: endpoints, their secrets, the feed's events as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from idbroker.audit.feed import FeedOrder
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM
from idbroker.keys.envelope import Envelope
from idbroker.outbound.fetcher import Sender
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.webhooks.attempt import Message, Outcome, attempt
from idbroker.webhooks.model import Webhook, WebhookDeliveries, WebhookDelivery, WebhookQueue, Webhooks

SECRET_PURPOSE = "webhook-secret:"
_STOPPED = {"parked": "webhook.parked", "disabled": "webhook.disabled"}


@dataclass(frozen=True, slots=True)
class Baggage:
    url: str
    secrets: Sequence[str]


class WebhookOffice:
    """``webhooks.turn.Office``."""

    def __init__(self, database: Database, envelope: Envelope, sender: Sender) -> None:
        self._database = database
        self._envelope = envelope
        self._sender = sender

    def queue(self, unit: TenantUnit, name: str) -> WebhookQueue | None:
        return unit[Webhooks].queue(name)

    def receiver(self, unit: TenantUnit, name: str) -> Webhook | None:
        return unit[Webhooks].get(name)

    def baggage(self, unit: TenantUnit, receiver: Webhook) -> Baggage:
        return Baggage(receiver.url, open_secrets(self._envelope, unit, receiver.id))

    def ready(self, unit: TenantUnit, receiver: Webhook, limit: int) -> Sequence[WebhookDelivery]:
        return unit[WebhookDeliveries].ready(receiver.id, limit)

    def next_due(self, unit: TenantUnit, receiver: Webhook) -> datetime | None:
        return unit[WebhookDeliveries].next_due(receiver.id)

    def deliveries(self, unit: TenantUnit, ids: Sequence[str]) -> Sequence[WebhookDelivery]:
        return unit[WebhookDeliveries].some(ids)

    def messages(self, baggage: Baggage, due: Sequence[WebhookDelivery]) -> Mapping[str, Message | None]:
        """The events' JSON. Their ids are the events', whoever is told how often."""
        del baggage
        with self._database.platform(SYSTEM, read_only=True) as platform:
            here = platform.reachable({TenantId(one.event_tenant) for one in due})
            kept = platform[FeedOrder].documents([(one.event_tenant, one.event_id) for one in due if one.event_tenant in here])
        read: dict[str, Message | None] = {one.id: None for one in due if one.event_tenant not in here}
        read |= {one.id: Message(one.event_id, kept[one.event_id].encode()) for one in due if one.event_id in kept}
        return read

    def send(self, baggage: Baggage, message: Message) -> Outcome:
        return attempt(self._sender, baggage.url, baggage.secrets, message, self._database.clock.now())

    def stop(self, unit: TenantUnit, receiver: Webhook, status: str, reason: str) -> None:
        if receiver.status == "active":
            change = Change(receiver.status, status)
            receiver.status, receiver.updated_at = status, unit.clock.now()
            context = {"reason": reason, "failures": receiver.failures, "error": receiver.last_error}
            resource = Resource("webhook", receiver.id, receiver.url)
            unit[Outbox].record(Event(_STOPPED[status], resource, {"status": change}, context=context))

    def left(self, receiver: Webhook) -> str:
        return receiver.status


def open_secrets(envelope: Envelope, unit: TenantUnit, webhook_id: str) -> list[str]:
    rows = unit[Webhooks].secrets(webhook_id)
    return [envelope.open(unit, SECRET_PURPOSE + row.id, row.sealed).decode() for row in rows]
