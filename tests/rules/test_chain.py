"""The hash chain: whatever is done to it, wherever, is found and named with its place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, strategies

from idbroker.audit.chain import GENESIS, Fault, Head, canonical, first_fault, head_of, link, written
from tests.support.properties import repeatable

LENGTH = 6
POSITIONS = range(LENGTH)


def document(number: int) -> dict[str, Any]:
    return {
        "id": f"aud_{number}",
        "tenant_id": "tnt_1",
        "ts": "2026-11-21T09:00:00.000Z",
        "action": "user.created",
        "changes": {"name": {"before": None, "after": f"Åsa {number}"}},
        "context": {"list": [1, 2.5, True, None, "“”"], "nested": {"z": 1, "a": 2}},
    }


@pytest.fixture
def chain() -> list[dict[str, Any]]:
    head, records = Head(), []
    for number in range(LENGTH):
        records.append(link(document(number), head))
        head = head_of(records[-1])
    return records


def sealed_again(record: dict[str, Any]) -> dict[str, Any]:
    """What a careful forger makes: a changed record with a hash that fits it."""
    body = {name: value for name, value in record.items() if name not in ("hash", "sequence", "prev_hash")}
    return link(body, Head(record["sequence"] - 1, record["prev_hash"]))


def test_a_whole_chain_has_no_fault(chain: list[dict[str, Any]]) -> None:
    assert first_fault(chain) is None
    assert first_fault(chain, head_of(chain[-1])) is None
    assert first_fault([], Head()) is None
    assert [record["sequence"] for record in chain] == [1, 2, 3, 4, 5, 6]
    assert chain[0]["prev_hash"] == GENESIS


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("field", ["action", "ts", "changes", "context", "id", "hash", "prev_hash", "sequence", "tenant_id"])
def test_a_change(chain: list[dict[str, Any]], position: int, field: str) -> None:
    record = chain[position]
    record[field] = record[field] + 1 if field == "sequence" else "f" * 64
    assert fault_of(chain).sequence == position + 1


@pytest.mark.parametrize("position", POSITIONS)
def test_a_change_deep_within(chain: list[dict[str, Any]], position: int) -> None:
    chain[position]["context"]["nested"]["a"] = 3
    fault = fault_of(chain)
    assert (fault.sequence, fault.record_id) == (position + 1, f"aud_{position}")
    assert "not what was sealed" in fault.what
    assert str(fault).startswith(f"record {position + 1} (aud_{position}): ")


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("field", ["action", "changes", "hash", "prev_hash", "sequence", "id"])
def test_a_field_taken_away(chain: list[dict[str, Any]], position: int, field: str) -> None:
    del chain[position][field]
    assert fault_of(chain).sequence == position + 1


@pytest.mark.parametrize("position", POSITIONS)
def test_a_field_added(chain: list[dict[str, Any]], position: int) -> None:
    chain[position]["note"] = "harmless"
    assert fault_of(chain).sequence == position + 1


@pytest.mark.parametrize("position", POSITIONS)
def test_a_change_sealed_again_is_found_at_the_next_record(chain: list[dict[str, Any]], position: int) -> None:
    head = head_of(chain[-1])
    chain[position]["action"] = "user.deleted"
    chain[position] = sealed_again(chain[position])
    assert fault_of(chain, head).sequence == position + 2


@pytest.mark.parametrize("position", POSITIONS)
def test_a_removal(chain: list[dict[str, Any]], position: int) -> None:
    head = head_of(chain[-1])
    del chain[position]
    assert fault_of(chain, head).sequence == position + 1


@pytest.mark.parametrize("position", POSITIONS)
def test_an_insertion(chain: list[dict[str, Any]], position: int) -> None:
    chain.insert(position, copy.deepcopy(chain[0]))
    assert fault_of(chain).sequence == (position + 1 if position else 2)


@pytest.mark.parametrize("position", POSITIONS)
def test_a_forged_insertion(chain: list[dict[str, Any]], position: int) -> None:
    before = Head() if position == 0 else head_of(chain[position - 1])
    forged = link(document(99), before)
    head = head_of(chain[-1])
    chain.insert(position, forged)
    assert fault_of(chain, head).sequence == position + 2


@pytest.mark.parametrize("position", range(LENGTH - 1))
def test_two_records_in_each_others_place(chain: list[dict[str, Any]], position: int) -> None:
    chain[position], chain[position + 1] = chain[position + 1], chain[position]
    assert fault_of(chain).sequence == position + 1


@pytest.mark.parametrize("kept", POSITIONS)
def test_a_missing_end_is_found_by_the_head(chain: list[dict[str, Any]], kept: int) -> None:
    fault = fault_of(chain[:kept], head_of(chain[-1]))
    assert fault.sequence == kept + 1
    assert first_fault(chain[:kept]) is None, "without the head nobody can know"


def test_an_end_beyond_the_head(chain: list[dict[str, Any]]) -> None:
    assert fault_of(chain, head_of(chain[3])).sequence == LENGTH + 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"x": "\udfff"}])
def test_what_no_document_holds_is_a_fault_and_no_crash(chain: list[dict[str, Any]], value: Any) -> None:
    chain[2]["context"]["list"] = value
    fault = fault_of(chain)
    assert fault.sequence == 3
    assert "not what was sealed" in fault.what


def fault_of(records: list[dict[str, Any]], head: Head | None = None) -> Fault:
    fault = first_fault(records, head)
    assert fault is not None
    return fault


storable = strategies.text(alphabet=strategies.characters(codec="utf-8"), max_size=20)
values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats(allow_nan=False, allow_infinity=False)
    | storable,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(storable, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@repeatable
@given(strategies.dictionaries(storable, values, max_size=5))
def test_canonical_json_survives_being_read(body: dict[str, Any]) -> None:
    once = canonical(body)
    assert canonical(json.loads(once)) == once
    assert canonical(dict(reversed(body.items()))) == once


@repeatable
@given(strategies.lists(strategies.dictionaries(storable, values, max_size=3), min_size=1, max_size=4))
def test_a_chain_of_anything_holds_after_being_stored(bodies: list[dict[str, Any]]) -> None:
    head, lines = Head(), []
    for body in bodies:
        record = link(body, head)
        head = head_of(record)
        lines.append(canonical(record))
    assert first_fault(map(json.loads, lines), head) is None


AWKWARD: list[dict[str, Any]] = [
    {"id": "aud_1", "action": "a", "context": {"z": 1, "a": 'é\u2028"\\', "f": 1e300, "n": 2**70, "h": [None, True, -0.0]}},
    {"id": "x"},
    {"zz": 1, "hash_": 2, "has": 3, "hasi": {"hash": 1}},
    {},
]


def test_what_is_written_is_the_record_itself() -> None:
    head = Head()
    for document in AWKWARD:
        record, text = written(document, head)
        assert record == link(document, head)
        assert text.encode() == canonical(record)
        assert first_fault([record], after=head) is None
        head = head_of(record)
