"""What is somebody's in the trail: sealed under his key, shown and found while it lives. The chain holds without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idbroker.audit.chain import first_fault
from idbroker.audit.outbox import Outbox
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.person_keys import KeptPersonKeys, PersonKeyRows
from tests.support.databases import Stores
from tests.support.world import MASTER_KEY, make_tenant

ALICE, BOB = new_id("usr"), new_id("usr")
BROWSER = Actor("visitor", ip="192.0.2.77", user_agent="Marker/1.0")


class Personal:
    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.keys = KeptPersonKeys(Envelope(LocalMasterKeys([MASTER_KEY])))
        self.trail = Trail(stores.main, stores.audit, self.keys)
        self.scope = make_tenant(stores, "acme")
        self.trail.seal_all()

    def tell(self, event: Event, actor: Actor = BROWSER) -> str:
        with self.stores.main.tenant(TenantScope(self.scope.tenant, actor)) as unit:
            told = unit[Outbox].record(event)
        self.trail.seal_all()
        return told

    def stored(self) -> list[dict[str, Any]]:
        with self.stores.audit.tenant(self.scope, read_only=True) as unit:
            return list(unit[AuditRecords].walk())

    def shown(self, record_id: str) -> dict[str, Any]:
        found = self.trail.record(self.scope, record_id)
        assert found is not None
        return found

    def found(self, text: str) -> list[str]:
        return [record["id"] for record in self.trail.page(self.scope, TrailQuery(text=text)).records]

    def erase(self, person: str) -> None:
        with self.stores.main.tenant(self.scope) as unit:
            unit[PersonKeyRows].destroy([person])
        with self.stores.audit.tenant(self.scope) as unit:
            while unit[AuditRecords].forget_person(person, 2):
                pass

    def whole(self) -> bool:
        return first_fault(self.stored(), self.trail.head(self.scope)) is None


@pytest.fixture
def personal(stores: Stores) -> Personal:
    return Personal(stores)


def signed_in(person: str, email: str) -> Event:
    return Event("sign_in.succeeded", Resource("user", person, email), context={"login_hint": email, "route": "domain"})


def test_sealed_in_the_store_and_open_to_its_readers(personal: Personal) -> None:
    told = personal.tell(signed_in(ALICE, "alice@acme.example"))
    stored = json.dumps(personal.stored())
    for secret in ("alice@acme.example", "192.0.2.77", "Marker/1.0"):
        assert secret not in stored
    shown = personal.shown(told)
    assert shown["resource"] == {"type": "user", "id": ALICE, "name": "alice@acme.example"}
    assert (shown["actor"]["ip"], shown["actor"]["user_agent"]) == ("192.0.2.77", "Marker/1.0")
    assert shown["context"] == {"login_hint": "alice@acme.example", "route": "domain"}
    assert not {"sealed", "erased"} & set(shown)
    assert personal.whole()


@pytest.mark.parametrize("text", ["alice@acme.example", "alice", "lice@ac", "192.0.2.77", "Marker"])
def test_found_until_the_key_is_gone(personal: Personal, text: str) -> None:
    told = personal.tell(signed_in(ALICE, "alice@acme.example"))
    other = personal.tell(signed_in(BOB, "bob@acme.example"), Actor("visitor", ip="192.0.2.8"))
    assert personal.found(text) == [told]
    personal.erase(ALICE)
    assert personal.found(text) == []
    assert personal.found("bob") == [other]
    assert personal.found("domain") == [other, told]
    shown = personal.shown(told)
    assert shown["erased"] is True
    assert shown["resource"] == {"type": "user", "id": ALICE, "name": None}
    assert shown["context"] == {"login_hint": None, "route": "domain"}
    assert personal.shown(other)["resource"]["name"] == "bob@acme.example"
    assert personal.whole()


def test_what_is_of_several_goes_with_the_first_of_them(personal: Personal) -> None:
    told = personal.tell(
        Event("tenant.entered", Resource("tenant", personal.scope.tenant), context={"reason": "a@x.example, b@x.example"}),
        Actor("operator", "opr_1", "olga@vendor.example", "198.51.100.1"),
    )
    assert personal.shown(told)["context"]["reason"] == "a@x.example, b@x.example"
    assert personal.found("b@x.example") == [told]
    with personal.stores.main.tenant(personal.scope, read_only=True) as unit:
        (stranger,) = personal.keys.strangers(unit, ["A@x.example"])
    personal.erase(stranger)
    assert personal.shown(told)["context"] == {"reason": None}
    assert personal.found("b@x.example") == []
    assert personal.shown(told)["actor"]["name"] == "olga@vendor.example", "operators act in their office"
    assert personal.whole()


def test_whoever_acts_and_whom_it_is_done_to_go_apart(personal: Personal) -> None:
    changes = {"email": Change("old@acme.example", "new@acme.example"), "active": Change(before=True, after=False)}
    told = personal.tell(
        Event("user.updated", Resource("user", BOB, "bob"), changes), Actor("user", ALICE, "alice", "192.0.2.1", "Firefox")
    )
    assert "@acme.example" not in json.dumps(personal.stored())
    personal.erase(ALICE)
    shown = personal.shown(told)
    assert shown["actor"] == {"type": "user", "id": ALICE, "name": None, "ip": None, "user_agent": None}
    assert shown["changes"]["email"] == {"before": "old@acme.example", "after": "new@acme.example"}
    assert shown["changes"]["active"] == {"before": True, "after": False}
    personal.erase(BOB)
    assert personal.shown(told)["changes"]["email"] == {"before": None, "after": None}
    assert personal.whole()


def test_a_refused_sign_in_belongs_to_whoever_is_named_in_it(personal: Personal) -> None:
    finding = {"check": "email", "received": "carol@acme.example", "outcome": "fail"}
    context = {"reference": "ABCD-EFGH", "code": "user_inactive", "detail": f"{ALICE} is switched off", "findings": [finding]}
    told = personal.tell(Event("sign_in.refused", Resource("sign_in", "ABCD-EFGH"), context=context))
    nameless = personal.tell(Event("sign_in.refused", Resource("sign_in", "IJKL-MNOP"), context={"code": "x", "detail": "y"}))
    assert "carol" not in json.dumps(personal.stored())
    personal.erase(ALICE)
    shown = personal.shown(told)
    assert shown["context"] == {"reference": "ABCD-EFGH", "code": "user_inactive", "detail": None, "findings": None}
    assert shown["actor"]["ip"] is None
    assert personal.found("ABCD-EFGH") == [told]
    assert personal.shown(nameless)["actor"]["ip"] == "192.0.2.77", "nobody knows whose it is"


def test_nothing_is_sealed_anew_for_whoever_is_erased(personal: Personal) -> None:
    personal.tell(signed_in(ALICE, "alice@acme.example"))
    personal.erase(ALICE)
    late = personal.tell(signed_in(ALICE, "alice@acme.example"))
    assert personal.shown(late)["resource"]["name"] is None
    assert personal.found("alice@acme.example") == []
    assert personal.whole()


def test_records_from_before_are_read_and_verified(personal: Personal) -> None:
    before = Trail(personal.stores.main, personal.stores.audit)
    with personal.stores.main.tenant(TenantScope(personal.scope.tenant, BROWSER)) as unit:
        old = unit[Outbox].record(signed_in(ALICE, "alice@acme.example"))
    before.seal_all()
    new = personal.tell(signed_in(ALICE, "alice@acme.example"))
    assert personal.found("alice@acme.example") == [new, old]
    assert personal.shown(old)["resource"]["name"] == "alice@acme.example"
    assert personal.whole()
