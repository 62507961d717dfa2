"""Into the administration and out of it: links that work once, sessions that end, and what must never sign anybody in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from admin_ui.desk import is_ours
from idbroker.admins.keeping import forget_visits
from tests.support.ui_world import BASE, UiWorld


def test_a_link_shows_a_button_and_is_spent_by_it_alone(world: UiWorld) -> None:
    link = world.login_link()
    scanner, person, thief = world.browser(), world.browser(), world.browser()
    for _ in range(3):
        assert "ops@example.com" in scanner.get(link).text
    assert person.post(link).location == "/admin/overview"
    assert thief.get(link).status == 410
    assert thief.post(link, token="x").status in (403, 410)
    assert thief.get("/admin/overview").location.startswith("/admin/sign-in")
    actions = [event["action"] for event in world.events(None)]
    assert actions.count("operator.signed_in") == 1


def test_a_link_is_over_after_a_quarter_of_an_hour(world: UiWorld, clock) -> None:
    link = world.login_link()
    clock.advance(minutes=15, seconds=1)
    assert world.browser().get(link).status == 410


def test_a_new_link_ends_the_one_before(world: UiWorld) -> None:
    first, second = world.login_link(), world.login_link()
    assert world.browser().get(first).status == 410
    assert world.browser().get(second).status == 200


def test_of_many_who_press_the_button_at_once_one_is_signed_in(world: UiWorld) -> None:
    link = world.login_link()
    people = [world.browser() for _ in range(5)]
    tokens = [person.get(link).token for person in people]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda pair: pair[0].post(link, token=pair[1]), zip(people, tokens, strict=True)))
    assert sorted(answer.status for answer in answers) == [303, 410, 410, 410, 410]


def test_somebody_elses_form_signs_nobody_in(world: UiWorld) -> None:
    link = world.login_link()
    attacker, victim = world.browser(), world.browser()
    token = attacker.get(link).token
    assert victim.post(link, token=token).status == 403
    assert attacker.post(link, token=token, origin="https://evil.example").status == 403
    assert attacker.post(link, token=token).status == 303


def test_a_session_that_was_planted_is_never_taken_over(world: UiWorld) -> None:
    """Session fixation: what the browser presented before the sign-in is worth nothing after it."""
    planted = world.operator("attacker@example.com")
    cookie = planted.client.cookies["__Host-idb_admin"]
    victim = world.browser()
    victim.client.cookies.set("__Host-idb_admin", cookie, domain="id.example.com")
    victim.post(world.login_link("victim@example.com"))
    assert victim.client.cookies["__Host-idb_admin"] != cookie
    assert "victim@example.com" in victim.get("/admin/overview").text
    assert planted.get("/admin/overview").status == 303


def test_the_cookie_is_out_of_reach(world: UiWorld) -> None:
    person = world.browser()
    link = world.login_link()
    token = person.get(link).token
    answer = person.client.post(link, data={"csrf": token}, headers={"origin": BASE})
    cookie = next(value for value in answer.headers.get_list("set-cookie") if "idb_admin=" in value)
    assert cookie.startswith("__Host-idb_admin=ads_")
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_out_ends_it_on_the_server(world: UiWorld) -> None:
    person = world.operator()
    kept = person.client.cookies["__Host-idb_admin"]
    assert person.post("/admin/sign-out", page="/admin/overview").location == "/admin/sign-in"
    person.client.cookies.set("__Host-idb_admin", kept, domain="id.example.com")
    assert person.get("/admin/overview").status == 303


@pytest.mark.parametrize("pause", [timedelta(hours=2, seconds=1), timedelta(hours=13)])
def test_a_session_ends_when_nobody_is_there(world: UiWorld, clock, pause: timedelta) -> None:
    person = world.operator()
    clock.advance(seconds=pause.total_seconds())
    assert person.get("/admin/overview").status == 303


def test_a_session_ends_after_half_a_day_however_busy(world: UiWorld, clock) -> None:
    person = world.operator()
    for _ in range(11):
        clock.advance(hours=1)
        assert person.get("/admin/overview").status == 200
    clock.advance(hours=1, seconds=1)
    assert person.get("/admin/overview").status == 303


def test_who_is_switched_off_is_out_at_once(world: UiWorld) -> None:
    first, second = world.operator("a@example.com"), world.operator("b@example.com")
    page = first.get("/admin/operators").text
    ids = {email: page.split(f">{email}")[1] for email in ("b@example.com",)}
    operator_id = ids["b@example.com"].split("/admin/operators/")[1].split("/")[0]
    answer = first.post(f"/admin/operators/{operator_id}/disable")
    assert answer.location == "/admin/operators"
    assert second.get("/admin/overview").status == 303


def test_an_admin_who_is_removed_or_made_less_feels_it_at_once(world: UiWorld) -> None:
    world.tenant("acme")
    world.admin("acme")
    person = world.admin("acme", "admin")
    admin = next(a for a in world.api("GET", "/tenants/acme/admins")["data"] if a["role"] == "admin")
    assert person.get("/admin/t/acme/admins").status == 200
    world.api("PATCH", f"/tenants/acme/admins/{admin['id']}", {"role": "guest"})
    assert person.get("/admin/t/acme/admins").status == 403
    world.api("DELETE", f"/tenants/acme/admins/{admin['id']}")
    assert person.get("/admin/t/acme").status == 303


def test_nobody_grants_above_himself(world: UiWorld) -> None:
    world.tenant("acme")
    owner, admin = world.admin("acme"), world.admin("acme", "admin")
    assert admin.post("/admin/t/acme/admins", email="x@acme.example", role="owner").status == 403
    assert owner.post("/admin/t/acme/admins", email="x@acme.example", role="owner").status == 200
    last = next(a for a in world.api("GET", "/tenants/acme/admins")["data"] if a["email"] == "owner@acme.example")
    assert admin.post(f"/admin/t/acme/admins/{last['id']}/remove").status == 403


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/admin//evil",
        "/adminevil",
        "/admin/x#y",
        "/admin/\n",
        "javascript:x",
        "/admin/../x?y=<",
    ],
)
def test_no_sign_in_leads_elsewhere(world: UiWorld, place: str) -> None:
    assert not is_ours(place)
    assert f'value="{place}"' not in world.browser().get("/admin/sign-in?" + urlencode({"next": place})).text


def test_break_glass_needs_a_reason_and_the_tenant_sees_it(world: UiWorld, clock) -> None:
    world.tenant("acme")
    operator = world.operator()
    assert operator.get("/admin/t/acme").location.startswith("/admin/tenants/acme/enter")
    assert operator.post("/admin/tenants/acme/enter", reason="  ", next="").status == 422
    answer = operator.post("/admin/tenants/acme/enter", reason="ticket 42", next="/admin/t/acme/people")
    assert answer.location == "/admin/t/acme/people"
    assert operator.get("/admin/t/acme").status == 200
    event = next(event for event in world.events("acme") if event["action"] == "tenant.entered")
    assert event["context"]["reason"] == "ticket 42"
    assert event["actor"]["name"] == "ops@example.com"
    clock.advance(hours=1, seconds=1)
    assert operator.get("/admin/t/acme").status == 303
    assert operator.post("/admin/tenants/acme/enter", reason="again", next="https://evil.example").location == "/admin/t/acme"


def test_entering_one_tenant_opens_no_other(world: UiWorld) -> None:
    world.tenant("acme")
    world.tenant("globex")
    operator = world.entered("acme")
    assert operator.get("/admin/t/globex").location.startswith("/admin/tenants/globex/enter")


def test_what_is_over_is_forgotten(world: UiWorld, clock) -> None:
    followed, unused = world.operator(), world.login_link("other@example.com")
    assert forget_visits(world.services.database) == 0
    clock.advance(hours=13)
    assert forget_visits(world.services.database) == 3  # a session and two links
    assert followed.get("/admin/overview").location.startswith("/admin/sign-in")
    assert world.browser().get(unused).status == 410
