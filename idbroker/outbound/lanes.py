"""Bounded parallelism towards the world: a receiver that hangs holds one thread of its lane, never the work of others.

Receivers that have failed of late go by a lane of their own, so that however many hang, those in order are not held up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

STEADY, SUSPECT = 48, 16
log = structlog.get_logger("idbroker.outbound")


class Lane:
    """At most ``width`` pieces of work at once, at most one per key. Thread-safe."""

    def __init__(self, name: str, width: int) -> None:
        self._pool = ThreadPoolExecutor(width, thread_name_prefix=f"idbroker-{name}")
        self._width = width
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def offer(self, key: str, work: Callable[[], object]) -> bool:
        """Begin the work unless the lane is full or at work on that key already."""
        with self._lock:
            if key in self._busy or len(self._busy) >= self._width:
                return False
            self._busy.add(key)
        self._pool.submit(self._run, key, work)
        return True

    def _run(self, key: str, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            log.exception("delivery failed", key=key)
        finally:
            with self._lock:
                self._busy.discard(key)

    def close(self) -> None:
        """Wait for what has begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Lanes:
    """The lane of those in order, and that of those that failed of late."""

    def __init__(self, name: str) -> None:
        self._steady = Lane(name, STEADY)
        self._suspect = Lane(f"{name}-failing", SUSPECT)

    def offer(self, key: str, work: Callable[[], object], *, suspect: bool) -> bool:
        return (self._suspect if suspect else self._steady).offer(key, work)

    def close(self) -> None:
        self._steady.close()
        self._suspect.close()
