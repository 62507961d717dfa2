"""What a directory did lately, as rows: its requests (bodies sealed), its ways, and whom it switched off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime


class DirectoryRequest(TenantRow, table=True):
    """One request. ``effects``: what it changed, in words; ``sealed``: both bodies, cut to size, under the tenant's key."""

    __tablename__ = "directory_requests"
    __table_args__ = (
        Index("ix_directory_requests_tenant_id_directory_id", "tenant_id", "directory_id", "id"),
        Index("ix_directory_requests_tenant_id_at", "tenant_id", "at"),
    )

    id: str = Field(primary_key=True)
    directory_id: str
    request_id: str
    at: datetime = Field(sa_type=UtcDateTime)
    method: str
    path: str
    status: int
    milliseconds: int
    user_agent: str | None = None
    effects: list[dict[str, Any]] = Field(sa_type=JsonColumn)
    observations: list[str] = Field(sa_type=JsonColumn)
    sealed: bytes


class DirectoryTraffic(TenantRow, table=True):
    """How a directory's client speaks: how often each way of doing things was seen."""

    __tablename__ = "directory_traffic"

    directory_id: str = Field(primary_key=True)
    counts: dict[str, int] = Field(sa_type=JsonColumn)
    user_agents: list[str] = Field(sa_type=JsonColumn)
    since: datetime = Field(sa_type=UtcDateTime)


class Deactivation(TenantRow, table=True):
    """Somebody whom a directory switched off: what its brake counts."""

    __tablename__ = "deactivations"
    __table_args__ = (Index("ix_deactivations_tenant_id_directory_id", "tenant_id", "directory_id", "at"),)

    id: str = Field(primary_key=True)
    directory_id: str
    user_id: str
    at: datetime = Field(sa_type=UtcDateTime)
