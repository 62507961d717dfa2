"""Endpoints, their secrets, their queues and what became of each delivery, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, delete, false, func, or_, update
from sqlmodel import Field, col, select

from idbroker.kernel.ids import TenantId
from idbroker.storage.rows import IndexRow, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.turns import Backlog, backlog, due_rows
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed
from idbroker.webhooks import lanes

MAX_LIVE_SECRETS = 2


class Webhook(TenantRow, table=True):
    """An endpoint. ``tenant_id`` is whose it is: a tenant's, or ``platform`` for the operator's."""

    __tablename__ = "webhooks"

    id: str = Field(primary_key=True)
    url: str
    description: str = ""
    status: str = "active"
    """``active``; ``parked`` after failures; ``disabled`` by an admin or by the endpoint's own 410."""
    failures: int = 0
    """In a row."""
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_failure_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class WebhookSecret(TenantRow, table=True):
    __tablename__ = "webhook_secrets"

    webhook_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    sealed: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)


class WebhookQueue(IndexRow, table=True):
    """What the worker needs to know of an endpoint without entering its owner: what it wants, and when it is due."""

    __tablename__ = "webhook_queues"
    __table_args__ = (Index("ix_webhook_queues_due_at", "due_at"), Index("ix_webhook_queues_tenant_id", "tenant_id"))

    webhook_id: str = Field(primary_key=True)
    events: list[str] = Field(sa_type=JsonColumn)
    tenants: list[str] | None = Field(default=None, sa_type=JsonColumn)
    """None: all that its owner reaches."""
    status: str = "active"
    after_position: int = Field(sa_type=BigInteger)
    """It is sent what comes after this."""
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wakes: int = 0
    """How often something was put into the queue: a worker that leaves sees whether it looked at all of it."""
    failing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class WebhookDelivery(TenantRow, table=True):
    """One event for one endpoint. ``tries`` are the last attempts with their answers."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_tenant_id_queue", "tenant_id", "webhook_id", "status", "position"),
        Index("ix_webhook_deliveries_tenant_id_created_at", "tenant_id", "created_at"),
    )

    id: str = Field(primary_key=True)
    webhook_id: str
    event_id: str
    event_tenant: str
    type: str
    subject: str
    position: int = Field(sa_type=BigInteger)
    status: str = "pending"
    """``pending``, ``delivered``, ``dead``."""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime)
    give_up_at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)


def _waiting(webhook_id: str) -> lanes.Mine:
    return col(WebhookDelivery.webhook_id) == webhook_id, col(WebhookDelivery.status) == "pending"


class WebhookQueues(PlatformRepository):
    def owner(self, webhook_id: str) -> TenantId | None:
        row = self.keyed(WebhookQueue, webhook_id)
        return None if row is None else TenantId(row.tenant_id)

    def planned(self) -> Sequence[WebhookQueue]:
        """Those that events are queued for, also while they are parked."""
        return self.session.execute(select(WebhookQueue).where(col(WebhookQueue.status) != "disabled")).scalars().all()

    def due(self, limit: int = 500) -> Sequence[WebhookQueue]:
        return due_rows(self.unit, WebhookQueue, limit, col(WebhookQueue.status) == "active")

    def backlog(self) -> Backlog:
        return backlog(self.session, WebhookQueue, self.now(), col(WebhookQueue.status) == "active")


class Webhooks(TenantRepository):
    """The endpoints of one owner, with their secrets and queues."""

    def add(self, row: Webhook) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, webhook_id: str) -> Webhook | None:
        return self.keyed(Webhook, webhook_id)

    def queue(self, webhook_id: str) -> WebhookQueue | None:
        """As it is now, locked until this transaction is over."""
        statement = select(WebhookQueue).where(WebhookQueue.webhook_id == webhook_id, WebhookQueue.tenant_id == self.tenant)
        fresh = {"populate_existing": True}
        return self.session.execute(statement.with_for_update(), execution_options=fresh).scalars().first()

    def fresh(self, webhook_id: str) -> Webhook:
        """As it is now, for whoever holds its queue."""
        statement = select(Webhook).where(Webhook.id == webhook_id)
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().one()

    def queues(self, webhook_ids: Sequence[str]) -> dict[str, WebhookQueue]:
        statement = select(WebhookQueue).where(
            col(WebhookQueue.webhook_id).in_(webhook_ids), WebhookQueue.tenant_id == self.tenant
        )
        return {row.webhook_id: row for row in self.session.execute(statement).scalars()}

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Webhook]:
        statement = select(Webhook).order_by(col(Webhook.id)).limit(limit)
        if text:
            places = (col(Webhook.url), col(Webhook.description))
            statement = statement.where(or_(*(place.icontains(text, autoescape=True) for place in places)))
        if after:
            statement = statement.where(col(Webhook.id) > after)
        return self.session.execute(statement).scalars().all()

    def secrets(self, webhook_id: str) -> Sequence[WebhookSecret]:
        """The newest first."""
        statement = select(WebhookSecret).where(WebhookSecret.webhook_id == webhook_id)
        return self.session.execute(statement.order_by(col(WebhookSecret.id).desc())).scalars().all()

    def wake(self, webhook_ids: Sequence[str]) -> None:
        """Something was put into these queues."""
        mine = (col(WebhookQueue.webhook_id).in_(webhook_ids), col(WebhookQueue.tenant_id) == self.tenant)
        quiet = {"synchronize_session": False}
        counted = update(WebhookQueue).where(*mine).values(wakes=WebhookQueue.wakes + 1)
        self.session.execute(counted, execution_options=quiet)
        due = update(WebhookQueue).where(*mine, col(WebhookQueue.due_at).is_(None)).values(due_at=self.now())
        self.session.execute(due, execution_options=quiet)

    def delete(self, row: Webhook) -> None:
        self.session.execute(delete(WebhookDelivery).where(col(WebhookDelivery.webhook_id) == row.id))
        self.session.execute(delete(WebhookSecret).where(col(WebhookSecret.webhook_id) == row.id))
        self.session.execute(delete(WebhookQueue).where(col(WebhookQueue.webhook_id) == row.id))
        self.session.delete(row)


class WebhookDeliveries(TenantRepository):
    def add(self, row: WebhookDelivery) -> None:
        self.session.add(row)

    def get(self, delivery_id: str) -> WebhookDelivery | None:
        return self.keyed(WebhookDelivery, delivery_id)

    def placed(self, position: int) -> set[tuple[str, str]]:
        """(webhook, event) of what is queued from that position on."""
        statement = select(WebhookDelivery.webhook_id, WebhookDelivery.event_id).where(
            col(WebhookDelivery.position) >= position
        )
        return {(row[0], row[1]) for row in self.session.execute(statement)}

    def some(self, ids: Sequence[str]) -> Sequence[WebhookDelivery]:
        """Those that there are, in any order."""
        return self.session.execute(select(WebhookDelivery).where(col(WebhookDelivery.id).in_(ids))).scalars().all()

    def ready(self, webhook_id: str, limit: int) -> Sequence[WebhookDelivery]:
        """What may go out now."""
        return lanes.ready(self.session, WebhookDelivery, _waiting(webhook_id), self.now(), limit)

    def next_due(self, webhook_id: str) -> datetime | None:
        """When there is something to send, be it long ago; None when nothing waits."""
        return lanes.next_due(self.session, WebhookDelivery, _waiting(webhook_id))

    def page(
        self, webhook_id: str, *, status: str | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[WebhookDelivery]:
        """The newest first."""
        statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
        if status is not None:
            statement = statement.where(WebhookDelivery.status == status)
        if before is not None:
            statement = statement.where(col(WebhookDelivery.id) < before)
        return self.session.execute(statement.order_by(col(WebhookDelivery.id).desc()).limit(limit)).scalars().all()

    def counts(self, webhook_id: str) -> dict[str, int]:
        """How many are pending and dead."""
        statement = (
            select(WebhookDelivery.status, func.count())
            .where(WebhookDelivery.webhook_id == webhook_id, col(WebhookDelivery.status) != "delivered")
            .group_by(col(WebhookDelivery.status))
        )
        return {str(row[0]): int(row[1]) for row in self.session.execute(statement)}

    def dead(self, webhook_id: str) -> tuple[int, datetime | None]:
        """(how many were given up, since when)."""
        statement = select(func.count(), func.min(WebhookDelivery.finished_at)).where(
            WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.status == "dead"
        )
        row = self.session.execute(statement).one()
        return row[0], row[1]

    def purge(self, until: datetime) -> int:
        """Forget what is older than events are kept."""
        old = delete(WebhookDelivery).where(col(WebhookDelivery.created_at) < until)
        return changed(self.session.execute(old, execution_options={"synchronize_session": False}))
