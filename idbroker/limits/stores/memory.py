"""Buckets of one process."""

from __future__ import annotations

import threading

from idbroker.kernel.clock import Clock
from idbroker.limits.bucket import Decision, take
from idbroker.limits.quota import Quota


class MemoryBuckets:
    """At most ``most`` buckets. A full bucket says nothing and is forgotten first; then whatever is there."""

    def __init__(self, clock: Clock, *, most: int = 200_000) -> None:
        self._clock = clock
        self._most = most
        self._full_at: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, key: str, quota: Quota, cost: int = 1) -> Decision:
        now = self._clock.now().timestamp()
        with self._lock:
            decision, full_at = take(self._full_at.get(key), now, quota, cost)
            if key not in self._full_at and len(self._full_at) >= self._most:
                _forget(self._full_at, now)
            self._full_at[key] = full_at
        return decision

    def first(self, key: str, seconds: int) -> bool:
        now = self._clock.now().timestamp()
        with self._lock:
            if self._asked.get(key, now) > now:
                return False
            if len(self._asked) >= self._most:
                _forget(self._asked, now)
            self._asked[key] = now + seconds
        return True

    def ping(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to close."""


def _forget(moments: dict[str, float], now: float) -> None:
    past = [key for key, moment in moments.items() if moment <= now]
    # A crowd that fills the table with fresh buckets is not let grow it: half of them start anew.
    for key in past or list(moments)[: len(moments) // 2]:
        del moments[key]
