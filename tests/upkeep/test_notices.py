"""What ends is told ahead, once; our own keys change step by step."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from idbroker.connections.sp_keys import roll_over
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict
from idbroker.login.trial_rows import TrialSignIns
from idbroker.worker import Rounds, Worker, jobs
from tests.support.races import at_once


def told(broker, acme, action="connection.certificate_expiring"):
    return [event["context"] for event in reversed(broker.events(acme.tenant, action))]


def test_a_certificate_is_told_of_four_times(broker, acme, connection, clock):
    broker.upkeep.ends["aa"] = clock.now() + timedelta(days=40)
    days = []
    for _ in range(45):
        broker.watch.look(acme)
        broker.watch.look(acme)
        days = [context["days"] for context in told(broker, acme)]
        clock.advance(days=1)
    assert days == [30, 14, 7, 1]
    assert told(broker, acme)[0]["sha256"] == "aa"


def test_who_comes_late_tells_of_the_nearest_only(broker, acme, connection, clock):
    broker.upkeep.ends["aa"] = clock.now() + timedelta(days=5)
    broker.watch.look(acme)
    assert [context["days"] for context in told(broker, acme)] == [7]


def test_each_certificate_is_told_of(broker, acme, clock):
    broker.connection(acme, certificates=["aa", "bb"])
    broker.upkeep.ends |= {"aa": clock.now() + timedelta(days=20), "bb": clock.now() + timedelta(hours=3)}
    broker.watch.look(acme)
    assert {(context["sha256"], context["days"]) for context in told(broker, acme)} == {("aa", 30), ("bb", 1)}


def test_several_workers_tell_once(broker, acme, connection, clock):
    broker.upkeep.ends["aa"] = clock.now() + timedelta(days=20)
    assert sorted(at_once(4, lambda number: broker.watch.look(acme))) == [0, 0, 0, 1]
    clock.advance(days=10)
    assert sorted(at_once(4, lambda number: broker.watch.look(acme))) == [0, 0, 0, 1]


def test_a_switched_off_connection_is_not_told_of(broker, acme, clock):
    broker.connection(acme, status="disabled")
    broker.upkeep.ends["aa"] = clock.now() + timedelta(days=5)
    assert broker.watch.look(acme) == 0


def test_sha1_is_told_of_when_it_is_allowed_and_when_that_is_over(broker, acme, clock):
    until = (clock.now() + timedelta(days=2)).date().isoformat()
    broker.connection(acme, options={"allow_sha1_until": until})
    assert told(broker, acme, "connection.weak_signatures_allowed") == [{"until": until}]
    for _ in range(5):
        broker.watch.look(acme)
        clock.advance(days=1)
    assert told(broker, acme, "connection.weak_signatures_ended") == [{"until": until}]


def test_our_keys_change_in_steps(broker, acme, connection):
    def step(name):
        return roll_over(broker.database, broker.connections, acme, connection, name)

    for wrong in ("finish", "cancel"):
        with pytest.raises(Conflict, match="no_sp_key_rollover"):
            step(wrong)
    step("begin")
    with pytest.raises(Conflict, match="sp_key_rollover_running"):
        step("begin")
    step("cancel")
    step("begin")
    step("finish")
    assert broker.config(acme, connection).settings["ours"] == "the next key"
    assert broker.config(acme, connection).version == 5
    assert [action for action in broker.actions(acme.tenant) if "rollover" in action] == [
        "connection.key_rollover_started", "connection.key_rollover_cancelled",
        "connection.key_rollover_started", "connection.key_rollover_finished",
    ]  # fmt: skip


def test_two_steps_at_once_are_one(broker, acme, connection):
    results = at_once(4, lambda number: roll_over(broker.database, broker.connections, acme, connection, "begin"))
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert broker.config(acme, connection).version == 2


def test_the_worker_does_all_of_it(broker, acme, clock):
    broker.upkeep.says["https://idp.example.com/m"] = {"certificates": ["aa", "bb"]}
    made = broker.connection(acme, url="https://idp.example.com/m")
    broker.upkeep.ends["bb"] = clock.now() + timedelta(days=20)
    broker.tried(acme, made)
    rounds = Rounds(broker.database, threading.Event())
    worker = Worker(jobs(broker.database, broker.trail, broker.refresher, broker.watch, rounds), clock)
    worker.run_due()
    assert broker.config(acme, made).version == 1
    clock.advance(days=2)
    worker.run_due()
    worker.run_due()
    assert broker.config(acme, made).settings["certificates"] == ["aa", "bb"]
    clock.advance(days=7)
    worker.run_due()
    assert [context["days"] for context in told(broker, acme)] == [14]
    with broker.database.tenant(acme, read_only=True) as unit:
        assert unit[TrialSignIns].newest() == []


def test_a_client_secret_warns_as_certificates_do(broker, acme, clock):
    made = broker.connection(acme, secret=True)
    broker.upkeep.ends["client secret"] = clock.now() + timedelta(days=40)
    for _ in range(45):
        broker.watch.look(acme)
        clock.advance(days=1)
    contexts = told(broker, acme, "connection.client_secret_expiring")
    assert [context["days"] for context in contexts] == [30, 14, 7, 1]
    assert {context["expires_at"] for context in contexts} == {rfc3339(broker.upkeep.ends["client secret"])}
    broker.upkeep.ends["client secret"] = clock.now() + timedelta(days=5)
    broker.watch.look(acme)
    assert [context["days"] for context in told(broker, acme, "connection.client_secret_expiring")][-1] == 7
    assert made in str(broker.events(acme.tenant, "connection.client_secret_expiring")[0]["resource"])
