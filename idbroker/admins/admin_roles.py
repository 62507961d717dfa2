"""Making, changing and removing a tenant's own roles. One transaction each, with its event.

Nobody makes, changes or removes a role that allows what he may not do himself: so no role lifts anybody above whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from idbroker.access.admin_roles import AdminRole, AdminRoles
from idbroker.access.api_keys import OPERATORS, ApiKeys
from idbroker.access.permissions import ROLES, Permission
from idbroker.admins.tenant_admins import TenantAdmins
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import Conflict, Forbidden, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.entitlements import Plans

MAX_ROLES = 100


class AdminRoleService:
    """``held``: the permissions of whoever does it."""

    def __init__(self, plans: Plans | None = None) -> None:
        self._plans = plans or Plans()

    def create(
        self, unit: TenantUnit, name: str, description: str, permissions: Iterable[Permission], held: frozenset[Permission]
    ) -> AdminRole:
        """Raises Invalid for a built-in role's name, Conflict when the name is taken, NotEntitled, Forbidden."""
        wanted = frozenset(permissions)
        _check_held(wanted, held)
        if name in ROLES or name == OPERATORS:
            raise invalid_field("/name", f"{name} is the name of a role that is built in.")
        has = self._plans.check(unit, "custom_roles", lambda: len(unit[AdminRoles].page(limit=MAX_ROLES)))
        if has >= MAX_ROLES:
            raise Conflict("too_many_admin_roles", f"A tenant can have {MAX_ROLES} roles of its own.")
        now = unit.clock.now()
        row = AdminRole(
            tenant_id=unit.scope.tenant,
            id=new_id("rol"),
            name=name,
            description=description,
            permissions=sorted(wanted),
            created_at=now,
            updated_at=now,
        )
        try:
            unit[AdminRoles].add(row)
        except IntegrityError as error:
            raise Conflict("admin_role_exists", f"There is a role {name} already.") from error
        unit[Outbox].record(Event("admin_role.created", _resource(row), context={"permissions": row.permissions}))
        return row

    def update(self, unit: TenantUnit, row: AdminRole, wanted: Mapping[str, Any], held: frozenset[Permission]) -> AdminRole:
        """``wanted``: ``description``, ``permissions`` or both. It counts at once for whoever has the role."""
        _check_held(row.granted, held)
        values = dict(wanted)
        if "permissions" in values:
            _check_held(frozenset(values["permissions"]), held)
            values["permissions"] = sorted(set(values["permissions"]))
        told = {name: Change(getattr(row, name), value) for name, value in values.items() if getattr(row, name) != value}
        if told:
            for name, change in told.items():
                setattr(row, name, change.after)
            row.updated_at = unit.clock.now()
            unit[Outbox].record(Event("admin_role.updated", _resource(row), told))
        return row

    def remove(self, unit: PlatformUnit, scope: TenantScope, role_id: str, held: frozenset[Permission]) -> None:
        """Raises Conflict as long as an admin or a key that works has the role: nobody loses what he may do unawares."""
        with unit.enter(scope) as inside:
            row = self.known(inside, role_id)
            _check_held(row.granted, held)
            if inside[AdminRoles].named(row.name, lock=True) is None:
                raise NotFound("role")
            admins = inside[TenantAdmins].with_role(row.name)
        keys = unit[ApiKeys].live_with(scope.tenant, row.name)
        if admins or keys:
            has = " and ".join(_counted(*one) for one in ((admins, "admin"), (keys, "API key")) if one[0])
            raise Conflict("admin_role_in_use", f"This role is in use: {has}. Give them another one first.")
        with unit.enter(scope) as inside:
            inside[AdminRoles].delete(self.known(inside, role_id))
            inside[Outbox].record(Event("admin_role.deleted", _resource(row), context={"permissions": row.permissions}))

    def known(self, unit: TenantUnit, role_id: str) -> AdminRole:
        row = unit[AdminRoles].get(role_id)
        if row is None:
            raise NotFound("role")
        return row


def _check_held(permissions: frozenset[Permission], held: frozenset[Permission]) -> None:
    above = sorted(permissions - held)
    if above:
        raise Forbidden("grants_above_himself", f"This role allows what you may not do yourself: {', '.join(above)}.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _resource(row: AdminRole) -> Resource:
    return Resource("admin_role", row.id, row.name)
