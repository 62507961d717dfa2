"""One world per module for what only looks, one per test for what changes things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import TestClock
from tests.support.ui_world import UiWorld


@pytest.fixture
def world(tmp_path: Path, clock: TestClock) -> Iterator[UiWorld]:
    world = UiWorld(tmp_path, clock)
    yield world
    world.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiWorld]:
    world = UiWorld(tmp_path_factory.mktemp("ui"), TestClock())
    yield world
    world.close()
