"""The people and groups of a tenant, as they are. What changes their standing is the IdP's and provisioning's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import MAX_LIMIT, PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.directory.model import Group, Groups, Identities, RoleMapping, RoleMappings, User, Users
from idbroker.directory.people import Person
from idbroker.directory.roles import roles_for
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.ids import is_id
from idbroker.storage.statements.places import places_of
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

ACTIVE_QUERY = QueryParameter(
    name="active", description="Only those who are active, or only those who are not.", schema={"type": "boolean"}
)
IDS_QUERY = QueryParameter(name="ids", description=f"Only these, {MAX_LIMIT} at most, separated by commas.")


class GroupReference(Document):
    id: str
    display_name: str


class UserDocument(Document):
    """``roles`` are those that hold in every app; the roles of one app stand in that app's tokens."""

    id: str
    tenant_id: str
    email: str | None
    user_name: str | None
    given_name: str | None
    family_name: str | None
    display_name: str | None
    active: bool
    source: Literal["jit", "scim", "manual"]
    connection_ids: list[str]
    directory_id: str | None
    groups: list[GroupReference]
    roles: list[str]
    created_at: Time
    updated_at: Time
    last_sign_in_at: Time | None


_OF_THE_ROW = tuple(name for name in UserDocument.model_fields if name not in ("connection_ids", "groups", "roles"))


class GroupDocument(Document):
    """``source`` is the connection whose claims named the group, or the directory that made it."""

    id: str
    tenant_id: str
    display_name: str
    source: str
    directory_id: str | None
    created_at: Time


class PeopleCalls:
    def operations(self) -> list[Operation]:
        read = Permission.PEOPLE_READ
        users, groups = f"{TENANT}/users", f"{TENANT}/groups"
        return [
            Operation(
                name="list_users",
                area="People",
                summary="The tenant's people, oldest first.",
                row=TenantRoute(method="GET", path=users, handler=self.users, limit="admin_read", permission=read),
                query=(TEXT_QUERY, ACTIVE_QUERY, IDS_QUERY, *PAGE_QUERY),
                answer=UserDocument,
                many=True,
            ),
            Operation(
                name="get_user",
                area="People",
                summary="One person, with groups, roles, and the connections that know him.",
                row=TenantRoute(method="GET", path=f"{users}/{{user}}", handler=self.user, limit="admin_read", permission=read),
                answer=UserDocument,
            ),
            Operation(
                name="list_groups",
                area="People",
                summary="The tenant's groups, oldest first.",
                row=TenantRoute(method="GET", path=groups, handler=self.groups, limit="admin_read", permission=read),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=GroupDocument,
                many=True,
            ),
            Operation(
                name="get_group",
                area="People",
                summary="One group.",
                row=TenantRoute(
                    method="GET", path=f"{groups}/{{group}}", handler=self.group, limit="admin_read", permission=read
                ),
                answer=GroupDocument,
            ),
            Operation(
                name="list_members",
                area="People",
                summary="The members of a group, oldest first.",
                row=TenantRoute(
                    method="GET", path=f"{groups}/{{group}}/members", handler=self.members, limit="admin_read", permission=read
                ),
                query=PAGE_QUERY,
                answer=UserDocument,
                many=True,
            ),
        ]

    def users(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "usr")
        wanted: dict[str, Any] = {"text": read_text(call), "active": _active(call), "ids": _ids(call)}
        rows = unit[Users].page(**wanted, after=page.after, limit=page.fetch)
        documents = {document.id: document for document in people_documents(unit, rows)}
        return listing(rows, page, lambda row: documents[row.id])

    def user(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(people_documents(unit, [known_user(call, unit)])[0])

    def groups(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "grp")
        return listing(
            unit[Groups].page(text=read_text(call), after=page.after, limit=page.fetch), page, GroupDocument.model_validate
        )

    def group(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(GroupDocument.model_validate(_known_group(call, unit)))

    def members(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "usr")
        rows = unit[Groups].members(_known_group(call, unit).id, after=page.after, limit=page.fetch)
        documents = {document.id: document for document in people_documents(unit, rows)}
        return listing(rows, page, lambda row: documents[row.id])


def _active(call: Call) -> bool | None:
    text = call.query.get("active") or None
    if text not in (None, "true", "false"):
        raise invalid_field("/active", "active is true or false.")
    return None if text is None else text == "true"


def _ids(call: Call) -> list[str] | None:
    text = call.query.get("ids") or None
    ids = text.split(",") if text else None
    if ids is not None and (len(ids) > MAX_LIMIT or not all(is_id(one, "usr") for one in ids)):
        raise invalid_field("/ids", f"ids are {MAX_LIMIT} ids of people at most, separated by commas.")
    return ids


def _known_group(call: Call, unit: TenantUnit) -> Group:
    row = unit[Groups].get(path_id(call, "group", "grp"))
    if row is None:
        raise NotFound("group")
    return row


def known_user(call: Call, unit: TenantUnit) -> User:
    row = unit[Users].get(path_id(call, "user", "usr"))
    if row is None:
        raise NotFound("user")
    return row


def people_documents(unit: TenantUnit, rows: Sequence[User | Person]) -> list[UserDocument]:
    """Four statements, however many people; for one, as with every change of a person, two that are compiled."""
    if len(rows) == 1:
        places = places_of(unit, rows[0].id)
        return [_shown(rows[0], places.connection_ids, places.groups, places.roles)]
    ids = [row.id for row in rows]
    connections, groups = unit[Identities].connections_of(ids), unit[Groups].of_users(ids)
    names = {group.display_name for of_one in groups.values() for group in of_one}
    mappings = unit[RoleMappings].for_groups(sorted(names))
    return [_person(row, connections.get(row.id, []), groups.get(row.id, []), mappings) for row in rows]


def _person(row: User | Person, connections: list[str], groups: list[Group], mappings: Sequence[RoleMapping]) -> UserDocument:
    names = {group.display_name for group in groups}
    roles = [(m.role, m.app) for m in mappings if m.group_name in names]
    return _shown(row, connections, [(group.id, group.display_name) for group in groups], roles)


def _shown(
    row: User | Person, connections: list[str], groups: Sequence[tuple[str, str]], roles: Sequence[tuple[str, str]]
) -> UserDocument:
    return UserDocument.model_validate(
        {
            **{name: getattr(row, name) for name in _OF_THE_ROW},
            "connection_ids": connections,
            "groups": [GroupReference(id=group_id, display_name=name) for group_id, name in groups],
            "roles": list(roles_for(roles, None)),
        }
    )
