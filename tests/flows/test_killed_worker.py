"""A worker that is killed at any of its steps: nothing is lost, nothing overtakes, what comes twice is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from idbroker.audit.chain import first_fault
from idbroker.audit.feed import Feed
from idbroker.audit.records import AuditRecords
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.killed_worker import SUBJECTS

ROOT = Path(__file__).resolve().parents[2]
HOOK, SIEM = "https://app.example/hook", "https://siem.example/in"


def killed_again_and_again(stores: Stores, folder: Path, tenant: str, stride: int) -> int:
    """The number of the last turn, after the worker was killed at every ``stride``-th step."""
    command = [sys.executable, "-m", "tests.support.killed_worker", json.dumps(asdict(stores.urls)), str(folder), tenant]
    done = subprocess.run([*command, str(stride)], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout)


def once(came: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What came, in the order of its first coming. What has the same id has the same content."""
    assert len(dict(came)) == len(set(came)), "two contents under one id"
    return list(dict.fromkeys(came))


@pytest.mark.timeout(250)
def test_nothing_is_lost_nothing_overtakes(stores: Stores, clock: TestClock, tmp_path: Path) -> None:
    world = AdminWorld(stores, clock)
    tenant = world.tenant("acme")
    world.post("/webhooks", {"url": HOOK, "events": ["user.*"]})
    world.post(f"/tenants/{tenant}/log-streams", {"url": SIEM, "start": "beginning"})
    # Steps shift with what the dead have left behind, so that no state is always passed over.
    last = killed_again_and_again(stores, tmp_path, tenant, 3 if stores.engine == "sqlite" else 8)
    assert last > (10 if stores.engine == "sqlite" else 4)

    scope = TenantScope(TenantId(tenant), OPERATOR)
    with stores.audit.tenant(scope, read_only=True) as unit:
        sealed = list(unit[AuditRecords].walk())
    assert first_fault(sealed, world.trail.head(scope)) is None
    told = [(record["resource"]["id"], record["context"]["turn"]) for record in sealed if record["action"] == "user.updated"]
    assert told == [(subject, turn) for turn in range(last + 1) for subject in SUBJECTS], "each once, in order"

    with stores.main.tenant(scope, read_only=True) as unit:
        feed = [event.id for event in unit[Feed].after(0, limit=10_000)]
    assert feed == [f"evt_{record['id'][4:]}" for record in sealed if record["action"] == "user.updated"]

    lines: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    events = once([(line["id"], line["body"]) for line in lines if line["url"] == HOOK])
    by_subject: dict[str, list[str]] = {}
    for event_id, body in events:
        by_subject.setdefault(json.loads(body)["data"]["id"], []).append(event_id)
    for number, subject in enumerate(SUBJECTS):
        assert by_subject[subject] == feed[number :: len(SUBJECTS)]

    batches = once([(line["id"], line["body"]) for line in lines if line["url"] == SIEM])
    assert [record for _, body in batches for record in json.loads(body)["records"]] == sealed
    assert len(lines) > len(events) + len(batches), "some came twice, or nobody was killed after sending"
