"""The token bucket, as a table, and what must hold of every sequence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idbroker.limits.bucket import take
from idbroker.limits.names import LIMIT_NAMES
from idbroker.limits.quota import MIN_BURST, TIERS, Quota, with_own, with_usual_burst
from tests.support.properties import repeatable

FIVE = Quota(60, 5)  # one token a second


@pytest.mark.parametrize(
    ("moments", "allowed"),
    [
        pytest.param([0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0], id="the burst, then no more"),
        pytest.param([0, 0, 0, 0, 0, 0.9, 1.1], [1, 1, 1, 1, 1, 0, 1], id="a token comes every second"),
        pytest.param([0, 0, 0, 90, 90, 90, 90, 90, 90], [1, 1, 1, 1, 1, 1, 1, 1, 0], id="never above the burst"),
        pytest.param([0, 0, 0, 0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 0, 0, 0, 1], id="what is refused costs nothing"),
        pytest.param([1000, 1000, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], id="a clock that was set back"),
        pytest.param([1000, 1000, 0, 1.01], [1, 1, 0, 1], id="and nobody waits for it to catch up"),
    ],
)
def test_sequences(moments: list[float], allowed: list[int]) -> None:
    full_at, found = None, []
    for moment in moments:
        decision, full_at = take(full_at, moment, FIVE)
        found.append(int(decision.allowed))
    assert found == allowed


@pytest.mark.parametrize(
    ("taken", "remaining", "soft", "reset"),
    [(1, 4, False, 1), (3, 2, False, 3), (4, 1, True, 4), (5, 0, True, 5)],
)
def test_what_the_caller_is_told(taken: int, remaining: int, soft: bool, reset: float) -> None:
    decision, _ = take(None, 0, FIVE, taken)
    assert (decision.allowed, decision.remaining, decision.soft, decision.reset) == (True, remaining, soft, reset)


def test_a_refusal_says_when_to_come_again() -> None:
    _, full_at = take(None, 0, FIVE, 5)
    decision, full_at = take(full_at, 0.25, FIVE)
    assert (decision.allowed, decision.remaining, decision.retry) == (False, 0, 0.75)
    assert take(full_at, 0.25 + decision.retry, FIVE)[0].allowed


def test_what_is_given_back_can_be_taken_again() -> None:
    _, full_at = take(None, 0, FIVE, 5)
    _, full_at = take(full_at, 0, FIVE, -1)
    decision, full_at = take(full_at, 0, FIVE)
    assert decision.allowed
    assert not take(full_at, 0, FIVE)[0].allowed


def test_more_is_never_given_back_than_was_taken() -> None:
    decision, full_at = take(None, 0, FIVE, -3)
    assert (decision.remaining, full_at) == (5, 0)


def test_a_cost_above_the_burst_takes_a_full_bucket() -> None:
    decision, full_at = take(None, 0, FIVE, 50)
    assert (decision.allowed, decision.remaining) == (True, 0)
    assert not take(full_at, 4.9, FIVE, 50)[0].allowed
    assert take(full_at, 5, FIVE, 50)[0].allowed


def test_a_smaller_quota_takes_hold_at_once() -> None:
    _, full_at = take(None, 0, Quota(60, 1000), 1000)
    decision, _ = take(full_at, 0, Quota(60, 2))
    assert (decision.allowed, decision.retry) == (False, 1)


@repeatable
@given(
    st.integers(1, 100_000),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(-3, 5)), min_size=1, max_size=60),
)
def test_never_more_than_the_burst_and_what_flows_in(per_minute: int, burst: int, steps: list[tuple[float, int]]) -> None:
    quota, now, full_at, spent = Quota(per_minute, burst), 1_000.0, None, 0
    begun = now
    for pause, cost in steps:
        now += pause
        decision, full_at = take(full_at, now, quota, cost)
        assert 0 <= decision.remaining <= burst
        assert decision.allowed or (0 < decision.retry <= decision.reset + 60 / per_minute * max(cost, 1) + 1e-6)
        if decision.allowed and cost > 0:
            spent += min(cost, burst)
        elif cost < 0:
            spent += cost
    given_back = -sum(cost for _, cost in steps if cost < 0)
    assert spent <= burst + (now - begun) * per_minute / 60 + given_back + 1e-6


def test_the_contract_s_numbers() -> None:
    assert TIERS["free"]["sign_in"] == Quota(60, 20)
    assert TIERS["growth"]["scim_write"] == Quota(1_500, 375)
    assert TIERS["enterprise"]["token"] == Quota(12_000, 3_000)
    assert all(set(TIERS[tier]) == set(LIMIT_NAMES) for tier in ("free", "growth", "enterprise"))
    assert with_usual_burst(4) == Quota(4, MIN_BURST)


def test_a_tenant_s_own_numbers_stand_over_its_tier_s() -> None:
    own = with_own(TIERS["free"], {"token": {"per_minute": 7, "burst": 2}, "unheard_of": {"per_minute": 1, "burst": 1}})
    assert own["token"] == Quota(7, 2)
    assert own["sign_in"] == TIERS["free"]["sign_in"]
    assert with_own(TIERS["free"], None) == TIERS["free"]
