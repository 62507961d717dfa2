"""A worker's turn at one endpoint: take the lease, send what is due in order, write down what came of it, leave.

The lease outlasts a turn. A worker that is killed leaves it to run out; what it had sent without writing it down is sent
again with the same id. Events of one subject wait for each other; a failed one does not hold up other subjects.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from idbroker.audit.feed import FeedOrder
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.outbound.fetcher import Sender
from idbroker.outbound.retrying import hold, next_try
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.webhooks.attempt import GONE, Message, Outcome, attempt
from idbroker.webhooks.model import MAX_TRIES_KEPT, Webhook, WebhookDeliveries, WebhookDelivery, Webhooks

LEASE = timedelta(seconds=90)
TURN_SECONDS = 20.0
TURN_DELIVERIES = 100
WRITE_EVERY = 20
FAILURES_TO_STOP = 3
PARK_AFTER = 84
"""Failures in a row: about three days of them."""
SECRET_PURPOSE = "webhook-secret:"
_STOPPED = {"parked": "webhook.parked", "disabled": "webhook.disabled"}


@dataclass
class Turn:
    """What a worker took along."""

    owner: TenantId
    webhook_id: str
    lease: str
    wakes: int
    url: str
    secrets: Sequence[str]
    due: Sequence[WebhookDelivery]
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.begun > TURN_SECONDS


class TurnTaker:
    def __init__(self, database: Database, envelope: Envelope, sender: Sender) -> None:
        self._database = database
        self._envelope = envelope
        self._sender = sender

    def run(self, owner: TenantId, webhook_id: str) -> int:
        """How many attempts were made; 0 also when another worker is at it."""
        turn = self._take(owner, webhook_id)
        if turn is None:
            return 0
        bodies = self._bodies(turn)
        outcomes: list[tuple[WebhookDelivery, Outcome | None]] = []
        blocked: set[tuple[str, str]] = set()
        made = failed = 0
        for delivery in turn.due:
            if _lane(delivery) in blocked:
                continue
            body = bodies.get(delivery.event_id)
            outcome = None if body is None else self._send(turn, Message(delivery.event_id, body))
            outcomes.append((delivery, outcome))
            made += 1
            if outcome is not None and not outcome.delivered:
                blocked.add(_lane(delivery))
                failed += 1
                if outcome.is_the_endpoints or outcome.status == GONE or failed == FAILURES_TO_STOP:
                    break
            elif outcome is not None:
                failed = 0
            if turn.is_over:
                break
            if len(outcomes) == WRITE_EVERY and not self._write(turn, outcomes, leave=False):
                return made
            if len(outcomes) == WRITE_EVERY:
                outcomes = []
        self._write(turn, outcomes, leave=True)
        return made

    def _send(self, turn: Turn, message: Message) -> Outcome:
        return attempt(self._sender, turn.url, turn.secrets, message, self._database.clock.now())

    def _take(self, owner: TenantId, webhook_id: str) -> Turn | None:
        with self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
            queue, now = unit[Webhooks].queue(webhook_id), unit.clock.now()
            if queue is None or queue.status != "active" or queue.due_at is None or queue.due_at > now:
                return None
            if queue.leased_until is not None and queue.leased_until > now:
                return None
            row = unit[Webhooks].get(webhook_id)
            if row is None:
                return None
            queue.lease, queue.leased_until = uuid4().hex, now + LEASE
            return Turn(
                owner=owner,
                webhook_id=webhook_id,
                lease=queue.lease,
                wakes=queue.wakes,
                url=row.url,
                secrets=open_secrets(self._envelope, unit, webhook_id),
                due=in_turn(unit[WebhookDeliveries].waiting(webhook_id), now)[:TURN_DELIVERIES],
            )

    def _bodies(self, turn: Turn) -> dict[str, bytes]:
        """The events' JSON, by id. What is no longer kept is not there."""
        with self._database.platform(SYSTEM, read_only=True) as platform:
            wanted = [(delivery.event_tenant, delivery.event_id) for delivery in turn.due]
            return {name: text.encode() for name, text in platform[FeedOrder].documents(wanted).items()}

    def _write(self, turn: Turn, outcomes: Sequence[tuple[WebhookDelivery, Outcome | None]], *, leave: bool) -> bool:
        """Whether the lease still held; if not, another worker is at the endpoint and has the last word."""
        with self._database.tenant(TenantScope(turn.owner, SYSTEM)) as unit:
            queue, row = unit[Webhooks].queue(turn.webhook_id), unit[Webhooks].get(turn.webhook_id)
            if queue is None or row is None or queue.lease != turn.lease:
                return False
            now = unit.clock.now()
            for sent, outcome in outcomes:
                delivery = unit[WebhookDeliveries].get(sent.id)
                if delivery is not None and delivery.status == "pending":
                    _settle(delivery, outcome, now)
                if outcome is not None:
                    _note(unit, row, outcome)
            if leave:
                woken = queue.wakes != turn.wakes
                next_due = next_due_at(unit[WebhookDeliveries].waiting(turn.webhook_id), now) if not woken else now
                queue.due_at = next_due if next_due is None or row.held_until is None else max(next_due, row.held_until)
                queue.lease = queue.leased_until = None
                queue.failing = row.failures > 0
                queue.status = row.status
            else:
                queue.leased_until = now + LEASE
            return True


def in_turn(waiting: Iterable[WebhookDelivery], now: datetime) -> list[WebhookDelivery]:
    """Those whose time has come and before which no other of the same subject waits. Pure."""
    blocked: set[tuple[str, str]] = set()
    chosen: list[WebhookDelivery] = []
    for delivery in waiting:
        if _lane(delivery) in blocked:
            continue
        if delivery.due_at > now:
            blocked.add(_lane(delivery))
        else:
            chosen.append(delivery)
    return chosen


def next_due_at(waiting: Iterable[WebhookDelivery], now: datetime) -> datetime | None:
    """When the first of any subject is due; None when nothing waits. Pure."""
    first: dict[tuple[str, str], datetime] = {}
    for delivery in waiting:
        first.setdefault(_lane(delivery), delivery.due_at)
    return max(now, min(first.values())) if first else None


def open_secrets(envelope: Envelope, unit: TenantUnit, webhook_id: str) -> list[str]:
    rows = unit[Webhooks].secrets(webhook_id)
    return [envelope.open(unit, SECRET_PURPOSE + row.id, row.sealed).decode() for row in rows]


def _lane(delivery: WebhookDelivery) -> tuple[str, str]:
    return delivery.event_tenant, delivery.subject


def _settle(delivery: WebhookDelivery, outcome: Outcome | None, now: datetime) -> None:
    if outcome is None:
        delivery.status, delivery.finished_at = "dead", now
        delivery.tries = [*delivery.tries, {"at": None, "error": "The event is no longer kept."}]
        return
    delivery.attempts += 1
    delivery.tries = [*delivery.tries, outcome.as_document()][-MAX_TRIES_KEPT:]
    if outcome.delivered:
        delivery.status, delivery.finished_at = "delivered", now
    elif now >= delivery.give_up_at:
        delivery.status, delivery.finished_at = "dead", now
    else:
        pause = max(next_try(delivery.id, delivery.attempts), outcome.retry_after or timedelta())
        delivery.due_at = min(now + pause, max(delivery.give_up_at, now))


def _note(unit: TenantUnit, row: Webhook, outcome: Outcome) -> None:
    """What the answer says of the endpoint."""
    now = unit.clock.now()
    if outcome.delivered:
        row.failures, row.held_until, row.last_success_at = 0, None, now
        return
    row.failures, row.last_failure_at, row.last_error = row.failures + 1, now, outcome.problem
    if outcome.status == GONE:
        _stop(unit, row, "disabled", "gone")
    elif row.failures >= PARK_AFTER:
        _stop(unit, row, "parked", "failures")
    elif outcome.is_the_endpoints or row.failures >= FAILURES_TO_STOP:
        row.held_until = now + max(hold(row.id, row.failures), outcome.retry_after or timedelta())


def _stop(unit: TenantUnit, row: Webhook, status: str, reason: str) -> None:
    if row.status == "active":
        change = Change(row.status, status)
        row.status, row.updated_at = status, unit.clock.now()
        context = {"reason": reason, "failures": row.failures, "error": row.last_error}
        resource = Resource("webhook", row.id, row.url)
        unit[Outbox].record(Event(_STOPPED[status], resource, {"status": change}, context=context))
