"""The diagnosis of a pasted SAML response: the checks of a real sign-in, run to the end, changing nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.connections import ONE, connection_id_of
from idbroker.admin_api.findings import Report
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.shapes import Body, shown
from idbroker.connections.service import ConnectionService
from idbroker.federation.contract import UnverifiedReply
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute

MAX_RESPONSE = 400_000


class PastedResponse(Body):
    saml_response: Annotated[str, StringConstraints(min_length=1, max_length=MAX_RESPONSE)]


class ExplainCall:
    def __init__(self, database: Database, service: ConnectionService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="explain_response",
                area="Connections",
                summary="Every check of a pasted SAML response, with what was expected, what came, and what to do.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{ONE}/explain",
                    handler=self.explain,
                    limit="admin_write",
                    permission=Permission.CONNECTIONS_READ,
                ),
                body=PastedResponse,
                answer=Report,
            )
        ]

    def explain(self, call: Call, scope: TenantScope) -> Answer:
        """No transaction is held while the signature is checked."""
        connection_id = connection_id_of(call)
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._service.known(unit, connection_id)
            connection = self._service.open(unit, row)
        form = read_body(call, PastedResponse)
        protocol = self._service.protocol(row.type)
        address = next((one.name for one in protocol.endpoints if one.kind == "reply" and one.method == "POST"), None)
        if address is None:
            raise invalid_field("/saml_response", f"A connection of type {row.type} gets no SAML responses.")
        text = "".join(form.saml_response.split())
        reply = UnverifiedReply("POST", f"{call.base_url}/{row.type}/{row.id}/{address}", {"SAMLResponse": text})
        return shown(Report.model_validate(protocol.report(connection, reply, None)))
