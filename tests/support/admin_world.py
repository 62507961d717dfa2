"""The Admin API on a real SQLite database behind the real edge, with toy protocols and a DNS that says what it is told."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from idbroker import plugins
from idbroker.access.api_keys import ApiKeys
from idbroker.admin_api.portraits import Portraitist
from idbroker.admin_api.routes import AdminApi
from idbroker.app import scim_knowledge
from idbroker.apps.service import AppService
from idbroker.audit.notary import Notary
from idbroker.audit.trail import Trail
from idbroker.connections.candidates import CandidateService
from idbroker.connections.domains import DomainService
from idbroker.connections.refresh import Refresher
from idbroker.connections.service import ConnectionService
from idbroker.directories.service import DirectoryService
from idbroker.directory.model import Group, Groups, Identities, Identity, User, Users
from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    Endpoint,
    Finding,
    UnverifiedReply,
    Warn,
)
from idbroker.kernel.errors import FieldError, Invalid
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.rotation import KeyRotation
from idbroker.keys.signing import SigningKeyRing
from idbroker.keys.trail_keys import TrailKeyRing
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.trials import Trials
from idbroker.outbound_scim.pushing import ScimPusher
from idbroker.outbound_scim.service import OutboundScim
from idbroker.sessions.service import Beginning, SessionService
from idbroker.signals.sources import SignalSourceService
from idbroker.signals.streams import SignalStreamService
from idbroker.streams.contract import Doors
from idbroker.streams.dispatch import StreamDispatcher, wake_streams
from idbroker.streams.secrets import StreamSecrets
from idbroker.streams.service import StreamService
from idbroker.tenants.entitlements import Plans
from idbroker.tenants.service import TenantService
from idbroker.web.edge import Bridge, Edge, EdgeSettings, application
from idbroker.web.problems import problem
from idbroker.web.tenancy import Tenancy
from idbroker.webhooks.dispatch import WebhookDispatcher
from idbroker.webhooks.service import WebhookService
from tests.support.client import Client
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.receivers import Lines, Receivers
from tests.support.upkeep import ScriptedUpkeep

BASE = "https://id.example.com"
OPERATOR = Actor(type="operator", name="test")


class ToyProtocol:
    """Takes the fields that it is told of, keeps the rest of what it had, and hides its secret."""

    def __init__(self, name: str, fields: Sequence[str], endpoints: Sequence[Endpoint]) -> None:
        self.name = name
        self.endpoints = endpoints
        self._fields = fields
        self.drafts: list[ConnectionUpload] = []
        self.replies: list[UnverifiedReply] = []

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        self.drafts.append(upload)
        unknown = [name for name in upload.fields if name not in self._fields]
        if unknown or not (upload.fields or current):
            raise Invalid("This cannot be used.", [FieldError(f"/{name}", "unknown field") for name in unknown])
        secrets = dict(current.secrets) if current else {}
        if "client_secret" in upload.fields:
            secrets["client_secret"] = upload.fields["client_secret"]
        shown = {name: value for name, value in upload.fields.items() if name != "client_secret"}
        return ConnectionDraft({**(current.settings if current else {}), **shown}, secrets, "generic", (Warn("toy", "A toy."),))

    def describe(self, connection: ConnectionConfig) -> Document:
        return {"idp": dict(connection.settings), "has_secret": bool(connection.secrets)}

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        self.replies.append(reply)
        good = reply.params["SAMLResponse"] == base64.b64encode(b"<good/>").decode()
        return [
            Finding("size", "preflight", "pass", "SAML core 5"),
            Finding("signature", "crypto", "pass" if good else "fail", "XMLDSig", "a signature", "none", "Sign it."),
        ]

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        findings = self.explain(connection, reply, attempt)
        refused = any(finding.outcome == "fail" for finding in findings)
        return {
            "verdict": "refuse" if refused else "accept",
            "code": "toy_signature" if refused else None,
            "findings": [finding.as_document() for finding in findings],
            "attributes": {"mail": ["alice@acme.example"]},
            "mapped": {"email": "alice@acme.example"},
            "xml": "<toy/>",
        }


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@dataclass
class AdminWorld:
    stores: Stores
    clock: TestClock
    txt: dict[str, list[str]] = field(default_factory=dict)
    folder: Path | None = None
    """For streams into files."""

    def __post_init__(self) -> None:
        envelope = self.envelope = Envelope(LocalMasterKeys([bytes(range(32))]))
        acs = Endpoint("reply", "POST", "acs")
        self.saml = ToyProtocol("saml", ("metadata_xml", "metadata_url", "idp"), [acs])
        self.oidc = ToyProtocol("oidc", ("issuer", "client_id", "client_secret", "scopes"), [])
        self.upkeep = ScriptedUpkeep()
        protocols: Any = {"saml": self.saml, "oidc": self.oidc}
        self.tenants = TenantService(envelope)
        self.sessions = SessionService(envelope, lifetime=timedelta(hours=12))
        database = self.stores.main
        self.receivers, self.lines = Receivers(), Lines()
        self.sinks = plugins.sinks(Doors(self.receivers, self.lines, self.clock, self.folder))
        stream_secrets = StreamSecrets(envelope)
        connections = ConnectionService(protocols, envelope, {"saml": self.upkeep})
        candidates = CandidateService(connections)
        database.portraits = Portraitist(connections)
        self.diagnoses = DiagnosisKeeper(database, envelope)
        self.trials = Trials(database, connections, candidates, envelope)
        self.refresher = Refresher(database, connections, candidates)
        self.trail = Trail(self.stores.main, self.stores.audit)
        self.notary = Notary(database, self.trail, TrailKeyRing(database, envelope, self.clock))
        self.api = AdminApi(
            database=self.stores.main,
            tenants=self.tenants,
            domains=DomainService(lambda name: self.txt.get(name, [])),
            connections=connections,
            apps=AppService(),
            sessions=self.sessions,
            trail=self.trail,
            notary=self.notary,
            clock=self.clock,
            candidates=candidates,
            refresher=self.refresher,
            trials=self.trials,
            diagnoses=self.diagnoses,
            directories=DirectoryService(),
            events_kept=timedelta(days=30),
            rotation=KeyRotation(
                database, SigningKeyRing(database, envelope, self.clock), self.clock, max_age=timedelta(days=90)
            ),
            scim=scim_knowledge(envelope, self.sessions),
            webhooks=WebhookService(envelope),
            envelope=envelope,
            sender=self.receivers,
            outbound_scim=OutboundScim(envelope),
            streams=StreamService(stream_secrets, Plans(), folder=self.folder is not None),
            sinks=self.sinks,
            signal_streams=SignalStreamService(envelope),
            sources=SignalSourceService(envelope),
            find_signal_keys=lambda issuer: f"{issuer}/keys",
        )
        self.trail.while_sealing = wake_streams
        self.streams = StreamDispatcher(self.stores.main, self.trail, stream_secrets, self.sinks)
        self.dispatcher = WebhookDispatcher(self.stores.main, envelope, self.receivers)
        self.pusher = ScimPusher(self.stores.main, envelope, self.receivers)
        bridge = Bridge(Tenancy(self.stores.main), EdgeSettings(BASE, ()))
        edge = Edge(application(bridge, self.api.rows(), problem), https=True)
        self.client = Client(edge, base_url=BASE)
        with self.stores.main.platform(OPERATOR) as unit:
            self.operator = unit[ApiKeys].create("operator", None, "operator")[1]

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer. ``path`` is below /api/v1 unless it begins with it; without ``key`` the operator's is used."""
        sent = {"authorization": f"Bearer {self.operator if key is None else key}"} if headers is None else dict(headers)
        where = path if path.startswith("/api/") else f"/api/v1{path}"
        return (
            self.client.request(method, where, json=body, headers=sent)
            if body is not None
            else self.client.request(method, where, headers=sent)
        )

    def get(self, path: str, *, key: str | None = None) -> Any:
        answer = self.send("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, key: str | None = None, status: int = 201) -> Any:
        answer = self.send("POST", path, body, key=key)
        assert answer.status_code == status, answer.text
        return answer.json()

    def tenant(self, slug: str) -> str:
        """A tenant's id."""
        return str(self.post("/tenants", {"slug": slug, "name": slug.title(), "tier": "free"})["id"])

    def key(self, tenant: str, role: str = "owner") -> str:
        return str(self.post("/api-keys", {"name": role, "scope": "tenant", "tenant": tenant, "role": role})["key"])

    def connection(self, tenant: str, **fields: Any) -> Any:
        return self.post(f"/tenants/{tenant}/connections", {"type": "saml", "name": "IdP", "metadata_xml": "<x/>", **fields})

    def person(self, tenant: str, email: str, groups: Sequence[str] = ()) -> tuple[str, str]:
        """(user id, session id) of a signed-in person."""
        now = self.clock.now()
        with self.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
            user = User(
                tenant_id=tenant,
                id=new_id("usr"),
                email=email,
                source="jit",
                created_at=now,
                updated_at=now,
                last_sign_in_at=now,
            )
            unit[Users].add(user)
            unit[Identities].add(
                Identity(tenant_id=tenant, connection_id="con_x", subject=email, user_id=user.id, created_at=now)
            )
            for name in groups:
                known = unit[Groups].named("con_x", [name])
                group = known[0] if known else None
                if group is None:
                    group = Group(tenant_id=tenant, id=new_id("grp"), display_name=name, source="con_x", created_at=now)
                    unit[Groups].add(group)
                unit[Groups].join(user.id, group.id)
            session, _ = self.sessions.start(unit, Beginning(user.id, "con_x", now, (), None, {}, None))
            return user.id, session.id

    def sealed(self, tenant: str | None, **query: str) -> list[dict[str, Any]]:
        """The trail after everything that waits has been sealed; the operators' own for None."""
        self.trail.seal_all()
        where = "/audit-events" if tenant is None else f"/tenants/{tenant}/audit-events"
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return list(self.get(f"{where}?{asked}")["data"])
