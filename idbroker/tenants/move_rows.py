"""How far moves of tenants between cells have come. At home, because neither of the two cells may be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Index, update
from sqlmodel import Field, col, select

from idbroker.kernel.ids import TenantId
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed

MoveState = Literal["copying", "locked", "switching", "switched", "finished", "undone"]
OPEN: tuple[MoveState, ...] = ("copying", "locked", "switching", "switched")


class TenantMoveRow(PlatformRow, table=True):
    __tablename__ = "tenant_moves"
    __table_args__ = (Index("ix_tenant_moves_tenant", "tenant"),)

    id: str = Field(primary_key=True)
    tenant: str
    source: str
    target: str
    state: str
    """``copying``: the tenant lives in the source and is used there · ``locked``: nobody writes to it · ``switching``: it lives
    in the target, the fences do not say so yet · ``switched``: the old copy is kept · ``finished``: it is gone · ``undone``."""
    reason: str
    actor: str
    mover: str | None = None
    """Which process is at it. The switch is made by this one or not at all."""
    copied: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    """Tables that are in the target, but for changes that are noted in the source."""
    receipt: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    """What was compared: table → rows and checksum; how long nobody could write."""
    begun_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class TenantMoves(PlatformRepository):
    def add(self, row: TenantMoveRow) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, move_id: str) -> TenantMoveRow | None:
        return self.keyed(TenantMoveRow, move_id)

    def open_of(self, tenant: TenantId, *, hold: bool = False) -> TenantMoveRow | None:
        """The tenant's move that is neither finished nor undone: there is one at most."""
        statement = select(TenantMoveRow).where(TenantMoveRow.tenant == tenant, col(TenantMoveRow.state).in_(OPEN))
        return self.session.execute(statement.with_for_update() if hold else statement).scalars().first()

    def open(self) -> Sequence[TenantMoveRow]:
        statement = select(TenantMoveRow).where(col(TenantMoveRow.state).in_(OPEN)).order_by(col(TenantMoveRow.id)).limit(1000)
        return self.session.execute(statement).scalars().all()

    def change(self, move_id: str, mover: str, values: Mapping[str, Any]) -> bool:
        """False when another process has taken the move over."""
        mine = (col(TenantMoveRow.id) == move_id, col(TenantMoveRow.mover) == mover)
        statement = update(TenantMoveRow).where(*mine).values(**values, changed_at=self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1
