"""How many of a tenant's requests are worked on at once: one that floods waits for itself, not the others for it.

Lives on the event loop. Those who wait hold no thread and no connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

AT_ONCE = 4
"""Of one tenant's recognised requests per process. More would not be quicker: they share one processor."""

WAITING = 64
PATIENCE = 10.0
"""Seconds."""


class Crowded(Exception):
    """Too many wait already, or for too long."""


@dataclass(slots=True)
class _Gate:
    inside: int = 0
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turnstile:
    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = WAITING, patience: float = PATIENCE) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._patience = patience
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def turn(self, whose: str) -> AsyncIterator[None]:
        """Raises Crowded."""
        gate = self._gates.setdefault(whose, _Gate())
        await self._enter(gate)
        try:
            yield
        finally:
            self._leave(whose, gate)

    async def _enter(self, gate: _Gate) -> None:
        if gate.inside < self._at_once:
            gate.inside += 1
            return
        if len(gate.queue) >= self._waiting:
            raise Crowded
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gate.queue.append(mine)
        try:
            await asyncio.wait_for(asyncio.shield(mine), self._patience)
        except BaseException as error:
            if mine.done() and not mine.cancelled():
                self._pass_on(gate)  # the turn came in the same moment in which it was no longer wanted
            else:
                gate.queue.remove(mine)
            if isinstance(error, TimeoutError):
                raise Crowded from error
            raise

    def _leave(self, whose: str, gate: _Gate) -> None:
        self._pass_on(gate)
        if gate.inside == 0 and not gate.queue:
            self._gates.pop(whose, None)

    def _pass_on(self, gate: _Gate) -> None:
        """The turn goes to the one who waits longest; the number inside stays the same."""
        while gate.queue:
            following = gate.queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        gate.inside -= 1
