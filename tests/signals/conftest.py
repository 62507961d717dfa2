"""The whole program on each engine, once a module, with receivers at any address."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Change, Event, Resource
from idbroker.signals.dispatch import SignalDispatcher
from oidc.provider.issuer import Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.signals.sets import StreamSigner
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, urls_for
from tests.support.people import Person, make_person
from tests.support.receivers import Receivers
from tests.support.signal_receiver import SignalReceiver
from tests.support.whole import BASE, Whole

MACHINE = {
    "name": "Notes", "grant_types": ["client_credentials"], "redirect_uris": [], "scope": "ssf.manage ssf.read",
    "token_endpoint_auth_method": "client_secret_post",
}  # fmt: skip


@dataclass
class SignalWorld:
    whole: Whole
    receivers: Receivers
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        services = self.whole.services
        signer = StreamSigner(services.database, Issuers(services.database, BASE), IssuerKeys(services.keys))
        self.dispatcher = SignalDispatcher(services.database, services.signal_streams, signer, self.receivers, BASE)

    def tenant(self) -> str:
        return self.whole.tenant(f"acme{next(self.numbers)}", "enterprise")

    def slug(self, tenant: str) -> str:
        return str(self.whole.api("GET", f"/tenants/{tenant}")["slug"])

    def app(self, *tenants: str, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.whole.api("POST", "/apps", {**MACHINE, "tenants": list(tenants) or "all", **fields})
        return made

    def receiver(self, app: dict[str, Any], *, issuer: str = BASE, **more: Any) -> SignalReceiver:
        return SignalReceiver(self.whole.at("198.51.100.7"), issuer, app["client_id"], app["client_secret"], **more)

    def person(self, tenant: str, email: str | None = None) -> Person:
        name = f"p{next(self.numbers)}@{tenant[4:12]}.example"
        return make_person(self.whole.services, self.whole.scope(tenant), email or name)

    def end(self, tenant: str, person: Person) -> None:
        self.whole.api("DELETE", f"/tenants/{tenant}/sessions/{person.session}")

    def tell(self, tenant: str, action: str, user: str, changes: dict[str, Change] | None = None, **context: Any) -> None:
        with self.whole.services.database.tenant(self.whole.scope(tenant)) as unit:
            unit[Outbox].record(Event(action, Resource("user", user), changes or {}, context=context))

    def deliver(self) -> int:
        self.whole.services.trail.seal_all()
        return self.dispatcher.run_due()


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignalWorld]:
    receivers = Receivers()
    urls = urls_for(request.param, tmp_path_factory.mktemp("signals"), request)
    whole = Whole(urls, TestClock(), sender=receivers, address_per_minute=100_000)
    yield SignalWorld(whole, receivers)
    whole.close()
