"""The authorization code grant (RFC 6749 4.1.3, RFC 7636 4.5): one code, one client, one exchange.

unknown code, another client's, another issuer's     invalid_grant, and the code is left as it was
wrong redirect URI or verifier, by the right client  invalid_grant, and the code is burnt: there is no second guess
second use, by the right client                      invalid_grant, and what the first use gave is revoked
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idbroker.apps.model import App
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.sessions.model import AuthorizationCode, AuthorizationCodes
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenant
from idbroker.web.call import Call
from oidc.provider.errors import OAuthError
from oidc.provider.issue import Granted, TokenIssuer, new_token_id
from oidc.provider.issuer import Issuer
from oidc.provider.person import open_tenant, read_person
from oidc.provider.primitives import verifier_matches

_SENTENCE = "The code is wrong, has expired, was used before, or is not for this request."


@dataclass(frozen=True, slots=True)
class _Presented:
    """A code as a proven client brings it."""

    issuer: Issuer
    app: App
    handle: Handle
    redirect_uri: str
    code_verifier: str


class AuthorizationCodeGrant:
    def __init__(self, database: Database, tokens: TokenIssuer) -> None:
        self._database = database
        self._tokens = tokens

    def exchange(self, issuer: Issuer, app: App, form: Mapping[str, str], call: Call) -> Mapping[str, Any]:
        """Raises OAuthError."""
        for name in ("code", "redirect_uri", "code_verifier"):
            if name not in form:
                raise OAuthError("invalid_request", f"{name} is missing")
        handle = parse_handle(form["code"])
        if handle is None or not issuer.serves(handle.tenant):
            raise _invalid_grant("not a code of this issuer")
        presented = _Presented(issuer, app, handle, form["redirect_uri"], form["code_verifier"])
        actor = Actor(type="app", id=app.id, name=app.name, ip=call.client_ip, user_agent=call.actor.user_agent)
        tenant = open_tenant(self._database, handle.tenant, app.id, actor)
        if tenant is None:
            raise _invalid_grant("no such tenant, or closed, or the app is not open to it")
        with self._database.tenant(TenantScope(handle.tenant, actor, call.request_id)) as unit:
            # A refusal is a value in here: what it changes (a burnt code, revoked tokens) must be committed.
            outcome = _use(unit, tenant, presented)
        if isinstance(outcome, OAuthError):
            raise outcome
        return self._tokens.answer(issuer, app, outcome)


def _use(unit: TenantUnit, tenant: Tenant, code: _Presented) -> Granted | OAuthError:
    codes = unit[AuthorizationCodes]
    row = codes.get(code.handle.digest)
    if row is None or row.client_id != code.app.id or row.grant["issuer"] != code.issuer.url:
        return _invalid_grant("no such code for this client at this issuer")
    if row.consumed_at is not None:
        return _reused(unit, row)
    if row.revoked_at is not None or row.expires_at <= unit.clock.now():
        return _invalid_grant("the code was revoked or has expired")
    if not codes.consume(code.handle.digest):
        return _reused(unit, row)  # another exchange of it was faster, in this very moment
    if row.grant["redirect_uri"] != code.redirect_uri:
        return _invalid_grant("the redirect URI is not that of the authorization request")
    if not verifier_matches(code.code_verifier, row.grant["code_challenge"]):
        return _invalid_grant("the code verifier does not match")
    person = read_person(unit, tenant, row.session_id, code.app.id)
    if person is None:
        return _invalid_grant("the session is over or the person is switched off")
    row.access_token_id = new_token_id()
    return Granted(person, tuple(row.grant["scope"]), row.grant["nonce"], row.access_token_id)


def _reused(unit: TenantUnit, row: AuthorizationCode) -> OAuthError:
    """RFC 6749 4.1.2: two have had the code, and nobody knows which of them is the app."""
    if row.revoked_at is None:
        row.revoked_at = unit.clock.now()
        unit[Outbox].record(
            Event(
                "token.reuse_detected",
                Resource("session", row.session_id),
                context={"client_id": row.client_id, "kind": "authorization_code"},
                session_id=row.session_id,
            )
        )
    return _invalid_grant("the code was used before")


def _invalid_grant(detail: str) -> OAuthError:
    """RFC 6749 5.2. One sentence for every cause: the caller may be a thief."""
    return OAuthError("invalid_grant", _SENTENCE, detail=detail)
