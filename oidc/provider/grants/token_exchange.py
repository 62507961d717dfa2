"""Token exchange (RFC 8693): an access token of ours for a narrower one, for another resource, or for one that says who acts.

The exchanging app must be the token's client or its audience. What it gets never outlives what it gave, and dies with it
when that was revoked with its family of refresh tokens.
"""

from __future__ import annotations

from typing import Any

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.secrets import new_secret
from idbroker.sessions.refresh import family_of
from oidc.provider.bearer import AccessToken, InvalidToken, read_access_token
from oidc.provider.claims import Machine, Person
from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange
from oidc.provider.issue import Granted, new_token_id
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.living import living
from oidc.provider.person import read_open_tenant
from oidc.provider.primitives import scope_list

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
_TOKEN_TYPES = (ACCESS_TOKEN_TYPE, "urn:ietf:params:oauth:token-type:jwt")
MAX_ACTORS = 5
"""How long a chain of delegation may get."""


class TokenExchangeGrant:
    writes = False

    def __init__(self, keys: IssuerKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        if exchange.form.get("requested_token_type", ACCESS_TOKEN_TYPE) not in _TOKEN_TYPES:
            raise OAuthError("invalid_request", "only access tokens are given")
        subject, person = self._presented(exchange, "subject_token")
        if not isinstance(person, Person):
            raise OAuthError("invalid_request", "the subject_token must be about a person")
        if read_open_tenant(exchange.platform, subject.tenant, exchange.app) is None:
            raise OAuthError("invalid_target", "this app is not open to the tenant of the subject_token")
        family_id = family_of(subject.token_id)
        return Granted(
            person,
            _narrowed(subject, exchange.form.get("scope")),
            new_token_id() if family_id is None else f"{family_id}.{new_secret()}",
            resource=_target(exchange),
            jkt=exchange.jkt,
            not_after=int(subject.claims["exp"]),
            id_token=False,
            actor=self._actor(exchange, subject),
            members={"issued_token_type": ACCESS_TOKEN_TYPE},
        )

    def _presented(self, exchange: Exchange, name: str) -> tuple[AccessToken, Person | Machine]:
        """A live access token that the app may show here, and whom it is about. Raises OAuthError (RFC 8693 2.2.2)."""
        text = exchange.required(name)
        if exchange.required(f"{name}_type") not in _TOKEN_TYPES:
            raise OAuthError("invalid_request", f"{name}_type must be an access token")
        try:
            token = read_access_token(self._keys, exchange.issuer, text, self._clock)
        except InvalidToken as error:
            raise _unusable(name, error.detail) from error
        if not _is_open_to(token, exchange.app):
            raise _unusable(name, f"neither given to {exchange.app.id} nor for it")
        about = living(exchange.platform, token, exchange.actor, exchange.request)
        if about is None:
            raise _unusable(name, "revoked, or nobody is there any more")
        return token, about

    def _actor(self, exchange: Exchange, subject: AccessToken) -> dict[str, Any] | None:
        """``act`` (RFC 8693 4.1): who acts now, and below it who acted before."""
        before = subject.claims.get("act")
        if "actor_token" not in exchange.form:
            if "actor_token_type" in exchange.form:
                raise OAuthError("invalid_request", "actor_token is missing")
            return before if isinstance(before, dict) else None
        actor, _ = self._presented(exchange, "actor_token")
        if actor.tenant != subject.tenant:
            raise _unusable("actor_token", "another tenant's")
        act: dict[str, Any] = {"sub": actor.subject, "client_id": actor.client_id}
        if isinstance(before, dict):
            act["act"] = before
        if _depth(act) > MAX_ACTORS:
            raise OAuthError("invalid_request", f"no more than {MAX_ACTORS} may act for one another")
        return act


def _is_open_to(token: AccessToken, app: App) -> bool:
    return app.id in (token.client_id, token.audience) or token.audience in app.resources


def _target(exchange: Exchange) -> str | None:
    """RFC 8693 2.1: ``resource`` and ``audience`` name the same kind of thing here."""
    form = exchange.form
    asked = form.get("resource", form.get("audience"))
    if asked in (None, exchange.app.id):
        return None
    if asked not in exchange.app.resources or form.get("audience", asked) != asked:
        raise OAuthError("invalid_target", "this app may not ask for that resource or audience")
    return asked


def _narrowed(subject: AccessToken, asked: str | None) -> tuple[str, ...]:
    given = tuple(name for name in subject.scope if name != "offline_access" or asked is None)
    if asked is None:
        return given
    wanted = scope_list(asked)
    if not set(wanted) <= set(given):
        raise OAuthError("invalid_scope", "an exchange gives no more than the subject_token had")
    return wanted


def _depth(act: dict[str, Any]) -> int:
    inner = act.get("act")
    return 1 + (_depth(inner) if isinstance(inner, dict) else 0)


def _unusable(name: str, detail: str) -> OAuthError:
    return OAuthError("invalid_request", f"the {name} cannot be exchanged here", detail=detail)
