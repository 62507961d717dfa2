"""Which generation of a tenant's data key seals: asked once a minute for each tenant by everything that seals."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit


def _newest() -> ClauseElement:
    keys = MAIN.tables["tenant_keys"]
    mine = select(keys.c.generation).where(keys.c.tenant_id == scope())
    return mine.order_by(keys.c.generation.desc()).limit(1)


_NEWEST = TenantStatement(_newest)


def newest_generation(unit: TenantUnit) -> int | None:
    """None for a tenant that has no data key yet."""
    found = _NEWEST.first(unit)
    return None if found is None else int(found[0])
