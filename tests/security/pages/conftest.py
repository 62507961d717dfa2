from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clock import TestClock
from tests.support.hostile import Hostile


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """One for the folder: nothing in it is changed by what does not get through."""
    made = Hostile(tmp_path_factory.mktemp("hostile"), TestClock())
    yield made
    made.world.close()
