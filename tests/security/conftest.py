"""One pair of tenants on each engine for all walks of strangers: making it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clock import TestClock
from tests.support.databases import ENGINES, open_stores, urls_for
from tests.support.doors import Doors, opened
from tests.support.strangers import Strangers

BOTH = [pytest.param(engine, marks=pytest.mark.xdist_group(f"strangers-{engine}")) for engine in ENGINES]


@pytest.fixture(scope="session", params=BOTH)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strangers]:
    clock = TestClock()
    stores = open_stores(request.param, urls_for(request.param, tmp_path_factory.mktemp("strangers"), request), clock)
    made = Strangers(stores, clock)
    yield made
    made.whole.close()
    stores.close()


@pytest.fixture(scope="session")
def doors(there: Strangers) -> Doors:
    return opened(there)
