"""A world on each engine; one on SQLite for what does not depend on it."""

from __future__ import annotations

import pytest

from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.scim_world import ScimWorld


@pytest.fixture
def world(stores: Stores, clock: TestClock) -> ScimWorld:
    return ScimWorld(stores, clock)


@pytest.fixture
def lite(sqlite_stores: Stores, clock: TestClock) -> ScimWorld:
    return ScimWorld(sqlite_stores, clock)
