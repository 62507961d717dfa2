"""Reserved connections: our addresses for consoles that ask for them before they give anything."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listed, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time
from idbroker.connections.reservations import Reservations, ReservationService
from idbroker.connections.service import new_connection_id
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{TENANT}/connection-reservations"
ONE = f"{PATH}/{{connection}}"


class NewReservation(Body):
    """``options`` count now only where they change our side (``sp_entity_id``)."""

    type: str
    vendor: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class ReservationDocument(Document):
    """With our side beside these, as the connection will have it: ``sp`` for SAML, ``rp`` for OpenID Connect."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    vendor: str | None
    options: dict[str, Any]
    created_at: Time


class ReservationCalls:
    def __init__(self, database: Database, service: ReservationService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="reserve_connection",
                area="Connections",
                summary="Fix the addresses of a connection before its identity provider is known. Make it with `reservation`.",
                row=ScopedRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=NewReservation,
                answer=ReservationDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_reservations",
                area="Connections",
                summary="The reserved connections, oldest first.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=PAGE_QUERY,
                answer=ReservationDocument,
                many=True,
            ),
            Operation(
                name="get_reservation",
                area="Connections",
                summary="One reserved connection.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=ReservationDocument,
            ),
            Operation(
                name="drop_reservation",
                area="Connections",
                summary="Give a reserved connection up.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.drop, limit="admin_write", permission=write),
                status=204,
            ),
        ]

    def create(self, call: Call, scope: TenantScope) -> Answer:
        form, connection_id = read_body(call, NewReservation), new_connection_id()
        draft = self._service.draft(form.type, connection_id, form.options)
        with self._database.tenant(scope) as unit:
            row = self._service.reserve(
                unit, connection_id, draft, protocol=form.type, vendor=form.vendor, options=form.options
            )
            return json_answer(self._service.document(row), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "con")
        rows = unit[Reservations].page(after=page.after, limit=page.fetch)
        return listed([self._service.document(row) for row in rows[: page.limit]], more=len(rows) > page.limit)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return json_answer(self._service.document(self._service.known(unit, _id(call))))

    def drop(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.drop(unit, _id(call))
        return NO_CONTENT


def _id(call: Call) -> str:
    return path_id(call, "connection", "con", "reservation")
