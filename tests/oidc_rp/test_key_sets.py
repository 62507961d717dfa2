"""One thread fetches; the others wait only when they have nothing to go on with."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from idbroker.federation.contract import ReplyRefused
from oidc.relying_party import jwks
from tests.support.oidc_op import ISSUER, World, body, down

URL = f"{ISSUER}/jwks"


def test_many_threads_fetch_once():
    world = World()
    key_sets = jwks.KeySets(world.fetcher, world.clock)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: key_sets.keys_for(URL, "demo-1"), range(32)))
    assert world.fetcher.count("/jwks") == 1
    assert all(keys is found[0] for keys in found)


def test_an_old_copy_serves_while_another_thread_fetches():
    world = World()
    key_sets = jwks.KeySets(world.fetcher, world.clock)
    first = key_sets.keys_for(URL, "demo-1")
    world.clock.forward(minutes=16)
    fetching, go_on = threading.Event(), threading.Event()

    def slow(honest):
        fetching.set()
        assert go_on.wait(5)
        return replace(honest)

    world.fetcher.changes["/jwks"] = slow
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(key_sets.keys_for, URL, "demo-1")
        assert fetching.wait(5)
        assert key_sets.keys_for(URL, "demo-1") is first
        go_on.set()
        assert other.result(5) is not first


def test_a_dead_provider_is_not_asked_by_every_request():
    world = World()
    key_sets = jwks.KeySets(world.fetcher, world.clock)
    world.fetcher.changes["/jwks"] = down
    for _ in range(10):
        with pytest.raises(ReplyRefused, match="oidc_idp_unreachable"):
            key_sets.keys_for(URL, "demo-1")
    assert world.fetcher.count("/jwks") == 1
    del world.fetcher.changes["/jwks"]
    world.clock.forward(seconds=6)
    assert key_sets.keys_for(URL, "demo-1")


def test_a_key_taken_back_is_gone_after_15_minutes():
    world = World()
    key_sets = jwks.KeySets(world.fetcher, world.clock)
    key_sets.keys_for(URL, "demo-1")
    world.fetcher.changes["/jwks"] = body({"keys": []})
    world.clock.forward(minutes=16)
    assert not key_sets.keys_for(URL, "demo-1")


def test_the_number_of_kept_sets_is_bounded(monkeypatch):
    monkeypatch.setattr(jwks, "MAX_SETS", 3)
    world = World()
    key_sets = jwks.KeySets(world.fetcher, world.clock)
    for tenant in range(10):
        world.fetcher.changes[f"/{tenant}/jwks"] = body(world.op.jwks())
        key_sets.keys_for(f"{ISSUER}/{tenant}/jwks", "demo-1")
    assert len(key_sets._entries) == 3


@pytest.mark.parametrize(
    ("header", "minutes"),
    [
        ("", 15), ("public, max-age=600", 10), ("max-age=0", 1), ("no-store", 1), ("no-cache, max-age=9000", 1),
        ("MAX-AGE=60", 1), ("max-age=999999999", 360), ("max-age=99999999999999", 15), ("max-age=-5", 15), ("max-age=x", 15),
        ('max-age="1200"', 20), ("s-maxage=5", 15),
    ],
)  # fmt: skip
def test_how_long_a_set_is_kept_is_the_provider_s_word_within_bounds(header, minutes):
    assert jwks.lifetime_of({"cache-control": header}) == timedelta(minutes=minutes)


def test_a_flood_of_unknown_kids_fetches_once_a_minute():
    world = World()
    sets = jwks.KeySets(world.fetcher, world.clock)
    sets.keys_for(URL, "demo-1")
    for number in range(100):
        sets.keys_for(URL, f"unknown-{number}")
    assert world.fetcher.count("/jwks") == 2
    world.clock.forward(seconds=61)
    sets.keys_for(URL, "unknown")
    assert world.fetcher.count("/jwks") == 3


def test_a_set_is_used_on_while_the_provider_is_down():
    world = World()
    sets = jwks.KeySets(world.fetcher, world.clock)
    sets.keys_for(URL, "demo-1")
    world.fetcher.changes["/jwks"] = down
    world.clock.forward(hours=12)
    assert len(list(sets.keys_for(URL, "demo-1"))) == 1
    world.clock.forward(hours=13)
    with pytest.raises(ReplyRefused):
        sets.keys_for(URL, "demo-1")
