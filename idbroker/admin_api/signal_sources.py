"""Signals of a connection's identity provider: where they come from, what must stand in them, and whether any came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.connections import ONE as CONNECTION
from idbroker.admin_api.connections import connection_id_of
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time, shown
from idbroker.connections.model import Connection
from idbroker.connections.service import ConnectionService
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.signals.sources import Expected, SignalSource, SignalSourceForm, SignalSources, SignalSourceService
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

ONE = f"{CONNECTION}/signals"


class SignalSourceDocument(Document):
    """``push_url`` is what the provider's admin enters (RFC 8935); ``poll_url`` is the provider's, where it is polled (RFC
    8936). ``poll_token`` is never given back."""

    connection_id: str
    enabled: bool
    push_url: str
    issuer: str
    jwks_uri: str
    audience: list[str]
    poll_url: str | None
    has_poll_token: bool
    last_received_at: Time | None
    last_refused_at: Time | None
    last_error: str | None
    created_at: Time
    updated_at: Time


class SignalSourceCalls:
    """``find_keys`` reads an issuer's description: (issuer) → its key set's address. Raises Invalid."""

    def __init__(
        self,
        database: Database,
        connections: ConnectionService,
        sources: SignalSourceService,
        find_keys: Callable[[str], str],
    ) -> None:
        self._database = database
        self._connections = connections
        self._sources = sources
        self._find_keys = find_keys

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="get_signal_source",
                area="Shared Signals",
                summary="Where signals of the connection's identity provider come from, and when some last came.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=SignalSourceDocument,
            ),
            Operation(
                name="put_signal_source",
                area="Shared Signals",
                summary="Receive signals of the connection's identity provider. Issuer, keys and audience are the connection's "
                "own unless they are given.",
                row=ScopedRoute(method="PUT", path=ONE, handler=self.put, limit="admin_write", permission=write),
                body=SignalSourceForm,
                answer=SignalSourceDocument,
            ),
            Operation(
                name="delete_signal_source",
                area="Shared Signals",
                summary="Receive no more signals of the connection's identity provider.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                status=204,
            ),
        ]

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        connection, row = self._known(unit, call)
        if row is None:
            raise NotFound("receiver")
        return shown(_document(row, connection, call.base_url))

    def put(self, call: Call, scope: TenantScope) -> Answer:
        """The provider's description is read between two transactions."""
        form = read_body(call, SignalSourceForm)
        with self._database.tenant(scope, read_only=True) as unit:
            connection, kept = self._known(unit, call)
        expected = self._expected(form, connection, kept, push_url(call.base_url, connection.id))
        with self._database.tenant(scope) as unit:
            connection, _ = self._known(unit, call)
            row = self._sources.put(unit, connection, form, expected)
            return shown(_document(row, connection, call.base_url))

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        connection, row = self._known(unit, call)
        if row is None:
            raise NotFound("receiver")
        self._sources.delete(unit, connection, row)
        return NO_CONTENT

    def _known(self, unit: TenantUnit, call: Call) -> tuple[Connection, SignalSource | None]:
        connection = self._connections.known(unit, connection_id_of(call))
        return connection, unit[SignalSources].get(connection.id)

    def _expected(self, form: SignalSourceForm, connection: Connection, kept: SignalSource | None, push: str) -> Expected:
        own: dict[str, Any] = connection.settings if connection.type == "oidc" else {}
        issuer = form.issuer or own.get("issuer")
        if issuer is None:
            raise invalid_field("/issuer", "The issuer of the signals is needed: a SAML connection has none of its own.")
        if form.jwks_uri is not None:
            jwks_uri = form.jwks_uri
        elif issuer == own.get("issuer"):
            jwks_uri = own["jwks_uri"]
        elif kept is not None and kept.issuer == issuer:
            jwks_uri = kept.jwks_uri
        else:
            jwks_uri = self._find_keys(issuer)
        usual = [own["client_id"], push] if "client_id" in own else [push]
        return Expected(issuer, jwks_uri, form.audience or (kept.audience if kept is not None else usual))


def push_url(base_url: str, connection_id: str) -> str:
    return f"{base_url}/signals/{connection_id}"


def _document(row: SignalSource, connection: Connection, base_url: str) -> SignalSourceDocument:
    return SignalSourceDocument.model_validate(
        {
            **row.model_dump(),
            "push_url": push_url(base_url, connection.id),
            "has_poll_token": row.poll_token_sealed is not None,
        }
    )
