"""The provider without a server: its rows called directly, over a real database, with people who are signed in already."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from idbroker.apps.model import App, Apps
from idbroker.apps.service import AppForm, AppService
from idbroker.audit.outbox import Outbox
from idbroker.connections.service import ConnectionService
from idbroker.directory.model import Group, Groups, RoleMapping, RoleMappings, User, Users
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope, new_request_id
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.signing import SigningKeyRing
from idbroker.login.attempt import Attempts
from idbroker.login.finish import Finisher
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.reuse import SessionFinder
from idbroker.outbound.fetcher import Fetched, FetchFailed
from idbroker.sessions.model import Session
from idbroker.sessions.refresh import RefreshTokens
from idbroker.sessions.service import Beginning, SessionService
from idbroker.storage.database import Database
from idbroker.tenants.lifecycle import Status
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.service import TenantService
from idbroker.web.call import Answer, Call
from idbroker.web.cookies import Cookies
from idbroker.web.pages import Pages
from idbroker.web.route import OpenRoute
from idbroker.web.sign_in import SignInFace
from oidc.provider.routes import Provider
from tests.support.clock import TestClock

BASE = "https://id.example.com"
REDIRECT = "https://app.example.com/callback"
SIGNED_OUT = "https://app.example.com/signed-out"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
KEY = bytes(range(32))
OPERATOR = Actor(type="operator", name="test")


@dataclass(frozen=True)
class Client:
    """An app and what it authenticates with."""

    app: App
    secret: str | None

    @property
    def id(self) -> str:
        return self.app.id

    def basic(self) -> dict[str, str]:
        pair = f"{quote_plus(self.id)}:{quote_plus(self.secret or '')}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True)
class SignedIn:
    """A person of a tenant with a live session."""

    tenant: Tenant
    user: User
    session: Session
    cookie: str


@dataclass
class Browser:
    """Keeps cookies, follows nothing."""

    world: ProviderWorld
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, address: str, params: Mapping[str, str] | None = None) -> Answer:
        return self._kept(self.world.send("GET", address, query=params, cookies=self.cookies))

    def post(self, address: str, form: Mapping[str, str]) -> Answer:
        return self._kept(self.world.send("POST", address, form=form, cookies=self.cookies))

    def sign_in(self, *people: SignedIn) -> Browser:
        self.cookies[self.world.cookies.session_name] = "~".join(person.cookie for person in people)
        return self

    def _kept(self, answer: Answer) -> Answer:
        for name, value in answer.headers:
            if name == "set-cookie":
                pair = value.partition(";")[0].partition("=")
                self.cookies[pair[0]] = pair[2]
        return answer


class PublishedKeys:
    """A fetcher to whom the world is a few documents by address; counts what it is asked for."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.posted: list[tuple[str, dict[str, str]]] = []
        self.answers: list[int] = []

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        self.asked.append(url)
        if url not in self.documents:
            raise FetchFailed("outbound_failed", "The other server could not be reached.", detail=url)
        return Fetched(url, 200, {}, json.dumps(self.documents[url]).encode())

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        self.posted.append((url, dict(fields)))
        return Fetched(url, self.answers.pop(0) if self.answers else 200, {}, b"")

    def close(self) -> None:
        """Nothing to close."""


class ProviderWorld:
    def __init__(self, database: Database, clock: TestClock) -> None:
        self.database, self.clock = database, clock
        self.envelope = Envelope(LocalMasterKeys([KEY]))
        self.sessions = SessionService(self.envelope, lifetime=timedelta(hours=8))
        self.cookies = Cookies([KEY], https=True, session_seconds=8 * 3600)
        self.keys = SigningKeyRing(database, self.envelope, clock)
        self.fetcher = PublishedKeys()
        pages = Pages(https=True)
        sign_in = SignInFace(pages, self.cookies, RefusalRecorder(database))
        finisher = Finisher(database, self.sessions, clock)
        connections = ConnectionService({}, self.envelope)
        flow = LoginFlow(database, connections, finisher, clock, lifetime=timedelta(minutes=20))
        addresses = LogoutAddresses(self.fetcher, clock)
        self.provider = Provider(
            database=database,
            keys=self.keys,
            sessions=self.sessions,
            flow=flow,
            finder=SessionFinder(database, self.sessions),
            cookies=self.cookies,
            sign_in=sign_in,
            pages=pages,
            leaving=LogoutFlow(database, connections, self.sessions, flow, addresses),
            clock=clock,
            base_url=BASE,
            access_token_minutes=10,
            refresh=RefreshTokens(self.envelope, absolute=timedelta(days=30), idle=timedelta(days=14)),
            fetcher=self.fetcher,
        )
        self.rows = self.provider.rows()
        self._numbers = itertools.count(1)
        self.acme = self.tenant("acme")
        self.globex = self.tenant("globex")

    # --- the world --------------------------------------------------------------------------------------------------

    def tenant(self, slug: str) -> Tenant:
        with self.database.platform(OPERATOR) as unit:
            return TenantService(self.envelope).create(unit, slug=slug, name=slug.title(), tier="growth")

    def set_status(self, tenant: Tenant, *statuses: Status) -> None:
        for status in statuses:
            with self.database.platform(OPERATOR) as unit:
                TenantService(self.envelope).transition(unit, tenant.tenant_id, status, "test")

    def client(self, **fields: Any) -> Client:
        given = {
            "name": "App",
            "redirect_uris": [REDIRECT],
            "post_logout_redirect_uris": [SIGNED_OUT],
            "id_token_signed_response_alg": "ES256",
            **fields,
        }
        with self.database.platform(OPERATOR) as unit:
            app, secret = AppService().create(unit, AppForm.model_validate(given))
        return Client(app, secret)

    def remove(self, client: Client) -> None:
        with self.database.platform(OPERATOR) as unit:
            AppService().delete(unit, client.id)
            assert unit[Apps].get(client.id) is None

    def person(
        self, tenant: Tenant | None = None, *, email: str | None = None, groups: Mapping[str, str] | None = None, **how: Any
    ) -> SignedIn:
        """``groups`` maps a group's name to the role of its members. ``how`` goes into the session's beginning."""
        tenant = tenant or self.acme
        number, now = next(self._numbers), self.clock.now()
        user = User(
            tenant_id=tenant.id, id=new_id("usr"), email=email or f"person{number}@{tenant.slug}.example", email_verified=True,
            given_name="Ann", family_name="Example", display_name="Ann Example", source="jit", created_at=now, updated_at=now,
        )  # fmt: skip
        with self.database.tenant(self.scope(tenant)) as unit:
            unit[Users].add(user)
            for name, role in (groups or {}).items():
                row = Group(tenant_id=tenant.id, id=new_id("grp"), display_name=name, source="test", created_at=now)
                unit[Groups].add(row)
                unit[Groups].join(user.id, row.id)
                unit[RoleMappings].add(
                    RoleMapping(
                        tenant_id=tenant.id, id=new_id("rlm"), group_name=name, role=role, app="", created_at=now
                    )
                )  # fmt: skip
        return self.session(tenant, user, **how)

    def session(self, tenant: Tenant, user: User, **how: Any) -> SignedIn:
        given: dict[str, Any] = {
            "user_id": user.id,
            "connection_id": "con_00000000000000000000000001",
            "authenticated_at": self.clock.now(),
            "amr": (),
            "acr": None,
            "upstream": {},
            "not_after": None,
            **how,
        }
        with self.database.tenant(self.scope(tenant)) as unit:
            session, cookie = self.sessions.start(unit, Beginning(**given))
        return SignedIn(tenant, user, session, cookie)

    def end(self, person: SignedIn) -> None:
        with self.database.tenant(self.scope(person.tenant)) as unit:
            self.sessions.end_all(unit, person.user.id, "test")

    def switch_off(self, person: SignedIn) -> None:
        """The person alone: the session is left as it is, to see that the person counts by himself."""
        with self.database.tenant(self.scope(person.tenant)) as unit:
            row = unit[Users].get(person.user.id)
            assert row is not None
            row.active = False

    def events(self, tenant: Tenant, action: str) -> list[dict[str, Any]]:
        with self.database.tenant(self.scope(tenant), read_only=True) as unit:
            return [row.document for row in unit[Outbox].oldest(10_000) if row.document["action"] == action]

    def scope(self, tenant: Tenant) -> TenantScope:
        return TenantScope(tenant.tenant_id, OPERATOR)

    def slug_is_free(self, slug: str) -> bool:
        with self.database.platform(OPERATOR, read_only=True) as unit:
            return unit[Tenants].by_slug(slug) is None

    def finish_sign_in(self, handle: str, person: SignedIn) -> None:
        """What the login flow does when the IdP's answer was good."""
        with self.database.platform(OPERATOR) as unit:
            row = unit[Attempts].get(handle)
            assert row is not None
            row.state, row.tenant_id, row.connection_id = "sent", person.tenant.id, person.session.connection_id
        with self.database.platform(OPERATOR) as unit:
            assert unit[Attempts].finish(handle, person.session.connection_id, person.session.id)

    # --- requests ---------------------------------------------------------------------------------------------------

    def browser(self, *people: SignedIn) -> Browser:
        return Browser(self).sign_in(*people) if people else Browser(self)

    def send(
        self,
        method: str,
        address: str,
        *,
        query: Mapping[str, str] | str | None = None,
        form: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer of the row at an address, errors worded by the row's face as the edge does. Thread-safe."""
        parts = urlsplit(address.removeprefix(BASE))
        row, path_params = self._row(method, parts.path)
        given = query if isinstance(query, str) else urlencode(query or {})
        body = form if isinstance(form, str) else urlencode(form or {})
        typed = {} if form is None else {"content-type": "application/x-www-form-urlencoded"}
        call = Call(
            request_id=new_request_id(),
            method=method,
            path=parts.path,
            base_url=BASE,
            path_params=path_params,
            raw_query=parts.query or given,
            headers={**typed, **(headers or {})},
            cookies=cookies or {},
            body=body.encode(),
            client_ip="192.0.2.1",
        )
        try:
            return (row.waiting or row.handler)(call)
        except Refusal as refusal:
            return row.errors(refusal, call)

    def authorize(self, browser: Browser, client: Client, *, issuer: str = BASE, **changed: str | None) -> Answer:
        return browser.get(f"{issuer}/oauth2/authorize", request_for(client, **changed))

    def code(self, person: SignedIn, client: Client, *, issuer: str = BASE, **changed: str | None) -> str:
        answer = self.authorize(self.browser(person), client, issuer=issuer, **changed)
        return location_query(answer)["code"]

    def token(
        self,
        client: Client,
        code: str,
        *,
        issuer: str = BASE,
        headers: Mapping[str, str] | None = None,
        **changed: str | None,
    ) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **changed,
        }
        if headers is None and client.secret is not None:
            headers = client.basic()
        elif headers is None:
            form.setdefault("client_id", client.id)
        given = {name: value for name, value in form.items() if value is not None}
        return self.send("POST", f"{issuer}/oauth2/token", form=given, headers=headers)

    def tokens(self, person: SignedIn, client: Client, *, issuer: str = BASE, **changed: str | None) -> dict[str, Any]:
        answer = self.token(client, self.code(person, client, issuer=issuer, **changed), issuer=issuer)
        assert answer.status == 200, answer.body
        return document(answer)

    def userinfo(self, access_token: str, *, issuer: str = BASE) -> Answer:
        return self.send("GET", f"{issuer}/oauth2/userinfo", headers={"authorization": f"Bearer {access_token}"})

    def _row(self, method: str, path: str) -> tuple[OpenRoute, dict[str, str]]:
        for row in self.rows:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(row.path))
            match = re.fullmatch(pattern, path)
            if match and row.method == method:
                assert isinstance(row, OpenRoute)
                return row, match.groupdict()
        raise LookupError(f"{method} {path}")


def request_for(client: Client, **changed: str | None) -> dict[str, str]:
    """A good authorization request, changed; None takes a parameter away."""
    good = {
        "client_id": client.id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid profile email groups",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def document(answer: Answer) -> dict[str, Any]:
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


def location(answer: Answer) -> str:
    assert answer.status == 303, (answer.status, answer.body)
    return dict(answer.headers)["location"]


def location_query(answer: Answer) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location(answer)).query, keep_blank_values=True))


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def issuer_of(tenant: Tenant) -> str:
    return f"{BASE}/t/{tenant.slug}"


def attempt_of(page: Answer) -> str:
    """The attempt's handle in the e-mail page's form."""
    found = re.search(r'name="attempt" value="([^"]+)"', page.body.decode())
    assert found is not None
    return found[1]


def tenant_of(code: str) -> TenantId:
    return TenantId(f"tnt_{code.partition('.')[0]}")
