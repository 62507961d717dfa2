"""Signed heads: when they are made, that two makers make one, what a cut leaves, what the engines let a server do."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from idbroker.audit.chain import first_fault
from idbroker.audit.heads import AuditHeads
from idbroker.audit.merkle import Tree
from idbroker.audit.notary import Notary, TrailBroken
from idbroker.audit.records import AuditRecord, AuditRecords, AuditTerm
from idbroker.audit.retention import Retention
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from tests.audit.conftest import Sealed, sealed
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.properties import repeatable
from tests.support.races import at_once
from tests.support.world import make_tenant, trail_keys

HASHES = [hashlib.sha256(bytes([n])).hexdigest() for n in range(70)]


def rfc6962(leaves: list[str]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + bytes.fromhex(leaves[0])).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


@repeatable
@given(st.integers(0, 70), st.integers(0, 70))
def test_the_tree_is_that_of_the_specification_however_it_grew(first: int, size: int) -> None:
    first, size = min(first, size), max(first, size)
    grown = Tree().grown(HASHES[:first]).grown(HASHES[first:size])
    assert grown.root == rfc6962(HASHES[:size]).hex()
    assert grown.size == size


def heads(world: Sealed) -> list[dict[str, object]]:
    with world.stores.audit.tenant(world.scope, read_only=True) as unit:
        return [json.loads(document) for _, document in unit[AuditHeads].following(0, 100)]


def test_a_head_is_due_after_so_many_records_or_so_long(world: Sealed) -> None:
    assert world.notary.sign_due() == 0
    world.record(8)
    assert world.notary.sign_due() == 0, "nine records"
    world.record(1)
    assert world.notary.sign_due() == 1
    world.record(1)
    assert world.notary.sign_due() == 0
    world.clock.advance(minutes=5)
    assert world.notary.sign_due() == 1
    assert world.notary.sign_due() == 0
    assert [(head["number"], head["size"]) for head in heads(world)] == [(1, 10), (2, 11)]
    assert str(world.verdict()) == "ok 11 records"


def test_what_a_killed_process_had_noticed_is_made_good_by_a_sweep(world: Sealed) -> None:
    world.record(30)
    successor = Notary(world.stores.main, Trail(world.stores.main, world.stores.audit), world.keys)
    assert successor.sign_due() == 0
    assert successor.sign_each([world.scope.tenant]) == 1
    assert successor.sign_each([world.scope.tenant]) == 0


def test_a_kill_between_the_store_and_the_note_is_no_break(world: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record(3)
    with monkeypatch.context() as patched:
        patched.setattr("idbroker.audit.heads.SignedHeads.advance", lambda *a: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            world.notary.sign(world.scope.tenant)
    assert not world.notary.sign(world.scope.tenant), "the head is there"
    world.record(3)
    assert world.notary.sign(world.scope.tenant)
    assert str(world.verdict()) == "ok 7 records"


def test_several_workers_sign_one_line_of_heads(world: Sealed) -> None:
    def work(number: int) -> None:
        notary = Notary(world.stores.main, Trail(world.stores.main, world.stores.audit), world.keys)
        for _ in range(5):
            notary.sign_each([world.scope.tenant])

    for _ in range(3):
        world.record(4)
        assert [result for result in at_once(4, work) if isinstance(result, Exception)] == []
    assert [head["number"] for head in heads(world)] == [1, 2, 3]
    assert world.verdict().good


def test_a_new_key_is_endorsed_and_the_old_private_part_is_gone(world: Sealed) -> None:
    world.record(2)
    world.notary.sign(world.scope.tenant)
    first = world.keys.current().kid
    assert world.keys.keep() == 0
    world.clock.advance(days=366)
    assert world.keys.keep() == 1
    second = world.keys.current().kid
    assert [key["kid"] for key in world.keys.published()] == [first, second]
    world.record(2)
    world.notary.sign(world.scope.tenant)
    assert [head["kid"] for head in heads(world)] == [first, second]
    assert world.verdict(key=first).good
    with world.stores.main.engine.connect() as connection:
        sql = "SELECT kid FROM trail_keys WHERE private_sealed IS NULL"
        if world.stores.engine == "sqlite":
            assert list(connection.execute(text(sql)).scalars()) == [first]


def test_one_key_for_all_tenants_made_once(stores: Stores) -> None:
    rings = [trail_keys(stores) for _ in range(4)]
    kids = at_once(4, lambda number: rings[number].current().kid)
    assert len(set(kids)) == 1, kids


LONG_AGO = datetime(2020, 1, 1, 9, tzinfo=UTC)
"""Older than what PostgreSQL removes by its own clock."""


@pytest.fixture
def clock() -> TestClock:
    return TestClock(LONG_AGO)


@pytest.fixture
def old(world: Sealed) -> Sealed:
    """Fifty records, ten a day, and heads over them."""
    for _ in range(5):
        world.record(10)
        world.notary.sign(world.scope.tenant)
        world.clock.advance(days=1)
    return world


def test_what_is_old_enough_goes_and_the_rest_can_still_be_checked(old: Sealed) -> None:
    retention = Retention(old.trail, old.notary)
    assert retention.apply(old.scope.tenant, "enterprise", None) == 0
    assert retention.apply(old.scope.tenant, "free", 30) == 0
    old.clock.advance(days=28)
    assert retention.apply(old.scope.tenant, "free", 30) == 31, "the tenant's first and three days"
    assert retention.apply(old.scope.tenant, "free", 30) == 0
    cut = next(head for head in heads(old) if head["kind"] == "cut")
    assert (cut["size"], cut["why"]) == (31, {"tier": "free", "days": 30})
    assert str(old.verdict()) == "ok 20 records"
    old.trail.seal_all()
    assert [r["action"] for r in old.trail.search(old.scope, TrailQuery(action="audit_trail.shortened"))] == [
        "audit_trail.shortened"
    ]
    old.record(3)
    old.notary.sign(old.scope.tenant)
    assert str(old.verdict()) == "ok 24 records"
    old.clock.advance(days=400)
    assert retention.apply(old.scope.tenant, "free", 30) == 23, "never the last: the chain goes on from it"
    old.record(1)
    assert str(old.verdict()) == "ok 3 records"
    assert [head["kind"] for head in heads(old)].count("cut") == 2


FORGED_REMAINS = [
    ("the first of the rest", lambda r: r[1:], "record 32 (aud_"),
    ("a record of the rest", lambda r: [*r[:3], *r[4:]], "record 35 (aud_"),
    ("all of it", lambda r: [], "record 32 (?): the trail ends at 31"),
]


@pytest.mark.parametrize(("forge", "told"), [case[1:] for case in FORGED_REMAINS], ids=[case[0] for case in FORGED_REMAINS])
def test_what_a_cut_does_not_stand_for_is_missed(old: Sealed, forge, told: str) -> None:
    old.clock.advance(days=28)
    Retention(old.trail, old.notary).apply(old.scope.tenant, "free", 30)
    members = old.pack()
    forged = b"".join(line + b"\n" for line in forge(members["records.jsonl"].splitlines()))
    assert str(old.verdict({**members, "records.jsonl": forged})).startswith(told)


def test_nothing_is_cut_that_no_head_was_signed_over(world: Sealed) -> None:
    world.record(5)
    with pytest.raises(TrailBroken, match="no head is over record 4"):
        world.notary.cut(world.scope.tenant, 4, {})


def test_nothing_is_cut_that_is_not_what_was_signed(quick: Sealed) -> None:
    quick.record(5)
    quick.notary.sign(quick.scope.tenant)
    with quick.stores.audit.engine.begin() as connection:
        connection.execute(text("UPDATE audit_records SET document = replace(document, 'Person', 'Persan') WHERE sequence = 3"))
    with pytest.raises(TrailBroken, match="record 3"):
        quick.notary.cut(quick.scope.tenant, 4, {})


def test_the_words_of_what_was_cut_go_era_by_era(old: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An era is 65,536 records: a trail that begins just before the end of one shows it."""
    old.clock.advance(days=28)
    Retention(old.trail, old.notary).apply(old.scope.tenant, "free", 30)
    with old.stores.audit.tenant(old.scope, read_only=True) as unit:
        assert unit.session.execute(select(AuditTerm.sequence).where(AuditTerm.sequence == 1)).first() is not None
    old.notary.sign(old.scope.tenant)
    with old.stores.audit.tenant(old.scope) as unit:
        document = json.loads(unit.session.execute(select(AuditRecord.document).limit(1)).scalar_one())
        unit[AuditRecords].append([({**document, "sequence": 70_000, "id": "aud_x"}, "{}", old.clock.now())])
    removed = old.trail.page(old.scope, TrailQuery(text="usr_1", before=60))
    assert removed.records, "the era still holds records that are kept"


def test_on_postgresql_the_server_may_neither_change_nor_remove_and_the_cut_is_held_to_its_bounds(
    postgres_stores: Stores, clock: TestClock, tmp_path
) -> None:
    world = sealed(postgres_stores, clock, tmp_path)
    world.record(5)
    for statement in (
        "UPDATE audit_records SET document = '{}'",
        "DELETE FROM audit_records",
        "DELETE FROM audit_terms",
        "UPDATE audit_heads SET document = '{}'",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_records",
    ):
        with world.stores.audit.engine.connect() as connection:
            connection.execute(text(f"SELECT set_config('idbroker.tenant', '{world.scope.tenant}', true)"))
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                connection.execute(text(statement))

    def apply(tenant: str) -> int:
        with world.stores.audit.engine.begin() as connection:
            connection.execute(text(f"SELECT set_config('idbroker.tenant', '{tenant}', true)"))
            return connection.execute(text("SELECT audit_apply_cut()")).scalar_one()

    assert apply(world.scope.tenant) == 0, "there is no cut"
    assert apply("") == 0
    world.notary.sign(world.scope.tenant)
    world.notary.cut(world.scope.tenant, 4, {})
    bob = make_tenant(postgres_stores, "bob")
    assert apply(bob.tenant) == 0
    assert apply(world.scope.tenant) == 4


def test_on_postgresql_what_is_young_stays_whatever_the_server_says(
    postgres_stores: Stores, clock: TestClock, tmp_path
) -> None:
    clock.advance(seconds=(datetime.now(UTC) - timedelta(days=29) - clock.now()).total_seconds())
    world = sealed(postgres_stores, clock, tmp_path)
    world.record(5)
    world.notary.sign(world.scope.tenant)
    world.notary.cut(world.scope.tenant, 4, {})
    with world.stores.audit.tenant(world.scope) as unit:
        assert unit.dialect.apply_cut(unit.transaction.connection, world.scope.tenant) == 0
        assert first_fault(unit[AuditRecords].walk()) is None
        assert len(unit.session.execute(select(AuditRecord.sequence)).all()) == 6
