"""The background jobs: sealing the trail, forgetting what has expired, looking after connections. Any number may run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog

from idbroker.access.kept_answers import KeptAnswers
from idbroker.audit.trail import Trail
from idbroker.connections.certificate_watch import CertificateWatch
from idbroker.connections.refresh import Refresher
from idbroker.directories.brakes import Deactivations
from idbroker.directories.lists import Walks
from idbroker.directories.requests import DirectoryRequests
from idbroker.kernel.clock import Clock
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
from idbroker.telemetry.tracing import traced
from idbroker.tenants.model import Tenant, Tenants

TICK_SECONDS = 0.25
PAGE = 200
UNRESTED = 20
"""Tenants with which a round begins at once: where there are few, what is due is done without delay."""
RESTING = 9.0
"""How many times as long as its work took a round rests where it shares a process with the server: a tenth of a core is its."""

Lane = Literal["quick", "slow", "rounds"]

log = structlog.get_logger("idbroker.worker")


@dataclass(frozen=True)
class Job:
    """Something done every so often. ``run`` answers how much it did.

    ``lane``: a slow one may wait for the world; a round goes to every tenant, and takes the longer the more there are.
    """

    name: str
    every: timedelta
    run: Callable[[], int]
    lane: Lane = "quick"


class Stopped(Exception):
    """The worker is to end: what a round has not done waits for the next one."""


class Worker:
    """Runs jobs until it is told to stop, each lane in a thread of its own: neither a server of others nor ten thousand tenants
    hold up the trail. A job that fails is logged and tried again at its next turn."""

    def __init__(
        self,
        jobs: Sequence[Job],
        clock: Clock,
        *,
        closing: Sequence[Callable[[], None]] = (),
        stopping: threading.Event | None = None,
    ) -> None:
        """``closing`` is called at the end: for what goes on in threads of its own. ``stopping`` is set when it is to end."""
        self._closing = closing
        self._jobs = jobs
        self._clock = clock
        self._due = {job.name: clock.now() for job in jobs}
        self._stop = stopping or threading.Event()
        self._thread: threading.Thread | None = None

    def run_due(self) -> None:
        """Run every job whose time has come."""
        self._run([*self._jobs])

    def run_until_stopped(self) -> None:
        lanes: tuple[Lane, ...] = ("slow", "rounds")
        beside = [threading.Thread(target=self._go_on, args=(lane,), name=f"idbroker-{lane}", daemon=True) for lane in lanes]
        for thread in beside:
            thread.start()
        self._go_on("quick")
        self._run(self._of("quick"))
        for thread in beside:
            thread.join(timeout=10)
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

    def _of(self, lane: Lane) -> list[Job]:
        return [job for job in self._jobs if job.lane == lane]

    def _go_on(self, lane: Lane) -> None:
        mine = self._of(lane)
        while not self._stop.is_set():
            self._run(mine)
            self._stop.wait(TICK_SECONDS)

    def _run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._clock.now() < self._due[job.name]:
                continue
            self._due[job.name] = self._clock.now() + job.every
            structlog.contextvars.clear_contextvars()  # what is logged bears the tenant that the job was at
            with traced(job.name, "INTERNAL", {}) as span:
                try:
                    if job.run() == 0:
                        span.drop()
                except Stopped:
                    return
                except Exception as error:
                    span.fail(type(error).__name__)
                    log.exception("job failed", job=job.name)


class Rounds:
    """Every tenant, one after the other, for the jobs that go to each. Raises Stopped when ``stopping`` is set.

    ``resting``: how many times as long as the work on a tenant took is rested after it; not for the first ``UNRESTED``.
    """

    def __init__(self, database: Database, stopping: threading.Event, resting: float = 0.0) -> None:
        self._database = database
        self._stopping = stopping
        self._resting = resting

    def __iter__(self) -> Iterator[TenantScope]:
        return (TenantScope(tenant.tenant_id, SYSTEM) for tenant in self.tenants())

    def tenants(self) -> Iterator[Tenant]:
        """To be read: each as it was when its page came."""
        for number, found in enumerate(_each(self._database)):
            begun = time.monotonic()
            yield found
            rest = (time.monotonic() - begun) * self._resting if number >= UNRESTED else 0.0
            if self._stopping.wait(rest):
                raise Stopped


def jobs(
    database: Database, trail: Trail, refresher: Refresher, watch: CertificateWatch, rounds: Iterable[TenantScope]
) -> list[Job]:
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
        for scope in rounds:
            with database.tenant(scope) as unit:
                forgotten += unit[SeenReplies].purge() + unit[Diagnoses].purge() + unit[TrialSignIns].purge()
                forgotten += unit[Sessions].forget_upstream(timedelta(hours=1))
                forgotten += unit[Walks].purge() + unit[DirectoryRequests].purge() + unit[Deactivations].purge()
                forgotten += unit[KeptAnswers].purge()
        return forgotten

    def watch_certificates() -> int:
        return sum(watch.look(scope) for scope in rounds)

    return [
        Job("seal the trail", timedelta(seconds=TICK_SECONDS), seal),
        Job("forget attempts", timedelta(minutes=5), forget_attempts),
        Job("forget what has expired", timedelta(hours=1), forget_expired, "rounds"),
        Job("watch certificates", timedelta(hours=1), watch_certificates, "rounds"),
        Job("read metadata again", timedelta(seconds=30), refresher.run_due, "slow"),
    ]


def each_tenant(database: Database) -> Iterator[TenantScope]:
    """Every tenant's scope, page by page."""
    return (TenantScope(tenant.tenant_id, SYSTEM) for tenant in _each(database))


def _each(database: Database) -> Iterator[Tenant]:
    """Every tenant, page by page. Those of a cell that does not answer wait for their next turn."""
    after = None
    while True:
        with database.platform(SYSTEM, read_only=True) as platform:
            page = platform[Tenants].page(after=after, limit=PAGE)
        for tenant in page:
            if database.cells is None or not database.cells.is_away(tenant.cell or HOME):
                yield tenant
        if len(page) < PAGE:
            return
        after = page[-1].id
