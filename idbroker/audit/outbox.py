"""The outbox: events wait here, written in the transaction of the change that they tell of, until they are sealed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Field, col, select

from idbroker.audit.events import ACTIONS
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.event import Event
from idbroker.kernel.ids import new_id
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository


class OutboxRow(TenantRow, table=True):
    """An event that is not in the trail yet. What orders arrivals is the engine's: ``Dialect.arrival``."""

    __tablename__ = "outbox"

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    document: dict[str, Any] = Field(sa_type=JsonColumn)


class Outbox(TenantRepository):
    def record(self, event: Event) -> str:
        """Write the event into this transaction. Returns the id that the audit record will bear."""
        if event.action not in ACTIONS:
            raise ValueError(f"{event.action} is not in the catalogue of events")
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
        self.session.add(OutboxRow(tenant_id=self.tenant, id=event_id, at=now, document=_storable(document)))
        return event_id

    def oldest(self, limit: int) -> Sequence[OutboxRow]:
        """The waiting events in the order of their arrival."""
        arrival = self.unit.dialect.arrival(OutboxRow.__table__)  # type: ignore[attr-defined] # set by SQLModel
        statement = select(OutboxRow).order_by(arrival).limit(limit)
        return self.session.execute(statement).scalars().all()

    def remove(self, ids: Sequence[str]) -> None:
        self.session.execute(delete(OutboxRow).where(col(OutboxRow.id).in_(ids)))


MAX_TEXT = 4000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _storable(value: Any) -> Any:
    """Values from outside may be very long or be what JSON or a database does not hold (NUL, lone surrogates, NaN): no record
    fails for it."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value[:MAX_TEXT])
    if isinstance(value, Mapping):
        return {str(_storable(str(key))): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
