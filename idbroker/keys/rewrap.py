"""Moving all data keys to the newest master key, and a tenant to a new data key. Both while everything goes on.

The servers must have both master keys configured, the new one first, before anything is wrapped by it. The old one can be
taken away once ``left`` is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope, TenantKey, TenantKeys, context_of
from idbroker.keys.master import CannotOpen, MasterKey
from idbroker.storage.database import Database


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """Of one tenant: how many of its keys were moved, and how many open with none of the configured master keys."""

    tenant: TenantId
    moved: int
    lost: int


class Rewrapping:
    def __init__(self, database: Database, master: MasterKey, envelope: Envelope) -> None:
        self._database = database
        self._master = master
        self._envelope = envelope

    def rewrap(self, tenants: Iterable[TenantId]) -> Iterator[Rewrapped]:
        """One short transaction a tenant; a kill leaves the rest for the next time, which passes over what is done."""
        for tenant in tenants:
            yield self._rewrap(tenant)

    def left(self, tenants: Iterable[TenantId]) -> int:
        """How many keys are still wrapped by an older master key."""
        return sum(not self._master.is_newest(row.wrapped) for tenant in tenants for row in self._keys(tenant))

    def new_data_key(self, tenant: TenantId) -> int:
        """Seal with a new key from now on (other processes within a minute). What was sealed before opens as before.
        Returns the key's generation."""
        with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            generation = self._envelope.rotate(unit)
            unit[Outbox].record(Event("tenant.key_rotated", Resource("tenant", tenant), context={"generation": generation}))
        self._envelope.forget(tenant)
        return generation

    def _keys(self, tenant: TenantId) -> list[TenantKey]:
        with self._database.tenant(TenantScope(tenant, SYSTEM), read_only=True) as unit:
            return list(unit[TenantKeys].all())

    def _rewrap(self, tenant: TenantId) -> Rewrapped:
        wrapped: dict[int, bytes] = {}
        lost = 0
        for row in self._keys(tenant):  # a key service may be asked here: no transaction is open
            if self._master.is_newest(row.wrapped):
                continue
            context = context_of(tenant, row.generation)
            try:
                wrapped[row.generation] = self._master.wrap(self._master.unwrap(row.wrapped, context), context)
            except CannotOpen:
                lost += 1
        if wrapped:
            with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
                for row in unit[TenantKeys].all():
                    if row.generation in wrapped and not self._master.is_newest(row.wrapped):
                        row.wrapped = wrapped[row.generation]
        return Rewrapped(tenant, len(wrapped), lost)
