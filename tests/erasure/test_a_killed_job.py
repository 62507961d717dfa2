"""The program itself erases a tenant that lives in another cell and is killed in the middle; the next run goes on and ends
with one whole receipt, and nothing of the tenant is left in its cell, at home, or in any other.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idbroker.erasure.receipts import TenantErasure
from idbroker.storage.cells import HOME
from idbroker.storage.rows import MAIN, tenant_tables
from tests.conformance.test_isolation import unbound
from tests.support.clock import TestClock
from tests.support.databases import CELLS, ENGINES, Stores, Urls, celled_urls, open_celled
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


def run(environment: dict[str, str], tenant: str, folder: Path, steps: int) -> int:
    command = [sys.executable, "-c", DIES, str(steps), "tenant", "erase", tenant, "--yes"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def cells(urls: Mapping[str, Urls]) -> dict[str, Any]:
    """``IDBROKER_CELLS``: those beside home take the new tenants."""
    beside = {
        name: {"region": name, "new_tenants": True, "database_url": one.database, "database_owner_url": one.owner}
        for name, one in urls.items() if name != HOME
    }  # fmt: skip
    return {HOME: {"new_tenants": False}, **beside}


def erasure(stores: Stores) -> dict[str, Any]:
    with unbound(stores, stores.main) as connection:
        row = connection.execute(select(TenantErasure.__table__)).mappings().one()  # type: ignore[attr-defined]
        return dict(row)


@pytest.fixture(params=ENGINES)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Urls]:
    return celled_urls(request.param, tmp_path, request)


@pytest.mark.timeout(400)  # two processes, and other work may be going on
def test_killed_in_the_middle_it_is_finished_by_the_next_run(urls: dict[str, Urls], clock: TestClock, tmp_path: Path) -> None:
    stores = open_celled(urls, clock)
    marked = Marked(stores, clock, cells=cells(urls))
    marked.live()
    tenant, cell = marked.acme.id, marked.api("GET", marked.here)["cell"]
    assert cell in CELLS
    assert marked.found_in_tables(), "there is something to be erased"
    marked.whole.close()
    environment = {
        **os.environ,
        "IDBROKER_DATABASE_URL": urls[HOME].database,
        "IDBROKER_CELLS": json.dumps(cells(urls)),
        "IDBROKER_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "IDBROKER_PUBLIC_URL": "https://broker.example",
        **({"IDBROKER_DATABASE_OWNER_URL": urls[HOME].owner} if urls[HOME].owner else {}),
    }
    before_the_keys_go, before_it_is_noted_that_the_tables_went = 4, 7
    steps = before_the_keys_go if stores.engine == "sqlite" else before_it_is_noted_that_the_tables_went
    assert run(environment, tenant, tmp_path, steps) == -signal.SIGKILL
    assert run(environment, tenant, tmp_path, 1000) == 0
    row = erasure(stores)
    assert row["completed_at"] is not None
    names = [one["store"] for one in row["stores"]]
    assert len(names) == len(set(names)), "every store once"
    assert set(tenant_tables(MAIN)) <= set(names)
    assert row["receipt"]["stores"] == row["stores"]
    assert marked.found_in_tables() == set()
    assert stores.engine == "postgres" or marked.found_in_files(tmp_path) == []
    stores.close()
