"""A worker's turn at one receiver: take the lease, send what is due in order, write down what came of it, leave.

The lease outlasts a turn. A worker that is killed leaves it to run out; what it had sent without writing it down is sent
again with the same id. What is of one subject waits for each other; a failed one does not hold up other subjects.

Whose turns these are is the office's to say: endpoints of webhooks (``office``), streams of signals (``idbroker.signals``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.retrying import hold, next_try
from idbroker.storage.cells import CellAway
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.webhooks.attempt import GONE, Message, Outcome

LEASE = timedelta(seconds=90)
TURN_SECONDS = 20.0
TURN_DELIVERIES = 100
WRITE_EVERY = 20
FAILURES_TO_STOP = 3
MAX_TRIES_KEPT = 20
PARK_AFTER = 84
"""Failures in a row: about three days of them."""


class Delivery(Protocol):
    """Something for one receiver, as a row."""

    id: str
    event_tenant: str
    subject: str
    status: str
    attempts: int
    due_at: datetime
    give_up_at: datetime
    finished_at: datetime | None
    tries: list[dict[str, Any]]


class Receiver(Protocol):
    id: str
    failures: int
    held_until: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None


class Queue(Protocol):
    status: str
    due_at: datetime | None
    lease: str | None
    leased_until: datetime | None
    wakes: int
    failing: bool


R = TypeVar("R", bound=Receiver)
D = TypeVar("D", bound=Delivery)


class Office(Protocol[R, D]):
    """What is delivered to whom, and how."""

    def queue(self, unit: TenantUnit, name: str) -> Queue | None:
        """Locked until the transaction is over. Only one with the status ``active`` is worked on."""
        ...

    def receiver(self, unit: TenantUnit, name: str) -> R | None: ...

    def baggage(self, unit: TenantUnit, receiver: R) -> Any:
        """What sending needs to know and to hold: address, secrets."""
        ...

    def ready(self, unit: TenantUnit, receiver: R, limit: int) -> Sequence[D]:
        """What may go out now; of one subject in its order (``webhooks.lanes``)."""
        ...

    def next_due(self, unit: TenantUnit, receiver: R) -> datetime | None:
        """When there is something to send, be it long ago; None when nothing waits."""
        ...

    def deliveries(self, unit: TenantUnit, ids: Sequence[str]) -> Sequence[D]:
        """Those that are still kept, as they are now, in any order."""
        ...

    def messages(self, baggage: Any, due: Sequence[D]) -> Mapping[str, Message | None]:
        """By the delivery's id: None for what cannot be read now. What is no longer kept is not there."""
        ...

    def send(self, baggage: Any, message: Message) -> Outcome: ...

    def stop(self, unit: TenantUnit, receiver: R, status: str, reason: str) -> None:
        """The receiver said that it is gone (``disabled``), or failed too often (``parked``)."""
        ...

    def left(self, receiver: R) -> str:
        """The queue's status when the worker leaves."""
        ...


@dataclass
class Turn(Generic[D]):
    """What a worker took along."""

    owner: TenantId
    name: str
    lease: str
    wakes: int
    baggage: Any
    due: Sequence[D]
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.begun > TURN_SECONDS


class TurnTaker(Generic[R, D]):
    def __init__(self, database: Database, office: Office[R, D]) -> None:
        self._database = database
        self._office = office

    def run(self, owner: TenantId, name: str) -> int:
        """How many attempts were made; 0 also when another worker is at it, or when the owner's cell is away."""
        turn = self._take(owner, name)
        if turn is None:
            return 0
        messages = self._office.messages(turn.baggage, turn.due)
        outcomes: list[tuple[D, Outcome | None]] = []
        blocked = {_lane(delivery) for delivery in turn.due if delivery.id in messages and messages[delivery.id] is None}
        made = failed = 0
        for delivery in turn.due:
            if _lane(delivery) in blocked:
                continue
            message = messages.get(delivery.id)
            outcome = None if message is None else self._office.send(turn.baggage, message)
            outcomes.append((delivery, outcome))
            made += 1
            if outcome is not None and not outcome.settled:
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

    def _take(self, owner: TenantId, name: str) -> Turn[D] | None:
        with suppress(CellAway), self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
            queue, now = self._office.queue(unit, name), unit.clock.now()
            if queue is None or queue.status != "active" or queue.due_at is None or queue.due_at > now:
                return None
            if queue.leased_until is not None and queue.leased_until > now:
                return None
            row = self._office.receiver(unit, name)
            if row is None:
                return None
            queue.lease, queue.leased_until = uuid4().hex, now + LEASE
            return Turn(
                owner=owner,
                name=name,
                lease=queue.lease,
                wakes=queue.wakes,
                baggage=self._office.baggage(unit, row),
                due=self._office.ready(unit, row, TURN_DELIVERIES),
            )
        return None

    def _write(self, turn: Turn[D], outcomes: Sequence[tuple[D, Outcome | None]], *, leave: bool) -> bool:
        """Whether the lease still held; if not, another worker is at the receiver and has the last word."""
        with self._database.tenant(TenantScope(turn.owner, SYSTEM)) as unit:
            queue, row = self._office.queue(unit, turn.name), self._office.receiver(unit, turn.name)
            if queue is None or row is None or queue.lease != turn.lease:
                return False
            now = unit.clock.now()
            kept = {one.id: one for one in self._office.deliveries(unit, [sent.id for sent, _ in outcomes])}
            for sent, outcome in outcomes:
                delivery = kept.get(sent.id)
                if delivery is not None and delivery.status == "pending":
                    _settle(delivery, outcome, now)
                if outcome is not None:
                    self._note(unit, row, outcome)
            if leave:
                next_due = now if queue.wakes != turn.wakes else self._office.next_due(unit, row)
                queue.due_at = None if next_due is None else max(next_due, now, row.held_until or now)
                queue.lease = queue.leased_until = None
                queue.failing = row.failures > 0
                queue.status = self._office.left(row)
            else:
                queue.leased_until = now + LEASE
            return True

    def _note(self, unit: TenantUnit, row: R, outcome: Outcome) -> None:
        """What the answer says of the receiver."""
        now = unit.clock.now()
        if outcome.settled:
            row.failures, row.held_until, row.last_success_at = 0, None, now
            return
        row.failures, row.last_failure_at, row.last_error = row.failures + 1, now, outcome.problem
        if outcome.status == GONE:
            self._office.stop(unit, row, "disabled", "gone")
        elif row.failures >= PARK_AFTER:
            self._office.stop(unit, row, "parked", "failures")
        if outcome.status != GONE and (outcome.is_the_endpoints or row.failures >= FAILURES_TO_STOP):
            row.held_until = now + max(hold(row.id, row.failures), outcome.retry_after or timedelta())


def _lane(delivery: Delivery) -> tuple[str, str]:
    return delivery.event_tenant, delivery.subject


def _settle(delivery: Delivery, outcome: Outcome | None, now: datetime) -> None:
    if outcome is None:
        delivery.status, delivery.finished_at = "dead", now
        delivery.tries = [*delivery.tries, {"at": None, "error": "The event is no longer kept."}]
        return
    delivery.attempts += 1
    delivery.tries = [*delivery.tries, outcome.as_document()][-MAX_TRIES_KEPT:]
    if outcome.delivered:
        delivery.status, delivery.finished_at = "delivered", now
    elif outcome.unwanted or now >= delivery.give_up_at:
        delivery.status, delivery.finished_at = "dead", now
    else:
        pause = max(next_try(delivery.id, delivery.attempts), outcome.retry_after or timedelta())
        delivery.due_at = min(now + pause, max(delivery.give_up_at, now))
