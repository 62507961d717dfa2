"""Rows that workers take turns at, queues and streams: ``due_at``, and ``leased_until`` while somebody is at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal_column
from sqlalchemy import select as columns
from sqlalchemy.orm import Session
from sqlmodel import col, or_, select

from idbroker.storage.rows import IndexRow
from idbroker.storage.statement import PlatformStatement
from idbroker.storage.unit import PlatformUnit

Row = TypeVar("Row", bound=IndexRow)


@cache
def _any_due(kind: type[IndexRow]) -> PlatformStatement:
    """Asked several times a second, and nearly always answered no: the session is not wanted for that."""

    def build() -> Any:
        due: Any = kind.__table__.c.due_at  # type: ignore[attr-defined] # set by SQLModel
        return columns(literal_column("1")).where(due <= bindparam("moment", type_=due.type)).limit(1)

    return PlatformStatement(build)


def due_rows(unit: PlatformUnit, kind: type[Row], limit: int, *more: ColumnElement[bool]) -> Sequence[Row]:
    """Those that are due and nobody is at, the longest due first. ``more``: what must hold besides."""
    table: Any = kind
    now = unit.clock.now()
    if not _any_due(kind).rows(unit, moment=now):
        return ()
    free = or_(col(table.leased_until).is_(None), col(table.leased_until) <= now)
    statement = select(kind).where(col(table.due_at) <= now, free, *more)
    return unit.session.execute(statement.order_by(col(table.due_at)).limit(limit)).scalars().all()


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the queues of one kind stand. ``due``: those with something to do by now, the first of them since ``oldest``."""

    queues: int
    due: int
    failing: int
    oldest: datetime | None


def backlog(session: Session, kind: type[IndexRow], now: datetime, *more: ColumnElement[bool]) -> Backlog:
    """``more``: what must hold besides for one to be due."""
    table: Any = kind
    is_due = and_(col(table.due_at) <= now, *more)
    counted = select(
        func.count(),
        func.count(case((is_due, 1))),
        func.count(case((col(table.failing), 1))),
        func.min(case((is_due, col(table.due_at)))),
    ).select_from(table)
    return Backlog(*session.execute(counted).one())
