"""The Admin API's world, on each engine, with receivers that answer what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.admin_world import AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores


@pytest.fixture
def world(stores: Stores, clock: TestClock, tmp_path: Path) -> AdminWorld:
    return AdminWorld(stores, clock, folder=tmp_path / "streams")


@pytest.fixture
def quick(sqlite_stores: Stores, clock: TestClock, tmp_path: Path) -> AdminWorld:
    """The same on SQLite alone, for what does not depend on the engine."""
    return AdminWorld(sqlite_stores, clock, folder=tmp_path / "streams")
