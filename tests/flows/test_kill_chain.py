"""Deactivated means signed out everywhere, with proof: by SCIM, while two apps hold sessions, through the whole program."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idbroker.kernel.ids import new_id
from idbroker.outbound.fetcher import Fetched, FetchFailed
from oidc.provider.backchannel import EVENT, PAUSES, LogoutSender
from oidc.provider.issuer import Issuers
from oidc.provider.issuer_keys import IssuerKeys
from tests.support.client import Client
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.whole import BASE, SamlTenant, Whole

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Hooks:
    """The apps' addresses for logout tokens: what came, and which of them do not answer."""

    down: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        self.told.append((url, fields["logout_token"]))
        if url in self.down:
            raise FetchFailed("outbound_timeout", "The other server did not answer in time.")
        return Fetched(url, 200, {}, b"")


@dataclass
class App:
    """A confidential client that holds tokens of Alice's session."""

    whole: Whole
    id: str
    secret: str
    hook: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def redirect_uri(self) -> str:
        return f"https://{urlsplit(self.hook).hostname}/callback"

    def sign_in(self, browser: Client) -> None:
        asked = {
            "client_id": self.id, "redirect_uri": self.redirect_uri, "response_type": "code", "state": "s",
            "scope": "openid offline_access", "code_challenge": CHALLENGE, "code_challenge_method": "S256", "tenant": "acme",
        }  # fmt: skip
        answer = browser.get(f"/oauth2/authorize?{urlencode(asked)}")
        while answer.status_code in (302, 303) and answer.headers["location"].startswith((BASE, "/")):
            answer = browser.get(answer.headers["location"])
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        got = self.post(
            "token", grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri, code_verifier=VERIFIER
        )
        assert got.status_code == 200, got.text
        self.tokens = got.json()

    def post(self, endpoint: str, **fields: str) -> Any:
        return self.whole.client.post(f"/oauth2/{endpoint}", data=fields, auth=(self.id, self.secret))

    def alive(self) -> list[bool]:
        """Whether userinfo, introspection of both tokens and a refresh say that the person is signed in."""
        bearer = {"authorization": f"Bearer {self.tokens['access_token']}"}
        said = [self.whole.client.get("/oauth2/userinfo", headers=bearer).status_code == 200]
        for name in ("access_token", "refresh_token"):
            said.append(self.post("introspect", token=self.tokens[name]).json()["active"])
        got = self.post("token", grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])
        if got.status_code == 200:
            self.tokens = {**self.tokens, **got.json()}
        return [*said, got.status_code == 200]


@dataclass
class Story:
    whole: Whole
    acme: SamlTenant
    hooks: Hooks
    browser: Client
    apps: list[App]
    user: str
    scim: dict[str, str]

    def deactivate(self) -> None:
        operation = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
        answer = self.whole.client.patch(f"/scim/v2/Users/{self.user}", json=operation, headers=self.scim)
        assert answer.status_code == 200, answer.text
        assert answer.json()["active"] is False

    def tell_apps(self) -> int:
        services = self.whole.services
        issuers = Issuers(services.database, services.settings.public_url)
        keys = IssuerKeys(services.keys)
        return LogoutSender(services.database, keys, issuers, services.fetcher, services.clock).run_due()

    def receipt(self) -> Any:
        (receipt,) = self.whole.api("GET", f"/tenants/acme/users/{self.user}/revocations")["data"]
        return receipt

    def claims(self, token: str) -> dict[str, Any]:
        """As an app reads a logout token (OIDC Back-Channel Logout 2.6), with a library of its own."""
        keys = KeySet.import_key_set(self.whole.client.get("/oauth2/jwks").json())
        read = jwt.decode(token, keys, algorithms=["RS256"])
        assert read.header["typ"] == "logout+jwt"
        claims = dict(read.claims)
        assert claims["iss"] == BASE
        assert claims["events"] == {EVENT: {}}
        assert claims["iat"] <= self.whole.clock.now().timestamp() < claims["exp"]
        assert "nonce" not in claims
        return claims


@pytest.fixture
def story(stores: Stores, clock: TestClock) -> Iterator[Story]:
    """Alice has signed in, two apps hold her tokens, and her employer provisions her."""
    whole, hooks = Whole(stores.urls, clock), Hooks()
    whole.services.fetcher.post_form = hooks.post_form  # type: ignore[method-assign] # the apps of this story
    acme, browser = SamlTenant(whole, "acme", "enterprise"), whole.at("192.0.2.7")
    assert acme.sign_in(browser).status_code == 303
    apps = []
    for name in ("notes", "chat"):
        hook = f"https://{name}.example/logged-out"
        body = {
            "name": name, "redirect_uris": [f"https://{name}.example/callback"], "backchannel_logout_uri": hook,
            "grant_types": ["authorization_code", "refresh_token"],
        }  # fmt: skip
        made = whole.api("POST", "/apps", body)
        apps.append(App(whole, made["client_id"], made["client_secret"], hook))
        apps[-1].sign_in(browser)
    directory = whole.api("POST", "/tenants/acme/directories", {"name": "Okta"})["id"]
    token = whole.api("POST", f"/tenants/acme/directories/{directory}/tokens", {})["token"]
    scim = {"authorization": f"Bearer {token}"}
    resource = {"schemas": [USER], "userName": "alice@acme.example", "externalId": "alice-1", "active": True}
    made = whole.client.post("/scim/v2/Users", json=resource, headers=scim)
    assert made.status_code == 201, made.text
    yield Story(whole, acme, hooks, browser, apps, made.json()["id"], scim)
    whole.close()


def test_both_apps_are_told_and_all_is_dead_at_the_answer(story: Story) -> None:
    assert [app.alive() for app in story.apps] == [[True] * 4] * 2
    (session,) = story.whole.api("GET", "/tenants/acme/sessions")["data"]
    assert session["user_id"] == story.user, "the directory's person is the one who signed in"
    story.deactivate()
    assert story.hooks.told == []
    assert [app.alive() for app in story.apps] == [[False] * 4] * 2
    assert [one for one in story.whole.api("GET", "/tenants/acme/sessions")["data"] if one["ended_at"] is None] == []
    assert "alice" not in story.browser.get("/account").text.lower()
    pending = story.receipt()
    assert [one["status"] for one in pending["deliveries"]] == ["pending", "pending"]
    assert (pending["sessions"], pending["refresh_families"], pending["completed_at"]) == (1, 2, None)
    story.whole.clock.advance(seconds=2)
    assert story.tell_apps() == 2
    heard = {url: story.claims(token) for url, token in story.hooks.told}
    assert {url: claims["aud"] for url, claims in heard.items()} == {app.hook: app.id for app in story.apps}
    assert {(claims["sub"], claims["sid"]) for claims in heard.values()} == {(story.user, session["id"])}
    done = story.receipt()
    assert {(one["app"], one["status"], one["attempts"], one["error"]) for one in done["deliveries"]} == {
        (app.id, "confirmed", 1, None) for app in story.apps
    }
    assert (done["requested_at"], done["completed_at"]) == (pending["requested_at"], done["deliveries"][0]["at"])
    assert story.tell_apps() == 0
    times = story.whole.api("GET", "/tenants/acme/revocation-times")
    assert times == {"endings": 1, "confirmed": 1, "pending": 0, "failed": 0, "p50_ms": 2000, "p99_ms": 2000}
    events = [story.whole.events("acme", action) for action in ("user.deactivated", "session.ended")]
    assert [len(one) for one in events] == [1, 1]
    assert {one[0]["actor"]["type"] for one in events} == {"scim_client"}
    assert story.acme.sign_in(story.whole.at("192.0.2.9")).status_code == 403


def test_one_app_is_down_is_tried_again_and_its_failure_is_told(story: Story) -> None:
    up, down = story.apps
    story.hooks.down.add(down.hook)
    story.deactivate()
    assert [app.alive() for app in story.apps] == [[False] * 4] * 2, "who is down holds nothing up"
    assert story.tell_apps() == 2
    for number, pause in enumerate(PAUSES, start=1):
        states = {one["app"]: (one["status"], one["attempts"]) for one in story.receipt()["deliveries"]}
        assert states == {up.id: ("confirmed", 1), down.id: ("pending", number)}
        assert story.receipt()["completed_at"] is None
        story.whole.clock.advance(seconds=pause)
        assert story.tell_apps() == 1
    story.whole.clock.advance(days=3)
    assert story.tell_apps() == 0
    receipt = story.receipt()
    (failed,) = (one for one in receipt["deliveries"] if one["app"] == down.id)
    assert (failed["status"], failed["attempts"]) == ("failed", len(PAUSES) + 1)
    assert failed["error"] == "The other server did not answer in time."
    assert receipt["completed_at"] is not None
    times = story.whole.api("GET", "/tenants/acme/revocation-times")
    assert (times["endings"], times["confirmed"], times["failed"], times["p50_ms"]) == (1, 0, 1, None)
    (told,) = story.whole.events("acme", "session.logout_failed")
    assert told["context"]["app"] == down.id
    attempts = [token for url, token in story.hooks.told if url == down.hook]
    assert len(set(attempts)) == len(attempts) == len(PAUSES) + 1, "every attempt is a token of its own"


def test_one_app_comes_back(story: Story) -> None:
    up, down = story.apps
    story.hooks.down.add(down.hook)
    story.deactivate()
    story.tell_apps()
    story.hooks.down.clear()
    story.whole.clock.advance(seconds=PAUSES[0])
    assert story.tell_apps() == 1
    receipt = story.receipt()
    assert {(one["app"], one["status"], one["attempts"]) for one in receipt["deliveries"]} == {
        (up.id, "confirmed", 1), (down.id, "confirmed", 2),
    }  # fmt: skip
    assert receipt["completed_at"] > receipt["requested_at"]


def test_the_receipt_outlasts_the_person(story: Story) -> None:
    assert story.whole.client.delete(f"/scim/v2/Users/{story.user}", headers=story.scim).status_code == 204
    assert story.whole.send("GET", f"/tenants/acme/users/{story.user}").status_code == 404
    assert [one["status"] for one in story.receipt()["deliveries"]] == ["pending", "pending"]
    assert story.tell_apps() == 2
    assert [one["status"] for one in story.receipt()["deliveries"]] == ["confirmed", "confirmed"]
    for nobody in (new_id("usr"), "usr_x"):
        assert story.whole.send("GET", f"/tenants/acme/users/{nobody}/revocations").status_code == 404
