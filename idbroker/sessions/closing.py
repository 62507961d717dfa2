"""Ending everything that a tenant's people have open: when the tenant is closed, and at the operator's alarm."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import col, select

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.refresh import RefreshFamilies
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED, Status
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.service import TenantService

BATCH = 100


class Closing:
    def __init__(self, database: Database, tenants: TenantService, sessions: SessionService) -> None:
        self._database = database
        self._tenants = tenants
        self._sessions = sessions

    def move(self, scope: TenantScope, to: Status, reason: str, check: Callable[[Tenant], None] | None = None) -> Tenant:
        """Move the tenant to another state of its life cycle. Where nobody may sign in, nobody stays signed in.

        From the first transaction on the state itself keeps everybody out; what was open is then ended batch by batch, so
        that no writer is held up, and the worker goes on where a kill has stopped it. Raises Conflict, and whatever
        ``check`` raises for the tenant as it is when nobody else can change it.
        """
        with self._database.platform(scope.actor) as unit:
            held = unit[Tenants].held(scope.tenant)
            if check is not None and held is not None:
                check(held)
            tenant = self._tenants.transition(unit, scope.tenant, to, reason)
        if to not in SIGN_IN_ALLOWED:
            self.end_sessions(scope, f"tenant_{to}")
        return tenant

    def end_sessions(self, scope: TenantScope, reason: str, *, connection_id: str | None = None) -> int:
        """End all sessions, or all of one connection, and with them what they gave. Answers how many there were."""
        ended = 0
        while True:
            with self._database.tenant(scope) as unit:
                rows = _live(unit, connection_id)
                for row in rows:
                    self._sessions.end(unit, row, reason)
                ended += len(rows)
                if len(rows) == BATCH:
                    continue
                if connection_id is None:
                    unit[RefreshFamilies].end_all(reason)
                if ended:
                    told = {"reason": reason, "sessions": ended, "connection_id": connection_id}
                    unit[Outbox].record(Event("tenant.sessions_ended", Resource("tenant", scope.tenant), context=told))
                return ended

    def end_what_is_open(self, scope: TenantScope, reason: str) -> int:
        """``end_sessions``, where there is anything to end: of a tenant that has long been closed it only reads."""
        with self._database.tenant(scope, read_only=True) as unit:
            is_open = bool(_live(unit, None, limit=1)) or unit[RefreshFamilies].any_open()
        return self.end_sessions(scope, reason) if is_open else 0

    def freeze(self, unit: PlatformUnit, scope: TenantScope, *, frozen: bool, reason: str) -> Tenant:
        return self._tenants.freeze(unit, scope.tenant, frozen=frozen, reason=reason)


def _live(unit: TenantUnit, connection_id: str | None, limit: int = BATCH) -> list[Session]:
    statement = select(Session).where(col(Session.ended_at).is_(None), col(Session.expires_at) > unit.clock.now())
    if connection_id is not None:
        statement = statement.where(col(Session.connection_id) == connection_id)
    return list(unit[Sessions].session.execute(statement.order_by(col(Session.id)).limit(limit)).scalars())
