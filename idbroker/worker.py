"""The background jobs: sealing the trail, forgetting what has expired, looking after connections. Any number may run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from idbroker.access.kept_answers import KeptAnswers
from idbroker.audit.trail import Trail
from idbroker.connections.certificate_watch import CertificateWatch
from idbroker.connections.refresh import Refresher
from idbroker.directories.brakes import Deactivations
from idbroker.directories.lists import Walks
from idbroker.directories.requests import DirectoryRequests
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.login.attempt import Attempts
from idbroker.login.diagnosis_rows import Diagnoses
from idbroker.login.logout_attempt import LogoutAttempts
from idbroker.login.replay import SeenReplies
from idbroker.login.trial_rows import TrialSignIns
from idbroker.sessions.model import Sessions
from idbroker.storage.cells import HOME
from idbroker.storage.database import Database
from idbroker.telemetry.metrics import SEALED
from idbroker.tenants.model import Tenants

TICK_SECONDS = 0.25
PAGE = 200

log = structlog.get_logger("idbroker.worker")


@dataclass(frozen=True)
class Job:
    """Something done every so often. ``run`` answers how much it did. ``slow``: it may wait for the world."""

    name: str
    every: timedelta
    run: Callable[[], int]
    slow: bool = False


class Worker:
    """Runs jobs until it is told to stop: the quick ones in one thread, the slow ones in another, so that no server of others
    holds up the trail. A job that fails is logged and tried again at its next turn."""

    def __init__(self, jobs: Sequence[Job], clock: Clock, *, closing: Sequence[Callable[[], None]] = ()) -> None:
        """``closing`` is called at the end: for what goes on in threads of its own."""
        self._closing = closing
        self._jobs = jobs
        self._clock = clock
        self._due = {job.name: clock.now() for job in jobs}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def run_due(self) -> None:
        """Run every job whose time has come."""
        self._run([*self._jobs])

    def run_until_stopped(self) -> None:
        slow = threading.Thread(target=self._go_on, args=(True,), name="idbroker-slow-jobs", daemon=True)
        slow.start()
        self._go_on(slow=False)
        self._run([job for job in self._jobs if not job.slow])
        slow.join(timeout=10)
        for close in self._closing:
            close()

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run_until_stopped, name="idbroker-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn and, where there is a thread, wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=20)

    def _go_on(self, slow: bool) -> None:
        mine = [job for job in self._jobs if job.slow is slow]
        while not self._stop.is_set():
            self._run(mine)
            self._stop.wait(TICK_SECONDS)

    def _run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._clock.now() < self._due[job.name]:
                continue
            self._due[job.name] = self._clock.now() + job.every
            try:
                job.run()
            except Exception:
                log.exception("job failed", job=job.name)


def jobs(database: Database, trail: Trail, refresher: Refresher, watch: CertificateWatch) -> list[Job]:
    """What there is to do."""

    def seal() -> int:
        sealed = trail.seal_all()
        SEALED.inc(sealed)
        return sealed

    def forget_attempts() -> int:
        with database.platform(SYSTEM) as unit:
            return unit[Attempts].purge(timedelta(hours=1)) + unit[LogoutAttempts].purge(timedelta(hours=1))

    def forget_expired() -> int:
        forgotten = 0
        for scope in each_tenant(database):
            with database.tenant(scope) as unit:
                forgotten += unit[SeenReplies].purge() + unit[Diagnoses].purge() + unit[TrialSignIns].purge()
                forgotten += unit[Sessions].forget_upstream(timedelta(hours=1))
                forgotten += unit[Walks].purge() + unit[DirectoryRequests].purge() + unit[Deactivations].purge()
                forgotten += unit[KeptAnswers].purge()
        return forgotten

    def watch_certificates() -> int:
        return sum(watch.look(scope) for scope in each_tenant(database))

    return [
        Job("seal the trail", timedelta(seconds=TICK_SECONDS), seal),
        Job("forget attempts", timedelta(minutes=5), forget_attempts),
        Job("forget what has expired", timedelta(hours=1), forget_expired),
        Job("watch certificates", timedelta(hours=1), watch_certificates, slow=True),
        Job("read metadata again", timedelta(seconds=30), refresher.run_due, slow=True),
    ]


def each_tenant(database: Database) -> Iterator[TenantScope]:
    """Every tenant's scope, page by page."""
    return (TenantScope(tenant, SYSTEM) for tenant, _ in each_tier(database))


def each_tier(database: Database) -> Iterator[tuple[TenantId, str]]:
    """Every tenant with its tier, page by page. Those of a cell that does not answer wait for their next turn."""
    after = None
    while True:
        with database.platform(SYSTEM, read_only=True) as platform:
            page = platform[Tenants].page(after=after, limit=PAGE)
        for tenant in page:
            if database.cells is None or not database.cells.is_away(tenant.cell or HOME):
                yield tenant.tenant_id, tenant.tier
        if len(page) < PAGE:
            return
        after = page[-1].id
