"""From the outbox to the trail: in order, once, one chain per tenant, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idbroker.audit import search
from idbroker.audit import trail as trail_module
from idbroker.audit.chain import Head, first_fault
from idbroker.audit.events import ACTIONS
from idbroker.audit.outbox import MAX_TEXT, Outbox
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail, TrailHead, TrailHeads
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import Actor, TenantScope
from tests.support.broker import second_process
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR, make_tenant


@pytest.fixture
def trail(stores: Stores) -> Trail:
    return Trail(stores.main, stores.audit)


@pytest.fixture
def acme(stores: Stores, trail: Trail) -> TenantScope:
    scope = make_tenant(stores, "acme")
    trail.seal_all()
    return scope


def record(stores: Stores, scope: TenantScope, *names: str, **event: Any) -> list[str]:
    with stores.main.tenant(scope) as unit:
        return [
            unit[Outbox].record(Event(**{"action": "user.created", "resource": Resource("user", name), **event}))
            for name in names
        ]


def sealed(trail: Trail, scope: TenantScope) -> list[dict[str, Any]]:
    with trail.store.tenant(scope, read_only=True) as unit:
        return list(unit[AuditRecords].walk(batch=7))


def resources(trail: Trail, scope: TenantScope) -> list[str]:
    return [record["resource"]["id"] for record in sealed(trail, scope)][1:]


def assert_whole(trail: Trail, scope: TenantScope) -> None:
    records = sealed(trail, scope)
    assert first_fault(records, trail.head(scope)) is None
    assert len({record["id"] for record in records}) == len(records)


def test_what_was_recorded_is_sealed_in_order(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    for turn in range(5):
        record(stores, acme, *(f"u{turn}{n}" for n in range(5)))
    assert trail.seal(acme.tenant, limit=7) == 7
    assert trail.seal(acme.tenant) == 18
    assert trail.seal(acme.tenant) == 0
    assert resources(trail, acme) == [f"u{turn}{n}" for turn in range(5) for n in range(5)]
    assert_whole(trail, acme)


def test_order_is_that_of_arrival_and_not_of_the_clock(
    stores: Stores, trail: Trail, acme: TenantScope, clock: TestClock
) -> None:
    record(stores, acme, "first")
    clock.advance(hours=-1)
    record(stores, acme, "second")
    trail.seal_all()
    record(stores, acme, "third")
    trail.seal_all()
    assert resources(trail, acme) == ["first", "second", "third"]


def test_a_record_says_all_there_is_to_say(stores: Stores, trail: Trail, acme: TenantScope, clock: TestClock) -> None:
    actor = Actor("user", "usr_1", "Alice", "192.0.2.1", "Firefox")
    scope = TenantScope(acme.tenant, actor)
    with stores.main.tenant(scope) as unit:
        event_id = unit[Outbox].record(
            Event("user.updated", Resource("user", "usr_2", "Bob"), {"email": Change("a", None)}, {"k": [1]}, "saml", "ses_1")
        )
    trail.seal_all()
    told = sealed(trail, acme)[-1]
    assert told == {
        "id": event_id, "sequence": 2, "tenant_id": acme.tenant, "ts": "2026-11-21T09:00:00.000Z",
        "actor": {"type": "user", "id": "usr_1", "name": "Alice", "ip": "192.0.2.1", "user_agent": "Firefox"},
        "action": "user.updated", "resource": {"type": "user", "id": "usr_2", "name": "Bob"},
        "changes": {"email": {"before": "a", "after": None}}, "context": {"k": [1]}, "auth_method": "saml",
        "session_id": "ses_1", "request_id": scope.request, "prev_hash": told["prev_hash"], "hash": told["hash"],
    }  # fmt: skip


def test_what_is_not_in_the_catalogue_cannot_be_recorded(stores: Stores, acme: TenantScope) -> None:
    assert "user.ate_lunch" not in ACTIONS
    with pytest.raises(ValueError, match="catalogue"):
        record(stores, acme, "x", action="user.ate_lunch")


def test_nothing_is_sealed_of_what_was_rolled_back(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    def spoil() -> None:
        with stores.main.tenant(acme) as unit:
            unit[Outbox].record(Event("user.created", Resource("user", "ghost")))
            raise KeyError

    with pytest.raises(KeyError):
        spoil()
    assert trail.seal_all() == 0
    assert resources(trail, acme) == []


def test_a_kill_between_store_and_outbox_repeats_nothing(
    stores: Stores, trail: Trail, acme: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(stores, acme, "a", "b", "c")
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "remove", lambda self, ids: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            trail.seal(acme.tenant)
    assert resources(trail, acme) == ["a", "b", "c"], "the store had them already"
    assert trail.head(acme).sequence == 1, "the head follows with the outbox"
    record(stores, acme, "d")
    assert trail.seal(acme.tenant, limit=2) == 2
    assert trail.seal(acme.tenant) == 2
    assert resources(trail, acme) == ["a", "b", "c", "d"]
    assert_whole(trail, acme)


def test_a_kill_before_the_store_loses_nothing(
    stores: Stores, trail: Trail, acme: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(stores, acme, "a", "b")
    with monkeypatch.context() as patched:
        patched.setattr(trail_module, "head_of", lambda record: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            trail.seal(acme.tenant)
    assert resources(trail, acme) == []
    trail.seal_all()
    assert resources(trail, acme) == ["a", "b"]


def test_several_sealers_make_one_chain(stores: Stores, acme: TenantScope) -> None:
    """Each with an engine of its own, as in processes of their own, while events keep coming."""
    bob = make_tenant(stores, "bob")
    sealers = [Trail(second_process(stores, stores.main), second_process(stores, stores.audit)) for _ in range(3)]

    def work(number: int) -> int:
        if number < 3:
            return sum(sealers[number].seal_all() for _ in range(12))
        for turn in range(15):
            record(stores, acme if turn % 2 else bob, *(f"{number}.{turn}.{n}" for n in range(3)))
        return 0

    results = at_once(5, work)
    assert [r for r in results if isinstance(r, Exception)] == []
    trail = Trail(stores.main, stores.audit)
    trail.seal_all()
    for scope, turns in ((acme, 7), (bob, 8)):
        assert_whole(trail, scope)
        names = resources(trail, scope)
        assert len(names) == 2 * turns * 3
        for number in (3, 4):
            mine = [tuple(map(int, name.split("."))) for name in names if name.startswith(f"{number}.")]
            assert mine == sorted(mine)
    for sealer in sealers:
        sealer._database.close()
        sealer.store.close()


def test_a_tenant_that_cannot_be_sealed_stops_no_other(stores: Stores, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = [make_tenant(stores, f"t{n}") for n in range(3)]
    genuine = AuditRecords.append

    def append(self: AuditRecords, records: Any, personal: Any = None) -> None:
        if self.tenant == scopes[1].tenant:
            raise ValueError("poisoned")
        genuine(self, records)

    monkeypatch.setattr(AuditRecords, "append", append)
    assert trail.seal_all() == 2
    assert [len(sealed(trail, scope)) for scope in scopes] == [1, 0, 1]


def test_many_tenants_are_sealed_at_a_go(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    scopes = [make_tenant(stores, f"t{n}") for n in range(12)]
    with stores.main.platform(OPERATOR) as platform:
        platform.own_trail()[Outbox].record(Event("app.created", Resource("app", "app_1")))
    assert trail.seal_all() == 13
    assert trail.seal_all() == 0
    for scope in scopes:
        assert [r["action"] for r in sealed(trail, scope)] == ["tenant.created"]
        assert_whole(trail, scope)
    assert_whole(trail, TenantScope(PLATFORM_TRAIL, OPERATOR))
    assert [r["action"] for r in sealed(trail, TenantScope(PLATFORM_TRAIL, OPERATOR))] == ["app.created"]


def test_a_trail_that_was_cut_short_does_not_match_its_head(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    record(stores, acme, "a", "b", "c")
    trail.seal_all()
    records = sealed(trail, acme)
    fault = first_fault(records[:-1], trail.head(acme))
    assert fault is not None
    assert (fault.sequence, fault.record_id) == (4, "?")


def test_the_head_never_goes_back(stores: Stores, acme: TenantScope) -> None:
    with stores.main.tenant(acme) as unit:
        unit[TrailHeads].advance(Head(7, "7" * 64))
        unit[TrailHeads].advance(Head(5, "5" * 64))
        assert unit[TrailHeads].get() == Head(7, "7" * 64)


def test_a_slower_sealer_does_not_take_the_head_back(postgres_stores: Stores) -> None:
    """It read the head before the faster one moved it, and writes after."""
    stores = postgres_stores
    scope = make_tenant(stores, "acme")
    with stores.main.tenant(scope) as unit:
        unit[TrailHeads].advance(Head(1, "1" * 64))
    with stores.main.tenant(scope) as slow:
        read = slow.session.get(TrailHead, scope.tenant)
        assert read is not None
        assert read.sequence == 1
        with stores.main.tenant(scope) as fast:
            fast[TrailHeads].advance(Head(9, "9" * 64))
        slow[TrailHeads].advance(Head(5, "5" * 64))
    with stores.main.tenant(scope, read_only=True) as unit:
        assert unit[TrailHeads].get() == Head(9, "9" * 64)


UNSTORABLE = [
    "\x00", "a\x00b", "\ud800", "\udfff\ud800", "x" * (MAX_TEXT * 3), "💥" * MAX_TEXT, "\u202e\u0000",
    "'; DROP TABLE users; --", '"\\', "\n\r\t\x01\x7f", float("nan"), float("inf"), -float("inf"), 2**70, -0.0, 1e300,
    [["\x00"]], {"\x00": "\ud800"}, {1: 2}, ("a", None), {"x" * 9000: 1},
]  # fmt: skip


def test_no_value_keeps_a_record_from_being_sealed(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    for number, value in enumerate(UNSTORABLE):
        text = value if isinstance(value, str) else repr(value)
        scope = TenantScope(acme.tenant, Actor("visitor", ip=text, user_agent=text, name=text))
        record(stores, scope, text, changes={"field": Change(value, value)}, context={"value": value, "list": [value]})
        record(stores, acme, f"after {number}")
        assert trail.seal_all() == 2, value
        *_, told, after = sealed(trail, acme)
        assert after["resource"]["id"] == f"after {number}"
        assert all(len(text) <= MAX_TEXT for text in texts_of(told))
    assert_whole(trail, acme)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts_of(part)]
    return [text for part in value for text in texts_of(part)] if isinstance(value, list) else []


@pytest.fixture
def told(stores: Stores, trail: Trail, acme: TenantScope, clock: TestClock) -> TenantScope:
    """Five records, an hour apart."""
    alice = TenantScope(acme.tenant, Actor("user", "usr_alice", "Alice Ångström"))
    record(stores, acme, "usr_1", context={"reference": "ABCD-2345"})
    clock.advance(hours=1)
    record(stores, alice, "usr_2", context={"detail": "100% off_by_one"})
    clock.advance(hours=1)
    record(stores, alice, "usr_1", action="user.updated")
    clock.advance(hours=1)
    record(stores, acme, "ses_1", action="session.ended", context={"reason": "Straße"})
    trail.seal_all()
    return acme


START = TestClock().now()


QUERIES: list[tuple[TrailQuery, list[int]]] = [
    (TrailQuery(), [5, 4, 3, 2, 1]),
    (TrailQuery(limit=2), [5, 4]),
    (TrailQuery(before=4), [3, 2, 1]),
    (TrailQuery(before=4, limit=2), [3, 2]),
    (TrailQuery(before=1), []),
    (TrailQuery(before=2**62, limit=2), [5, 4]),
    (TrailQuery(before=2**62, text="ABCD-2345"), [2]),
    (TrailQuery(action="user.created"), [3, 2]),
    (TrailQuery(action="user"), []),
    (TrailQuery(actor="usr_alice"), [4, 3]),
    (TrailQuery(resource="usr_1"), [4, 2]),
    (TrailQuery(actor="usr_alice", resource="usr_1"), [4]),
    (TrailQuery(since=START + timedelta(hours=1)), [5, 4, 3]),
    (TrailQuery(until=START + timedelta(hours=1)), [2, 1]),
    (TrailQuery(since=START + timedelta(hours=1), until=START + timedelta(hours=2)), [3]),
    (TrailQuery(text="ABCD-2345"), [2]),
    (TrailQuery(text="abcd-2345"), [2]),
    (TrailQuery(text="user."), [4, 3, 2]),
    (TrailQuery(text="ÅNGSTRÖM"), [4, 3]),
    (TrailQuery(text="STRASSE"), [5]),
    (TrailQuery(text="100%"), [3]),
    (TrailQuery(text="%"), [3]),
    (TrailQuery(text="off_by"), [3]),
    (TrailQuery(text="off.by"), []),
    (TrailQuery(text="'; DROP TABLE audit_records; --"), []),
    (TrailQuery(text="/"), []),
    (TrailQuery(text=""), [5, 4, 3, 2, 1]),
    (TrailQuery(text="x" * 60_000), []),
    (TrailQuery(text="abcd\x00"), []),
    (TrailQuery(action="user.created", text="alice"), [3]),
]


def test_search(trail: Trail, told: TenantScope) -> None:
    for query, sequences in QUERIES:
        assert [record["sequence"] for record in trail.search(told, query)] == sequences, query


@pytest.mark.parametrize("seconds", [0, 60], ids=["in no time", "with time to spare"])
def test_what_one_page_did_not_come_to_the_next_ones_find(
    trail: Trail, told: TenantScope, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(search, "SECONDS", seconds)
    monkeypatch.setattr(search, "FIRST_LOOK", 2)
    monkeypatch.setattr(search, "EXAMINED", 10_000 if seconds else 1)
    pages = []
    for query, wanted in QUERIES:
        found, page = [], trail.page(told, query)
        pages.append(len(page.records) == min(len(wanted), query.limit))
        found += page.records
        while page.before is not None:
            page = trail.page(told, replace(query, before=page.before))
            found += page.records
        assert [one["sequence"] for one in found][: len(wanted)] == wanted, query
    assert all(pages) is bool(seconds), "without time some pages are short"


def test_a_short_trail_is_looked_through_however_slow_it_is(
    trail: Trail, told: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS", 0)
    monkeypatch.setattr(search, "FIRST_LOOK", 1)
    for query, wanted in QUERIES:
        assert [one["sequence"] for one in trail.page(told, query).records] == wanted, query


DEEP: list[dict[str, Any]] = [
    {"user_id": "usr_deep"},
    {"events": [{"type": "x", "about": {"user_id": "usr_deep"}}]},
    {"list": [f"word{number}" for number in range(60)], "then": "usr_deep"},
    {"text": "long " * 100 + "usr_deep"},
    {"text": "nothing of it"},
]


def test_a_word_is_found_wherever_in_a_record_it_stands(stores: Stores, trail: Trail, acme: TenantScope) -> None:
    """The first one is in the index of words, which then leads: it must lead to all others too."""
    browser = TenantScope(acme.tenant, Actor("visitor", user_agent="Netscape/4.7 usr_deep"))
    for number, context in enumerate(DEEP):
        record(stores, acme, f"thing-{number}", context=context)
    record(stores, browser, "thing-5")
    trail.seal_all()
    found = [one["resource"]["id"] for one in trail.search(acme, TrailQuery(text="usr_deep"))]
    assert found == ["thing-5", "thing-3", "thing-2", "thing-1", "thing-0"]


def test_search_sees_one_tenant_alone(stores: Stores, trail: Trail, told: TenantScope) -> None:
    bob = make_tenant(stores, "bob")
    trail.seal_all()
    assert [r["tenant_id"] for r in trail.search(bob, TrailQuery())] == [bob.tenant]
