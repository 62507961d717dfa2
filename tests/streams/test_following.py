"""From the sealed trail to a receiver: in order, without gaps, with a cursor per stream, whatever happens in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
import time_machine
from sqlalchemy import delete
from sqlmodel import col
from standardwebhooks import Webhook as Verifier

from idbroker.alerts.watch import AlertWatch
from idbroker.audit.chain import Head
from idbroker.audit.records import AuditRecord
from idbroker.connections.service import ConnectionService
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.outbound.fetcher import Fetched
from idbroker.streams import reading
from idbroker.streams.model import LogStreams
from idbroker.streams.turn import LEASE, PARK_AFTER
from tests.streams.trailing import URL, health, is_whole, make, records, sequences, tell
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.races import at_once
from tests.support.receivers import unreachable

OTHER = "https://other.example/in"


def test_records_come_as_they_were_sealed_and_signed(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    made = make(world, tenant, start="beginning", authorization="Bearer x")
    assert made["secret"].startswith("whsec_")
    tell(world, tenant, "usr_1", "usr_2")
    assert world.streams.run_due() == 4
    assert world.streams.run_due() == 0
    (got,) = world.receivers.received
    body = orjson.loads(got.body)
    assert (body["first"], body["last"], body["stream_id"], body["tenant_id"]) == (1, 4, made["id"], tenant)
    assert got.headers["authorization"] == "Bearer x"
    with time_machine.travel(world.clock.now(), tick=False):
        Verifier(made["secret"]).verify(got.body, dict(got.headers))
    assert [record["action"] for record in body["records"]] == ["tenant.created", "log_stream.created", *2 * ["user.updated"]]
    assert is_whole(body["records"])
    assert body["records"] == list(reversed(world.sealed(tenant)))
    shown = health(world, tenant, made)
    assert (shown["state"], shown["delivered"], shown["sealed"], shown["lag"]) == ("up_to_date", 4, 4, 0)


def test_by_itself_a_stream_begins_with_what_is_sealed_from_now_on(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    tell(world, tenant, "usr_before")
    make(world, tenant)
    tell(world, tenant, "usr_after")
    world.streams.run_due()
    assert [record["action"] for record in records(world)] == ["log_stream.created", "user.updated"]
    assert sequences(records(world)) == [3, 4]


def test_batches_go_in_order_and_a_stream_sees_its_tenant_alone(world: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_RECORDS", 3)
    acme, globex = world.tenant("acme"), world.tenant("globex")
    make(world, acme, start="beginning")
    make(world, globex, url=OTHER, start="beginning")
    for turn in range(4):
        tell(world, acme, f"a{turn}", f"b{turn}")
        tell(world, globex, f"g{turn}")
        world.streams.run_due()
    tell(world, acme, *(f"c{n}" for n in range(10)))
    assert world.streams.run_due() == 10
    assert sequences(records(world)) == list(range(1, 21))
    assert sequences(records(world, OTHER)) == list(range(1, 7))
    assert is_whole(records(world))
    assert {record["tenant_id"] for record in records(world)} == {acme}
    assert {record["tenant_id"] for record in records(world, OTHER)} == {globex}
    assert max(len(orjson.loads(one.body)["records"]) for one in world.receivers.received) == 3


def test_a_batch_that_failed_comes_again_the_same_and_nothing_before_it(
    world: AdminWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_RECORDS", 2)
    tenant = world.tenant("acme")
    stream = make(world, tenant, start="beginning")
    world.trail.seal_all()
    world.receivers.answers[URL] = 503
    world.streams.run_due()
    tell(world, tenant, "usr_1", "usr_2", "usr_3")
    assert world.streams.run_due() == 0, "it is left alone for a while"
    shown = health(world, tenant, stream)
    assert (shown["state"], shown["failures"], shown["lag"]) == ("failing", 1, 5)
    assert shown["last_error"] == "The receiver answered 503."
    world.clock.advance(seconds=7)
    world.receivers.answers[URL] = unreachable()
    world.streams.run_due()
    world.clock.advance(seconds=13)
    world.receivers.answers[URL] = 200
    assert world.streams.run_due() == 5
    tried = [(one.headers["webhook-id"], one.body) for one in world.receivers.received]
    assert tried[0] == tried[1] == tried[2], "the same batch under the same name"
    assert [orjson.loads(body)["first"] for _, body in tried] == [1, 1, 1, 3, 5]


def test_retry_after_is_heeded(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    stream = make(quick, tenant)
    tell(quick, tenant, "usr_1")
    quick.receivers.answers[URL] = Fetched(URL, 429, {"retry-after": "600"}, b"slow down")
    quick.streams.run_due()
    until = health(quick, tenant, stream)["held_until"]
    assert until >= (quick.clock.now() + timedelta(seconds=590)).isoformat()[:19]


def fail_until_parked(world: AdminWorld) -> int:
    tried = 0
    for _ in range(PARK_AFTER + 5):
        before = len(world.receivers.received)
        world.streams.run_due()
        tried += len(world.receivers.received) - before
        world.clock.advance(hours=2)
    return tried


def test_parking_alert_resuming_catching_up(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    stream = make(world, tenant, start="beginning")
    tell(world, tenant, "usr_1")
    world.receivers.answers[URL] = 401
    assert fail_until_parked(world) == PARK_AFTER
    assert health(world, tenant, stream)["state"] == "parked"
    (parked,) = world.sealed(tenant, action="log_stream.parked")
    assert parked["context"] == {"failures": PARK_AFTER, "error": "The receiver answered 401.", "delivered": 0}
    watch = AlertWatch(world.stores.main, world.trail, ConnectionService({}, world.envelope))
    assert watch.look(TenantScope(TenantId(tenant), OPERATOR)) == 1
    (alert,) = world.get(f"/tenants/{tenant}/alerts")["data"]
    assert alert["kind"] == "delivery_parked"
    tell(world, tenant, *(f"usr_{n}" for n in range(20)))
    world.receivers.answers[URL] = 200
    world.receivers.received.clear()
    assert world.streams.run_due() == 0
    resumed = world.post(f"/tenants/{tenant}/log-streams/{stream['id']}/resume", {}, status=200)
    assert (resumed["status"], resumed["health"]["failures"]) == ("active", 0)
    world.trail.seal_all()
    world.streams.run_due()
    found = records(world)
    assert sequences(found) == list(range(1, len(found) + 1))
    assert is_whole(found)
    assert found[-1]["action"] in ("log_stream.resumed", "alert.opened")
    watch.look(TenantScope(TenantId(tenant), OPERATOR))
    assert world.get(f"/tenants/{tenant}/alerts")["data"] == []


def test_resuming_from_another_record(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    stream = make(world, tenant, start="beginning")
    tell(world, tenant, "usr_1", "usr_2", "usr_3")
    world.streams.run_due()
    where = f"/tenants/{tenant}/log-streams/{stream['id']}/resume"
    for wrong in (0, 7, -1, "1", 2**70):
        assert world.send("POST", where, {"from_sequence": wrong}).status_code == 422, wrong
    world.receivers.received.clear()
    world.post(where, {"from_sequence": 4}, status=200)
    world.streams.run_due()
    assert sequences(records(world)) == [4, 5]
    world.post(where, {"from_sequence": 6}, status=200)
    world.trail.seal_all()
    world.streams.run_due()
    assert sequences(records(world)) == [4, 5, 6, 7]


def test_a_stream_that_is_switched_off_goes_on_where_it_was(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    stream = make(world, tenant, start="beginning")
    tell(world, tenant, "usr_1")
    world.streams.run_due()
    patch = f"/tenants/{tenant}/log-streams/{stream['id']}"
    assert world.send("PATCH", patch, {"status": "disabled"}).json()["health"]["state"] == "disabled"
    tell(world, tenant, "usr_2")
    assert world.streams.run_due() == 0
    assert world.send("PATCH", patch, {"status": "active"}).status_code == 200
    world.trail.seal_all()
    world.streams.run_due()
    assert sequences(records(world)) == [1, 2, 3, 4, 5, 6]
    assert world.send("DELETE", patch).status_code == 204
    tell(world, tenant, "usr_3")
    assert world.streams.run_due() == 0


def test_what_retention_took_is_told_and_seen(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    stream = make(quick, tenant, start="beginning")
    tell(quick, tenant, "usr_1", "usr_2")
    quick.receivers.answers[URL] = 500
    quick.streams.run_due()
    with quick.stores.audit.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        unit.session.execute(delete(AuditRecord).where(col(AuditRecord.sequence) <= 3))
    quick.clock.advance(minutes=1)
    quick.receivers.answers[URL] = 200
    quick.receivers.received.clear()
    assert quick.streams.run_due() == 1
    assert sequences(records(quick)) == [4]
    (missed,) = quick.sealed(tenant, action="log_stream.records_missed")
    assert (missed["context"], missed["resource"]["id"]) == ({"from": 1, "to": 3}, stream["id"])


def test_several_workers_send_each_record_once_and_in_order(world: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_RECORDS", 2)
    tenant = world.tenant("acme")
    make(world, tenant, start="beginning")
    tell(world, tenant, *(f"usr_{n}" for n in range(20)))
    results = at_once(4, lambda number: world.streams.run_due())
    assert [one for one in results if isinstance(one, Exception)] == []
    assert sum(one for one in results if isinstance(one, int)) == 22
    assert sequences(records(world)) == list(range(1, 23))


def test_a_worker_killed_after_sending_repeats_that_batch_alone(world: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_RECORDS", 3)
    tenant = world.tenant("acme")
    make(world, tenant, start="beginning")
    tell(world, tenant, *(f"usr_{n}" for n in range(6)))

    def killed(got: Any) -> int:
        if orjson.loads(got.body)["first"] == 4:
            raise SystemExit("killed")
        return 200

    world.receivers.answers[URL] = killed
    with pytest.raises(SystemExit):
        world.streams.run_due()
    world.receivers.answers[URL] = 200
    tell(world, tenant, "usr_later")
    assert world.streams.run_due() == 0, "the lease of the dead holds"
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    world.streams.run_due()
    ids = [one.headers["webhook-id"].partition(".")[2] for one in world.receivers.received]
    assert ids == ["1-3", "4-6", "4-6", "7-9"]
    assert is_whole(records(world)[:3] + records(world)[6:])


def test_a_turn_whose_lease_is_lost_moves_nothing(quick: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver is so slow that the lease runs out and another worker takes its turn meanwhile."""
    monkeypatch.setattr(reading, "BATCH_RECORDS", 2)
    tenant = quick.tenant("acme")
    stream = make(quick, tenant, start="beginning")
    tell(quick, tenant, "usr_1", "usr_2")
    overtaken: list[int] = []

    def slow(got: Any) -> int:
        if not overtaken:
            overtaken.append(0)
            quick.clock.advance(seconds=LEASE.total_seconds() + 1)
            overtaken.append(quick.streams.run_due())
        return 200

    quick.receivers.answers[URL] = slow
    assert quick.streams.run_due() == 2
    assert overtaken[1] == 4
    assert sequences(records(quick)) == [1, 2, 1, 2, 3, 4]
    assert health(quick, tenant, stream)["delivered"] == 4


def test_waking_is_part_of_sealing(world: AdminWorld) -> None:
    """Nothing is sealed that no stream hears of: the wake is in the transaction that empties the outbox."""
    tenant = world.tenant("acme")
    stream = make(world, tenant)
    world.trail.seal_all()
    world.streams.run_due()
    scope = TenantScope(TenantId(tenant), OPERATOR)
    with world.stores.main.tenant(scope) as unit:
        turn = unit[LogStreams].turn(stream["id"])
        assert turn is not None
        assert turn.due_at is None
        before = turn.wakes
    tell(world, tenant, "usr_1")
    with world.stores.main.tenant(scope) as unit:
        turn = unit[LogStreams].turn(stream["id"])
        assert turn is not None
        assert turn.due_at is not None
        assert turn.wakes == before + 1


def test_a_receiver_checks_the_chain_across_batches(quick: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 2000)
    tenant = quick.tenant("acme")
    make(quick, tenant, start="beginning")
    tell(quick, tenant, *(f"usr_{n}" for n in range(30)))
    quick.streams.run_due()
    assert len(quick.receivers.received) > 3
    found = records(quick)
    assert is_whole(found)
    assert not is_whole(found[:10] + found[11:])
    assert not is_whole([found[0], {**found[1], "prev_hash": Head().hash}, *found[2:]])
