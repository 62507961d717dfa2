"""The outbox: events wait here, written in the transaction of the change that they tell of, until they are sealed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete
from sqlalchemy import select as sql_select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session, SessionTransaction
from sqlmodel import Field, col, select

from idbroker.audit.events import ACTIONS, is_told, noun_of
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.event import Event
from idbroker.kernel.ids import TenantId, new_id
from idbroker.storage.dialect import Dialect
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.statement import insert_many
from idbroker.storage.statements.sealing import take_event
from idbroker.storage.unit import TenantRepository, TenantUnit

ONE_BY_ONE = 20
"""Up to so many are removed each by a statement of its own, which costs less than one of ever another length."""


class OutboxRow(TenantRow, table=True):
    """An event that is not in the trail yet. What orders arrivals is the engine's: ``Dialect.arrival``."""

    __tablename__ = "outbox"

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    document: dict[str, Any] = Field(sa_type=JsonColumn)
    portrait: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    """The resource as the change leaves it, for events that apps are told of (``audit/feed.py``)."""


@dataclass(slots=True)
class _Waiting:
    """What will be a row: the columns without the tenant."""

    id: str
    at: datetime
    document: dict[str, Any]
    portrait: dict[str, Any] | None = None

    def columns(self) -> dict[str, Any]:
        return {"id": self.id, "at": self.at, "document": self.document, "portrait": self.portrait}


class Outbox(TenantRepository):
    """Events are kept back until the unit's work is done: then the resources that they tell of are shown as the work left
    them, and all of it is one INSERT. What was recorded inside a savepoint goes when that is rolled back.
    """

    def __init__(self, unit: TenantUnit) -> None:
        super().__init__(unit)
        self._waiting: list[_Waiting] = []
        self._unpainted: list[_Waiting] = []
        self._within: dict[str, SessionTransaction] = {}
        self.told: list[Event] = []
        """What this unit has recorded so far, in order."""

    def record(self, event: Event) -> str:
        """Write the event into this transaction. Returns the id that the audit record will bear.

        What is about to be removed is recorded before it goes: afterwards nobody could say what it was.
        """
        if event.action not in ACTIONS:
            raise ValueError(f"{event.action} is not in the catalogue of events")
        self.told.append(event)
        scope, now = self.unit.scope, self.now()
        event_id = new_id("aud")
        document: dict[str, Any] = {
            "id": event_id,
            "tenant_id": self.tenant,
            "ts": rfc3339(now),
            "actor": scope.actor.as_document(),
            "action": event.action,
            "resource": event.resource.as_document(),
            "changes": {name: {"before": c.before, "after": c.after} for name, c in event.changes.items()},
            "context": dict(event.context),
            "auth_method": event.auth_method,
            "session_id": event.session_id,
            "request_id": scope.request,
        }
        row = _Waiting(event_id, now, _storable(document, MAX_TEXT))
        if not self._waiting:
            self.unit.at_end(self._finish)
        savepoint = self.unit.transaction.savepoint
        if savepoint is not None:
            if not self._within:
                listen(self.session, "after_soft_rollback", self._rolled_back)
            self._within[event_id] = savepoint
        if event.action.endswith(".deleted"):
            self._paint([row])
        elif is_told(event.action):
            self._unpainted.append(row)
        self._waiting.append(row)
        return event_id

    def _rolled_back(self, session: Session, transaction: SessionTransaction) -> None:
        del session
        gone = {event_id for event_id, savepoint in self._within.items() if _is_within(savepoint, transaction)}
        self._waiting = [row for row in self._waiting if row.id not in gone]
        self._unpainted = [row for row in self._unpainted if row.id not in gone]

    def _finish(self) -> None:
        self._paint(self._unpainted)
        self._unpainted = []
        self._write()

    def _write(self) -> None:
        insert_many(self.unit, OutboxRow, [row.columns() for row in self._waiting])
        self._waiting = []

    def _paint(self, rows: Sequence[_Waiting]) -> None:
        """One question per kind of resource, however many events tell of it."""
        portraits = self.unit.portraits
        if portraits is None:
            return
        by_noun: dict[str, list[_Waiting]] = {}
        for row in rows:
            by_noun.setdefault(noun_of(row.document["action"]), []).append(row)
        for noun, told in by_noun.items():
            if is_told(f"{noun}."):
                shown = portraits(self.unit, noun, list(dict.fromkeys(row.document["resource"]["id"] for row in told)))
                for row in told:
                    found = shown.get(row.document["resource"]["id"])
                    row.portrait = None if found is None else _storable(found, MAX_PORTRAIT_TEXT)

    def oldest(self, limit: int) -> Sequence[OutboxRow]:
        """The waiting events in the order of their arrival."""
        self._write()
        arrival = self.unit.dialect.arrival(OutboxRow.__table__)  # type: ignore[attr-defined] # set by SQLModel
        statement = select(OutboxRow).order_by(arrival).limit(limit)
        return self.session.execute(statement).scalars().all()

    def remove(self, ids: Sequence[str]) -> set[str]:
        """Those that were there: of several sealers at the same batch each event is removed by one."""
        if len(ids) <= ONE_BY_ONE:
            return {event_id for event_id in ids if take_event(self.unit, event_id)}
        statement = delete(OutboxRow).where(col(OutboxRow.id).in_(ids)).returning(col(OutboxRow.id))
        return set(self.session.execute(statement, execution_options={"synchronize_session": False}).scalars())


def waiting_events(dialect: Dialect, tenants: Sequence[TenantId], limit: int) -> Select[Any]:
    """For ``PlatformUnit.across_tenants``: the oldest events of several tenants, each in the order of arrival."""
    table: Any = OutboxRow.__table__  # type: ignore[attr-defined] # set by SQLModel
    columns = (table.c.tenant_id, table.c.id, table.c.at, table.c.document, table.c.portrait)
    wanted = sql_select(*columns).where(table.c.tenant_id.in_(tenants))
    return wanted.order_by(dialect.arrival(table)).limit(limit)


def _is_within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


MAX_TEXT = 4000
MAX_PORTRAIT_TEXT = 100_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _storable(value: Any, longest: int) -> Any:
    """Values from outside may be very long or be what JSON or a database does not hold (NUL, lone surrogates, NaN): no record
    fails for it."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value[:longest])
    if isinstance(value, Mapping):
        return {str(_storable(str(key), longest)): _storable(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item, longest) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
