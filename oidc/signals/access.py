"""Who may call the stream management API: a machine token with a scope of ours (RFC 6750, CAEP interoperability profile)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from idbroker.apps.model import App
from idbroker.apps.registered import read_app
from idbroker.audit.feed import FeedOrder
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Invalid, Refusal
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.signals.model import SignalQueues, SignalStream, SignalStreams
from idbroker.signals.streams import Party
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.web.call import Answer, Call
from oidc.provider.bearer import InvalidToken, check_possession, presented_token, read_access_token
from oidc.provider.claims import Machine
from oidc.provider.errors import OAuthError, bearer_errors
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.living import living

MANAGE, READ = "ssf.manage", "ssf.read"


@dataclass(frozen=True, slots=True)
class Guest:
    """The app that calls, inside of what its token is for."""

    unit: TenantUnit
    party: Party
    app: App
    wider: Sequence[SignalStream]
    """More streams of the app that are the caller's, kept elsewhere. Asked for by its id, one of them is where ``unit`` is."""
    head: int
    """The feed's last position."""


class SignalAccess:
    def __init__(self, database: Database, issuers: Issuers, keys: IssuerKeys, clock: Clock) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    def issuer(self, call: Call) -> Issuer:
        issuer = self._issuers.of(call)
        self._keys.ready(issuer)
        return issuer

    @contextmanager
    def entered(self, call: Call, issuer: Issuer, *scopes: str, read_only: bool, stream: Any = None) -> Iterator[Guest]:
        """``stream``: the id of the one that is asked for. Raises NoToken, InvalidToken, OAuthError (insufficient_scope)."""
        presented = presented_token(call)
        token = read_access_token(self._keys, issuer, presented.text, self._clock)
        proof = check_possession(token, presented, call, self._clock.now())
        if not set(scopes) & set(token.scope):
            raise OAuthError("insufficient_scope", f"The access token needs the scope {' or '.join(scopes)}.", status=403)
        if token.audience != token.client_id:  # RFC 9068 4: it is for another resource server
            raise InvalidToken("the token is for another resource")
        actor = Actor(type="app", id=token.client_id, ip=call.client_ip, user_agent=call.actor.user_agent)
        with self._database.platform(actor, read_only=read_only and proof is None) as platform:
            if proof is not None:
                proof.claim(platform)
            if not isinstance(living(platform, token, actor, call.request_id), Machine):
                raise InvalidToken("revoked, or not a machine's, or nobody is there any more")
            if token.tenant != PLATFORM_TRAIL:
                call.meter.proven(token.tenant, platform)
            head = platform[FeedOrder].head()
            party = Party(token.client_id, issuer.url, issuer.pinned is not None)
            app = read_app(platform, token.client_id)
            if app is None:
                raise InvalidToken("the app is gone")
            scope = TenantScope(token.tenant, actor, call.request_id)
            wider = _wider(platform, app, scope)
            if stream in [row.id for row in wider]:
                scope = replace(scope, tenant=PLATFORM_TRAIL)
            with platform.enter(scope) as unit:
                yield Guest(unit, party, app, wider, head)


def _wider(platform: PlatformUnit, app: App, scope: TenantScope) -> Sequence[SignalStream]:
    """Streams that were made for all tenants of an app that has one tenant left: they are for that one now."""
    if app.tenants != [scope.tenant]:
        return []
    wide = [queue for queue in platform[SignalQueues].of_app(app.id) if queue.tenant_id == PLATFORM_TRAIL]
    if not wide:
        return []
    with platform.enter(replace(scope, tenant=PLATFORM_TRAIL)) as unit:
        return unit[SignalStreams].of_app(app.id)


def signal_errors(refusal: Refusal, call: Call) -> Answer:
    """SSF names statuses alone; the body is RFC 6750's. What cannot be read is 400 (8.1.1.1), whatever was wrong with it."""
    if isinstance(refusal, Invalid):
        where = "; ".join(f"{error.pointer}: {error.message}" for error in refusal.errors)
        refusal = OAuthError("invalid_request", where or refusal.public, detail=refusal.detail)
    elif refusal.status == 415:
        refusal = OAuthError("invalid_request", refusal.public, detail=refusal.detail)
    return bearer_errors(refusal, call)
