"""Everything wired as the program wires it, on SQLite, with one connection to an OpenID provider that may misbehave."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.access.api_keys import ApiKeys
from idbroker.app import build, build_services
from idbroker.kernel.secrets import new_secret
from idbroker.settings import Settings
from idbroker.storage.database import Database
from oidc import jose
from oidc.demo_op import DemoClient, DemoRequest, SigningKey
from tests.support.client import Client
from tests.support.databases import sqlite_urls
from tests.support.oidc_op import ALICE, CLIENT_ID, ISSUER, SECRET, HostileOp, OpFetcher
from tests.support.world import OPERATOR

MASTER = base64.b64encode(bytes(32)).decode()
BASE = "https://broker.example"
BACKCHANNEL_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class ClosableFetcher(OpFetcher):
    def close(self) -> None:
        """Nothing is open."""


class Installation:
    """``op`` is the provider, ``fetcher`` what we reach it by; ``connection`` as the Admin API shows it."""

    def __init__(self, folder: Any, clock: Any, *, key: SigningKey | None = None, **fields: Any) -> None:
        self.clock = clock
        self.op = HostileOp(ISSUER, {}, clock, key=key or SigningKey())
        self.fetcher = ClosableFetcher(self.op)
        settings = Settings(database_url=sqlite_urls(folder).database, master_key=MASTER, public_url=BASE)
        self.services = build_services(settings, clock=clock, fetcher=self.fetcher)
        self.app = build(self.services, run_worker=False).asgi
        self.client = self.browser()
        with self.services.database.platform(OPERATOR) as unit:
            self._key = unit[ApiKeys].create("operator", None, "operator")[1]
        self.tenant = self.api("POST", "/tenants", {"slug": "acme", "name": "Acme", "tier": "free"})["id"]
        domain = self.api("POST", "/tenants/acme/domains", {"domain": "acme.example"})["id"]
        self.api("POST", f"/tenants/acme/domains/{domain}/verify", {"force": True, "reason": "test"})
        self.connection = self.connect(**fields)
        self.here = f"/tenants/acme/connections/{self.connection['id']}"

    @property
    def database(self) -> Database:
        return self.services.database

    def browser(self) -> Client:
        return Client(self.app, base_url=BASE, follow_redirects=False)

    def connect(self, **fields: Any) -> dict[str, Any]:
        body = {"type": "oidc", "name": "Acme IdP", "issuer": ISSUER, "client_id": CLIENT_ID, "client_secret": SECRET, **fields}
        made = self.api("POST", "/tenants/acme/connections", body)
        known = self.op.clients.get(CLIENT_ID)
        addresses = (made["rp"]["redirect_uri"], *(known.redirect_uris if known else ()))
        self.op.clients[CLIENT_ID] = DemoClient(addresses, SECRET)
        return made

    def api(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers={"authorization": f"Bearer {self._key}"})
        assert answer.status_code == status if status else answer.is_success, answer.text
        return answer.json() if answer.content else None

    def begin(self, browser: Client | None = None) -> dict[str, str]:
        """The authorization request, as the provider gets it."""
        begun = (browser or self.client).get(f"/sso?connection={self.connection['id']}")
        assert begun.headers["location"].startswith(f"{ISSUER}/authorize"), begun.text
        return dict(parse_qsl(urlsplit(begun.headers["location"]).query))

    def answered(self, asked: Mapping[str, str], browser: Client | None = None, **changed: str | None) -> Any:
        """The provider answers, the browser brings it; ``changed`` parameters are replaced on the way, None takes one out."""
        request = self.op.authorization(asked)
        assert isinstance(request, DemoRequest), request
        query = dict(parse_qsl(urlsplit(self.op.grant(request, ALICE)).query)) | changed
        params = {name: value for name, value in query.items() if value is not None}
        return (browser or self.client).get(urlsplit(request.redirect_uri).path, params=params)

    def sign_in(self, browser: Client | None = None) -> Any:
        done = self.answered(self.begin(browser), browser)
        assert done.status_code == 303, done.text
        return done

    def sessions(self) -> list[dict[str, Any]]:
        """Those that live."""
        found: list[dict[str, Any]] = self.api("GET", "/tenants/acme/sessions")["data"]
        return [session for session in found if session["ended_at"] is None]

    def events(self, action: str) -> list[dict[str, Any]]:
        """What the tenant's trail holds of that action, newest first."""
        self.services.trail.seal_all()
        found: list[dict[str, Any]] = self.api("GET", f"/tenants/acme/audit-events?action={action}&limit=100")["data"]
        return found

    def logout_token(self, *, without: tuple[str, ...] = (), header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """What the provider sends to our back-channel address, with some claims changed."""
        now = int(self.clock.now().timestamp())
        whole = {
            "iss": ISSUER, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": new_secret(), "sub": ALICE.sub,
            "events": {BACKCHANNEL_EVENT: {}}, **claims,
        }  # fmt: skip
        kept = {name: value for name, value in whole.items() if name not in without}
        if header is None:
            return jose.sign(kept, self.op.key.native, alg=self.op.key.alg, kid=self.op.key.kid, typ="logout+jwt")
        return jose.sign(kept, self.op.key.native, **{"alg": self.op.key.alg, "kid": self.op.key.kid, **header})

    def log_out(self, token: str | None, connection: str | None = None, **more: Any) -> Any:
        """The provider's own call, without any cookie."""
        path = f"/oidc/{connection or self.connection['id']}/backchannel-logout"
        form = {"x": "1"} if token is None else {"logout_token": token}
        return self.browser().post(path, data=form, **more)

    def close(self) -> None:
        self.services.close()
