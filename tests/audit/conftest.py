"""A trail with its notary, on each engine, and packs of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idbroker.audit.export import write_pack
from idbroker.audit.notary import Notary
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.audit.verify import Verdict, verify_pack
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.keys.trail_keys import TrailKeyRing
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.world import make_tenant, trail_keys


@dataclass
class Sealed:
    """One tenant's trail and those who keep it."""

    stores: Stores
    clock: TestClock
    keys: TrailKeyRing
    trail: Trail
    notary: Notary
    scope: TenantScope
    folder: Path

    def record(self, count: int, **context: Any) -> None:
        with self.stores.main.tenant(self.scope) as unit:
            for number in range(count):
                event = Event("user.created", Resource("user", f"usr_{number}", f"Person {number}"), context=context)
                unit[Outbox].record(event)
        self.trail.seal_all()

    def pack(self) -> dict[str, bytes]:
        out = io.BytesIO()
        write_pack(self.trail, self.notary, self.scope, out)
        with zipfile.ZipFile(out) as opened:
            return {name: opened.read(name) for name in opened.namelist()}

    def verdict(self, members: dict[str, bytes] | None = None, key: str | None = None) -> Verdict:
        path = self.folder / "pack.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in (self.pack() if members is None else members).items():
                file.writestr(name, content)
        return verify_pack(path, key=key)


def sealed(stores: Stores, clock: TestClock, folder: Path) -> Sealed:
    trail, keys = Trail(stores.main, stores.audit), trail_keys(stores)
    notary = Notary(stores.main, trail, keys, every_records=10)
    scope = make_tenant(stores, "acme")
    trail.seal_all()
    return Sealed(stores, clock, keys, trail, notary, scope, folder)


@pytest.fixture
def world(stores: Stores, clock: TestClock, tmp_path: Path) -> Sealed:
    return sealed(stores, clock, tmp_path)


@pytest.fixture
def quick(sqlite_stores: Stores, clock: TestClock, tmp_path: Path) -> Sealed:
    return sealed(sqlite_stores, clock, tmp_path)


Lines = list[bytes]
Forge = Callable[[Lines, int], Lines]
