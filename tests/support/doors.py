"""One app that two tenants use, and what each tenant's own issuer has given to it: only the issuer tells them apart."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.client import Client
from tests.support.strangers import Strangers
from tests.support.whole import BASE, SamlTenant

CALLBACK = "https://both.example/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass
class Doors:
    """``mine`` is globex's, ``theirs`` acme's: tokens by kind, an unused ``code``, and alice's ``browser``."""

    there: Strangers
    app: str
    secret: str
    mine: dict[str, Any]
    theirs: dict[str, Any]

    def post(self, path: str, **form: str) -> Any:
        return self.there.whole.client.post(path, data=form, auth=(self.app, self.secret))

    def active(self, slug: str, token: str) -> bool:
        return bool(self.post(f"/t/{slug}/oauth2/introspect", token=token).json()["active"])


def opened(there: Strangers) -> Doors:
    """Both tenants' alice has signed in, and each issuer has given what it gives."""
    grants = ["authorization_code", "refresh_token", "client_credentials", EXCHANGE]
    form = {"name": "Both", "redirect_uris": [CALLBACK], "grant_types": grants, "post_logout_redirect_uris": [CALLBACK]}
    made = there.whole.api("POST", "/apps", form)
    found = Doors(there, made["client_id"], made["client_secret"], {}, {})
    for tenant, given in ((there.acme.acme, found.theirs), (there.theirs, found.mine)):
        browser = there.whole.at("198.18.77.9")
        given["code"] = code(found, tenant, browser)
        fresh = code(found, tenant, browser)
        answer = redeemed(found, tenant.slug, fresh)
        assert answer.status_code == 200, answer.text
        given.update(answer.json())
        given["browser"] = browser
        machine = found.post(f"/t/{tenant.slug}/oauth2/token", grant_type="client_credentials")
        given["machine"] = machine.json()["access_token"]
    return found


def code(doors: Doors, tenant: SamlTenant, browser: Client) -> str:
    query = {
        "client_id": doors.app, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email offline_access",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "login_hint": f"alice@{tenant.domain}",
    }  # fmt: skip
    answer = browser.get(f"/t/{tenant.slug}/oauth2/authorize?{urlencode(query)}")
    while not answer.headers["location"].startswith(CALLBACK):
        location = answer.headers["location"]
        ours = location.startswith((BASE, "/"))
        answer = browser.get(location) if ours else tenant.finish(browser, location)
        assert answer.status_code in (302, 303), answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def redeemed(doors: Doors, slug: str, code: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return doors.post(f"/t/{slug}/oauth2/token", **form)
