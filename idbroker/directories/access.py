"""Whom a directory token opens the door for: the token, its directory and its tenant's state, in one statement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, literal, null, select, update

from idbroker.directories.model import Directory, DirectoryToken
from idbroker.storage.own_tenant import own_tenant
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantRepository
from idbroker.tenants.model import Tenant

TOKENS: Table = DirectoryToken.__table__  # type: ignore[attr-defined] # set by SQLModel
DIRECTORIES: Table = Directory.__table__  # type: ignore[attr-defined] # set by SQLModel
TENANTS: Table = Tenant.__table__  # type: ignore[attr-defined] # set by SQLModel


@dataclass(frozen=True, slots=True)
class Access:
    """What the rows say; nothing is judged yet."""

    secret_digest: str
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    tenant_status: str
    directory_id: str
    directory_name: str
    directory_status: str
    connection_id: str | None
    dry_run: bool
    brake_users: int | None
    brake_percent: int | None
    brake_minutes: int
    brake_held_at: datetime | None
    brake_released_until: datetime | None
    extension_schemas: list[dict[str, Any]]
    updated_at: datetime
    frozen_at: datetime | None
    """Since when the tenant's own people may change nothing."""


def _access(status: Any, frozen: Any, sources: Any) -> Any:
    return (
        select(
            TOKENS.c.secret_digest,
            TOKENS.c.scopes,
            TOKENS.c.expires_at,
            TOKENS.c.revoked_at,
            status,
            DIRECTORIES.c.id,
            DIRECTORIES.c.name,
            DIRECTORIES.c.status.label("directory_status"),
            DIRECTORIES.c.connection_id,
            DIRECTORIES.c.dry_run,
            DIRECTORIES.c.brake_users,
            DIRECTORIES.c.brake_percent,
            DIRECTORIES.c.brake_minutes,
            DIRECTORIES.c.brake_held_at,
            DIRECTORIES.c.brake_released_until,
            DIRECTORIES.c.extension_schemas,
            DIRECTORIES.c.updated_at,
            frozen,
        )
        .select_from(sources)
        .where(TOKENS.c.tenant_id == scope(), TOKENS.c.id == bindparam("token"))
    )


def _of_token() -> Any:
    return TOKENS.join(DIRECTORIES, (DIRECTORIES.c.tenant_id == scope()) & (DIRECTORIES.c.id == TOKENS.c.directory_id))


_OF_TOKEN = TenantStatement(
    lambda: _access(TENANTS.c.status, TENANTS.c.frozen_at, _of_token().join(TENANTS, TENANTS.c.id == scope()))
)
_OF_TOKEN_IN_CELL = TenantStatement(lambda: _access(literal(""), null(), _of_token()))
"""Where the tenant itself is in another database than its rows."""

_USED = (
    update(TOKENS)
    .where(TOKENS.c.tenant_id == bindparam("tenant"), TOKENS.c.id == bindparam("token"))
    .values(last_used_at=bindparam("moment"))
)
_SEEN = (
    update(DIRECTORIES)
    .where(DIRECTORIES.c.tenant_id == bindparam("tenant"), DIRECTORIES.c.id == bindparam("directory"))
    .values(last_request_at=bindparam("moment"), dialect=bindparam("dialect_"))
)


class DirectoryAccess(TenantRepository):
    def of_token(self, token_id: str) -> Access | None:
        if self.unit.transaction.spans:
            return self._in_cell(token_id)
        row = _OF_TOKEN.first(self.unit, token=token_id)
        return None if row is None else Access(*row)

    def _in_cell(self, token_id: str) -> Access | None:
        row, tenant = _OF_TOKEN_IN_CELL.first(self.unit, token=token_id), own_tenant(self.unit, "status", "frozen_at")
        if row is None or tenant is None:
            return None
        return replace(Access(*row), tenant_status=tenant[0], frozen_at=tenant[1])

    def used(self, token_id: str, at: datetime) -> None:
        self.scoped(_USED, {"token": token_id, "moment": at})

    def seen(self, directory_id: str, dialect: str, at: datetime) -> None:
        self.scoped(_SEEN, {"directory": directory_id, "dialect_": dialect, "moment": at})
