"""Who reaches what, walked over the whole table: a row that is added is tested by being there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from idbroker.admin_api.operation import Operation
from idbroker.kernel.ids import new_id
from idbroker.web.route import KeyRoute, OpenRoute, PlatformRoute
from tests.support.admin_world import AdminWorld
from tests.support.prefixes import PREFIXES

KINDS = {**PREFIXES, "reference": "ref", "kid": "kid"}


@pytest.fixture(scope="module")
def fenced(shared_world: AdminWorld) -> tuple[AdminWorld, str, str]:
    """(world, tenant A, the key of B's owner)."""
    here, other = shared_world.tenant("acme"), shared_world.tenant("globex")
    return shared_world, here, shared_world.key(other)


def guarded(world: AdminWorld) -> list[Operation]:
    return [operation for operation in world.api.operations if not isinstance(operation.row, OpenRoute)]


def path_of(operation: Operation, **given: str) -> str:
    def value(match: re.Match[str]) -> str:
        return given.get(match[1]) or new_id(KINDS[match[1]])

    return re.sub(r"{(\w+)}", value, operation.row.path)


def untold(answer: Any) -> dict[str, Any]:
    """The problem without what differs from request to request."""
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def is_problem(answer: Any, status: int) -> bool:
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(told)
    assert told["status"] == answer.status_code
    return bool(answer.status_code == status)


def test_without_a_good_key_there_is_nothing(fenced: tuple[AdminWorld, str, str]) -> None:
    world, tenant, _ = fenced
    strange = f"idbk_{new_id('key').removeprefix('key_')}_{'x' * 43}"
    for operation in guarded(world):
        path = path_of(operation, tenant=tenant)
        for headers in (
            {},
            {"authorization": "Bearer nonsense"},
            {"authorization": f"Bearer {strange}"},
            {"authorization": "x"},
        ):
            answer = world.send(operation.row.method, path, headers=headers)
            assert is_problem(answer, 401), f"{operation.name}: {answer.status_code}"
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_another_tenants_key_sees_what_an_unknown_id_shows(fenced: tuple[AdminWorld, str, str]) -> None:
    world, tenant, foreign = fenced
    for operation in guarded(world):
        answer = world.send(operation.row.method, path_of(operation, tenant=tenant), key=foreign)
        if isinstance(operation.row, KeyRoute) and "{" not in operation.row.path:
            continue  # everybody's own: what is seen there is the business of its own tests
        if isinstance(operation.row, PlatformRoute) and "{tenant}" not in operation.row.path:
            assert is_problem(answer, 403), f"{operation.name}: {answer.status_code}"
            continue
        assert is_problem(answer, 404), f"{operation.name}: {answer.status_code}"
        unknown = world.send(operation.row.method, path_of(operation), key=foreign)
        assert untold(answer) == untold(unknown), operation.name


def test_an_unknown_id_below_a_known_tenant_is_404(fenced: tuple[AdminWorld, str, str]) -> None:
    world, tenant, _ = fenced
    for operation in guarded(world):
        below = [name for name in re.findall(r"{(\w+)}", operation.row.path) if name != "tenant"]
        for wrong in ("", "nonsense", "usr_nonsense", "%00", "a%20b"):
            if below:
                given = {name: wrong for name in below if wrong}
                answer = world.send(operation.row.method, path_of(operation, tenant=tenant, **given), _plausible(operation))
                assert is_problem(answer, 404), f"{operation.name} {wrong}: {answer.status_code} {answer.text}"


def test_an_unknown_tenant_is_404_for_operators_too(fenced: tuple[AdminWorld, str, str]) -> None:
    world = fenced[0]
    for operation in guarded(world):
        if "{tenant}" in operation.row.path:
            for tenant in (new_id("tnt"), "initech", "%00", "tnt_%ff"):
                answer = world.send(operation.row.method, path_of(operation, tenant=tenant))
                assert is_problem(answer, 404), f"{operation.name}: {answer.status_code}"


def test_a_revoked_key_opens_nothing(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    made = world.post("/api-keys", {"name": "ci", "scope": "tenant", "tenant": "acme"})
    assert world.send("GET", "/tenants/acme", key=made["key"]).status_code == 200
    assert world.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
    assert world.send("GET", "/tenants/acme", key=made["key"]).status_code == 401
    assert world.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
    assert [record["action"] for record in world.sealed(tenant, resource=made["id"])] == [
        "api_key.revoked",
        "api_key.created",
    ]


def test_operator_calls_are_held_by_operators_permissions_alone(shared_world: AdminWorld) -> None:
    for operation in guarded(shared_world):
        if isinstance(operation.row, PlatformRoute):
            assert operation.row.permission.startswith("operator:"), operation.name


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("owner", True, True), ("admin", True, True), ("member", True, False), ("guest", False, False)],
)
def test_roles(world: AdminWorld, role: str, reads: bool, writes: bool) -> None:
    tenant = world.tenant("acme")
    key = world.key(tenant, role)
    assert world.send("GET", f"/tenants/{tenant}", key=key).status_code == 200
    assert (world.send("GET", f"/tenants/{tenant}/users", key=key).status_code == 200) is reads
    made = world.send("POST", f"/tenants/{tenant}/domains", {"domain": "acme.example"}, key=key)
    assert (made.status_code == 201) is writes
    if not writes:
        assert is_problem(made, 403)


def test_nobody_grants_above_himself(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    owner = world.key(tenant)
    own = f"/tenants/{tenant}/api-keys"
    made = world.post(own, {"name": "second owner", "role": "owner"}, key=owner)
    assert made["role"] == "owner"
    assert world.send("POST", own, {"name": "x"}, key=world.key(tenant, "admin")).status_code == 403
    assert world.send("POST", own, {"name": "x", "role": "operator"}, key=owner).status_code == 422
    assert "key" not in world.get(own, key=owner)["data"][0]


def test_a_tenant_revokes_its_own_keys_only(world: AdminWorld) -> None:
    here, there = world.tenant("acme"), world.tenant("globex")
    owner = world.key(here)
    foreign = world.post("/api-keys", {"name": "x", "scope": "tenant", "tenant": there})["id"]
    mine = world.post(f"/tenants/{here}/api-keys", {"name": "ci"}, key=owner)["id"]
    operators = world.get("/api-keys")["data"][0]["id"]
    for key_id, status in ((foreign, 404), (operators, 404), (mine, 204)):
        assert world.send("DELETE", f"/tenants/{here}/api-keys/{key_id}", key=owner).status_code == status


def _plausible(operation: Operation) -> dict[str, Any] | None:
    needed = {
        "explain_response": {"saml_response": "eA=="},
        "roll_over_sp_keys": {"step": "begin"},
        "change_admin": {"role": "guest"},
        "try_directory_request": {"method": "DELETE", "path": "/Users/usr_1"},
    }
    return needed.get(operation.name, {} if operation.body else None)
