"""SCIM resources as rows: real columns for what is asked often, and beside them the canonical JSON document.

    document     what the client wrote, canonical; no id, meta, groups or members: these are rows and columns
    comparable   the same for filters and sorting: texts folded by their attribute's case rule, times in one form

The person himself is a row of ``users`` with the same id, the group one of ``groups``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlmodel import Field

from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime

CodePoints: Any = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared and ordered by code point on every engine."""


class ScimUser(TenantRow, table=True):
    __tablename__ = "scim_users"
    __table_args__ = (
        Index("uq_scim_users_tenant_id_user_name_key", "tenant_id", "directory_id", "user_name_key", unique=True),
        Index("ix_scim_users_tenant_id_id", "tenant_id", "directory_id", "id"),
        Index("ix_scim_users_tenant_id_external_id", "tenant_id", "directory_id", "external_id"),
        Index("ix_scim_users_tenant_id_display_name_key", "tenant_id", "directory_id", "display_name_key"),
    )

    id: str = Field(primary_key=True, sa_type=CodePoints)
    directory_id: str
    user_name_key: str = Field(sa_type=CodePoints)
    external_id: str | None = Field(default=None, sa_type=CodePoints)
    display_name_key: str | None = Field(default=None, sa_type=CodePoints)
    label_key: str = Field(sa_type=CodePoints)
    """What groups show as the member's name, folded."""
    active: bool = True
    version: int = 1
    document: str = Field(sa_type=Text)
    comparable: dict[str, Any] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    modified_at: datetime = Field(sa_type=UtcDateTime)


class ScimEmail(TenantRow, table=True):
    """An address of a person as the IdP wrote it, folded: so that it is found by an index."""

    __tablename__ = "scim_emails"
    __table_args__ = (Index("ix_scim_emails_tenant_id_value_key", "tenant_id", "directory_id", "value_key"),)

    user_id: str = Field(primary_key=True, sa_type=CodePoints)
    value_key: str = Field(primary_key=True, sa_type=CodePoints)
    directory_id: str
    is_primary: bool = False


class ScimGroup(TenantRow, table=True):
    __tablename__ = "scim_groups"
    __table_args__ = (
        Index("ix_scim_groups_tenant_id_id", "tenant_id", "directory_id", "id"),
        Index("ix_scim_groups_tenant_id_display_name_key", "tenant_id", "directory_id", "display_name_key"),
        Index("ix_scim_groups_tenant_id_external_id", "tenant_id", "directory_id", "external_id"),
    )

    id: str = Field(primary_key=True, sa_type=CodePoints)
    directory_id: str
    display_name_key: str = Field(sa_type=CodePoints)
    external_id: str | None = Field(default=None, sa_type=CodePoints)
    version: int = 1
    document: str = Field(sa_type=Text)
    comparable: dict[str, Any] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    modified_at: datetime = Field(sa_type=UtcDateTime)


class ResourceCount(TenantRow, table=True):
    """How many resources a directory has: the sum of its slots, several so that writers do not wait for each other."""

    __tablename__ = "resource_counts"

    directory_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    number: int


class WalkAnchor(TenantRow, table=True):
    """Where a list that was read up to ``next_index - 1`` goes on: behind a resource. ``after_key``: its sort value, if any."""

    __tablename__ = "walk_anchors"
    __table_args__ = (Index("ix_walk_anchors_tenant_id_at", "tenant_id", "at"),)

    directory_id: str = Field(primary_key=True)
    query: str = Field(primary_key=True)
    next_index: int = Field(primary_key=True)
    kind: str
    after_id: str = Field(sa_type=CodePoints)
    after_key: str | int | float | bool | None = Field(default=None, sa_type=JsonColumn)
    at: datetime = Field(sa_type=UtcDateTime)
