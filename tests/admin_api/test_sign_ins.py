"""Sign-ins over the API: read from the trail, found by address and reference; and the route of an address explained."""

from __future__ import annotations

from typing import Any

import pytest

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor, TenantScope
from tests.support.admin_world import AdminWorld

VISITOR = Actor("visitor", ip="192.0.2.9", user_agent="Firefox")
STEPS = [
    {"step": "begun", "at": "2026-11-21T08:59:50.000Z"},
    {"step": "sent", "at": "2026-11-21T08:59:50.250Z"},
    {"step": "answered", "at": "2026-11-21T08:59:59.000Z"},
]
FINDING = {
    "check": "audience", "stage": "profile", "outcome": "fail", "spec": "s", "expected": "a", "received": "b", "advice": "c",
}  # fmt: skip


def tell(world: AdminWorld, tenant: str, *events: Event) -> None:
    with world.stores.main.tenant(TenantScope(TenantId(tenant), VISITOR)) as unit:
        for event in events:
            unit[Outbox].record(event)
    world.trail.seal_all()


def allowed(number: int, connection: str = "con_1") -> Event:
    context = {"connection_id": connection, "app": "app_1", "login_hint": None, "route": "the only active connection",
               "steps": STEPS, "email": f"p{number}@acme.example"}  # fmt: skip
    resource = Resource("user", f"usr_{number}", f"p{number}@acme.example")
    return Event("sign_in.succeeded", resource, context=context, auth_method="saml", session_id=f"ses_{number}")


def refused(reference: str, **more: Any) -> Event:
    context = {"reference": reference, "code": "saml_audience_mismatch", "detail": "d", "connection_id": "con_1",
               "login_hint": "typed@acme.example", "route": "r", "app": None, "steps": STEPS[:2], **more}  # fmt: skip
    return Event("sign_in.refused", Resource("sign_in", reference), context=context)


@pytest.fixture
def tenant(world: AdminWorld) -> str:
    tenant = world.tenant("acme")
    tell(world, tenant, *(allowed(n) for n in range(3)), refused("K7QM-2XPA", findings=[FINDING]), allowed(3, "con_2"))
    tell(world, tenant, refused("AAAA-2222", login_hint=None, email="mallory@evil.example"))
    return tenant


def listed(world: AdminWorld, tenant: str, query: str = "") -> list[dict[str, Any]]:
    return list(world.get(f"/tenants/{tenant}/sign-ins?{query}")["data"])


def names_of(rows: list[dict[str, Any]]) -> list[str]:
    return [row["reference"] or row["user_id"] for row in rows]


def test_every_attempt_newest_first_with_steps_and_times(world: AdminWorld, tenant: str) -> None:
    found = listed(world, tenant)
    assert names_of(found) == ["AAAA-2222", "usr_3", "K7QM-2XPA", "usr_2", "usr_1", "usr_0"]
    assert found[1] == {
        "id": found[1]["id"], "at": "2026-11-21T09:00:00.000Z", "outcome": "allowed", "email": "p3@acme.example",
        "login_hint": None,
        "user_id": "usr_3", "session_id": "ses_3", "connection_id": "con_2", "protocol": "saml", "app": "app_1",
        "route": "the only active connection", "reference": None, "code": None, "detail": None, "ip": "192.0.2.9",
        "user_agent": "Firefox", "duration_ms": 10_000,
        "steps": [
            {"step": "begun", "at": "2026-11-21T08:59:50.000Z", "ms": 0},
            {"step": "sent", "at": "2026-11-21T08:59:50.250Z", "ms": 250},
            {"step": "answered", "at": "2026-11-21T08:59:59.000Z", "ms": 8750},
            {"step": "ended", "at": "2026-11-21T09:00:00.000Z", "ms": 1000},
        ],
    }  # fmt: skip
    assert (found[2]["outcome"], found[2]["code"], found[2]["email"]) == (
        "refused",
        "saml_audience_mismatch",
        "typed@acme.example",
    )
    assert found[0]["email"] == "mallory@evil.example"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("email=p1@acme.example", ["usr_1"]),
        ("email=P1@ACME.example", ["usr_1"]),
        ("email=typed@acme.example", ["K7QM-2XPA"]),
        ("email=acme.example", ["usr_3", "K7QM-2XPA", "usr_2", "usr_1", "usr_0"]),
        ("email=nobody@acme.example", []),
        ("email=%25", []),
        ("email=p1@acme", []),
        ("reference=k7qm-2xpa", ["K7QM-2XPA"]),
        ("reference=ZZZZ-9999", []),
        ("user=usr_2", ["usr_2"]),
        ("connection=con_2", ["usr_3"]),
        ("connection=con_2&email=p1@acme.example", []),
        ("outcome=refused", ["AAAA-2222", "K7QM-2XPA"]),
        ("outcome=allowed&email=typed@acme.example", []),
        ("until=2026-11-21T09:00:00Z", []),
        ("since=2026-11-21T09:00:00Z&outcome=refused", ["AAAA-2222", "K7QM-2XPA"]),
    ],
)
def test_found_by_address_reference_person_connection_outcome_and_time(
    world: AdminWorld, tenant: str, query: str, names: list[str]
) -> None:
    assert names_of(listed(world, tenant, query)) == names


def test_pages_lead_through_all_of_them(world: AdminWorld, tenant: str) -> None:
    seen, cursor = [], ""
    for _ in range(10):
        page = world.get(f"/tenants/{tenant}/sign-ins?limit=2{cursor}")
        seen += [row["id"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [row["id"] for row in listed(world, tenant)]


def test_one_by_id_or_reference_with_what_was_found_wrong(world: AdminWorld, tenant: str) -> None:
    by_reference = world.get(f"/tenants/{tenant}/sign-ins/K7QM-2XPA")
    assert (by_reference["findings"], by_reference["diagnosis"]) == ([FINDING], False)
    for name in (by_reference["id"], "k7qm-2xpa"):
        assert world.get(f"/tenants/{tenant}/sign-ins/{name}") == by_reference


def test_another_tenants_are_as_unknown_ones(world: AdminWorld, tenant: str) -> None:
    own = world.get(f"/tenants/{tenant}/sign-ins/K7QM-2XPA")["id"]
    bob = world.tenant("bob")
    created = world.sealed(tenant, action="tenant.created")[0]["id"]
    unknown = world.send("GET", f"/tenants/{bob}/sign-ins/ZZZZ-9999")
    assert unknown.status_code == 404
    for name in (own, "K7QM-2XPA", "aud_" + "0" * 26, "nonsense"):
        answer = world.send("GET", f"/tenants/{bob}/sign-ins/{name}")
        assert (answer.status_code, answer.json()["title"]) == (404, unknown.json()["title"]), name
    assert world.send("GET", f"/tenants/{tenant}/sign-ins/{created}").status_code == 404, "a record, and no sign-in"
    assert listed(world, bob, "email=p1@acme.example") == []


@pytest.mark.parametrize(
    "query", ["outcome=maybe", "email=" + "x" * 101, "since=yesterday", "cursor=!", "limit=0", "limit=9999"]
)
def test_bad_questions(world: AdminWorld, tenant: str, query: str) -> None:
    assert world.send("GET", f"/tenants/{tenant}/sign-ins?{query}").status_code == 422


def explain(world: AdminWorld, tenant: str, email: str) -> dict[str, Any]:
    return dict(world.get(f"/tenants/{tenant}/hrd/explain?email={email}"))


def test_the_route_of_an_address_is_explained(world: AdminWorld) -> None:
    tenant, bob = world.tenant("acme"), world.tenant("bob")
    for owner, name in ((tenant, "acme.example"), (bob, "bob.example")):
        added = world.post(f"/tenants/{owner}/domains", {"domain": name})
        forced = {"force": True, "reason": "known"}
        world.post(f"/tenants/{owner}/domains/{added['id']}/verify", forced, status=200)
    assert explain(world, tenant, "a@acme.example") == {
        "domain": "acme.example", "route": "none", "domain_rule": "a verified domain of this tenant",
        "rule": "no active connection", "connections": [],
    }  # fmt: skip
    made = world.post(f"/tenants/{tenant}/connections", {"type": "saml", "name": "One", "metadata_xml": "<x/>"})
    found = explain(world, tenant, "A@Acme.Example")
    assert (found["route"], found["rule"]) == ("connection", "the only active connection")
    assert [one["id"] for one in found["connections"]] == [made["id"]]
    world.post(f"/tenants/{tenant}/connections", {"type": "saml", "name": "Two", "metadata_xml": "<x/>"})
    assert explain(world, tenant, "a@acme.example")["route"] == "choose"
    elsewhere = explain(world, tenant, "a@bob.example")
    nowhere = explain(world, tenant, "a@nobody.example")
    assert elsewhere == {**nowhere, "domain": "bob.example", "rule": "no verified domain of this tenant speaks for bob.example"}
    assert world.send("GET", f"/tenants/{tenant}/hrd/explain?email=nonsense").status_code == 422
    assert world.send("GET", f"/tenants/{tenant}/hrd/explain").status_code == 422
    world.post(f"/tenants/{tenant}/transitions", {"to": "paused", "reason": "test"}, status=200)
    assert explain(world, tenant, "a@acme.example")["rule"] == "nobody signs in to this tenant while it is paused"
