"""The one platform row that a tenant's unit may read: the tenant itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from idbroker.storage.guard import RAW
from idbroker.storage.rows import MAIN
from idbroker.storage.unit import TenantUnit


def own_tenant(unit: TenantUnit, *columns: str) -> tuple[Any, ...] | None:
    """Those columns of the unit's tenant; None for the platform, which is none."""
    table = MAIN.tables["tenants"]
    statement = select(*(table.c[name] for name in columns)).where(table.c.id == unit.scope.tenant)
    row = unit.session.execute(statement, execution_options={RAW: "the unit's own tenant, by its key"}).first()
    return None if row is None else tuple(row)
