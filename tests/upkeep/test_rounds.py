"""What goes to every tenant: in a lane of its own, at leisure beside a server, and over as soon as the worker is to end."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog

from idbroker import worker
from idbroker.kernel.clock import SystemClock
from idbroker.worker import Job, Rounds, Stopped, Worker
from tests.support.databases import Stores
from tests.support.world import make_tenant

NEVER = timedelta(days=1)


class Stopping(threading.Event):
    """Notes how long was rested, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.rested: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.rested.append(timeout or 0.0)
        return self.is_set()


def test_a_round_goes_to_everybody_and_rests_beyond_the_first_tenants(
    sqlite_stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PAGE", 3)
    monkeypatch.setattr(worker, "UNRESTED", 2)
    moments = iter([0.0, 0.0, 0.0, 3.0, 0.0, 4.0])
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    made = [make_tenant(sqlite_stores, f"t{number}").tenant for number in range(4)]
    stopping = Stopping()
    assert [scope.tenant for scope in Rounds(sqlite_stores.main, stopping, 4.0)] == made
    assert stopping.rested == [0.0, 0.0, 12.0, 16.0]


def test_a_worker_that_is_to_end_does_not_wait_for_its_round(sqlite_stores: Stores) -> None:
    """Nor do the quick jobs wait for it before; nor is a round that was stopped a failure."""
    for number in range(3):
        make_tenant(sqlite_stores, f"t{number}")
    stopping, quick, seen = threading.Event(), threading.Event(), []
    rounds = Rounds(sqlite_stores.main, stopping)

    def go_round() -> int:
        for scope in rounds:
            seen.append(scope)
            assert quick.wait(20), "the quick job waits for the round"
            stopping.set()
        return 0

    def do_quickly() -> int:
        if seen:
            quick.set()
        return 1

    jobs = [Job("round", NEVER, go_round, "rounds"), Job("quick", timedelta(0), do_quickly)]
    with structlog.testing.capture_logs() as lines:
        Worker(jobs, SystemClock(), stopping=stopping).run_until_stopped()
    assert len(seen) == 1
    assert lines == []
    with pytest.raises(Stopped):
        list(rounds)
