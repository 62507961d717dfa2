"""What may happen once happens once, however many ask for it at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from idbroker.access.admin_roles import AdminRoles, check_grant
from idbroker.access.api_keys import ApiKeys
from idbroker.access.permissions import Permission
from idbroker.admins.admin_roles import AdminRoleService
from idbroker.admins.tenant_admins import TenantAdmins, TenantAdminService
from idbroker.audit.outbox import Outbox
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.errors import Refusal
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


class Meeting:
    """The first caller of a method stops there, until the second one is through or evidently waits for him."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, repository: type, method: str) -> None:
        self._arrived, self._through = threading.Event(), threading.Event()
        original = getattr(repository, method)

        def stopping(*arguments: Any) -> Any:
            if not self._arrived.is_set():
                self._arrived.set()
                self._through.wait(0.3)
            return original(*arguments)

        monkeypatch.setattr(repository, method, stopping)

    def of(self, first: Callable[[], Any], second: Callable[[], Any]) -> list[str]:
        """``done`` or the refusal's code, of each."""

        def once_there() -> str:
            assert self._arrived.wait(20)
            try:
                return told(second)
            finally:
                self._through.set()

        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(told, first), pool.submit(once_there)]
            return [one.result() for one in both]


def told(action: Callable[[], Any]) -> str:
    try:
        action()
    except Refusal as refusal:
        return refusal.code
    return "done"


def test_a_role_is_not_removed_while_it_is_given(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a new admin, to one who had another, to a key: whoever comes first, nobody has a role that is not there."""
    scope, everything = make_tenant(stores, "acme"), frozenset(Permission)
    admins, roles = TenantAdminService(), AdminRoleService()
    with stores.main.tenant(scope) as unit:
        plain = admins.invite(unit, "plain@acme.example", "guest", everything)[0].id
        made = [roles.create(unit, f"role-{number}", "", [Permission.AUDIT_READ], everything).id for number in range(6)]

    def remove(number: int) -> None:
        with stores.main.platform(OPERATOR) as unit:
            roles.remove(unit, scope, made[number], everything)

    def invite(number: int) -> None:
        with stores.main.tenant(scope) as unit:
            admins.invite(unit, f"new{number}@acme.example", f"role-{number}", everything)

    def change(number: int) -> None:
        with stores.main.tenant(scope) as unit:
            admins.change_role(unit, plain, f"role-{number}", everything)

    def make_key(number: int) -> None:
        with stores.main.platform(OPERATOR) as unit:
            with unit.enter(scope) as inside:
                check_grant(inside, f"role-{number}", everything)
            unit[ApiKeys].create("key", scope.tenant, f"role-{number}")

    ways = ((invite, TenantAdmins, "add"), (change, Outbox, "record"), (make_key, ApiKeys, "create"))
    for number, (give, repository, method) in enumerate(ways):
        first, second = number * 2, number * 2 + 1
        with monkeypatch.context() as patch:
            given = Meeting(patch, repository, method).of(partial(give, first), partial(remove, first))
        assert given == ["done", "admin_role_in_use"], give.__name__
        with monkeypatch.context() as patch:
            removed = Meeting(patch, AdminRoles, "delete").of(partial(remove, second), partial(give, second))
        assert removed == ["done", "invalid_input"], give.__name__
    with stores.main.platform(OPERATOR) as platform:
        with platform.enter(scope) as inside:
            there = {row.name for row in inside[AdminRoles].page()}
            has = {row.role for row in inside[TenantAdmins].page()}
        has |= {row.role for row in platform[ApiKeys].page(scope.tenant)}
    assert has <= there | {"guest"}


def test_two_owners_who_remove_each_other_leave_one(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    scope, service, everything = make_tenant(stores, "acme"), TenantAdminService(), frozenset(Permission)
    with stores.main.tenant(scope) as unit:
        ada, bob = (service.invite(unit, f"{name}@acme.example", "owner", everything)[0].id for name in ("ada", "bob"))

    def remove(admin: str) -> None:
        with stores.main.tenant(scope) as unit:
            service.remove(unit, admin, everything)

    results = Meeting(monkeypatch, TenantAdmins, "delete").of(partial(remove, ada), partial(remove, bob))
    assert results == ["done", "last_owner"]
