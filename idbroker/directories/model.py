"""Directories and their tokens as rows. A token is stored as a digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, func
from sqlmodel import Field, col, select

from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository

MAX_DIRECTORIES = 100
SCOPES = ("users:read", "users:write", "groups:read", "groups:write")
BRAKE_PERCENT = 50
BRAKE_MINUTES = 10


class Directory(TenantRow, table=True):
    """One IdP's view of the tenant's people: what it provisions is its own, and no other directory's."""

    __tablename__ = "directories"

    id: str = Field(primary_key=True)
    name: str
    vendor: str | None = None
    connection_id: str | None = None
    """The connection through which its people sign in; None when they may come through any of the tenant's."""
    status: str = "active"
    """``active`` or ``disabled``."""
    dry_run: bool = False
    """Nothing that it writes is kept; what it would have changed is told."""
    brake_users: int | None = None
    brake_percent: int | None = None
    """None is an admin's word, too. What a new directory begins with is the form's to say: a column's default would take the
    place of None."""
    brake_minutes: int = BRAKE_MINUTES
    """Held when more than so many people, or that part of them, would be switched off within the minutes."""
    brake_held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    brake_released_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    extension_schemas: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)
    """Schemas beside the standard's own (RFC 7643 7), as ``/Schemas`` shows them."""
    dialect: str | None = None
    """Whose SCIM it speaks, recognised from its requests."""
    last_request_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class DirectoryToken(TenantRow, table=True):
    """A bearer token of a directory. ``prefix`` is how it begins, for people to know it by."""

    __tablename__ = "directory_tokens"
    __table_args__ = (Index("ix_directory_tokens_tenant_id_directory_id", "tenant_id", "directory_id"),)

    id: str = Field(primary_key=True)
    directory_id: str
    prefix: str
    secret_digest: str
    scopes: list[str] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Directories(TenantRepository):
    def add(self, row: Directory) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, directory_id: str) -> Directory | None:
        return self.keyed(Directory, directory_id)

    def held(self, directory_id: str) -> Directory | None:
        """The directory as it is now, for this transaction alone."""
        statement = select(Directory).where(Directory.id == directory_id).with_for_update()
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().first()

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Directory]:
        statement = select(Directory).order_by(col(Directory.id)).limit(limit)
        if text:
            statement = statement.where(col(Directory.name).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(Directory.id) > after)
        return self.session.execute(statement).scalars().all()

    def delete(self, row: Directory) -> None:
        """With its tokens."""
        self.session.execute(delete(DirectoryToken).where(col(DirectoryToken.directory_id) == row.id))
        self.session.delete(row)
        self.session.flush()


class DirectoryTokens(TenantRepository):
    def add(self, row: DirectoryToken) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, token_id: str) -> DirectoryToken | None:
        return self.keyed(DirectoryToken, token_id)

    def of_directory(self, directory_id: str, *, after: str | None = None, limit: int = 50) -> Sequence[DirectoryToken]:
        """Oldest first, revoked and expired ones included."""
        statement = select(DirectoryToken).where(DirectoryToken.directory_id == directory_id)
        if after:
            statement = statement.where(col(DirectoryToken.id) > after)
        return self.session.execute(statement.order_by(col(DirectoryToken.id)).limit(limit)).scalars().all()

    def ending(self, until: datetime) -> Sequence[DirectoryToken]:
        """Those not revoked that end before then, or have ended."""
        statement = select(DirectoryToken).where(
            col(DirectoryToken.revoked_at).is_(None), col(DirectoryToken.expires_at) < until
        )
        return self.session.execute(statement.order_by(col(DirectoryToken.expires_at)).limit(200)).scalars().all()

    def last_ends(self) -> dict[str, datetime]:
        """Directory → when the last of its tokens that are not revoked ends, or has ended. Not where one never ends."""
        last, every = func.max(DirectoryToken.expires_at), func.count() == func.count(col(DirectoryToken.expires_at))
        statement = select(DirectoryToken.directory_id, last).where(col(DirectoryToken.revoked_at).is_(None))
        grouped = statement.group_by(col(DirectoryToken.directory_id)).having(every)
        return {row[0]: row[1] for row in self.session.execute(grouped) if row[1] is not None}

    def live_of(self, directory_id: str) -> Sequence[DirectoryToken]:
        statement = select(DirectoryToken).where(
            DirectoryToken.directory_id == directory_id, col(DirectoryToken.revoked_at).is_(None)
        )
        now = self.now()
        return [row for row in self.session.execute(statement).scalars() if row.is_live(now)]
