"""One world per test, and one that the tests of the whole table share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin_world import AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores, open_stores, sqlite_urls


@pytest.fixture
def world(sqlite_stores: Stores, clock: TestClock) -> AdminWorld:
    return AdminWorld(sqlite_stores, clock)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    folder: Path = tmp_path_factory.mktemp("admin")
    clock = TestClock()
    stores = open_stores("sqlite", sqlite_urls(folder), clock)
    yield AdminWorld(stores, clock)
    stores.close()
