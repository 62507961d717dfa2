"""A tenant with one connection and everything that stands around it, on each engine."""

from __future__ import annotations

import pytest

from idbroker.kernel.scope import TenantScope
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.staged import StagedBroker


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> StagedBroker:
    return StagedBroker(stores, clock)


@pytest.fixture
def acme(broker: StagedBroker) -> TenantScope:
    return broker.tenant("acme", "acme.com")


@pytest.fixture
def connection(broker: StagedBroker, acme: TenantScope) -> str:
    return broker.connection(acme)
