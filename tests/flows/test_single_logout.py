"""Single logout, on a scripted identity provider: signed out here first, then there, and the truth told about both."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idbroker.federation.contract import PostTo, RedirectTo, UnverifiedReply
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.login.logout import NO_ADDRESS, PARTIAL, REPORTED, UNREADABLE, Ended
from idbroker.login.logout_attempt import LogoutAttempt, LogoutAttempts
from idbroker.login.steps import (
    POSTED_AGAIN,
    AnswerIdp,
    Destination,
    LogoutStep,
    PostAgain,
    SignedOut,
    SignInRefused,
    SignOutAtIdp,
    Visitor,
)
from idbroker.sessions.handles import parse_handle
from idbroker.sessions.model import AuthorizationCodes, Sessions
from tests.support.broker import Broker, row_counts
from tests.support.scripted_idp import ALICE
from tests.support.sign_in import BROWSER, NO_COOKIE, OTHER_BROWSER, SignIns, cookie_of
from tests.support.world import OPERATOR

APP = Destination("https://app.example/bye?state=s", "Notes")
UPSTREAM = {"name_id": "alice-0001", "name_id_format": "persistent", "session_index": "s1"}


@pytest.fixture
def acme(broker: Broker) -> SignIns:
    broker.idp.offers_logout = "redirect"
    signs = SignIns(broker, broker.tenant("acme", "acme.com"))
    broker.idp.person("alice", upstream=UPSTREAM)
    return signs


def message(connection: str, *, method: str = "GET", **params: str) -> UnverifiedReply:
    return UnverifiedReply("POST" if method == "POST" else "GET", f"https://broker.example.com/{connection}/slo", params)


def deliver(at: SignIns, visitor: Visitor = BROWSER, *, method: str = "GET", **params: str) -> LogoutStep:
    return at.broker.logout.message("scripted", at.connection, message(at.connection, method=method, **params), visitor)


def session_id(handle: Any) -> str:
    return str(handle.secret.partition(".")[0])


def sign_out(at: SignIns, *handles: Any, visitor: Visitor = BROWSER, destination: Destination = APP) -> LogoutStep:
    """As a face does it: the sessions end, then the browser leaves."""
    ended = []
    for handle in handles:
        with at.broker.database.tenant(at.scope) as unit:
            row = unit[Sessions].get(session_id(handle))
            at.broker.sessions.end(unit, row, "signed_out")
        ended.append(Ended(handle.tenant, session_id(handle)))
    return at.broker.logout.leave(ended, destination, visitor)


def at_globex(globex: SignIns) -> Any:
    """Somebody whom another tenant's identity provider calls by the same name."""
    globex.broker.idp.person("bob", replace(ALICE, email="alice@globex.com"), upstream=UPSTREAM)
    return cookie_of(globex.reply(globex.sent(email="alice@globex.com"), "bob"))


def live(at: SignIns, handle: Any) -> bool:
    with at.broker.database.tenant(at.scope, read_only=True) as unit:
        return at.broker.sessions.find(unit, handle) is not None


def handle_of(at: SignIns) -> str:
    return at.broker.idp.asked_out[-1][1]


def failures(at: SignIns) -> list[str]:
    return [event["context"]["code"] for event in at.broker.events(at.scope.tenant, "sign_out.failed")]


# Signing out here


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


# The identity provider asks


@pytest.mark.parametrize("visitor", [BROWSER, OTHER_BROWSER, NO_COOKIE], ids=["its browser", "another", "no cookie"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_ends_the_session_whatever_browser_brings_it(acme: SignIns, visitor: Visitor, method: str) -> None:
    cookie = acme.signed_in()
    with acme.broker.database.tenant(acme.scope) as unit:
        row = unit[Sessions].get(session_id(cookie))
        code = acme.broker.sessions.grant_code(unit, row, "app_1", {})
    step = deliver(acme, visitor, method=method, asks="alice-0001", relay="theirs")
    assert isinstance(step, AnswerIdp)
    assert isinstance(step.handoff, RedirectTo)
    assert step.handoff.url.endswith("outcome=success&relay=theirs")
    assert not live(acme, cookie)
    told = acme.broker.events(acme.scope.tenant, "session.ended")
    assert [(event["context"]["reason"], event["session_id"]) for event in told] == [("idp_logout", session_id(cookie))]
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        kept = unit[AuthorizationCodes].get(_digest(code))
        assert kept is not None
        assert kept.revoked_at is not None


def _digest(code: str) -> str:
    handle = parse_handle(code)
    assert handle is not None
    return handle.digest


@pytest.mark.parametrize(("sessions", "left"), [("", []), ("s1", ["s2", "s3"]), ("s1,s3", ["s2"]), ("s9", ["s1", "s2", "s3"])])
def test_it_ends_the_sessions_that_are_named_or_all(acme: SignIns, sessions: str, left: list[str]) -> None:
    cookies = {}
    for index in ("s1", "s2", "s3"):
        acme.broker.idp.person("alice", upstream={**UPSTREAM, "session_index": index})
        cookies[index] = acme.signed_in()
    deliver(acme, asks="alice-0001", sessions=sessions)
    assert [index for index, cookie in cookies.items() if live(acme, cookie)] == left


def test_a_session_to_which_the_identity_provider_gave_no_name_ends_too(acme: SignIns) -> None:
    acme.broker.idp.person("alice", upstream={"name_id": "alice-0001"})
    cookie = acme.signed_in()
    deliver(acme, asks="alice-0001", sessions="s7")
    assert not live(acme, cookie)


def test_an_openid_providers_names_are_found_too(acme: SignIns) -> None:
    acme.broker.idp.person("alice", upstream={"id_token_sub": "alice-0001", "sid": "s1", "iss": "https://op"})
    cookie = acme.signed_in()
    deliver(acme, asks="alice-0001", sessions="s2")
    assert live(acme, cookie)
    deliver(acme, asks="alice-0001", sessions="s1", id="r2")
    assert not live(acme, cookie)


def test_nobody_of_that_name_is_a_success_too(acme: SignIns) -> None:
    cookie = acme.signed_in()
    assert isinstance(deliver(acme, asks="bob-0002"), AnswerIdp)
    assert acme.broker.idp.told[-1][1] == "success"
    assert live(acme, cookie)


def test_a_request_ends_sessions_once_and_is_answered_again(acme: SignIns) -> None:
    acme.signed_in()
    deliver(acme, asks="alice-0001", id="r1")
    later = acme.signed_in()
    assert isinstance(deliver(acme, asks="alice-0001", id="r1"), AnswerIdp)
    assert live(acme, later)
    assert [outcome for _, outcome in acme.broker.idp.told] == ["success", "success"]
    deliver(acme, asks="alice-0001", id="r2")
    assert not live(acme, later)


def test_the_same_name_elsewhere_is_somebody_else(acme: SignIns) -> None:
    second = SignIns(acme.broker, acme.scope)
    globex = SignIns(acme.broker, acme.broker.tenant("globex", "globex.com"))
    acme.broker.idp.person("alice", upstream=UPSTREAM)
    ours = acme.signed_in(connection=acme.connection)
    others = [(second, second.signed_in(connection=second.connection)), (globex, at_globex(globex))]
    for at, _ in others:
        deliver(at, asks="nobody")
    deliver(acme, asks="alice-0001")
    assert not live(acme, ours)
    assert all(live(at, cookie) for at, cookie in others)


def test_where_no_address_is_known_the_person_reads_it_here(acme: SignIns) -> None:
    cookie = acme.signed_in()
    acme.broker.idp.answers_by = ""
    assert deliver(acme, asks="alice-0001") == SignedOut()
    assert not live(acme, cookie)


def test_a_forged_request_ends_nothing_and_stands_in_the_trail(acme: SignIns) -> None:
    cookie = acme.signed_in()
    before = row_counts(acme.broker.stores)
    with pytest.raises(SignInRefused) as refused:
        deliver(acme, forged="1", asks="alice-0001")
    assert live(acme, cookie)
    reference = acme.broker.recorder.record(refused.value, BROWSER)
    assert row_counts(acme.broker.stores) == {**before, "events": before["events"] + 1}
    told = acme.broker.events(acme.scope.tenant, "sign_out.refused")[0]
    assert told["resource"] == {"type": "sign_out", "id": reference, "name": None}
    assert (told["context"]["code"], told["context"]["connection_id"]) == ("signature_bad", acme.connection)
    assert acme.broker.events(PLATFORM_TRAIL, "sign_out.refused") == []


@pytest.mark.parametrize("connection", ["con_0123456789abcdefghjkmnpqrs", "nonsense"])
def test_at_an_unknown_address_there_is_nothing(acme: SignIns, connection: str) -> None:
    with pytest.raises(NotFound):
        acme.broker.logout.message("scripted", connection, message(connection, asks="alice-0001"), BROWSER)
