"""Whose turn it is: how many of a tenant's requests are inside, alone and among others, and who gives way to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from idbroker.web.turnstile import AT_MOST, QUIET, Crowded, Turnstile


class Hall:
    """A turnstile, and what was let in through it, in that order. Everybody inside stays until he is let go."""

    def __init__(self, **bounds: Any) -> None:
        self.now = 0.0
        self.entered: list[str] = []
        self.turnstile = Turnstile(clock=lambda: self.now, **bounds)
        self._doors: dict[str, asyncio.Event] = {}
        self._arrivals: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, *names: str) -> None:
        """Tenant and number: ``a1``."""
        for name in names:
            self._doors[name], self._arrivals[name] = asyncio.Event(), asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._inside(name))
            await settle()

    async def inside(self, name: str) -> None:
        await self._arrivals[name].wait()

    async def leaves(self, name: str) -> None:
        self._doors[name].set()
        await self._tasks[name]
        await settle()

    async def gives_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await settle()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _inside(self, name: str) -> None:
        async with self.turnstile.turn(name[0]):
            self.entered.append(name)
            self._arrivals[name].set()
            await self._doors[name].wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def played(story: Callable[[Hall], Coroutine[Any, Any, None]], **bounds: Any) -> None:
    async def play() -> None:
        hall = Hall(**bounds)
        await story(hall)
        await hall.close()
        assert not hall.turnstile._gates, "a gate that nobody needs is kept"

    asyncio.run(play())


MANY = tuple(f"a{number}" for number in range(8))


def test_alone_and_among_others() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes(*MANY)
        assert hall.entered == list(MANY[:AT_MOST])
        await hall.comes("b1")
        assert hall.entered[-1] == "b1", "another tenant waits for nobody"
        for name in MANY[: AT_MOST - 1]:
            await hall.leaves(name)
        assert hall.entered[-1] == "b1", "it has one among others"
        await hall.leaves(MANY[AT_MOST - 1])
        assert hall.entered[-1] == MANY[AT_MOST], "who waits longest comes next"
        hall.now = QUIET
        await hall.leaves(MANY[AT_MOST])
        assert hall.entered[-3:] == list(MANY[AT_MOST + 1 :]), "the others have gone quiet: all the room is its own again"

    played(story)


def test_a_long_request_does_not_hold_up_its_tenant_s_others() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes("b1", "a1", "a2")
        assert hall.entered == ["b1", "a1"]
        hall.now = 0.5
        await asyncio.wait_for(hall.inside("a2"), 10)
        await hall.comes("a3")
        assert hall.entered[-1] == "a2", "of those that are not long, one"

    played(story, long=0.01)


def test_who_stood_in_line_gives_way_to_a_guest_and_not_for_ever() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes("b1", *MANY)
        with hall.turnstile.guest():
            await hall.comes("c1")
            assert hall.entered == ["b1", MANY[0], "c1"], "a tenant that has none inside gives way to nobody"
            await hall.leaves(MANY[0])
            assert hall.entered[-1] == "c1"
        await settle()
        assert hall.entered[-1] == MANY[1], "the guest has gone"
        with hall.turnstile.guest():
            await hall.leaves(MANY[1])
            assert hall.entered[-1] == MANY[1]
            await asyncio.wait_for(hall.inside(MANY[2]), 10)  # a guest that stays does not stop it

    played(story)


def test_the_line_is_as_long_as_it_may_be() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes(*MANY[: AT_MOST + 1])
        with pytest.raises(Crowded):
            async with hall.turnstile.turn("a"):
                pass

    played(story, waiting=1)


def test_patience_ends() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes(*MANY[:AT_MOST])
        with pytest.raises(Crowded):
            async with hall.turnstile.turn("a"):
                pass

    played(story, patience=0.0)


@pytest.mark.parametrize("gone", [MANY[0], MANY[1]])
def test_who_gives_up_leaves_no_hole(gone: str) -> None:
    """Whether he was inside or waited."""

    async def story(hall: Hall) -> None:
        await hall.comes("b1", *MANY[:3])
        await hall.gives_up(gone)
        left = MANY[1] if gone == MANY[0] else MANY[0]
        await hall.leaves(left)
        assert hall.entered == ["b1", *(name for name in MANY[:3] if name != gone or gone == MANY[0])]

    played(story)


def test_who_gives_up_while_he_gives_way_passes_his_turn_on() -> None:
    async def story(hall: Hall) -> None:
        await hall.comes("b1", *MANY[:3])
        with hall.turnstile.guest():
            await hall.leaves(MANY[0])
            await hall.gives_up(MANY[1])
        await settle()
        assert hall.entered[-1] == MANY[2]

    played(story)
