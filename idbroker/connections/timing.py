"""When to read metadata again, and when a certificate's end is news. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from idbroker.federation.upkeep import Source

SOONEST, LATEST = timedelta(hours=1), timedelta(hours=24)
NOTICE_DAYS = (30, 14, 7, 1)


def next_reading(connection_id: str, now: datetime, source: Source) -> datetime:
    """After a reading that went well: as the document's cacheDuration asks, between an hour and a day, and before it ends."""
    wanted = LATEST if source.cache_seconds is None else timedelta(seconds=min(source.cache_seconds, 24 * 3600))
    at = now + max(wanted, SOONEST) * _spread(connection_id)
    if source.valid_until is not None:
        at = min(at, max(source.valid_until - SOONEST, now + SOONEST))
    return at


def next_attempt(connection_id: str, now: datetime, failures: int) -> datetime:
    """After so many failures in a row: an hour, then twice as long each time, a day at most."""
    doubled: int = 2 ** min(failures - 1, 10)
    return now + min(SOONEST * doubled, LATEST) * _spread(connection_id)


def notice_level(not_after: datetime, now: datetime) -> int | None:
    """The fewest of the days ahead that have begun; None long before the end, and once it is over."""
    left = not_after - now
    if left <= timedelta(0):
        return None
    begun = [days for days in NOTICE_DAYS if left <= timedelta(days=days)]
    return min(begun, default=None)


def _spread(connection_id: str) -> float:
    """0.9 to 1.1, always the same for one connection: a thousand connections made at once are not read at once."""
    number = int.from_bytes(hashlib.sha256(connection_id.encode()).digest()[:4], "big")
    return 0.9 + 0.2 * number / 2**32
