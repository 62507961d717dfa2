"""What a sign-in leaves in the trail, and what that costs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from idbroker.admin_api.revocations import percentile
from idbroker.storage.transaction import Transaction
from saml.checks import order
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.whole import SamlTenant, Whole

OF_THE_TRAIL = ("outbox", "audit_", "trail_heads", "feed_", "log_stream", "webhook")


@pytest.fixture
def acme(sqlite_stores: Stores, clock: TestClock) -> Iterator[SamlTenant]:
    whole = Whole(sqlite_stores.urls, clock)
    yield SamlTenant(whole, "acme")
    whole.close()


def test_an_allowed_attempt_lists_the_checks_that_passed(acme: SamlTenant) -> None:
    whole = acme.whole
    assert acme.sign_in(whole.at("192.0.2.7")).status_code == 303
    whole.services.trail.seal_all()
    (listed,) = whole.api("GET", "/tenants/acme/sign-ins")["data"]
    one = whole.api("GET", f"/tenants/acme/sign-ins/{listed['id']}")
    names = [check.name for check in order.CHECKS]
    assert one["checks"] == [name for name in names if name in one["checks"]], "in the order in which they ran"
    assert len(one["checks"]) > 15
    assert (one["findings"], one["outcome"]) == ([], "allowed")
    assert whole.api("GET", f"/tenants/acme/audit-events?q={one['checks'][3]}")["data"], "they are found as text"


def test_the_trail_costs_a_sign_in_one_insert(acme: SamlTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, browser, seen = acme.whole, acme.whole.at("192.0.2.7"), list[str]()
    acme.sign_in(browser)
    genuine, ours = Transaction._run, (whole.services.database.engine, whole.services.trail.store.engine)

    def run(self: Transaction, connection: Any, how: Any, statement: str, parameters: Any) -> Any:
        if connection.engine in ours:  # a server of another test may be at work meanwhile
            seen.append(statement)
        return genuine(self, connection, how, statement, parameters)

    monkeypatch.setattr(Transaction, "_run", run)
    for engine in ours:
        event.listen(engine, "before_cursor_execute", lambda _c, _cu, statement, *_: seen.append(statement))
    again = whole.at("192.0.2.8")
    location = acme.begin(again)
    seen.clear()
    assert acme.finish(again, location).status_code == 303
    mine = [statement for statement in seen if any(name in statement for name in OF_THE_TRAIL)]
    assert len(seen) > 5
    assert [statement.split()[:3] for statement in mine] == [["INSERT", "INTO", "outbox"]]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 50, None), ([7], 50, 7), ([7], 99, 7), ([1, 2], 50, 1), ([1, 2, 3], 50, 2), (list(range(1, 101)), 99, 99),
     (list(range(1, 201)), 99, 198), ([1, 1000], 99, 1000)],
)  # fmt: skip
def test_percentiles(values: list[int], share: int, expected: int | None) -> None:
    assert percentile(values, share) == expected
