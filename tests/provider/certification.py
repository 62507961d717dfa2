"""What the modules of the OpenID Foundation's plans have in common: a relying party that has a browser with a person in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.provider.test_code_flow import read
from tests.support.provider_world import (
    BASE,
    Browser,
    Client,
    ProviderWorld,
    SignedIn,
    attempt_of,
    document,
    location_query,
    request_for,
)

Module = Callable[["RelyingParty"], None]
SCOPE = "openid"


class Plan(dict[str, Module]):
    """Module name → what it does. Names are those of the certification plan."""

    def module(self, name: str) -> Callable[[Module], Module]:
        def entered(function: Module) -> Module:
            self[name] = function
            return function

        return entered


@dataclass
class RelyingParty:
    """``client_secret_basic`` and RS256, as the plan's default variant."""

    world: ProviderWorld
    client: Client = field(init=False)
    person: SignedIn = field(init=False)
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.world.client(id_token_signed_response_alg="RS256")
        self.person = self.world.person()
        self.browser = self.world.browser()

    @property
    def metadata(self) -> dict[str, Any]:
        return document(self.world.send("GET", f"{BASE}/.well-known/openid-configuration"))

    def register(self, **fields: Any) -> None:
        self.client = self.world.client(**{"id_token_signed_response_alg": "RS256", **fields})

    def ask(self, **changed: str | None) -> Any:
        """The answer of the authorization endpoint."""
        return self.world.authorize(self.browser, self.client, **{"scope": SCOPE, **changed})

    def sign_in(self, page: Any) -> dict[str, str]:
        """The person types his address and the IdP vouches for him: the query that comes back to the app."""
        assert page.status in (200, 400), page.body  # 400: the page for a hint that leads nowhere
        handle = attempt_of(page)
        fresh = self.world.session(self.person.tenant, self.person.user)
        self.world.finish_sign_in(handle, fresh)
        self.browser.sign_in(fresh)
        return location_query(self.browser.get(f"{BASE}/oauth2/resume", {"attempt": handle}))

    def code(self, **changed: str | None) -> str:
        """By a first sign-in, or from the session that is there."""
        answer = self.ask(**changed)
        query = location_query(answer) if answer.status == 303 else self.sign_in(answer)
        assert query.get("state") == request_for(self.client, **changed).get("state")
        assert query["iss"] == BASE
        return query["code"]

    def tokens(self, **changed: str | None) -> dict[str, Any]:
        answer = self.world.token(self.client, self.code(**changed))
        assert answer.status == 200, answer.body
        return document(answer)

    def id_token(self, **changed: str | None) -> dict[str, Any]:
        return self.claims(self.tokens(**changed))

    def claims(self, tokens: dict[str, Any]) -> dict[str, Any]:
        """Verified with another library from discovery and JWKS, and checked as OIDC Core 3.1.3.7 says."""
        header, claims = read(self.world, tokens["id_token"])
        assert header["alg"] == self.client.app.id_token_signed_response_alg
        assert (claims["iss"], claims["aud"]) == (BASE, self.client.id)
        assert claims["iat"] <= self.world.clock.now().timestamp() < claims["exp"]
        assert 0 < len(claims["sub"]) <= 255
        return claims

    def error(self, **changed: str | None) -> str:
        query = location_query(self.ask(**changed))
        assert query.get("state") == request_for(self.client, **changed).get("state")
        return query.get("error", "")
