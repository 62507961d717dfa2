"""Bulk before it runs (RFC 7644 3.7): what is wrong with it, what needs what, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from scim.bulk_plan import BULK_SCHEMA, MAX_OPERATIONS, BulkPlan, bind, read_bulk, resolve


def bulk(*operations: Any, **more: Any) -> BulkPlan:
    return read_bulk({"schemas": [BULK_SCHEMA], "Operations": list(operations), **more})


def post(bulk_id: str, *needs: str, endpoint: str = "Users") -> dict[str, Any]:
    members = [{"value": f"bulkId:{name}"} for name in needs]
    return {"method": "POST", "path": f"/{endpoint}", "bulkId": bulk_id, "data": {"members": members}}


def order(plan: BulkPlan) -> list[int]:
    return [operation.position for operation in plan.operations]


def test_the_rfc_s_sample():
    plan = bulk(
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "Alice"}},
        {"method": "PUT", "path": "/Users/b7c14771", "version": 'W/"3694e05e9dff591"', "data": {"userName": "Bob"}},
        {"method": "PATCH", "path": "/Users/5d8d29d3", "version": 'W/"edac3253e2c0ef2"', "data": {"Operations": []}},
        {"method": "DELETE", "path": "/Users/e9025315", "version": 'W/"0ee8add0a938e1a"'},
        failOnErrors=1,
    )
    assert plan.fail_on_errors == 1
    assert [(o.method, o.endpoint, o.id, o.bulk_id, o.fault) for o in plan.operations] == [
        ("POST", "Users", None, "qwerty", None),
        ("PUT", "Users", "b7c14771", None, None),
        ("PATCH", "Users", "5d8d29d3", None, None),
        ("DELETE", "Users", "e9025315", None, None),
    ]
    assert plan.operations[3].version == 'W/"0ee8add0a938e1a"'
    assert plan.operations[3].data is None


def test_what_is_needed_comes_first_and_the_rest_keeps_its_order():
    assert order(bulk(post("a"), post("b"), post("c"))) == [0, 1, 2]
    assert order(bulk(post("g", "b", "c"), post("a"), post("b"), post("c"))) == [1, 2, 3, 0]
    assert order(bulk(post("a", "b"), post("b", "c"), post("c"))) == [2, 1, 0]
    plan = bulk(
        {"method": "PATCH", "path": "/Users/bulkId:a", "data": {}}, {"method": "DELETE", "path": "/Users/bulkId:a"}, post("a")
    )
    assert order(plan) == [2, 0, 1]
    assert [o.id_from for o in plan.operations] == [None, "a", "a"]


def test_circles_are_found_and_do_not_stop_the_others():
    plan = bulk(post("a", "b"), post("b", "a"), post("c"), post("d", "d"), post("e", "a"))
    faults = {o.bulk_id: o.fault.status if o.fault else None for o in plan.operations}
    assert faults == {"a": 409, "b": 409, "c": None, "d": 409, "e": 409}
    assert sorted(order(plan)) == [0, 1, 2, 3, 4]


def test_a_thousand_in_a_chain():
    names = [f"n{i}" for i in range(MAX_OPERATIONS)]
    plan = bulk(*(post(name, *names[i + 1 : i + 2]) for i, name in enumerate(names)))
    assert order(plan) == list(reversed(range(MAX_OPERATIONS)))


@pytest.mark.parametrize(
    "operation",
    [
        5,
        {},
        {"method": "GET", "path": "/Users/1"},
        {"method": "POST", "path": "/Users", "data": {}},
        {"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "a"},
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": []},
        {"method": "POST", "path": "/Users", "bulkId": 5, "data": {}},
        {"method": "POST", "path": "/Robots", "bulkId": "a", "data": {}},
        {"method": "POST", "path": "/", "bulkId": "a", "data": {}},
        {"method": "POST", "bulkId": "a", "data": {}},
        {"method": "PUT", "path": "/Users", "data": {}},
        {"method": "PUT", "path": "/Users/1/2", "data": {}},
        {"method": "PUT", "path": "/Users//", "data": {}},
        {"method": "PATCH", "path": "/Users/1"},
        {"method": "DELETE", "path": "/Users/1", "version": 5},
        {"method": "DELETE", "path": 5},
        {"method": "DELETE", "path": "/Users/bulkId:nobody"},
        {"method": "PUT", "path": "/Users/1", "data": {"manager": {"value": "bulkId:nobody"}}},
        {"method": ["POST"], "path": "/Users", "bulkId": "a", "data": {}},
    ],
)
def test_a_wrong_operation_is_its_own_fault(operation: Any):
    plan = bulk(operation, post("z"))
    faults = {o.position: o.fault for o in plan.operations}
    assert faults[0] is not None
    assert faults[1] is None


def test_a_bulk_id_is_used_once():
    plan = bulk(post("a"), post("a"), post("b", "a"))
    assert [o.fault is None for o in sorted(plan.operations, key=lambda o: o.position)] == [True, False, True]


@pytest.mark.parametrize(
    ("body", "scim_type", "status"),
    [
        ({}, "invalidSyntax", 400),
        ({"schemas": ["urn:x"], "Operations": [post("a")]}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA]}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": []}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": {}}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": [post("a")], "failOnErrors": 0}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": [post("a")], "failOnErrors": "1"}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": [post("a")], "failOnErrors": True}, "invalidSyntax", 400),
        ({"schemas": [BULK_SCHEMA], "Operations": [{}] * (MAX_OPERATIONS + 1)}, None, 413),
    ],
)
def test_what_is_no_bulk_request(body: dict[str, Any], scim_type: str | None, status: int, refused):
    with refused(scim_type, status=status):
        read_bulk(body)


def test_ids_are_put_in_where_they_are_meant(refused):
    data = {
        "members": [{"value": "bulkId:a", "display": "bulkId"}],
        "manager": {"value": "bulkId:a"},
        "x": "no bulkId:a",
    }
    assert bind(data, {"a": "usr_1"}) == {
        "members": [{"value": "usr_1", "display": "bulkId"}],
        "manager": {"value": "usr_1"},
        "x": "no bulkId:a",
    }
    assert resolve("a", {"a": "usr_1"}) == "usr_1"
    with refused("invalidValue", "'a'", status=409):
        bind(data, {})
