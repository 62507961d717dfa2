"""An authorization request as a value: built up by the checks, carried through the sign-in, bound to the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from idbroker.kernel.errors import Refusal
from oidc.provider.claims import NO_CLAIMS, ClaimsRequest

NOT_OURS = "This sign-in was begun elsewhere. Please go back to the application and start again."


_GRANT = ("issuer", "redirect_uri", "scope", "nonce", "code_challenge", "resource", "claims", "dpop_jkt")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The first three are proven before anything else is looked at. ``issuer`` is the issuer's URL."""

    issuer: str
    client_id: str
    redirect_uri: str
    state: str | None = None
    response_mode: str = "query"
    scope: tuple[str, ...] = ()
    nonce: str | None = None
    code_challenge: str = ""
    subject: str | None = None
    """The user that the ``id_token_hint`` names: nobody else will do."""
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str | None = None
    """Only when it is an e-mail address."""
    tenant: str | None = None
    connection: str | None = None
    resource: str | None = None
    claims: ClaimsRequest = NO_CLAIMS
    dpop_jkt: str | None = None
    acr: tuple[str, ...] = ()
    """The session must be of one of these; empty for any."""
    acr_values: tuple[str, ...] = ()
    """What the IdP is asked for, in order of preference, and need not do (OIDC Core 3.1.2.1)."""

    def as_origin(self) -> dict[str, Any]:
        """What must survive the sign-in, as JSON."""
        return {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "response_mode": self.response_mode,
            "scope": list(self.scope),
            "nonce": self.nonce,
            "code_challenge": self.code_challenge,
            "subject": self.subject,
            "resource": self.resource,
            "claims": self.claims.as_document(),
            "dpop_jkt": self.dpop_jkt,
            "acr": list(self.acr),
        }

    def as_grant(self) -> dict[str, Any]:
        """What the token endpoint must hold the client to, as JSON."""
        origin = self.as_origin()
        return {name: origin[name] for name in _GRANT}

    def response(self, members: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a response to the app; ``state`` and ``iss`` (RFC 9207) always come along."""
        given = {**members, "state": self.state, "iss": self.issuer}
        return {name: value for name, value in given.items() if value is not None}

    def answer_url(self, members: Mapping[str, str]) -> str:
        """The app's address with the response in its query."""
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(self.response(members))}"


def from_origin(origin: Mapping[str, Any], issuer: str) -> AuthorizationRequest:
    """The request that an attempt was begun for, at that issuer. Raises Refusal when it was begun elsewhere."""
    if origin.get("issuer") != issuer:
        raise Refusal("attempt_elsewhere", NOT_OURS, detail=f"the attempt's issuer is {origin.get('issuer')}")
    return AuthorizationRequest(
        issuer=issuer,
        client_id=origin["client_id"],
        redirect_uri=origin["redirect_uri"],
        state=origin["state"],
        response_mode=origin.get("response_mode", "query"),
        scope=tuple(origin["scope"]),
        nonce=origin["nonce"],
        code_challenge=origin["code_challenge"],
        subject=origin["subject"],
        resource=origin.get("resource"),
        claims=ClaimsRequest.stored(origin.get("claims")),
        dpop_jkt=origin.get("dpop_jkt"),
        acr=tuple(origin.get("acr", ())),
    )
