"""The limiter: the shared buckets as long as they answer, this process's own when they do not."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from idbroker.kernel.clock import Clock
from idbroker.limits.bucket import Decision
from idbroker.limits.contract import Buckets, StoreGone
from idbroker.limits.quota import Quota
from idbroker.telemetry.metrics import SHARED_LIMITS

RETRY_AFTER = timedelta(seconds=2)
"""How long the shared store is left alone once it did not answer: no request waits for it meanwhile."""

T = TypeVar("T")

log = structlog.get_logger("idbroker.limits")


class Limiter:
    """``shared`` is None where one process serves alone."""

    def __init__(self, local: Buckets, shared: Buckets | None, clock: Clock) -> None:
        self._local = local
        self._shared = shared
        self._clock = clock
        self._away_until: datetime | None = None
        self._lock = threading.Lock()
        SHARED_LIMITS.set(1)

    def take(self, key: str, quota: Quota, cost: int = 1) -> Decision:
        shared = self._reachable()
        if shared is not None:
            try:
                return self._back(shared.take(key, quota, cost))
            except StoreGone as gone:
                self._lost(gone)
        return self._local.take(key, quota, cost)

    def first(self, key: str, seconds: int) -> bool:
        """Whether this is the first time in ``seconds`` that anybody asks for ``key``."""
        shared = self._reachable()
        if shared is not None:
            try:
                return self._back(shared.first(key, seconds))
            except StoreGone as gone:
                self._lost(gone)
        return self._local.first(key, seconds)

    def degraded(self) -> bool:
        """Whether the shared store is configured and does not answer now."""
        shared = self._reachable()
        if shared is None:
            return self._shared is not None
        try:
            shared.ping()
        except StoreGone as gone:
            self._lost(gone)
            return True
        return not self._back(answer=True)

    def close(self) -> None:
        if self._shared is not None:
            self._shared.close()

    def _reachable(self) -> Buckets | None:
        away = self._away_until
        if self._shared is None or (away is not None and self._clock.now() < away):
            return None
        return self._shared

    def _back(self, answer: T) -> T:
        if self._away_until is not None:
            with self._lock:
                self._away_until = None
            SHARED_LIMITS.set(1)
            log.info("redis is back: limits are shared again")
        return answer

    def _lost(self, gone: StoreGone) -> None:
        with self._lock:
            first = self._away_until is None
            self._away_until = self._clock.now() + RETRY_AFTER
        SHARED_LIMITS.set(0)
        if first:
            log.warning("redis does not answer: each process limits by itself", cause=str(gone))
