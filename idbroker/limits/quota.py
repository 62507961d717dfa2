"""How much a tenant may ask for in a minute, by tier and route class (CONTRACT section 9), and a tenant's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idbroker.limits.names import LIMIT_NAMES, LimitName

MIN_BURST = 20
MAX_PER_MINUTE = 10_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """``per_minute`` tokens flow in, ``burst`` fit into the bucket. Both at least 1."""

    per_minute: int
    burst: int


def with_usual_burst(per_minute: int) -> Quota:
    """A quarter of a minute's worth at once, at least 20."""
    return Quota(per_minute, max(MIN_BURST, per_minute // 4))


_PER_MINUTE: Mapping[LimitName, tuple[int, int, int]] = {
    "sign_in": (60, 600, 6_000),
    "token": (120, 1_200, 12_000),
    "scim_read": (600, 3_000, 12_000),
    "scim_write": (300, 1_500, 6_000),
    "admin_read": (300, 1_500, 6_000),
    "admin_write": (60, 300, 1_500),
}
TIERS: Mapping[str, Mapping[LimitName, Quota]] = {
    tier: {name: with_usual_burst(numbers[place]) for name, numbers in _PER_MINUTE.items()}
    for place, tier in enumerate(("free", "growth", "enterprise"))
}
OPERATOR = with_usual_burst(60_000)
"""An operator's key, per class: it serves all tenants, and none of them is charged for it."""


def quotas_for(tier: str, own: Mapping[str, Any] | None) -> Mapping[LimitName, Quota]:
    """The tier's numbers with the tenant's own over them. ``own`` is as stored: class → ``{"per_minute", "burst"}``."""
    quotas = dict(TIERS[tier])
    for name in LIMIT_NAMES:
        numbers = (own or {}).get(name)
        if numbers is not None:
            quotas[name] = Quota(numbers["per_minute"], numbers["burst"])
    return quotas
