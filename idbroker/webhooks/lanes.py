"""Which deliveries to one receiver may go out now. Those of one subject are a lane: they go in order, one waits for the other.

A lane whose first delivery was tried without success is held: nothing of it goes out but that one, when its time has come.
What is held is passed over by the database, so that a lane of any length hides no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, ColumnExpressionArgument, func, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col, or_, select

from idbroker.storage.rows import TenantRow

D = TypeVar("D", bound=TenantRow)
Mine = Sequence[ColumnExpressionArgument[bool]]
"""What makes a row one of the receiver's that waits."""

RETRIES = 20
"""Of a full turn, at most so many are second tries while others wait for their first."""


def ready(session: Session, kind: type[D], mine: Mine, now: datetime, limit: int) -> list[D]:
    """At most ``limit``: first tries in the order of the feed, then second tries, those that are due longest first."""
    table: Any = kind
    due = select(kind).where(*mine, col(table.due_at) <= now)
    again = due.where(col(table.attempts) > 0).order_by(col(table.due_at), col(table.position), col(table.id)).limit(limit)
    second = session.execute(again).scalars().all()
    fresh = due.where(col(table.attempts) == 0, ~_held(kind, mine)).order_by(col(table.position), col(table.id))
    first = session.execute(fresh.limit(limit - min(len(second), RETRIES))).scalars().all()
    return [*first, *second[: limit - len(first)]]


def next_due(session: Session, kind: type[D], mine: Mine) -> datetime | None:
    """When the first of any lane is due, be it long ago; None when nothing waits."""
    table: Any = kind
    statement = select(func.min(table.due_at)).where(*mine, or_(col(table.attempts) > 0, ~_held(kind, mine)))
    found: datetime | None = session.execute(statement).scalar_one()
    return found


def _held(kind: type[D], mine: Mine) -> ColumnElement[bool]:
    """Whether a row's lane has one that was tried. The lanes that are held are read once for the statement: not correlated."""
    table: Any = kind
    held = select(table.event_tenant, table.subject).where(*mine, col(table.attempts) > 0).correlate(None)
    return tuple_(table.event_tenant, table.subject).in_(held)
