"""Groups as provisioning reads and writes them: statements made once, past the ORM (decision 0016)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update

from idbroker.directory.model import Group
from idbroker.storage.statement import TenantStatement, insert_many, scope
from idbroker.storage.unit import TenantRepository

GROUPS: Table = Group.__table__  # type: ignore[attr-defined] # set by SQLModel


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of ``groups`` as it was read."""

    tenant_id: str
    id: str
    display_name: str
    source: str
    created_at: datetime
    directory_id: str | None


NAMES = tuple(field.name for field in fields(GroupRow))


def _mine() -> Any:
    return (GROUPS.c.tenant_id == scope()) & (GROUPS.c.id == bindparam("id_"))


_ONE = TenantStatement(lambda: select(*(GROUPS.c[name] for name in NAMES)).where(_mine()))
_RENAME = TenantStatement(lambda: update(GROUPS).where(_mine()).values(display_name=bindparam("v_name")))
_REMOVE = TenantStatement(lambda: delete(GROUPS).where(_mine()))


class GroupRows(TenantRepository):
    def get(self, group_id: str) -> GroupRow | None:
        row = _ONE.first(self.unit, id_=group_id)
        return None if row is None else GroupRow(*row)

    def insert(self, group: GroupRow) -> None:
        insert_many(self.unit, Group, [{name: getattr(group, name) for name in NAMES if name != "tenant_id"}])

    def rename(self, group_id: str, name: str) -> None:
        _RENAME.change(self.unit, id_=group_id, v_name=name)

    def remove(self, group_id: str) -> None:
        _REMOVE.change(self.unit, id_=group_id)
