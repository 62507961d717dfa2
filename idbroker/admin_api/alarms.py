"""The operator's brakes: freeze a tenant, end all its sessions, stop one identity provider. Each says why, and the tenant's
trail holds it."""

from __future__ import annotations

from collections.abc import Callable

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import path_id
from idbroker.admin_api.shapes import Body, Document, Text, shown
from idbroker.admin_api.tenants import TenantDocument, shown_tenant
from idbroker.connections.service import ConnectionService
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.closing import Closing
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute


class Alarm(Body):
    reason: Text


class EndedSessions(Document):
    sessions: int


class AlarmCalls:
    def __init__(self, database: Database, closing: Closing, connections: ConnectionService) -> None:
        self._database = database
        self._closing = closing
        self._connections = connections

    def operations(self) -> list[Operation]:
        operate, end, write = Permission.OPERATE_TENANTS, Permission.SESSIONS_END, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="freeze_tenant",
                area="Tenants",
                summary="Let the tenant's own people change nothing for now. They go on signing in.",
                row=self._row("/freeze", self.freeze, operate),
                body=Alarm,
                answer=TenantDocument,
            ),
            Operation(
                name="unfreeze_tenant",
                area="Tenants",
                summary="Let the tenant's own people change things again.",
                row=self._row("/unfreeze", self.unfreeze, operate),
                body=Alarm,
                answer=TenantDocument,
            ),
            Operation(
                name="end_all_sessions",
                area="Sessions",
                summary="End every session of the tenant at once, and all that was given under them.",
                row=self._row("/end-sessions", self.end_sessions, end),
                body=Alarm,
                answer=EndedSessions,
            ),
            Operation(
                name="stop_connection",
                area="Connections",
                summary="Switch a connection off and end all sessions that began at it.",
                row=self._row("/connections/{connection}/stop", self.stop, write),
                body=Alarm,
                answer=EndedSessions,
            ),
        ]

    def freeze(self, call: Call, scope: TenantScope) -> Answer:
        return self._frozen(call, scope, frozen=True)

    def unfreeze(self, call: Call, scope: TenantScope) -> Answer:
        return self._frozen(call, scope, frozen=False)

    def end_sessions(self, call: Call, scope: TenantScope) -> Answer:
        reason = read_body(call, Alarm).reason
        return shown(EndedSessions(sessions=self._closing.end_sessions(scope, reason)))

    def stop(self, call: Call, scope: TenantScope) -> Answer:
        connection = path_id(call, "connection", "con")
        with self._database.tenant(scope) as unit:
            row = self._connections.known(unit, connection)
            reason = read_body(call, Alarm).reason
            self._connections.switch_off(unit, row, reason)
        return shown(EndedSessions(sessions=self._closing.end_sessions(scope, reason, connection_id=connection)))

    def _frozen(self, call: Call, scope: TenantScope, *, frozen: bool) -> Answer:
        reason = read_body(call, Alarm).reason
        with self._database.platform(scope.actor) as unit:
            row = self._closing.freeze(unit, scope, frozen=frozen, reason=reason)
            return shown(shown_tenant(row, call))

    def _row(self, path: str, handler: Callable[[Call, TenantScope], Answer], permission: Permission) -> ScopedRoute:
        return ScopedRoute(method="POST", path=TENANT + path, handler=handler, limit="admin_write", permission=permission)
