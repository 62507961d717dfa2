"""Sealing and signing: values open where they belong and nowhere else; keys are made once and retire slowly."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope, TenantKeys
from idbroker.keys.master import CannotOpen, LocalMasterKeys
from idbroker.keys.rotation import KeyRotation
from idbroker.keys.signing import ALGORITHMS, SigningKeyRing
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import MASTER_KEY, OPERATOR, make_tenant

NEWER = b"f" * 32
PLATFORM = TenantScope(PLATFORM_TRAIL, OPERATOR)


def envelope(*keys: bytes) -> Envelope:
    return Envelope(LocalMasterKeys(keys or (MASTER_KEY,)))


def seal(stores: Stores, scope: TenantScope, text: bytes = b"hush", *, by: Envelope | None = None) -> bytes:
    with stores.main.tenant(scope) as unit:
        return (by or envelope()).seal(unit, "purpose", text)


def opened(stores: Stores, scope: TenantScope, sealed: bytes, purpose: str = "purpose", *, by: Envelope | None = None) -> bytes:
    with stores.main.tenant(scope, read_only=True) as unit:
        return (by or envelope()).open(unit, purpose, sealed)


@pytest.mark.parametrize("text", [b"", b"hush", bytes(range(256)) * 200])
def test_a_sealed_value_opens_where_it_was_sealed(stores: Stores, text: bytes) -> None:
    acme = make_tenant(stores, "acme")
    sealed = seal(stores, acme, text)
    assert opened(stores, acme, sealed) == text
    assert seal(stores, acme, text) != sealed
    assert text == b"" or text not in sealed


def test_it_opens_neither_elsewhere_nor_for_another_purpose(stores: Stores) -> None:
    acme, bob = make_tenant(stores, "acme"), make_tenant(stores, "bob")
    sealed, shared = seal(stores, acme), envelope()
    opened(stores, acme, sealed, by=shared)
    for by in (shared, envelope()):
        with pytest.raises(CannotOpen):
            opened(stores, bob, sealed, by=by)
        with pytest.raises(CannotOpen):
            opened(stores, acme, sealed, "other", by=by)


def test_a_tenants_key_moved_to_another_tenant_does_not_open(stores: Stores) -> None:
    acme, bob = make_tenant(stores, "acme"), make_tenant(stores, "bob")
    sealed = seal(stores, acme)
    with stores.main.tenant(acme) as unit:
        key = unit[TenantKeys].newest()
        assert key is not None
    with stores.main.tenant(bob) as unit:
        row = unit[TenantKeys].newest()
        assert row is not None
        row.wrapped = key.wrapped
    with pytest.raises(CannotOpen):
        opened(stores, bob, sealed)


def test_any_changed_byte_is_noticed(sqlite_stores: Stores) -> None:
    acme, by = make_tenant(sqlite_stores, "acme"), envelope()
    sealed = seal(sqlite_stores, acme)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(CannotOpen):
            opened(sqlite_stores, acme, changed, by=by)
    for cut in (b"", sealed[:1], sealed[:5], sealed[:17], sealed[:32], sealed[:-1], b"\x02" + sealed[1:], b"plain text" * 10):
        with pytest.raises(CannotOpen):
            opened(sqlite_stores, acme, cut, by=by)


def test_the_master_key_is_rotated(stores: Stores) -> None:
    old_tenant = make_tenant(stores, "acme")
    sealed = seal(stores, old_tenant)
    assert opened(stores, old_tenant, sealed, by=envelope(NEWER, MASTER_KEY)) == b"hush"
    with pytest.raises(CannotOpen):
        opened(stores, old_tenant, sealed, by=envelope(NEWER))
    with stores.main.tenant(PLATFORM) as unit:
        envelope(NEWER, MASTER_KEY).prepare(unit)
    assert opened(stores, PLATFORM, seal(stores, PLATFORM, by=envelope(NEWER)), by=envelope(NEWER)) == b"hush"
    with pytest.raises(CannotOpen):
        seal(stores, PLATFORM, by=envelope(MASTER_KEY))


def make_a_key_and_fail(stores: Stores, by: Envelope) -> None:
    with stores.main.tenant(PLATFORM) as unit:
        by.prepare(unit)
        by.seal(unit, "purpose", b"lost")
        raise KeyError


def test_a_data_key_that_was_never_kept_seals_nothing_later(stores: Stores) -> None:
    """The transaction that made the key was rolled back; what the process remembers of it must not seal the next value."""
    by = envelope()
    with pytest.raises(KeyError):
        make_a_key_and_fail(stores, by)
    with stores.main.tenant(PLATFORM) as unit:
        by.prepare(unit)
        sealed = by.seal(unit, "purpose", b"kept")
    assert opened(stores, PLATFORM, sealed, by=by) == b"kept"
    assert opened(stores, PLATFORM, sealed, by=envelope()) == b"kept", "another process must be able to open it"


def test_a_remembered_key_that_was_never_kept_opens_nothing_wrongly(stores: Stores) -> None:
    by = envelope()
    with pytest.raises(KeyError):
        make_a_key_and_fail(stores, by)
    with stores.main.tenant(PLATFORM) as unit:
        envelope().prepare(unit)
    sealed = seal(stores, PLATFORM, b"by another process")
    assert opened(stores, PLATFORM, sealed, by=by) == b"by another process"


def test_nothing_planted_lies_open_in_the_files(sqlite_stores: Stores, clock: TestClock) -> None:
    broker = Broker(sqlite_stores, clock)
    acme = broker.tenant("acme")
    planted = "PLANTED-SECRET-VALUE"
    broker.connection(acme, client_secret=planted)
    SigningKeyRing(sqlite_stores.main, broker.envelope, clock).verifiers(acme.tenant)
    broker.trail.seal_all()
    folder = Path(str(sqlite_stores.main.engine.url.database)).parent
    content = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert b"https://idp.example.com" in content, "the files are the right ones"
    assert b"BEGIN PUBLIC KEY" in content
    assert planted.encode() not in content
    assert b"PRIVATE KEY" not in content


def ring(stores: Stores) -> SigningKeyRing:
    return SigningKeyRing(stores.main, envelope(), stores.main.clock)


def test_signing_keys_are_made_once(stores: Stores) -> None:
    """Eight first calls at the same moment, in four processes' worth of rings, for the shared issuer and for a tenant's."""
    acme = make_tenant(stores, "acme")
    rings = [ring(stores) for _ in range(4)]
    for owner in (PLATFORM_TRAIL, acme.tenant):
        made = at_once(8, lambda number, owner=owner: {v.kid for v in rings[number % 4].verifiers(owner)})
        assert all(kids == made[0] for kids in made), made
        assert len(made[0]) == len(ALGORITHMS)
        signers = at_once(8, lambda number, owner=owner: rings[number % 4].signer(owner, "ES256"))
        assert {signer.kid for signer in signers} <= made[0]
        numbers = {signer.key.public_key().public_numbers() for signer in signers}
        assert len(numbers) == 1
    assert {v.kid for v in ring(stores).verifiers(acme.tenant)}.isdisjoint(
        v.kid for v in ring(stores).verifiers(PLATFORM_TRAIL)
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_signer_belongs_to_what_is_published(sqlite_stores: Stores, algorithm: str) -> None:
    keys = ring(sqlite_stores)
    signer = keys.signer(PLATFORM_TRAIL, algorithm)  # type: ignore[arg-type]
    published = {v.kid: v for v in ring(sqlite_stores).verifiers(PLATFORM_TRAIL)}
    assert published[signer.kid].algorithm == signer.algorithm == algorithm
    assert published[signer.kid].key == signer.key.public_key()


def rotation(stores: Stores, keys: SigningKeyRing | None = None, *, days: int = 90) -> KeyRotation:
    return KeyRotation(stores.main, keys or ring(stores), stores.main.clock, max_age=timedelta(days=days))


def kids(keys: SigningKeyRing) -> set[str]:
    return {verifier.kid for verifier in keys.verifiers(PLATFORM_TRAIL)}


def test_the_next_key_is_published_an_hour_before_it_signs(stores: Stores, clock: TestClock) -> None:
    keys = ring(stores)
    old, others = keys.signer(PLATFORM_TRAIL, "ES256").kid, kids(keys)
    announced = rotation(stores, keys).rotate(PLATFORM_TRAIL, "ES256")
    assert announced.at == clock.now() + timedelta(hours=1)
    assert {old, announced.kid} < kids(keys)
    assert keys.signer(PLATFORM_TRAIL, "ES256").kid == old
    assert rotation(stores, keys).rotate(PLATFORM_TRAIL, "ES256") == announced, "once is enough"
    clock.advance(minutes=59)
    assert ring(stores).signer(PLATFORM_TRAIL, "ES256").kid == old
    clock.advance(minutes=1)
    assert keys.signer(PLATFORM_TRAIL, "ES256").kid == announced.kid
    assert others < kids(keys)
    clock.advance(hours=1, minutes=59)
    assert old in kids(keys)
    clock.advance(minutes=1)
    assert old not in kids(keys)
    assert ring(stores).signer(PLATFORM_TRAIL, "ES256").kid == announced.kid


def test_a_next_key_that_was_long_published_signs_at_once(stores: Stores, clock: TestClock) -> None:
    keys = ring(stores)
    keys.signer(PLATFORM_TRAIL, "ES256")
    assert rotation(stores, keys).keep(PLATFORM_TRAIL) == len(ALGORITHMS)
    assert rotation(stores, keys).keep(PLATFORM_TRAIL) == 0
    clock.advance(hours=2)
    seen = kids(keys)
    done = rotation(stores, keys).rotate(PLATFORM_TRAIL, "ES256")
    assert done.at == clock.now()
    assert done.kid in seen
    assert keys.signer(PLATFORM_TRAIL, "ES256").kid == done.kid
    assert len(kids(keys)) == len(seen) + 1, "there is a next one again"


def test_by_schedule(stores: Stores, clock: TestClock) -> None:
    keys = ring(stores)
    first = keys.signer(PLATFORM_TRAIL, "EdDSA").kid
    keeper = rotation(stores, keys)
    keeper.keep(PLATFORM_TRAIL)
    clock.advance(days=89)
    assert keeper.keep(PLATFORM_TRAIL) == 0
    clock.advance(days=1)
    assert keeper.keep(PLATFORM_TRAIL) == len(ALGORITHMS)
    assert keys.signer(PLATFORM_TRAIL, "EdDSA").kid != first
    assert keeper.keep(PLATFORM_TRAIL) == 0
    assert rotation(stores).keep(make_tenant(stores, "unasked").tenant) == 0, "no token was ever asked for"


def test_workers_at_the_same_moment_make_one_next_key(stores: Stores) -> None:
    ring(stores).signer(PLATFORM_TRAIL, "ES256")
    done = at_once(4, lambda _: rotation(stores).keep(PLATFORM_TRAIL))
    assert all(isinstance(count, int) for count in done), done
    assert len(kids(ring(stores))) == 2 * len(ALGORITHMS)


def test_rotating_one_algorithm_leaves_the_rest_and_other_issuers(stores: Stores, clock: TestClock) -> None:
    acme = make_tenant(stores, "acme")
    keys = ring(stores)
    before = {a: keys.signer(acme.tenant, a).kid for a in ALGORITHMS}
    shared = keys.signer(PLATFORM_TRAIL, "RS256").kid
    rotation(stores, keys).rotate(acme.tenant, "RS256")
    clock.advance(hours=1)
    assert [a for a in ALGORITHMS if keys.signer(acme.tenant, a).kid != before[a]] == ["RS256"]
    assert keys.signer(PLATFORM_TRAIL, "RS256").kid == shared


def test_another_process_learns_of_a_rotation(stores: Stores, clock: TestClock) -> None:
    here, there = ring(stores), ring(stores)
    rotation(stores, here).keep(PLATFORM_TRAIL)
    there.signer(PLATFORM_TRAIL, "EdDSA")
    new = rotation(stores, here).rotate(PLATFORM_TRAIL, "EdDSA").kid
    clock.advance(hours=1, seconds=31)
    assert there.signer(PLATFORM_TRAIL, "EdDSA").kid == new


def test_a_rotation_is_in_the_trail(stores: Stores, clock: TestClock) -> None:
    broker = Broker(stores, clock)
    done = rotation(stores).rotate(PLATFORM_TRAIL, "ES256")
    told = broker.events(action="signing_key.rotated")
    assert [(e["resource"]["id"], e["context"]) for e in told] == [(done.kid, {"algorithm": "ES256"})]


def test_only_a_retired_key_can_be_withdrawn(stores: Stores, clock: TestClock) -> None:
    keys = ring(stores)
    old = keys.signer(PLATFORM_TRAIL, "ES256").kid
    keeper = rotation(stores, keys)
    assert not keeper.withdraw(PLATFORM_TRAIL, old)
    keeper.rotate(PLATFORM_TRAIL, "ES256")
    assert not keeper.withdraw(PLATFORM_TRAIL, old)
    clock.advance(hours=1)
    assert keeper.withdraw(PLATFORM_TRAIL, old)
    assert old not in kids(keys)
    states = {state.state for state in keeper.states(PLATFORM_TRAIL)}
    assert states == {"active", "next"}
