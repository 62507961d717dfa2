"""Every store of limits does the same: this process's memory, and a real Redis. And the limiter goes on without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idbroker.kernel.clock import SystemClock
from idbroker.limits.contract import Buckets, StoreGone
from idbroker.limits.limiter import Limiter
from idbroker.limits.quota import Quota
from idbroker.limits.stores.memory import MemoryBuckets
from idbroker.limits.stores.redis import RedisBuckets
from tests.support.clock import TestClock
from tests.support.races import at_once
from tests.support.redis_server import RedisServer, redis_server

SLOW = Quota(1, 3)  # a token a minute: nothing flows in while a test runs


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def buckets(request: pytest.FixtureRequest, clock: TestClock) -> Iterator[Buckets]:
    if request.param == "memory":
        yield MemoryBuckets(clock)
        return
    store = RedisBuckets(request.getfixturevalue("redis").url)
    yield store
    store.close()


def test_the_burst_then_no_more(buckets: Buckets) -> None:
    found = [buckets.take("a", SLOW) for _ in range(5)]
    assert [decision.allowed for decision in found] == [True, True, True, False, False]
    assert [decision.remaining for decision in found] == [2, 1, 0, 0, 0]
    assert found[3].retry == pytest.approx(60, abs=5)
    assert found[3].reset == pytest.approx(180, abs=5)
    assert buckets.take("b", SLOW).allowed, "another bucket is another's"


def test_what_is_given_back(buckets: Buckets) -> None:
    buckets.take("a", SLOW, 3)
    assert not buckets.take("a", SLOW).allowed
    buckets.take("a", SLOW, -1)
    assert buckets.take("a", SLOW).allowed
    assert not buckets.take("a", SLOW).allowed


def test_a_cost_above_the_burst(buckets: Buckets) -> None:
    assert buckets.take("a", SLOW, 100).allowed
    assert not buckets.take("a", SLOW).allowed


def test_only_the_first_asks_first(buckets: Buckets) -> None:
    assert [buckets.first("a", 60), buckets.first("a", 60), buckets.first("b", 60)] == [True, False, True]


def test_all_at_once_get_no_more(buckets: Buckets) -> None:
    decisions = at_once(12, lambda _: buckets.take("a", SLOW))
    assert sum(decision.allowed for decision in decisions) == 3


def test_replicas_share(redis: RedisServer) -> None:
    one, other = RedisBuckets(redis.url), RedisBuckets(redis.url)
    assert [store.take("a", SLOW).allowed for store in (one, other, one, other)] == [True, True, True, False]
    one.close()
    other.close()


def test_a_smaller_quota_takes_hold_at_once(buckets: Buckets) -> None:
    buckets.take("a", Quota(1, 1000), 1000)
    assert buckets.take("a", Quota(6_000, 1)).allowed is False
    assert buckets.take("a", Quota(6_000, 1)).retry <= 0.01


def test_a_crowd_of_callers_does_not_fill_the_memory(clock: TestClock) -> None:
    store = MemoryBuckets(clock, most=100)
    for number in range(1_000):
        store.take(str(number), SLOW)
        store.first(str(number), 60)
    assert len(store._full_at) <= 100
    assert len(store._asked) <= 100


def test_the_limiter_goes_on_when_redis_is_gone_and_comes_back(redis: RedisServer, clock: TestClock) -> None:
    limiter = Limiter(MemoryBuckets(clock), RedisBuckets(redis.url), clock)
    assert [limiter.take("a", SLOW).allowed for _ in range(4)] == [True, True, True, False]
    assert not limiter.degraded()
    redis.stop()
    assert [limiter.take("a", SLOW).allowed for _ in range(4)] == [True, True, True, False], "by itself it limits all the same"
    assert limiter.degraded()
    redis.start()
    assert limiter.degraded(), "left alone for a moment"
    clock.advance(seconds=3)
    assert limiter.take("a", SLOW).allowed
    assert not limiter.degraded()
    assert limiter.first("told", 60)
    limiter.close()


def test_nobody_there_from_the_start(tmp_path: Path) -> None:
    store = RedisBuckets(f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(StoreGone):
        store.ping()
    with pytest.raises(StoreGone):
        store.first("a", 1)
    limiter = Limiter(MemoryBuckets(SystemClock()), store, SystemClock())
    assert limiter.take("a", SLOW).allowed
    assert limiter.degraded()
