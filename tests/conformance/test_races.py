"""What may happen once happens once, however many ask for it at the same moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idbroker.access.permissions import Permission
from idbroker.admins.tenant_admins import TenantAdmins, TenantAdminService
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.secrets import digest
from idbroker.login.attempt import Attempt, Attempts
from idbroker.login.replay import SeenReplies
from idbroker.sessions.model import AuthorizationCode, AuthorizationCodes
from idbroker.storage.statements.codes import take_code
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR, make_tenant

CALLERS = 16


def test_a_reply_is_admitted_once(stores: Stores, clock: TestClock) -> None:
    scope = make_tenant(stores, "acme")

    def claim(number: int) -> str:
        with stores.main.tenant(scope) as unit:
            unit[SeenReplies].claim("con_1", "reply-1", clock.now() + timedelta(minutes=5))
        return "admitted"

    results = at_once(CALLERS, claim)
    assert results.count("admitted") == 1
    assert {r.code for r in results if r != "admitted"} == {"reply_replayed"}


def test_replies_are_told_apart_by_connection_and_forgotten_in_time(stores: Stores, clock: TestClock) -> None:
    scope, until = make_tenant(stores, "acme"), clock.now() + timedelta(minutes=5)
    with stores.main.tenant(scope) as unit:
        unit[SeenReplies].claim("con_1", "reply-1", until)
        unit[SeenReplies].claim("con_2", "reply-1", until)
        unit[SeenReplies].claim("con_1", "reply-2", until + timedelta(hours=1))
    with pytest.raises(ReplyRefused), stores.main.tenant(scope) as unit:
        unit[SeenReplies].claim("con_1", "reply-1", until)
    clock.advance(minutes=6)
    with stores.main.tenant(scope) as unit:
        assert unit[SeenReplies].purge() == 2
        unit[SeenReplies].claim("con_1", "reply-1", until)
    with pytest.raises(ReplyRefused), stores.main.tenant(scope) as unit:
        unit[SeenReplies].claim("con_1", "reply-2", until)


def code(stores: Stores, clock: TestClock) -> tuple[Any, str]:
    scope = make_tenant(stores, "acme")
    row = AuthorizationCode(
        tenant_id=scope.tenant, digest=digest("code"), session_id="ses_1", client_id="app_1", grant={},
        expires_at=clock.now() + timedelta(seconds=60),
    )  # fmt: skip
    with stores.main.tenant(scope) as unit:
        unit[AuthorizationCodes].add(row)
    return scope, row.digest


def test_a_code_is_consumed_once(stores: Stores, clock: TestClock) -> None:
    scope, stored = code(stores, clock)

    def consume(number: int) -> bool:
        with stores.main.tenant(scope) as unit:
            return take_code(unit, stored, "tok_1")

    results = at_once(CALLERS, consume)
    assert sorted(map(str, results)) == ["False"] * (CALLERS - 1) + ["True"]


@pytest.mark.parametrize("when", ["in time", "expired", "revoked", "of nobody"])
def test_codes(stores: Stores, clock: TestClock, when: str) -> None:
    scope, stored = code(stores, clock)
    clock.advance(seconds=60 if when == "expired" else 59)
    with stores.main.tenant(scope) as unit:
        if when == "revoked":
            unit[AuthorizationCodes].revoke_of_session("ses_1")
        wanted = digest("other") if when == "of nobody" else stored
        assert take_code(unit, wanted, "tok_1") is (when == "in time")


def attempt(stores: Stores, clock: TestClock, state: str) -> None:
    row = Attempt(
        handle_digest=digest("handle"), browser_digest=digest("browser"), state=state, origin={}, resume_path="/r",
        connection_id="con_1", tenant_id="tnt_1", created_at=clock.now(), expires_at=clock.now() + timedelta(minutes=15),
    )  # fmt: skip
    with stores.main.platform(OPERATOR) as unit:
        unit[Attempts].add(row)


def test_an_attempt_is_finished_once_and_spent_once(stores: Stores, clock: TestClock) -> None:
    attempt(stores, clock, "sent")

    def finish(number: int) -> bool:
        with stores.main.platform(OPERATOR) as unit:
            return unit[Attempts].finish("handle", "con_1", f"ses_{number}")

    def spend(number: int) -> bool:
        with stores.main.platform(OPERATOR) as unit:
            return unit[Attempts].spend("handle")

    finished = at_once(CALLERS, finish)
    assert sorted(map(str, finished)) == ["False"] * (CALLERS - 1) + ["True"]
    with stores.main.platform(OPERATOR) as unit:
        row = unit[Attempts].get("handle")
        assert row is not None
        assert (row.state, row.session_id) == ("done", f"ses_{finished.index(True)}")
    assert sorted(map(str, at_once(CALLERS, spend))) == ["False"] * (CALLERS - 1) + ["True"]


@pytest.mark.parametrize(
    ("state", "connection", "finishes", "spends"),
    [
        ("open", "con_1", False, False),
        ("sent", "con_1", True, True),
        ("sent", "con_2", False, False),
        ("done", "con_1", False, True),
        ("spent", "con_1", False, False),
    ],
)
def test_states_of_an_attempt(
    stores: Stores, clock: TestClock, state: str, connection: str, finishes: bool, spends: bool
) -> None:
    attempt(stores, clock, state)
    with stores.main.platform(OPERATOR) as unit:
        assert unit[Attempts].finish("handle", connection, "ses_1") is finishes
        assert unit[Attempts].spend("handle") is spends
        assert not unit[Attempts].spend("handle")


def test_an_attempt_expires_and_is_forgotten_later(stores: Stores, clock: TestClock) -> None:
    attempt(stores, clock, "sent")
    clock.advance(minutes=15)
    with stores.main.platform(OPERATOR) as unit:
        assert unit[Attempts].get("handle") is None
        assert unit[Attempts].purge(timedelta(hours=1)) == 0
    clock.advance(hours=1, seconds=1)
    with stores.main.platform(OPERATOR) as unit:
        assert unit[Attempts].purge(timedelta(hours=1)) == 1


def test_the_last_owner_stays_however_many_go_at_one_moment(stores: Stores, clock: TestClock) -> None:
    """Half of them are removed, half are given another role, each by a request of its own."""
    scope, service, everything = make_tenant(stores, "acme"), TenantAdminService(), frozenset(Permission)
    with stores.main.tenant(scope) as unit:
        owners = [service.invite(unit, f"owner{number}@acme.example", "owner", everything)[0].id for number in range(8)]

    def go(number: int) -> str:
        with stores.main.tenant(scope) as unit:
            if number % 2:
                service.remove(unit, owners[number], everything)
            else:
                service.change_role(unit, owners[number], "admin", everything)
        return "gone"

    results = at_once(len(owners), go)
    assert results.count("gone") == len(owners) - 1
    assert [one.code for one in results if one != "gone"] == ["last_owner"]
    with stores.main.tenant(scope, read_only=True) as unit:
        assert [row.role for row in unit[TenantAdmins].page()].count("owner") == 1
