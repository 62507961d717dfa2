"""A pack of 121 records and 12 heads, forged in every way at a hundred places: each is named with its position."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from idbroker.audit import verify as verify_module
from idbroker.audit.chain import Head, canonical, link
from idbroker.audit.heads import hash_of, signed
from idbroker.audit.notary import TrailBroken
from idbroker.audit.records import AuditRecords
from idbroker.audit.verify import verify_pack
from tests.audit.conftest import Forge, Lines, Sealed

RECORDS = 121
PLACES = range(1, 101)


@pytest.fixture
def genuine(quick: Sealed) -> dict[str, bytes]:
    for turn in range(12):
        quick.record(10)
        assert quick.notary.sign_due() == 1, turn
        if turn == 5:
            quick.keys.rotate()
    assert str(quick.verdict()) == f"ok {RECORDS} records"
    return quick.pack()


def swapped(lines: Lines, at: int) -> Lines:
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def resealed(lines: Lines, at: int) -> Lines:
    """Who can write into the store can compute hashes: the chain from there on is whole again, and all of it another one."""
    records = [json.loads(line) for line in lines]
    records[at]["resource"]["name"] = "Mallory"
    before = Head(at, records[at]["prev_hash"])
    for number in range(at, len(records)):
        content = {key: value for key, value in records[number].items() if key not in ("sequence", "prev_hash", "hash")}
        records[number] = link(content, before)
        before = Head(number + 1, records[number]["hash"])
    return [canonical(record) for record in records]


RECORD_FORGERIES: dict[str, tuple[Forge, Callable[[int], str]]] = {
    "changed": (
        lambda r, p: [*r[:p], r[p].replace(b'"Person ', b'"Persan '), *r[p + 1 :]],
        lambda p: f"record {p + 1} (aud_",
    ),
    "removed": (lambda r, p: [*r[:p], *r[p + 1 :]], lambda p: f"record {p + 1} (aud_"),
    "inserted": (lambda r, p: [*r[:p], r[p - 1], *r[p:]], lambda p: f"record {p + 1} (aud_"),
    "reordered": (swapped, lambda p: f"record {p + 1} (aud_"),
    "cut short": (
        lambda r, p: r[:p],
        lambda p: f"record {p + 1} (?): the trail ends at {p}",
    ),
    "sealed again": (resealed, lambda p: f"head {(p + 9) // 10}: the first {(p + 9) // 10 * 10 + 1} records are not"),
    "a bit": (lambda r, p: [*r[:p], flipped(r[p], p), *r[p + 1 :]], lambda p: f"record {p + 1} ("),
}


def flipped(line: bytes, place: int) -> bytes:
    """One character of the record's hash."""
    at = line.index(b'"hash":"') + 8 + place % 64
    return line[:at] + (b"0" if line[at : at + 1] != b"0" else b"1") + line[at + 1 :]


@pytest.mark.parametrize("way", RECORD_FORGERIES)
def test_whatever_is_done_to_records_is_named_with_its_position(quick: Sealed, genuine: dict[str, bytes], way: str) -> None:
    forge, told = RECORD_FORGERIES[way]
    lines = genuine["records.jsonl"].splitlines()
    for place in PLACES:
        forged = b"".join(line + b"\n" for line in forge(lines, place))
        verdict = quick.verdict({**genuine, "records.jsonl": forged})
        assert str(verdict).startswith(told(place)), (way, place, str(verdict))


HEAD_FORGERIES: dict[str, tuple[Forge, Callable[[int], str]]] = {
    "changed": (
        lambda h, p: [*h[:p], h[p].replace(b'"root":"', b'"root":"00')[:], *h[p + 1 :]],
        lambda p: f"head {p + 1}: its sig",
    ),
    "removed": (lambda h, p: [*h[:p], *h[p + 1 :]], lambda p: f"head {p + 1}: "),
    "inserted": (lambda h, p: [*h[:p], h[p], *h[p:]], lambda p: f"head {p + 2}: head {p + 1} stands in its place"),
    "reordered": (swapped, lambda p: f"head {p + 1}: "),
    "cut short": (lambda h, p: h[: p + 1], lambda p: f"head {p + 2}: is missing, the pack has no signed end"),
    "cut short before the end": (lambda h, p: [*h[: p + 1], h[-1]], lambda p: f"head {p + 2}: is missing"),
}


@pytest.mark.parametrize("way", HEAD_FORGERIES)
def test_whatever_is_done_to_heads_is_named_with_its_position(quick: Sealed, genuine: dict[str, bytes], way: str) -> None:
    forge, told = HEAD_FORGERIES[way]
    lines = genuine["heads.jsonl"].splitlines()
    for place in range(11):
        forged = b"".join(line + b"\n" for line in forge(lines, place))
        verdict = quick.verdict({**genuine, "heads.jsonl": forged})
        assert str(verdict).startswith(told(place)), (way, place, str(verdict))


KEY_FORGERIES: list[tuple[str, Callable[[list[dict[str, str]]], object], str]] = [
    ("none", lambda keys: [], "head 1: is signed with key"),
    ("the first gone", lambda keys: keys[1:], "key 1 ("),
    ("the second gone", lambda keys: keys[:1], "head 7: is signed with key"),
    ("reordered", lambda keys: keys[::-1], "key 1 ("),
    ("twice", lambda keys: [*keys, keys[1]], "key 3 ("),
    ("changed", lambda keys: [keys[0], {**keys[1], "public_key": "00" * 32}], "key 2 ("),
    ("of another day", lambda keys: [{**keys[0], "created_at": "2020"}, keys[1]], "key 1 ("),
    ("no key", lambda keys: [{"kid": 7}], "key 1 (7): is no key"),
    ("no list", lambda keys: {"a": 1}, "this is not an audit pack: keys.json does not hold keys"),
]


@pytest.mark.parametrize(("forge", "told"), [case[1:] for case in KEY_FORGERIES], ids=[case[0] for case in KEY_FORGERIES])
def test_keys_too(quick: Sealed, genuine: dict[str, bytes], forge: Callable[..., object], told: str) -> None:
    forged = json.dumps(forge(json.loads(genuine["keys.json"])), sort_keys=True, separators=(",", ":"))
    assert str(quick.verdict({**genuine, "keys.json": forged.encode() + b"\n"})).startswith(told)


def test_a_stranger_who_signs_all_of_it_himself_is_known_by_his_key(quick: Sealed, genuine: dict[str, bytes]) -> None:
    """Offline, a whole forgery is a whole pack: but not one that leads back to the key that the auditor knows."""
    known = quick.verdict(genuine).kid
    assert known is not None
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    key = {
        "kid": sha256(raw).hexdigest()[:32],
        "algorithm": "Ed25519",
        "public_key": raw.hex(),
        "created_at": "",
        "previous": None,
    }
    key["endorsement"] = private.sign(b"idbroker audit key 1\n" + canonical(key)).hex()

    class Key:
        kid = str(key["kid"])

        def sign(self, message: bytes) -> bytes:
            return private.sign(message)

    before, heads = "0" * 64, []
    for line in genuine["heads.jsonl"].splitlines():
        facts = {
            name: value
            for name, value in json.loads(line).items()
            if name not in ("kid", "signature", "kind", "tenant_id", "ts")
        }
        facts = {**facts, "prev_head": before, **({"keys": 1} if "keys" in facts else {})}
        document = signed(Key(), json.loads(line)["kind"], quick.scope.tenant, quick.clock.now(), facts)
        before = hash_of(document)
        heads.append(canonical(document) + b"\n")
    forged = {**genuine, "heads.jsonl": b"".join(heads), "keys.json": b"[" + canonical(key) + b"]\n"}
    assert quick.verdict(forged).good
    assert quick.verdict(forged).kid != known
    assert str(quick.verdict(forged, key=known)) == f"key {known}: is not among the keys of this pack"
    assert quick.verdict(genuine, key=known).good


STORE_TAMPERINGS = {
    "changed": "UPDATE audit_records SET document = replace(document, 'acme', 'acne') WHERE sequence = :at",
    "removed": "DELETE FROM audit_records WHERE sequence = :at",
    "put in the place of another": "UPDATE audit_records SET document = (SELECT document FROM keep WHERE sequence = :at - 1)"
    " WHERE sequence = :at",
    "renumbered": "UPDATE audit_records SET sequence = 100000 WHERE sequence = :at",
    "cut short": "DELETE FROM audit_records WHERE sequence >= :at",
}


@pytest.mark.parametrize("way", STORE_TAMPERINGS)
def test_a_store_that_was_tampered_with_is_told_by_its_pack_and_never_signed_again(quick: Sealed, way: str) -> None:
    quick.record(30, word="acme")
    assert quick.notary.sign_due() == 1
    quick.record(5, word="acme")
    store = quick.stores.audit.engine
    with store.begin() as connection:
        connection.execute(text("CREATE TABLE keep AS SELECT * FROM audit_records"))
    for at in range(2, 37, 2):
        with store.begin() as connection:
            connection.execute(text(STORE_TAMPERINGS[way]), {"at": at})
        # Of what is behind the last record nothing is left in the pack; what tells is that nobody signed its end.
        gone = (at > 31 and way == "cut short") or (at == 36 and way in ("removed", "renumbered"))
        assert str(quick.verdict()).startswith("head 2: is missing, the pack has no" if gone else f"record {at} ("), at
        if at > 31:  # what lies under a head is told by that head; what does not must not get one
            with pytest.raises(TrailBroken):
                quick.notary.sign(quick.scope.tenant)
        with store.begin() as connection:
            connection.execute(text("DELETE FROM audit_records"))
            connection.execute(text("INSERT INTO audit_records SELECT * FROM keep"))
    assert quick.notary.sign(quick.scope.tenant)
    assert quick.verdict().good


def test_a_store_whose_chain_was_sealed_again_gets_no_signature(quick: Sealed) -> None:
    """The main database knows the end, so that even a whole chain of other records does not pass for this one."""
    quick.record(5)
    with quick.stores.audit.tenant(quick.scope, read_only=True) as unit:
        lines = [canonical(record) for record in unit[AuditRecords].walk()]
    with quick.stores.audit.engine.begin() as connection:
        for line in resealed(lines, 3):
            values = {"document": line.decode(), "sequence": json.loads(line)["sequence"], "hash": json.loads(line)["hash"]}
            statement = "UPDATE audit_records SET document = :document, hash = :hash WHERE sequence = :sequence"
            connection.execute(text(statement), values)
    with pytest.raises(TrailBroken, match="not the one that the trail ends with"):
        quick.notary.sign(quick.scope.tenant)
    assert str(quick.verdict()) == "head 1: is missing, the pack has no signed end"


@pytest.mark.parametrize("what", ["DELETE FROM audit_heads", "UPDATE audit_heads SET hash = 'f'"])
def test_the_last_head_cannot_be_taken_out_of_the_store_unseen(quick: Sealed, what: str) -> None:
    for _ in range(3):
        quick.record(10)
        quick.notary.sign_due()
    with quick.stores.audit.engine.begin() as connection:
        connection.execute(text(f"{what} WHERE number = 3"))
    with pytest.raises(TrailBroken, match="head 3"):
        quick.notary.sign(quick.scope.tenant)
    assert not quick.verdict().good


HOSTILE: list[tuple[str, Callable[[zipfile.ZipFile], None], str]] = [
    ("a path", lambda z: z.writestr("../../etc/passwd", "x"), "'../../etc/passwd' does not belong into one"),
    ("an absolute path", lambda z: z.writestr("/records.jsonl", "x"), "'/records.jsonl' does not belong into one"),
    ("a folder", lambda z: z.writestr("records.jsonl/", ""), "'records.jsonl/' does not belong into one"),
    ("a name twice", lambda z: z.writestr("records.jsonl", ""), "records.jsonl is in it more than once"),
    ("thousands of files", lambda z: [z.writestr(f"{n}", "") for n in range(3000)], "it holds other files than a pack does"),
    ("another file", lambda z: z.writestr("x" * 5000, ""), f"'{'x' * 60}' does not belong into one"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("spoil", "told"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_a_hostile_container_is_refused(tmp_path: Path, spoil: Callable[[zipfile.ZipFile], object], told: str) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("records.jsonl", "heads.jsonl", "keys.json", "README.txt"):
            file.writestr(name, b"")
        spoil(file)
    assert str(verify_pack(path)) == f"this is not an audit pack: {told}"


BOMBS = ["records.jsonl", "heads.jsonl", "keys.json"]


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("filling", [b"0", b"[", b"\n", b'{"a":1}\n'])
def test_a_bomb_is_refused_before_it_has_unfolded(quick: Sealed, name: str, filling: bytes) -> None:
    """Sixty megabytes stand for as many as one likes: what is read of it is bounded."""
    quick.record(1)
    tracemalloc.start()
    verdict = quick.verdict({**quick.pack(), name: filling * (60_000_000 // len(filling))})
    assert not verdict.good
    assert len(str(verdict)) < 200
    tracemalloc.stop()


def test_another_way_of_packing_is_refused(quick: Sealed) -> None:
    path = quick.folder / "lzma.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        for name, content in quick.pack().items():
            file.writestr(name, content)
    assert "packed in a way" in str(verify_pack(path))


def test_a_torn_file_is_no_pack(quick: Sealed) -> None:
    quick.record(50)
    assert quick.verdict().good
    whole = (quick.folder / "pack.zip").read_bytes()
    path = quick.folder / "torn.zip"
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:end])
        assert str(verify_pack(path)).startswith("this is not an audit pack"), end
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        str(verify_pack(path))  # a byte of a zip header may say nothing; none may be a crash


def test_the_page_runs_alone(quick: Sealed) -> None:
    """With nothing of ours beside it: that is what an auditor gets."""
    quick.record(3)
    assert quick.verdict().good
    page = quick.folder / "verify.py"
    page.write_bytes(Path(verify_module.__file__).read_bytes())
    ran = subprocess.run(
        [sys.executable, "-I", str(page), str(quick.folder / "pack.zip")],
        capture_output=True,
        text=True,
        cwd=quick.folder,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "ok 4 records\n")
    assert "idbroker" not in "".join(re.findall(r"^(?:import|from) .*", page.read_text(), re.MULTILINE))
