"""Looking after a connection: its metadata read again at once, the keys of our side changed."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.candidates import ChangeDocument
from idbroker.admin_api.connections import ONE, ConnectionDocument, connection_id_of
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.shapes import Body, Document, Time
from idbroker.connections.refresh import Refresher
from idbroker.connections.service import ConnectionService
from idbroker.connections.sp_keys import roll_over
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import ScopedRoute


class RefreshDocument(Document):
    """``candidate`` holds what waits for an admin's word; ``next_at`` is when it is read again by itself."""

    outcome: Literal["unchanged", "taken", "held", "failed", "overtaken"]
    changes: list[ChangeDocument]
    candidate: str | None
    error: str | None
    next_at: Time | None


class RolloverStepBody(Body):
    step: Literal["begin", "finish", "cancel"]


class UpkeepCalls:
    def __init__(self, database: Database, connections: ConnectionService, refresher: Refresher) -> None:
        self._database = database
        self._connections = connections
        self._refresher = refresher

    def operations(self) -> list[Operation]:
        write = Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="refresh_connection",
                area="Connections",
                summary="Read the connection's metadata URL again now, as happens by itself once a day.",
                row=ScopedRoute(
                    method="POST", path=f"{ONE}/refresh", handler=self.refresh, limit="admin_write", permission=write
                ),
                answer=RefreshDocument,
                problems=(409,),
            ),
            Operation(
                name="roll_over_sp_keys",
                area="Connections",
                summary="Change the key of our side: begin publishes a second, finish lets it take over, cancel forgets it.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{ONE}/sp-keys/rollover",
                    handler=self.roll_over,
                    limit="admin_write",
                    permission=write,
                ),
                body=RolloverStepBody,
                answer=ConnectionDocument,
                problems=(409,),
            ),
        ]

    def refresh(self, call: Call, scope: TenantScope) -> Answer:
        return json_answer(self._refresher.refresh(scope, connection_id_of(call)).as_document())

    def roll_over(self, call: Call, scope: TenantScope) -> Answer:
        connection_id = connection_id_of(call)
        step = read_body(call, RolloverStepBody).step
        roll_over(self._database, self._connections, scope, connection_id, step)
        with self._database.tenant(scope, read_only=True) as unit:
            return json_answer(self._connections.document(unit, self._connections.known(unit, connection_id)))
