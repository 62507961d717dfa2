"""The brake: a directory that would switch off too many people at once is held until an admin speaks.

Most such floods are mistakes: a group unassigned from an app, a filter with a typo, a test tenant that points here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from idbroker.audit.outbox import Outbox
from idbroker.directories.brakes import Deactivations
from idbroker.directories.model import BRAKE_PERCENT, Directories
from idbroker.directories.resources import Resources
from idbroker.directories.service import resource
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event
from idbroker.storage.unit import TenantUnit

FREE = 100
"""So many people within the minutes are not held by the preset: of a small directory everybody is a large part. A percentage
that an admin has chosen counts from the first."""
RETRY_SECONDS = 900


class BrakeHeld(Refusal):
    """503 with Retry-After: the IdP is to come again, nothing is lost."""

    status = 503
    retry_after = RETRY_SECONDS

    def __init__(self, directory_id: str, *, people: int = 0, of: int = 0, minutes: int = 0, limit: str = "") -> None:
        public = "This directory is held: it would switch off too many people at once. An administrator has to release it."
        super().__init__("directory_held", public, detail=f"{people} of {of} within {minutes} minutes, limit {limit}")
        self.directory_id = directory_id
        self.context = {"people": people, "of": of, "minutes": minutes, "limit": limit}


class Braked(Protocol):
    """A directory, or what is read of one."""

    @property
    def brake_users(self) -> int | None: ...
    @property
    def brake_percent(self) -> int | None: ...
    @property
    def brake_minutes(self) -> int: ...
    @property
    def brake_held_at(self) -> datetime | None: ...
    @property
    def brake_released_until(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Brake:
    """A directory's brake as it is set and stands."""

    users: int | None
    percent: int | None
    minutes: int
    held_at: datetime | None
    released_until: datetime | None

    @staticmethod
    def of(row: Braked) -> Brake:
        return Brake(row.brake_users, row.brake_percent, row.brake_minutes, row.brake_held_at, row.brake_released_until)

    def press(self, unit: TenantUnit, directory_id: str, user_id: str) -> None:
        """Before one more person is switched off. Raises BrakeHeld."""
        now = unit.clock.now()
        # One after the other: of many at one moment each must see those before it. What stands in the row goes, too.
        brake = unit[Deactivations].brake(directory_id) if self.users is not None or self.percent is not None else None
        if brake is not None:
            held_at, released_until = brake
            released = released_until is not None and now < released_until
            if held_at is not None and not released:
                raise BrakeHeld(directory_id)
            if not released:
                self._judge(unit, directory_id, user_id, now)
        unit[Deactivations].note(directory_id, user_id)

    def _judge(self, unit: TenantUnit, directory_id: str, user_id: str, now: datetime) -> None:
        window = now - timedelta(minutes=self.minutes)
        people = unit[Deactivations].since(directory_id, max(window, self.released_until or window)) + 1
        if self.users is not None and people > self.users:
            raise BrakeHeld(directory_id, people=people, minutes=self.minutes, limit=f"{self.users} people")
        if self.percent is None or (self.percent == BRAKE_PERCENT and people <= FREE):
            return
        # Too many, when fewer than these would be left: nobody further is counted.
        enough = -(-people * (100 - self.percent) // self.percent)
        left = unit[Resources].active_beside(directory_id, user_id, up_to=enough)
        if left < enough:
            of = left + people
            raise BrakeHeld(directory_id, people=people, of=of, minutes=self.minutes, limit=f"{self.percent} %")


def hold(unit: TenantUnit, held: BrakeHeld) -> None:
    """Keep it held, and tell of it once. In a unit of its own: the one that was refused is rolled back."""
    row = unit[Directories].held(held.directory_id)
    if row is not None and row.brake_held_at is None:
        row.brake_held_at, row.brake_released_until = unit.clock.now(), None
        unit[Outbox].record(Event("directory.brake_engaged", resource(row), context=held.context))
