"""Whom a directory switched off lately."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, delete, func, select
from sqlmodel import col

from idbroker.directories.model import Directory
from idbroker.directories.traffic_rows import Deactivation
from idbroker.kernel.ids import new_id
from idbroker.storage.statement import TenantStatement, insert_many, scope
from idbroker.storage.unit import TenantRepository, changed

DIRECTORIES: Table = Directory.__table__  # type: ignore[attr-defined] # set by SQLModel
ROWS: Table = Deactivation.__table__  # type: ignore[attr-defined] # set by SQLModel

KEPT_FOR = timedelta(days=2)
"""Longer than any brake looks back."""


_SINCE = TenantStatement(
    lambda: select(func.count(func.distinct(ROWS.c.user_id))).where(
        ROWS.c.tenant_id == scope(), ROWS.c.directory_id == bindparam("directory"), ROWS.c.at > bindparam("moment")
    )
)
_BRAKE = TenantStatement(
    lambda: (
        select(DIRECTORIES.c.brake_held_at, DIRECTORIES.c.brake_released_until)
        .where(DIRECTORIES.c.tenant_id == scope(), DIRECTORIES.c.id == bindparam("directory"))
        .with_for_update()
    )
)


class Deactivations(TenantRepository):
    def note(self, directory_id: str, user_id: str) -> None:
        values = {"id": new_id("dea"), "directory_id": directory_id, "user_id": user_id, "at": self.now()}
        insert_many(self.unit, Deactivation, [values])

    def since(self, directory_id: str, at: datetime) -> int:
        """How many people, each once."""
        row = _SINCE.first(self.unit, directory=directory_id, moment=at)
        return 0 if row is None else int(row[0])

    def brake(self, directory_id: str) -> tuple[datetime | None, datetime | None] | None:
        """(held at, released until) of the directory, which is this transaction's alone from now on."""
        row = _BRAKE.first(self.unit, directory=directory_id)
        return None if row is None else (row[0], row[1])

    def purge(self) -> int:
        statement = delete(Deactivation).where(col(Deactivation.at) < self.now() - KEPT_FOR)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
