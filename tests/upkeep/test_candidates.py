"""A candidate stands beside the live configuration, is tried, takes its place in one call, and goes back in one."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from idbroker.connections.candidates import MAX_CANDIDATES
from idbroker.federation.profile import Profile
from idbroker.kernel.errors import Conflict, Invalid, NotFound, Refusal
from idbroker.login.steps import LoginRequest
from tests.conformance.test_isolation import unbound
from tests.support.races import at_once
from tests.support.scripted_idp import answer
from tests.support.staged import BROWSER, SETTINGS


def test_it_changes_nothing_until_it_is_promoted(broker, acme, connection):
    before = broker.config(acme, connection)
    broker.candidate(acme, connection, idp="two", certificates=["aa", "bb"])
    assert broker.config(acme, connection) == before
    shown = broker.held(acme, connection)[0]
    assert [(change["field"], change["before"], change["after"]) for change in shown["difference"]] == [
        ("idp", "one", "two"),
        ("certificates", None, "bb"),
    ]
    assert (shown["origin"], shown["live_version"], shown["idp"]["idp"]) == ("admin", 1, "two")


def test_a_test_sign_in_goes_through_it_and_compares(broker, acme, connection):
    step = broker.flow.begin(_request(), BROWSER)
    broker.flow.reply("scripted", connection, answer(step.handoff.url.partition("state=")[2]), BROWSER)
    candidate = broker.candidate(acme, connection, idp="two")
    broker.idp.person("alice", Profile(email="Alice@acme.com", given_name="Alicia"), subject="another")
    report = broker.tried(acme, connection, candidate)["report"]
    assert broker.idp.opened[-1].settings["idp"] == "two"
    assert broker.idp.opened[-1].version < 0, "no cache may take it for the live one"
    compared = report["comparison"]
    assert (compared["subjects"], compared["same_subject"]) == (["alice"], False)
    assert [one["name"] for one in compared["attributes"] if not one["same"]] == ["given_name"]
    assert report["person"]["created"] is True, "a new subject would be a stranger"
    assert broker.config(acme, connection).settings["idp"] == "one"


def test_promoting_keeps_what_is_ours_and_the_way_back(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two", client_secret="theirs", attribute_mapping={"email": "mail"})
    live = broker.config(acme, connection)
    broker.promote(acme, connection, candidate)
    now = broker.config(acme, connection)
    assert (now.settings["idp"], now.settings["ours"], now.version) == ("two", "our key", live.version + 1)
    assert now.secrets == {"client_secret": "theirs"}
    assert now.attribute_mapping == {"email": "mail"}
    assert broker.held(acme, connection) == []
    told = broker.events(acme.tenant, "connection.candidate_promoted")[0]
    assert told["changes"]["idp"] == {"before": "one", "after": "two"}
    assert told["context"]["candidate_id"] == candidate

    broker.roll_back(acme, connection)
    back = broker.config(acme, connection)
    assert (back.settings["idp"], back.attribute_mapping, back.version) == ("one", {}, live.version + 2)
    assert broker.events(acme.tenant, "connection.rolled_back")[0]["changes"]["idp"] == {"before": "two", "after": "one"}
    broker.roll_back(acme, connection)
    assert broker.config(acme, connection).settings["idp"] == "two", "once more undoes it"


def test_a_key_of_ours_that_changed_meanwhile_stays_changed(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two")
    with broker.database.tenant(acme) as unit:
        row = broker.connections.known(unit, connection)
        row.settings = {**row.settings, "ours": "our new key"}
    broker.promote(acme, connection, candidate)
    assert broker.config(acme, connection).settings["ours"] == "our new key"
    broker.roll_back(acme, connection)
    assert broker.config(acme, connection).settings["ours"] == "our new key"


def test_our_side_is_not_staged(broker, acme, connection):
    for fields in ({"options": {"sp_entity_id": "https://other"}}, {"name": "x"}, {"status": "disabled"}, {"type": "oidc"}):
        with pytest.raises(Invalid):
            broker.candidate(acme, connection, idp="two", **fields)


def test_there_is_nothing_to_roll_back_at_first(broker, acme, connection):
    with pytest.raises(Conflict, match="nothing_to_roll_back"):
        broker.roll_back(acme, connection)


def test_promoting_what_was_compared_with_another_version_fails(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two")
    broker.promote(acme, connection, broker.candidate(acme, connection, idp="three"))
    with pytest.raises(Conflict, match="connection_changed"):
        broker.promote(acme, connection, candidate, seen=1)
    broker.promote(acme, connection, candidate, seen=2)


def test_of_two_promotions_at_once_one_wins(broker, acme, connection):
    candidates = [broker.candidate(acme, connection, idp=f"idp {number}") for number in range(4)]

    def promote(number: int) -> None:
        broker.promote(acme, connection, candidates[number], seen=1)

    results = at_once(4, promote)
    assert [result for result in results if result is None] == [None]
    assert {result.code for result in results if result is not None} == {"connection_changed"}
    won = results.index(None)
    assert broker.config(acme, connection).settings["idp"] == f"idp {won}"
    assert len(broker.held(acme, connection)) == 3, "who lost may try again"
    broker.roll_back(acme, connection)
    assert broker.config(acme, connection).settings["idp"] == "one"


def test_the_same_candidate_is_promoted_once(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two")
    results = at_once(4, lambda number: broker.promote(acme, connection, candidate))
    assert [result for result in results if result is None] == [None]
    assert all(isinstance(result, Refusal) for result in results if result is not None)
    assert broker.config(acme, connection).version == 2


def test_a_test_through_a_candidate_that_is_gone_ends_kindly(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two")
    _, link = broker.test_link(acme, connection, candidate)
    handle = broker.start(link)
    broker.promote(acme, connection, candidate)
    with pytest.raises(Refusal, match="candidate_gone"):
        broker.flow.reply("scripted", connection, answer(handle), BROWSER)


def test_another_tenants_or_connections_candidate_does_not_exist(broker, acme, connection):
    candidate = broker.candidate(acme, connection, idp="two")
    other = broker.connection(acme, name="Other")
    bob = broker.tenant("bob")
    theirs = broker.connection(bob)
    for scope, where in ((acme, other), (bob, theirs)):
        with pytest.raises(NotFound):
            broker.promote(scope, where, candidate)
        with pytest.raises(NotFound):
            broker.test_link(scope, where, candidate)
    assert broker.config(acme, connection).version == 1


def test_there_is_an_end_to_candidates(broker, acme, connection):
    for _ in range(MAX_CANDIDATES):
        broker.candidate(acme, connection, idp="two")
    with pytest.raises(Conflict, match="too_many_candidates"):
        broker.candidate(acme, connection, idp="two")


def test_secrets_are_sealed_and_go_with_the_connection(broker, acme, connection, stores):
    candidate = broker.candidate(acme, connection, idp="two", client_secret="planted-secret")
    broker.promote(acme, connection, broker.candidate(acme, connection, idp="three", client_secret="planted-too"))
    broker.roll_back(acme, connection)
    assert "planted" not in repr(broker.held(acme, connection))
    assert "planted" not in repr(broker.events(acme.tenant))
    with unbound(stores, broker.database) as database:
        for table in ("connection_candidates", "previous_configurations"):
            (sealed,) = database.execute(text(f"SELECT secrets_sealed FROM {table}")).scalars()
            assert b"planted" not in bytes(sealed)
    with broker.database.tenant(acme) as unit:
        broker.connections.delete(unit, connection)
    with unbound(stores, broker.database) as database:
        for table in ("connection_candidates", "previous_configurations", "metadata_refreshes", "refresh_schedule"):
            assert database.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
    assert candidate


def test_settings_given_by_nobody_are_the_live_ones(broker, acme, connection):
    broker.candidate(acme, connection, attribute_mapping={"email": "mail"})
    shown = broker.held(acme, connection)[0]
    assert [change["field"] for change in shown["difference"]] == ["attribute_mapping"]
    assert shown["idp"]["certificates"] == SETTINGS["certificates"]


def _request():
    return LoginRequest(resume_path="/sso/done", email="alice@acme.com")
