"""The broker's front on SQLite with a protocol that is a toy, and a browser without a screen to look at it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import httpx2

from idbroker.audit.outbox import Outbox
from idbroker.connections.domains import DomainService
from idbroker.connections.service import ConnectionForm, ConnectionService, new_connection_id
from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    Endpoint,
    ExternalIdentity,
    Finding,
    Handoff,
    PostTo,
    Published,
    RedirectTo,
    ReplyRefused,
    UnverifiedReply,
)
from idbroker.federation.profile import Profile
from idbroker.front.account import AccountPage
from idbroker.front.routes import Front
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.login.finish import Finisher
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.refusals import RefusalRecorder
from idbroker.sessions.service import SessionService
from idbroker.web.assets import asset_rows
from idbroker.web.cookies import Cookies
from idbroker.web.edge import Bridge, Edge, EdgeSettings, application
from idbroker.web.health import Probe, health_rows
from idbroker.web.pages import Pages
from idbroker.web.sign_in import SignInFace
from idbroker.web.tenancy import Tenancy
from tests.support.databases import Stores
from tests.support.logout_doubles import NothingIsMissing, ScriptedLogout
from tests.support.world import MASTER_KEY, OPERATOR, make_tenant

IDP = "https://idp.acme.example"


@dataclass
class ToyProtocol(ScriptedLogout):
    """Hands over by redirect or by form, and believes a reply that names a person: ``who=alice@acme.example``."""

    name: str = "toy"
    endpoints: Sequence[Endpoint] = (
        Endpoint("reply", "POST", "acs"),
        Endpoint("reply", "GET", "callback"),
        Endpoint("logout", "GET", "slo"),
        Endpoint("logout", "POST", "slo"),
        Endpoint("document", "GET", "metadata"),
    )
    posts: bool = False
    down: bool = False
    begun: list[AttemptRef] = field(default_factory=list)

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        return ConnectionDraft({})

    def describe(self, connection: ConnectionConfig) -> Document:
        return {}

    def begin(self, connection: ConnectionConfig, attempt: AttemptRef) -> Handoff:
        if self.down:
            raise ReplyRefused("idp_unreachable", "Your organisation's sign-in service does not answer.", status=502)
        self.begun.append(attempt)
        if self.posts:
            return PostTo(f"{IDP}/login", {"Request": '"><script>alert(1)</script>', "RelayState": attempt.handle})
        return RedirectTo(f"{IDP}/login?state={attempt.handle}")

    def correlate(self, reply: UnverifiedReply) -> str | None:
        return reply.params.get("state")

    def complete(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef) -> ExternalIdentity:
        who = reply.params.get("who")
        if who is None:
            raise ReplyRefused(
                "bad_signature", "The answer of your sign-in service could not be verified.", detail="secret detail"
            )
        return ExternalIdentity(
            subject=who,
            profile=Profile(email=who, given_name="Alice", family_name="<Arden>"),
            attributes={},
            replay_key=attempt.handle,
            replay_until=attempt.begun_at + timedelta(minutes=5),
            upstream={"name_id": who},
        )

    def explain(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Sequence[Finding]:
        return []

    def publish(self, connection: ConnectionConfig, name: str) -> Published:
        return Published("application/xml", b"<toy/>", 300)


class Answered:
    """An answer with what a test looks at."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text
        self.location = response.headers.get("location", "")

    def field(self, name: str) -> str:
        """The value of the page's hidden field of that name."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, self.text
        return unescape(found.group(1))

    @property
    def reference(self) -> str | None:
        found = re.search(r"Reference: (\S+?)<", self.text)
        return found.group(1) if found else None


class Browser:
    """Keeps cookies, follows nothing. ``other_site=True`` holds Lax cookies back from a POST, as browsers do."""

    def __init__(self, app: Any, base_url: str) -> None:
        self._app = app
        self._base_url = base_url
        self.cookies = httpx2.Cookies()

    def get(self, path: str, **params: str) -> Answered:
        return asyncio.run(self._send("GET", path, params=params or None))

    def post(self, path: str, form: Mapping[str, str] | None = None, *, raw: str = "", other_site: bool = False) -> Answered:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = raw or str(httpx2.QueryParams(dict(form or {})))
        return asyncio.run(self._send("POST", path, content=body, headers=headers, without_cookies=other_site))

    def request(self, method: str, path: str, **options: Any) -> Answered:
        return asyncio.run(self._send(method, path, **options))

    async def _send(self, method: str, path: str, *, without_cookies: bool = False, **options: Any) -> Answered:
        transport = httpx2.ASGITransport(self._app, client=("192.0.2.7", 4711))
        cookies = None if without_cookies else self.cookies
        async with httpx2.AsyncClient(transport=transport, base_url=self._base_url, cookies=cookies) as http:
            response = await http.request(method, path, **options)
            self.cookies.update(http.cookies)
        return Answered(response)


@dataclass
class FrontWorld:
    stores: Stores
    protocol: ToyProtocol
    connections: ConnectionService
    sessions: SessionService
    face: SignInFace
    app: Any
    base_url: str

    def browser(self) -> Browser:
        return Browser(self.app, self.base_url)

    def tenant(self, slug: str, domain: str | None = None) -> TenantScope:
        scope = make_tenant(self.stores, slug)
        if domain is not None:
            domains = DomainService(lambda name: [])
            with self.stores.main.tenant(scope) as unit:
                added = domains.add(unit, domain)
                domains.force(unit, added.id, "test")
        return scope

    def connection(self, scope: TenantScope, name: str = "Acme IdP", **fields: Any) -> str:
        connection_id = new_connection_id()
        form = ConnectionForm(type="toy", name=name, **fields)
        with self.stores.main.tenant(scope) as unit:
            self.connections.create(unit, form, connection_id, self.connections.draft(form, connection_id))
        return connection_id

    def refusals(self, tenant: TenantId) -> list[dict[str, Any]]:
        """The contexts of the refused sign-ins that wait to be sealed into that tenant's trail."""
        with self.stores.main.tenant(TenantScope(tenant, OPERATOR), read_only=True) as unit:
            waiting = [row.document for row in unit[Outbox].oldest(1000)]
        return [document["context"] for document in waiting if document["action"] == "sign_in.refused"]

    def sign_in(self, browser: Browser, email: str, connection: str) -> Answered:
        """From the front door to ``/account``."""
        browser.get("/sso", email=email)
        back = browser.post(f"/toy/{connection}/acs", {"state": self.protocol.begun[-1].handle, "who": email})
        assert back.status == 303, back.text
        done = browser.get(back.location)
        assert done.location == "/account"
        return browser.get("/account")


def front_world(
    stores: Stores, *, base_url: str = "http://broker.test", probes: Mapping[str, Probe] | None = None
) -> FrontWorld:
    https = base_url.startswith("https:")
    envelope, clock, protocol = Envelope(LocalMasterKeys([MASTER_KEY])), stores.main.clock, ToyProtocol()
    connections = ConnectionService({"toy": protocol}, envelope)
    sessions = SessionService(envelope, lifetime=timedelta(hours=12))
    cookies, pages = Cookies([MASTER_KEY], https=https, session_seconds=3600), Pages(https=https)
    face = SignInFace(pages, cookies, RefusalRecorder(stores.main))
    flow = LoginFlow(stores.main, connections, Finisher(stores.main, sessions, clock), clock, lifetime=timedelta(minutes=15))
    logout = LogoutFlow(stores.main, connections, sessions, flow, LogoutAddresses(NothingIsMissing(), clock))
    account = AccountPage(stores.main, sessions, cookies, pages, face=face, logout=logout)
    front = Front(flow, logout, {"toy": protocol}, face, account)
    rows = [*front.rows(), *asset_rows(face.refusal), *health_rows(probes or {}, face.refusal)]
    bridge = Bridge(Tenancy(stores.main), EdgeSettings(base_url, ()))
    app = Edge(application(bridge, rows, face.refusal), https=https)
    return FrontWorld(stores, protocol, connections, sessions, face, app, base_url)
