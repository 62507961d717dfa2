"""One world for all of a module's tests, since making three RSA keys takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clock import TestClock
from tests.support.databases import open_stores, sqlite_urls
from tests.support.provider_world import ProviderWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderWorld]:
    clock = TestClock()
    stores = open_stores("sqlite", sqlite_urls(tmp_path_factory.mktemp("provider")), clock)
    yield ProviderWorld(stores.main, clock)
    stores.close()
