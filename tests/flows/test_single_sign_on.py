"""A session that the browser already has: for whom it serves, and when it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idbroker.directory.model import Users
from idbroker.kernel.ids import SessionId, TenantId, new_id
from idbroker.kernel.secrets import new_secret
from idbroker.login.reuse import Found, Wish
from idbroker.sessions.handles import Handle
from idbroker.sessions.model import Sessions
from tests.support.scripted_idp import ALICE
from tests.support.sign_in import BROWSER, SignIns, cookie_of


def find(acme: SignIns, *handles: Handle, **wish: Any) -> object:
    return acme.broker.finder.find(handles, Wish(**wish), BROWSER)


def user_of(acme: SignIns) -> str:
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        return unit[Users].page()[0].id


WISHES: dict[str, tuple[Callable[[SignIns], dict[str, Any]], bool]] = {
    "nothing": (lambda acme: {}, True),
    "its tenant by slug": (lambda acme: {"tenant": "acme"}, True),
    "its tenant by id": (lambda acme: {"tenant": acme.scope.tenant}, True),
    "another tenant": (lambda acme: {"tenant": "bob"}, False),
    "its connection": (lambda acme: {"connection": acme.connection}, True),
    "another connection": (lambda acme: {"connection": new_id("con")}, False),
    "its address": (lambda acme: {"email": " ALICE@acme.com"}, True),
    "another address": (lambda acme: {"email": "bob@acme.com"}, False),
    "half an address": (lambda acme: {"email": "alice"}, False),
    "no address": (lambda acme: {"email": ""}, True),
    "its person": (lambda acme: {"subject": user_of(acme)}, True),
    "another person": (lambda acme: {"subject": new_id("usr")}, False),
    "an app for all": (lambda acme: {"app_tenants": None}, True),
    "an app for it": (lambda acme: {"app_tenants": (acme.scope.tenant,)}, True),
    "an app for others": (lambda acme: {"app_tenants": ("tnt_x",)}, False),
    "an app for nobody": (lambda acme: {"app_tenants": ()}, False),
    "an hour's freshness": (lambda acme: {"max_age": 3601}, True),
    "fresher than it is": (lambda acme: {"max_age": 3600}, False),
    "freshness now": (lambda acme: {"max_age": 0}, False),
}


def test_wishes(acme: SignIns) -> None:
    cookie = acme.signed_in()
    acme.broker.clock.advance(hours=1)
    session = Found(acme.scope.tenant, SessionId(cookie.secret.partition(".")[0]))
    for wish, (make, served) in WISHES.items():
        assert find(acme, cookie, **make(acme)) == (session if served else None), wish


def end(acme: SignIns, cookie: Handle) -> None:
    with acme.broker.database.tenant(acme.scope) as unit:
        row = acme.broker.sessions.find(unit, cookie)
        assert row is not None
        acme.broker.sessions.end(unit, row, "test")


def switch_off(acme: SignIns, cookie: Handle) -> None:
    with acme.broker.database.tenant(acme.scope) as unit:
        unit[Users].page()[0].active = False


STANDINGS: dict[str, Callable[[SignIns, Handle], object]] = {
    "ended": end,
    "expired": lambda acme, cookie: acme.broker.clock.advance(hours=12),
    "person switched off": switch_off,
    "tenant paused": lambda acme, cookie: acme.broker.transition(acme.scope, "paused"),
    "tenant cancelled": lambda acme, cookie: acme.broker.transition(acme.scope, "cancelled"),
}


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_session_that_no_longer_serves(acme: SignIns, standing: str) -> None:
    cookie = acme.signed_in()
    assert find(acme, cookie)
    STANDINGS[standing](acme, cookie)
    assert find(acme, cookie) is None


def test_handles_that_prove_nothing(acme: SignIns) -> None:
    cookie = acme.signed_in()
    bob = acme.broker.tenant("bob")
    session_id = cookie.secret.partition(".")[0]
    for forged in (
        Handle(bob.tenant, cookie.secret),
        Handle(TenantId(new_id("tnt")), cookie.secret),
        Handle(cookie.tenant, f"{session_id}.{new_secret()}"),
        Handle(cookie.tenant, f"{new_id('ses')}.{cookie.secret.partition('.')[2]}"),
        Handle(cookie.tenant, cookie.secret[:-1]),
        Handle(cookie.tenant, f"{session_id}."),
        Handle(cookie.tenant, session_id),
    ):
        assert find(acme, forged) is None
    assert find(acme) is None


def test_sessions_of_several_tenants_are_for_the_person_to_choose(acme: SignIns) -> None:
    bob = SignIns(acme.broker, acme.broker.tenant("bob", "bob.com"))
    acme.broker.idp.person("bob", replace(ALICE, email="bob@bob.com"))
    first = acme.signed_in()
    handle = bob.sent(email="bob@bob.com")
    acme.broker.clock.advance(minutes=1)
    second = cookie_of(bob.reply(handle, "bob"))
    assert find(acme, first, second) == "several"
    assert find(acme, first, second, tenant="bob") == Found(bob.scope.tenant, SessionId(second.secret.partition(".")[0]))
    assert find(acme, first, second, email="alice@acme.com") == Found(
        acme.scope.tenant, SessionId(first.secret.partition(".")[0])
    )
    acme.broker.transition(bob.scope, "paused")
    assert isinstance(find(acme, first, second), Found)


def test_the_newest_session_of_a_tenant_serves(acme: SignIns) -> None:
    older, newer = acme.signed_in(), acme.signed_in()
    found = find(acme, newer, older)
    assert isinstance(found, Found)
    assert found.session == newer.secret.partition(".")[0]


def test_looking_changes_nothing(acme: SignIns) -> None:
    cookie = acme.signed_in()
    acme.broker.clock.advance(hours=2)
    find(acme, cookie)
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        (row,) = unit[Sessions].page()
        assert row.last_seen_at == acme.broker.clock.now() - timedelta(hours=2)
