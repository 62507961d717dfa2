"""Where apps want to be pushed to, what is to be pushed, and what the apps call it, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Table, bindparam, delete, false, update
from sqlmodel import Field, col, select

from idbroker.directory.model import Group, Membership, User
from idbroker.directory.nesting import GroupLink
from idbroker.kernel.ids import TenantId
from idbroker.storage.rows import IndexRow, JsonColumn, PlatformRow, TenantRow, UtcDateTime
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.turns import Backlog, backlog, due_rows
from idbroker.storage.unit import PlatformRepository, TenantRepository

USER, GROUP = "user", "group"


class ScimTarget(PlatformRow, table=True):
    """An app's SCIM endpoint. The token is sealed with the operator's key."""

    __tablename__ = "scim_targets"

    app_id: str = Field(primary_key=True)
    base_url: str
    token_sealed: bytes
    tenants: list[str] | None = Field(default=None, sa_type=JsonColumn)
    """None: every tenant that the app serves."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class ScimPush(TenantRow, table=True):
    """One user or group of a tenant for one app: whether it is to be pushed, and as what the app knows it."""

    __tablename__ = "scim_pushes"
    __table_args__ = (Index("ix_scim_pushes_tenant_id_queue", "tenant_id", "app_id", "status", "position"),)

    app_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    status: str = "pending"
    """``pending``, ``done``, ``dead``."""
    position: int = Field(sa_type=BigInteger)
    """Of the event that asked for it last."""
    remote_id: str | None = None
    digest: str | None = None
    """Of what was pushed last: the same is not pushed again."""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime)
    give_up_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None


class ScimQueue(IndexRow, table=True):
    """When a tenant's queue for an app is due, and which worker is at it."""

    __tablename__ = "scim_queues"
    __table_args__ = (Index("ix_scim_queues_due_at", "due_at"),)

    tenant_id: str = Field(primary_key=True)
    app_id: str = Field(primary_key=True)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wakes: int = 0
    failures: int = 0
    failing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    error: str | None = None


PUSHES: Table = ScimPush.__table__  # type: ignore[attr-defined] # set by SQLModel
GROUPS: Table = Group.__table__  # type: ignore[attr-defined] # set by SQLModel
MEMBERSHIPS: Table = Membership.__table__  # type: ignore[attr-defined] # set by SQLModel
LINKS: Table = GroupLink.__table__  # type: ignore[attr-defined] # set by SQLModel


def _outwards(start: Any) -> Any:
    """The groups of a selection and those around them. UNION ends where a circle of them would begin anew."""
    reached = start.cte("reached", recursive=True)
    return reached.union(select(LINKS.c.group_id).where(LINKS.c.tenant_id == scope(), LINKS.c.member_id == reached.c.group_id))


def _members() -> Any:
    itself = select(GROUPS.c.id.label("group_id")).where(GROUPS.c.tenant_id == scope(), GROUPS.c.id == bindparam("group"))
    inside = itself.cte("inside", recursive=True)
    inner = select(LINKS.c.member_id).where(LINKS.c.tenant_id == scope(), LINKS.c.group_id == inside.c.group_id)
    in_one = MEMBERSHIPS.c.group_id.in_(select(inside.union(inner).c.group_id))
    people = select(MEMBERSHIPS.c.user_id).where(MEMBERSHIPS.c.tenant_id == scope(), in_one)
    known = (PUSHES.c.app_id == bindparam("app")) & (PUSHES.c.kind == USER) & PUSHES.c.remote_id.is_not(None)
    return (
        select(PUSHES.c.resource_id, PUSHES.c.remote_id)
        .where(PUSHES.c.tenant_id == scope(), known, PUSHES.c.resource_id.in_(people))
        .order_by(PUSHES.c.resource_id)
    )


def _groups_of() -> Any:
    mine = (MEMBERSHIPS.c.tenant_id == scope()) & (MEMBERSHIPS.c.user_id == bindparam("user"))
    return select(_outwards(select(MEMBERSHIPS.c.group_id.label("group_id")).where(mine)).c.group_id)


def _around() -> Any:
    mine = (LINKS.c.tenant_id == scope()) & (LINKS.c.member_id == bindparam("group"))
    return select(_outwards(select(LINKS.c.group_id.label("group_id")).where(mine)).c.group_id)


_MEMBERS, _GROUPS_OF, _AROUND = TenantStatement(_members), TenantStatement(_groups_of), TenantStatement(_around)


class ScimTargets(PlatformRepository):
    def get(self, app_id: str) -> ScimTarget | None:
        return self.keyed(ScimTarget, app_id)

    def all(self) -> Sequence[ScimTarget]:
        return self.session.execute(select(ScimTarget).order_by(col(ScimTarget.app_id))).scalars().all()

    def put(self, row: ScimTarget) -> None:
        self.session.add(row)
        self.session.flush()

    def delete(self, row: ScimTarget) -> None:
        self.session.delete(row)
        self.session.flush()

    def due(self, limit: int = 500) -> Sequence[ScimQueue]:
        return due_rows(self.unit, ScimQueue, limit)

    def backlog(self) -> Backlog:
        return backlog(self.session, ScimQueue, self.now())

    def queues(self, app_id: str) -> Sequence[ScimQueue]:
        return self.session.execute(select(ScimQueue).where(ScimQueue.app_id == app_id)).scalars().all()


class ScimPushes(TenantRepository):
    def get(self, app_id: str, noun: str, resource_id: str) -> ScimPush | None:
        return self.keyed(ScimPush, app_id, noun, resource_id)

    def ask(self, push: ScimPush, *, again: bool = False) -> None:
        """It is to be pushed. ``again``: even if nothing has changed since the last time."""
        row = self.keyed(ScimPush, push.app_id, push.kind, push.resource_id)
        if row is None:
            self.session.add(push)
            return
        row.status, row.position, row.attempts, row.error = "pending", push.position, 0, None
        row.due_at, row.give_up_at = push.due_at, push.give_up_at
        if again:
            row.digest = None

    def waiting(self, app_id: str, limit: int) -> Sequence[ScimPush]:
        """What is due, in the order of the feed; of one moment, people before the groups that hold them."""
        statement = select(ScimPush).where(
            ScimPush.app_id == app_id, ScimPush.status == "pending", col(ScimPush.due_at) <= self.now()
        )
        ordered = statement.order_by(col(ScimPush.position), col(ScimPush.kind).desc(), col(ScimPush.resource_id))
        return self.session.execute(ordered.limit(limit)).scalars().all()

    def next_due(self, app_id: str) -> datetime | None:
        """When the next push is due; None when nothing waits."""
        statement = select(ScimPush.due_at).where(ScimPush.app_id == app_id, ScimPush.status == "pending")
        return self.session.execute(statement.order_by(col(ScimPush.due_at)).limit(1)).scalars().first()

    def page(self, app_id: str, *, status: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[ScimPush]:
        statement = select(ScimPush).where(ScimPush.app_id == app_id)
        if status is not None:
            statement = statement.where(ScimPush.status == status)
        if after is not None:
            statement = statement.where(col(ScimPush.resource_id) > after)
        return self.session.execute(statement.order_by(col(ScimPush.resource_id)).limit(limit)).scalars().all()

    def queue(self, app_id: str) -> ScimQueue | None:
        """Locked until this transaction is over."""
        statement = select(ScimQueue).where(ScimQueue.app_id == app_id, ScimQueue.tenant_id == self.tenant)
        return self.session.execute(statement.with_for_update()).scalars().first()

    def wake(self, app_id: str) -> None:
        """Something was put into the queue."""
        row = self.queue(app_id)
        if row is None:
            self.session.add(ScimQueue(tenant_id=self.tenant, app_id=app_id, due_at=self.now()))
            self.session.flush()
            return
        row.wakes += 1
        if row.due_at is None:
            row.due_at = self.now()

    def ids(self, noun: str, after: str | None, limit: int) -> Sequence[str]:
        """The tenant's people or groups, page by page, for a push of all of them."""
        table = User if noun == USER else Group
        statement = select(table.id).order_by(col(table.id)).limit(limit)
        if after is not None:
            statement = statement.where(col(table.id) > after)
        return self.session.execute(statement).scalars().all()

    def members(self, group_id: str, app_id: str) -> list[tuple[str, str]]:
        """(user id, the app's id for him) of those in the group, or in groups within it, whom the app knows."""
        return [(row[0], row[1]) for row in _MEMBERS.rows(self.unit, group=group_id, app=app_id)]

    def groups_of(self, user_id: str) -> Sequence[str]:
        """Those that he is in, and those that these are in."""
        return [row[0] for row in _GROUPS_OF.rows(self.unit, user=user_id)]

    def around(self, group_id: str) -> Sequence[str]:
        """The groups that a group is in, at whatever depth."""
        return [row[0] for row in _AROUND.rows(self.unit, group=group_id)]

    def forget_app(self, app_id: str) -> None:
        self.session.execute(delete(ScimPush).where(col(ScimPush.app_id) == app_id))
        mine = (col(ScimQueue.app_id) == app_id, col(ScimQueue.tenant_id) == self.tenant)
        self.session.execute(delete(ScimQueue).where(*mine))

    def forget(self, row: ScimPush) -> None:
        self.session.delete(row)

    def revive(self, app_id: str, until: datetime) -> int:
        """Dead letters are tried once more. How many."""
        dead = (col(ScimPush.app_id) == app_id, col(ScimPush.status) == "dead")
        count = len(self.session.execute(select(ScimPush).where(*dead)).scalars().all())
        changed = update(ScimPush).where(*dead).values(status="pending", attempts=0, due_at=self.now(), give_up_at=until)
        self.session.execute(changed, execution_options={"synchronize_session": False})
        return count


def tenant_of(row: ScimQueue) -> TenantId:
    return TenantId(row.tenant_id)
