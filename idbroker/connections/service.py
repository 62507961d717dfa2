"""Making, changing and opening connections. What settings mean is the protocol's business; this keeps, seals and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idbroker.audit.outbox import Outbox
from idbroker.connections.alias_rows import AcsAliases
from idbroker.connections.candidate_rows import Candidates
from idbroker.connections.model import Connection, Connections, Domain, Domains
from idbroker.connections.notice_rows import ConnectionNotices
from idbroker.connections.refresh_rows import MetadataRefreshes
from idbroker.connections.timing import next_reading
from idbroker.federation.contract import (
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    FederationProtocol,
    Protocols,
)
from idbroker.federation.options import ConnectionOptions
from idbroker.federation.profile import MAPPED_CLAIMS
from idbroker.federation.upkeep import PlainUpkeep, Source, Upkeep, Upkeeps
from idbroker.kernel.addresses import BadAddress, normal_domain
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import ConnectionId, TenantId, new_id
from idbroker.keys.envelope import Envelope
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.entitlements import Plans

MAX_CONNECTIONS = 500
SECRET_PURPOSE = "connection-secrets:"
_VERBS = {"active": "connection.activated", "disabled": "connection.disabled"}


class ConnectionForm(BaseModel):
    """The part of a connection's body that is not the protocol's. The rest goes to the protocol as it came."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    vendor: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    status: Literal["test", "active", "disabled"] = "active"
    options: dict[str, Any] = Field(default_factory=dict)
    attribute_mapping: dict[str, Annotated[str, Field(min_length=1, max_length=512)]] = Field(default_factory=dict)
    routing_domains: Annotated[list[str], Field(max_length=100)] = Field(default_factory=list)


class ConnectionService:
    """``upkeeps`` are those of the protocols that have one."""

    def __init__(
        self, protocols: Protocols, envelope: Envelope, upkeeps: Upkeeps | None = None, plans: Plans | None = None
    ) -> None:
        self._plans = plans or Plans()
        self._protocols = protocols
        self._envelope = envelope
        self._upkeeps = upkeeps or {}
        self._plain = PlainUpkeep()

    def draft(self, form: ConnectionForm, connection_id: str, current: ConnectionConfig | None = None) -> ConnectionDraft:
        """What the protocol understands. May call the IdP, so it happens outside any transaction."""
        protocol = self._protocols.get(form.type)
        if protocol is None:
            raise invalid_field("/type", f"The types are: {', '.join(sorted(self._protocols))}.")
        _check_mapping(form.attribute_mapping)
        upload = ConnectionUpload(ConnectionId(connection_id), form.model_extra or {}, form.vendor, parse_options(form.options))
        return protocol.draft(upload, current)

    def create(
        self, unit: TenantUnit, form: ConnectionForm, connection_id: str, draft: ConnectionDraft, *, reserved: bool = False
    ) -> Connection:
        """Keep a drafted connection. ``reserved``: its id is in the index already."""
        self.check_room(unit)
        now = unit.clock.now()
        row = Connection(
            tenant_id=unit.scope.tenant,
            id=connection_id,
            type=form.type,
            name=form.name,
            vendor=form.vendor or draft.vendor,
            status=form.status,
            settings=dict(draft.settings),
            secrets_sealed=self.seal(unit, connection_id, draft.secrets),
            options=parse_options(form.options).model_dump(mode="json", exclude_defaults=True),
            attribute_mapping=form.attribute_mapping,
            routing_domains=_routing_domains(form.routing_domains),
            warnings=[{"code": w.code, "message": w.message} for w in draft.warnings],
            created_at=now,
            updated_at=now,
        )
        unit[Connections].add(row, indexed=reserved)
        unit[AcsAliases].put(row.id, ConnectionOptions(**row.options).old_addresses)
        unit[Outbox].record(Event("connection.created", resource(row), context={"type": row.type, "status": row.status}))
        self.settled(unit, row, None)
        return row

    def check_room(self, unit: TenantUnit, beside: int = 0) -> None:
        """Raise Conflict or NotEntitled when there is no room for one more. ``beside``: made in a rehearsal alone."""
        has = self._plans.check(unit, "connections", lambda: len(unit[Connections].page(limit=MAX_CONNECTIONS)) + beside)
        if has >= MAX_CONNECTIONS:
            raise Conflict("too_many_connections", f"A tenant can have {MAX_CONNECTIONS} connections.")

    @property
    def plans(self) -> Plans:
        return self._plans

    def differs(self, unit: TenantUnit, row: Connection, form: ConnectionForm, draft: ConnectionDraft | None) -> bool:
        """Whether ``update`` would change anything. What is only said about the settings (warnings) does not count."""
        wanted: dict[str, Any] = {
            "name": form.name,
            "vendor": _vendor(row, form, draft),
            "status": form.status,
            "options": parse_options(form.options).model_dump(mode="json", exclude_defaults=True),
            "attribute_mapping": form.attribute_mapping,
            "routing_domains": _routing_domains(form.routing_domains),
        }
        if any(getattr(row, name) != value for name, value in wanted.items()):
            return True
        if draft is None:
            return False
        secrets = self.unseal(unit, row.id, row.secrets_sealed)
        return _as_stored(draft.settings) != _as_stored(row.settings) or dict(draft.secrets) != secrets

    def update(self, unit: TenantUnit, row: Connection, form: ConnectionForm, draft: ConnectionDraft | None) -> Connection:
        """Change what differs; a ``draft`` replaces the IdP's settings. A change of status is an event of its own."""
        _check_mapping(form.attribute_mapping)
        sha1_before = row.options.get("allow_sha1_until")
        wanted: dict[str, Any] = {
            "name": form.name,
            "vendor": _vendor(row, form, draft),
            "options": parse_options(form.options).model_dump(mode="json", exclude_defaults=True),
            "attribute_mapping": form.attribute_mapping,
            "routing_domains": _routing_domains(form.routing_domains),
        }
        if draft is not None:
            wanted["settings"] = dict(draft.settings)
            wanted["warnings"] = [{"code": w.code, "message": w.message} for w in draft.warnings]
            row.secrets_sealed = self.seal(unit, row.id, draft.secrets)
        told = {name: Change(getattr(row, name), value) for name, value in wanted.items() if getattr(row, name) != value}
        for name, change in told.items():
            setattr(row, name, change.after)
        if told or draft is not None:
            unit[Outbox].record(Event("connection.updated", resource(row), told))
        if form.status != row.status:
            change = Change(row.status, form.status)
            row.status = form.status
            unit[Outbox].record(Event(_VERBS.get(form.status, "connection.updated"), resource(row), {"status": change}))
        row.updated_at = unit.clock.now()
        unit[Connections].bump(row)
        if "options" in told:
            unit[AcsAliases].put(row.id, ConnectionOptions(**row.options).old_addresses)
        self.settled(unit, row, sha1_before)
        return row

    def switch_off(self, unit: TenantUnit, row: Connection, reason: str) -> None:
        """Nobody signs in through it from this transaction on."""
        if row.status == "disabled":
            return
        change = Change(row.status, "disabled")
        row.status, row.updated_at = "disabled", unit.clock.now()
        unit[Connections].bump(row)
        context = {"reason": reason}
        unit[Outbox].record(Event("connection.disabled", resource(row), {"status": change}, context=context))

    def delete(self, unit: TenantUnit, connection_id: str) -> None:
        row = self.known(unit, connection_id)
        unit[Outbox].record(Event("connection.deleted", resource(row)))
        unit[AcsAliases].put(connection_id, ())
        unit[Connections].delete(row)
        unit[Candidates].forget(connection_id)
        unit[MetadataRefreshes].forget(connection_id)
        unit[ConnectionNotices].forget(connection_id)

    def known(self, unit: TenantUnit, connection_id: str) -> Connection:
        row = unit[Connections].get(connection_id)
        if row is None:
            raise NotFound("connection")
        return row

    def open(self, unit: TenantUnit, row: Connection) -> ConnectionConfig:
        """The connection as its protocol sees it, secrets opened."""
        return ConnectionConfig(
            id=ConnectionId(row.id),
            tenant=TenantId(row.tenant_id),
            version=row.version,
            protocol=row.type,
            vendor=row.vendor,
            settings=row.settings,
            secrets=self.unseal(unit, row.id, row.secrets_sealed),
            options=ConnectionOptions(**row.options),
            attribute_mapping=row.attribute_mapping,
            verified_domains=tuple(name for domain in unit[Domains].verified() for name in _spoken_for(domain)),
        )

    @property
    def protocols(self) -> Protocols:
        return self._protocols

    def protocol(self, name: str) -> FederationProtocol:
        return self._protocols[name]

    def upkeep(self, name: str) -> Upkeep:
        return self._upkeeps.get(name, self._plain)

    def source(self, row: Connection) -> Source | None:
        """Where its settings are read again by themselves; None where they are not."""
        if row.options.get("metadata_refresh") == "off":
            return None
        return self.upkeep(row.type).source(row.settings)

    def document(self, unit: TenantUnit, row: Connection) -> Document:
        """The connection as the Admin API shows it; no secret is in it."""
        return {
            "id": row.id,
            "tenant_id": row.tenant_id,
            "type": row.type,
            "name": row.name,
            "vendor": row.vendor,
            "status": row.status,
            **self._protocols[row.type].describe(self.open(unit, row)),
            "options": ConnectionOptions(**row.options).model_dump(mode="json"),
            "attribute_mapping": row.attribute_mapping,
            "routing_domains": row.routing_domains,
            "warnings": row.warnings,
            "created_at": rfc3339(row.created_at),
            "updated_at": rfc3339(row.updated_at),
        }

    def seal(self, unit: TenantUnit, key: str, secrets: Mapping[str, str]) -> bytes:
        """``key`` is the id of what the secrets belong to: sealed for one thing, they do not open for another."""
        return self._envelope.seal(unit, SECRET_PURPOSE + key, json.dumps(dict(secrets)).encode())

    def unseal(self, unit: TenantUnit, key: str, sealed: bytes) -> dict[str, str]:
        """Raises CannotOpen unless it was sealed for that tenant and key."""
        opened: dict[str, str] = json.loads(self._envelope.open(unit, SECRET_PURPOSE + key, sealed))
        return opened

    def settled(self, unit: TenantUnit, row: Connection, sha1_before: str | None) -> None:
        """What follows from a new or changed configuration: when to read its source again, and what is told of SHA-1."""
        source = self.source(row)
        if source is None:
            unit[MetadataRefreshes].forget(row.id)
        elif unit[MetadataRefreshes].next_at(row.id) is None:
            unit[MetadataRefreshes].plan(row.id, next_reading(row.id, unit.clock.now(), source))
        until = row.options.get("allow_sha1_until")
        if until is not None and until != sha1_before:
            unit[Outbox].record(Event("connection.weak_signatures_allowed", resource(row), context={"until": until}))


def _vendor(row: Connection, form: ConnectionForm, draft: ConnectionDraft | None) -> str:
    """The one that is named; else what the new settings betray, and without new settings the one that it has."""
    return form.vendor or (draft.vendor if draft is not None else row.vendor)


def _as_stored(settings: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(settings))


def _spoken_for(domain: Domain) -> tuple[str, ...]:
    return (domain.name, f"*.{domain.name}") if domain.include_subdomains else (domain.name,)


def new_connection_id() -> str:
    return new_id("con")


def parse_options(options: Mapping[str, Any]) -> ConnectionOptions:
    """Raises Invalid with pointers below ``/options``."""
    try:
        return ConnectionOptions(**options)
    except ValidationError as error:
        wrong = [FieldError("/options/" + "/".join(str(p) for p in e["loc"]), e["msg"]) for e in error.errors()]
        raise Invalid("The options are not right.", wrong) from error


def _check_mapping(mapping: Mapping[str, str]) -> None:
    unknown = [claim for claim in mapping if claim not in MAPPED_CLAIMS]
    if unknown:
        known = ", ".join(MAPPED_CLAIMS)
        raise Invalid(
            f"The claims that can be mapped are: {known}.",
            [FieldError(f"/attribute_mapping/{claim}", "unknown claim") for claim in unknown],
        )


def _routing_domains(names: list[str]) -> list[str]:
    try:
        return sorted({normal_domain(name) for name in names})
    except BadAddress as error:
        raise invalid_field("/routing_domains", f"{error}.") from error


def resource(row: Connection) -> Resource:
    return Resource("connection", row.id, row.name)
