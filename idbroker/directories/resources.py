"""SCIM resources stored, read one by one, and counted. Statements are made once; the unit fills its tenant in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Literal

import orjson
from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idbroker.directories.resource_rows import ResourceCount, ScimEmail, ScimGroup, ScimUser, WalkAnchor
from idbroker.storage.statement import EngineStatement, TenantStatement, among, scope
from idbroker.storage.unit import TenantRepository

Kind = Literal["User", "Group"]
SLOTS = 8

USERS: Table = ScimUser.__table__  # type: ignore[attr-defined] # set by SQLModel
GROUPS: Table = ScimGroup.__table__  # type: ignore[attr-defined] # set by SQLModel
EMAILS: Table = ScimEmail.__table__  # type: ignore[attr-defined] # set by SQLModel
COUNTS: Table = ResourceCount.__table__  # type: ignore[attr-defined] # set by SQLModel
ANCHORS: Table = WalkAnchor.__table__  # type: ignore[attr-defined] # set by SQLModel
TABLES: Mapping[Kind, Table] = {"User": USERS, "Group": GROUPS}


def moment(now: datetime) -> datetime:
    """To the millisecond, which is what ``meta`` shows: what a client read is what it filters by."""
    return now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)


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


@cache
def _update(kind: Kind, names: tuple[str, ...]) -> TenantStatement:
    """One for each set of columns that have ever changed together."""
    table = TABLES[kind]

    def build() -> Any:
        return update(table).where(_mine(table)).values({n: bindparam(f"v_{n}", type_=table.c[n].type) for n in names})

    return TenantStatement(build)


def _each(build: Callable[[Table], Any]) -> dict[Kind, TenantStatement]:
    return {kind: TenantStatement(partial(build, table)) for kind, table in TABLES.items()}


def _each_many(build: Callable[[Table, str], Any]) -> dict[Kind, EngineStatement]:
    return {kind: EngineStatement(partial(build, table)) for kind, table in TABLES.items()}


def _mine(table: Table) -> Any:
    return (table.c.tenant_id == scope()) & (table.c.id == bindparam("id_"))


_ONE = _each(_one)
_HELD = _each(lambda table: _one(table).with_for_update())
_INSERT = _each(_insert)
_DELETE = _each(lambda table: delete(table).where(_mine(table)))
_TOUCH = _each_many(
    lambda table, engine: (
        update(table)
        .where(table.c.tenant_id == scope(), among(table.c.id, "ids", engine))
        .values(version=table.c.version + 1, modified_at=bindparam("now", type_=table.c.modified_at.type))
    )
)
_KNOWN = _each_many(
    lambda table, engine: (
        select(table.c.id)
        .where(table.c.tenant_id == scope(), table.c.directory_id == bindparam("directory"), among(table.c.id, "ids", engine))
        .order_by(table.c.id)  # in one order everywhere, so that nobody waits in a ring
        .with_for_update()
    )
)
_KEEPING = _each(
    lambda table: (
        select(table.c.id, table.c.document, table.c.comparable)
        .where(
            table.c.tenant_id == scope(),
            table.c.directory_id == bindparam("directory"),
            table.c.id > bindparam("after"),
            table.c.document.like(bindparam("pattern")),
        )
        .order_by(table.c.id)
        .limit(500)
    )
)
_EMAILS_IN = TenantStatement(lambda: _insert(EMAILS))
_EMAILS_OUT = TenantStatement(lambda: delete(EMAILS).where(EMAILS.c.tenant_id == scope(), EMAILS.c.user_id == bindparam("id_")))
_TOTAL = TenantStatement(
    lambda: select(func.coalesce(func.sum(COUNTS.c.number), 0)).where(
        COUNTS.c.tenant_id == scope(),
        COUNTS.c.directory_id == bindparam("directory"),
        COUNTS.c.kind == bindparam("kind"),
    )
)


def _active_beside() -> Any:
    theirs = (USERS.c.tenant_id == scope()) & (USERS.c.directory_id == bindparam("directory"))
    others = theirs & USERS.c.active.is_(True) & (USERS.c.id != bindparam("id_"))
    return select(func.count()).select_from(select(USERS.c.id).where(others).limit(bindparam("most")).subquery())


_ACTIVE_BESIDE = TenantStatement(_active_beside)
_STANDING = TenantStatement(
    lambda: select(USERS.c.active, USERS.c.version, USERS.c.document, USERS.c.comparable).where(_mine(USERS)).with_for_update()
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
        return {row[0] for row in _KNOWN[kind].rows(self.unit, directory=directory_id, ids=list(ids))}

    def insert(self, kind: Kind, values: Mapping[str, Any]) -> None:
        """All columns but the tenant. Raises IntegrityError for a userName that is taken."""
        self.insert_all(kind, [values])

    def insert_all(self, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same of several resources of one directory."""
        _INSERT[kind].many(self.unit, ({f"v_{name}": value for name, value in row.items()} for row in rows))
        self.count(kind, rows[0]["directory_id"], len(rows))

    def write(self, kind: Kind, resource_id: str, values: Mapping[str, Any]) -> None:
        """Those columns and no other. Raises IntegrityError for a userName that is taken."""
        names = tuple(sorted(set(values) - {"tenant_id", "id", "directory_id", "created_at"}))
        _update(kind, names).change(self.unit, id_=resource_id, **{f"v_{name}": values[name] for name in names})

    def write_emails(self, directory_id: str, user_id: str, addresses: Mapping[str, bool], *, replaces: bool) -> None:
        """The folded addresses, each with whether it is the primary one."""
        if replaces:
            _EMAILS_OUT.change(self.unit, id_=user_id)
        self.enter_emails(directory_id, {user_id: addresses})

    def enter_emails(self, directory_id: str, by_person: Mapping[str, Mapping[str, bool]]) -> None:
        """The same of people who have none yet."""
        rows = (
            {"v_user_id": user_id, "v_value_key": key, "v_directory_id": directory_id, "v_is_primary": primary}
            for user_id, his in by_person.items()
            for key, primary in his.items()
        )
        _EMAILS_IN.many(self.unit, rows)

    def keeping(self, kind: Kind, directory_id: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(document, comparable) of each resource that has something of that name. All are read: for what happens seldom."""
        after = ""
        while rows := _KEEPING[kind].rows(self.unit, directory=directory_id, after=after, pattern=f'%"{name}":%'):
            yield from ((row[1], row[2]) for row in rows)
            after = rows[-1][0]

    def touch(self, kind: Kind, ids: Sequence[str]) -> None:
        """Another version of each: what others say of them has changed."""
        if ids:
            _TOUCH[kind].change(self.unit, ids=list(ids), now=moment(self.now()))

    def remove(self, kind: Kind, directory_id: str, resource_id: str) -> bool:
        if _DELETE[kind].change(self.unit, id_=resource_id) != 1:
            return False
        if kind == "User":
            _EMAILS_OUT.change(self.unit, id_=resource_id)
        self.count(kind, directory_id, -1)
        return True

    def forget_all(self, directory_id: str) -> None:
        """With the directory."""
        for table in (USERS, GROUPS, EMAILS, COUNTS, ANCHORS):
            mine = (table.c.tenant_id == bindparam("tenant")) & (table.c.directory_id == bindparam("directory"))
            self.scoped(delete(table).where(mine), {"directory": directory_id})

    def total(self, kind: Kind, directory_id: str) -> int:
        row = _TOTAL.first(self.unit, directory=directory_id, kind=kind)
        return int(row[0]) if row is not None else 0

    def active_beside(self, directory_id: str, user_id: str, *, up_to: int) -> int:
        """How many other people of the directory are active, counted no further than ``up_to``."""
        row = _ACTIVE_BESIDE.first(self.unit, directory=directory_id, id_=user_id, most=up_to)
        return 0 if row is None else int(row[0])

    def hold_person(self, user_id: str) -> None:
        """What a directory says of him, if any does, for this transaction alone. Before his own row, as requests of SCIM do."""
        _STANDING.first(self.unit, id_=user_id)

    def stand(self, user_id: str, *, active: bool) -> None:
        """The person was switched off or on: if it was not his directory that did it, that reads it from now on."""
        row = _STANDING.first(self.unit, id_=user_id)
        if row is None or row[0] == active:
            return
        _, version, document, comparable = row
        values = {
            "active": active,
            "version": version + 1,
            "document": orjson.dumps({**orjson.loads(document), "active": active}).decode(),
            "comparable": {**comparable, "active": active},
            "modified_at": moment(self.now()),
        }
        self.write("User", user_id, values)

    def count(self, kind: Kind, directory_id: str, step: int) -> None:
        """For whoever writes or removes many at once: so many more, or fewer."""
        # Slots, so that writers at one moment do not all wait for one row.
        slot = random.randrange(SLOTS)  # noqa: S311 # spreads load, hides nothing
        _COUNT.change(self.unit, directory=directory_id, kind_=kind, slot_=slot, step=step)


def _count(engine: str) -> Any:
    made = sqlite.insert if engine == "sqlite" else postgresql.insert
    fresh: Any = made(COUNTS).values(
        tenant_id=scope(),
        directory_id=bindparam("directory"),
        kind=bindparam("kind_"),
        slot=bindparam("slot_"),
        number=bindparam("step"),
    )
    return fresh.on_conflict_do_update(
        index_elements=["tenant_id", "directory_id", "kind", "slot"], set_={"number": COUNTS.c.number + fresh.excluded.number}
    )


_COUNT = EngineStatement(_count)
