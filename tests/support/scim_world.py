"""SCIM behind the real edge, with the Admin API beside it to make directories, on a real database of either engine."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from idbroker.directories.resource_rows import ScimEmail, ScimUser
from idbroker.directories.resources import Resources
from idbroker.directory.model import User, Users
from idbroker.directory.people import NAMES
from idbroker.directory.roles import Standing, standing
from idbroker.federation.contract import ConnectionConfig, ExternalIdentity
from idbroker.federation.options import ConnectionOptions
from idbroker.federation.profile import Profile
from idbroker.kernel.ids import ConnectionId, TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.provisioning.admit import Admitted, admit
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import Beginning
from idbroker.storage.statement import insert_many
from idbroker.web.edge import Bridge, Edge, EdgeSettings, application
from idbroker.web.problems import problem
from idbroker.web.tenancy import Tenancy
from scim.face import scim_error
from scim.routes import Scim
from scim.schemas.schema_set import STANDARD
from scim.stored import user_values
from tests.support.admin_world import BASE, OPERATOR, AdminWorld
from tests.support.client import Client

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MASTER = bytes(range(32))
PERSON = [name for name in NAMES if name != "tenant_id"]


@dataclass
class ScimWorld(AdminWorld):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.envelope = Envelope(LocalMasterKeys([MASTER]))
        self.scim = Scim(
            database=self.stores.main,
            sessions=self.sessions,
            envelope=self.envelope,
            secrets=[MASTER],
            clock=self.clock,
        )
        bridge = Bridge(Tenancy(self.stores.main), EdgeSettings(BASE, ()))
        faces = {"/api/": problem, "/scim/": scim_error, "/": problem}
        edge = Edge(application(bridge, [*self.api.rows(), *self.scim.rows()], faces), https=True)
        self.client = Client(edge, base_url=BASE)
        self.numbers = itertools.count(1)

    def directory(self, tenant: str | None = None, *, scopes: Sequence[str] | None = None, **fields: Any) -> Directory:
        """A directory of a new tenant, or of that one, with a token."""
        tenant = tenant or self.tenant(f"acme{next(self.numbers)}")
        made = self.post(f"/tenants/{tenant}/directories", {"name": "IdP", **fields})
        token = self.post(f"/tenants/{tenant}/directories/{made['id']}/tokens", {"scopes": scopes} if scopes else {})
        return Directory(self, tenant, made["id"], token["token"], token["id"])

    def scope(self, tenant: str) -> TenantScope:
        return TenantScope(TenantId(tenant), OPERATOR)

    def domain(self, tenant: str, name: str) -> None:
        made = self.post(f"/tenants/{tenant}/domains", {"domain": name})
        self.post(f"/tenants/{tenant}/domains/{made['id']}/verify", {"force": True, "reason": "test"}, status=200)

    def config(self, tenant: str, connection: str, domains: Sequence[str] = (), **options: Any) -> ConnectionConfig:
        return ConnectionConfig(
            id=ConnectionId(connection),
            tenant=TenantId(tenant),
            version=1,
            protocol="saml",
            vendor="generic",
            settings={},
            secrets={},
            options=ConnectionOptions(**options),
            attribute_mapping={},
            verified_domains=tuple(domains),
        )

    def sign_in(self, config: ConnectionConfig, subject: str, **profile: Any) -> Admitted:
        """Admission of a first or later sign-in."""
        now = self.clock.now()
        identity = ExternalIdentity(subject, Profile(**profile), now, replay_key=subject, replay_until=now)
        with self.stores.main.tenant(self.scope(config.tenant)) as unit:
            return admit(unit, config, identity)

    def session(self, tenant: str, user_id: str) -> str:
        with self.stores.main.tenant(self.scope(tenant)) as unit:
            beginning = Beginning(user_id, "con_x", self.clock.now(), (), None, {}, None)
            return self.sessions.start(unit, beginning)[0].id

    def session_row(self, tenant: str, session_id: str) -> Session:
        with self.stores.main.tenant(self.scope(tenant), read_only=True) as unit:
            row = unit[Sessions].get(session_id)
        assert row is not None
        return row

    def user(self, tenant: str, user_id: str) -> User | None:
        with self.stores.main.tenant(self.scope(tenant), read_only=True) as unit:
            return unit[Users].get(user_id)

    def standing(self, tenant: str, user_id: str) -> Standing:
        with self.stores.main.tenant(self.scope(tenant), read_only=True) as unit:
            return standing(unit, user_id, None)


@dataclass(frozen=True)
class Directory:
    """One IdP's client."""

    world: ScimWorld
    tenant: str
    id: str
    token: str
    token_id: str

    def send(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        content = raw if raw is not None else (None if body is None else orjson.dumps(body))
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/scim+json", **(headers or {})}
        return self.world.client.request(method, f"/scim/v2{path}", content=content, headers=sent)

    def ok(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        answer = self.send(method, path, body, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def user(self, user_name: str, **fields: Any) -> Any:
        return self.ok("POST", "/Users", {"schemas": [USER], "userName": user_name, **fields}, 201)

    def group(self, name: str, *members: str) -> Any:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        return self.ok("POST", "/Groups", body, 201)

    def crowd(self, count: int) -> list[str]:
        """So many people more, as rows that the server itself would have written, in one transaction. Their ids, in order."""
        now, ids = self.world.clock.now(), [new_id("usr") for _ in range(count)]
        fixed = {"directory_id": self.id, "created_at": now}
        people: list[dict[str, Any]] = []
        resources: list[dict[str, Any]] = []
        emails: list[dict[str, Any]] = []
        for number, one in enumerate(ids):
            name = f"c{number}@acme.example"
            document = {"schemas": [USER], "userName": name, "active": True, "emails": [{"value": name, "primary": True}]}
            person = dict.fromkeys(PERSON) | fixed
            people.append({**person, "id": one, "email": name, "email_verified": False, "user_name": name, "active": True,
                           "source": "scim", "updated_at": now})  # fmt: skip
            resources.append({**user_values(document, STANDARD.user), **fixed, "id": one, "version": 1, "modified_at": now})
            emails.append({"user_id": one, "value_key": name, "directory_id": self.id, "is_primary": True})
        with self.world.stores.main.tenant(self.world.scope(self.tenant)) as unit:
            insert_many(unit, User, people)
            insert_many(unit, ScimUser, resources)
            insert_many(unit, ScimEmail, emails)
            unit[Resources].count("User", self.id, count)
        return ids

    def patch(self, path: str, *operations: Mapping[str, Any], **options: Any) -> Any:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)}, **options)

    def find(self, path: str, filter_: str) -> list[str]:
        """The ids of those that a filter finds."""
        return [one["id"] for one in self.ok("GET", f"{path}?count=500&filter={quote(filter_)}")["Resources"]]

    def members(self, group: str) -> set[str]:
        return {one["value"] for one in self.ok("GET", f"/Groups/{group}").get("members", [])}
