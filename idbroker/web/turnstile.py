"""How many of a tenant's requests are worked on at once: one that floods waits for itself, not the others for it.

A process computes for one request at a time, so whoever has four under way has four fifths of it beside one who has one.
Therefore a tenant has one among others, more while nobody else asks for anything; and what has stood in line behind its own
tenant's requests gives way to what nobody is charged for yet: the steps of a sign-in, above all.

Lives on the event loop. Those who wait hold no thread and no connection.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

AT_MOST = 4
"""Of one tenant's recognised requests per process. More would not be quicker: they share one processor."""

LONG = 0.25
"""Seconds after which a request no longer counts as its tenant's one: it waits more than it computes, and the tenant's others
must not wait for it."""

QUIET = 1.0
"""Seconds after its last request for which somebody still counts as present: between two steps of a sign-in nothing is sent."""

WAITING = 64
PATIENCE = 10.0
"""Seconds."""

GIVING_WAY = 0.025
"""Seconds at most: sign-ins without end slow a flood down and do not stop it."""


class Crowded(Exception):
    """Too many wait already, or for too long."""


@dataclass(slots=True)
class _Gate:
    inside: list[float] = field(default_factory=list)
    """Since when, of each."""
    queue: deque[asyncio.Future[float]] = field(default_factory=deque)
    looking: asyncio.TimerHandle | None = None
    """While somebody waits: whether those inside take long is looked at now and then."""


class _Seen(NamedTuple):
    whose: str | None
    at: float


class Turnstile:
    """``clock``: seconds that never go back."""

    def __init__(
        self,
        *,
        waiting: int = WAITING,
        patience: float = PATIENCE,
        long: float = LONG,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = waiting
        self._patience = patience
        self._long = long
        self._clock = clock
        self._gates: dict[str, _Gate] = {}
        self._guests = 0
        self._no_guests = asyncio.Event()
        self._newest = self._before = _Seen(None, -QUIET)

    @contextmanager
    def guest(self) -> Iterator[None]:
        """Somebody of whom it is not known yet whose he is: goes right in."""
        self._note(None)
        self._guests += 1
        self._no_guests.clear()
        try:
            yield
        finally:
            self._guests -= 1
            if self._guests == 0:
                self._no_guests.set()

    @asynccontextmanager
    async def turn(self, whose: str) -> AsyncIterator[None]:
        """Raises Crowded."""
        self._note(whose)
        gate = self._gates.setdefault(whose, _Gate())
        if self._has_room(whose, gate):
            since = self._clock()
            gate.inside.append(since)
        else:
            since = await self._stand_in_line(whose, gate)
        try:
            yield
        finally:
            self._leave(whose, gate, since)

    def _note(self, whose: str | None) -> None:
        """``_before`` is the last one of anybody but whoever came last."""
        if self._newest.whose != whose:
            self._before = self._newest
        self._newest = _Seen(whose, self._clock())

    def _has_room(self, whose: str, gate: _Gate) -> bool:
        if len(gate.inside) >= AT_MOST:
            return False
        now = self._clock()
        other = self._before if self._newest.whose == whose else self._newest
        return now - other.at >= QUIET or all(now - since >= self._long for since in gate.inside)

    async def _stand_in_line(self, whose: str, gate: _Gate) -> float:
        if len(gate.queue) >= self._waiting:
            raise Crowded
        mine: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        gate.queue.append(mine)
        self._look_later(whose, gate)
        try:
            since = await asyncio.wait_for(asyncio.shield(mine), self._patience)
            await self._give_way()
        except BaseException as error:
            if mine.done() and not mine.cancelled():
                self._leave(whose, gate, mine.result())  # the turn came, and is no longer wanted
            else:
                gate.queue.remove(mine)
            if isinstance(error, TimeoutError):
                raise Crowded from error
            raise
        return since

    async def _give_way(self) -> None:
        if self._guests:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._no_guests.wait(), GIVING_WAY)

    def _leave(self, whose: str, gate: _Gate, since: float) -> None:
        gate.inside.remove(since)
        self._let_in(whose, gate)
        if not gate.inside and not gate.queue:
            self._gates.pop(whose, None)

    def _let_in(self, whose: str, gate: _Gate) -> None:
        """Those who wait longest, as many as there is room for."""
        while gate.queue and self._has_room(whose, gate):
            following = gate.queue.popleft()
            if not following.done():
                gate.inside.append(self._clock())
                following.set_result(gate.inside[-1])

    def _look_later(self, whose: str, gate: _Gate) -> None:
        if gate.looking is None and gate.queue:
            gate.looking = asyncio.get_running_loop().call_later(self._long, self._look, whose, gate)

    def _look(self, whose: str, gate: _Gate) -> None:
        gate.looking = None
        self._let_in(whose, gate)
        self._look_later(whose, gate)
