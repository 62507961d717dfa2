"""Mail domains: claimed by anyone, proven by one, given back."""

from __future__ import annotations

import pytest

from idbroker.connections.domains import DomainService, txt_record
from idbroker.connections.model import Domain, Whereabouts
from idbroker.kernel.errors import Conflict, Invalid, NotFound, Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import TenantUnit
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


def claim(broker: Broker, scope: TenantScope, name: str) -> Domain:
    with broker.database.tenant(scope) as unit:
        return broker.domains.add(unit, name)


def owner(broker: Broker, name: str) -> str | None:
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        return next((row.tenant_id for row in unit[Whereabouts].domains([name])), None)


def test_a_domain_is_proven_by_its_record(broker: Broker) -> None:
    acme = broker.tenant("acme")
    row = claim(broker, acme, " ACME.com. ")
    name, value = txt_record(row)
    assert (row.name, row.status, name) == ("acme.com", "pending", "_idbroker-challenge.acme.com")
    assert value.startswith("idbroker-domain-verification=")
    assert len(value) > 60
    with pytest.raises(Conflict) as refused:
        broker.prove(acme, row.id)
    assert refused.value.code == "domain_not_proven"
    assert name in refused.value.public
    assert value in refused.value.public
    broker.txt[name] = ["v=spf1 -all", value + "x", value[:-1]]
    with pytest.raises(Conflict):
        broker.prove(acme, row.id)
    assert owner(broker, "acme.com") is None
    broker.txt[name] = ["v=spf1 -all", value]
    assert broker.prove(acme, row.id).status == "verified"
    assert broker.prove(acme, row.id).status == "verified", "again does no harm"
    assert owner(broker, "acme.com") == acme.tenant
    assert broker.actions(acme.tenant) == ["tenant.created", "domain.added", "domain.verified"]


def test_an_operator_may_accept_a_domain_and_says_why(broker: Broker) -> None:
    acme = broker.tenant("acme")
    row = claim(broker, acme, "acme.com")
    with broker.database.tenant(acme) as unit:
        broker.domains.force(unit, row.id, "seen the contract")
        broker.domains.force(unit, row.id, "again")
    told = broker.events(acme.tenant, "domain.verified")
    assert [event["context"] for event in told] == [{"method": "operator", "reason": "seen the contract"}]


def test_two_tenants_may_claim_and_one_may_prove(broker: Broker) -> None:
    acme, bob = broker.tenant("acme"), broker.tenant("bob")
    first, second = claim(broker, acme, "shared.com"), claim(broker, bob, "shared.com")
    assert txt_record(first)[1] != txt_record(second)[1]
    broker.txt[txt_record(first)[0]] = [txt_record(first)[1], txt_record(second)[1]]
    broker.prove(acme, first.id)
    broker.domains.check_proof(second)
    for accept in (
        lambda unit: broker.domains.accept(unit, second.id),
        lambda unit: broker.domains.force(unit, second.id, "because"),
    ):
        with pytest.raises(Conflict) as refused, broker.database.tenant(bob) as unit:
            accept(unit)
        assert refused.value.code == "domain_taken"
        assert acme.tenant not in str(refused.value)
        assert "acme" not in refused.value.public.lower()
    with broker.database.tenant(bob, read_only=True) as unit:
        row = unit.session.get(Domain, (bob.tenant, second.id))
        assert row is not None
        assert row.status == "pending", "nothing is half-written"
    assert owner(broker, "shared.com") == acme.tenant
    assert broker.actions(bob.tenant) == ["tenant.created", "domain.added"]


def test_a_race_for_a_domain_has_one_winner(broker: Broker) -> None:
    scopes = [broker.tenant(f"t{n}") for n in range(6)]
    rows = [claim(broker, scope, "shared.com") for scope in scopes]

    def force(number: int) -> str:
        with broker.database.tenant(scopes[number]) as unit:
            return broker.domains.force(unit, rows[number].id, "race").status

    results = at_once(len(scopes), force)
    assert results.count("verified") == 1
    assert {r.code for r in results if isinstance(r, Exception)} == {"domain_taken"}
    assert owner(broker, "shared.com") == scopes[results.index("verified")].tenant


def test_a_domain_that_was_given_up_is_free_again(broker: Broker) -> None:
    acme, bob = broker.tenant("acme"), broker.tenant("bob")
    given_up = broker.domain(acme, "shared.com")
    with broker.database.tenant(acme) as unit:
        broker.domains.remove(unit, given_up)
    assert owner(broker, "shared.com") is None
    broker.domain(bob, "shared.com")
    assert owner(broker, "shared.com") == bob.tenant
    assert broker.actions(acme.tenant)[-1] == "domain.removed"


def test_giving_up_a_mere_claim_takes_nothing_from_the_owner(broker: Broker) -> None:
    acme, bob = broker.tenant("acme", "shared.com"), broker.tenant("bob")
    pending = claim(broker, bob, "shared.com")
    with broker.database.tenant(bob) as unit:
        broker.domains.remove(unit, pending.id)
    assert owner(broker, "shared.com") == acme.tenant


def test_what_is_not_there_is_not_found(broker: Broker) -> None:
    acme, bob = broker.tenant("acme"), broker.tenant("bob")
    row = claim(broker, bob, "bob.com")

    def removal(unit: TenantUnit) -> None:
        broker.domains.remove(unit, row.id)

    for act in (
        removal,
        lambda unit: broker.domains.accept(unit, row.id),
        lambda unit: broker.domains.force(unit, row.id, "x"),
    ):
        with pytest.raises(NotFound), broker.database.tenant(acme) as unit:
            act(unit)


def test_a_domain_is_listed_once(broker: Broker) -> None:
    acme = broker.tenant("acme")
    claim(broker, acme, "acme.com")
    with pytest.raises(Conflict) as refused:
        claim(broker, acme, "ACME.COM")
    assert refused.value.code == "domain_exists"


def test_adding_the_same_domain_at_once_is_one_domain(broker: Broker) -> None:
    acme = broker.tenant("acme")
    results = at_once(6, lambda number: claim(broker, acme, "acme.com").name)
    assert results.count("acme.com") == 1
    assert {getattr(r, "code", r) for r in results if r != "acme.com"} == {"domain_exists"}


def test_when_the_dns_is_silent_nothing_changes(broker: Broker) -> None:
    def silent(name: str) -> list[str]:
        raise Refusal("dns_failed", "No answer.", status=502)

    acme = broker.tenant("acme")
    row = claim(broker, acme, "acme.com")
    with pytest.raises(Refusal) as refused:
        DomainService(silent).check_proof(row)
    assert refused.value.status == 502
    assert owner(broker, "acme.com") is None


REFUSED = [
    "gmail.com", "GMAIL.com", "mail.gmail.com", "outlook.com", "yahoo.co.uk", "proton.me", "icloud.com", "web.de",
    "com", "co.uk", "com.au", "github.io", "s3.amazonaws.com", "gov.uk", "xn--55qx5d.cn", "公司.cn",
    "", "localhost", "acme", "10.0.0.1", "*.acme.com", "acme.com/x", "user@acme.com", "acme_corp.com", "a" * 300, "\x00.com",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_nobody_can_own(sqlite_stores: Stores, clock: TestClock, name: str) -> None:
    broker = Broker(sqlite_stores, clock)
    acme = broker.tenant("acme")
    with pytest.raises(Invalid) as refused:
        claim(broker, acme, name)
    assert [error.pointer for error in refused.value.errors] == ["/domain"]


@pytest.mark.parametrize(
    "name", ["acme.github.io", "acme.co.uk", "mail.acme.co.uk", "acme.example", "müller.de", "gmail.com.acme.de"]
)
def test_what_somebody_can(sqlite_stores: Stores, clock: TestClock, name: str) -> None:
    broker = Broker(sqlite_stores, clock)
    claim(broker, broker.tenant("acme"), name)
