"""People and groups as rows. Membership is rows, each with where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, and_, bindparam, column, or_, update
from sqlmodel import Field, col, select

from idbroker.storage.loading import TenantRows
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.statement import scope
from idbroker.storage.unit import TenantRepository


class User(TenantRow, table=True):
    """A person in one tenant. The same human in another tenant is another row with another id."""

    __tablename__ = "users"
    __table_args__ = (Index("ix_users_tenant_id_email", "tenant_id", "email"),)

    id: str = Field(primary_key=True)
    email: str | None = None
    email_verified: bool = False
    user_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    display_name: str | None = None
    department: str | None = None
    employee_number: str | None = None
    active: bool = True
    source: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    directory_id: str | None = None
    """The directory that owns the person: what it says goes before what a sign-in says."""


class Identity(TenantRow, table=True):
    """How a person is known at one connection. (connection, subject) is the identity; the e-mail never is."""

    __tablename__ = "identities"
    __table_args__ = (
        Index("ix_identities_tenant_id_user_id", "tenant_id", "user_id"),
        Index("ix_identities_tenant_id_subject", "tenant_id", "subject"),
    )

    connection_id: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    user_id: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class Group(TenantRow, table=True):
    """A group, by its display name."""

    __tablename__ = "groups"
    __table_args__ = (
        Index(
            "uq_groups_tenant_id_source_display_name",
            "tenant_id",
            "source",
            "display_name",
            unique=True,
            sqlite_where=column("directory_id").is_(None),
            postgresql_where=column("directory_id").is_(None),
        ),
    )

    id: str = Field(primary_key=True)
    display_name: str
    source: str
    """The connection whose claims named it, or the directory that made it."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    directory_id: str | None = None
    """Its directory, where two groups may have one name; None for a group that claims named."""


class Membership(TenantRow, table=True):
    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_tenant_id_group_id", "tenant_id", "group_id", "user_id"),)

    user_id: str = Field(primary_key=True)
    group_id: str = Field(primary_key=True)
    source: str = Field(default="claims", sa_column_kwargs={"server_default": "claims"})
    """``claims`` of a sign-in, ``scim``, or ``manual``."""
    display: str | None = None
    display_key: str | None = None
    """What the directory calls the member, if it said so, and the same folded."""


class RoleMapping(TenantRow, table=True):
    """Members of a group of that name have that role, in one app or (``app`` empty) in all."""

    __tablename__ = "role_mappings"
    __table_args__ = (Index("uq_role_mappings_tenant_id_rule", "tenant_id", "group_name", "role", "app", unique=True),)

    id: str = Field(primary_key=True)
    group_name: str
    role: str
    app: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)


_OF_USER = TenantRows(
    Group,
    lambda rows: (
        rows.join(Membership, and_(col(Membership.group_id) == Group.id, col(Membership.tenant_id) == scope()))
        .where(col(Membership.user_id) == bindparam("user"))
        .order_by(col(Group.display_name))
    ),
)


class Users(TenantRepository):
    def add(self, row: User) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, user_id: str) -> User | None:
        return self.keyed(User, user_id)

    def held(self, user_id: str) -> User | None:
        """The person as he is now, for this transaction alone."""
        statement = select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
        return self.session.execute(statement).scalars().first()

    def release(self, directory_id: str) -> None:
        """The people of a directory are the tenant's own from now on."""
        statement = update(User).where(col(User.directory_id) == directory_id).values(directory_id=None, source="manual")
        self.session.execute(statement.execution_options(synchronize_session=False))

    def delete(self, row: User) -> None:
        self.session.delete(row)
        self.session.flush()

    def page(
        self,
        *,
        text: str | None = None,
        active: bool | None = None,
        ids: Sequence[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Sequence[User]:
        """``text`` is looked for in names and addresses, whatever the case."""
        statement = select(User).order_by(col(User.id)).limit(limit)
        if active is not None:
            statement = statement.where(User.active == active)
        if ids is not None:
            statement = statement.where(col(User.id).in_(ids))
        if text:
            columns = (User.email, User.user_name, User.display_name, User.given_name, User.family_name)
            statement = statement.where(or_(*(col(column).icontains(text, autoescape=True) for column in columns)))
        if after:
            statement = statement.where(col(User.id) > after)
        return self.session.execute(statement).scalars().all()

    def with_email(self, email: str) -> Sequence[User]:
        """Everyone with that address in normal form. More than one is possible, which is why it identifies nobody."""
        return self.session.execute(select(User).where(User.email == email).limit(2)).scalars().all()


class Identities(TenantRepository):
    def get(self, connection_id: str, subject: str) -> Identity | None:
        return self.keyed(Identity, connection_id, subject)

    def add(self, row: Identity) -> None:
        self.session.add(row)
        self.session.flush()

    def of_user(self, user_id: str) -> Sequence[Identity]:
        statement = select(Identity).where(Identity.user_id == user_id).order_by(col(Identity.created_at)).limit(100)
        return self.session.execute(statement).scalars().all()

    def subjects_of(self, connection_id: str, user_id: str) -> Sequence[str]:
        """By which subjects a connection knows a person; usually one."""
        statement = select(Identity.subject).where(Identity.user_id == user_id, Identity.connection_id == connection_id)
        return self.session.execute(statement.order_by(col(Identity.subject)).limit(100)).scalars().all()

    def connections_of(self, user_ids: Sequence[str]) -> dict[str, list[str]]:
        """User id → the connections that know this person."""
        statement = select(Identity).where(col(Identity.user_id).in_(user_ids))
        found: dict[str, list[str]] = {}
        for row in self.session.execute(statement).scalars():
            found.setdefault(row.user_id, []).append(row.connection_id)
        return found


class Groups(TenantRepository):
    def add(self, row: Group) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, group_id: str) -> Group | None:
        return self.keyed(Group, group_id)

    def of_directory(self, directory_id: str) -> Sequence[Group]:
        return self.session.execute(select(Group).where(Group.directory_id == directory_id)).scalars().all()

    def delete(self, row: Group) -> None:
        self.session.delete(row)
        self.session.flush()

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Group]:
        statement = select(Group).order_by(col(Group.id)).limit(limit)
        if text:
            statement = statement.where(col(Group.display_name).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(Group.id) > after)
        return self.session.execute(statement).scalars().all()

    def named(self, source: str, names: Sequence[str]) -> Sequence[Group]:
        statement = select(Group).where(Group.source == source, col(Group.display_name).in_(names))
        return self.session.execute(statement).scalars().all()

    def of_user(self, user_id: str) -> Sequence[Group]:
        return _OF_USER.all(self.unit, user=user_id)

    def of_users(self, user_ids: Sequence[str]) -> dict[str, list[Group]]:
        """User id → that person's groups, by name. Two statements, however many people."""
        memberships = self.session.execute(select(Membership).where(col(Membership.user_id).in_(user_ids))).scalars().all()
        wanted = {row.group_id for row in memberships}
        groups = {row.id: row for row in self.session.execute(select(Group).where(col(Group.id).in_(wanted))).scalars()}
        found: dict[str, list[Group]] = {}
        for row in memberships:
            if row.group_id in groups:
                found.setdefault(row.user_id, []).append(groups[row.group_id])
        return {user_id: sorted(rows, key=lambda row: row.display_name) for user_id, rows in found.items()}

    def members(self, group_id: str, *, after: str | None = None, limit: int = 50) -> Sequence[User]:
        statement = (
            select(User)
            .join(Membership, (col(Membership.user_id) == User.id) & (col(Membership.tenant_id) == User.tenant_id))
            .where(Membership.group_id == group_id)
            .order_by(col(User.id))
            .limit(limit)
        )
        if after:
            statement = statement.where(col(User.id) > after)
        return self.session.execute(statement).scalars().all()

    def join(self, user_id: str, group_id: str) -> None:
        self.session.add(Membership(tenant_id=self.tenant, user_id=user_id, group_id=group_id))

    def leave(self, user_id: str, group_id: str) -> None:
        row = self.keyed(Membership, user_id, group_id)
        if row is not None:
            self.session.delete(row)


@dataclass(frozen=True, slots=True)
class MembershipSource:
    """``source`` as in ``Membership``."""

    group: Group
    source: str


class Memberships(TenantRepository):
    def of_user(self, user_id: str) -> list[MembershipSource]:
        """By the groups' names."""
        rows = self.session.execute(select(Membership).where(Membership.user_id == user_id)).scalars().all()
        wanted = [row.group_id for row in rows]
        groups = {row.id: row for row in self.session.execute(select(Group).where(col(Group.id).in_(wanted))).scalars()}
        found = [MembershipSource(groups[row.group_id], row.source) for row in rows if row.group_id in groups]
        return sorted(found, key=lambda one: one.group.display_name)


class RoleMappings(TenantRepository):
    def add(self, row: RoleMapping) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, mapping_id: str) -> RoleMapping | None:
        return self.keyed(RoleMapping, mapping_id)

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[RoleMapping]:
        statement = select(RoleMapping).order_by(col(RoleMapping.id)).limit(limit)
        if text:
            columns = (RoleMapping.group_name, RoleMapping.role)
            statement = statement.where(or_(*(col(column).icontains(text, autoescape=True) for column in columns)))
        if after:
            statement = statement.where(col(RoleMapping.id) > after)
        return self.session.execute(statement).scalars().all()

    def for_groups(self, names: Sequence[str]) -> Sequence[RoleMapping]:
        if not names:
            return []
        return self.session.execute(select(RoleMapping).where(col(RoleMapping.group_name).in_(names))).scalars().all()

    def delete(self, row: RoleMapping) -> None:
        self.session.delete(row)
