"""The token bucket as a pure function, in the form of the generic cell rate algorithm (ITU-T I.371): one number per bucket,
the moment at which it will be full again.

    interval   = 60 s / per_minute: what one token is worth in time
    tolerance  = burst x interval: how far ahead of the clock that moment may run
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from idbroker.limits.quota import Quota

SOFT = 0.8
"""The part of the burst from which on the caller is warned."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``remaining`` tokens could be had now; ``reset`` seconds until the bucket is full; ``retry`` until the cost is there."""

    allowed: bool
    quota: Quota
    remaining: int
    reset: float
    retry: float = 0.0

    @property
    def soft(self) -> bool:
        """Whether 80 % of the burst are in use."""
        return self.quota.burst - self.remaining >= SOFT * self.quota.burst


def take(full_at: float | None, now: float, quota: Quota, cost: int = 1) -> tuple[Decision, float]:
    """(the decision, the new ``full_at``). Times in seconds; None is a bucket that nobody has used.

    What is refused is not taken. A negative cost gives back. A cost above the burst takes the whole of a full bucket: else
    nobody could ever have it.
    """
    interval = 60 / quota.per_minute
    tolerance = quota.burst * interval
    # Within the clock's reach: neither a smaller quota nor a clock that was set back makes anyone wait for more than one fill.
    start = min(max(full_at if full_at is not None else now, now), now + tolerance)
    after = max(start + min(cost, quota.burst) * interval, now)
    wait = after - tolerance - now
    if wait > 1e-9:
        return Decision(False, quota, _tokens(now + tolerance - start, interval), start - now, wait), start
    return Decision(True, quota, _tokens(now + tolerance - after, interval), after - now), after


def _tokens(seconds: float, interval: float) -> int:
    return max(0, math.floor(seconds / interval + 1e-6))
