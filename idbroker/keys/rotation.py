"""Moving an issuer's signing keys on: the next one is published long before it signs, so that no reader of our key set meets
a token whose key he has not seen yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.kernel.clock import Clock
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.signing import ALGORITHMS, RETIRED_FOR, Algorithm, SigningKey, SigningKeyRing, SigningKeys
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

PUBLISHED_BEFORE = timedelta(hours=1)
"""How long a key is published before it signs: more than any sane reader keeps a key set that says five minutes."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """``kid`` signs from ``at`` on."""

    kid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KeyState:
    """A published key, for a person to look at."""

    kid: str
    algorithm: str
    state: str
    activated_at: datetime | None
    retired_at: datetime | None


class KeyRotation:
    """``max_age`` is how long a key signs before the worker replaces it."""

    def __init__(self, database: Database, ring: SigningKeyRing, clock: Clock, *, max_age: timedelta) -> None:
        self._database = database
        self._ring = ring
        self._clock = clock
        self._max_age = max_age

    def rotate(self, owner: TenantId, algorithm: Algorithm) -> Rotation:
        """Let the next key sign: at once when it has been published long enough, else as soon as it has.

        A rotation that is announced already is not announced twice. A further key is published to be the next.
        """
        self._ring.verifiers(owner)
        with self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
            rotation = self._rotate(unit, algorithm)
        self._ring.forget(owner)
        return rotation

    def rotate_within(self, unit: TenantUnit, algorithm: Algorithm) -> Rotation:
        """The same inside a transaction of the owner's that is open already."""
        rotation = self._rotate(unit, algorithm)
        self._ring.forget(unit.scope.tenant)
        return rotation

    def keep(self, owner: TenantId) -> int:
        """See that every algorithm in use has a next key, and that none signs for longer than it should. How much was done."""
        done = 0
        for algorithm in ALGORITHMS:
            try:
                with self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
                    done += self._keep(unit, algorithm)
            except IntegrityError:
                continue  # another worker made the same key in the same moment
        if done:
            self._ring.forget(owner)
        return done

    def withdraw(self, owner: TenantId, kid: str) -> bool:
        """Stop publishing a retired key now. False when the issuer has no retired key of that id."""
        with self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
            return self.withdraw_within(unit, kid)

    def withdraw_within(self, unit: TenantUnit, kid: str) -> bool:
        """The same inside a transaction of the owner's that is open already."""
        now = self._clock.now()
        rows = [row for row in unit[SigningKeys].published() if row.kid == kid and row.state(now) == "retired"]
        for row in rows:
            row.retired_at = now - RETIRED_FOR
            event = Event("signing_key.withdrawn", Resource("signing_key", kid), context={"algorithm": row.algorithm})
            unit[Outbox].record(event)
        self._ring.forget(unit.scope.tenant)
        return bool(rows)

    def states(self, owner: TenantId) -> list[KeyState]:
        """What the issuer publishes."""
        self._ring.verifiers(owner)
        now = self._clock.now()
        with self._database.tenant(TenantScope(owner, SYSTEM), read_only=True) as unit:
            return [
                KeyState(row.kid, row.algorithm, row.state(now), row.activated_at, row.retired_at)
                for row in unit[SigningKeys].published()
            ]

    def _rotate(self, unit: TenantUnit, algorithm: Algorithm) -> Rotation:
        rows, now = unit[SigningKeys].all(algorithm), self._clock.now()
        waiting = [row for row in rows if row.state(now) == "next"]
        announced = next((row for row in waiting if row.activated_at is not None), None)
        if announced is not None:
            return Rotation(announced.kid, cast("datetime", announced.activated_at))
        newest = rows[-1].generation if rows else 0
        row = waiting[0] if waiting else self._ring.make(unit, algorithm, newest + 1)
        at = max(now, row.created_at + PUBLISHED_BEFORE)
        for old in rows:
            if old.state(now) == "active":
                old.retired_at = at
        row.activated_at = at
        self._ring.make(unit, algorithm, max(newest, row.generation) + 1)
        unit[Outbox].record(Event("signing_key.rotated", Resource("signing_key", row.kid), context={"algorithm": algorithm}))
        return Rotation(row.kid, at)

    def _keep(self, unit: TenantUnit, algorithm: Algorithm) -> int:
        rows, now = unit[SigningKeys].all(algorithm), self._clock.now()
        if not rows:
            return 0  # this issuer has never been asked for a token
        if self._is_due(rows, now):
            self._rotate(unit, algorithm)
            return 1
        if any(row.activated_at is None for row in rows):
            return 0
        self._ring.make(unit, algorithm, rows[-1].generation + 1)
        return 1

    def _is_due(self, rows: Sequence[SigningKey], now: datetime) -> bool:
        """Whether the key that signs is too old, and nothing is announced that will take its place."""
        active = [row for row in rows if row.state(now) == "active"]
        return bool(active) and all(
            row.retired_at is None and row.activated_at is not None and now - row.activated_at >= self._max_age
            for row in active
        )
