"""Requests counted in memory as they are answered, a microsecond each, and written a moment later, one record a meter.

What a crash loses is what was counted since the last writing. A record's key names the process and how often it wrote, so
that writing it again after a failure counts once.
"""

from __future__ import annotations

import threading
from collections import Counter

import structlog

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.metering.model import record
from idbroker.storage.database import Database
from idbroker.tenants.registered import read_own_tenant

PAUSE_SECONDS = 10.0
Slot = tuple[TenantId, str, str]
"""Tenant, day, meter."""

log = structlog.get_logger("idbroker.metering")


class UsageCounts:
    """Thread-safe; one for each process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counted: Counter[Slot] = Counter()
        self._unwritten: list[tuple[Slot, int, str]] = []
        self._process, self._written = new_id("use"), 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, tenant: TenantId, meter: str, quantity: int = 1) -> None:
        slot = (tenant, self._clock.now().date().isoformat(), meter)
        with self._lock:
            self._counted[slot] += quantity

    def flush(self) -> int:
        """Write what was counted. How many records; what cannot be written stays, with its key, for the next time."""
        with self._writing:
            with self._lock:
                counted, self._counted = self._counted, Counter()
            for slot, quantity in counted.items():
                self._written += 1
                self._unwritten.append((slot, quantity, f"{self._process}:{self._written}"))
            waiting, self._unwritten = self._unwritten, []
            by_tenant: dict[TenantId, list[tuple[Slot, int, str]]] = {}
            for one in waiting:
                by_tenant.setdefault(one[0][0], []).append(one)
            done = 0
            for tenant, records in by_tenant.items():
                try:
                    done += self._write(tenant, records)
                except Exception:  # one tenant's database may be away; the others' are not
                    log.exception("usage could not be written", tenant_id=tenant)
                    self._unwritten += records
            return done

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            self.flush()

    def _write(self, tenant: TenantId, records: list[tuple[Slot, int, str]]) -> int:
        with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            own = read_own_tenant(unit)
            if own is None or own.status == "erased":
                return 0  # its receipt says that nothing is left
            return sum(record(unit, meter, day, quantity, key) for (_, day, meter), quantity, key in records)
