"""The program itself erases a tenant and is killed, step after step; the next run goes on and ends with one whole receipt."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idbroker.erasure.receipts import TenantErasure
from idbroker.storage.rows import MAIN, tenant_tables
from tests.conformance.test_isolation import unbound
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.marked import Marked

DIES = """
import os, signal, sys
from idbroker.erasure import tenants
from idbroker.cli.main import app
left = [int(sys.argv.pop(1))]
def killed(name):
    genuine = getattr(tenants.TenantEraser, name)
    def step(self, *args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return genuine(self, *args, **kwargs)
    setattr(tenants.TenantEraser, name, step)
for name in ("_begin", "_note", "_empty", "_complete"):
    killed(name)
app()
"""


def run(stores: Stores, folder: Path, steps: int) -> int:
    environment = {
        **os.environ,
        "IDBROKER_DATABASE_URL": stores.urls.database,
        "IDBROKER_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "IDBROKER_PUBLIC_URL": "https://broker.example",
    }
    if stores.urls.owner is not None:
        environment["IDBROKER_DATABASE_OWNER_URL"] = stores.urls.owner
    command = [sys.executable, "-c", DIES, str(steps), "tenant", "erase", tenant_id(stores), "--yes"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def tenant_id(stores: Stores) -> str:
    with unbound(stores, stores.main) as connection:
        return str(connection.execute(select(MAIN.tables["tenants"].c.id)).scalar_one())


def erasure(stores: Stores) -> dict[str, Any]:
    with unbound(stores, stores.main) as connection:
        row = connection.execute(select(TenantErasure.__table__)).mappings().one()  # type: ignore[attr-defined]
        return dict(row)


@pytest.mark.timeout(400)  # a process for every kill, and other work may be going on
def test_killed_at_any_step_it_is_finished_by_the_next_run(sqlite_stores: Stores, clock: TestClock, tmp_path: Path) -> None:
    stores = sqlite_stores
    marked = Marked(stores, clock)
    marked.live()
    marked.whole.close()
    kills = 0
    for steps in (4, 45, 1000):  # the counter is of what is left to do
        if run(stores, tmp_path, steps) == 0:
            break
        kills += 1
    assert kills == 2, "it was killed in the middle"
    row = erasure(stores)
    assert row["completed_at"] is not None
    names = [one["store"] for one in row["stores"]]
    assert len(names) == len(set(names)), "every store once"
    assert set(tenant_tables(MAIN)) <= set(names)
    assert row["receipt"]["stores"] == row["stores"]
    assert marked.found_in_tables() == set()
    assert marked.found_in_files(tmp_path) == []
