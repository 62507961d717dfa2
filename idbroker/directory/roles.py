"""Which roles a person has in an app: the role mappings of the groups that he is in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import RoleMapping, RoleMappings
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.storage.statements.persons import groups_and_roles
from idbroker.storage.unit import TenantUnit


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token says of a person's place in the tenant. Both sorted."""

    groups: tuple[str, ...]
    roles: tuple[str, ...]


def roles_for(mappings: Iterable[tuple[str, str]], app: str | None) -> tuple[str, ...]:
    """The distinct roles of (role, app) pairs that hold for ``app``; with None only those that hold everywhere. Pure."""
    return tuple(sorted({role for role, bound in mappings if bound in ("", app)}))


def standing(unit: TenantUnit, user_id: str, app: str | None) -> Standing:
    """Groups and roles of a person as they are now."""
    return Standing(*groups_and_roles(unit, user_id, app))


def add_mapping(unit: TenantUnit, group: str, role: str, app: str | None) -> RoleMapping:
    """Give the members of a group a role. Raises Conflict when the same rule is there already."""
    row = RoleMapping(
        tenant_id=unit.scope.tenant,
        id=new_id("rlm"),
        group_name=group,
        role=role,
        app=app or "",
        created_at=unit.clock.now(),
    )
    try:
        unit[RoleMappings].add(row)
    except IntegrityError as error:
        raise Conflict("role_mapping_exists", "This rule is there already.") from error
    unit[Outbox].record(_event("role_mapping.created", row))
    return row


def remove_mapping(unit: TenantUnit, mapping_id: str) -> None:
    row = unit[RoleMappings].get(mapping_id)
    if row is None:
        raise NotFound("role mapping")
    unit[RoleMappings].delete(row)
    unit[Outbox].record(_event("role_mapping.deleted", row))


def _event(action: str, row: RoleMapping) -> Event:
    context = {"group": row.group_name, "role": row.role, "app": row.app or None}
    return Event(action, Resource("role_mapping", row.id), context=context)
