"""Metadata is read again: what only adds is taken, the rest is held, failures are told once, and nobody does it twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from idbroker.connections.refresh import LEASE
from idbroker.connections.refresh_rows import MetadataRefreshes
from idbroker.kernel.errors import Conflict
from tests.support.races import at_once
from tests.support.staged import URL


@pytest.fixture
def connection(broker, acme):
    broker.upkeep.says[URL] = {"idp": "one", "certificates": ["aa"]}
    return broker.connection(acme, url=URL)


def next_at(broker, acme, connection) -> datetime:
    with broker.database.tenant(acme, read_only=True) as unit:
        planned = unit[MetadataRefreshes].next_at(connection)
    assert planned is not None
    return planned


def due(broker, acme, connection, clock) -> None:
    """Let the time come."""
    clock.advance(seconds=(next_at(broker, acme, connection) - clock.now()).total_seconds())


def test_it_is_read_once_a_day_and_not_before(broker, acme, connection, clock):
    assert broker.refresher.run_due() == 0
    wait = next_at(broker, acme, connection) - clock.now()
    assert timedelta(hours=21) < wait < timedelta(hours=27)
    due(broker, acme, connection, clock)
    assert broker.refresher.run_due() == 1
    assert broker.refresher.run_due() == 0
    assert broker.actions(acme.tenant).count("connection.updated") == 0, "nothing has changed"


def test_an_added_certificate_is_taken(broker, acme, connection):
    broker.upkeep.says[URL]["certificates"] = ["aa", "bb"]
    outcome = broker.refresher.refresh(acme, connection)
    assert (outcome.outcome, outcome.candidate) == ("taken", None)
    assert broker.config(acme, connection).settings["certificates"] == ["aa", "bb"]
    assert broker.config(acme, connection).version == 2
    told = broker.events(acme.tenant, "connection.updated")[0]
    assert told["changes"] == {"certificates": {"before": None, "after": "bb"}}
    assert told["context"] == {"cause": "metadata_refresh"}


@pytest.mark.parametrize("said", [{"idp": "two"}, {"certificates": []}])
def test_what_moves_or_removes_waits_for_an_admin(broker, acme, connection, said):
    broker.upkeep.says[URL].update(said)
    outcome = broker.refresher.refresh(acme, connection)
    assert outcome.outcome == "held"
    assert broker.config(acme, connection).version == 1
    held = broker.held(acme, connection)
    assert [(one["id"], one["origin"]) for one in held] == [(outcome.candidate, "refresh")]
    assert broker.refresher.refresh(acme, connection).outcome == "unchanged"
    assert len(broker.events(acme.tenant, "connection.metadata_held")) == 1
    broker.promote(acme, connection, outcome.candidate)
    assert {name: broker.config(acme, connection).settings[name] for name in said} == said
    assert broker.refresher.refresh(acme, connection).outcome == "unchanged"


def test_a_key_change_in_one_breath_locks_nobody_out(broker, acme, connection):
    broker.upkeep.says[URL]["certificates"] = ["bb"]
    outcome = broker.refresher.refresh(acme, connection)
    assert (outcome.outcome, [change.kind for change in outcome.changes]) == ("held", ["added", "removed"])
    assert broker.config(acme, connection).settings["certificates"] == ["aa", "bb"]
    assert broker.held(acme, connection)[0]["difference"][0]["before"] == "aa"


def test_what_an_admin_refused_is_not_proposed_again(broker, acme, connection):
    broker.upkeep.says[URL]["idp"] = "two"
    candidate = broker.refresher.refresh(acme, connection).candidate
    with broker.database.tenant(acme) as unit:
        broker.candidates.remove(unit, broker.connections.known(unit, connection), candidate)
    broker.upkeep.says[URL]["noise"] = "so that it is not called the same"
    assert broker.refresher.refresh(acme, connection).candidate is None
    broker.upkeep.says[URL]["idp"] = "three"
    assert broker.refresher.refresh(acme, connection).candidate is not None


def test_a_proposal_that_is_overtaken_goes(broker, acme, connection):
    broker.upkeep.says[URL]["idp"] = "two"
    first = broker.refresher.refresh(acme, connection).candidate
    broker.upkeep.says[URL]["idp"] = "three"
    second = broker.refresher.refresh(acme, connection).candidate
    assert [one["id"] for one in broker.held(acme, connection)] == [second]
    assert first != second
    broker.upkeep.says[URL]["idp"] = "one"
    assert broker.refresher.refresh(acme, connection).outcome == "unchanged"
    assert broker.held(acme, connection) == []


def test_failures_are_told_once_and_back_off(broker, acme, connection, clock):
    said = broker.upkeep.says.pop(URL)
    waits = []
    for _ in range(7):
        due(broker, acme, connection, clock)
        assert broker.refresher.run_due() == 1
        waits.append(next_at(broker, acme, connection) - clock.now())
    assert waits == sorted(waits)
    assert timedelta(minutes=50) < waits[0] < timedelta(minutes=70)
    assert timedelta(hours=21) < waits[-1] < timedelta(hours=27)
    assert len(broker.events(acme.tenant, "connection.refresh_failed")) == 1
    broker.upkeep.says[URL] = said
    due(broker, acme, connection, clock)
    broker.refresher.run_due()
    broker.upkeep.says.clear()
    due(broker, acme, connection, clock)
    broker.refresher.run_due()
    assert len(broker.events(acme.tenant, "connection.refresh_failed")) == 2, "a new streak"
    assert broker.config(acme, connection).version == 1


def test_of_several_workers_one_reads(broker, acme, connection, clock):
    due(broker, acme, connection, clock)
    assert sorted(at_once(4, lambda number: broker.refresher.run_due())) == [0, 0, 0, 1]
    assert len(broker.upkeep.asked) == 1


def test_a_worker_that_died_is_replaced(broker, acme, connection, clock):
    def die() -> None:
        raise RuntimeError("killed")

    broker.upkeep.interrupt = die
    due(broker, acme, connection, clock)
    assert broker.refresher.run_due() == 0
    broker.upkeep.interrupt = None
    assert broker.refresher.run_due() == 0, "the other one may still be at it"
    clock.advance(seconds=LEASE.total_seconds())
    assert broker.refresher.run_due() == 1


def test_a_change_by_an_admin_meanwhile_is_not_overwritten(broker, acme, connection):
    def overtake() -> None:
        broker.upkeep.interrupt = None
        candidate = broker.candidate(acme, connection, idp="of the admin")
        broker.promote(acme, connection, candidate)

    broker.upkeep.interrupt = overtake
    broker.upkeep.says[URL]["certificates"] = ["aa", "bb"]
    assert broker.refresher.refresh(acme, connection).outcome == "overtaken"
    assert broker.config(acme, connection).settings == {
        "ours": "our key", "idp": "of the admin", "certificates": ["aa"], "url": URL,
    }  # fmt: skip


def test_no_transaction_is_open_while_the_world_is_asked(broker, acme, connection):
    def write() -> None:
        with broker.database.tenant(acme) as unit:
            broker.connections.known(unit, connection).name = "written meanwhile"

    broker.upkeep.interrupt = write
    assert broker.refresher.refresh(acme, connection).outcome == "unchanged"


def test_the_document_says_how_soon_it_is_read_again(broker, acme, connection, clock):
    broker.upkeep.cache_seconds = 7200
    outcome = broker.refresher.refresh(acme, connection)
    assert timedelta(minutes=100) < outcome.next_at - clock.now() < timedelta(minutes=140)
    broker.upkeep.cache_seconds, broker.upkeep.valid_until = None, clock.now() + timedelta(hours=5)
    outcome = broker.refresher.refresh(acme, connection)
    assert outcome.next_at - clock.now() == timedelta(hours=4)


def test_what_has_not_changed_is_not_read_again(broker, acme, connection):
    broker.refresher.refresh(acme, connection)
    broker.refresher.refresh(acme, connection)
    assert broker.upkeep.asked[0] is None
    assert broker.upkeep.asked[1] is not None
    broker.promote(acme, connection, broker.candidate(acme, connection, idp="two"))
    assert broker.refresher.refresh(acme, connection).outcome == "held"
    assert broker.upkeep.asked[2] is None, "what is live is another version than was compared"


@pytest.mark.parametrize(("policy", "outcome", "version"), [("auto", "taken", 2), ("hold", "held", 1)])
def test_the_policy_is_the_connections(broker, acme, policy, outcome, version):
    connection = broker.connection(acme, url=URL, options={"metadata_refresh": policy})
    broker.upkeep.says[URL] = {"certificates": ["aa", "bb"]}
    assert broker.refresher.refresh(acme, connection).outcome == outcome
    assert broker.config(acme, connection).version == version


def test_without_a_source_nothing_is_read(broker, acme):
    for made in (broker.connection(acme), broker.connection(acme, url=URL, options={"metadata_refresh": "off"})):
        with pytest.raises(Conflict, match="no_metadata_url"):
            broker.refresher.refresh(acme, made)
        with broker.database.tenant(acme, read_only=True) as unit:
            assert unit[MetadataRefreshes].next_at(made) is None


def test_a_connection_that_is_switched_off_is_left_alone(broker, acme, clock):
    made = broker.connection(acme, url=URL, status="disabled")
    due(broker, acme, made, clock)
    assert broker.refresher.run_due() == 1
    assert broker.upkeep.asked == []
