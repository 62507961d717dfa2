"""Who goes by an older version is told, and changes nothing: on both engines, and when two write at the same moment."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.webhooks.model import Webhooks
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, open_stores, sqlite_urls, urls_for
from tests.support.races import at_once


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    """One for all the tests of an engine: each makes what it needs."""
    clock = TestClock()
    stores = open_stores(request.param, urls_for(request.param, tmp_path_factory.mktemp("versions"), request), clock)
    yield AdminWorld(stores, clock)
    stores.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    """For what does not depend on the engine."""
    clock = TestClock()
    stores = open_stores("sqlite", sqlite_urls(tmp_path_factory.mktemp("small")), clock)
    yield AdminWorld(stores, clock)
    stores.close()


_NUMBERS = itertools.count()


Made = tuple[str, Any]


def tenant(world: AdminWorld) -> Made:
    answer = world.send("POST", "/tenants", {"slug": f"acme-{next(_NUMBERS)}", "name": "Acme", "tier": "free"})
    return f"/tenants/{answer.json()['id']}", answer


def app(world: AdminWorld) -> Made:
    answer = world.send("POST", "/apps", {"name": "Notes", "redirect_uris": ["https://notes.example/cb"]})
    return f"/apps/{answer.json()['client_id']}", answer


def below(kind: str, body: dict[str, Any]) -> Callable[[AdminWorld], Made]:
    def make(world: AdminWorld) -> Made:
        where = f"{tenant(world)[0]}/{kind}"
        answer = world.send("POST", where, body)
        return f"{where}/{answer.json()['id']}", answer

    return make


def webhook(world: AdminWorld) -> Made:
    answer = world.send("POST", "/webhooks", {"url": "https://app.example/hook"})
    return f"/webhooks/{answer.json()['id']}", answer


def candidate(world: AdminWorld) -> Made:
    where, _ = connection(world)
    answer = world.send("POST", f"{where}/candidates", {"metadata_xml": "<y/>"})
    return f"{where}/candidates/{answer.json()['id']}", answer


connection = below("connections", {"type": "saml", "name": "IdP", "metadata_xml": "<x/>"})
CHANGED: dict[str, tuple[Callable[[AdminWorld], Made], dict[str, Any], dict[str, Any]]] = {
    "tenant": (tenant, {"name": "One"}, {"name": "Two"}),
    "connection": (connection, {"name": "One"}, {"name": "Two"}),
    "connection's secret": (
        below("connections", {"type": "oidc", "name": "OP", "issuer": "https://op.example", "client_secret": "a"}),
        {"client_secret": "b"},
        {"client_secret": "c"},
    ),
    "app": (app, {"name": "One"}, {"redirect_uris": ["https://notes.example/two"]}),
    "directory": (below("directories", {"name": "Okta"}), {"name": "One"}, {"brake": {"percent": 5}}),
    "webhook": (webhook, {"description": "One"}, {"events": ["user.*"]}),
}
MADE_AND_REMOVED = {"role mapping": below("role-mappings", {"group": "g", "role": "r"}), "candidate": candidate}


def with_tag(world: AdminWorld, method: str, path: str, tag: str, body: Any = None, name: str = "if-match") -> Any:
    return world.send(method, path, body, headers={"authorization": f"Bearer {world.operator}", name: tag})


@pytest.mark.parametrize("kind", CHANGED)
def test_the_second_editor_is_told(world: AdminWorld, kind: str) -> None:
    make, first, second = CHANGED[kind]
    path, made = make(world)
    read = world.send("GET", path)
    tag = read.headers["etag"]
    assert made.status_code == 201
    assert made.headers["etag"] == tag, "what a write says is what a read says"
    assert with_tag(world, "GET", path, tag, name="if-none-match").status_code == 304
    saved = with_tag(world, "PATCH", path, tag, first)
    assert saved.status_code == 200, saved.text
    assert saved.headers["etag"] == world.send("GET", path).headers["etag"] != tag
    late = with_tag(world, "PATCH", path, tag, second)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.headers["content-type"] == "application/problem+json"
    assert with_tag(world, "DELETE", path, tag).status_code == (405 if kind == "tenant" else 412)
    assert world.send("GET", path).content == saved.content, "nothing was done"
    assert with_tag(world, "GET", path, tag, name="if-none-match").status_code == 200
    again = with_tag(world, "PATCH", path, saved.headers["etag"], second)
    assert again.status_code == 200
    if kind != "tenant":
        assert with_tag(world, "DELETE", path, again.headers["etag"]).status_code == 204


@pytest.mark.parametrize("kind", MADE_AND_REMOVED)
def test_what_is_only_made_and_removed_has_a_version_too(world: AdminWorld, kind: str) -> None:
    path, made = MADE_AND_REMOVED[kind](world)
    tag = world.send("GET", path).headers["etag"]
    assert made.headers["etag"] == tag
    assert with_tag(world, "GET", path, tag, name="if-none-match").status_code == 304
    assert with_tag(world, "DELETE", path, '"other"').status_code == 412
    assert with_tag(world, "DELETE", path, tag).status_code == 204


@pytest.mark.parametrize("kind", CHANGED)
def test_of_many_who_read_the_same_one_writes(world: AdminWorld, kind: str) -> None:
    make, first, _ = CHANGED[kind]
    path, made = make(world)
    field = next(iter(first))

    def write(number: int) -> int:
        return int(with_tag(world, "PATCH", path, made.headers["etag"], {field: f"n{number}"}).status_code)

    results = at_once(6, write)
    assert sorted(results) == [200, 412, 412, 412, 412, 412]
    shown = world.send("GET", path).json()
    if field in shown:
        assert shown[field] == f"n{results.index(200)}"


INCLUDED: dict[str, tuple[str, int, Callable[[int], dict[str, Any]]]] = {
    "domains": ("free", 5, lambda number: {"domain": f"n{number}.acme.com"}),
    "connections": ("free", 3, lambda number: {"type": "saml", "name": f"N {number}", "metadata_xml": "<x/>"}),
    "directories": ("free", 1, lambda number: {"name": f"N {number}"}),
    "log-streams": ("growth", 2, lambda number: {"url": f"https://siem.example/{number}"}),
    "admin-roles": ("growth", 5, lambda number: {"name": f"n{number}", "permissions": ["tenant:read"]}),
}
"""Kind → the tier, how many it includes, and what makes one."""


@pytest.mark.parametrize("kind", INCLUDED)
def test_many_at_once_get_no_more_than_the_tier_includes(world: AdminWorld, kind: str) -> None:
    tier, most, body = INCLUDED[kind]
    path, _ = tenant(world)
    world.send("PATCH", path, {"tier": tier})
    world.post(f"{path}/transitions", {"to": "active", "reason": "paid"}, status=200)
    answers = at_once(most + 3, lambda number: world.send("POST", f"{path}/{kind}", body(number)))
    assert sorted(answer.status_code for answer in answers) == [201] * most + [403] * 3
    assert len(world.get(f"{path}/{kind}")["data"]) == most


def test_many_streams_switched_on_at_once_are_no_more_than_the_tier_includes(world: AdminWorld) -> None:
    path, _ = tenant(world)
    made = [
        world.post(f"{path}/log-streams", {"url": "https://siem.example/", "status": "disabled"})["id"] for _ in range(4)
    ]  # in trial
    world.send("PATCH", path, {"tier": "growth"})
    world.post(f"{path}/transitions", {"to": "active", "reason": "paid"}, status=200)
    answers = at_once(4, lambda number: world.send("PATCH", f"{path}/log-streams/{made[number]}", {"status": "active"}))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403]


def test_a_transition_and_a_promotion_heed_it(world: AdminWorld) -> None:
    path, made = tenant(world)
    step = {"to": "active", "reason": "paid"}
    assert with_tag(world, "POST", f"{path}/transitions", '"x"', step).status_code == 412
    moved = with_tag(world, "POST", f"{path}/transitions", made.headers["etag"], step)
    assert moved.headers["etag"] == world.send("GET", path).headers["etag"]
    where = f"{path}/connections"
    live = world.send("POST", where, {"type": "saml", "name": "IdP", "metadata_xml": "<x/>"}).json()["id"]
    made = world.send("POST", f"{where}/{live}/candidates", {"metadata_xml": "<y/>"})
    one, tag = f"{where}/{live}/candidates/{made.json()['id']}", made.headers["etag"]
    world.send("PATCH", f"{where}/{live}", {"attribute_mapping": {"email": "mail"}})
    assert with_tag(world, "POST", f"{one}/promote", tag, {}).status_code == 412, "it was compared with another configuration"
    assert with_tag(world, "POST", f"{one}/promote", world.send("GET", one).headers["etag"], {}).status_code == 200


def test_settings_of_alerts_and_of_outbound_scim(world: AdminWorld) -> None:
    path, _ = tenant(world)
    for where, first, second in (
        (f"{path}/alert-recipients", {"emails": ["a@acme.example"]}, {"emails": ["b@acme.example"]}),
        (f"{app(world)[0]}/scim", {"base_url": "https://a.example/scim", "token": "t" * 20}, {"base_url": "https://b.example/scim"}),
    ):  # fmt: skip
        tag = world.send("PUT", where, first).headers["etag"]
        assert world.send("GET", where).headers["etag"] == tag
        assert with_tag(world, "PUT", where, '"x"', second).status_code == 412
        world.clock.advance(seconds=1)
        assert with_tag(world, "PUT", where, tag, second).status_code == 200
        assert with_tag(world, "PUT", where, tag, first).status_code == 412


def test_a_life_of_its_own_is_no_change_of_settings(world: AdminWorld) -> None:
    path, made = webhook(world)
    tag = made.headers["etag"]
    with world.stores.main.platform(OPERATOR) as unit:
        with unit.enter(TenantScope(PLATFORM_TRAIL, unit.actor)) as inside:
            inside[Webhooks].fresh(made.json()["id"]).failures = 3
    assert with_tag(world, "GET", path, tag, name="if-none-match").status_code == 200, "what is shown is another thing"
    assert with_tag(world, "PATCH", path, tag, {"description": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("*", 200), ("W/{}", 412), ("{}", 200), ('"a", {}', 200), ("", 412), ("nonsense", 412), ('"', 412),
        ('"a"b"c"', 412), ("x" * 4000, 412),
    ],
)  # fmt: skip
def test_forms_of_if_match(small: AdminWorld, given: str, status: int) -> None:
    path, made = tenant(small)
    answer = with_tag(small, "PATCH", path, given.replace("{}", made.headers["etag"]), {"name": "Other"})
    assert answer.status_code == status


def test_lists_are_known_by_their_bytes(small: AdminWorld) -> None:
    tenant(small)
    tag = small.send("GET", "/tenants").headers["etag"]
    known = with_tag(small, "GET", "/tenants", tag, name="if-none-match")
    assert (known.status_code, known.content) == (304, b"")
    small.tenant(f"globex-{next(_NUMBERS)}")
    assert with_tag(small, "GET", "/tenants", tag, name="if-none-match").status_code == 200


def test_another_tenants_thing_is_unknown_whatever_version_is_named(small: AdminWorld) -> None:
    path, made = connection(small)
    key = small.key(small.tenant(f"globex-{next(_NUMBERS)}"))
    for tag in ("*", made.headers["etag"], '"x"'):
        answer = small.send("PATCH", path, {"name": "x"}, headers={"authorization": f"Bearer {key}", "if-match": tag})
        assert answer.status_code == 404


def test_a_rehearsal_changes_nothing_and_a_change_of_nothing_is_none(small: AdminWorld) -> None:
    path, made = connection(small)
    tag, name = made.headers["etag"], {"name": "Other"}
    told = small.send("PATCH", f"{path}?dry_run=true", name)
    assert (told.status_code, told.json()["name"]) == (200, "Other")
    assert told.headers["etag"] != tag == small.send("GET", path).headers["etag"]
    assert small.send("PATCH", path, {"name": "IdP", "metadata_xml": "<x/>"}).headers["etag"] == tag
    assert small.send("PATCH", f"{path}?dry_run=yes", name).status_code == 422
    where = path.rpartition("/")[0]
    body = {"type": "saml", "name": "Second", "metadata_xml": "<x/>"}
    assert small.send("POST", f"{where}?dry_run=true", body).status_code == 201
    assert small.send("POST", f"{where}?dry_run=true", {**body, "metadata": 1}).status_code == 422
    assert len(small.get(where)["data"]) == 1
    tenant_id = where.split("/")[2]
    assert [event["action"] for event in small.sealed(tenant_id)].count("connection.updated") == 0
