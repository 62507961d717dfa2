"""Refresh tokens (RFC 6749 6, RFC 9700 4.14.2): a family per sign-in and app, whose newest token alone is good.

A token is a handle: tenant, family, generation, and a MAC under the family's own seed, which is stored sealed. So the token
of any generation can be told from a forgery, the newest can be made again for a retry, and the database holds none of them.

A family ends with its session, its person, an administrator's wish, a reuse, or its age. A session that merely runs out does
not end it: that is what ``offline_access`` is for.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Index, delete, true, update
from sqlmodel import Field, col, or_, select

from idbroker.kernel.ids import TenantId, is_id, new_id
from idbroker.kernel.secrets import derive, new_secret
from idbroker.keys.envelope import Envelope
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.statements.families import FamilyRow, begin_family, hold_family, read_family, turn_over
from idbroker.storage.unit import TenantRepository, TenantUnit, changed

RETRY_WINDOW = timedelta(seconds=10)
"""How long an identical retry gets the same answer: for a client whose first answer was lost on its way."""

KEPT_FOR = timedelta(days=30)
"""How long an ended family is remembered, so that a late reuse of its tokens is still recognised as one."""

_SECRET = re.compile(r"(fam_[0-9a-hjkmnp-tv-z]{26})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})")


class RefreshFamily(TenantRow, table=True):
    """All refresh tokens that descend from one sign-in at one app."""

    __tablename__ = "refresh_families"
    __table_args__ = (
        Index("ix_refresh_families_tenant_id_session_id", "tenant_id", "session_id"),
        Index("ix_refresh_families_tenant_id_user_id", "tenant_id", "user_id"),
    )

    id: str = Field(primary_key=True)
    session_id: str
    user_id: str
    client_id: str
    grant: dict[str, Any] = Field(sa_type=JsonColumn)
    """issuer, scope, resource and what else the first answer was bound to: no refresh goes beyond it."""
    seed_sealed: bytes
    generation: int
    """That of the newest token."""
    request: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    """The request that the newest token answered, to know a retry by; None for the first."""
    started_at: datetime = Field(sa_type=UtcDateTime)
    rotated_at: datetime = Field(sa_type=UtcDateTime)
    idle_expires_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str | None = None

    def is_live(self, now: datetime) -> bool:
        return self.ended_at is None and now < min(self.expires_at, self.idle_expires_at)


@dataclass(frozen=True, slots=True)
class RefreshHandle:
    """What a refresh token says of itself. Nothing is believed before the MAC is."""

    tenant: TenantId
    family_id: str
    generation: int
    mac: str


def parse_refresh_token(text: str) -> RefreshHandle | None:
    """None for whatever has not the form of a refresh token."""
    handle = parse_handle(text)
    parts = None if handle is None else _SECRET.fullmatch(handle.secret)
    if handle is None or parts is None:
        return None
    return RefreshHandle(handle.tenant, parts[1], int(parts[2]), parts[3])


def family_of(token_id: str) -> str | None:
    """The family that an access token belongs to: its ``jti`` begins with it."""
    family_id, dot, _ = token_id.partition(".")
    return family_id if dot and is_id(family_id, "fam") else None


class RefreshFamilies(TenantRepository):
    def add(self, row: RefreshFamily) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, family_id: str) -> RefreshFamily | None:
        return self.keyed(RefreshFamily, family_id)

    def end(self, family_id: str, reason: str) -> None:
        """No token of the family is good any more. An ended one keeps its first reason."""
        self._end(col(RefreshFamily.id) == family_id, reason)

    def live_of_user(self, user_id: str) -> Sequence[RefreshFamily]:
        now = self.now()
        rows = self.session.execute(select(RefreshFamily).where(RefreshFamily.user_id == user_id)).scalars()
        return [row for row in rows if row.is_live(now)]

    def end_of_session(self, session_id: str, reason: str) -> int:
        """How many families ended with the session."""
        return self._end(col(RefreshFamily.session_id) == session_id, reason)

    def end_of_user(self, user_id: str, reason: str) -> int:
        """How many families ended with everything else of the person, those of sessions that have run out included."""
        return self._end(col(RefreshFamily.user_id) == user_id, reason)

    def end_all(self, reason: str) -> int:
        """How many families there were of anybody."""
        return self._end(true(), reason)

    def any_open(self) -> bool:
        """Whether ``end_all`` would end any."""
        one = select(RefreshFamily.id).where(col(RefreshFamily.ended_at).is_(None)).limit(1)
        return self.session.execute(one).first() is not None

    def _end(self, which: Any, reason: str) -> int:
        statement = (
            update(RefreshFamily)
            .where(which, col(RefreshFamily.ended_at).is_(None))
            .values(ended_at=self.now(), end_reason=reason)
            .execution_options(synchronize_session="fetch")
        )
        return changed(self.session.execute(statement))

    def purge(self) -> int:
        horizon = self.now() - KEPT_FOR
        over = or_(col(RefreshFamily.ended_at) < horizon, col(RefreshFamily.expires_at) < horizon)
        statement = delete(RefreshFamily).where(over).execution_options(synchronize_session=False)
        return changed(self.session.execute(statement))


@dataclass(frozen=True, slots=True)
class Rotated:
    """A good use. ``token`` is the newest refresh token, of that ``generation``; ``at`` when it was first given: a retry gets
    the same again.
    """

    family: FamilyRow
    generation: int
    token: str
    at: datetime


NotUsable = Literal["unknown", "over", "reused"]


class RefreshTokens:
    """Begins families and turns their tokens over. ``absolute`` and ``idle`` are their longest lives."""

    def __init__(self, envelope: Envelope, *, absolute: timedelta, idle: timedelta) -> None:
        self._envelope = envelope
        self._absolute = absolute
        self._idle = idle

    def begin(
        self, unit: TenantUnit, family_id: str, *, session_id: str, user_id: str, client_id: str, grant: Mapping[str, Any]
    ) -> str:
        """A new family of that id. Returns its first token."""
        now, seed = unit.clock.now(), new_secret()
        family = FamilyRow(
            id=family_id,
            session_id=session_id,
            user_id=user_id,
            client_id=client_id,
            grant=dict(grant),
            seed_sealed=self._envelope.seal(unit, _purpose(family_id), seed.encode()),
            generation=0,
            request=None,
            rotated_at=now,
            idle_expires_at=now + self._idle,
            expires_at=now + self._absolute,
            ended_at=None,
        )
        begin_family(unit, family)
        return _token(unit, family_id, seed, 0)

    def find(self, unit: TenantUnit, handle: RefreshHandle) -> FamilyRow | None:
        """The family of a genuine token, of whatever generation and state; None for a forgery."""
        row = read_family(unit, handle.family_id)
        return row if row is not None and self._is_genuine(handle, row, self._seed(unit, row)) else None

    def use(self, unit: TenantUnit, handle: RefreshHandle, client_id: str, request: Mapping[str, Any]) -> Rotated | NotUsable:
        """Turn the token over for a request of that client. A reuse ends the family, in this transaction.

        Only the client that a token was given to can use it up, or end its family by using it twice.
        """
        row = hold_family(unit, handle.family_id)
        if row is None or row.client_id != client_id:
            return "unknown"
        seed = self._seed(unit, row)
        if not self._is_genuine(handle, row, seed):
            return "unknown"
        now = unit.clock.now()
        if not row.is_live(now):
            return "over"
        if handle.generation == row.generation and turn_over(unit, row, request, now + self._idle):
            return Rotated(row, row.generation + 1, _token(unit, row.id, seed, row.generation + 1), now)
        is_retry = row.request == dict(request) and now - row.rotated_at < RETRY_WINDOW
        if handle.generation == row.generation - 1 and is_retry:
            return Rotated(row, row.generation, _token(unit, row.id, seed, row.generation), row.rotated_at)
        unit[RefreshFamilies].end(row.id, "reuse")
        return "reused"

    @staticmethod
    def _is_genuine(handle: RefreshHandle, row: FamilyRow, seed: str) -> bool:
        return hmac.compare_digest(_mac(seed, handle.generation), handle.mac) and handle.generation <= row.generation

    def _seed(self, unit: TenantUnit, row: FamilyRow) -> str:
        return self._envelope.open(unit, _purpose(row.id), row.seed_sealed).decode()


def new_family_id() -> str:
    return new_id("fam")


def end(row: RefreshFamily, now: datetime, reason: str) -> None:
    """No token of the family is good any more. An ended one keeps its first reason."""
    if row.ended_at is None:
        row.ended_at, row.end_reason = now, reason


def _token(unit: TenantUnit, family_id: str, seed: str, generation: int) -> str:
    return str(Handle(unit.scope.tenant, f"{family_id}.{generation}.{_mac(seed, generation)}"))


def _mac(seed: str, generation: int) -> str:
    return derive(seed, f"refresh token {generation}")


def _purpose(family_id: str) -> str:
    return f"refresh-family:{family_id}"
