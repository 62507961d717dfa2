"""Broken and hostile requests at every address: refused in SCIM's form, never a 5xx, nothing half done."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.scim_world import PATCH_OP, USER, ScimWorld

DEEP = b'{"a":' * 400 + b"1" + b"}" * 400
BODIES: list[tuple[bytes, int]] = [
    (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b'"x"', 400), (b"\xff\xfe", 400), (DEEP, 400),
    (b'{"userName":"a","userName":"b"}', 400), (b'{"userName":"\\u0000"}', 400), (b'{"userName":"\\ud800"}', 400),
    (b'{"userName":1e999}', 400), (b'{"userName":' + b"9" * 400 + b"}", 400),
    (b'{"userName":"' + b"x" * 1_100_000 + b'"}', 413),
    (b'{"Operations":' + b"[" * 100 + b"]" * 100 + b"}", 400),
]  # fmt: skip
ADDRESSES = [
    ("POST", "/Users"), ("PUT", "/Users/{user}"), ("PATCH", "/Users/{user}"), ("POST", "/Groups"), ("PUT", "/Groups/{group}"),
    ("PATCH", "/Groups/{group}"), ("POST", "/Bulk"), ("POST", "/.search"), ("POST", "/Users/.search"),
]  # fmt: skip


@pytest.fixture
def idp(lite: ScimWorld) -> Any:
    return lite.directory()


def test_no_body_breaks_an_address(lite: ScimWorld, idp: Any):
    user, group = idp.user("ada"), idp.group("G")
    for method, path in ADDRESSES:
        where = path.format(user=user["id"], group=group["id"])
        for body, status in BODIES:
            answer = idp.send(method, where, raw=body)
            assert answer.status_code == status, (method, path, body[:40], answer.text)
            assert answer.json()["status"] == str(status)
        assert idp.send(method, where, raw=b"{}", headers={"content-type": "text/xml"}).status_code == 415
        for value in (None, 1, "x", [], [[]], {"a": {}}, True):
            wrong = {
                "userName": value,
                "displayName": value,
                "Operations": value,
                "schemas": value,
                "filter": value,
                "members": value,
            }
            assert idp.send(method, where, wrong).status_code in (200, 400), (method, path, value)
    assert idp.ok("GET", f"/Users/{user['id']}")["userName"] == "ada"


@pytest.mark.parametrize(
    "query",
    [
        "filter=", "filter=userName", 'filter=nothing eq "x"', "filter=userName eq 1", "filter=active gt true",
        "filter=" + "(" * 50 + "id pr", "filter=" + "not (" * 30 + "id pr" + ")" * 30,
        "filter=" + " or ".join(['id eq "x"'] * 60), 'filter=userName eq "' + "x" * 5000 + '"', "filter=userName%20eq%20%00",
        "sortBy=nothing", "sortOrder=up", "startIndex=x", "count=x", "cursor=x", "cursor=&count=0",
        "attributes=id&excludedAttributes=id", "filter=id pr&filter=id pr", 'filter=emails[type eq "work"',
        "%ff=%fe&filter=%ff",
    ],
)  # fmt: skip
def test_no_query_breaks_a_list(idp: Any, query: str):
    for path in ("/Users", "/Groups"):
        assert idp.send("GET", f"{path}?{query}").status_code == 400, query


def test_odd_numbers_are_brought_to_reason(idp: Any):
    idp.user("ada")
    for query, number in (
        ("startIndex=-5", 1),
        ("startIndex=0", 1),
        ("count=-1", 0),
        ("count=99999999999", 1),
        ("startIndex=2147483647", 0),
    ):
        assert len(idp.ok("GET", f"/Users?{query}")["Resources"]) == number, query


@pytest.mark.parametrize(
    "tail", ["x", "usr_", "%00", "..", "usr_01m8ejyygtehf8zwphg9znrjq1", "grp_01m8ejyygtehf8zwphg9znrjq1", "x" * 3000, "é"]
)
def test_no_id_breaks_an_address(idp: Any, tail: str):
    for kind in ("Users", "Groups"):
        for method, body in (("GET", None), ("PUT", {"userName": "x", "displayName": "x"}), ("DELETE", None)):
            assert idp.send(method, f"/{kind}/{tail}", body).status_code in (404, 405), (kind, method)


def test_a_patch_that_fails_in_the_middle_changes_nothing(idp: Any):
    user, group = idp.user("ada"), idp.group("G")
    for wrong in (
        {"op": "replace", "path": "nothing", "value": 1},
        {"op": "jump", "path": "title"},
        {"op": "remove"},
        {"op": "add", "path": "id", "value": "x"},
    ):
        refused = idp.patch(f"/Users/{user['id']}", {"op": "add", "path": "title", "value": "x"}, wrong)
        assert refused.status_code == 400, wrong
    assert idp.ok("GET", f"/Users/{user['id']}") == user
    first = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    assert (
        idp.patch(f"/Groups/{group['id']}", first, {"op": "add", "path": "members", "value": [{"value": "x"}]}).status_code
        == 400
    )
    assert idp.members(group["id"]) == set()


def test_ten_thousand_operations_are_too_many(idp: Any):
    operations = [{"method": "DELETE", "path": "/Users/x"}] * 10_000
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    assert idp.send("POST", "/Bulk", bulk).status_code == 413
    many = [{"op": "add", "path": "title", "value": "x"}] * 10_000
    assert idp.patch(f"/Users/{idp.user('ada')['id']}", *many).status_code in (200, 400, 413)


def test_members_go_only_when_it_is_said(idp: Any):
    ada = idp.user("ada")["id"]
    group = idp.group("G", ada)["id"]
    for operation in (
        {"op": "remove", "path": "members", "value": []},
        {"op": "replace", "path": "members", "value": None},
        {"op": "replace", "path": "members"},
        {"op": "add", "path": "members", "value": []},
        {"op": "remove", "path": "members", "value": None},
    ):
        idp.patch(f"/Groups/{group}", operation)
        assert idp.members(group) == {ada}, operation
    for body in ({"displayName": "G"}, {"displayName": "G", "members": None}):
        idp.send("PUT", f"/Groups/{group}", body)
        assert idp.members(group) == {ada}, body


def test_a_circle_in_a_bulk_is_told(idp: Any):
    def group(name: str, other: str) -> dict[str, Any]:
        data = {"displayName": name, "members": [{"value": f"bulkId:{other}"}]}
        return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}

    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [group("a", "b"), group("b", "a")]}
    assert [one["status"] for one in idp.ok("POST", "/Bulk", bulk)["Operations"]] == ["409", "409"]
    assert idp.ok("GET", "/Groups")["totalResults"] == 0


def test_a_password_is_nowhere(lite: ScimWorld, idp: Any):
    secret = "correct-horse-battery"
    user = idp.ok("POST", "/Users", {"schemas": [USER], "userName": "ada", "password": secret}, 201)
    idp.send(
        "PATCH",
        f"/Users/{user['id']}",
        {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"password": secret}}]},
    )
    idp.send("PUT", f"/Users/{user['id']}", {"userName": "ada", "password": secret})
    for path in ('"Path": "password"', r'"path": "pass\u0077ord"', '"PATH": "paſſword"', '"path": ["password"]'):
        for value in ("value", "Value"):
            raw = f'{{"Operations": [{{"op": "replace", {path}, "{value}": "{secret}"}}]}}'.encode()
            idp.send("PATCH", f"/Users/{user['id']}", raw=raw)
    for name in (r"pass\u0077ord", "paſſword", "paßword", "urn:ietf:params:scim:schemas:core:2.0:User:PassWord", "password.x"):
        idp.send("POST", "/Users", raw=f'{{"userName": "x", "{name}": ["{secret}"]}}'.encode())
    idp.send("POST", "/Users", raw=f'{{"userName": "x", "pass\\u0077ord": "{secret}"'.encode())
    for text in (f'password eq "{secret}"', f"password eq {secret}", f'userName pr and PaSſword sw "{secret}'):
        assert idp.send("GET", f"/Users?count=1&filter={quote(text)}").status_code == 400
        assert idp.send("POST", "/Users/.search", {"filter": text}).status_code == 400
    idp.send("GET", f"/Users?password={secret}&pass%77ord={secret}")
    lite.scim.traffic.flush()
    lite.trail.seal_all()
    for table in ("users", "scim_users", "directory_requests", "outbox"):
        rows = lite.stores.main.engine.raw_connection().cursor().execute(f"SELECT * FROM {table}").fetchall()
        assert secret not in str(rows), table
    told = lite.get(f"/tenants/{idp.tenant}/directories/{idp.id}/requests?limit=100")["data"]
    assert len(told) >= 20
    assert secret not in str(told)
    assert "/scim/v2/Users?count=1&filter=…" in [one["path"] for one in told]
