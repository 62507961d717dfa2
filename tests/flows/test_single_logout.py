"""Signing out: here first, then at the identity provider, and the truth told about both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from idbroker.federation.contract import PostTo, RedirectTo
from idbroker.login.logout import NO_ADDRESS, PARTIAL, REPORTED, UNREADABLE, Ended
from idbroker.login.logout_attempt import LogoutAttempt, LogoutAttempts
from idbroker.login.steps import (
    POSTED_AGAIN,
    LogoutStep,
    PostAgain,
    SignedOut,
    SignInRefused,
    SignOutAtIdp,
)
from idbroker.sessions.model import Sessions
from tests.support.broker import Broker, row_counts
from tests.support.sign_in import BROWSER, NO_COOKIE, OTHER_BROWSER, SignIns
from tests.support.sign_out import (
    APP,
    UPSTREAM,
    acme_with_logout,
    at_globex,
    deliver,
    failures,
    handle_of,
    session_id,
    sign_out,
)
from tests.support.world import OPERATOR


@pytest.fixture
def acme(broker: Broker) -> SignIns:
    return acme_with_logout(broker)


def test_to_the_identity_provider_and_back_to_the_app(acme: SignIns) -> None:
    step = sign_out(acme, acme.signed_in())
    assert isinstance(step, SignOutAtIdp)
    assert isinstance(step.handoff, RedirectTo)
    upstream, handle = acme.broker.idp.asked_out[0]
    assert upstream == UPSTREAM
    assert deliver(acme, answers="success", state=handle) == SignedOut(APP)
    assert failures(acme) == []
    assert row_counts(acme.broker.stores)["logout_attempts"] == 0


def test_the_row_of_a_trip_names_nobody(acme: SignIns) -> None:
    sign_out(acme, acme.signed_in())
    with acme.broker.database.platform(OPERATOR) as unit:
        row = unit.session.execute(select(LogoutAttempt)).scalars().one()
        kept = repr(row.model_dump())
    for secret in (handle_of(acme), str(BROWSER.secret), "alice"):
        assert secret not in kept


@pytest.mark.parametrize(("outcome", "told", "code"), [
    ("partial", PARTIAL, "idp_logout_partial"),
    ("failed", REPORTED, "idp_logout_failed"),
])  # fmt: skip
def test_what_the_identity_provider_could_not_do_is_told(acme: SignIns, outcome: str, told: str, code: str) -> None:
    sign_out(acme, acme.signed_in())
    assert deliver(acme, answers=outcome, state=handle_of(acme)) == SignedOut(APP, (told,))
    assert failures(acme) == [code]


@pytest.mark.parametrize("status", [404, 410, 501])
def test_an_address_at_which_there_is_nothing_is_not_visited(acme: SignIns, status: int) -> None:
    address = f"https://idp.example.com/{acme.connection}/slo"
    acme.broker.fetcher.statuses[address] = status
    for _ in range(2):
        step = _left(acme)
        assert step == SignedOut(APP, (NO_ADDRESS,))
    assert failures(acme) == ["idp_logout_address"] * 2
    assert row_counts(acme.broker.stores)["logout_attempts"] == 0


def _left(acme: SignIns) -> LogoutStep:
    """Signed out by POST, whose address has no query."""
    acme.broker.idp.offers_logout = "post"
    return sign_out(acme, acme.signed_in())


def test_an_address_is_asked_once_in_ten_minutes(acme: SignIns) -> None:
    for _ in range(3):
        assert isinstance(_left(acme), SignOutAtIdp)
    assert len(acme.broker.fetcher.asked) == 1
    acme.broker.clock.advance(minutes=10)
    assert isinstance(_left(acme), SignOutAtIdp)
    assert len(acme.broker.fetcher.asked) == 2


@pytest.mark.parametrize("status", [None, 400, 403, 405, 500, 503])
def test_an_address_that_is_only_strange_or_out_of_our_reach_is_visited(acme: SignIns, status: int | None) -> None:
    acme.broker.fetcher.statuses[f"https://idp.example.com/{acme.connection}/slo"] = status
    step = _left(acme)
    assert isinstance(step, SignOutAtIdp)
    assert isinstance(step.handoff, PostTo)


@pytest.mark.parametrize("why", ["no logout", "no name", "switched off", "removed", "no browser"])
def test_where_there_is_nothing_to_visit_it_ends_at_once(acme: SignIns, why: str) -> None:
    broker, visitor = acme.broker, BROWSER
    cookie = acme.signed_in()
    if why == "no logout":
        broker.idp.offers_logout = ""
    elif why == "no name":
        broker.idp.person("alice", upstream={})
        cookie = acme.signed_in()
        broker.idp.offers_logout = ""
    elif why == "no browser":
        visitor = NO_COOKIE
    else:
        with broker.database.tenant(acme.scope) as unit:
            if why == "removed":
                broker.connections.delete(unit, acme.connection)
            else:
                broker.connections.known(unit, acme.connection).status = "disabled"
    assert sign_out(acme, cookie, visitor=visitor) == SignedOut(APP)
    assert failures(acme) == []


def test_one_identity_provider_after_the_other(acme: SignIns) -> None:
    other = SignIns(acme.broker, acme.broker.tenant("globex", "globex.com"))
    acme.broker.idp.person("alice", upstream=UPSTREAM)
    ours = acme.signed_in()
    theirs = at_globex(other)
    ended = [Ended(ours.tenant, session_id(ours)), Ended(theirs.tenant, session_id(theirs))]
    for at, handle in ((acme, ours), (other, theirs)):
        with at.broker.database.tenant(at.scope) as unit:
            at.broker.sessions.end(unit, unit[Sessions].get(session_id(handle)), "logout")
    assert isinstance(acme.broker.logout.leave(ended, APP, BROWSER), SignOutAtIdp)
    first = handle_of(acme)
    assert isinstance(deliver(acme, answers="failed", state=first), SignOutAtIdp)
    assert handle_of(acme) != first
    assert deliver(other, answers="success", state=handle_of(acme)) == SignedOut(APP, (REPORTED,))
    assert (failures(acme), failures(other)) == (["idp_logout_failed"], [])


def test_the_cookie_comes_with_the_second_posting(acme: SignIns) -> None:
    sign_out(acme, acme.signed_in())
    fields = {"answers": "success", "state": handle_of(acme)}
    again = deliver(acme, NO_COOKIE, method="POST", **fields)
    assert isinstance(again, PostAgain)
    assert deliver(acme, method="POST", **again.fields) == SignedOut(APP)


@pytest.mark.parametrize("how", ["twice", "other browser", "no cookie", "late", "other connection", "no handle", "unknown"])
def test_an_answer_is_taken_once_by_the_one_who_began(acme: SignIns, how: str) -> None:
    sign_out(acme, acme.signed_in())
    handle, visitor, at = handle_of(acme), BROWSER, acme
    params = {"answers": "success", "state": handle}
    if how == "twice":
        deliver(acme, **params)
    elif how == "other browser":
        visitor = OTHER_BROWSER
    elif how == "no cookie":
        visitor, params = NO_COOKIE, {**params, POSTED_AGAIN: "1"}
    elif how == "late":
        acme.broker.clock.advance(minutes=15)
    elif how == "other connection":
        at = SignIns(acme.broker, acme.scope)
    elif how == "no handle":
        del params["state"]
    else:
        params["state"] = "u" * 43
    with pytest.raises(SignInRefused) as refused:
        deliver(at, visitor, **params)
    assert (refused.value.code, refused.value.signing_out, refused.value.tenant) == (
        "logout_not_pending",
        True,
        acme.scope.tenant,
    )
    if how in ("other browser", "no cookie", "other connection"):
        assert deliver(acme, answers="success", state=handle) == SignedOut(APP)


def test_a_forged_answer_costs_the_genuine_one_nothing(acme: SignIns) -> None:
    sign_out(acme, acme.signed_in())
    handle = handle_of(acme)
    with pytest.raises(SignInRefused) as refused:
        deliver(acme, forged="1", state=handle)
    assert refused.value.public == f"You are signed out here. {UNREADABLE}"
    assert refused.value.back == APP.location
    with pytest.raises(SignInRefused) as strangers:
        deliver(acme, OTHER_BROWSER, forged="1", state=handle)
    assert "changed nothing" in strangers.value.public
    assert strangers.value.back is None
    assert deliver(acme, answers="success", state=handle) == SignedOut(APP)


def test_trips_that_nobody_came_back_from_are_forgotten(acme: SignIns) -> None:
    sign_out(acme, acme.signed_in())
    acme.broker.clock.advance(hours=2)
    with acme.broker.database.platform(OPERATOR) as unit:
        assert unit[LogoutAttempts].purge(timedelta(hours=1)) == 1
