"""People and groups as SCIM resources (RFC 7643 4.1, 4.2) for an app. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from idbroker.directory.model import Group, User

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
Resource = dict[str, Any]


def user_resource(user: User) -> Resource:
    """``externalId`` is the broker's id, which is the ``sub`` of the app's tokens: so the app knows that it is the same."""
    name = {"givenName": user.given_name, "familyName": user.family_name, "formatted": user.display_name}
    enterprise = {"department": user.department, "employeeNumber": user.employee_number}
    resource: Resource = {
        "schemas": [USER_SCHEMA],
        "externalId": user.id,
        "userName": user.user_name or user.email or user.id,
        "active": user.active,
        **_given({"displayName": user.display_name, "name": _given(name) or None}),
    }
    if user.email is not None:
        resource["emails"] = [{"value": user.email, "type": "work", "primary": True}]
    if _given(enterprise):
        resource["schemas"] = [USER_SCHEMA, ENTERPRISE_SCHEMA]
        resource[ENTERPRISE_SCHEMA] = _given(enterprise)
    return resource


def group_resource(group: Group, members: Sequence[str]) -> Resource:
    """``members`` by the app's own ids."""
    return {
        "schemas": [GROUP_SCHEMA],
        "externalId": group.id,
        "displayName": group.display_name,
        "members": [{"value": member} for member in members],
    }


def digest_of(resource: Resource) -> str:
    return hashlib.sha256(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)).hexdigest()


def quoted(value: str) -> str:
    """A value in a filter (RFC 7644 3.4.2.2: JSON strings)."""
    return orjson.dumps(value).decode()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
