"""One demo for all tests of a process that look at it: it takes seconds to start, and they change nothing that others see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.demo.world import World, demo_world


@pytest.fixture(scope="session")
def demo() -> Iterator[World]:
    with demo_world(0) as world:
        yield world
