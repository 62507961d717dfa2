"""A tenant that is used while it is moved: two cells, its people at an identity provider, a directory that provisions."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from sqlalchemy import create_engine, select

from idbroker.audit.export import write_pack
from idbroker.audit.verify import verify_pack
from idbroker.settings import CellSettings
from idbroker.storage.cells import cell_tables
from idbroker.storage.copying import TenantCopy
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.tenants.moving import Mover
from tests.support.clock import TestClock
from tests.support.databases import Urls
from tests.support.whole import SamlTenant, Whole


class Moving(Whole):
    """``home`` and ``eu``, each with its databases."""

    def __init__(self, home: Urls, eu: Urls, clock: TestClock) -> None:
        cell = CellSettings.model_validate({"region": "eu", "database_url": eu.database, "database_owner_url": eu.owner})
        self.urls = {"home": home, "eu": eu}
        self.given = (home, eu, clock)
        super().__init__(home, clock, cells={"eu": cell})

    def again(self) -> Moving:
        """Another process of the same deployment."""
        return Moving(*self.given)

    def mover(self) -> Mover:
        return Mover(self.services.database, self.services.trail.store)

    def move(self, tenant: str, to: str) -> Any:
        self.mover().begin(self.scope(tenant), to, "test")
        return self.mover().go_on(self.scope(tenant))

    def rows(self, tenant: str, cell: str) -> dict[str, list[str]]:
        """Everything of the tenant in that cell, read past guard and policies, by table; empty tables are left out."""
        found: dict[str, list[str]] = {}
        for database, metadata, schema in (
            (self.services.database, MAIN, "public"),
            (self.services.trail.store, AUDIT, "audit"),
        ):
            at = next(one for one in database.each_cell() if one.name == cell)
            embedded = at.dialect.migrates_itself
            options = {} if embedded else {"connect_args": {"options": f"-c search_path={schema} -c timezone=UTC"}}
            engine = create_engine(at.engine.url if embedded else at.engine.url.set(username="postgres"), **options)
            with engine.connect() as connection:
                for table in cell_tables(metadata):
                    rows = connection.execute(select(table).where(table.c.tenant_id == tenant)).all()
                    if rows:
                        found[table.name] = sorted(map(repr, rows))
            engine.dispose()
        return found

    def trail_holds(self, tenant: str, folder: Path) -> int:
        """Everything sealed, exported and verified as an outsider would. How many records."""
        self.services.trail.seal_all()
        scope = self.scope(tenant)
        self.services.notary.sign(scope.tenant)
        out = io.BytesIO()
        count = write_pack(self.services.trail, self.services.notary, scope, out)
        path = folder / f"{tenant}.zip"
        path.write_bytes(out.getvalue())
        verdict = verify_pack(path)
        assert verdict.good, str(verdict)
        return count


class Directory:
    """A directory's client."""

    def __init__(self, whole: Whole, tenant: str) -> None:
        self._client = whole.at("192.0.2.77")
        made = whole.api("POST", f"/tenants/{tenant}/directories", {"name": "HR"})["id"]
        token = whole.api("POST", f"/tenants/{tenant}/directories/{made}/tokens", {})["token"]
        self._headers = {"authorization": f"Bearer {token}"}

    def add(self, name: str) -> Any:
        return self._client.post(
            "/scim/v2/Users",
            json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True},
            headers=self._headers,
        )

    def rename(self, person: str, name: str) -> Any:
        change = {"op": "replace", "path": "displayName", "value": name}
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]}
        return self._client.patch(f"/scim/v2/Users/{person}", json=body, headers=self._headers)

    def remove(self, person: str) -> Any:
        return self._client.delete(f"/scim/v2/Users/{person}", headers=self._headers)

    def names(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        start = 1
        while True:
            page = self._client.get(f"/scim/v2/Users?startIndex={start}&count=100", headers=self._headers).json()
            found |= {one["userName"]: one.get("displayName") for one in page["Resources"]}
            start += len(page["Resources"])
            if start > page["totalResults"]:
                return found


PAUSE_SECONDS = 0.25
"""After each turn of who is busy: the move needs the processor too, and ends the later the more there is to copy."""


class Busy:
    """Does something again and again in a thread, until it is left. What it raised is raised then."""

    def __init__(self, *works: Callable[[int], None]) -> None:
        self._stop = threading.Event()
        self._turned = threading.Condition()
        self._errors: list[BaseException] = []
        self.done = [0] * len(works)
        self._threads = [threading.Thread(target=self._work, args=(number, work)) for number, work in enumerate(works)]

    def _work(self, number: int, work: Callable[[int], None]) -> None:
        try:
            while not self._stop.wait(PAUSE_SECONDS):
                work(self.done[number])
                with self._turned:
                    self.done[number] += 1
                    self._turned.notify_all()
        except BaseException as error:  # raised in the test's own thread
            with self._turned:
                self._errors.append(error)
                self._turned.notify_all()

    def go_on(self, turns: int) -> None:
        """Until each of them has done so many more."""
        with self._turned:
            wanted = [count + turns for count in self.done]
            self._turned.wait_for(lambda: self._errors or all(map(int.__ge__, self.done, wanted)), timeout=120)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


def populated(whole: Whole, slug: str, people: int = 20) -> tuple[SamlTenant, Directory]:
    tenant = SamlTenant(whole, slug, "enterprise")
    directory = Directory(whole, slug)
    for number in range(people):
        assert directory.add(f"person-{number}@{slug}.example").status_code == 201
    assert tenant.sign_in(whole.at("192.0.2.5")).status_code == 303
    return tenant, directory


def killed_while_moving(whole: Moving, tenant: str, to: str, point: str) -> None:
    """A process of its own begins the move and is killed by SIGKILL when it comes to that point."""
    child = FRESH.Process(target=_move_until_dead, args=(whole.given, tenant, to, point))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL, f"it never came to {point}: exit code {child.exitcode}"


FRESH = multiprocessing.get_context("forkserver")
"""Processes without a thread or a lock of this one: a plain fork would take along locks that other threads hold."""
FRESH.set_forkserver_preload([__name__])


def _move_until_dead(given: tuple[Urls, Urls, TestClock], tenant: str, to: str, point: str) -> None:
    _die_at(point)
    Moving(*given).move(tenant, to)


def _die_at(point: str) -> None:
    """``name`` or ``name:n``: before the n-th call of that step; ``after_register``: when the switch has been committed."""
    name, _, count = point.partition(":")
    owner: Any = TenantCopy if hasattr(TenantCopy, name) else Mover
    after = name.startswith("after")
    name = name.removeprefix("after")
    kept, left = getattr(owner, name), [int(count or 1)]

    def step(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if not after and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = kept(*given, **named)
        if after and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, step)
