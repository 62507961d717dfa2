"""The threads in which handlers run: answers, errors, many at once, a limit, and an end when nobody needs them."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from idbroker.web import threads
from idbroker.web.threads import Threads


class Broken(Exception):
    pass


def fail() -> None:
    raise Broken


def test_answers_and_errors() -> None:
    async def story() -> None:
        pool = Threads()
        assert await pool.run(lambda a, b: a + b, 1, 2) == 3
        with pytest.raises(Broken):
            await pool.run(fail)
        assert await pool.run(threading.get_ident) != threading.get_ident()

    asyncio.run(story())


def test_many_at_once_and_no_more_than_the_limit() -> None:
    seen, most, lock = set(), [0, 0], threading.Lock()

    def work(number: int) -> int:
        with lock:
            seen.add(threading.get_ident())
            most[0] += 1
            most[1] = max(most)
        time.sleep(0.002)
        with lock:
            most[0] -= 1
        return number

    async def story() -> None:
        pool = Threads(limit=4)
        assert await asyncio.gather(*(pool.run(work, number) for number in range(50))) == list(range(50))

    asyncio.run(story())
    assert len(seen) == 4
    assert 1 < most[1] <= 4


def test_waiting_ones_do_not_wait_for_each_other() -> None:
    """A thread per job as long as there are any: the second can only come when the first is under way."""
    barrier = threading.Barrier(8, timeout=10)

    async def story() -> None:
        pool = Threads()
        await asyncio.gather(*(pool.run(barrier.wait) for _ in range(8)))
        await asyncio.gather(*(pool.run(barrier.wait) for _ in range(8)))

    asyncio.run(story())


def test_idle_threads_end_and_new_ones_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.01)

    async def story() -> None:
        pool = Threads()
        for _ in range(3):
            first = await pool.run(threading.current_thread)
            while first.is_alive():  # noqa: ASYNC110 - a thread has no event to wait for
                await asyncio.sleep(0.01)
            assert await pool.run(lambda: 1) == 1

    asyncio.run(story())


def test_an_answer_for_a_loop_that_is_gone() -> None:
    pool, started, go_on = Threads(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go_on.wait(5)

    async def given_up() -> None:
        task = asyncio.ensure_future(pool.run(work))
        while not started.is_set():  # noqa: ASYNC110 - set by a thread
            await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(given_up())
    go_on.set()
    assert asyncio.run(pool.run(lambda: 2)) == 2
