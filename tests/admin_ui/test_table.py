"""The pages' table walked row by row: a page that is added is tested by being there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from admin_ui.desk import Screen
from idbroker.kernel.ids import new_id
from idbroker.web.route import KeyRoute, OpenRoute, PageRoute
from tests.support.prefixes import PREFIXES
from tests.support.ui_world import BASE, Person, UiWorld

ODD = (
    "q=%27%25_%22%3Cscript%3Ealert(1)%3C/script%3E", "cursor=zzz", "q=" + "x" * 500, "q=a&q=b", "status=nope", "q=%00",
    "format=exe", "since=x",
)  # fmt: skip


@pytest.fixture(scope="module")
def placed(shared: UiWorld) -> tuple[UiWorld, Person, Person, str]:
    """(world, an operator inside acme, the owner of globex, acme's slug)."""
    for slug in ("acme", "globex"):
        shared.tenant(slug)
        plenty = {"per_minute": 100_000, "burst": 100_000}  # the walk is longer than a minute's quota
        shared.api("PATCH", f"/tenants/{slug}", {"limits": {"admin_read": plenty, "admin_write": plenty}})
    return shared, shared.entered("acme"), shared.admin("globex"), "acme"


def path_of(row: PageRoute, **given: str) -> str:
    known = {"reference": "ABCD-EFGH", "kid": "kid", **given}
    return re.sub(r"{(\w+)}", lambda m: known.get(m[1]) or new_id(PREFIXES.get(m[1], "xxx")), row.path)


def screens(world: UiWorld) -> tuple[Screen, ...]:
    return world.ui.screens


def test_a_page_needs_exactly_what_its_operation_needs(shared: UiWorld) -> None:
    by_name = {operation.name: operation for operation in shared.broker.admin_api.operations}
    for screen in screens(shared):
        for name in screen.operations:
            assert name in by_name, (screen.row.path, name)
        if screen.operations:
            row: Any = by_name[screen.operations[0]].row
            if isinstance(row, KeyRoute):
                _needs_enough(screen, row)
            else:
                assert screen.row.permission == row.permission or screen.row.permission.startswith("operator:")
            if screen.row.session == "admin" and not isinstance(row, KeyRoute):
                assert ("{tenant}" in row.path) == ("{tenant}" in screen.row.path), screen.row.path


def _needs_enough(screen: Screen, row: KeyRoute) -> None:
    """What any key may ask about its own is asked about one tenant there, and about the operator's own elsewhere."""
    if "{tenant}" in screen.row.path:
        assert screen.row.permission == row.permission, screen.row.path
    else:
        assert screen.row.permission.startswith("operator:"), screen.row.path


def test_a_form_writes_and_a_page_reads(shared: UiWorld) -> None:
    by_name = {operation.name: operation for operation in shared.broker.admin_api.operations}
    for screen in screens(shared):
        if screen.row.method == "POST" and screen.operations:
            assert by_name[screen.operations[0]].row.method != "GET", screen.row.path


def test_every_operation_of_the_api_has_its_page_or_is_listed(shared: UiWorld) -> None:
    used = {name for screen in screens(shared) for name in screen.operations}
    theirs = {o.name for o in shared.broker.admin_api.operations if not isinstance(o.row, OpenRoute)}
    assert theirs - used == set(shared.ui.without_pages), "give it a page, or say in admin_ui/routes.py why it has none"


def test_without_a_session_there_is_nothing(placed: tuple[UiWorld, Person, Person, str]) -> None:
    world, _, _, slug = placed
    stranger = world.browser()
    for screen in screens(world):
        path = path_of(screen.row, tenant=slug)
        if screen.row.method == "GET":
            answer = stranger.get(path)
            assert answer.status in (303, 401), path
            assert answer.location.startswith(("/admin/sign-in", "")), path
        else:
            assert stranger.post(path, token="x").status == 401, path


def test_a_form_without_its_token_or_from_elsewhere_does_nothing(placed: tuple[UiWorld, Person, Person, str]) -> None:
    world, operator, _, slug = placed
    token = operator.get("/admin/overview").token
    assert len(token) == 43
    almost = token[:-1] + ("A" if token[-1] != "A" else "B")
    forms = [screen for screen in screens(world) if screen.row.method == "POST" and screen.row.session == "admin"]
    for number, screen in enumerate(forms):
        path = path_of(screen.row, tenant=slug)
        # Each form is tried in three ways of the nine, so that every way is tried on many forms.
        for wrong in ("", "x", almost)[number % 3 :][:1]:
            assert operator.post(path, token=wrong).status == 403, path
        for origin in ("https://evil.example", "null", f"{BASE}.evil.example", "http://id.example.com")[number % 4 :][:1]:
            assert operator.post(path, token=token, origin=origin).status == 403, path
        if number % 2:
            sent = operator.client.post(path, data={"csrf": token}, headers={"sec-fetch-site": "cross-site"})
            assert sent.status_code == 403, path
        else:
            sent = operator.client.post(path, json={"csrf": token}, headers={"origin": BASE})
            assert sent.status_code in (403, 415), path


def test_another_tenants_admin_finds_what_an_unknown_tenant_shows(placed: tuple[UiWorld, Person, Person, str]) -> None:
    world, _, foreign, slug = placed
    token = foreign.get("/admin/t/globex").token
    for screen in screens(world):
        if screen.row.session != "admin":
            continue
        seen = []
        for tenant in (slug, "initech", new_id("tnt")):
            path = path_of(screen.row, tenant=tenant, domain="x", connection="x", user="x")
            answer = foreign.get(path) if screen.row.method == "GET" else foreign.post(path, token=token)
            expected = 404 if "{tenant}" in screen.row.path else 403
            assert answer.status == expected, (path, answer.status)
            seen.append(re.sub(r"req_\w+", "", answer.text))
        assert len(set(seen)) == 1, screen.row.path


def test_an_unknown_id_is_404_and_no_input_breaks_a_page(placed: tuple[UiWorld, Person, Person, str]) -> None:
    world, operator, _, slug = placed
    token = operator.get("/admin/overview").token
    for screen in screens(world):
        if screen.row.session != "admin":
            continue
        for wrong in (None, "nonsense", "%00", "a%20b", "..", "%3Cscript%3E", "x" * 300):
            given = (
                {} if wrong is None else {name: wrong for name in re.findall(r"{(\w+)}", screen.row.path) if name != "tenant"}
            )
            path = path_of(screen.row, tenant=slug, **given)
            answer = operator.get(path) if screen.row.method == "GET" else operator.post(path, token=token)
            assert answer.status < 500, (path, answer.status, answer.text)
            assert "<script>" not in answer.text


def test_odd_queries_break_no_list(placed: tuple[UiWorld, Person, Person, str]) -> None:
    world, operator, _, slug = placed
    for screen in screens(world):
        if screen.row.method != "GET" or screen.row.session != "admin":
            continue
        path = path_of(screen.row, tenant=slug)
        for query in ODD:
            answer = operator.get(f"{path}?{query}")
            assert answer.status < 500, (path, query, answer.status)
            assert "<script>alert" not in answer.text, path
