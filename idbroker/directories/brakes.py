"""Whom a directory switched off lately."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import col, select

from idbroker.directories.traffic_rows import Deactivation
from idbroker.kernel.ids import new_id
from idbroker.storage.unit import TenantRepository, changed

KEPT_FOR = timedelta(days=2)
"""Longer than any brake looks back."""


class Deactivations(TenantRepository):
    def note(self, directory_id: str, user_id: str) -> None:
        row = Deactivation(tenant_id=self.tenant, id=new_id("dea"), directory_id=directory_id, user_id=user_id, at=self.now())
        self.session.add(row)

    def since(self, directory_id: str, at: datetime) -> int:
        """How many people, each once."""
        statement = select(func.count(func.distinct(Deactivation.user_id))).where(
            Deactivation.directory_id == directory_id, Deactivation.at > at
        )
        return int(self.session.execute(statement).scalar_one())

    def purge(self) -> int:
        statement = delete(Deactivation).where(col(Deactivation.at) < self.now() - KEPT_FOR)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
