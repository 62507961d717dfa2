"""One program for a module: each test has tenants of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.declared.declaring import DeclaringWorld
from tests.support.clock import TestClock


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeclaringWorld]:
    made = DeclaringWorld(tmp_path_factory.mktemp("declared"), TestClock())
    yield made
    made.close()
