"""A person types a work address, proves himself at his IdP, and a session stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idbroker.connections.model import Domain
from idbroker.directory.roles import add_mapping, standing
from idbroker.federation.contract import RedirectTo
from idbroker.login.attempt import Attempt
from idbroker.login.flow import NO_SUCH_DOMAIN
from idbroker.login.steps import AskChoice, AskEmail, SendToIdp, SignedIn, SignInRefused
from idbroker.sessions.model import Session
from tests.support.broker import Broker
from tests.support.scripted_idp import ALICE, ago
from tests.support.sign_in import BROWSER, SignIns, cookie_of, handle_of, refused


def session_of(acme: SignIns, cookie: object) -> Session:
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        found = acme.broker.sessions.find(unit, cookie)  # type: ignore[arg-type]
        assert found is not None
        return found


def test_the_whole_way(acme: SignIns) -> None:
    broker = acme.broker
    step = acme.begin()
    assert isinstance(step, AskEmail)
    assert (step.app_name, step.problem) == ("Demo", "")
    sent = broker.flow.answer(step.handle, BROWSER, email=" Alice@ACME.com ")
    assert isinstance(sent, SendToIdp)
    assert isinstance(sent.handoff, RedirectTo)
    assert sent.handoff.url == f"https://idp.example.com/{acme.connection}?state={step.handle}"
    assert (broker.idp.sent[0].login_hint, broker.idp.sent[0].begun_at) == ("alice@acme.com", broker.clock.now())
    broker.clock.advance(minutes=2)
    end = acme.reply(step.handle)
    assert isinstance(end, SignedIn)
    assert end.location == f"/oauth2/resume?attempt={step.handle}"
    session = session_of(acme, cookie_of(end))
    assert (session.connection_id, session.ip, session.user_agent) == (acme.connection, "192.0.2.1", "Firefox")
    assert session.expires_at == broker.clock.now() + timedelta(hours=12)
    attempt = broker.flow.resume(step.handle, BROWSER)
    assert (attempt.tenant_id, attempt.session_id, attempt.origin) == (acme.scope.tenant, session.id, {"state": "xyz"})
    assert broker.actions(acme.scope.tenant)[-5:] == [
        "user.created", "group.created", "group.member_added", "session.started", "sign_in.succeeded",
    ]  # fmt: skip
    told = broker.events(acme.scope.tenant, "sign_in.succeeded")[0]
    assert told["context"] == {
        "connection_id": acme.connection, "app": "app_1", "route": "the only active connection", "email": "alice@acme.com",
        "login_hint": "alice@acme.com", "steps": [
            {"step": "begun", "at": "2026-11-21T09:00:00.000Z"}, {"step": "sent", "at": "2026-11-21T09:00:00.000Z"},
            {"step": "answered", "at": "2026-11-21T09:02:00.000Z"},
        ],
    }  # fmt: skip
    assert (told["auth_method"], told["session_id"], told["actor"]["ip"]) == ("scripted", session.id, "192.0.2.1")


def test_a_hint_spares_the_question(acme: SignIns) -> None:
    assert cookie_of(acme.reply(handle_of(acme.begin(email="alice@acme.com"))))


def test_the_token_of_tomorrow_knows_groups_and_roles(acme: SignIns) -> None:
    with acme.broker.database.tenant(acme.scope) as unit:
        add_mapping(unit, "Staff", "editor", None)
        add_mapping(unit, "Staff", "admin", "app_1")
        add_mapping(unit, "Other", "owner", None)
    session = session_of(acme, acme.signed_in())
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        assert standing(unit, session.user_id, "app_1").roles == ("admin", "editor")
        assert standing(unit, session.user_id, "app_2").roles == ("editor",)
        assert standing(unit, session.user_id, None).groups == ("Staff",)


def test_what_the_idp_said_of_the_proof_is_kept(acme: SignIns) -> None:
    now = acme.broker.clock.now()
    acme.broker.idp.person(
        "careful", replace(ALICE, email="c@acme.com"), authenticated_at=ago(now, hours=1), amr=("pwd", "mfa"), acr="high",
        session_not_after=now + timedelta(hours=1), upstream={"name_id": "PLANTED-NAME-ID"},
    )  # fmt: skip
    session = session_of(acme, cookie_of(acme.reply(acme.sent(), "careful")))
    assert (session.authenticated_at, session.amr, session.acr) == (ago(now, hours=1), ["pwd", "mfa"], "high")
    assert session.expires_at == now + timedelta(hours=1)
    assert b"PLANTED-NAME-ID" not in (session.upstream_sealed or b"")


def test_a_clock_that_runs_ahead_proves_nothing_in_the_future(acme: SignIns) -> None:
    acme.broker.idp.person("ahead", ALICE, authenticated_at=acme.broker.clock.now() + timedelta(seconds=30))
    session = session_of(acme, cookie_of(acme.reply(acme.sent(), "ahead")))
    assert session.authenticated_at == acme.broker.clock.now()


@pytest.mark.parametrize("address", ["x@nowhere.com", "x@sub.acme.com", "x@acme.org", "x@com.acme"])
def test_an_unknown_domain_asks_again(acme: SignIns, address: str) -> None:
    step = acme.begin(email=address)
    assert isinstance(step, AskEmail)
    assert (step.problem, step.email) == (NO_SUCH_DOMAIN, address)
    again = acme.broker.flow.answer(step.handle, BROWSER, email="still@nowhere.com")
    assert isinstance(again, AskEmail)
    assert again.problem == NO_SUCH_DOMAIN
    assert isinstance(acme.broker.flow.answer(step.handle, BROWSER, email="alice@acme.com"), SendToIdp)


@pytest.mark.parametrize(
    "address", ["alice", "alice@", "@acme.com", "alice@acme", "a b@acme.com", "alice@acme.com\x00", "\ud800"]
)
def test_half_an_address_asks_again(acme: SignIns, address: str) -> None:
    for step in (acme.begin(email=address), acme.broker.flow.answer(acme.begin().handle, BROWSER, email=address)):
        assert isinstance(step, AskEmail)
        assert step.problem
        assert step.problem != NO_SUCH_DOMAIN


def test_nobody_learns_whether_a_person_exists(acme: SignIns) -> None:
    acme.signed_in()
    known, unknown = acme.begin(email="alice@acme.com"), acme.begin(email="nobody@acme.com")
    assert type(known) is type(unknown) is SendToIdp


def test_subdomains_belong_to_the_nearest_that_speaks_for_them(broker: Broker) -> None:
    wide = SignIns(broker, broker.tenant("wide", "wide.com", subdomains=True))
    dev = SignIns(broker, broker.tenant("dev", "dev.wide.com"))
    for address, owner in (("x@wide.com", wide), ("x@a.b.wide.com", wide), ("x@dev.wide.com", dev), ("x@q.dev.wide.com", wide)):
        step = wide.begin(email=address)
        assert isinstance(step, SendToIdp)
        assert isinstance(step.handoff, RedirectTo)
        assert owner.connection in step.handoff.url


def test_several_connections_let_the_person_choose(acme: SignIns) -> None:
    broker = acme.broker
    second = broker.connection(acme.scope, name="Contractors")
    broker.connection(acme.scope, name="Old", status="disabled")
    broker.connection(acme.scope, name="New", status="test")
    step = acme.begin(email="alice@acme.com")
    assert isinstance(step, AskChoice)
    assert step.tenant_name == "Acme"
    assert [(c.id, c.name) for c in step.connections] == [(acme.connection, "IdP"), (second, "Contractors")]
    sent = broker.flow.answer(step.handle, BROWSER, connection=second)
    assert isinstance(sent, SendToIdp)
    assert cookie_of(acme.reply(step.handle, at=second))


def test_who_chose_wrongly_may_go_back_and_choose_again(acme: SignIns) -> None:
    second = acme.broker.connection(acme.scope, name="Contractors")
    step = acme.begin(email="alice@acme.com")
    assert isinstance(step, AskChoice)
    acme.broker.flow.answer(step.handle, BROWSER, connection=acme.connection)
    acme.broker.flow.answer(step.handle, BROWSER, connection=second)
    with refused(acme.broker, "reply_elsewhere", tenant=acme.scope.tenant):
        acme.reply(step.handle, at=acme.connection)
    assert cookie_of(acme.reply(step.handle, at=second))


def test_a_routing_rule_spares_the_choice(acme: SignIns) -> None:
    broker = acme.broker
    broker.domain(acme.scope, "contractors.com")
    second = broker.connection(acme.scope, name="Contractors", routing_domains=["contractors.com"])
    assert cookie_of(acme.reply(handle_of(acme.begin(email="alice@acme.com"))))
    handle = handle_of(acme.begin(email="bob@contractors.com"))
    broker.idp.person("bob", replace(ALICE, email="bob@contractors.com"))
    assert cookie_of(acme.reply(handle, "bob", at=second))
    assert broker.events(acme.scope.tenant, "sign_in.succeeded")[0]["context"]["route"] == "routing rule for contractors.com"


def test_the_app_may_name_tenant_or_connection(acme: SignIns) -> None:
    bob = SignIns(acme.broker, acme.broker.tenant("bob"))
    for wish in ({"tenant": "bob"}, {"tenant": bob.scope.tenant}, {"connection": bob.connection},
                 {"tenant": "bob", "connection": bob.connection}, {"tenant": "bob", "email": "alice@acme.com"}):  # fmt: skip
        step = acme.begin(**wish)
        assert isinstance(step, SendToIdp), wish
        assert isinstance(step.handoff, RedirectTo)
        assert bob.connection in step.handoff.url


def test_an_attempt_is_kept_without_its_secrets(acme: SignIns) -> None:
    handle = acme.sent()
    with acme.broker.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM attempts").all()
    assert len(rows) == 1
    assert handle not in repr(rows)
    assert str(BROWSER.secret) not in repr(rows)


def test_resuming_before_the_end_shows_where_it_stands(acme: SignIns) -> None:
    handle = acme.sent()
    attempt = acme.broker.flow.resume(handle, BROWSER)
    assert isinstance(attempt, Attempt)
    assert attempt.state == "sent"
    assert acme.broker.flow.resume(handle, BROWSER).state == "sent", "asking spends nothing"


def test_resuming_twice_is_refused(acme: SignIns) -> None:
    handle = acme.sent()
    acme.reply(handle)
    acme.broker.flow.resume(handle, BROWSER)
    with pytest.raises(SignInRefused) as again:
        acme.broker.flow.resume(handle, BROWSER)
    assert again.value.code in ("attempt_expired", "attempt_spent")


def test_a_domain_that_is_given_up_signs_nobody_in(acme: SignIns) -> None:
    handle = acme.sent()
    with acme.broker.database.tenant(acme.scope) as unit:
        row = unit.session.query(Domain).one()
        acme.broker.domains.remove(unit, row.id)
    with refused(acme.broker, "email_domain_not_verified", tenant=acme.scope.tenant):
        acme.reply(handle)
    assert isinstance(acme.begin(email="alice@acme.com"), AskEmail)
