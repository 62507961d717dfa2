"""Single logout that the identity provider begins: its word ends sessions, whatever browser brings it."""

from __future__ import annotations

import pytest

from idbroker.federation.contract import RedirectTo
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.login.steps import (
    AnswerIdp,
    SignedOut,
    SignInRefused,
    Visitor,
)
from idbroker.sessions.handles import parse_handle
from idbroker.sessions.model import AuthorizationCodes, Sessions
from tests.support.broker import Broker, row_counts
from tests.support.sign_in import BROWSER, NO_COOKIE, OTHER_BROWSER, SignIns
from tests.support.sign_out import (
    UPSTREAM,
    acme_with_logout,
    at_globex,
    deliver,
    live,
    message,
    session_id,
)


@pytest.fixture
def acme(broker: Broker) -> SignIns:
    return acme_with_logout(broker)


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
