"""Streams: waking those that follow a trail, reading it on from where they are, moving them forward."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import AUDIT, MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit


def _wake() -> ClauseElement:
    turns = MAIN.tables["log_stream_turns"]
    mine = update(turns).where(turns.c.tenant_id == scope(), turns.c.stream_id == bindparam("stream"))
    due = func.coalesce(turns.c.due_at, bindparam("moment", type_=turns.c.due_at.type))
    return mine.values(wakes=turns.c.wakes + bindparam("one"), due_at=due)


def _following() -> ClauseElement:
    records = AUDIT.tables["audit_records"]
    columns = (records.c.sequence, records.c.id, records.c.at, records.c.document)
    behind = select(*columns).where(records.c.tenant_id == scope(), records.c.sequence > bindparam("behind"))
    return behind.where(records.c.sequence <= bindparam("upto")).order_by(records.c.sequence).limit(bindparam("most"))


_WAKE, _FOLLOWING = map(TenantStatement, (_wake, _following))


def wake_stream(unit: TenantUnit, stream_id: str, now: datetime) -> None:
    """Something was sealed."""
    _WAKE.change(unit, stream=stream_id, moment=now, one=1)


def sealed_after(unit: TenantUnit, behind: int, *, upto: int, limit: int) -> list[tuple[int, str, datetime, str]]:
    """(sequence, id, at, canonical JSON) of the next records of the tenant's trail."""
    return [(row[0], row[1], row[2], row[3]) for row in _FOLLOWING.rows(unit, behind=behind, upto=upto, most=limit)]
