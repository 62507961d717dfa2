"""The threads in which handlers run: a queue and a wake-up, nothing else.

``anyio.to_thread`` costs 0.11 ms of processor time a call when several are under way, an executor 0.06, this 0.025: at the
token endpoint that is a tenth of all. Nothing here is cancelled half-way, and no context variables travel along.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]
LIMIT = 40
"""As many as may wait for the database or the world at one moment; whoever comes then waits in the queue."""

IDLE_SECONDS = 10.0
"""After which a thread that nobody needs ends."""


class Threads:
    """Threads are started when they are needed, up to ``limit``."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = 0
        self._busy = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What ``function`` answers or raises, run in a thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._busy += 1
            needed = self._busy > self._running and self._running < self._limit
            self._running += needed
        if needed:
            threading.Thread(target=self._work, name="handler", daemon=True).start()
        self._jobs.put((loop, future, function, arguments))
        return await future

    def _work(self) -> None:
        while True:
            try:
                loop, future, function, arguments = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._busy >= self._running:  # a job is on its way: it counts on this thread
                        continue
                    self._running -= 1
                return
            result, error = None, None
            try:
                result = function(*arguments)
            except Exception as raised:  # noqa: BLE001 - raised again where it is awaited
                error = raised
            with self._lock:
                self._busy -= 1
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_tell, future, result, error)
            del loop, future, function, arguments, result, error


def _tell(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
