"""Claimed domains are looked at again by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idbroker.connections.domain_watch import DomainWatch, is_due
from idbroker.connections.domains import txt_record
from idbroker.connections.model import Domains
from idbroker.kernel.errors import Refusal

CLAIMED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "due"), [(0, True), (119, True), (121, False), (180, True), (181, False), (240, True), (25 * 60, True)]
)
def test_a_fresh_claim_is_looked_at_often_and_an_old_one_once_an_hour(minutes: int, due: bool) -> None:
    assert is_due(CLAIMED, CLAIMED + timedelta(minutes=minutes)) is due


def test_a_record_that_appears_is_found(broker, acme, clock):
    watch = DomainWatch(broker.database, broker.domains)
    with broker.database.tenant(acme) as unit:
        row = broker.domains.add(unit, "later.com")
    assert watch.look(acme) == 0
    record, value = txt_record(row)
    broker.txt[record] = [value]
    clock.advance(minutes=1)
    assert watch.look(acme) == 1
    with broker.database.tenant(acme, read_only=True) as unit:
        assert unit[Domains].named("later.com").status == "verified"
    assert watch.look(acme) == 0
    assert broker.events(acme.tenant, "domain.verified")[0]["context"] == {"method": "dns"}


def test_what_another_tenant_has_proven_stays_his(broker, acme):
    watch = DomainWatch(broker.database, broker.domains)
    with broker.database.tenant(acme) as unit:
        row = broker.domains.add(unit, "contested.com")
    broker.tenant("globex", "contested.com")
    record, value = txt_record(row)
    broker.txt[record] = [*broker.txt.get(record, []), value]
    assert watch.look(acme) == 0


def test_a_name_server_that_is_away_costs_nothing(broker, acme):
    def away(name: str) -> list[str]:
        raise Refusal("dns_failed", "The name servers do not answer.", status=502)

    broker.domains._look_up_txt = away
    with broker.database.tenant(acme) as unit:
        broker.domains.add(unit, "later.com")
    assert DomainWatch(broker.database, broker.domains).look(acme) == 0
