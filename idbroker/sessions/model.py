"""Sessions and authorization codes as rows. Secrets are stored as digests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, bindparam, case, delete, distinct, func, update
from sqlalchemy import select as sqlselect
from sqlmodel import Field, col, or_, select

from idbroker.kernel.clock import Day
from idbroker.storage.rows import MAIN, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.statement import EngineStatement, TenantStatement, among, scope
from idbroker.storage.unit import TenantRepository, changed

KEPT_FOR = timedelta(days=90)
"""How long a session that is over is remembered."""

CODES_KEPT_FOR = timedelta(days=1)
"""How long a code is remembered after its minute, so that a late second use is still recognised as one."""

PURGED_AT_ONCE = 1000


class Session(TenantRow, table=True):
    """The broker's own session of a signed-in person, in one browser and one tenant."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_tenant_id_user_id", "tenant_id", "user_id"),
        Index("ix_sessions_tenant_id_connection_id_started_at", "tenant_id", "connection_id", "started_at"),
        Index("ix_sessions_tenant_id_upstream_person_digest", "tenant_id", "upstream_person_digest"),
        Index("ix_sessions_tenant_id_upstream_session_digest", "tenant_id", "upstream_session_digest"),
    )

    id: str = Field(primary_key=True)
    user_id: str
    connection_id: str
    secret_digest: str
    authenticated_at: datetime = Field(sa_type=UtcDateTime)
    """``auth_time``: when the person proved himself, as the IdP says."""
    amr: list[str] = Field(sa_type=JsonColumn)
    acr: str | None = None
    upstream_sealed: bytes | None = None
    """What a logout at the IdP needs (NameID, SessionIndex, ``sid``), sealed."""
    upstream_person_digest: str | None = None
    upstream_session_digest: str | None = None
    """By which a logout of the IdP finds the session."""
    ip: str | None = None
    user_agent: str | None = None
    started_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str | None = None


class SessionApp(TenantRow, table=True):
    """An app that got tokens under a session."""

    __tablename__ = "session_apps"

    session_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=UtcDateTime)


class AuthorizationCode(TenantRow, table=True):
    """A code given to an app: 60 s, once, bound to client, redirect URI and PKCE challenge (RFC 6749 4.1.2, RFC 7636)."""

    __tablename__ = "authorization_codes"
    __table_args__ = (Index("ix_authorization_codes_tenant_id_session_id", "tenant_id", "session_id"),)

    digest: str = Field(primary_key=True)
    session_id: str
    client_id: str
    grant: dict[str, Any] = Field(sa_type=JsonColumn)
    """redirect_uri, scope, nonce, code_challenge, issuer: what the token endpoint must hold the client to."""
    expires_at: datetime = Field(sa_type=UtcDateTime)
    consumed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    access_token_id: str | None = None
    """``jti`` of the access token that it gave, so that a second use can revoke it."""


def _open() -> Any:
    # ``refresh_families`` is named by its name: its module builds on this one.
    sessions, families = MAIN.tables["sessions"].c, MAIN.tables["refresh_families"].c
    live = sqlselect(sessions.id).where(
        sessions.tenant_id == scope(),
        sessions.user_id == bindparam("user"),
        sessions.ended_at.is_(None),
        sessions.expires_at > bindparam("moment"),
    )
    unended = sqlselect(families.id).where(
        families.tenant_id == scope(), families.user_id == bindparam("user"), families.ended_at.is_(None)
    )
    return live.union_all(unended).limit(1)


_OPEN = TenantStatement(_open)


def _apps(engine: str) -> Any:
    apps = MAIN.tables["session_apps"].c
    wanted = sqlselect(apps.session_id, apps.client_id).where(
        apps.tenant_id == scope(), among(apps.session_id, "sessions", engine)
    )
    return wanted.order_by(apps.first_at)


_APPS = EngineStatement(_apps)


class Sessions(TenantRepository):
    def add(self, row: Session) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, session_id: str) -> Session | None:
        return self.keyed(Session, session_id)

    def page(
        self, *, user_id: str | None = None, live: bool = False, after: str | None = None, limit: int = 50
    ) -> Sequence[Session]:
        statement = select(Session).order_by(col(Session.id)).limit(limit)
        if live:
            statement = statement.where(col(Session.ended_at).is_(None), col(Session.expires_at) > self.now())
        if user_id is not None:
            statement = statement.where(Session.user_id == user_id)
        if after:
            statement = statement.where(col(Session.id) > after)
        return self.session.execute(statement).scalars().all()

    def live_of_user(self, user_id: str) -> Sequence[Session]:
        statement = select(Session).where(
            Session.user_id == user_id, col(Session.ended_at).is_(None), col(Session.expires_at) > self.now()
        )
        return self.session.execute(statement).scalars().all()

    def anything_open(self, user_id: str) -> bool:
        """Whether there is anything to end when he is switched off: mostly there is not."""
        return _OPEN.first(self.unit, user=user_id, moment=self.now()) is not None

    def latest_at(self, connection_id: str) -> datetime | None:
        """When somebody last signed in through that connection."""
        newest = select(Session.started_at).where(Session.connection_id == connection_id)
        return self.session.execute(newest.order_by(col(Session.started_at).desc()).limit(1)).scalar()

    def people_by_day(self, days: Sequence[Day]) -> list[int]:
        """How many different people signed in on each day."""
        started = col(Session.started_at)
        number = case(*((started < day.ends, at) for at, day in enumerate(days)), else_=len(days))
        statement = select(number, func.count(distinct(col(Session.user_id)))).where(started >= days[0].begins)
        found: dict[int, int] = {row[0]: row[1] for row in self.session.execute(statement.group_by(number))}
        return [found.get(at, 0) for at in range(len(days))]

    def of_upstream(self, person_digest: str) -> Sequence[Session]:
        """The live sessions of somebody whom the IdP names so."""
        statement = select(Session).where(
            Session.upstream_person_digest == person_digest,
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > self.now(),
        )
        return self.session.execute(statement).scalars().all()

    def of_upstream_sessions(self, session_digests: Sequence[str]) -> Sequence[Session]:
        """The live sessions that began under one of these sessions of an IdP."""
        statement = select(Session).where(
            col(Session.upstream_session_digest).in_(session_digests),
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > self.now(),
        )
        return self.session.execute(statement).scalars().all()

    def forget_upstream(self, span: timedelta) -> int:
        """Let go of what was kept for a logout at the IdP, of sessions that have been over for so long. Answers how many."""
        over = self.now() - span
        statement = (
            update(Session)
            .where(col(Session.upstream_sealed).is_not(None), or_(col(Session.ended_at) < over, col(Session.expires_at) < over))
            .values(upstream_sealed=None)
        )
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))

    def apps(self, session_ids: Sequence[str]) -> dict[str, list[str]]:
        """Session id → client ids that got tokens under it."""
        found: dict[str, list[str]] = {}
        for session_id, client_id in _APPS.rows(self.unit, sessions=list(session_ids)):
            found.setdefault(session_id, []).append(client_id)
        return found

    def note_app(self, session_id: str, client_id: str) -> None:
        if self.keyed(SessionApp, session_id, client_id) is None:
            row = SessionApp(tenant_id=self.tenant, session_id=session_id, client_id=client_id, first_at=self.now())
            self.session.add(row)

    def purge(self) -> int:
        """Forget the sessions that have long been over, with their apps. Those that refresh tokens still hang on are kept."""
        # ``refresh_families`` is named by its name: its module builds on this one.
        families = MAIN.tables["refresh_families"].c
        held = select(families.session_id).where(families.tenant_id == self.tenant)
        over = or_(col(Session.ended_at) < self.now() - KEPT_FOR, col(Session.expires_at) < self.now() - KEPT_FOR)
        statement = select(Session.id).where(over, col(Session.id).not_in(held)).limit(PURGED_AT_ONCE)
        ids = self.session.execute(statement).scalars().all()
        for cls, key in ((SessionApp, col(SessionApp.session_id)), (AuthorizationCode, col(AuthorizationCode.session_id))):
            self.session.execute(delete(cls).where(key.in_(ids)).execution_options(synchronize_session=False))
        gone = delete(Session).where(col(Session.id).in_(ids)).execution_options(synchronize_session=False)
        return changed(self.session.execute(gone))


class AuthorizationCodes(TenantRepository):
    def add(self, row: AuthorizationCode) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, digest: str) -> AuthorizationCode | None:
        return self.keyed(AuthorizationCode, digest)

    def held(self, digest: str) -> AuthorizationCode | None:
        """The code, for this transaction alone."""
        statement = select(AuthorizationCode).where(AuthorizationCode.digest == digest).with_for_update()
        return self.session.execute(statement).scalars().first()

    def purge(self) -> int:
        """Forget codes that gave nothing, and those of sessions that are over: until then they say whom to tell of the end."""
        horizon = self.now() - CODES_KEPT_FOR
        live = select(Session.id).where(
            Session.tenant_id == self.tenant, col(Session.ended_at).is_(None), col(Session.expires_at) > horizon
        )
        needless = or_(col(AuthorizationCode.consumed_at).is_(None), col(AuthorizationCode.session_id).not_in(live))
        statement = delete(AuthorizationCode).where(col(AuthorizationCode.expires_at) < horizon, needless)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))

    def revoke_of_session(self, session_id: str) -> None:
        self.session.execute(
            update(AuthorizationCode)
            .where(col(AuthorizationCode.session_id) == session_id, col(AuthorizationCode.revoked_at).is_(None))
            .values(revoked_at=self.now())
            .execution_options(synchronize_session=False)
        )
