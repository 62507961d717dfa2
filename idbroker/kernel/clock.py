"""Time as a value that is handed in, so that no rule reads the machine's clock behind a test's back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of UTC, from ``begins`` to before ``ends``."""

    begins: datetime
    ends: datetime

    @property
    def name(self) -> str:
        return self.begins.date().isoformat()


def last_days(now: datetime, count: int) -> list[Day]:
    """Oldest first; the last one is today."""
    today = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
    begins = [today - timedelta(days=ago) for ago in reversed(range(count))]
    return [Day(day, day + timedelta(days=1)) for day in begins]


def rfc3339(moment: datetime) -> str:
    """``2026-11-21T09:00:00.123Z``: RFC 3339 in UTC, milliseconds, as every JSON answer shows time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
