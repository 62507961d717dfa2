"""Admission at sign-in: who is let in, as whom, and what becomes of attributes and groups."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idbroker.directory.model import Groups, User, Users
from idbroker.federation.contract import ExternalIdentity
from idbroker.federation.profile import MAX_GROUP_NAME, Profile
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import TenantScope
from idbroker.kernel.secrets import digest
from idbroker.login.attempt import Attempt, Attempts
from idbroker.login.steps import Visitor
from idbroker.provisioning.admit import AdmissionRefused, admit
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR

ALICE = Profile(email="Alice@ACME.com", given_name="Alice", family_name="Doe")


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


@pytest.fixture
def acme(broker: Broker) -> TenantScope:
    return broker.tenant("acme", "acme.com")


def identity(broker: Broker, profile: Profile = ALICE, subject: str = "alice") -> ExternalIdentity:
    return ExternalIdentity(subject, profile, {}, new_id("rpl"), broker.clock.now() + timedelta(minutes=5))


def enter(broker: Broker, scope: TenantScope, connection: str, profile: Profile = ALICE, subject: str = "alice") -> User:
    config = broker.config(scope, connection)
    with broker.database.tenant(scope) as unit:
        return admit(unit, config, identity(broker, profile, subject)).user


def groups(broker: Broker, scope: TenantScope, user: User) -> list[str]:
    with broker.database.tenant(scope, read_only=True) as unit:
        return [group.display_name for group in unit[Groups].of_user(user.id)]


def people(broker: Broker, scope: TenantScope) -> list[User]:
    with broker.database.tenant(scope, read_only=True) as unit:
        return list(unit[Users].page())


def test_a_first_sign_in_makes_the_person(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)
    user = enter(broker, acme, connection)
    assert (user.email, user.email_verified, user.user_name, user.source) == ("alice@acme.com", True, "alice@acme.com", "jit")
    assert (user.display_name, user.active, user.last_sign_in_at) == ("Alice Doe", True, broker.clock.now())
    told = broker.events(acme.tenant, "user.created")
    assert [(e["resource"]["id"], e["context"]) for e in told] == [(user.id, {"source": "jit", "connection_id": connection})]


def test_the_next_one_finds_the_person_and_brings_him_up_to_date(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)
    first = enter(broker, acme, connection, replace(ALICE, department="R&D"))
    broker.clock.advance(days=1)
    second = enter(broker, acme, connection, Profile(email="alice.smith@acme.com", family_name="Smith"))
    assert second.id == first.id
    assert (second.email, second.given_name, second.family_name) == ("alice.smith@acme.com", "Alice", "Smith")
    assert second.department == "R&D", "what did not come stays"
    assert second.last_sign_in_at == broker.clock.now()
    changes = broker.events(acme.tenant, "user.updated")[0]["changes"]
    assert changes["email"] == {"before": "alice@acme.com", "after": "alice.smith@acme.com"}
    enter(broker, acme, connection, Profile(email="alice.smith@acme.com", family_name="Smith"))
    assert len(broker.events(acme.tenant, "user.updated")) == 1, "nothing changed, nothing is told"


@pytest.mark.parametrize(
    ("jit", "known", "outcome"),
    [
        ("create", False, "created"), ("create", True, "updated"), ("update", False, "user_unknown"),
        ("update", True, "updated"), ("off", False, "user_unknown"), ("off", True, "untouched"),
    ],
)  # fmt: skip
def test_jit(broker: Broker, acme: TenantScope, jit: str, known: bool, outcome: str) -> None:
    connection = broker.connection(acme)
    if known:
        enter(broker, acme, connection)
    config = broker.config(acme, connection)
    config = replace(config, options=config.options.model_copy(update={"jit": jit}))
    changed = Profile(email="alice@acme.com", given_name="Alicia", groups=("Staff",))
    if outcome == "user_unknown":
        with pytest.raises(AdmissionRefused) as refused, broker.database.tenant(acme) as unit:
            admit(unit, config, identity(broker, changed))
        assert (refused.value.code, refused.value.status) == ("user_unknown", 403)
        assert people(broker, acme) == []
        return
    with broker.database.tenant(acme) as unit:
        admitted = admit(unit, config, identity(broker, changed))
    assert admitted.created is (outcome == "created")
    assert admitted.user.given_name == ("Alice" if outcome == "untouched" else "Alicia")
    assert groups(broker, acme, admitted.user) == ([] if outcome == "untouched" else ["Staff"])


@pytest.mark.parametrize(
    ("email", "policy", "verified", "outcome"),
    [
        ("alice@acme.com", "verified", None, "alice@acme.com"),
        ("ALICE@ACME.COM", "verified", True, "alice@acme.com"),
        ("alice@sub.acme.com", "verified", None, "email_domain_not_verified"),
        ("alice@wide.com", "verified", None, "alice@wide.com"),
        ("alice@sub.wide.com", "verified", None, "alice@sub.wide.com"),
        ("alice@pending.com", "verified", None, "email_domain_not_verified"),
        ("alice@bob.com", "verified", True, "email_domain_not_verified"),
        ("alice@gmail.com", "verified", True, "email_domain_not_verified"),
        ("alice@gmail.com", "any", None, "alice@gmail.com"),
        ("alice@bob.com", "any", True, "alice@bob.com"),
        ("alice@acme.com", "verified", False, "email_not_verified"),
        ("alice@acme.com", "any", False, "email_not_verified"),
        ("not an address", "any", None, "email_malformed"),
        ("alice@", "verified", None, "email_malformed"),
        ("alice@acme.com\x00", "any", None, "email_malformed"),
        ("älice@acme.com", "any", None, "email_malformed"),
        ("", "verified", None, "email_malformed"),
        (None, "verified", None, None),
        (None, "any", False, None),
    ],
)
def test_addresses(
    sqlite_stores: Stores, clock: TestClock, email: str | None, policy: str, verified: bool | None, outcome: str | None
) -> None:
    broker = Broker(sqlite_stores, clock)
    acme = broker.tenant("acme", "acme.com")
    broker.domain(acme, "wide.com", subdomains=True)
    broker.tenant("bob", "bob.com")
    with broker.database.tenant(acme) as unit:
        broker.domains.add(unit, "pending.com")
    connection = broker.connection(acme, options={"email_domain_policy": policy})
    profile = Profile(email=email, email_verified=verified, given_name="Alice")
    if outcome is None or "@" in outcome:
        user = enter(broker, acme, connection, profile)
        assert user.email == outcome
        assert user.user_name == (outcome or "alice")
        assert user.email_verified is (outcome is not None)
        return
    with pytest.raises(AdmissionRefused) as refused:
        enter(broker, acme, connection, profile)
    assert refused.value.code == outcome
    assert not email or email not in refused.value.public
    assert people(broker, acme) == []


def test_who_was_switched_off_stays_out_and_unchanged(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)
    user = enter(broker, acme, connection)
    with broker.database.tenant(acme) as unit:
        row = unit[Users].get(user.id)
        assert row is not None
        row.active = False
    with pytest.raises(AdmissionRefused) as refused:
        enter(broker, acme, connection, replace(ALICE, given_name="Mallory", groups=("Admins",)))
    assert refused.value.code == "user_inactive"
    assert people(broker, acme)[0].given_name == "Alice"
    assert groups(broker, acme, user) == []


def test_the_same_address_at_another_subject_is_another_person(broker: Broker, acme: TenantScope) -> None:
    connection, other = broker.connection(acme), broker.connection(acme)
    made = [
        enter(broker, acme, connection, subject="alice"),
        enter(broker, acme, connection, subject="alice-2"),
        enter(broker, acme, connection, subject="ALICE"),
        enter(broker, acme, other, subject="alice"),
    ]
    assert len({user.id for user in made}) == 4
    assert {user.email for user in made} == {"alice@acme.com"}


def test_the_same_subject_in_another_tenant_is_another_person(broker: Broker, acme: TenantScope) -> None:
    bob = broker.tenant("bob", "bob.com")
    here = enter(broker, acme, broker.connection(acme))
    there = enter(broker, bob, broker.connection(bob), replace(ALICE, email="alice@bob.com"))
    assert here.id != there.id
    assert [user.id for user in people(broker, bob)] == [there.id]


def test_groups_follow_what_the_idp_says(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)

    def after(*names: str) -> list[str]:
        return groups(broker, acme, enter(broker, acme, connection, replace(ALICE, groups=names)))

    assert after("Staff", "Admins") == ["Admins", "Staff"]
    assert after("Staff", "Sales") == ["Sales", "Staff"]
    assert groups(broker, acme, enter(broker, acme, connection)) == ["Sales", "Staff"], "nothing said, nothing changed"
    assert after() == []
    assert after("staff") == ["staff"]
    told = [e for e in reversed(broker.events(acme.tenant)) if e["action"].startswith("group.")]
    assert [(e["action"].removeprefix("group."), e["resource"]["name"]) for e in told] == [
        ("created", "Admins"), ("member_added", "Admins"), ("created", "Staff"), ("member_added", "Staff"),
        ("member_removed", "Admins"), ("created", "Sales"), ("member_added", "Sales"),
        ("member_removed", "Sales"), ("member_removed", "Staff"),
        ("created", "staff"), ("member_added", "staff"),
    ]  # fmt: skip


def test_groups_of_two_connections_do_not_mix(broker: Broker, acme: TenantScope) -> None:
    one, other = broker.connection(acme), broker.connection(acme)
    first = enter(broker, acme, one, replace(ALICE, groups=("Admins",)))
    second = enter(broker, acme, other, replace(ALICE, groups=("Admins",)))
    enter(broker, acme, other, replace(ALICE, groups=()))
    assert groups(broker, acme, first) == ["Admins"]
    assert groups(broker, acme, second) == []


def test_long_group_names_fit_every_engine(broker: Broker, acme: TenantScope) -> None:
    """An index entry of PostgreSQL holds 2,704 bytes; these do not compress."""
    chance = random.Random(1)
    names = tuple("".join(chr(chance.randrange(0x1F300, 0x1FAFF)) for _ in range(MAX_GROUP_NAME)) for _ in range(3))
    user = enter(broker, acme, broker.connection(acme), replace(ALICE, groups=names))
    assert sorted(groups(broker, acme, user)) == sorted(names)


def attempt(broker: Broker, handle: str, connection: str) -> Attempt:
    now = broker.clock.now()
    row = Attempt(
        handle_digest=digest(handle), browser_digest="b", state="sent", origin={}, resume_path="/r", connection_id=connection,
        created_at=now, sent_at=now, expires_at=now + timedelta(minutes=15),
    )  # fmt: skip
    with broker.database.platform(OPERATOR) as unit:
        unit[Attempts].add(row)
    return row


def finish_all(broker: Broker, scope: TenantScope, connection: str, who: list[tuple[str, Profile]]) -> list[Any]:
    config = broker.config(scope, connection)
    attempts = [attempt(broker, f"handle-{n}", connection) for n in range(len(who))]
    identities = [identity(broker, profile, subject) for subject, profile in who]
    return at_once(
        len(who),
        lambda n: broker.finisher.finish(config, attempts[n], f"handle-{n}", identities[n], Visitor("secret")),
    )


def test_eight_first_sign_ins_with_the_same_new_group_all_succeed(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)
    who = [(f"user-{n}", replace(ALICE, email=f"u{n}@acme.com", groups=("New group",))) for n in range(8)]
    results = finish_all(broker, acme, connection, who)
    assert [r for r in results if not isinstance(r, str)] == []
    users = people(broker, acme)
    assert sorted(user.email or "" for user in users) == [f"u{n}@acme.com" for n in range(8)]
    assert all(groups(broker, acme, user) == ["New group"] for user in users)
    assert len(broker.events(acme.tenant, "group.created")) == 1
    assert len(broker.events(acme.tenant, "user.created")) == 8
    assert len(broker.events(acme.tenant, "sign_in.succeeded")) == 8


def test_first_sign_ins_with_many_new_groups_in_any_order_all_succeed(broker: Broker, acme: TenantScope) -> None:
    """Overlapping, in different orders, some together and some alone: no deadlock, and enough tries."""
    connection = broker.connection(acme)
    names = [f"g{n}" for n in range(6)]
    orders = [names, names[::-1], names[3:] + names[:3], [names[5]], [names[0]], [names[2], names[1]], [names[4]], names[1:5]]
    who = [(f"user-{n}", replace(ALICE, email=f"u{n}@acme.com", groups=tuple(order))) for n, order in enumerate(orders)]
    results = finish_all(broker, acme, connection, who)
    assert [r for r in results if not isinstance(r, str)] == []
    by_email = {user.email: user for user in people(broker, acme)}
    for n, order in enumerate(orders):
        assert groups(broker, acme, by_email[f"u{n}@acme.com"]) == sorted(order)


def test_one_person_in_eight_windows_is_one_person(broker: Broker, acme: TenantScope) -> None:
    connection = broker.connection(acme)
    results = finish_all(broker, acme, connection, [("alice", replace(ALICE, groups=("Staff",)))] * 8)
    assert [r for r in results if not isinstance(r, str)] == []
    assert len(people(broker, acme)) == 1
    assert len(broker.events(acme.tenant, "user.created")) == 1
    assert len(broker.events(acme.tenant, "session.started")) == 8
