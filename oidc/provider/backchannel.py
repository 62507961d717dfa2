"""Back-channel logout (OIDC Back-Channel Logout 1.0): every app of a session that has ended is told, until it has heard.

Each attempt is a token of its own: an app that remembers token ids would refuse the same one twice. Attempts go on for
about ten hours, further and further apart; what became of each app stands in the receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import structlog

from idbroker.apps.model import App, Apps
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.signing import Algorithm
from idbroker.outbound.fetcher import Fetcher, FetchFailed
from idbroker.outbound.lanes import Lanes
from idbroker.sessions.revocations import LogoutDelivery, LogoutsDue, Revocations
from idbroker.storage.database import Database
from idbroker.telemetry.metrics import LOGGED_OUT, LOGOUT_FAILED, tenant_label
from idbroker.tenants.model import Tenants
from oidc.provider.issue import new_token_id
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys

LOGOUT_TOKEN = "logout+jwt"  # section 2.4
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFE = 120
"""Seconds (section 2.4 recommends two minutes at most)."""
PAUSES = (10, 30, 60, 300, 900, 3600, 10_800, 21_600)
"""Seconds after the first, second … attempt; when they are used up, the delivery has failed."""
DEAF, GONE = "The app takes no logout tokens.", "The app or its issuer is gone."

log = structlog.get_logger("oidc.provider.backchannel")


@dataclass(frozen=True, slots=True)
class _Sending:
    delivery: LogoutDelivery
    app: App
    issuer: Issuer


class LogoutSender:
    """The worker's half: any number of them may run."""

    def __init__(self, database: Database, keys: IssuerKeys, issuers: Issuers, fetcher: Fetcher, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._issuers = issuers
        self._fetcher = fetcher
        self._clock = clock
        self._lanes = Lanes("logout")
        self._failing: set[str | None] = set()

    def run_due(self) -> int:
        """Try every delivery whose time has come, in this thread. How many were tried."""
        return sum(self._tell(app) for app in self._apps_due())

    def start_due(self) -> int:
        """Begin to tell every app that is to be told something; an app that hangs holds up nobody but itself."""
        return sum(
            self._lanes.offer(app or "", partial(self._tell, app), suspect=app in self._failing) for app in self._apps_due()
        )

    def close(self) -> None:
        self._lanes.close()

    def _apps_due(self) -> list[str | None]:
        with self._database.platform(SYSTEM, read_only=True) as unit:
            return unit[LogoutsDue].apps_due()

    def _tell(self, app: str | None) -> int:
        with self._database.platform(SYSTEM, read_only=True) as unit:
            due = unit[LogoutsDue].now_due(app)
        return sum(self._try(tenant, delivery_id) for tenant, delivery_id in due)

    def _try(self, tenant: TenantId, delivery_id: str) -> bool:
        sending = self._prepare(tenant, delivery_id)
        if sending is None:
            return False
        problem, took = self._send(sending), None
        given_up = problem is not None and sending.delivery.attempts > len(PAUSES)
        with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            if problem is None:
                took = unit[Revocations].finish(delivery_id, "confirmed")
            elif given_up:
                unit[Revocations].finish(delivery_id, "failed", problem)
            else:
                unit[Revocations].fail(delivery_id, problem)
        (self._failing.discard if problem is None else self._failing.add)(sending.app.id)
        if took is not None:
            LOGGED_OUT.labels(tenant_label(tenant)).observe(took.total_seconds())
        if given_up:
            LOGOUT_FAILED.labels(tenant_label(tenant)).inc()
        return True

    def _prepare(self, tenant: TenantId, delivery_id: str) -> _Sending | None:
        with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            row = unit[Revocations].take(delivery_id, PAUSES)
        if row is None:
            return None
        with self._database.platform(SYSTEM, read_only=True) as platform:
            app, owner = platform[Apps].get(row.client_id), platform[Tenants].get(tenant)
        issuer = None if owner is None else self._issuers.named(row.issuer, owner)
        if app is None or app.backchannel_logout_uri is None or issuer is None:
            with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
                unit[Revocations].cannot_be_told(delivery_id, DEAF if app is not None and issuer is not None else GONE)
            return None
        return _Sending(row, app, issuer)

    def _send(self, sending: _Sending) -> str | None:
        """Section 2.5, 2.8. Why it failed; None when the app has heard."""
        algorithm = cast("Algorithm", sending.app.id_token_signed_response_alg)
        token = self._keys.sign(sending.issuer, logout_claims(sending, self._clock.now()), algorithm, LOGOUT_TOKEN)
        try:
            answer = self._fetcher.post_form(str(sending.app.backchannel_logout_uri), {"logout_token": token})
        except FetchFailed as failure:
            log.info("logout not delivered", app=sending.app.id, detail=failure.detail)
            return failure.public
        return None if answer.status in (200, 204) else f"The app answered {answer.status}."


def logout_claims(sending: _Sending, now: datetime) -> dict[str, Any]:
    """Section 2.4: both ``sub`` and ``sid``, never a ``nonce``."""
    issued, row = int(now.timestamp()), sending.delivery
    return {
        "iss": sending.issuer.url,
        "sub": row.user_id,
        "aud": row.client_id,
        "iat": issued,
        "exp": issued + TOKEN_LIFE,
        "jti": new_token_id(),
        "sid": row.session_id,
        "events": {EVENT: {}},
        "tenant_id": row.tenant_id,
    }
