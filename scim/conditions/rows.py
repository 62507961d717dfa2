"""What is rows and no document: the members of a group, the groups of a person. Each answers by its sub-attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, literal, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from idbroker.directories.resources import GROUPS, USERS
from idbroker.directory.members import LINKS, MEMBERSHIPS
from scim.conditions.operators import Condition

Parts = Mapping[str, ColumnElement[Any]]
"""Sub-attribute -> its expression; none of them is ever NULL."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """Elements that are rows: what they are made of, and whose they are."""

    parts: Parts
    statement: Any

    def exists(self, judge: Callable[[Parts], Condition] | None) -> Condition:
        condition: Condition = (self.statement if judge is None else self.statement.where(judge(self.parts))).exists()
        return condition


def members(base: str) -> list[RowSource]:
    """Of the group in the enclosing statement."""
    person, inner = USERS.alias("member_user"), GROUPS.alias("member_group")
    people: Any = (
        select(literal_column("1"))
        .select_from(MEMBERSHIPS)
        .join(person, (person.c.tenant_id == MEMBERSHIPS.c.tenant_id) & (person.c.id == MEMBERSHIPS.c.user_id))
        .where(MEMBERSHIPS.c.tenant_id == bindparam("tenant"), MEMBERSHIPS.c.group_id == GROUPS.c.id)
        .correlate(GROUPS)
    )
    groups: Any = (
        select(literal_column("1"))
        .select_from(LINKS)
        .join(inner, (inner.c.tenant_id == LINKS.c.tenant_id) & (inner.c.id == LINKS.c.member_id))
        .where(LINKS.c.tenant_id == bindparam("tenant"), LINKS.c.group_id == GROUPS.c.id)
        .correlate(GROUPS)
    )
    called = func.coalesce(MEMBERSHIPS.c.display_key, person.c.label_key)
    named = func.coalesce(LINKS.c.display_key, inner.c.display_name_key)
    return [
        RowSource(_parts(MEMBERSHIPS.c.user_id, called, "user", f"{base}/Users/"), people),
        RowSource(_parts(LINKS.c.member_id, named, "group", f"{base}/Groups/"), groups),
    ]


def groups(base: str) -> list[RowSource]:
    """Of the person in the enclosing statement: those of his directory that he is in himself."""
    group = GROUPS.alias("of_group")
    statement: Any = (
        select(literal_column("1"))
        .select_from(MEMBERSHIPS)
        .join(group, (group.c.tenant_id == MEMBERSHIPS.c.tenant_id) & (group.c.id == MEMBERSHIPS.c.group_id))
        .where(
            MEMBERSHIPS.c.tenant_id == bindparam("tenant"),
            MEMBERSHIPS.c.user_id == USERS.c.id,
            group.c.directory_id == USERS.c.directory_id,
        )
        .correlate(USERS)
    )
    return [RowSource(_parts(group.c.id, group.c.display_name_key, "direct", f"{base}/Groups/"), statement)]


def _parts(value: Any, display: Any, type_: str, base: str) -> Parts:
    return {"value": value, "display": display, "type": literal(type_), "$ref": literal(base) + value}
