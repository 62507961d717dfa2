"""Making, changing, testing and replaying endpoints. One transaction each, with its event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from idbroker.audit.events import ACTIONS, is_told
from idbroker.audit.feed import FeedEntry, matches
from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, new_id
from idbroker.keys.envelope import Envelope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.outbound.standard_webhooks import new_signing_secret
from idbroker.storage.unit import TenantUnit
from idbroker.webhooks.fan_out import queued
from idbroker.webhooks.model import (
    MAX_LIVE_SECRETS,
    Webhook,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookQueue,
    Webhooks,
    WebhookSecret,
)
from idbroker.webhooks.office import SECRET_PURPOSE

MAX_WEBHOOKS = 50
Pattern = Annotated[str, Field(min_length=1, max_length=80)]


class WebhookForm(BaseModel):
    """An endpoint as its owner describes it. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: Annotated[str, Field(max_length=2048)]
    events: Annotated[list[Pattern], Field(min_length=1, max_length=50)] = ["*"]
    tenants: Literal["all"] | Annotated[list[str], Field(min_length=1, max_length=1000)] = "all"
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    status: Literal["active", "disabled"] = "active"

    @field_validator("url")
    @classmethod
    def _checked_url(cls, url: str) -> str:
        try:
            return checked_url(url)
        except BadAddress as error:
            raise ValueError(str(error)) from error

    @field_validator("events")
    @classmethod
    def _checked_events(cls, events: list[str]) -> list[str]:
        for pattern in events:
            if not any(matches([pattern], action) for action in ACTIONS if is_told(action)):
                raise ValueError(f"“{pattern}” names no event; use *, user.*, user.created and the like")
        return list(dict.fromkeys(events))


class WebhookService:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def create(self, unit: TenantUnit, form: WebhookForm, tenants: list[str] | None, head: int) -> tuple[Webhook, str]:
        """A new endpoint of the unit's owner, told what comes after ``head``. The second value is its secret, shown once."""
        if len(unit[Webhooks].page(limit=MAX_WEBHOOKS)) >= MAX_WEBHOOKS:
            raise Conflict("too_many_webhooks", f"There can be {MAX_WEBHOOKS} webhooks. Remove one first.")
        if unit.scope.tenant == PLATFORM_TRAIL:
            self._envelope.prepare(unit)
        now = unit.clock.now()
        row = Webhook(
            tenant_id=unit.scope.tenant,
            id=new_id("whk"),
            url=form.url,
            description=form.description,
            status=form.status,
            created_at=now,
            updated_at=now,
        )
        unit[Webhooks].add(row)
        unit.session.add(
            WebhookQueue(
                webhook_id=row.id,
                tenant_id=unit.scope.tenant,
                events=form.events,
                tenants=tenants,
                status=form.status,
                after_position=head,
            )
        )
        secret = self._new_secret(unit, row)[1]
        context = {"events": form.events, "tenants": tenants or "all"}
        unit[Outbox].record(Event("webhook.created", _resource(row), context=context))
        return row, secret

    def update(
        self, unit: TenantUnit, webhook_id: str, form: WebhookForm, tenants: list[str] | None, *, again: bool
    ) -> Webhook:
        """Change what differs. ``again``: the status was given, so that a parked endpoint is tried again."""
        row, queue = self.known(unit, webhook_id), unit[Webhooks].queue(webhook_id)
        if queue is None:
            raise NotFound("webhook")
        told: dict[str, Change] = {}
        for holder, name, value in (
            (row, "url", form.url), (row, "description", form.description), (queue, "events", form.events),
            (queue, "tenants", tenants), *(((row, "status", form.status),) if again else ()),
        ):  # fmt: skip
            if getattr(holder, name) != value:
                told[name] = Change(getattr(holder, name), value)
                setattr(holder, name, value)
        if told:
            row.updated_at = unit.clock.now()
            unit[Outbox].record(Event("webhook.updated", _resource(row), told))
        if "status" in told:
            if form.status == "active":
                unit[Outbox].record(Event("webhook.resumed", _resource(row)))
            queue.status, queue.failing = form.status, False
            row.failures, row.held_until = 0, None
            queue.due_at = unit.clock.now()
            queue.wakes += 1
        return row

    def delete(self, unit: TenantUnit, webhook_id: str) -> None:
        row = self.known(unit, webhook_id)
        unit[Outbox].record(Event("webhook.deleted", _resource(row)))
        unit[Webhooks].delete(row)

    def add_secret(self, unit: TenantUnit, webhook_id: str) -> tuple[WebhookSecret, str]:
        """A further secret; both sign from now on. Two can be live."""
        row = self.known(unit, webhook_id)
        if len(unit[Webhooks].secrets(webhook_id)) >= MAX_LIVE_SECRETS:
            raise Conflict("too_many_secrets", "Two secrets are live already; remove one first.")
        unit[Outbox].record(Event("webhook.updated", _resource(row), {"secrets": Change(None, "added")}))
        return self._new_secret(unit, row)

    def remove_secret(self, unit: TenantUnit, webhook_id: str, secret_id: str) -> None:
        row, secrets = self.known(unit, webhook_id), unit[Webhooks].secrets(webhook_id)
        secret = next((one for one in secrets if one.id == secret_id), None)
        if secret is None:
            raise NotFound("secret")
        if len(secrets) == 1:
            raise Conflict("last_secret", "An endpoint keeps one secret at least; make the next one first.")
        unit.session.delete(secret)
        unit[Outbox].record(Event("webhook.updated", _resource(row), {"secrets": Change(None, "removed")}))

    def note_test(self, unit: TenantUnit, webhook_id: str, problem: str | None) -> None:
        context = {"outcome": "delivered" if problem is None else "failed", "error": problem}
        unit[Outbox].record(Event("webhook.tested", _resource(self.known(unit, webhook_id)), context=context))

    def replay(self, unit: TenantUnit, webhook_id: str, entries: Sequence[FeedEntry], since: datetime, until: datetime) -> int:
        """Queue those events again, with their ids as they were."""
        row, queue = self.known(unit, webhook_id), unit[Webhooks].queues([webhook_id])[webhook_id]
        for entry in entries:
            unit[WebhookDeliveries].add(queued(unit, queue, entry))
        unit[Webhooks].wake([webhook_id])
        context = {"since": since.isoformat(), "until": until.isoformat(), "events": len(entries)}
        unit[Outbox].record(Event("webhook.replayed", _resource(row), context=context))
        return len(entries)

    def retry(self, unit: TenantUnit, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """Try a delivery again at once, for three more days if need be. Raises Conflict for one that has arrived."""
        delivery = unit[WebhookDeliveries].get(delivery_id)
        if delivery is None or delivery.webhook_id != webhook_id:
            raise NotFound("delivery")
        if delivery.status == "delivered":
            raise Conflict("already_delivered", "This delivery has arrived; a replay sends the event once more.")
        now = unit.clock.now()
        delivery.status, delivery.finished_at, delivery.due_at = "pending", None, now
        delivery.give_up_at = now + GIVE_UP_AFTER
        queue = unit[Webhooks].queue(webhook_id)
        if queue is not None:
            queue.due_at, queue.wakes = now, queue.wakes + 1
        return delivery

    def known(self, unit: TenantUnit, webhook_id: str) -> Webhook:
        row = unit[Webhooks].get(webhook_id)
        if row is None:
            raise NotFound("webhook")
        return row

    def _new_secret(self, unit: TenantUnit, row: Webhook) -> tuple[WebhookSecret, str]:
        secret, secret_id = new_signing_secret(), new_id("key")
        sealed = self._envelope.seal(unit, SECRET_PURPOSE + secret_id, secret.encode())
        kept = WebhookSecret(
            tenant_id=unit.scope.tenant, webhook_id=row.id, id=secret_id, sealed=sealed, created_at=unit.clock.now()
        )
        unit.session.add(kept)
        return kept, secret


def _resource(row: Webhook) -> Resource:
    return Resource("webhook", row.id, row.url)
