"""Roles of people in apps, and roles of administrators over permissions."""

from __future__ import annotations

import pytest

from idbroker.access.permissions import OPERATOR, ROLES, Permission
from idbroker.directory.roles import roles_for

RULES = [("admin", ""), ("editor", "app_1"), ("viewer", "app_2"), ("editor", ""), ("admin", "app_1")]


@pytest.mark.parametrize(
    ("rules", "app", "roles"),
    [
        ([], "app_1", ()),
        (RULES, "app_1", ("admin", "editor")),
        (RULES, "app_2", ("admin", "editor", "viewer")),
        (RULES, "app_3", ("admin", "editor")),
        (RULES, None, ("admin", "editor")),
        ([("viewer", "app_2")], None, ()),
        ([("viewer", "app_2")], "app_1", ()),
        ([("viewer", "app_2")], "", ()),
        ([("b", ""), ("a", "")], "x", ("a", "b")),
    ],
)
def test_roles_for(rules: list[tuple[str, str]], app: str | None, roles: tuple[str, ...]) -> None:
    assert roles_for(rules, app) == roles


def test_each_role_holds_all_of_the_next() -> None:
    assert ROLES["guest"] < ROLES["member"] < ROLES["admin"] < ROLES["owner"] < OPERATOR


def test_no_tenant_role_reaches_the_operators_permissions() -> None:
    for role, permissions in ROLES.items():
        assert not [p for p in permissions if p.startswith("operator:")], role
    assert frozenset(Permission) == OPERATOR


def test_members_and_guests_change_nothing() -> None:
    for role in ("member", "guest"):
        assert all(permission.endswith(":read") for permission in ROLES[role])


def test_an_admin_makes_no_keys() -> None:
    assert ROLES["owner"] - ROLES["admin"] == {Permission.API_KEYS_WRITE}
