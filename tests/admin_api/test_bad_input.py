"""Tables of what cannot be accepted: each is a problem document that points at the wrong field, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.admin_world import AdminWorld

TENANT = {"slug": "acme", "name": "Acme", "tier": "free"}
APP = {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"]}

BODIES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("POST", "/tenants", {}, ["/name", "/slug", "/tier"]),
    ("POST", "/tenants", {**TENANT, "slug": "Acme Inc"}, ["/slug"]),
    ("POST", "/tenants", {**TENANT, "slug": "admin"}, ["/slug"]),
    ("POST", "/tenants", {**TENANT, "slug": 7}, ["/slug"]),
    ("POST", "/tenants", {**TENANT, "name": "  "}, ["/name"]),
    ("POST", "/tenants", {**TENANT, "name": "a\u0007b"}, ["/name"]),
    ("POST", "/tenants", {**TENANT, "name": "x" * 201}, ["/name"]),
    ("POST", "/tenants", {**TENANT, "tier": "gold"}, ["/tier"]),
    ("POST", "/tenants", {**TENANT, "status": "paused"}, ["/status"]),
    ("POST", "/tenants", {**TENANT, "region": "EU west"}, ["/region"]),
    ("POST", "/tenants", {**TENANT, "a/b~c": 1}, ["/a~1b~0c"]),
    ("PATCH", "/tenants/{t}", {"slug": "other"}, ["/slug"]),
    ("PATCH", "/tenants/{t}", {"name": None}, ["/name"]),
    ("POST", "/tenants/{t}/transitions", {"to": "gone"}, ["/reason", "/to"]),
    ("POST", "/tenants/{t}/domains", {"domain": "not a domain"}, ["/domain"]),
    ("POST", "/tenants/{t}/domains", {"domain": "co.uk"}, ["/domain"]),
    ("POST", "/tenants/{t}/domains", {"domain": "gmail.com"}, ["/domain"]),
    ("POST", "/tenants/{t}/domains", {"domain": "acme.example", "include_subdomains": "yes"}, ["/include_subdomains"]),
    ("POST", "/tenants/{t}/connections", {"metadata_xml": "<x/>"}, ["/name", "/type"]),
    ("POST", "/tenants/{t}/connections", {"type": "ldap", "name": "x"}, ["/type"]),
    ("POST", "/tenants/{t}/connections", {"type": "saml", "name": "x", "metdata_url": "x"}, ["/metdata_url"]),
    ("POST", "/tenants/{t}/connections", {"type": "saml", "name": "x", "status": "live", "idp": {}}, ["/status"]),
    ("POST", "/tenants/{t}/connections", {"type": "saml", "name": "x", "options": {"jit": "maybe"}}, ["/options/jit"]),
    ("POST", "/tenants/{t}/connections", {"type": "saml", "name": "x", "options": {"jitt": "off"}}, ["/options/jitt"]),
    (
        "POST",
        "/tenants/{t}/connections",
        {"type": "saml", "name": "x", "attribute_mapping": {"shoe_size": "x"}},
        ["/attribute_mapping/shoe_size"],
    ),
    ("POST", "/tenants/{t}/role-mappings", {"group": "Admins"}, ["/role"]),
    ("POST", "/tenants/{t}/role-mappings", {"group": "Admins", "role": "admin", "app": "app_x"}, ["/app"]),
    ("POST", "/tenants/{t}/api-keys", {"name": "x", "role": "king"}, ["/role"]),
    ("POST", "/apps", {**APP, "redirect_uris": []}, ["/redirect_uris"]),
    ("POST", "/apps", {**APP, "redirect_uris": ["http://notes.example.com/cb"]}, ["/redirect_uris"]),
    ("POST", "/apps", {**APP, "tenants": "some"}, ["/tenants"]),
    ("POST", "/apps", {**APP, "tenants": ["tnt_nobody"]}, ["/tenants/0"]),
    ("POST", "/apps", {**APP, "tenants": [5]}, ["/tenants", "/tenants/0"]),
    ("POST", "/apps", {**APP, "grant_types": ["password"]}, ["/grant_types/0"]),
    ("POST", "/api-keys", {"name": "x", "scope": "tenant"}, [""]),
    ("POST", "/api-keys", {"name": "x", "scope": "tenant", "tenant": "nobody"}, ["/tenant"]),
    ("POST", "/api-keys", {"name": "x", "scope": "operator", "role": "owner"}, [""]),
]


@pytest.fixture(scope="module")
def tenant(shared_world: AdminWorld) -> str:
    return shared_world.tenant("initech")


@pytest.mark.parametrize(("method", "path", "body", "pointers"), BODIES)
def test_wrong_fields_are_pointed_at(
    shared_world: AdminWorld, tenant: str, method: str, path: str, body: dict[str, Any], pointers: list[str]
) -> None:
    answer = shared_world.send(method, path.format(t=tenant), body)
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert sorted({error["pointer"] for error in told["errors"]}) == pointers
    assert all(error["message"] for error in told["errors"])


QUERIES = [
    ("/tenants?limit=0", 422), ("/tenants?limit=201", 422), ("/tenants?limit=ten", 422), ("/tenants?limit=²", 422),
    ("/tenants?limit=1&limit=2", 400), ("/tenants?cursor=garbage!", 422), ("/tenants?cursor=dXNyX3g", 422),
    ("/tenants?cursor=", 422), ("/tenants?cursor=%00", 400), ("/tenants?cursor=%C3%A9", 422),
    ("/tenants/{t}/audit-events?since=yesterday", 422), ("/tenants/{t}/audit-events?since=2026-11-21", 422),
    ("/tenants/{t}/audit-events?until=0001-01-01T00:00:00%2B14:00", 422), ("/tenants/{t}/audit-events?cursor=LTE", 422),
    ("/tenants/{t}/audit-events/export?format=xml", 422), ("/tenants/{t}/audit-events?q=" + "x" * 201, 422),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status"), QUERIES)
def test_wrong_queries_are_problems(shared_world: AdminWorld, tenant: str, path: str, status: int) -> None:
    answer = shared_world.send("GET", path.format(t=tenant))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


DEEP = "[" * 900 + "]" * 900
RAW = [
    ("not json", 400, "application/json"),
    ("[1]", 422, "application/json"),
    ('"text"', 422, "application/json"),
    ("{}", 415, "text/plain"),
    ('{"name": "a\\u0000b"}', 422, "application/json"),
    ('{"name": "\\ud800"}', 400, "application/json"),
    ('{"name": ' + DEEP + "}", 422, "application/json"),
    ('{"name": "\\\\u0000", "slug": ' + DEEP + "}", 422, "application/json"),
    ('{"name": ' + "[" * 100_000 + "}", 400, "application/json"),
    ('{"name": "' + "x" * 1_600_000 + '"}', 413, "application/json"),
    ('{"name": 1e999, "slug": -0, "tier": 99999999999999999999999}', 422, "application/json"),
]


@pytest.mark.parametrize(("body", "status", "media"), RAW, ids=range(len(RAW)))
def test_what_is_no_sane_object_is_refused(shared_world: AdminWorld, tenant: str, body: str, status: int, media: str) -> None:
    headers = {"authorization": f"Bearer {shared_world.operator}", "content-type": media}
    for path in ("/tenants", f"/tenants/{tenant}/connections", "/apps"):
        answer = shared_world.client.post(f"/api/v1{path}", content=body, headers=headers)
        assert answer.status_code in ((status, 400) if status == 422 else (status,)), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_write_leaves_nothing(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    before = len(world.sealed(tenant))
    world.send("POST", f"/tenants/{tenant}/domains", {"domain": "gmail.com"})
    world.send("POST", f"/tenants/{tenant}/connections", {"type": "saml", "name": "x", "wrong": 1})
    assert len(world.sealed(tenant)) == before
    assert world.get(f"/tenants/{tenant}/connections")["data"] == []


def test_unknown_addresses_and_methods_are_problems(shared_world: AdminWorld) -> None:
    assert shared_world.send("GET", "/nothing").headers["content-type"] == "application/problem+json"
    wrong = shared_world.send("PUT", "/tenants")
    assert (wrong.status_code, set(wrong.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
