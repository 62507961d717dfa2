"""The background jobs: sealing the trail, forgetting what has expired. Any number of workers may run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from idbroker.audit.trail import Trail
from idbroker.kernel.clock import Clock
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.login.attempt import Attempts
from idbroker.login.replay import SeenReplies
from idbroker.storage.database import Database
from idbroker.telemetry.metrics import SEALED
from idbroker.tenants.model import Tenants

TICK_SECONDS = 0.25
PAGE = 200

log = structlog.get_logger("idbroker.worker")


@dataclass(frozen=True)
class Job:
    """Something done every so often. ``run`` answers how much it did."""

    name: str
    every: timedelta
    run: Callable[[], int]


class Worker:
    """Runs jobs in one thread until it is told to stop. A job that fails is logged and tried again at its next turn."""

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._due = {job.name: clock.now() for job in jobs}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def run_due(self) -> None:
        """Run every job whose time has come."""
        for job in self._jobs:
            if self._clock.now() < self._due[job.name]:
                continue
            self._due[job.name] = self._clock.now() + job.every
            try:
                job.run()
            except Exception:
                log.exception("job failed", job=job.name)

    def run_until_stopped(self) -> None:
        while not self._stop.is_set():
            self.run_due()
            self._stop.wait(TICK_SECONDS)
        self.run_due()

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run_until_stopped, name="idbroker-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn and, where there is a thread, wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)


def jobs(database: Database, trail: Trail) -> list[Job]:
    """What there is to do."""

    def seal() -> int:
        sealed = trail.seal_all()
        SEALED.inc(sealed)
        return sealed

    def forget_attempts() -> int:
        with database.platform(SYSTEM) as unit:
            return unit[Attempts].purge(timedelta(hours=1))

    def forget_replies() -> int:
        forgotten, after = 0, None
        while True:
            with database.platform(SYSTEM, read_only=True) as platform:
                page = [tenant.tenant_id for tenant in platform[Tenants].page(after=after, limit=PAGE)]
            for tenant in page:
                with database.tenant(TenantScope(tenant, SYSTEM)) as unit:
                    forgotten += unit[SeenReplies].purge()
            if len(page) < PAGE:
                return forgotten
            after = page[-1]

    return [
        Job("seal the trail", timedelta(seconds=TICK_SECONDS), seal),
        Job("forget attempts", timedelta(minutes=5), forget_attempts),
        Job("forget replies", timedelta(hours=1), forget_replies),
    ]
