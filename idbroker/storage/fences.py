"""Rows that a move of a tenant leaves in the databases of cells: who may work on the tenant there, and what changed meanwhile.

A fence stands where the tenant's rows are, not at home, so that a process that knows nothing of a move yet meets it in the
very transaction in which it wants to write.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Field

from idbroker.storage.rows import AuditRow, JsonColumn, TenantRow

LOCKED, GONE = "locked", "gone"
"""Nobody writes, for the moment of the switch; the tenant lives in another cell."""


class CellFence(TenantRow, table=True):
    """None: the tenant's rows may be worked on here, if it lives here."""

    __tablename__ = "cell_fences"

    state: str


class AuditCellFence(AuditRow, table=True):
    __tablename__ = "audit_cell_fences"

    state: str


class MovingChange(TenantRow, table=True):
    """A row that was changed while its tenant's rows are copied: written by triggers that a move puts up."""

    __tablename__ = "moving_changes"

    id: str = Field(primary_key=True)
    table_name: str
    key: list[Any] = Field(sa_type=JsonColumn)
    """Of the row, without the tenant."""


class AuditMovingChange(AuditRow, table=True):
    __tablename__ = "audit_moving_changes"

    id: str = Field(primary_key=True)
    table_name: str
    key: list[Any] = Field(sa_type=JsonColumn)
