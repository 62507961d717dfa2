"""Roles of a tenant's own: made of the catalogue, where entitled, by nobody for more than he may do himself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idbroker.access.admin_roles import AdminRoles, permissions_of
from idbroker.access.permissions import ROLES, TENANT_WIDE, Permission
from idbroker.admins.tenant_admins import TenantAdmin, TenantAdminService
from idbroker.directory.model import Users
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.unit import TenantUnit
from tests.support.admin_world import AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, open_stores, urls_for


@pytest.fixture(scope="module", params=ENGINES)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminWorld]:
    clock = TestClock()
    stores = open_stores(request.param, urls_for(request.param, tmp_path_factory.mktemp("roles"), request), clock)
    yield AdminWorld(stores, clock)
    stores.close()


def made(world: AdminWorld, tenant: str, name: str, *permissions: str, key: str | None = None) -> dict:
    return world.post(f"/tenants/{tenant}/admin-roles", {"name": name, "permissions": list(permissions)}, key=key)


def test_a_role_allows_what_it_says_at_once_and_nothing_else(there: AdminWorld) -> None:
    tenant = there.tenant("acme")
    role = made(there, tenant, "auditor", "audit:read", "audit:read", "tenant:read")
    assert role["permissions"] == ["audit:read", "tenant:read"]
    key, where = there.key(tenant, "auditor"), f"/tenants/{tenant}"

    def statuses() -> list[int]:
        return [there.send("GET", f"{where}/{path}", key=key).status_code for path in ("audit-events", "users", "domains")]

    assert statuses() == [200, 403, 403]
    changed = there.send("PATCH", f"{where}/admin-roles/{role['id']}", {"permissions": ["people:read"]})
    assert changed.json()["permissions"] == ["people:read"]
    assert statuses() == [403, 200, 403]
    described = there.send("PATCH", f"{where}/admin-roles/{role['id']}", {"description": "Reads people"}).json()
    assert (described["description"], described["permissions"]) == ("Reads people", ["people:read"])
    stale = {"authorization": f"Bearer {there.operator}", "if-match": changed.headers["etag"]}
    overtaken = there.send("PATCH", f"{where}/admin-roles/{role['id']}", {"permissions": ["tenant:read"]}, headers=stale)
    assert overtaken.status_code == 412
    told = [one for one in there.sealed(tenant) if one["action"].startswith("admin_role.")]
    assert {one["action"] for one in told} == {"admin_role.created", "admin_role.updated"}
    assert {one["resource"]["name"] for one in told} == {"auditor"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "owner", "permissions": ["tenant:read"]}, 422),
        ({"name": "operator", "permissions": ["tenant:read"]}, 422),
        ({"name": "Big Boss", "permissions": ["tenant:read"]}, 422),
        ({"name": "boss", "permissions": ["operator:tenants"]}, 422),
        ({"name": "boss", "permissions": ["everything"]}, 422),
        ({"name": "boss", "permissions": []}, 422),
        ({"name": "boss", "permissions": "tenant:read"}, 422),
        ({"name": "taken", "permissions": ["tenant:read"]}, 409),
    ],
)
def test_what_is_no_role(shared_world: AdminWorld, body: dict, status: int) -> None:
    if not shared_world.send("GET", "/tenants/nobodys").is_success:
        made(shared_world, shared_world.tenant("nobodys"), "taken", "tenant:read")
    answer = shared_world.send("POST", "/tenants/nobodys/admin-roles", body)
    assert answer.status_code == status, answer.text


def test_nobody_gets_above_himself_by_a_role(there: AdminWorld) -> None:
    """One who may administer admins and keys, by every way to more. The operator then goes each way, so that it is there."""
    tenant = there.tenant("ladder")
    where = f"/tenants/{tenant}"
    own = ["admins:read", "admins:write", "api_keys:write", "people:read", "setup_links:write"]
    lesser = made(there, tenant, "registrar", *own)["id"]
    higher = made(there, tenant, "signer", "connections:write", "people:read")["id"]
    unused = made(there, tenant, "unused", "connections:write")["id"]
    me = there.key(tenant, "registrar")
    owners_key = there.post(f"{where}/api-keys", {"name": "owner", "role": "owner"}, key=there.key(tenant))["id"]
    signer = there.post(f"{where}/admins", {"email": "signer@ladder.example", "role": "signer"})["id"]
    ways = [
        ("POST", "/admin-roles", {"name": "more", "permissions": ["people:read", "connections:write"]}, 201),
        ("PATCH", f"/admin-roles/{lesser}", {"permissions": [*own, "tenant:export"]}, 200),
        ("PATCH", f"/admin-roles/{higher}", {"permissions": ["people:read"]}, 200),
        ("PATCH", f"/admin-roles/{higher}", {"permissions": ["people:read", "connections:write"]}, 200),
        ("DELETE", f"/admin-roles/{unused}", None, 204),
        ("POST", "/admins", {"email": "a@ladder.example", "role": "signer"}, 201),
        ("POST", "/admins", {"email": "b@ladder.example", "role": "owner"}, 201),
        ("POST", "/admins", {"email": "c@ladder.example", "role": "member"}, 201),
        ("POST", f"/admins/{signer}/invitation", None, 201),
        ("PATCH", f"/admins/{signer}", {"role": "registrar"}, 200),
        ("PATCH", f"/admins/{signer}", {"role": "signer"}, 200),
        ("DELETE", f"/admins/{signer}", None, 204),
        ("POST", "/api-keys", {"name": "x", "role": "signer"}, 201),
        ("POST", "/api-keys", {"name": "x", "role": "admin"}, 201),
        ("DELETE", f"/api-keys/{owners_key}", None, 204),
        ("POST", "/setup-links", {"scopes": ["sso"]}, 201),
    ]
    for method, path, body, _ in ways:
        refused = there.send(method, f"{where}{path}", body, key=me)
        assert (refused.status_code, refused.json()["code"]) == (403, "grants_above_himself"), (method, path, body)
    for method, path, body, works in ways:
        assert there.send(method, f"{where}{path}", body).status_code == works, (method, path, body)
    made(there, tenant, "reader", "people:read", key=me)
    there.post(f"{where}/api-keys", {"name": "mine", "role": "reader"}, key=me)
    assert there.send("POST", f"{where}/admins", {"email": "e@ladder.example", "role": "nobody"}, key=me).status_code == 422


def test_a_role_in_use_stays(there: AdminWorld) -> None:
    tenant = there.tenant("using")
    where = f"/tenants/{tenant}"
    role = made(there, tenant, "desk", "people:read")["id"]
    admin = there.post(f"{where}/admins", {"email": "desk@using.example", "role": "desk"})["id"]
    key = there.post(f"{where}/api-keys", {"name": "desk", "role": "desk"}, key=there.key(tenant))["id"]
    for says, done in (
        ("1 admin and 1 API key", lambda: there.send("PATCH", f"{where}/admins/{admin}", {"role": "guest"})),
        ("1 API key", lambda: there.send("DELETE", f"{where}/api-keys/{key}")),
    ):
        kept = there.send("DELETE", f"{where}/admin-roles/{role}")
        assert (kept.status_code, kept.json()["code"]) == (409, "admin_role_in_use")
        assert f": {says}." in kept.json()["detail"]
        assert done().is_success
    assert there.send("DELETE", f"{where}/admin-roles/{role}").status_code == 204
    assert there.send("GET", f"{where}/admin-roles/{role}").status_code == 404
    late = {"name": "late", "scope": "tenant", "tenant": tenant, "role": "desk"}
    assert there.send("POST", "/api-keys", late).status_code == 422
    assert there.sealed(tenant, action="admin_role.deleted")[0]["context"]["permissions"] == ["people:read"]


def test_an_owner_by_another_name_is_no_owner(there: AdminWorld) -> None:
    tenant = there.tenant("lastly")
    where = f"/tenants/{tenant}"
    made(there, tenant, "everything", *TENANT_WIDE)
    owner = there.post(f"{where}/admins", {"email": "owner@lastly.example", "role": "owner"})["id"]
    there.post(f"{where}/admins", {"email": "other@lastly.example", "role": "everything"})
    everything = there.key(tenant, "everything")
    for method, body in (("DELETE", None), ("PATCH", {"role": "everything"})):
        kept = there.send(method, f"{where}/admins/{owner}", body, key=everything)
        assert (kept.status_code, kept.json()["code"]) == (409, "last_owner")


def test_the_last_owner_who_can_get_in_stays(there: AdminWorld) -> None:
    tenant = there.tenant("keyless")
    where = f"/tenants/{tenant}/admins"
    ada, bob = (there.post(where, {"email": f"{name}@keyless.example", "role": "owner"})["id"] for name in ("ada", "bob"))
    there.clock.advance(days=8)

    @contextmanager
    def changed(admin: str) -> Iterator[tuple[TenantUnit, TenantAdmin]]:
        with there.stores.main.tenant(TenantScope(TenantId(tenant), SYSTEM)) as unit:
            yield unit, TenantAdminService().known(unit, admin)

    def refused() -> list[str]:
        tries = (there.send("DELETE", f"{where}/{ada}"), there.send("PATCH", f"{where}/{ada}", {"role": "member"}))
        return [answer.json()["code"] for answer in tries]

    with changed(ada) as (unit, row):
        TenantAdminService().signed_in(unit, row, "invitation")
    assert refused() == ["last_owner", "last_owner"], "bob's invitation is over, and he has never been in"
    user, _ = there.person(tenant, "bob@keyless.example")
    with changed(bob) as (unit, row):
        row.user_id, row.last_sign_in_at = user, unit.clock.now()
        person = unit[Users].get(user)
        assert person is not None
        person.active = False
    there.post(f"{where}/{bob}/invitation")
    assert refused() == ["last_owner", "last_owner"], "bob is switched off as a person"
    with changed(bob) as (_, row):
        row.user_id, row.last_sign_in_at = None, None
    assert there.send("DELETE", f"{where}/{ada}").status_code == 204, "bob's new invitation is live"


def test_as_many_as_the_tier_includes(there: AdminWorld) -> None:
    tenant = there.tenant("counted")
    where = f"/tenants/{tenant}"
    owner = there.key(tenant)
    made(there, tenant, "in-trial", "tenant:read")
    there.post(f"{where}/transitions", {"to": "active", "reason": "bought"}, status=200)
    for tier, most in (("free", 1), ("growth", 5)):
        there.send("PATCH", where, {"tier": tier})
        for number in range(1, most):
            made(there, tenant, f"{tier}-{number}", "tenant:read")
        refused = there.send("POST", f"{where}/admin-roles", {"name": "more", "permissions": ["tenant:read"]}, key=owner)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
        assert "roles of its own" in refused.json()["detail"]
    page = there.get(f"{where}/admin-roles?limit=3")
    assert [role["name"] for role in page["data"]] == ["in-trial", "growth-1", "growth-2"]
    rest = there.get(f"{where}/admin-roles?limit=3&cursor={page['next_cursor']}")
    assert [role["name"] for role in rest["data"]] == ["growth-3", "growth-4"]


def test_a_word_that_is_not_in_the_catalogue_grants_nothing(there: AdminWorld) -> None:
    """As it stands in a database that a later release, or another hand, has written."""
    tenant = there.tenant("later")
    made(there, tenant, "older", "tenant:read")
    scope = TenantScope(TenantId(tenant), SYSTEM)
    with there.stores.main.tenant(scope) as unit:
        row = unit[AdminRoles].named("older")
        assert row is not None
        row.permissions = ["tenant:read", "tenant:fly", "operator:tenants"]
    with there.stores.main.tenant(scope, read_only=True) as unit:
        assert permissions_of(unit, "older") == {Permission.TENANT_READ}
        assert permissions_of(unit, "never-made") == frozenset()
        assert permissions_of(unit, "guest") == ROLES["guest"]
