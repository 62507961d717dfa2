"""A connection in ``test``: the people whom it names sign in through it for real, and nobody else does."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from idbroker.federation.options import ConnectionOptions
from idbroker.federation.profile import Profile
from idbroker.login.steps import AskChoice, AskEmail, LoginRequest, SendToIdp, SignedIn, SignInRefused
from tests.support.scripted_idp import answer
from tests.support.sign_in import BROWSER


def in_test(broker, scope, *emails: str, name: str = "New") -> str:
    return broker.connection(scope, name=name, status="test", options={"test_users": list(emails)})


def sent(broker, **hints):
    return broker.flow.begin(LoginRequest(resume_path="/sso/done", **hints), BROWSER)


def replied(broker, connection: str, step: SendToIdp, person: str):
    return broker.flow.reply("scripted", connection, answer(step.handoff.url.partition("state=")[2], person=person), BROWSER)


@pytest.fixture
def people(broker):
    for name, email in (("alice", "Alice@acme.com"), ("bob", "bob@acme.com"), ("eve", "alice@elsewhere.com"), ("none", None)):
        broker.idp.person(name, Profile(email=email))


@pytest.mark.parametrize(
    ("person", "code"),
    [("alice", None), ("bob", "connection_in_test"), ("eve", "connection_in_test"), ("none", "connection_in_test")],
)
def test_who_is_named_comes_in(broker, acme, people, person, code):
    connection = in_test(broker, acme, "ALICE@acme.com")
    step = sent(broker, connection=connection)
    if code is None:
        assert isinstance(replied(broker, connection, step, person), SignedIn)
        return
    with pytest.raises(SignInRefused) as refused:
        replied(broker, connection, step, person)
    assert (refused.value.code, refused.value.tenant) == (code, acme.tenant)
    assert broker.events(acme.tenant, "user.created") == []


def test_a_name_opens_no_domain(broker, acme, people):
    """That an address is named does not make it one of a verified domain."""
    connection = in_test(broker, acme, "alice@elsewhere.com")
    with pytest.raises(SignInRefused) as refused:
        replied(broker, connection, sent(broker, connection=connection), "eve")
    assert refused.value.code == "email_domain_not_verified"


def test_before_the_answer_everybody_is_sent_the_same_way(broker, acme):
    """Nothing tells a stranger who is named."""
    in_test(broker, acme, "alice@acme.com")
    for email in ("alice@acme.com", "bob@acme.com", "nobody@acme.com"):
        assert isinstance(sent(broker, email=email), SendToIdp), email


def test_beside_an_active_one_it_is_for_whoever_asks_for_it(broker, acme, connection, people):
    new = in_test(broker, acme, "alice@acme.com")
    by_domain = sent(broker, email="alice@acme.com")
    assert isinstance(replied(broker, connection, by_domain, "bob"), SignedIn), "the active one takes everybody"
    assert isinstance(replied(broker, new, sent(broker, connection=new), "alice"), SignedIn)


def test_without_names_it_stays_shut(broker, acme):
    connection = in_test(broker, acme)
    for hints in ({"connection": connection}, {"email": "alice@acme.com"}):
        with pytest.raises(SignInRefused) as refused:
            sent(broker, **hints)
        assert refused.value.code == "no_connection"


def test_another_tenants_connection_in_test_is_no_way_in(broker, acme, people):
    other = broker.tenant("globex", "globex.com")
    theirs = in_test(broker, other, "alice@acme.com")
    step = sent(broker, connection=theirs)
    with pytest.raises(SignInRefused) as refused:
        replied(broker, theirs, step, "alice")
    assert refused.value.code == "email_domain_not_verified"
    assert refused.value.tenant == other.tenant
    assert not isinstance(sent(broker, email="nobody@nowhere.com"), AskChoice)
    assert isinstance(sent(broker, email="nobody@nowhere.com"), AskEmail)


@pytest.mark.parametrize("wrong", ["no address", "a@b@c", ""])
def test_names_are_addresses(wrong):
    with pytest.raises(ValidationError):
        ConnectionOptions(test_users=(wrong,))
