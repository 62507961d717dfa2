"""When metadata is read again, and when a certificate's end is news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idbroker.connections.timing import next_attempt, next_reading, notice_level
from idbroker.federation.upkeep import Source
from idbroker.kernel.ids import new_id

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cache", "valid", "least", "most"),
    [
        (None, None, 21.6, 26.4),
        (60, None, 0.9, 1.1),
        (6 * 3600, None, 5.4, 6.6),
        (30 * 86400, None, 21.6, 26.4),
        (None, timedelta(hours=10), 9, 9),
        (None, timedelta(minutes=10), 1, 1),
        (None, timedelta(days=-3), 1, 1),
        (None, timedelta(days=30), 21.6, 26.4),
    ],
)
def test_the_next_reading(cache, valid, least, most):
    source = Source("https://idp", cache, NOW + valid if valid is not None else None)
    assert least * HOUR <= next_reading(new_id("con"), NOW, source) - NOW <= most * HOUR


def test_connections_made_at_once_are_spread():
    moments = {next_reading(new_id("con"), NOW, Source("https://idp")) for _ in range(50)}
    assert max(moments) - min(moments) > timedelta(hours=2)


def test_one_connection_has_one_pace():
    assert len({next_reading("con_x", NOW, Source("https://idp")) for _ in range(5)}) == 1


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (1000, 24)])
def test_failures_back_off(failures, hours):
    wait = next_attempt("con_x", NOW, failures) - NOW
    assert 0.9 * hours * HOUR <= wait <= 1.1 * hours * HOUR


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (timedelta(days=31), None), (timedelta(days=30), 30), (timedelta(days=14, seconds=1), 30), (timedelta(days=14), 14),
        (timedelta(days=7), 7), (timedelta(days=2), 7), (timedelta(days=1), 1), (timedelta(seconds=1), 1), (timedelta(), None),
        (timedelta(days=-1), None),
    ],
)  # fmt: skip
def test_the_end_of_a_certificate(left, level):
    assert notice_level(NOW + left, NOW) == level
