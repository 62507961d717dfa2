"""The description is held against the routes, both ways, and is sound in itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from idbroker.web.route import OpenRoute
from tests.support import openapi_objects
from tests.support.admin_world import BASE, AdminWorld
from tests.support.json_schema import faults


@pytest.fixture(scope="module")
def document(shared_world: AdminWorld) -> dict[str, Any]:
    answer = shared_world.client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def described(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def test_every_route_is_described_and_every_description_is_a_route(shared_world: AdminWorld, document: dict[str, Any]) -> None:
    rows = {(row.method, row.path) for row in shared_world.api.rows()}
    assert rows == {(method, path) for method, path, _ in described(document)}
    assert len(rows) == len(shared_world.api.rows())


def test_it_is_openapi_3_1_of_this_broker(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    assert document["servers"] == [{"url": BASE}]


def test_it_is_made_of_openapi_s_objects(document: dict[str, Any]) -> None:
    assert list(openapi_objects.faults(document)) == []
    for told, member, wrong in (
        ("summery is no field of a Operation Object", "summery", "x"),
        ("no list", "tags", "Tenants"),
        ("a path parameter is required", "parameters", [{"name": "tenant", "in": "path"}]),
        ("'body' is none of", "parameters", [{"name": "tenant", "in": "body"}]),
        ("600 cannot be a key here", "responses", {"600": {"description": "?"}}),
        ("a Response Object needs description", "responses", {"200": {}}),
    ):
        operation = {**document["paths"]["/api/v1/tenants"]["get"], member: wrong}
        damaged = {**document, "paths": {"/api/v1/tenants": {"get": operation}}}
        assert [told in fault for fault in openapi_objects.faults(damaged)] == [True], member


def test_every_reference_resolves_and_every_shape_is_used(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}
    for reference in references:
        here: Any = document
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]
    patched = {name.removesuffix("Patch") for name in document["components"]["schemas"]}
    for name in document["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in references or name in patched, name


def test_every_operation_is_whole(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    names = [operation["operationId"] for _, _, operation in described(document)]
    assert len(names) == len(set(names))
    for method, path, operation in described(document):
        declared = {(one["in"], one["name"]) for one in operation.get("parameters", [])}
        assert {name for place, name in declared if place == "path"} == set(re.findall(r"{(\w+)}", path)), path
        assert operation["summary"].endswith("."), path
        assert set(operation["tags"]) <= tags
        assert any(status.startswith("2") for status in operation["responses"])
        assert ("requestBody" in operation) <= (method in ("POST", "PATCH", "PUT"))
        assert method != "GET" or "requestBody" not in operation


def test_problems_are_declared(shared_world: AdminWorld, document: dict[str, Any]) -> None:
    problem = document["components"]["responses"]["Problem"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    rows = {(row.method, row.path): row for row in shared_world.api.rows()}
    for method, path, operation in described(document):
        wanted = {"default"}
        if not isinstance(rows[method, path], OpenRoute):
            wanted |= {"401", "403", "429"}
        if "{" in path:
            wanted.add("404")
        if "requestBody" in operation:
            wanted |= {"400", "413", "415", "422"}
        assert wanted <= set(operation["responses"]), path
        assert {"api_key"} == {name for one in operation["security"] for name in one} or isinstance(
            rows[method, path], OpenRoute
        )


def test_parts_are_optional_in_a_patch(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for method, _, operation in described(document):
        if method == "PATCH":
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert "required" not in schemas[name]
            assert not any("default" in member for member in schemas[name]["properties"].values())


def test_answers_have_the_members_that_are_described(world: AdminWorld) -> None:
    schemas = world.get("/openapi.json")["components"]["schemas"]
    tenant = world.tenant("acme")
    user, session = world.person(tenant, "alice@acme.example", ["Staff"])
    app = world.post("/apps", {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"]})
    world.trail.seal_all()
    answers = {
        "TenantDocument": world.get("/tenants/acme"),
        "DomainDocument": world.post(f"/tenants/{tenant}/domains", {"domain": "acme.example"}),
        "ConnectionDocument": world.connection(tenant),
        "NewAppDocument": app,
        "AppDocument": world.get(f"/apps/{app['client_id']}"),
        "UserDocument": world.get(f"/tenants/{tenant}/users/{user}"),
        "GroupDocument": world.get(f"/tenants/{tenant}/groups")["data"][0],
        "SessionDocument": world.get(f"/tenants/{tenant}/sessions/{session}"),
        "AuditEventDocument": world.get(f"/tenants/{tenant}/audit-events")["data"][0],
        "KeyDocument": world.get("/api-keys")["data"][0],
        "NewKeyDocument": world.post("/api-keys", {"name": "x", "scope": "operator"}),
    }
    for name, answer in answers.items():
        schema = schemas[name]
        assert set(schema["required"]) <= set(answer), name
        assert schema.get("additionalProperties") or set(answer) <= set(schema["properties"]), name


def test_both_forms_are_cacheable_and_open(shared_world: AdminWorld) -> None:
    for path in ("/api/v1/openapi.json", "/api/docs"):
        answer = shared_world.client.get(path)
        assert "public" in answer.headers["cache-control"]
        again = shared_world.client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_shows_every_call_and_runs_nothing(shared_world: AdminWorld, document: dict[str, Any]) -> None:
    answer = shared_world.client.get("/api/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    for method, path, operation in described(document):
        assert f"{method} {path}" in answer.text
        assert f'id="{operation["operationId"]}"' in answer.text
    targets = set(re.findall(r'href="#([\w-]+)"', answer.text))
    assert targets <= set(re.findall(r'id="([\w-]+)"', answer.text))


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body and answer of JSON that has a shape, by its place."""
    for _, _, operation in described(document):
        parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for place, part in parts.items():
            shown = part.get("content", {}).get("application/json", {})
            if "schema" in shown:
                yield f"{operation['operationId']} {place}", shown


def test_every_example_is_what_its_schema_says(document: dict[str, Any]) -> None:
    problem = document["components"]["responses"]["Problem"]["content"]["application/problem+json"]
    places = [*contents(document), ("problem", problem)]
    assert len(places) > 100
    wrong = [f"{place}{fault}" for place, shown in places for fault in faults(shown["example"], shown["schema"], document)]
    assert wrong == []


def test_every_body_s_example_is_read_by_its_handler_s_model(shared_world: AdminWorld, document: dict[str, Any]) -> None:
    shown = dict(contents(document))
    for operation in shared_world.api.operations:
        if operation.body is not None and not operation.partial:
            operation.body.model_validate(shown[f"{operation.name} body"]["example"])
