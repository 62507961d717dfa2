"""Sealing a tenant's secrets: AES-256-GCM under the tenant's data key, which the master key wraps.

The tenant id and the purpose are associated data, so that a sealed value cannot be moved to another tenant or column.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import Field, col, select

from idbroker.kernel.ids import TenantId
from idbroker.keys.master import CannotOpen, MasterKey
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.statements.data_keys import newest_generation
from idbroker.storage.unit import TenantRepository, TenantUnit

SEALING_REMEMBERED = timedelta(minutes=1)
_FRESH = "idbroker_fresh_key"
"""Key in ``Transaction.info``: the tenant whose data key this transaction has made. Until it is committed, nothing of it may be
remembered: after a roll-back the process would go on sealing with a key that is kept nowhere."""


class TenantKey(TenantRow, table=True):
    """One generation of a tenant's data key, wrapped by the master key."""

    __tablename__ = "tenant_keys"

    generation: int = Field(primary_key=True)
    wrapped: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)


class TenantKeys(TenantRepository):
    def newest(self) -> TenantKey | None:
        statement = select(TenantKey).order_by(col(TenantKey.generation).desc()).limit(1)
        return self.session.execute(statement).scalars().first()

    def all(self) -> Sequence[TenantKey]:
        """Every generation, oldest first."""
        return self.session.execute(select(TenantKey).order_by(col(TenantKey.generation))).scalars().all()

    def get(self, generation: int) -> TenantKey | None:
        return self.keyed(TenantKey, generation)

    def add(self, generation: int, wrapped: bytes) -> TenantKey:
        row = TenantKey(tenant_id=self.tenant, generation=generation, wrapped=wrapped, created_at=self.now())
        self.session.add(row)
        self.session.flush()
        return row


class Envelope:
    """Seals and opens within a unit. Opened data keys are kept in memory, at most ``cached`` of them. Thread-safe.

    Sealed form: version (1 byte), generation (4 bytes), nonce (12), ciphertext and tag.
    """

    def __init__(self, master: MasterKey, *, cached: int = 20_000) -> None:
        self._master = master
        self._cached = cached
        self._ciphers: dict[tuple[str, int], AESGCM] = {}
        self._sealing: dict[str, tuple[int, datetime]] = {}
        self._lock = threading.Lock()

    def prepare(self, unit: TenantUnit) -> None:
        """Give a new tenant its first data key; nothing when it has one."""
        if unit[TenantKeys].newest() is None:
            unit.transaction.info[_FRESH] = unit.scope.tenant
            unit[TenantKeys].add(1, self._master.wrap(os.urandom(32), context_of(unit.scope.tenant, 1)))

    def rotate(self, unit: TenantUnit) -> int:
        """A new data key that seals from now on. Returns its generation."""
        newest = unit[TenantKeys].newest()
        generation = newest.generation + 1 if newest is not None else 1
        unit.transaction.info[_FRESH] = unit.scope.tenant
        unit[TenantKeys].add(generation, self._master.wrap(os.urandom(32), context_of(unit.scope.tenant, generation)))
        return generation

    def forget(self, tenant: TenantId) -> None:
        """Ask the database again which key seals."""
        with self._lock:
            self._sealing.pop(str(tenant), None)

    def seal(self, unit: TenantUnit, purpose: str, plaintext: bytes) -> bytes:
        generation = self._newest(unit)
        nonce = os.urandom(12)
        sealed = self._cipher(unit, generation).encrypt(nonce, plaintext, _associated(unit.scope.tenant, purpose))
        return b"\x01" + generation.to_bytes(4, "big") + nonce + sealed

    def open(self, unit: TenantUnit, purpose: str, sealed: bytes) -> bytes:
        """Raises CannotOpen when the value was sealed for another tenant or purpose, or was changed."""
        if sealed[:1] != b"\x01" or len(sealed) < 33:
            raise CannotOpen("a sealed value has an unknown form")
        cipher = self._cipher(unit, int.from_bytes(sealed[1:5], "big"))
        try:
            return cipher.decrypt(sealed[5:17], sealed[17:], _associated(unit.scope.tenant, purpose))
        except InvalidTag as error:
            raise CannotOpen(f"a sealed value ({purpose}) does not open for this tenant") from error

    def derive(self, unit: TenantUnit, purpose: str) -> tuple[bytes, ...]:
        """Secrets of the tenant for that purpose, 32 bytes each, the same in every process: one of each generation of its
        data key, newest first."""
        tenant = unit.scope.tenant
        keys = [self._master.unwrap(row.wrapped, context_of(tenant, row.generation)) for row in unit[TenantKeys].all()]
        return tuple(hmac.digest(key, b"derived\x00" + _associated(tenant, purpose), "sha256") for key in reversed(keys))

    def _newest(self, unit: TenantUnit) -> int:
        """The generation that seals. An older one remembered for a while does no harm: it opens as long as it is kept."""
        tenant, now = str(unit.scope.tenant), unit.clock.now()
        known = self._sealing.get(tenant)
        fresh = unit.transaction.info.get(_FRESH) == tenant
        if known is not None and not fresh and now - known[1] < SEALING_REMEMBERED:
            return known[0]
        generation = newest_generation(unit)
        if generation is None:
            raise CannotOpen(f"tenant {tenant} has no data key")
        if not fresh:
            with self._lock:
                if len(self._sealing) >= self._cached:
                    self._sealing.clear()
                self._sealing[tenant] = (generation, now)
        return generation

    def _cipher(self, unit: TenantUnit, generation: int) -> AESGCM:
        key = (str(unit.scope.tenant), generation)
        fresh = unit.transaction.info.get(_FRESH) == unit.scope.tenant
        cipher = None if fresh else self._ciphers.get(key)
        if cipher is not None:
            return cipher
        row = unit[TenantKeys].get(generation)
        if row is None:
            raise CannotOpen("a sealed value names a data key that this tenant does not have")
        cipher = AESGCM(self._master.unwrap(row.wrapped, context_of(unit.scope.tenant, generation)))
        if not fresh:
            with self._lock:
                if len(self._ciphers) >= self._cached:
                    self._ciphers.clear()
                self._ciphers[key] = cipher
        return cipher


def context_of(tenant: str, generation: int) -> str:
    return f"tenant-key:{tenant}:{generation}"


def _associated(tenant: str, purpose: str) -> bytes:
    return f"{tenant}\x00{purpose}".encode()
