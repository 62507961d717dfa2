from __future__ import annotations

import pytest

from tests.support.databases import Stores
from tests.support.front_world import FrontWorld, front_world


@pytest.fixture
def world(sqlite_stores: Stores) -> FrontWorld:
    return front_world(sqlite_stores)
