"""When something that could not be delivered is tried again. Pure: the jitter follows from the name of the thing."""

from __future__ import annotations

import hashlib
from datetime import timedelta

PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200)
"""Seconds after the first, second … attempt; the last one repeats until the time is up."""

GIVE_UP_AFTER = timedelta(days=3)
SHORTEST_HOLD, LONGEST_HOLD = 5, 3600


def next_try(name: str, attempts: int) -> timedelta:
    """How long to wait after so many attempts at one delivery."""
    return timedelta(seconds=PAUSES[min(attempts, len(PAUSES)) - 1] * _spread(f"{name}/{attempts}"))


def hold(name: str, failures: int) -> timedelta:
    """How long a receiver that failed so many times in a row is left alone: twice as long each time, an hour at most."""
    doubled: int = SHORTEST_HOLD * 2 ** min(failures - 1, 20)
    return timedelta(seconds=min(doubled, LONGEST_HOLD) * _spread(f"{name}/{failures}"))


def _spread(name: str) -> float:
    """0.8 to 1.2, always the same for one name: what failed together does not come back together."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return 0.8 + 0.4 * number / 2**32
