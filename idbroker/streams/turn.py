"""A worker's turn at one stream: take the lease, send batch after batch in order, move the cursor after each, leave.

The bounds of a batch are written down before it is sent: a worker that is killed leaves a lease that runs out and a batch that
the next one sends again, the same records under the same name. Nothing later is sent before it has arrived.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.kernel.event import Change, Event
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.retrying import hold
from idbroker.storage.cells import CellAway
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.streams.contract import Destination, Record, Reply, Sink
from idbroker.streams.model import LogStream, LogStreams, LogStreamTurn
from idbroker.streams.reading import next_batch
from idbroker.streams.secrets import StreamSecrets, resource_of
from idbroker.telemetry.metrics import STREAMED

log = structlog.get_logger("idbroker.streams")

LEASE = timedelta(seconds=90)
TURN_SECONDS = 20.0
PARK_AFTER = 30
"""Failures in a row: about a day of them."""


@dataclass
class Turn:
    """What a worker took along."""

    to: Destination
    type: str
    lease: str
    wakes: int
    cursor: int
    attempting: int | None
    begun: float = field(default_factory=time.monotonic)

    @property
    def scope(self) -> TenantScope:
        return TenantScope(self.to.tenant, SYSTEM)

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.begun > TURN_SECONDS


class TurnTaker:
    def __init__(self, database: Database, trail: Trail, secrets: StreamSecrets, sinks: Mapping[str, Sink]) -> None:
        self._database = database
        self._trail = trail
        self._secrets = secrets
        self._sinks = sinks

    def run(self, tenant: TenantId, stream_id: str) -> int:
        """How many records arrived; 0 also when another worker is at it, or when the tenant's cell is away."""
        turn = self._take(tenant, stream_id)
        if turn is None:
            return 0
        arrived, records = 0, next_batch(self._trail, tenant, turn.cursor, turn.attempting)
        if not records and turn.attempting is not None:  # retention has removed the batch that was begun
            records = next_batch(self._trail, tenant, turn.cursor, None)
        if records and not self._begin(turn, records):
            return 0
        while records:
            reply = delivered(self._sinks[turn.type], turn.to, records)
            if reply.problem is not None:
                self._leave(turn, reply)
                return arrived
            arrived += len(records)
            STREAMED.labels(turn.type).inc(len(records))
            before, turn.cursor = turn.cursor, records[-1].sequence
            records = [] if turn.is_over else next_batch(self._trail, tenant, turn.cursor, None)
            if not self._advance(turn, before, records):
                return arrived
        self._leave(turn, None)
        return arrived

    def _take(self, tenant: TenantId, stream_id: str) -> Turn | None:
        with suppress(CellAway), self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            turn, now = unit[LogStreams].turn(stream_id), unit.clock.now()
            if turn is None or turn.status != "active" or turn.due_at is None or turn.due_at > now:
                return None
            if turn.leased_until is not None and turn.leased_until > now:
                return None
            row = unit[LogStreams].get(stream_id)
            if row is None:  # its tenant's database has not got it, or no longer
                turn.due_at = None
                return None
            turn.lease, turn.leased_until = uuid4().hex, now + LEASE
            to = Destination(tenant, stream_id, row.settings, self._secrets.open(unit, row))
            return Turn(to, row.type, turn.lease, turn.wakes, row.cursor, row.attempting)
        return None

    def _begin(self, turn: Turn, records: Sequence[Record]) -> bool:
        """Write down what is sent now. Whether the lease still held."""
        last = records[-1].sequence
        if turn.attempting == last and records[0].sequence == turn.cursor + 1:
            return True
        with self._database.tenant(turn.scope) as unit:
            row, _ = self._held(unit, turn)
            if row is None:
                return False
            _pass_gap(unit, row, turn, records)
            row.cursor, row.attempting = turn.cursor, last
            return True

    def _advance(self, turn: Turn, before: int, following: Sequence[Record]) -> bool:
        """A batch has arrived, and the next one begins. Whether the lease still held: else somebody else is at the
        stream, or has set its cursor anew, and has the last word."""
        with self._database.tenant(turn.scope) as unit:
            row, mine = self._held(unit, turn)
            if row is None or mine is None or row.cursor != before:
                return False
            _pass_gap(unit, row, turn, following)
            row.cursor, row.attempting = turn.cursor, following[-1].sequence if following else None
            row.failures, row.held_until, row.last_success_at = 0, None, unit.clock.now()
            mine.leased_until = unit.clock.now() + LEASE
            return True

    def _leave(self, turn: Turn, reply: Reply | None) -> None:
        with self._database.tenant(turn.scope) as unit:
            row, mine = self._held(unit, turn)
            if row is None or mine is None:
                return
            now = unit.clock.now()
            if reply is not None:
                _note_failure(unit, row, reply, now)
            more = reply is not None or turn.is_over or mine.wakes != turn.wakes
            mine.due_at = max(now, row.held_until or now) if more else None
            mine.lease = mine.leased_until = None
            mine.failing, mine.status = row.failures > 0, row.status

    def _held(self, unit: TenantUnit, turn: Turn) -> tuple[LogStream | None, LogStreamTurn | None]:
        mine = unit[LogStreams].turn(turn.to.stream_id)
        if mine is None or mine.lease != turn.lease:
            return None, None
        return unit[LogStreams].get(turn.to.stream_id), mine


def delivered(sink: Sink, to: Destination, records: Sequence[Record]) -> Reply:
    """What became of it, whatever happens: a fault of ours is counted like one of the receiver's, and is in the log."""
    try:
        return sink.deliver(to, records)
    except Exception:
        log.exception("not delivered", tenant=to.tenant, stream=to.stream_id)
        return Reply("The records could not be sent; the operator's log says why.")


def _note_failure(unit: TenantUnit, row: LogStream, reply: Reply, now: datetime) -> None:
    row.failures, row.last_failure_at, row.last_error = row.failures + 1, now, reply.problem
    row.held_until = now + max(hold(row.id, row.failures), reply.retry_after or timedelta())
    if row.failures >= PARK_AFTER and row.status == "active":
        row.status, row.updated_at = "parked", now
        context = {"failures": row.failures, "error": row.last_error, "delivered": row.cursor}
        unit[Outbox].record(Event("log_stream.parked", resource_of(row), {"status": Change("active", "parked")}, context))


def _pass_gap(unit: TenantUnit, row: LogStream, turn: Turn, records: Sequence[Record]) -> None:
    """Records that retention has removed before they could be sent: the receiver sees it by the sequence, the admins here."""
    if records and records[0].sequence > turn.cursor + 1:
        context = {"from": turn.cursor + 1, "to": records[0].sequence - 1}
        unit[Outbox].record(Event("log_stream.records_missed", resource_of(row), context=context))
        turn.cursor = records[0].sequence - 1
