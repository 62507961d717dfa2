"""Rate limits around a request: who is charged, what the answer's headers say, and what the trail is told."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import structlog

from idbroker.audit.outbox import Outbox
from idbroker.kernel.clock import Clock
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.limits.bucket import Decision
from idbroker.limits.limiter import Limiter
from idbroker.limits.names import LimitName
from idbroker.limits.quota import OPERATOR, Quota
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.telemetry.metrics import LIMITED
from idbroker.tenants.quotas import TenantQuotas
from idbroker.web.meter import TooMany

Level = Literal["soft", "hard"]
TOLD_EVERY = 60
"""Seconds between two events of the same limit and level."""

REMEMBERED = timedelta(minutes=5)
"""How long a credential that was proven is recognised: only for whose turn it is, never for access."""

DENIED_AT_MOST = timedelta(seconds=1)
KEPT = 50_000

log = structlog.get_logger("idbroker.limits")


class Throttle:
    """``per_address`` limits, in each class, what has not proven whose it is."""

    def __init__(self, limiter: Limiter, quotas: TenantQuotas, database: Database, clock: Clock, *, per_address: Quota) -> None:
        self.limiter = limiter
        self.quotas = quotas
        self.per_address = per_address
        self._database = database
        self._clock = clock
        self._denied: dict[tuple[TenantId, LimitName], tuple[Decision, datetime]] = {}
        self._bearers: dict[bytes, tuple[TenantId, datetime]] = {}
        self._lock = threading.Lock()

    def meter(self, name: LimitName, address: str | None, bearer: str | None) -> RequestMeter:
        return RequestMeter(self, name, f"{name}:address:{_block(address)}", bearer)

    def recognised(self, bearer: str | None) -> TenantId | None:
        """Whose credential this was when it was proven last. Quick and never wrong about an unknown one."""
        found = self._bearers.get(_mark(bearer)) if bearer else None
        return found[0] if found is not None and self._clock.now() < found[1] else None

    def refused_already(self, tenant: TenantId, name: LimitName) -> Decision | None:
        """The tenant's last refusal, as long as it certainly still holds: a flood is answered without another question."""
        found = self._denied.get((tenant, name))
        if found is None or self._clock.now() >= found[1] or self.quotas.known(tenant, name) != found[0].quota:
            return None
        return found[0]

    def remember(self, bearer: str | None, tenant: TenantId) -> None:
        if bearer is None:
            return
        with self._lock:
            if len(self._bearers) >= KEPT:
                self._bearers.clear()
            self._bearers[_mark(bearer)] = (tenant, self._clock.now() + REMEMBERED)

    def denied(self, tenant: TenantId, name: LimitName, decision: Decision) -> None:
        with self._lock:
            if len(self._denied) >= KEPT:
                self._denied.clear()
            lasting = min(timedelta(seconds=decision.retry), DENIED_AT_MOST)
            self._denied[tenant, name] = (decision, self._clock.now() + lasting)

    def tell(self, tenant: TenantId, name: LimitName, level: Level, quota: Quota) -> None:
        """Write ``limit.exceeded`` into the tenant's trail, in a unit of its own. Never raises: no request fails for it."""
        context = {"limit": name, "level": level, "per_minute": quota.per_minute, "burst": quota.burst}
        try:
            with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
                unit[Outbox].record(Event("limit.exceeded", Resource("limit", name), context=context))
        except Exception:
            log.exception("limit not told", tenant=tenant, limit=name, level=level)


class RequestMeter:
    """One request's. ``standing`` is the bucket that its answer speaks of."""

    def __init__(self, throttle: Throttle, name: LimitName, address_key: str, bearer: str | None) -> None:
        self._throttle = throttle
        self._name: LimitName = name
        self._address_key = address_key
        self._bearer = bearer
        self._at_address = False
        self._tenant: TenantId | None = None
        self.standing: Decision | None = None
        self._to_tell: list[tuple[TenantId, Level]] = []

    def enter(self) -> None:
        """Charge the address. Raises TooMany."""
        decision = self._throttle.limiter.take(self._address_key, self._throttle.per_address)
        self.standing = decision
        if not decision.allowed:
            LIMITED.labels(self._name, "hard", "address").inc()
            first = self._throttle.limiter.first(f"{self._address_key}:hard", TOLD_EVERY)
            raise TooMany(decision, recorded=first, detail=f"{self._address_key} is over its {self._name} limit")
        self._at_address = True

    def proven(self, tenant: TenantId, unit: PlatformUnit | TenantUnit | None = None) -> None:
        if self._tenant == tenant:
            return
        self._tenant = tenant
        self._charge_tenant(tenant, 1, unit)
        self._throttle.remember(self._bearer, tenant)

    def does_the_work_of(self, requests: int) -> None:
        more = min(requests - 1, self.standing.remaining if self.standing is not None else 0)
        if self._tenant is not None and more > 0:
            self._charge_tenant(self._tenant, more, None)

    def _charge_tenant(self, tenant: TenantId, cost: int, unit: PlatformUnit | TenantUnit | None) -> None:
        quota = self._throttle.quotas.of(tenant, self._name, unit)
        # Other numbers are another bucket, a full one: nobody waits for what the old ones had left.
        self._charge_to(f"{self._name}:tenant:{tenant}:{quota.per_minute}:{quota.burst}", quota, cost, tenant)

    def proven_operator(self, key: str) -> None:
        self._charge_to(f"{self._name}:operator:{key}", OPERATOR, 1, None)

    def recognised(self) -> TenantId | None:
        """Whose request this seems to be, by a credential that was proven lately."""
        return self._throttle.recognised(self._bearer)

    def refused_already(self, tenant: TenantId) -> TooMany | None:
        """The refusal of a request that need not even be let in."""
        decision = self._throttle.refused_already(tenant, self._name)
        return self._not_let_in(tenant, decision) if decision is not None else None

    def crowded(self, tenant: TenantId) -> TooMany:
        """The refusal of a request for which too many of its tenant's stand in line."""
        quota = self._throttle.quotas.known(tenant, self._name) or self._throttle.per_address
        return self._not_let_in(tenant, Decision(False, quota, 0, 1.0, 1.0))

    def _not_let_in(self, tenant: TenantId, decision: Decision) -> TooMany:
        self.standing = decision
        LIMITED.labels(self._name, "hard", "tenant").inc()
        return TooMany(decision, recorded=False, detail=f"{tenant}: {self._name}")

    def headers(self, status: int) -> Iterable[tuple[str, str]]:
        """What the answer says of the limit (CONTRACT section 8)."""
        standing = self.standing
        if standing is None:
            return
        yield "x-ratelimit-limit", str(standing.quota.per_minute)
        yield "x-ratelimit-remaining", str(standing.remaining)
        yield "x-ratelimit-reset", str(math.ceil(standing.reset))
        if standing.soft:
            yield "x-ratelimit-warning", "soft"
        if status == 429:
            yield "retry-after", str(max(1, math.ceil(standing.retry)))

    def tell(self) -> None:
        """Once the request's own transaction is over: what its tenants shall know."""
        for tenant, level in self._to_tell:
            self._throttle.tell(tenant, self._name, level, self._throttle.quotas.of(tenant, self._name))
        self._to_tell.clear()

    def _charge_to(self, key: str, quota: Quota, cost: int, tenant: TenantId | None) -> None:
        limiter = self._throttle.limiter
        if self._at_address:
            self._at_address = False
            limiter.take(self._address_key, self._throttle.per_address, -1)
        decision = self.standing = limiter.take(key, quota, cost)
        if decision.soft or not decision.allowed:
            level: Level = "soft" if decision.allowed else "hard"
            LIMITED.labels(self._name, level, "operator" if tenant is None else "tenant").inc()
            first = limiter.first(f"{key}:{level}", TOLD_EVERY)
            if first and tenant is not None:
                self._to_tell.append((tenant, level))
            if not decision.allowed:
                if tenant is not None:
                    self._throttle.denied(tenant, self._name, decision)
                raise TooMany(decision, recorded=first, detail=f"{key} is empty")


def _block(address: str | None) -> str:
    """One caller's worth of addresses: an IPv4 address, or the /64 that one IPv6 customer has at least."""
    if address is None or ":" not in address:
        return address or "unknown"
    try:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        return "unknown"


def _mark(bearer: str) -> bytes:
    """What a credential is recognised by. The credential itself is not kept."""
    return hashlib.sha256(bearer.encode("utf-8", "surrogatepass")).digest()
