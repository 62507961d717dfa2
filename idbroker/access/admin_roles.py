"""Roles that a tenant makes for its own administration: named sets of permissions, from the one catalogue.

A role is given by its name, as the built-in ones are, so the name never changes. What a role allows is read anew at every
request: a change of it counts at once for whoever has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, col, select

from idbroker.access.permissions import ROLES, TENANT_WIDE, Permission
from idbroker.kernel.errors import Forbidden, invalid_field
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit

NAME = r"[a-z][a-z0-9_-]{0,39}"


class AdminRole(TenantRow, table=True):
    __tablename__ = "admin_roles"
    __table_args__ = (Index("uq_admin_roles_tenant_id_name", "tenant_id", "name", unique=True),)

    id: str = Field(primary_key=True)
    name: str
    description: str
    permissions: list[str] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def granted(self) -> frozenset[Permission]:
        """A word that is not in the catalogue, or not for tenants, grants nothing."""
        return TENANT_WIDE.intersection(self.permissions)


class AdminRoles(TenantRepository):
    def add(self, row: AdminRole) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, role_id: str) -> AdminRole | None:
        return self.keyed(AdminRole, role_id)

    def named(self, role_name: str, *, lock: bool = False) -> AdminRole | None:
        """``lock``: until this transaction is over nobody else changes or removes it, or gives it to somebody."""
        statement = select(AdminRole).where(AdminRole.name == role_name)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return self.session.execute(statement).scalars().first()

    def page(self, *, after: str | None = None, limit: int = 50) -> Sequence[AdminRole]:
        statement = select(AdminRole).order_by(col(AdminRole.id)).limit(limit)
        if after:
            statement = statement.where(col(AdminRole.id) > after)
        return self.session.execute(statement).scalars().all()

    def delete(self, row: AdminRole) -> None:
        self.session.delete(row)
        self.session.flush()


def permissions_of(unit: TenantUnit, role: str) -> frozenset[Permission]:
    """What a role allows, built in or of the tenant's own. A role that is not there allows nothing."""
    if role in ROLES:
        return ROLES[role]
    row = unit[AdminRoles].named(role)
    return row.granted if row is not None else frozenset()


def check_grant(unit: TenantUnit, role: str, held: frozenset[Permission]) -> None:
    """Raise Invalid for a role that is not there, Forbidden for one that allows more than ``held``.

    A role that passes is there until this transaction is over.
    """
    if role not in ROLES and unit[AdminRoles].named(role, lock=True) is None:
        raise invalid_field("/role", f"There is no such role. Those that every tenant has: {', '.join(ROLES)}.")
    check_not_above(unit, role, held)


def check_not_above(unit: TenantUnit, role: str, held: frozenset[Permission]) -> None:
    """Raise Forbidden for a role that allows more than ``held``."""
    if not permissions_of(unit, role) <= held:
        raise Forbidden("grants_above_himself", f"The role {role} can do more than you.")
