"""One demo for all tests of a folder that look at it: it takes seconds to start, and they change nothing that others see.

Its threads end with the folder: a worker that goes on beside other tests would do its jobs in the middle of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.demo.world import World, demo_world


@pytest.fixture(scope="package")
def demo() -> Iterator[World]:
    with demo_world(0) as world:
        yield world
