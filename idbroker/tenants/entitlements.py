"""What a tier includes. A trial includes everything. The numbers are the operator's to change (IDBROKER_ENTITLEMENTS)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from idbroker.kernel.errors import Forbidden
from idbroker.limits.names import LimitName
from idbroker.limits.quota import TIERS as LIMITS
from idbroker.limits.quota import Quota, check_own, with_own
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.registered import read_own_tenant

Feature = Literal["connections", "domains", "directories", "log_streams", "custom_roles"]


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Numbers are what a tenant may have of it; None is any number."""

    connections: int | None = None
    domains: int | None = None
    directories: int | None = None
    log_streams: int | None = None
    custom_roles: int | None = None
    retention_days: int | None = None
    """How long the trail's records are kept before they are cut and removed (``audit/retention.py``)."""
    limits: Mapping[LimitName, Quota] = field(default_factory=lambda: LIMITS["enterprise"])
    """How much may be asked for in a minute, by route class; a tenant's own numbers stand over them (``quotas.py``)."""


RETENTION_DAYS = range(30, 36_501)
"""PostgreSQL removes no record that is younger than 30 days, whoever asks (``storage/rls.py``)."""
EVERYTHING = Entitlements()
TIERS: Mapping[str, Entitlements] = {
    "free": Entitlements(3, 5, directories=1, log_streams=0, custom_roles=0, retention_days=90, limits=LIMITS["free"]),
    "growth": Entitlements(10, 50, directories=5, log_streams=2, custom_roles=5, retention_days=365, limits=LIMITS["growth"]),
    "enterprise": EVERYTHING,
}
NAMES: Mapping[str, str] = {
    "connections": "connections to identity providers",
    "domains": "domains",
    "directories": "directories (SCIM)",
    "log_streams": "log streams",
    "custom_roles": "roles of its own",
}


class NotEntitled(Forbidden):
    """A feature, or more of it, that the tenant's tier does not include."""

    def __init__(self, feature: Feature, tier: str, most: int) -> None:
        include = f"at most {most} {NAMES[feature]}" if most else f"no {NAMES[feature]}"
        super().__init__("not_entitled", f"The tier {tier} includes {include}. A higher tier includes more.")


class Plans:
    """Tier → what it includes, the operator's own numbers over ours."""

    def __init__(self, own: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._tiers = {tier: _with_own(given, (own or {}).get(tier, {})) for tier, given in TIERS.items()}

    def of(self, tier: str, status: str) -> Entitlements:
        """A trial includes everything, at the pace of its tier."""
        return replace(EVERYTHING, limits=self.limits(tier)) if status in ("prospect", "trial") else self._tiers[tier]

    def limits(self, tier: str) -> Mapping[LimitName, Quota]:
        return self._tiers[tier].limits

    def check(self, unit: TenantUnit, feature: Feature, count: Callable[[], int]) -> int:
        """How many there are, as ``count`` tells; raises NotEntitled when the unit's tenant may not have one more.

        Below both faces: asked by whoever makes one, before he makes it. Of two that want the last one, one waits here until
        the other is done, and is told. All features share one turn: a transaction may ask for several, in any order.
        """
        unit.take_turns(["entitlements"])
        has = count()
        tenant = read_own_tenant(unit)
        if tenant is not None:
            self.check_of(tenant.tier, tenant.status, feature, has)
        return has

    def check_of(self, tier: str, status: str, feature: Feature, has: int) -> None:
        """The same for any tenant of that tier in that state."""
        most = getattr(self.of(tier, status), feature)
        if most is not None and has >= most:
            raise NotEntitled(feature, tier, most)


def as_document(entitlements: Entitlements) -> dict[str, Any]:
    """Names → numbers; ``limits``: class → ``{"per_minute", "burst"}``."""
    return asdict(entitlements)


def _with_own(given: Entitlements, own: Mapping[str, Any]) -> Entitlements:
    return replace(given, **{**own, "limits": with_own(given.limits, own.get("limits"))})


def checked_own(value: Any) -> Mapping[str, Mapping[str, Any]]:
    """IDBROKER_ENTITLEMENTS as it was read: ``{"free": {"connections": 5, "limits": {"token": {"per_minute": 600}}}}``.

    Raises TypeError, ValueError.
    """
    known = {one.name for one in fields(Entitlements)}
    if not isinstance(value, dict):
        raise TypeError("an object of tiers is needed")
    for tier, included in value.items():
        if tier not in TIERS or not isinstance(included, dict) or not set(included) <= known:
            raise ValueError(f"the tiers are {', '.join(TIERS)}; what they include: {', '.join(sorted(known))}")
        check_own(included.get("limits", {}))
        numbers = {name: number for name, number in included.items() if name != "limits"}
        if any(number is not None and (type(number) is not int or number < 0) for number in numbers.values()):
            raise ValueError("what a tier includes is a number of 0 or more, or null for any number")
        days = numbers.get("retention_days")
        if days is not None and days not in RETENTION_DAYS:
            raise ValueError(f"retention_days are {RETENTION_DAYS[0]} to {RETENTION_DAYS[-1]}, or null for ever")
    return value
