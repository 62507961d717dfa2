"""The whole program on a database of its own, as ``serve`` wires it, with a demo SAML IdP and clients at any address."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.access.api_keys import ApiKeys
from idbroker.app import build, build_services
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.outbound.fetcher import Sender
from idbroker.settings import Settings
from oidc.demo_op import DemoOp
from saml.demo_idp import Answer, DemoPerson, DemoSamlIdp
from tests.support.client import Client
from tests.support.clock import TestClock
from tests.support.databases import Urls
from tests.support.saml_world import ScriptedFetcher, key_pair
from tests.support.world import OPERATOR

MASTER = base64.b64encode(bytes(32)).decode()
BASE = "https://broker.example"


class Fetcher(ScriptedFetcher):
    def close(self) -> None:
        """Nothing is open."""


class Whole:
    def __init__(self, urls: Urls, clock: TestClock, *, sender: Sender | None = None, **settings: Any) -> None:
        self.clock = clock
        given = {"database_url": urls.database, "database_owner_url": urls.owner, "master_key": MASTER, "public_url": BASE}
        self.fetcher = Fetcher()
        self.services = build_services(Settings(**{**given, **settings}), clock=clock, fetcher=self.fetcher, sender=sender)
        self.broker = build(self.services, run_worker=False)
        self.client = self.at("192.0.2.1")
        with self.services.database.platform(OPERATOR) as unit:
            self.operator = unit[ApiKeys].create("operator", None, "operator")[1]

    def close(self) -> None:
        self.services.close()

    def at(self, address: str) -> Client:
        """Somebody at another address, with cookies of his own."""
        return Client(
            self.broker.asgi, base_url=BASE, follow_redirects=False, client=(address, 4711), raise_server_exceptions=False
        )

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {key or self.operator}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        answer = self.send(method, path, body, key=key)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def provider_at(self, issuer: str) -> None:
        """From now on an OpenID provider answers there: a connection to it can be made."""
        op = DemoOp(issuer, {}, self.clock)
        told = {f"{issuer}/.well-known/openid-configuration": op.discovery(), op.discovery()["jwks_uri"]: op.jwks()}
        self.fetcher.pages |= {url: (200, json.dumps(document).encode()) for url, document in told.items()}

    def tenant(self, slug: str, tier: str = "free", **fields: Any) -> str:
        return str(self.api("POST", "/tenants", {"slug": slug, "name": slug.title(), "tier": tier, **fields})["id"])

    def key(self, tenant: str, role: str = "owner") -> str:
        return str(self.api("POST", "/api-keys", {"name": role, "scope": "tenant", "tenant": tenant, "role": role})["key"])

    def events(self, tenant: str, action: str) -> list[dict[str, Any]]:
        """Oldest first."""
        self.services.trail.seal_all()
        found = self.api("GET", f"/tenants/{tenant}/audit-events?action={action}&limit=200")["data"]
        return list(reversed(found))

    def scope(self, tenant: str) -> TenantScope:
        return TenantScope(TenantId(tenant), OPERATOR)


class SamlTenant:
    """A tenant with a verified domain and a connection to a demo IdP, and its people in front of it."""

    def __init__(self, whole: Whole, slug: str, tier: str = "free", **place: str) -> None:
        self.whole = whole
        self.slug = slug
        self.domain = f"{slug}.example"
        self.id = whole.tenant(slug, tier, **place)
        self.idp = DemoSamlIdp(
            f"https://idp.{slug}.example/saml", f"https://idp.{slug}.example/sso", whole.clock, keys=key_pair("idp")
        )
        domain = whole.api("POST", f"/tenants/{slug}/domains", {"domain": self.domain})["id"]
        whole.api("POST", f"/tenants/{slug}/domains/{domain}/verify", {"force": True, "reason": "test"})
        body = {"type": "saml", "name": f"{slug} IdP", "metadata_xml": self.idp.metadata()}
        self.connection = whole.api("POST", f"/tenants/{slug}/connections", body)
        self.idp.trust(self.connection["sp"]["entity_id"], self.connection["sp"]["acs_url"])

    def begin(self, browser: Client, name: str = "alice") -> str:
        """Where the browser is sent."""
        answer = browser.get(f"/sso?email={name}@{self.domain}")
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def finish(self, browser: Client, location: str, name: str = "alice", answer: Answer | None = None) -> Any:
        """The answer to the IdP's answer."""
        request = self.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
        person = DemoPerson(f"{name}-1", {"email": (f"{name}@{self.domain}",), "firstName": (name.title(),)})
        form = {"SAMLResponse": self.idp.respond(person, request, answer), "RelayState": request.relay_state}
        return browser.post(urlsplit(self.connection["sp"]["acs_url"]).path, data=form)

    def sign_in(self, browser: Client, name: str = "alice") -> Any:
        return self.finish(browser, self.begin(browser, name), name)
