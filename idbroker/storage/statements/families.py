"""Families of refresh tokens at the token endpoint: begun, held for one caller at a time, turned over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit

_COLUMNS = (
    "id", "session_id", "user_id", "client_id", "grant", "seed_sealed", "generation", "request", "rotated_at",
    "idle_expires_at", "expires_at", "ended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FamilyRow:
    id: str
    session_id: str
    user_id: str
    client_id: str
    grant: dict[str, Any]
    seed_sealed: bytes
    generation: int
    request: dict[str, Any] | None
    rotated_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.ended_at is None and now < min(self.expires_at, self.idle_expires_at)


def _read(*, hold: bool) -> ClauseElement:
    families = MAIN.tables["refresh_families"]
    columns = [families.c[name] for name in _COLUMNS]
    statement = select(*columns).where(families.c.tenant_id == scope(), families.c.id == bindparam("family_id"))
    return statement.with_for_update() if hold else statement


def _begin() -> ClauseElement:
    names = (*_COLUMNS[:-1], "started_at")
    return insert(MAIN.tables["refresh_families"]).values(tenant_id=scope(), **{name: bindparam(name) for name in names})


def _turn_over() -> ClauseElement:
    families = MAIN.tables["refresh_families"]
    names = ("generation", "request", "rotated_at", "idle_expires_at")
    changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    held = (families.c.id == bindparam("family_id"), families.c.generation == bindparam("from_generation"))
    return update(families).where(families.c.tenant_id == scope(), *held).values(changed)


_READ, _HOLD = TenantStatement(lambda: _read(hold=False)), TenantStatement(lambda: _read(hold=True))
_BEGIN, _TURN_OVER = TenantStatement(_begin), TenantStatement(_turn_over)


def read_family(unit: TenantUnit, family_id: str) -> FamilyRow | None:
    found = _READ.first(unit, family_id=family_id)
    return None if found is None else FamilyRow(*found)


def hold_family(unit: TenantUnit, family_id: str) -> FamilyRow | None:
    """The family, for this transaction alone: of several refreshes at one moment each waits for the one before."""
    found = _HOLD.first(unit, family_id=family_id)
    return None if found is None else FamilyRow(*found)


def begin_family(unit: TenantUnit, family: FamilyRow) -> None:
    values = {name: getattr(family, name) for name in _COLUMNS[:-1]}
    _BEGIN.change(unit, started_at=family.rotated_at, **values)


def turn_over(unit: TenantUnit, family: FamilyRow, request: Mapping[str, Any], idle_expires_at: datetime) -> bool:
    """The next generation, for that request, from now on. False when the family has moved on since it was read."""
    changed = _TURN_OVER.change(
        unit,
        family_id=family.id,
        from_generation=family.generation,
        new_generation=family.generation + 1,
        new_request=dict(request),
        new_rotated_at=unit.clock.now(),
        new_idle_expires_at=idle_expires_at,
    )
    return changed == 1
