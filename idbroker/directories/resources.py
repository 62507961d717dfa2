"""SCIM resources stored, read one by one, and counted. Statements are made once; the unit fills its tenant in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idbroker.directories.resource_rows import ResourceCount, ScimEmail, ScimGroup, ScimUser, WalkAnchor
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantRepository

Kind = Literal["User", "Group"]
SLOTS = 8

USERS: Table = ScimUser.__table__  # type: ignore[attr-defined] # set by SQLModel
GROUPS: Table = ScimGroup.__table__  # type: ignore[attr-defined] # set by SQLModel
EMAILS: Table = ScimEmail.__table__  # type: ignore[attr-defined] # set by SQLModel
COUNTS: Table = ResourceCount.__table__  # type: ignore[attr-defined] # set by SQLModel
ANCHORS: Table = WalkAnchor.__table__  # type: ignore[attr-defined] # set by SQLModel
TABLES: Mapping[Kind, Table] = {"User": USERS, "Group": GROUPS}


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource as it is kept. ``document`` is canonical JSON, without id, meta, groups and members."""

    id: str
    version: int
    document: str
    created_at: datetime
    modified_at: datetime


def columns(table: Table) -> list[Any]:
    return [table.c.id, table.c.version, table.c.document, table.c.created_at, table.c.modified_at]


def _one(table: Table) -> Any:
    return select(*columns(table)).where(
        table.c.tenant_id == scope(),
        table.c.id == bindparam("id_"),
        table.c.directory_id == bindparam("directory"),
    )


def _insert(table: Table) -> Any:
    given: dict[str, Any] = {column.name: bindparam(f"v_{column.name}") for column in table.c if column.name != "tenant_id"}
    return insert(table).values(tenant_id=scope(), **given)


def _update(table: Table) -> Any:
    kept = {"tenant_id", "id", "directory_id", "created_at"}
    return (
        update(table)
        .where(table.c.tenant_id == scope(), table.c.id == bindparam("id_"))
        .values({column.name: _given(column) for column in table.c if column.name not in kept})
    )


def _given(column: Any) -> Any:
    """``active`` None: as it was."""
    given = bindparam(f"v_{column.name}", type_=column.type)
    return func.coalesce(given, column) if column.name == "active" else given


def _each(build: Callable[[Table], Any]) -> dict[Kind, TenantStatement]:
    return {kind: TenantStatement(partial(build, table)) for kind, table in TABLES.items()}


def _mine(table: Table) -> Any:
    return (table.c.tenant_id == scope()) & (table.c.id == bindparam("id_"))


_ONE = _each(_one)
_HELD = _each(lambda table: _one(table).with_for_update())
_INSERT = _each(_insert)
_UPDATE = _each(_update)
_DELETE = _each(lambda table: delete(table).where(_mine(table)))
_TOUCH_ONE = _each(lambda table: update(table).where(_mine(table)).values(version=table.c.version + 1))
_KNOWN_ONE = _each(
    lambda table: select(table.c.id).where(_mine(table), table.c.directory_id == bindparam("directory")).with_for_update()
)
_TOUCH = {
    kind: update(table)
    .where(table.c.tenant_id == bindparam("tenant"), table.c.id.in_(bindparam("ids", expanding=True)))
    .values(version=table.c.version + 1)
    for kind, table in TABLES.items()
}
_KNOWN = {
    kind: select(table.c.id)
    .where(
        table.c.tenant_id == bindparam("tenant"),
        table.c.directory_id == bindparam("directory"),
        table.c.id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(table.c.id)
    .with_for_update()
    for kind, table in TABLES.items()
}
_EMAILS_IN = TenantStatement(lambda: _insert(EMAILS))
_EMAILS_OUT = TenantStatement(lambda: delete(EMAILS).where(EMAILS.c.tenant_id == scope(), EMAILS.c.user_id == bindparam("id_")))
_TOTAL = TenantStatement(
    lambda: select(func.coalesce(func.sum(COUNTS.c.number), 0)).where(
        COUNTS.c.tenant_id == scope(),
        COUNTS.c.directory_id == bindparam("directory"),
        COUNTS.c.kind == bindparam("kind"),
    )
)
_FORGET_ONE = (
    update(ANCHORS)
    .where(
        ANCHORS.c.tenant_id == bindparam("tenant"),
        ANCHORS.c.directory_id == bindparam("directory"),
        ANCHORS.c.kind == bindparam("of_kind"),
        ANCHORS.c.after_id >= bindparam("id_"),
    )
    .values(gone=ANCHORS.c.gone + 1)
)
_ACTIVE = select(func.count()).where(
    USERS.c.tenant_id == bindparam("tenant"), USERS.c.directory_id == bindparam("directory"), USERS.c.active.is_(True)
)


class Resources(TenantRepository):
    def get(self, kind: Kind, directory_id: str, resource_id: str) -> Stored | None:
        row = _ONE[kind].first(self.unit, id_=resource_id, directory=directory_id)
        return None if row is None else Stored(*row)

    def held(self, kind: Kind, directory_id: str, resource_id: str) -> Stored | None:
        """The resource, for this transaction alone."""
        row = _HELD[kind].first(self.unit, id_=resource_id, directory=directory_id)
        return None if row is None else Stored(*row)

    def known(self, kind: Kind, directory_id: str, ids: Sequence[str]) -> set[str]:
        """Which of those there are; they stay until the transaction ends."""
        if len(ids) == 1:
            return {row[0] for row in _KNOWN_ONE[kind].rows(self.unit, id_=ids[0], directory=directory_id)}
        found: set[str] = set()
        wanted = sorted(ids)  # in one order everywhere, so that nobody waits in a ring
        for start in range(0, len(wanted), 500):
            values = {"directory": directory_id, "ids": wanted[start : start + 500]}
            found |= set(self.scoped(_KNOWN[kind], values).scalars())
        return found

    def insert(self, kind: Kind, values: Mapping[str, Any]) -> None:
        """All columns but the tenant. Raises IntegrityError for a userName that is taken."""
        _INSERT[kind].change(self.unit, **{f"v_{name}": value for name, value in values.items()})
        self._count(kind, values["directory_id"], 1)

    def write(self, kind: Kind, resource_id: str, values: Mapping[str, Any]) -> None:
        """All columns but tenant, id, directory and time of creation."""
        _UPDATE[kind].change(self.unit, id_=resource_id, **{f"v_{name}": value for name, value in values.items()})

    def write_emails(self, directory_id: str, user_id: str, addresses: Mapping[str, bool], *, replaces: bool) -> None:
        """The folded addresses, each with whether it is the primary one."""
        if replaces:
            _EMAILS_OUT.change(self.unit, id_=user_id)
        rows = [
            {"v_user_id": user_id, "v_value_key": key, "v_directory_id": directory_id, "v_is_primary": primary}
            for key, primary in addresses.items()
        ]
        _EMAILS_IN.many(self.unit, rows)

    def touch(self, kind: Kind, ids: Sequence[str]) -> None:
        """Another version of each: what others say of them has changed."""
        if len(ids) == 1:
            _TOUCH_ONE[kind].change(self.unit, id_=ids[0])
            return
        for start in range(0, len(ids), 500):
            self.scoped(_TOUCH[kind], {"ids": list(ids[start : start + 500])})

    def remove(self, kind: Kind, directory_id: str, resource_id: str) -> bool:
        if _DELETE[kind].change(self.unit, id_=resource_id) != 1:
            return False
        if kind == "User":
            _EMAILS_OUT.change(self.unit, id_=resource_id)
        self._count(kind, directory_id, -1)
        self.scoped(_FORGET_ONE, {"directory": directory_id, "of_kind": kind, "id_": resource_id})
        return True

    def forget_all(self, directory_id: str) -> None:
        """With the directory."""
        for table in (USERS, GROUPS, EMAILS, COUNTS, ANCHORS):
            mine = (table.c.tenant_id == bindparam("tenant")) & (table.c.directory_id == bindparam("directory"))
            self.scoped(delete(table).where(mine), {"directory": directory_id})

    def total(self, kind: Kind, directory_id: str) -> int:
        row = _TOTAL.first(self.unit, directory=directory_id, kind=kind)
        return int(row[0]) if row is not None else 0

    def active_users(self, directory_id: str) -> int:
        return int(self.scoped(_ACTIVE, {"directory": directory_id}).scalar_one())

    def _count(self, kind: Kind, directory_id: str, step: int) -> None:
        # Slots, so that writers at one moment do not all wait for one row.
        slot = random.randrange(SLOTS)  # noqa: S311 # spreads load, hides nothing
        statement = _COUNT[self.unit.dialect.name]
        statement.change(self.unit, directory=directory_id, kind_=kind, slot_=slot, step=step)


def _count_statement(made: Any) -> Any:
    fresh = made(COUNTS).values(
        tenant_id=scope(),
        directory_id=bindparam("directory"),
        kind=bindparam("kind_"),
        slot=bindparam("slot_"),
        number=bindparam("step"),
    )
    return fresh.on_conflict_do_update(
        index_elements=["tenant_id", "directory_id", "kind", "slot"], set_={"number": COUNTS.c.number + fresh.excluded.number}
    )


_COUNT = {
    "sqlite": TenantStatement(lambda: _count_statement(sqlite.insert)),
    "postgresql": TenantStatement(lambda: _count_statement(postgresql.insert)),
}
