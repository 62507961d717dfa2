"""A tenant in which every text that anybody outside can choose is an attack on whoever reads it, and what an attack looks like.

All of it comes in where it comes in at work: by SAML answers, SCIM, the Admin API, and headers of requests.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.alerts.rules import Sign
from idbroker.alerts.service import raise_alert
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from saml.demo_idp import Answer, DemoPerson, DemoSamlIdp
from tests.support.clock import TestClock
from tests.support.saml_world import key_pair
from tests.support.signal_receiver import SignalReceiver
from tests.support.ui_world import BASE, OPERATOR, Person, UiWorld

ATTACK = '"><img src=x onerror=alert(1)>'
ESCAPED = "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;"
EMAIL = "=1+1|'onerror='alert@acme.example"
"""The worst that an e-mail address may hold (RFC 5322 3.2.3)."""
FORMULA = '=HYPERLINK("https://evil.example","look")'
APP = {
    "redirect_uris": ["https://app.example/cb"], "grant_types": ["authorization_code", "client_credentials"],
    "scope": "ssf.manage ssf.read", "token_endpoint_auth_method": "client_secret_post",
}  # fmt: skip
PORTAL = ["domains", "sso", "scim", "log_streams", "audit"]
PLENTY = {"per_minute": 100_000, "burst": 100_000}
SCIM_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SCIM_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Hostile:
    """``planted``: the marks that stand in front of the attacks, each in a field of its own. ``ids``: by path parameter."""

    slug = "acme"

    def __init__(self, folder: Path, clock: TestClock) -> None:
        self.world = UiWorld(folder, clock, address_per_minute=100_000)
        self.planted: list[str] = []
        self.ids: dict[str, str] = {}
        self.api = self.world.api
        self.below = f"/tenants/{self.slug}"
        for slug in ("globex", self.slug):
            self.tenant = self.world.tenant(slug)
            classes = ("admin_read", "admin_write", "scim_read", "scim_write", "token", "sign_in")
            self.api("PATCH", f"/tenants/{slug}", {"tier": "enterprise", "limits": dict.fromkeys(classes, PLENTY)})
        self.person = self.world.browser()
        with self.world.running():
            self._customer()
            self._provider()
            self._people()
            self._directory()
            self._administration()
            self._service()
            self._portal()
            self.world.broker.scim.traffic.flush()
            self.world.services.trail.seal_all()
        self._found()

    def attack(self, mark: str) -> str:
        self.planted.append(mark)
        return mark + ATTACK

    def _customer(self) -> None:
        self.api("PATCH", self.below, {"name": self.attack("tenant-name")})
        self.api("PATCH", f"{self.below}/branding", {"name": self.attack("brand")[:60]})
        for name in (FORMULA, self.attack("app-name")):
            self.app = self.api("POST", "/apps", {**APP, "name": name})
        self.ids["client_id"] = self.app["client_id"]

    def _provider(self) -> None:
        """The identifier is a text of theirs; the address is held to be one."""
        clock = self.world.clock
        self.idp = DemoSamlIdp(self.attack("entity-id"), "https://idp.acme.example/sso", clock, keys=key_pair("idp"))
        body: dict[str, Any] = {
            "type": "saml", "name": self.attack("connection"), "metadata_xml": self.idp.metadata(),
            "options": {"email_domain_policy": "any", "sp_entity_id": "https://sp.acme.example"},
        }  # fmt: skip
        made = self.api("POST", f"{self.below}/connections", body)
        self.connection = made
        self.idp.trust(made["sp"]["entity_id"], made["sp"]["acs_url"])
        self.ids["connection"] = made["id"]
        staged = {"label": self.attack("candidate"), "metadata_xml": self.idp.metadata()}
        self.ids["candidate"] = self.api("POST", f"{self.below}/connections/{made['id']}/candidates", staged)["id"]
        rule = {"group": self.attack("rule-group"), "role": self.attack("rule-role")}
        self.ids["mapping"] = self.api("POST", f"{self.below}/role-mappings", rule)["id"]

    def _people(self) -> None:
        self.person.client.headers["user-agent"] = self.attack("agent")
        attributes = {
            "email": (EMAIL,),
            "firstName": (self.attack("saml-given"),),
            "lastName": (self.attack("saml-family"),),
            "displayName": (self.attack("saml-display"),),
            "groups": (self.attack("saml-group"), "rule-group" + ATTACK, FORMULA),
            self.attack("saml-attribute"): (self.attack("saml-value"),),
        }
        self.somebody = DemoPerson(self.attack("name-id"), attributes)
        done = self.sign_in(self.person)
        assert done.status_code == 303, self.world.events(self.slug)[0]
        refused = self.sign_in(self.world.browser(), Answer(audiences=(self.attack("audience"),)))
        assert refused.status_code == 403
        self.ids["reference"] = refused.text.partition("Reference: ")[2][:9]
        path = f"{self.below}/connections/{self.ids['connection']}/test-sign-in"
        url = self.api("POST", path, {})["url"]
        tester = self.world.browser()
        begun = tester.post(urlsplit(url).path)
        assert self.answered(tester, begun.headers["location"]).status_code == 303

    def sign_in(self, browser: Person, answer: Answer | None = None) -> Any:
        begun = browser.client.get(f"/sso?connection={self.ids['connection']}")
        assert begun.status_code == 302, begun.text
        done = self.answered(browser, begun.headers["location"], answer)
        return browser.client.get(done.headers["location"]) if done.status_code == 303 else done

    def answered(self, browser: Person, location: str, answer: Answer | None = None, relay_state: str | None = None) -> Any:
        """What the identity provider says to the request in that location, brought by that browser."""
        request = self.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
        form = {
            "SAMLResponse": self.idp.respond(self.somebody, request, answer),
            "RelayState": relay_state or request.relay_state,
        }
        return browser.client.post(urlsplit(self.connection["sp"]["acs_url"]).path, data=form)

    def _directory(self) -> None:
        here = f"{self.below}/directories"
        self.ids["directory"] = self.api("POST", here, {"name": self.attack("directory")})["id"]
        soon = (self.world.clock.now()).replace(hour=23).isoformat().replace("+00:00", "Z")
        token = self.api("POST", f"{here}/{self.ids['directory']}/tokens", {"expires_at": soon})
        self.ids["token"] = token["id"]
        agent = self.attack("scim-agent")
        self.scim = {"authorization": f"Bearer {token['token']}", "content-type": "application/scim+json", "user-agent": agent}
        user = {
            "schemas": [SCIM_USER],
            "userName": self.attack("scim-user"),
            "externalId": self.attack("scim-external"),
            "name": {"givenName": self.attack("scim-given"), "familyName": self.attack("scim-family")},
            "displayName": self.attack("scim-display"),
            "title": self.attack("scim-title"),
            "emails": [{"value": "x\"'<img/src=x/onerror=alert(1)>@acme.example", "primary": True}],
        }
        made = self._scim("POST", "/Users", user, 201)
        self._scim("POST", "/Users", {**user, "userName": FORMULA, "displayName": FORMULA, "emails": []}, 201)
        member = {"value": made["id"], "display": self.attack("scim-member")}
        group = {"schemas": [SCIM_GROUP], "displayName": self.attack("scim-group"), "members": [member]}
        self.ids["group"] = self._scim("POST", "/Groups", group, 201)["id"]
        self._scim("GET", f"/Users?filter=userName eq {self.attack('scim-filter')}", None, 400)

    def _scim(self, method: str, path: str, body: Any, status: int) -> Any:
        answer = self.world.client.request(method, f"/scim/v2{path}", json=body, headers=self.scim)
        assert answer.status_code == status, answer.text
        return answer.json()

    def _administration(self) -> None:
        self.ids["link"] = self.api("POST", f"{self.below}/setup-links", {"scopes": ["domains", "sso", "scim"]})["id"]
        self.ids["domain"] = self.api("POST", f"{self.below}/domains", {"domain": "acme.example"})["id"]
        body = {"name": self.attack("api-key"), "role": "member"}
        self.ids["key"] = self.api("POST", f"{self.below}/api-keys", body)["id"]
        stream = {"type": "https", "name": self.attack("log-stream"), "url": "https://127.0.0.1:1/" + "%3Cimg"}
        self.ids["stream"] = self.api("POST", f"{self.below}/log-streams", stream)["id"]
        hook = {"url": "https://127.0.0.1:1/in", "description": self.attack("webhook")}
        self.ids["webhook"] = self.api("POST", f"/webhooks?tenant={self.slug}", hook)["id"]
        self.ids["own_webhook"] = self.api("POST", "/webhooks", {**hook, "description": self.attack("own-webhook")})["id"]

    def _service(self) -> None:
        self.api("POST", "/api-keys", {"name": self.attack("operator-key"), "scope": "operator"})
        self.api("POST", f"{self.below}/freeze", {"reason": self.attack("freeze-reason")})
        self.api("POST", f"{self.below}/unfreeze", {"reason": FORMULA})
        receiver = SignalReceiver(self.world.client, BASE, self.app["client_id"], self.app["client_secret"])
        self.ids["signal_stream"] = receiver.stream(description=self.attack("signal-stream"))["stream_id"]
        sign = Sign("toy", "1", self.attack("alert"), {"who": self.attack("alert-context")})
        with self.world.services.database.tenant(TenantScope(TenantId(self.tenant), OPERATOR)) as unit:
            raised = raise_alert(unit, sign)
            assert raised is not None
            self.ids["alert"] = raised.id

        self.operator = self.world.operator("'=ops|x@example.com")
        reason = self.attack("enter-reason")
        assert self.operator.post(f"/admin/tenants/{self.slug}/enter", reason=reason, next="").status == 303
        self.admin = self.world.admin(self.slug, email="'=owner|x@acme.example")

    def _portal(self) -> None:
        """Somebody behind a setup link who has uploaded what he was sent."""
        self.setup_url = self.api("POST", f"{self.below}/setup-links", {"scopes": PORTAL})["url"]
        self.guest = self.world.browser()
        assert self.guest.post(urlsplit(self.setup_url).path).status == 303
        self.guest.post("/setup/steps/provider", vendor="generic_saml")
        other = DemoSamlIdp(
            self.attack("portal-entity-id"), "https://idp.acme.example/sso", self.world.clock, keys=key_pair("idp")
        )
        assert self.guest.post("/setup/steps/metadata", metadata_xml=other.metadata()).status == 303

    def _found(self) -> None:
        """The ids of what came about."""
        lists = {"user": "users", "session": "sessions", "test": "test-sign-ins", "sign_in": "sign-ins"}
        for name, path in lists.items():
            self.ids[name] = self.api("GET", f"{self.below}/{path}?limit=50")["data"][0]["id"]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        shown = f"<{tag} {given}>"
        if any(name.startswith("on") or name in ("style", "srcdoc") for name in given):
            self.found.append(shown)
        if tag in ("iframe", "object", "embed", "base") or "http-equiv" in given:
            self.found.append(shown)
        if tag in ("script", "img", "link") and not given.get("src", given.get("href", "")).startswith(
            ("/assets/", "/branding/")
        ):
            self.found.append(shown)
        for name in ("href", "src", "action", "formaction", "xlink:href"):
            target = given.get(name, "").strip()
            if target.lower().partition(":")[0] in ("javascript", "data", "vbscript"):
                self.found.append(shown)
            self.targets.append(target)


def intruders(html: str) -> list[str]:
    """What stands in a page and is none of ours: elements and attributes that run, load or lead somewhere by themselves."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


def targets(html: str) -> list[str]:
    """Where the page's links, forms and scripts lead."""
    reader = _Reader()
    reader.feed(html)
    return reader.targets
