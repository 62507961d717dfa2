"""A test sign-in is the real flow that changes nothing: no session, no person, no group; only a report."""

from __future__ import annotations

import pytest

from idbroker.directory.roles import add_mapping
from idbroker.federation.profile import Profile
from idbroker.kernel.errors import Conflict, NotFound, Refusal
from idbroker.login.steps import LoginRequest, SignInRefused
from tests.support.broker import row_counts
from tests.support.races import at_once
from tests.support.scripted_idp import answer
from tests.support.staged import BROWSER, OTHER, PLANTED

CHANGED = {"events", "test_sign_ins", "attempts", "seen_replies"}


def test_it_ends_at_a_report_and_makes_nobody(broker, acme, connection, stores):
    with broker.database.tenant(acme) as unit:
        add_mapping(unit, "Staff", "editor", None)
    before = row_counts(stores)
    result = broker.tried(acme, connection)
    after = row_counts(stores)
    assert {table for table in after if after[table] != before[table]} == CHANGED
    assert (result["state"], result["code"], result["report"]["verdict"]) == ("passed", None, "accept")
    person = result["report"]["person"]
    assert (person["created"], person["email"], person["groups"]) == (True, "alice@acme.com", ["Staff"])
    assert person["roles"] == [{"role": "editor", "app": None}]
    assert result["report"]["mapped"]["subject"] == "alice"
    told = broker.events(acme.tenant, "test_sign_in.finished")[0]
    assert told["context"] == {"connection_id": connection, "outcome": "passed", "code": None}
    assert broker.events(acme.tenant, "user.created") == []


def test_what_a_real_one_would_refuse_is_refused_and_told(broker, acme, connection):
    forged = broker.tried(acme, connection, forged="yes")
    assert (forged["state"], forged["code"], forged["report"]["person"]) == ("failed", "signature_bad", None)
    broker.idp.person("mallory", Profile(email="mallory@elsewhere.com"))
    foreign = broker.tried(acme, connection, person="mallory")
    assert (foreign["code"], foreign["report"]["findings"][-1]["stage"]) == ("email_domain_not_verified", "state")
    assert broker.events(acme.tenant, "sign_in.refused") == []


def test_only_tests_go_through_a_connection_in_test(broker, acme):
    connection = broker.connection(acme, status="test")
    with pytest.raises(SignInRefused) as refused:
        broker.flow.begin(LoginRequest(resume_path="/sso/done", connection=connection), BROWSER)
    assert refused.value.code == "no_connection"
    assert broker.tried(acme, connection)["state"] == "passed"


def test_who_was_on_the_way_when_it_went_into_test_does_not_come_in(broker, acme, connection):
    step = broker.flow.begin(LoginRequest(resume_path="/sso/done", email="alice@acme.com"), BROWSER)
    with broker.database.tenant(acme) as unit:
        broker.connections.known(unit, connection).status = "test"
    handle = step.handoff.url.partition("state=")[2]
    with pytest.raises(SignInRefused) as refused:
        broker.flow.reply("scripted", connection, answer(handle), BROWSER)
    assert (refused.value.code, refused.value.tenant) == ("connection_in_test", acme.tenant)


def test_the_link_works_once_for_a_quarter_of_an_hour(broker, acme, connection, clock):
    _, link = broker.test_link(acme, connection)
    broker.trials.look(link, BROWSER)
    broker.trials.look(link, BROWSER)
    broker.start(link)
    for act in (broker.trials.look, broker.trials.start):
        with pytest.raises(Refusal, match="test_link_spent"):
            act(link, BROWSER)
    _, late = broker.test_link(acme, connection)
    clock.advance(minutes=15)
    with pytest.raises(Refusal, match="test_link_spent"):
        broker.trials.start(late, BROWSER)


def test_of_many_browsers_at_once_one_starts(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    results = at_once(6, lambda number: broker.start(link))
    assert sum(isinstance(result, str) for result in results) == 1
    assert {result.code for result in results if not isinstance(result, str)} == {"test_link_spent"}


@pytest.mark.parametrize("spoil", ["other tenant", "other secret", "nonsense", ""])
def test_no_other_link_leads_anywhere(broker, acme, connection, spoil):
    _, link = broker.test_link(acme, connection)
    body, _, secret = link.partition(".")
    bob = broker.tenant("bob").tenant.removeprefix("tnt_")
    bad = {"other tenant": f"{bob}.{secret}", "other secret": f"{body}.{'x' * 43}"}.get(spoil, spoil)
    with pytest.raises(Refusal, match="test_link_spent"):
        broker.trials.look(bad, BROWSER)


def test_a_link_whose_idp_is_down_is_not_spent(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    broker.idp.down = True
    with pytest.raises(SignInRefused, match="idp_unreachable"):
        broker.trials.start(link, BROWSER)
    broker.idp.down = False
    broker.start(link)


def test_the_answer_and_the_result_belong_to_the_browser_that_began(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    handle = broker.start(link)
    with pytest.raises(SignInRefused, match="browser_mismatch"):
        broker.flow.reply("scripted", connection, answer(handle), OTHER)
    broker.flow.reply("scripted", connection, answer(handle), BROWSER)
    with pytest.raises(Refusal, match="browser_mismatch"):
        broker.trials.result(handle, OTHER)
    assert broker.trials.result(handle, BROWSER)["state"] == "passed"


def test_a_test_has_one_answer_and_no_way_on(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    handle = broker.start(link)
    with pytest.raises(Refusal, match="attempt_expired"):
        broker.trials.result(handle, BROWSER)
    broker.flow.reply("scripted", connection, answer(handle), BROWSER)
    with pytest.raises(SignInRefused, match="reply_elsewhere"):
        broker.flow.reply("scripted", connection, answer(handle), BROWSER)
    with pytest.raises(SignInRefused, match="attempt_expired"):
        broker.flow.resume(handle, BROWSER)


def test_two_answers_at_once_make_one_result(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    handle = broker.start(link)
    results = at_once(4, lambda number: broker.flow.reply("scripted", connection, answer(handle), BROWSER))
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert len(broker.events(acme.tenant, "test_sign_in.finished")) == 1


def test_a_switched_off_connection_is_not_tried(broker, acme):
    connection = broker.connection(acme, status="disabled")
    with pytest.raises(Conflict, match="connection_disabled"):
        broker.test_link(acme, connection)


def test_a_closed_tenant_is_not_tried(broker, acme, connection):
    _, link = broker.test_link(acme, connection)
    broker.transition(acme, "paused")
    with pytest.raises(Refusal, match="tenant_closed"):
        broker.trials.start(link, BROWSER)


def test_nothing_of_another_tenant_is_tried_or_read(broker, acme, connection):
    bob = broker.tenant("bob")
    with pytest.raises(NotFound):
        broker.test_link(bob, connection)
    test_id, _ = broker.test_link(acme, connection)
    with pytest.raises(NotFound), broker.database.tenant(bob) as unit:
        broker.trials.known(unit, test_id)


def test_the_result_is_kept_for_a_week_sealed(broker, acme, connection, clock):
    test_id = broker.tried(acme, connection)["id"]
    with broker.database.tenant(acme, read_only=True) as unit:
        row = broker.trials.known(unit, test_id)
        assert PLANTED.encode() not in row.sealed
        assert broker.trials.document(unit, row)["report"]["xml"] == f"<message>{PLANTED}</message>"
    clock.advance(days=7)
    with pytest.raises(NotFound), broker.database.tenant(acme, read_only=True) as unit:
        broker.trials.known(unit, test_id)
