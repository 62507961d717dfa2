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


def with_own(usual: Mapping[LimitName, Quota], own: Mapping[str, Any] | None) -> Mapping[LimitName, Quota]:
    """The usual numbers with somebody's own over them: class → ``{"per_minute", "burst"}``, ``burst`` may be missing."""
    quotas = dict(usual)
    for name in LIMIT_NAMES:
        numbers = (own or {}).get(name)
        if numbers is not None:
            burst = numbers.get("burst")
            quotas[name] = Quota(numbers["per_minute"], burst) if burst else with_usual_burst(numbers["per_minute"])
    return quotas


def check_own(own: Any) -> None:
    """Raise ValueError unless ``with_own`` can read it."""
    if not isinstance(own, dict) or not set(own) <= set(LIMIT_NAMES):
        raise ValueError(f"limits are an object of: {', '.join(LIMIT_NAMES)}")
    for numbers in own.values():
        if not isinstance(numbers, dict) or not {"per_minute"} <= set(numbers) <= {"per_minute", "burst"}:
            raise ValueError('a limit is {"per_minute": 600, "burst": 150}; burst may be left out')
        if any(type(number) is not int or not 1 <= number <= MAX_PER_MINUTE for number in numbers.values()):
            raise ValueError(f"per_minute and burst are numbers from 1 to {MAX_PER_MINUTE}")
