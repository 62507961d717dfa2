"""Reserved connections: our side of one (addresses, entity id, keys) is final before its identity provider is known.

Many consoles ask for our values first and give theirs afterwards. A reservation signs nobody in: it is no connection yet,
it only says what the connection that is made from it will be called and which keys it will have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Field, col, select

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import ConnectionIndex
from idbroker.connections.service import ConnectionService, parse_options
from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, Document
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import ConnectionId, TenantId
from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit, changed

MAX_RESERVATIONS = 50


class ConnectionReservation(TenantRow, table=True):
    """``id`` is the connection's, from now on. ``settings`` and secrets are what the protocol keeps of our side."""

    __tablename__ = "connection_reservations"

    id: str = Field(primary_key=True)
    type: str
    vendor: str | None = None
    settings: dict[str, Any] = Field(sa_type=JsonColumn)
    secrets_sealed: bytes
    options: dict[str, Any] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Reservations(TenantRepository):
    def add(self, row: ConnectionReservation) -> None:
        """With its entry in the index: the addresses bear its id and no tenant."""
        self.session.add(row)
        self.session.add(ConnectionIndex(tenant_id=self.tenant, connection_id=row.id))
        self.session.flush()

    def get(self, connection_id: str) -> ConnectionReservation | None:
        return self.keyed(ConnectionReservation, connection_id)

    def page(self, *, after: str | None = None, limit: int = 50) -> Sequence[ConnectionReservation]:
        statement = select(ConnectionReservation).order_by(col(ConnectionReservation.id)).limit(limit)
        if after:
            statement = statement.where(col(ConnectionReservation.id) > after)
        return self.session.execute(statement).scalars().all()

    def take(self, connection_id: str) -> bool:
        """Remove it and leave the index: for one caller only, who makes the connection."""
        statement = delete(ConnectionReservation).where(col(ConnectionReservation.id) == connection_id)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def drop(self, row: ConnectionReservation) -> None:
        indexed = self.session.get(ConnectionIndex, row.id)
        if indexed is not None and indexed.tenant_id == self.tenant:
            self.session.delete(indexed)
        self.session.delete(row)
        self.session.flush()


class ReservationService:
    def __init__(self, connections: ConnectionService) -> None:
        self._connections = connections

    def draft(self, protocol: str, connection_id: str, options: Mapping[str, Any]) -> ConnectionDraft:
        """What must be kept of our side; making keys takes its time, so outside any transaction. Raises Invalid."""
        if protocol not in self._connections.protocols:
            raise invalid_field("/type", f"The types are: {', '.join(sorted(self._connections.protocols))}.")
        return self._connections.protocol(protocol).reserve(ConnectionId(connection_id), parse_options(options))

    def reserve(
        self,
        unit: TenantUnit,
        row_id: str,
        draft: ConnectionDraft,
        *,
        protocol: str,
        vendor: str | None,
        options: Mapping[str, Any],
    ) -> ConnectionReservation:
        if len(unit[Reservations].page(limit=MAX_RESERVATIONS)) >= MAX_RESERVATIONS:
            raise Conflict("too_many_reservations", f"A tenant can reserve {MAX_RESERVATIONS} connections. Give one up.")
        row = ConnectionReservation(
            tenant_id=unit.scope.tenant,
            id=row_id,
            type=protocol,
            vendor=vendor,
            settings=dict(draft.settings),
            secrets_sealed=self._connections.seal(unit, row_id, draft.secrets),
            options=parse_options(options).model_dump(mode="json", exclude_defaults=True),
            created_at=unit.clock.now(),
        )
        unit[Reservations].add(row)
        unit[Outbox].record(Event("connection.reserved", Resource("connection", row.id), context={"type": protocol}))
        return row

    def known(self, unit: TenantUnit, connection_id: str) -> ConnectionReservation:
        row = unit[Reservations].get(connection_id)
        if row is None:
            raise NotFound("reservation")
        return row

    def config(self, unit: TenantUnit, row: ConnectionReservation) -> ConnectionConfig:
        """Our side as a protocol sees it: enough to publish, and to be what a draft's ``current`` keeps the keys of."""
        return ConnectionConfig(
            id=ConnectionId(row.id),
            tenant=TenantId(row.tenant_id),
            version=0,
            protocol=row.type,
            vendor=row.vendor or "generic",
            settings=row.settings,
            secrets=self._connections.unseal(unit, row.id, row.secrets_sealed),
            options=ConnectionOptions(**row.options),
            attribute_mapping={},
        )

    def drop(self, unit: TenantUnit, connection_id: str) -> None:
        row = self.known(unit, connection_id)
        unit[Reservations].drop(row)
        unit[Outbox].record(Event("connection.reservation_dropped", Resource("connection", row.id)))

    def document(self, row: ConnectionReservation) -> Document:
        options = ConnectionOptions(**row.options)
        return {
            "id": row.id,
            "type": row.type,
            "vendor": row.vendor,
            **self._connections.protocol(row.type).addresses(ConnectionId(row.id), options),
            "options": row.options,
            "created_at": rfc3339(row.created_at),
        }
