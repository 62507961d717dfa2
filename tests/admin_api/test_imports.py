"""Many in one call: each has a result, what is there is left alone, and a dry run leaves nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.admin_world import AdminWorld

ITEMS: list[dict[str, Any]] = [
    {"kind": "tenant", "slug": "acme", "name": "Acme", "tier": "free"},
    {"kind": "connection", "tenant": "acme", "type": "saml", "name": "Okta", "metadata_xml": "<x/>"},
    {"kind": "tenant", "slug": "-bad-", "name": "Bad", "tier": "gold"},
    {"kind": "connection", "tenant": "nowhere", "type": "saml", "name": "x", "metadata_xml": "<x/>"},
    {"kind": "connection", "tenant": "acme", "type": "saml", "name": "Typo", "metadata": "<x/>"},
    {"kind": "user", "email": "x"},
]


def outcomes(answer: dict[str, Any]) -> list[str]:
    return [one["outcome"] for one in answer["data"]]


@pytest.mark.parametrize("form", ["json", "lines"])
def test_each_item_has_its_result_and_again_nothing_is_made(world: AdminWorld, form: str) -> None:
    def send(*, dry: bool = False) -> dict[str, Any]:
        if form == "json":
            return dict(world.post("/imports", {"items": ITEMS, "dry_run": dry}, status=200))
        answer = world.client.post(
            f"/api/v1/imports?dry_run={str(dry).lower()}",
            content="\n\n".join(json.dumps(item) for item in ITEMS),
            headers={"authorization": f"Bearer {world.operator}", "content-type": "application/x-ndjson"},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    wanted = ["created", "created", "failed", "failed", "failed", "failed"]
    told = send(dry=True)
    assert outcomes(told) == wanted, told
    assert (told["created"], told["failed"], told["data"][0]["id"]) == (2, 4, None)
    assert world.send("GET", "/tenants/acme").status_code == 404
    made = send()
    assert outcomes(made) == wanted
    assert world.get(f"/tenants/acme/connections/{made['data'][1]['id']}")["name"] == "Okta"
    assert made["data"][2]["code"] == "invalid_input"
    assert {error["pointer"] for error in made["data"][2]["errors"]} == {"/items/2/tier"}
    assert made["data"][3]["errors"][0]["pointer"] == "/items/3/tenant"
    assert made["data"][4]["errors"][0]["pointer"] == "/items/4/metadata"
    again = send()
    assert outcomes(again) == ["present", "present", *wanted[2:]]
    assert again["data"][0]["id"] == made["data"][0]["id"]
    assert len(world.get("/tenants/acme/connections")["data"]) == 1
    assert [event["action"] for event in world.sealed("acme")].count("connection.created") == 1


def test_a_dry_run_counts_what_it_would_have_made(world: AdminWorld) -> None:
    """By name and against the tier, in a tenant that is there and in one that would be made."""
    world.post("/tenants", {"slug": "there", "name": "x", "tier": "free", "status": "active"})
    new = {"kind": "tenant", "slug": "new", "name": "x", "tier": "free", "status": "active"}
    names = ("a", "a", "b", "c", "d", ["e"])
    items = [new, new] + [
        {"kind": "connection", "tenant": tenant, "type": "saml", "name": name, "metadata_xml": "<x/>"}
        for tenant in ("there", "new")
        for name in names
    ]
    told, made = (world.post("/imports", {"items": items, "dry_run": dry}, status=200)["data"] for dry in (True, False))
    of_tenant = ["created", "present", "created", "created", "failed", "failed"]
    assert [one["outcome"] for one in told] == ["created", "present", *of_tenant, *of_tenant]
    assert [(one["outcome"], one["code"]) for one in told] == [(one["outcome"], one["code"]) for one in made]
    assert told[6]["code"] == "not_entitled"


def test_a_tenants_key_imports_nothing(world: AdminWorld) -> None:
    key = world.key(world.tenant("acme"))
    assert world.send("POST", "/imports", {"items": ITEMS}, key=key).status_code == 403


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"items": []}', "application/json", 422),
        (b'{"items": [1]}', "application/json", 422),
        (json.dumps({"items": [{}] * 501}).encode(), "application/json", 422),
        (b'{"items": [{}], "dry": true}', "application/json", 422),
        (b"{}\n{", "application/x-ndjson", 400),
        (b"[]\n", "application/x-ndjson", 422),
        (b"\n\n", "application/x-ndjson", 422),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "application/x-ndjson", 422),
    ],
)
def test_what_is_no_import(shared_world: AdminWorld, content: bytes, kind: str, status: int) -> None:
    headers = {"authorization": f"Bearer {shared_world.operator}", "content-type": kind}
    answer = shared_world.client.post("/api/v1/imports", content=content, headers=headers)
    assert answer.status_code == status, answer.text
