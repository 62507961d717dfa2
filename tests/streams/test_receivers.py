"""What each type of receiver is sent, and what its answers mean."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import orjson
import pytest

from idbroker.kernel.ids import TenantId
from idbroker.outbound.fetcher import Fetched, FetchFailed
from idbroker.streams.contract import Destination, Record
from idbroker.streams.sinks.syslog import element, framed, message
from tests.streams.trailing import health, make, tell
from tests.support.admin_world import AdminWorld

TAKEN = b'{"text":"Success","code":0}'


def sent(world: AdminWorld, answer: bytes | int | Fetched = 200, **fields: Any) -> tuple[str, Any]:
    """(tenant, stream) after three records were sent once."""
    tenant = world.tenant("acme")
    stream = make(world, tenant, start="beginning", **fields)
    tell(world, tenant, "usr_1")
    if isinstance(answer, bytes):
        answer = Fetched("", 200, {}, answer)
    world.receivers.answers = AnyUrl(answer)
    world.streams.run_due()
    return tenant, stream


class AnyUrl(dict[str, Any]):
    """The same answer everywhere."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def get(self, url: str, default: Any = None) -> Any:
        return self._answer


def test_splunk(quick: AdminWorld) -> None:
    tenant, stream = sent(
        quick, TAKEN, type="splunk_hec", url="https://hec.example:8088", token="abc-1", index="security", sourcetype="x:y"
    )
    (got,) = quick.receivers.received
    assert got.url == "https://hec.example:8088/services/collector/event"
    assert got.headers["authorization"] == "Splunk abc-1"
    assert re.fullmatch(r"[0-9a-f-]{36}", got.headers["x-splunk-request-channel"])
    events = [json.loads(line) for line in got.body.split(b"\n")]
    assert [event["event"] for event in events] == list(reversed(quick.sealed(tenant)))
    assert {(event["index"], event["sourcetype"], event["source"]) for event in events} == {("security", "x:y", "idbroker")}
    assert events[0]["time"] == quick.clock.now().timestamp()
    assert health(quick, tenant, stream)["delivered"] == 3


def test_datadog(quick: AdminWorld) -> None:
    tenant, _ = sent(quick, 202, type="datadog", api_key="k1", site="datadoghq.eu", tags=["env:prod", "team:sec"])
    (got,) = quick.receivers.received
    assert got.url == "https://http-intake.logs.datadoghq.eu/api/v2/logs"
    assert got.headers["dd-api-key"] == "k1"
    entries = json.loads(got.body)
    assert [entry["audit"] for entry in entries] == list(reversed(quick.sealed(tenant)))
    assert {(entry["ddsource"], entry["ddtags"]) for entry in entries} == {("idbroker", "env:prod,team:sec")}
    assert entries[-1]["message"] == "user.updated #3"


def bulk(*statuses: int) -> bytes:
    items = [{"create": {"status": status, "error": {"type": "e", "reason": f"because {status}"}}} for status in statuses]
    return json.dumps({"errors": any(status != 201 for status in statuses), "items": items}).encode()


def test_elastic(quick: AdminWorld) -> None:
    tenant, stream = sent(
        quick, bulk(201, 409, 201), type="elastic", url="https://es.example:9200/", username="u", password="p w"
    )
    (got,) = quick.receivers.received
    assert got.url.partition("?")[0] == "https://es.example:9200/idbroker-audit/_bulk"
    assert got.headers["authorization"] == "Basic " + base64.b64encode(b"u:p w").decode()
    lines = [json.loads(line) for line in got.body.splitlines()]
    assert got.body.endswith(b"\n")
    records = list(reversed(quick.sealed(tenant)))
    assert lines[::2] == [{"create": {"_id": record["id"]}} for record in records]
    assert lines[1::2] == [{"@timestamp": record["ts"], **record} for record in records]
    assert health(quick, tenant, stream)["delivered"] == 3, "what is there already has arrived"


@pytest.mark.parametrize(
    ("fields", "answer", "told"),
    [
        ({"type": "splunk_hec", "url": "https://h.example", "token": "x"}, b'{"text":"Invalid token","code":4}', "collector"),
        ({"type": "splunk_hec", "url": "https://h.example", "token": "x"}, b"<html>welcome", "collector"),
        ({"type": "splunk_hec", "url": "https://h.example", "token": "x"}, b"[]", "collector"),
        ({"type": "datadog", "api_key": "x"}, 403, "403"),
        ({"type": "datadog", "api_key": "x"}, 301, "301"),
        ({"type": "elastic", "url": "https://e.example"}, bulk(201, 400, 429), r"2 record\(s\).*\(400\): because 400"),
        ({"type": "elastic", "url": "https://e.example"}, b"{}", "Elasticsearch"),
        ({"type": "elastic", "url": "https://e.example"}, b'{"errors":true,"items":[{"index":{}}]}', "Elasticsearch"),
        ({"type": "elastic", "url": "https://e.example"}, b"\xff\x00", "Elasticsearch"),
        ({"type": "https", "url": "https://h.example"}, 404, "404"),
    ],
)  # fmt: skip
def test_what_is_no_yes_moves_nothing(quick: AdminWorld, fields: dict[str, Any], answer: Any, told: str) -> None:
    tenant, stream = sent(quick, answer, **fields)
    shown = health(quick, tenant, stream)
    assert (shown["state"], shown["delivered"], shown["failures"]) == ("failing", 0, 1)
    assert re.search(told, shown["last_error"])


def test_syslog(quick: AdminWorld) -> None:
    tenant, stream = sent(quick, type="syslog", host="Log.Example", port=6515, facility=10)
    ((host, port, data),) = quick.lines.received
    assert (host, port) == ("log.example", 6515)
    for record in reversed(quick.sealed(tenant)):
        length, _, rest = data.partition(b" ")
        text, data = rest[: int(length)].decode(), rest[int(length) :]
        head, told = text.split("] ", 1)
        assert head.startswith(f"<85>1 {record['ts']} idbroker idbroker - {record['action']} [meta sequenceId=")
        assert f'sequence="{record["sequence"]}"' in head
        assert f'prev_hash="{record["prev_hash"]}" hash="{record["hash"]}"' in head
        assert json.loads(told) == record
    assert data == b""
    assert health(quick, tenant, stream)["delivered"] == 3
    quick.lines.answers["log.example"] = FetchFailed("outbound_timeout", "It hangs.")
    tell(quick, tenant, "usr_2")
    quick.streams.run_due()
    assert health(quick, tenant, stream)["last_error"] == "It hangs."


HOSTILE = ('a"b', "a]b", "a\\b", 'x" evil="1', "]\n<0>1 - - - - - -", "\x00\x7f", "é💥", '\\"]' * 3)


def test_no_value_leaves_its_place_in_structured_data() -> None:
    """RFC 5424 6.3.3, read back by a parser that knows nothing else."""
    for value in HOSTILE:
        text = element("audit@32473", {"a": value, "b": "1", "c": None})
        found = dict(re.findall(r'(\w+)="((?:[^"\\\]]|\\["\\\]])*)"', text))
        assert re.fullmatch(r'\[audit@32473( \w+="(?:[^"\\\]]|\\["\\\]])*")*\]', text), text
        assert set(found) == {"a", "b"}
        assert not any(ord(character) < 32 for character in text)


def test_no_record_splits_a_message(quick: AdminWorld) -> None:
    to = Destination(TenantId("tnt_x"), "lst_x", {"host": "h"})
    for value in HOSTILE:
        fields = {
            "id": value, "ts": "2026-11-21T09:00:00.000Z", "action": value, "actor": {"id": None, "name": value},
            "resource": {"id": value}, "prev_hash": "0", "hash": "1",
        }  # fmt: skip
        text = message(to, Record(1, value, quick.clock.now(), orjson.dumps(fields).decode()))
        assert all(32 <= byte < 127 for byte in text.split(b" [meta")[0])
        assert b"\n" not in text
        assert framed(text) == b"%d " % len(text) + text


def test_a_file(quick: AdminWorld) -> None:
    tenant, stream = sent(quick, type="file")
    assert quick.folder is not None
    path = quick.folder / tenant / f"{stream['id']}.jsonl"
    assert [json.loads(line) for line in path.read_text().splitlines()] == list(reversed(quick.sealed(tenant)))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with path.open("ab") as cut:
        cut.write(b'{"half a rec')
    tell(quick, tenant, "usr_2")
    quick.streams.run_due()
    assert [json.loads(line)["sequence"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]
    path.rename(path.with_suffix(".1"))
    tell(quick, tenant, "usr_3")
    quick.streams.run_due()
    assert [json.loads(line)["sequence"] for line in path.read_text().splitlines()] == [5]


def test_a_file_follows_no_link(quick: AdminWorld, tmp_path: Any) -> None:
    tenant, stream = sent(quick, type="file")
    assert quick.folder is not None
    path, elsewhere = quick.folder / tenant / f"{stream['id']}.jsonl", tmp_path / "elsewhere"
    path.unlink()
    path.symlink_to(elsewhere)
    tell(quick, tenant, "usr_2")
    quick.streams.run_due()
    assert not elsewhere.exists()
    assert health(quick, tenant, stream)["failures"] == 1


def test_files_are_the_operators_to_make(quick: AdminWorld) -> None:
    tenant = quick.tenant("acme")
    refused = quick.send("POST", f"/tenants/{tenant}/log-streams", {"type": "file"}, key=quick.key(tenant))
    assert (refused.status_code, refused.json()["code"]) == (403, "file_streams_are_operators")
    for field in ("path", "file", "name"):
        answer = quick.send("POST", f"/tenants/{tenant}/log-streams", {"type": "file", field: "../../etc/passwd"})
        assert answer.status_code == (201 if field == "name" else 422)
    quick.trail.seal_all()
    quick.streams.run_due()
    assert quick.folder is not None
    assert {one.parent for one in quick.folder.rglob("*.jsonl")} == {quick.folder / tenant}


def test_without_a_folder_there_are_no_files(sqlite_stores: Any, clock: Any) -> None:
    world = AdminWorld(sqlite_stores, clock)
    answer = world.send("POST", f"/tenants/{world.tenant('acme')}/log-streams", {"type": "file"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_log_stream_folder")


def test_a_fault_of_ours_counts_like_one_of_the_receivers(quick: AdminWorld) -> None:
    tenant, stream = sent(quick)
    quick.receivers.answers = AnyUrl(ZeroDivisionError("a bug"))
    tell(quick, tenant, "usr_2")
    quick.streams.run_due()
    assert health(quick, tenant, stream)["failures"] == 1
