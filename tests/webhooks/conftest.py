"""The Admin API's world, on each engine, with endpoints that answer what they are told."""

from __future__ import annotations

import pytest

from tests.support.admin_world import AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import Stores


@pytest.fixture
def world(stores: Stores, clock: TestClock) -> AdminWorld:
    return AdminWorld(stores, clock)
