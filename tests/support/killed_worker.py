"""A worker in a process of its own that is killed (SIGKILL) at its n-th step: before and after each commit, before and after
each thing that it sends. Run as a program; each turn is a fork, so that nothing of one is left in the next.

    python -m tests.support.killed_worker URLS FOLDER TENANT STRIDE

Each turn records events, then seals, fills queues and delivers, until it is killed or through. When a turn had fewer steps than
the one at which it was to be killed, all of them have been tried, and the number of the last turn is printed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idbroker import plugins
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.outbound.fetcher import Fetched
from idbroker.storage.database import Database
from idbroker.storage.transaction import Transaction
from idbroker.streams.contract import Doors
from idbroker.streams.dispatch import StreamDispatcher, wake_streams
from idbroker.streams.secrets import StreamSecrets
from idbroker.webhooks.dispatch import WebhookDispatcher
from tests.support.clock import TestClock
from tests.support.databases import Urls, dialects
from tests.support.receivers import Lines

SUBJECTS = ("usr_a", "usr_b")
SECONDS_A_TURN = 200
"""Longer than a lease: what a dead worker held is free again."""


@dataclass
class Steps:
    deadly: int
    taken: int = 0

    def one(self) -> None:
        self.taken += 1
        if self.taken == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        def counted(transaction: Any) -> None:
            self.one()
            commit(transaction)
            self.one()

        return counted


class Log:
    """Receivers of all addresses: what came is a line, written before the sender hears of it."""

    def __init__(self, path: Path, steps: Steps) -> None:
        self._path = path
        self._steps = steps

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched:
        self._steps.one()
        line = {"url": url, "id": headers["webhook-id"], "body": (body or b"").decode()}
        with self._path.open("a") as log:
            log.write(json.dumps(line) + "\n")
        self._steps.one()
        return Fetched(url, 200, {}, b"")

    def close(self) -> None:
        """Nothing is open."""


def turn(database: Database, store: Database, folder: Path, tenant: TenantId, number: int, deadly: int) -> None:
    steps = Steps(deadly)
    clock = database.clock
    with database.tenant(TenantScope(tenant, SYSTEM)) as unit:
        for subject in SUBJECTS:
            unit[Outbox].record(Event("user.updated", Resource("user", subject), context={"turn": number}))
    if deadly:
        Transaction.commit = steps.around(Transaction.commit)  # type: ignore[method-assign] # in this process alone
    envelope, trail, log = Envelope(LocalMasterKeys([bytes(range(32))])), Trail(database, store), Log(folder / "log", steps)
    trail.while_sealing = wake_streams
    sinks = plugins.sinks(Doors(log, Lines(), clock, None))
    trail.seal_all()
    WebhookDispatcher(database, envelope, log).run_due()
    StreamDispatcher(database, trail, StreamSecrets(envelope), sinks).run_due()


def main() -> None:
    urls, folder, tenant, stride = Urls(**json.loads(sys.argv[1])), Path(sys.argv[2]), TenantId(sys.argv[3]), int(sys.argv[4])
    plugins.load_tables()
    clock = TestClock()
    database, store = (Database(dialect, clock) for dialect in dialects(urls))
    number, deadly = 0, 1
    turn(database, store, folder, tenant, number, 0)  # nobody is killed; what is compiled then need not be compiled again
    while True:
        number += 1
        clock.advance(seconds=SECONDS_A_TURN)
        database.engine.dispose()
        store.engine.dispose()
        child = os.fork()
        if child == 0:
            turn(database, store, folder, tenant, number, deadly)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            sys.stdout.write(f"{number}\n")
            return
        if status != -signal.SIGKILL:
            sys.exit(f"turn {number} failed with {status}")
        deadly += stride


if __name__ == "__main__":
    main()
