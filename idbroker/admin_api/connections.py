"""A tenant's connections to identity providers. What their protocol's fields mean, the protocol alone knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_object
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listed, page_of, path_id, read_text
from idbroker.admin_api.rehearsing import DRY_RUN, done, rehearsable
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.apps.model import Apps
from idbroker.connections.model import Connection, Connections
from idbroker.connections.reservations import Reservations, ReservationService
from idbroker.connections.service import ConnectionForm, ConnectionService, new_connection_id, parse_options
from idbroker.federation.contract import ConnectionConfig
from idbroker.kernel.errors import Conflict, Forbidden, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.preconditions import VersionGone
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{TENANT}/connections"
ONE = f"{PATH}/{{connection}}"
OUR_FIELDS = frozenset(ConnectionForm.model_fields)


class IdpFields(Document):
    """A SAML IdP without metadata."""

    entity_id: str
    sso_url: str
    certificates: list[str]


class ProtocolFields(BaseModel):
    """Only for the description: the fields of the protocols that come with the broker. Each protocol reads its own."""

    metadata_xml: str | None = None
    metadata_url: str | None = None
    metadata_certificate: str | None = None
    idp: IdpFields | None = None
    entity_id: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_secret_expires_at: str | None = None
    token_endpoint_auth_method: str | None = None
    token_endpoint_auth_signing_alg: str | None = None
    scopes: list[str] | None = None


class ConnectionBody(ProtocolFields, ConnectionForm):
    """A connection as it is made or changed."""


class NewConnectionBody(ConnectionBody):
    """``reservation``: the id of a reserved connection, whose addresses and keys this one has."""

    reservation: str | None = None


class Warned(Document):
    code: str
    message: str


class ConnectionDocument(Document):
    """With the protocol's own part beside these: ``sp`` and ``idp`` for SAML, ``issuer`` and ``rp`` for OpenID Connect."""

    model_config = ConfigDict(extra="allow")

    id: str
    tenant_id: str
    type: str
    name: str
    vendor: str
    status: str
    options: dict[str, Any]
    attribute_mapping: dict[str, str]
    routing_domains: list[str]
    warnings: list[Warned]
    created_at: Time
    updated_at: Time


class ConnectionCalls:
    def __init__(self, database: Database, service: ConnectionService) -> None:
        self._database = database
        self._service = service
        self._reservations = ReservationService(service)

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        create, update = self.rehearsable_create, rehearsable(self.update)
        return [
            Operation(
                name="create_connection",
                area="Connections",
                summary="Make a connection from SAML metadata (text, URL or fields) or from an OpenID Connect issuer.",
                row=ScopedRoute(method="POST", path=PATH, handler=create, limit="admin_write", permission=write),
                body=NewConnectionBody,
                query=(DRY_RUN,),
                answer=ConnectionDocument,
                status=201,
                problems=(409, 502),
            ),
            Operation(
                name="list_connections",
                area="Connections",
                summary="The tenant's connections, oldest first. Secrets are never given back.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=ConnectionDocument,
                many=True,
            ),
            Operation(
                name="get_connection",
                area="Connections",
                summary="One connection, with what to enter at the identity provider.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=ConnectionDocument,
            ),
            Operation(
                name="update_connection",
                area="Connections",
                summary="Change what is given. In options and attribute_mapping a null takes one member away (RFC 7396).",
                row=ScopedRoute(method="PATCH", path=ONE, handler=update, limit="admin_write", permission=write),
                body=ConnectionBody,
                query=(DRY_RUN,),
                partial=True,
                versioned=True,
                answer=ConnectionDocument,
                problems=(409, 502),
            ),
            Operation(
                name="delete_connection",
                area="Connections",
                summary="Remove a connection. Nobody signs in through it any more.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                versioned=True,
                status=204,
            ),
        ]

    def rehearsable_create(self, call: Call, scope: TenantScope) -> Answer:
        return rehearsable(self.create)(call, scope)

    def check(self, call: Call, tier: str, status: str, has: int) -> None:
        """Draft for a tenant that is not there yet and would have ``has`` connections. Raises Refusal for what cannot be."""
        form = parse(ConnectionForm, read_object(call))
        self._service.draft(form, new_connection_id())
        self._service.plans.check_of(tier, status, "connections", has)

    def check_room(self, unit: TenantUnit, beside: int) -> None:
        """Raise Refusal unless one more could be made after ``beside`` that were rehearsed."""
        self._service.check_room(unit, beside)

    def create(self, call: Call, scope: TenantScope) -> Answer:
        """From a reservation it takes id, keys, and what its options say of our side; drafting may call the IdP."""
        given = read_object(call)
        reserved = given.pop("reservation", None)
        if reserved is None:
            connection_id, current = new_connection_id(), None
        else:
            connection_id, current = self._reserved(scope, reserved)
            if given.get("type", current.protocol) != current.protocol:
                raise invalid_field("/type", f"This reservation is for a connection of the type {current.protocol}.")
            given = merged({"options": current.options.model_dump(mode="json", exclude_defaults=True)}, given, ("options",))
        form = parse(ConnectionForm, given)
        _check_aliases(call, {}, form)
        self._check_default_app(scope, None, form)
        draft = self._service.draft(form, connection_id, current if current is not None and current.settings else None)
        with self._database.tenant(scope) as unit:
            if reserved is not None and not unit[Reservations].take(connection_id):
                raise Conflict("reservation_gone", "This reservation was used or given up meanwhile.")
            row = self._service.create(unit, form, connection_id, draft, reserved=reserved is not None)
            return done(call, self._tagged(unit, row, 201))

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "con")
        rows = unit[Connections].page(text=read_text(call), after=page.after, limit=page.fetch)
        return listed([self._service.document(unit, row) for row in rows[: page.limit]], more=len(rows) > page.limit)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return self._tagged(unit, self._service.known(unit, connection_id_of(call)))

    def update(self, call: Call, scope: TenantScope) -> Answer:
        """Read, draft (which may call the IdP) and write are three steps; who was overtaken in between is told."""
        connection_id, given = connection_id_of(call), read_object(call)
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._service.known(unit, connection_id)
            check_connection_version(call, row)
            current = self._service.open(unit, row)
        if given.get("type", row.type) != row.type:
            raise invalid_field("/type", "The type of a connection cannot change. Make another connection instead.")
        form = parse(ConnectionForm, merged(_kept(row), given, deep=("options", "attribute_mapping")))
        _check_aliases(call, row.options, form)
        self._check_default_app(scope, row.options.get("default_app"), form)
        draft = self._service.draft(form, connection_id, current) if set(given) - OUR_FIELDS else None
        with self._database.tenant(scope) as unit:
            fresh = self._service.known(unit, connection_id)
            check_connection_version(call, fresh)
            if not self._service.differs(unit, fresh, form, draft):
                return self._tagged(unit, fresh)
            if fresh.version != row.version:
                raise Conflict("connection_changed", "The connection was changed by another request meanwhile. Try again.")
            claim(call, unit, fresh)
            self._service.update(unit, fresh, form, draft)
            return done(call, self._tagged(unit, fresh))

    def _check_default_app(self, scope: TenantScope, before: str | None, form: ConnectionForm) -> None:
        """Raise Invalid for an app that is not there or does not serve the tenant. One that has gone since may stay."""
        wanted = parse_options(form.options).default_app
        if wanted in (None, before):
            return
        with self._database.platform(scope.actor, read_only=True) as unit:
            app = unit[Apps].get(wanted)
        if app is None or not app.serves(scope.tenant):
            raise invalid_field("/options/default_app", "There is no such app for this tenant.")

    def _reserved(self, scope: TenantScope, reserved: Any) -> tuple[str, ConnectionConfig]:
        with self._database.tenant(scope, read_only=True) as unit:
            row = unit[Reservations].get(reserved) if isinstance(reserved, str) else None
            if row is None:
                raise invalid_field("/reservation", "There is no such reservation.")
            return row.id, self._reservations.config(unit, row)

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        connection_id = connection_id_of(call)
        if "if-match" in call.headers:
            row = self._service.known(unit, connection_id)
            check_connection_version(call, row)
            claim(call, unit, row)
        self._service.delete(unit, connection_id)
        return NO_CONTENT

    def _tagged(self, unit: TenantUnit, row: Connection, status: int = 200) -> Answer:
        return tagged(self._service.document(unit, row), status, settings=written(row))


def written(row: Connection) -> dict[str, Any]:
    """What its tag is made of for those who write: a secret is not shown and still makes another version."""
    return {"id": row.id, "version": row.version}


def check_connection_version(call: Call, row: Connection) -> None:
    check_version(call, {}, written(row))


def claim(call: Call, unit: TenantUnit, row: Connection) -> None:
    """The next version, for whoever came first. Who named the version that he knew hears 412, others 409."""
    try:
        unit[Connections].claim(row)
    except Conflict as error:
        if "if-match" in call.headers:
            raise VersionGone from error
        raise


def connection_id_of(call: Call) -> str:
    return path_id(call, "connection", "con")


def _check_aliases(call: Call, before: Mapping[str, Any], form: ConnectionForm) -> None:
    """Raise Forbidden when a tenant's own people would have the deployment answer at an address of their choice."""
    for name in ("acs_url_aliases", "request_redirect_uri"):
        differs = (form.options.get(name) or []) != (before.get(name) or [])
        if differs and call.principal is not None and call.principal.tenant is not None:
            raise Forbidden("operators_only", f"Addresses of another product ({name}) are set by operators only.")


def _kept(row: Connection) -> dict[str, Any]:
    """What stays unless it is given. Not the vendor: the service knows whether it stays with another identity provider."""
    return {name: getattr(row, name) for name in OUR_FIELDS - {"vendor"}}
