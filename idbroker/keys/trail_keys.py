"""The keys that sign heads of the trail, and nothing else: Ed25519, sealed under the operator's data key.

One key signs for all tenants, so that an auditor need know one fingerprint. A new key is endorsed by the one before it, and
from that moment on the old one's private part is gone; public parts stay for ever, because trails do.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, select

from idbroker.audit.chain import canonical
from idbroker.audit.outbox import Outbox
from idbroker.kernel.clock import Clock, rfc3339
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.database import Database
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit

ENDORSEMENT = b"idbroker audit key 1\n"
"""Led before what is endorsed, so that an endorsement is never taken for a head, nor a head for one."""

REMEMBERED = timedelta(seconds=30)


class TrailKey(TenantRow, table=True):
    """One key. ``document`` is what packs show of it; ``private_sealed`` is None once it has signed its successor."""

    __tablename__ = "trail_keys"

    generation: int = Field(primary_key=True)
    kid: str
    private_sealed: bytes | None = None
    document: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)


class TrailKeys(TenantRepository):
    def all(self) -> Sequence[TrailKey]:
        """Oldest first."""
        return self.session.execute(select(TrailKey).order_by(col(TrailKey.generation))).scalars().all()

    def add(self, row: TrailKey) -> None:
        self.session.add(row)
        self.session.flush()


@dataclass(frozen=True, slots=True)
class SigningTrailKey:
    """The key that signs now."""

    kid: str
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class _Ring:
    read_at: datetime
    current: SigningTrailKey
    documents: list[dict[str, Any]]
    since: datetime


class TrailKeyRing:
    """Made when first needed, replaced by ``keep`` when it is older than ``max_age``. Thread-safe."""

    def __init__(
        self, database: Database, envelope: Envelope, clock: Clock, *, max_age: timedelta = timedelta(days=365)
    ) -> None:
        self._database = database
        self._envelope = envelope
        self._clock = clock
        self._max_age = max_age
        self._known: _Ring | None = None
        self._lock = threading.Lock()

    def current(self) -> SigningTrailKey:
        return self._ring().current

    def published(self) -> list[dict[str, Any]]:
        return self._ring().documents

    def keep(self) -> int:
        """Replace a key that has signed for long enough. How many were made."""
        if self._clock.now() - self._ring().since < self._max_age:
            return 0
        self.rotate()
        return 1

    def rotate(self) -> str:
        """A new key signs from now on. Its kid."""
        self._ring()
        with self._database.tenant(_SCOPE) as unit:
            row = self._make(unit, unit[TrailKeys].all())
            unit[Outbox].record(Event("trail_key.rotated", Resource("trail_key", row.kid)))
        self._known = None
        return row.kid

    def _ring(self) -> _Ring:
        with self._lock:
            known = self._known
            if known is None or self._clock.now() - known.read_at >= REMEMBERED:
                known = self._known = self._read()
        return known

    def _read(self) -> _Ring:
        with self._database.tenant(_SCOPE, read_only=True) as unit:
            known = self._load(unit)
        if known is None:
            try:
                with self._database.tenant(_SCOPE) as unit:
                    self._make(unit, [])
            except IntegrityError:
                pass  # another process made the first key in the same moment; it is read below
            with self._database.tenant(_SCOPE, read_only=True) as unit:
                known = self._load(unit)
        if known is None:
            raise LookupError("the trail has no key")
        return known

    def _load(self, unit: TenantUnit) -> _Ring | None:
        rows = unit[TrailKeys].all()
        if not rows:
            return None
        current = SigningTrailKey(rows[-1].kid, self._opened(unit, rows[-1]))
        documents = [json.loads(row.document) for row in rows]
        return _Ring(self._clock.now(), current, documents, rows[-1].created_at)

    def _make(self, unit: TenantUnit, rows: Sequence[TrailKey]) -> TrailKey:
        """The next key, endorsed by the last one, or by itself when it is the first."""
        self._envelope.prepare(unit)
        private, before = Ed25519PrivateKey.generate(), rows[-1] if rows else None
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        kid, now = hashlib.sha256(raw).hexdigest()[:32], self._clock.now()
        document: dict[str, Any] = {
            "kid": kid,
            "algorithm": "Ed25519",
            "public_key": raw.hex(),
            "created_at": rfc3339(now),
            "previous": before.kid if before else None,
        }
        endorser = self._opened(unit, before) if before else private
        document["endorsement"] = endorser.sign(ENDORSEMENT + canonical(document)).hex()
        row = TrailKey(
            tenant_id=unit.scope.tenant,
            generation=len(rows) + 1,
            kid=kid,
            private_sealed=self._envelope.seal(unit, _purpose(kid), private.private_bytes_raw()),
            document=canonical(document).decode(),
            created_at=now,
        )
        unit[TrailKeys].add(row)
        if before is not None:
            before.private_sealed = None
        return row

    def _opened(self, unit: TenantUnit, row: TrailKey) -> Ed25519PrivateKey:
        if row.private_sealed is None:
            raise LookupError(f"the private part of trail key {row.kid} is gone")
        return Ed25519PrivateKey.from_private_bytes(self._envelope.open(unit, _purpose(row.kid), row.private_sealed))


_SCOPE = TenantScope(PLATFORM_TRAIL, SYSTEM)


def _purpose(kid: str) -> str:
    return f"trail-key:{kid}"
