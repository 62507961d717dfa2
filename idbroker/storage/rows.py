"""The kinds of tables there are, and the column types they share.

    PlatformRow   the operator's: tenants, apps, attempts. Holds no tenant's data; PlatformUnit only.
    IndexRow      where something of a tenant is found: read by everyone, written only by its own tenant.
    TenantRow     a tenant's: ``tenant_id`` leads the primary key and every unique index; TenantUnit only.

``kind_of`` tells them apart; the session guard and the row-level security policies are made from it, so that a new table
is covered by existing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, MetaData, Table, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
MAIN = MetaData(naming_convention=NAMES)
"""The tables of the main database."""

AUDIT = MetaData(naming_convention=NAMES)
"""The tables of the audit store, a database (or schema) of its own."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC on every engine. A naive one is a bug and is refused; SQLite alone would lose the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonColumn: Any = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class PlatformRow(SQLModel):
    metadata: ClassVar[MetaData] = MAIN


class IndexRow(SQLModel):
    metadata: ClassVar[MetaData] = MAIN

    tenant_id: str


class TenantRow(SQLModel):
    metadata: ClassVar[MetaData] = MAIN

    tenant_id: str = Field(primary_key=True)


class AuditRow(TenantRow):
    """A TenantRow of the audit store."""

    metadata: ClassVar[MetaData] = AUDIT


def tenant_tables(metadata: MetaData) -> dict[str, type[TenantRow | IndexRow]]:
    """Table name → mapped class, for every table that bears a tenant, in that database."""
    found: dict[str, type[TenantRow | IndexRow]] = {}
    queue: list[type[Any]] = [TenantRow, IndexRow]
    while queue:
        cls = queue.pop()
        queue.extend(cls.__subclasses__())
        table = getattr(cls, "__table__", None)
        if table is not None and table.metadata is metadata:
            found[table.name] = cls
    return found


def keys_of(table: Table) -> list[str]:
    """The columns that tell a tenant's rows of that table apart."""
    return [column.name for column in table.primary_key.columns if column.name != "tenant_id"]
