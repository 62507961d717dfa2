"""A client that we did not write, against the running demo: Authlib's Starlette client signs in, refreshes, signs out, hears.

Its ID tokens are checked by Authlib from discovery and key set; nothing of ours is in between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from idbroker.demo.people import HARBOR, ORCHARD
from idbroker.demo.servers import Server, bind
from idbroker.demo.world import World
from tests.support.http_browser import HttpBrowser

SCOPE = "openid email profile groups offline_access"


@dataclass
class App:
    """A SaaS app as its developer would write it with Authlib."""

    demo: World
    base: str
    token: dict[str, Any] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    oauth: Any = None

    def register(self) -> None:
        form = {
            "name": "Authlib", "redirect_uris": [f"{self.base}/callback"], "post_logout_redirect_uris": [f"{self.base}/bye"],
            "grant_types": ["authorization_code", "refresh_token"], "backchannel_logout_uri": f"{self.base}/backchannel",
        }  # fmt: skip
        key = {"authorization": f"Bearer {self.demo.operator_key}"}
        made = httpx2.post(f"{self.demo.broker}/api/v1/apps", json=form, headers=key, trust_env=False).json()
        self.oauth = OAuth()
        self.oauth.register(
            "broker",
            client_id=made["client_id"],
            client_secret=made["client_secret"],
            server_metadata_url=f"{self.demo.broker}/.well-known/openid-configuration",
            client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", "trust_env": False},
        )

    async def login(self, request: Request) -> Response:
        hint = request.query_params["email"]
        answer: Response = await self.oauth.broker.authorize_redirect(request, f"{self.base}/callback", login_hint=hint)
        return answer

    async def callback(self, request: Request) -> Response:
        self.token = await self.oauth.broker.authorize_access_token(request)
        return JSONResponse({"claims": self.token["userinfo"], "userinfo": await self.oauth.broker.userinfo(token=self.token)})

    async def refresh(self, request: Request) -> Response:
        old = self.token["refresh_token"]
        self.token |= await self.oauth.broker.fetch_access_token(grant_type="refresh_token", refresh_token=old)
        userinfo = await self.oauth.broker.userinfo(token=self.token)
        return JSONResponse({"turned": old != self.token["refresh_token"], "userinfo": userinfo})

    async def logout(self, request: Request) -> Response:
        answer: Response = await self.oauth.broker.logout_redirect(
            request, post_logout_redirect_uri=f"{self.base}/bye", id_token_hint=self.token["id_token"]
        )
        return answer

    async def bye(self, request: Request) -> Response:
        return JSONResponse({"state": "state" in request.query_params})

    async def backchannel(self, request: Request) -> Response:
        self.heard.append(parse_qs((await request.body()).decode())["logout_token"][0])
        return Response()

    def application(self) -> Starlette:
        names = ("login", "callback", "refresh", "logout", "bye", "backchannel")
        routes = [Route(f"/{name}", getattr(self, name), methods=["GET", "POST"]) for name in names]
        return Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="loopback")])


@pytest.fixture
def app(demo: World) -> Iterator[App]:
    listener = bind([0])
    app = App(demo, f"http://127.0.0.1:{listener.getsockname()[1]}")
    app.register()
    server = Server(listener, app.application())
    server.start()
    yield app
    server.ask_to_stop()
    server.join()
    listener.close()


@pytest.mark.parametrize("person", [ORCHARD.people[0], HARBOR.people[0]], ids=["SAML", "OIDC"])
def test_the_whole_life_of_a_sign_in(demo: World, app: App, person: Any) -> None:
    browser = HttpBrowser()
    browser.open(f"{app.base}/login?email={person.email}")
    page = browser.submit(username=person.email, password=person.password)
    assert page.url.startswith(f"{app.base}/callback?")
    claims = app.token["userinfo"]
    assert (claims["iss"], claims["email"]) == (demo.broker, person.email)
    assert sorted(claims["groups"]) == sorted(person.groups)

    refreshed = httpx2.get(f"{app.base}/refresh", trust_env=False).json()
    assert refreshed["turned"]
    assert refreshed["userinfo"]["sub"] == claims["sub"]

    page = browser.open(f"{app.base}/logout")
    assert page.url.startswith(f"{app.base}/bye")
    metadata = httpx2.get(f"{demo.broker}/.well-known/openid-configuration", trust_env=False).json()
    keys = KeySet.import_key_set(httpx2.get(metadata["jwks_uri"], trust_env=False).json())
    told = jwt.decode(heard(app), keys, algorithms=["RS256"])
    assert told.header["typ"] == "logout+jwt"
    assert (told.claims["sub"], told.claims["sid"]) == (claims["sub"], claims["sid"])
    bearer = {"authorization": f"Bearer {app.token['access_token']}"}
    assert httpx2.get(metadata["userinfo_endpoint"], headers=bearer, trust_env=False).status_code == 401
    browser.close()


def heard(app: App) -> str:
    """What came over the back channel: the worker delivers it, a moment after the sign-out."""
    until = time.monotonic() + 20
    while not app.heard and time.monotonic() < until:
        time.sleep(0.05)
    return app.heard[0]
