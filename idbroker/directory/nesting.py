"""Groups in groups: whoever is in the inner one is in the outer one too."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from idbroker.storage.rows import TenantRow


class GroupLink(TenantRow, table=True):
    """``member_id``, a group, is a member of ``group_id``."""

    __tablename__ = "group_links"
    __table_args__ = (Index("ix_group_links_tenant_id_group_id", "tenant_id", "group_id"),)

    member_id: str = Field(primary_key=True)
    group_id: str = Field(primary_key=True)
    display: str | None = None
    display_key: str | None = None
