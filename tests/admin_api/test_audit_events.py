"""The trail over the API: searched, taken away as lines, as a table and as a pack that is checked with nothing else."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idbroker.audit.chain import first_fault
from idbroker.audit.export import safe_cell
from idbroker.audit.verify import verify_pack
from tests.support.admin_world import AdminWorld

RECORD = {
    "id", "sequence", "tenant_id", "ts", "actor", "action", "resource", "changes", "context", "auth_method", "session_id",
    "request_id", "prev_hash", "hash",
}  # fmt: skip


@pytest.fixture
def tenant(world: AdminWorld) -> str:
    """With a trail of some length."""
    tenant = world.tenant("acme")
    for name in ("acme.example", "acme.test.example", "umlaut-ä.example"):
        world.post(f"/tenants/{tenant}/domains", {"domain": name})
        world.clock.advance(minutes=10)
    world.post(f"/tenants/{tenant}/transitions", {"to": "active", "reason": "=cmd()"}, status=200)
    world.trail.seal_all()
    return tenant


def export(world: AdminWorld, tenant: str, how: str) -> Any:
    answer = world.send("GET", f"/tenants/{tenant}/audit-events/export?format={how}")
    assert answer.status_code == 200
    return answer


def test_records_are_what_was_sealed_newest_first(world: AdminWorld, tenant: str) -> None:
    records = world.sealed(tenant)
    assert [record["sequence"] for record in records] == [5, 4, 3, 2, 1]
    assert set(records[0]) == RECORD
    assert first_fault(reversed(records)) is None


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ({"action": "domain.added"}, [4, 3, 2]),
        ({"q": "ACME.TEST"}, [3]),
        ({"q": "100%"}, []),
        ({"since": "2026-11-21T09:10:00Z"}, [5, 4, 3]),
        ({"since": "2026-11-21T10:10:00%2B01:00", "until": "2026-11-21T09:30:00Z"}, [4, 3]),
        ({"actor": "key_nobody"}, []),
        ({"action": "domain.added", "limit": "1"}, [4]),
    ],
)
def test_filters(world: AdminWorld, tenant: str, query: dict[str, str], sequences: list[int]) -> None:
    assert [record["sequence"] for record in world.sealed(tenant, **query)] == sequences


def test_search_goes_on_where_it_stopped(world: AdminWorld, tenant: str) -> None:
    first = world.get(f"/tenants/{tenant}/audit-events?action=domain.added&limit=2")
    rest = world.get(f"/tenants/{tenant}/audit-events?action=domain.added&limit=2&cursor={first['next_cursor']}")
    assert [record["sequence"] for record in first["data"] + rest["data"]] == [4, 3, 2]
    assert rest["next_cursor"] is None


def test_resource_and_actor_are_found_by_id(world: AdminWorld, tenant: str) -> None:
    record = world.sealed(tenant)[0]
    assert len(world.sealed(tenant, resource=record["resource"]["id"])) == 2
    assert len(world.sealed(tenant, actor=record["actor"]["id"])) == 5


def test_lines_and_table(world: AdminWorld, tenant: str) -> None:
    lines = export(world, tenant, "jsonl")
    assert lines.headers["content-disposition"] == f'attachment; filename="audit-{tenant}.jsonl"'
    records = [json.loads(line) for line in lines.content.splitlines()]
    assert records == world.sealed(tenant)[::-1]
    rows = list(csv.DictReader(io.StringIO(export(world, tenant, "csv").content.decode(), newline="")))
    assert [row["sequence"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert json.loads(rows[4]["context"]) == {"reason": "=cmd()"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|x", "%x", "  =1", "＝1", "\n1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell("a" + text) == "a" + text
    assert safe_cell(None) == ""


def test_nor_does_one_begin_inside_of_a_cell() -> None:
    """Where a semicolon parts cells."""
    assert safe_cell("x; =1+1;-2\n@x") == "x; '=1+1;'-2\n'@x"
    assert safe_cell("a=1; b=2 (c; d)") == "a=1; b=2 (c; d)"


def test_a_pack_is_checked_offline(world: AdminWorld, tenant: str, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"
    pack.write_bytes(export(world, tenant, "pack").content)
    with zipfile.ZipFile(pack) as opened:
        assert opened.namelist() == ["records.jsonl", "heads.jsonl", "keys.json", "README.txt"]
        assert json.loads(opened.read("keys.json")) == world.get(f"/tenants/{tenant}/audit-keys")["data"]
    verdict = verify_pack(pack)
    assert (verdict.good, str(verdict)) == (True, "ok 5 records")
    assert export(world, tenant, "pack").content == pack.read_bytes()


def test_the_operators_own_trail_is_exported_too(world: AdminWorld, tmp_path: Path) -> None:
    world.post("/apps", {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"]})
    world.trail.seal_all()
    pack = tmp_path / "pack.zip"
    pack.write_bytes(world.send("GET", "/audit-events/export?format=pack").content)
    assert str(verify_pack(pack)) == "ok 1 records"


def test_a_trail_without_records_is_a_pack_too(world: AdminWorld, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"
    pack.write_bytes(export(world, world.tenant("empty"), "pack").content)
    assert str(verify_pack(pack)) == "ok 0 records"


Lines = list[bytes]
FORGERIES: list[tuple[str, Callable[[Lines], Lines], str]] = [
    ("changed", lambda r: [*r[:2], r[2].replace(b"acme.test", b"acme.tost"), *r[3:]], "record 3 (aud_…): its content"),
    ("removed", lambda r: [r[0], *r[2:]], "record 2 (aud_…): sequence 3 stands where 2 is due"),
    ("first removed", lambda r: r[1:], "record 1 (aud_…): sequence 2"),
    ("last removed", lambda r: r[:-1], "record 5 (?): the trail ends at 4"),
    ("all removed", lambda r: [], "record 1 (?): the trail ends at 0"),
    ("inserted", lambda r: [*r[:2], r[1], *r[2:]], "record 3 (aud_…): sequence 2"),
    ("reordered", lambda r: [r[0], r[2], r[1], *r[3:]], "record 2 (aud_…): sequence 3"),
    ("not canonical", lambda r: [r[0].replace(b":", b": ", 1), *r[1:]], "record 1 (aud_…): is not in the canonical form"),
    ("a key twice", lambda r: [b'{"action":"x",' + r[0][1:], *r[1:]], "record 1 (aud_…): is not in the canonical form"),
    ("no JSON", lambda r: [r[0], b"nonsense", *r[2:]], "record 2 (?): is not a JSON object"),
    ("no object", lambda r: [b"[]", *r[1:]], "record 1 (?): is not a JSON object"),
    ("no number", lambda r: [b'{"sequence":NaN}', *r[1:]], "record 1 (?): is not a JSON object"),
    ("not text", lambda r: [b"\xff", *r[1:]], "record 1 (?): is not a JSON object"),
    ("too deep", lambda r: [b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}", *r[1:]], "record 1 (?): is not a JSON object"),
    ("of another", lambda r: [r[0].replace(b'"tenant_id":"tnt_', b'"tenant_id":"tnt_x'), *r[1:]], "record 1 (aud_…): belongs"),
    ("blank line", lambda r: [r[0], b"", *r[1:]], "record 2 (?): is not a JSON object"),
]


@pytest.mark.parametrize(("forge", "told"), [case[1:] for case in FORGERIES], ids=[case[0] for case in FORGERIES])
def test_every_forgery_is_found_and_named(
    world: AdminWorld, tenant: str, tmp_path: Path, forge: Callable[[Lines], Lines], told: str
) -> None:
    with zipfile.ZipFile(io.BytesIO(export(world, tenant, "pack").content)) as genuine:
        members = {name: genuine.read(name) for name in genuine.namelist()}
    members["records.jsonl"] = b"".join(line + b"\n" for line in forge(members["records.jsonl"].splitlines()))
    verdict = verify_pack(packed(tmp_path, members))
    assert not verdict.good
    start, _, end = told.partition("aud_…")
    assert str(verdict).startswith(start)
    assert end in str(verdict)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"records.jsonl": b""},
        {"heads.jsonl": b"{}\n", "records.jsonl": b""},
        {"heads.jsonl": b"\n", "records.jsonl": b""},
        {"heads.jsonl": b'{"tenant_id":"t","sequence":true,"hash":""}', "records.jsonl": b""},
        {"heads.jsonl": b'{"tenant_id":"t","sequence":0,"hash":""}\n' * 2, "records.jsonl": b""},
    ],
)
def test_what_is_no_pack_is_said_to_be_none(tmp_path: Path, members: dict[str, bytes]) -> None:
    assert str(verify_pack(packed(tmp_path, members))).startswith("this is not an audit pack")


def test_a_file_of_another_kind_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("hello")
    assert str(verify_pack(path)).startswith("this is not an audit pack")


def packed(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "forged.zip"
    with zipfile.ZipFile(path, "w") as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    return path
