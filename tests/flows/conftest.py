"""The world of the sign-in stories: a broker over a scripted IdP, Acme with its domain, and a browser."""

from __future__ import annotations

import pytest

from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.sign_in import SignIns


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


@pytest.fixture
def acme(broker: Broker) -> SignIns:
    return SignIns(broker, broker.tenant("acme", "acme.com"))
