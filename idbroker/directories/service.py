"""Making, changing and removing directories and their tokens. One transaction each, with its event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.directories.model import MAX_DIRECTORIES, SCOPES, Directories, Directory, DirectoryToken, DirectoryTokens
from idbroker.directories.tokens import new_token
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.entitlements import Plans

MAX_LIVE_TOKENS = 2
RELEASED_FOR = timedelta(hours=1)


class DirectoryService:
    def __init__(self, plans: Plans | None = None) -> None:
        self._plans = plans or Plans()

    def create(self, unit: TenantUnit, settings: Mapping[str, Any]) -> Directory:
        """``settings`` are the row's own fields, checked in form; whether the connection exists is the caller's to check."""
        has = self._plans.check(unit, "directories", lambda: len(unit[Directories].page(limit=MAX_DIRECTORIES)))
        if has >= MAX_DIRECTORIES:
            raise Conflict("too_many_directories", f"A tenant can have {MAX_DIRECTORIES} directories.")
        now = unit.clock.now()
        row = Directory(tenant_id=unit.scope.tenant, id=new_id("dir"), created_at=now, updated_at=now, **settings)
        unit[Directories].add(row)
        context = {"vendor": row.vendor, "connection_id": row.connection_id}
        unit[Outbox].record(Event("directory.created", resource(row), context=context))
        return row

    def update(self, unit: TenantUnit, row: Directory, wanted: Mapping[str, Any]) -> Directory:
        told = {name: Change(getattr(row, name), value) for name, value in wanted.items() if getattr(row, name) != value}
        if told:
            for name, change in told.items():
                setattr(row, name, change.after)
            row.updated_at = unit.clock.now()
            unit[Outbox].record(Event("directory.updated", resource(row), told))
        return row

    def release_brake(self, unit: TenantUnit, row: Directory) -> Directory:
        """An admin's word: what is held goes on, for an hour, however many it switches off."""
        now = unit.clock.now()
        held, row.brake_held_at, row.brake_released_until = row.brake_held_at, None, now + RELEASED_FOR
        row.updated_at = now
        context = {"was_held": held is not None, "minutes": int(RELEASED_FOR.total_seconds() // 60)}
        unit[Outbox].record(Event("directory.brake_released", resource(row), context=context))
        return row

    def create_token(
        self, unit: TenantUnit, directory_id: str, scopes: Sequence[str] | None, expires_at: datetime | None
    ) -> tuple[DirectoryToken, str]:
        """The second value is the token; it is shown this once."""
        row = unit[Directories].held(directory_id)  # of two that want the last free place, one waits and is told
        if row is None:
            raise NotFound("directory")
        now = unit.clock.now()
        if expires_at is not None and expires_at <= now:
            raise invalid_field("/expires_at", "This moment is past.")
        if len(unit[DirectoryTokens].live_of(row.id)) >= MAX_LIVE_TOKENS:
            raise Conflict("too_many_tokens", f"A directory has at most {MAX_LIVE_TOKENS} live tokens. Revoke one first.")
        token, shown = new_token(unit.scope.tenant, row.id, scopes or SCOPES, now, expires_at)
        unit[DirectoryTokens].add(token)
        unit[Outbox].record(_token_event("directory_token.created", token))
        return token, shown

    def revoke_token(self, unit: TenantUnit, directory_id: str, token_id: str) -> None:
        row = unit[DirectoryTokens].get(token_id)
        if row is None or row.directory_id != directory_id:
            raise NotFound("token")
        if row.revoked_at is None:
            row.revoked_at = unit.clock.now()
            unit[Outbox].record(_token_event("directory_token.revoked", row))


def resource(row: Directory) -> Resource:
    return Resource("directory", row.id, row.name)


def _token_event(action: str, row: DirectoryToken) -> Event:
    context = {"directory_id": row.directory_id, "scopes": row.scopes}
    return Event(action, Resource("directory_token", row.id, row.prefix), context=context)
