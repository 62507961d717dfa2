"""The OpenAPI 3.1 document, made from the table of operations and the models that the handlers themselves use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from idbroker.admin_api.examples import body_example, made_of
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.shapes import Document
from idbroker.web.problems import MEDIA_TYPE
from idbroker.web.route import OpenRoute

_PARAMETER = re.compile(r"{(\w+)}")
_REF = "#/components/schemas/{model}"
_CONDITIONS = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that you read. Where it is another by now, nothing is done and 412 answered.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have. Where it is still that, 304 is answered, without a body.",
        "schema": {"type": "string"},
    },
}
INTRODUCTION = (
    "Administration of the broker. Authorization: Bearer <API key>. An operator's key reaches every tenant; a tenant's key "
    "reaches its own, and any other id does not exist for it. Lists come in pages; errors are problem documents (RFC 9457)."
)


class ProblemError(Document):
    pointer: str
    message: str


class Problem(Document):
    """RFC 9457. ``code`` is stable; ``errors`` names the wrong fields by JSON Pointer (RFC 6901)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] | None = None


def openapi(operations: Sequence[Operation], base_url: str) -> dict[str, Any]:
    """The whole document. Every refusal that a row can give is declared as a problem."""
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.row.path, {})[operation.row.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Admin API", "version": _version(), "description": INTRODUCTION},
        "servers": [{"url": base_url}],
        "tags": [{"name": area} for area in dict.fromkeys(operation.area for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "A refusal.",
                    "content": {MEDIA_TYPE: {"schema": _ref("Problem"), "example": made_of(_ref("Problem"), schemas)}},
                },
                "Known": {"description": "You have it already.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}},
            },
            "headers": {"ETag": {"description": "The version, a strong tag (RFC 9110 8.8.3).", "schema": {"type": "string"}}},
            "securitySchemes": {
                "api_key": {"type": "http", "scheme": "bearer"},
                "app": {"type": "http", "scheme": "basic", "description": "An app's client id and secret."},
            },
        },
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    wanted += [(operation.body, "validation") for operation in operations if operation.body is not None]
    wanted += [(operation.answer, "serialization") for operation in operations if operation.answer is not None]
    _, made = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    schemas: dict[str, Any] = made["$defs"]
    for operation in operations:
        if operation.body is not None and operation.partial:
            whole = schemas[operation.body.__name__]
            members = {name: _without_default(member) for name, member in whole["properties"].items()}
            schemas[_body_name(operation)] = {k: v for k, v in whole.items() if k != "required"} | {"properties": members}
    return schemas


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "default"}


def _body_name(operation: Operation) -> str:
    name = operation.body.__name__ if operation.body is not None else ""
    return f"{name}Patch" if operation.partial else name


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    row = operation.row
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PARAMETER.findall(row.path)
    ]
    parameters += [
        {"name": one.name, "in": "query", "description": one.description, "schema": one.schema} for one in operation.query
    ]
    parameters += [_CONDITIONS[name] for name in _conditions(operation)]
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.area],
        "summary": operation.summary,
        "security": _security(operation),
        "responses": {str(operation.status): _answer(operation, schemas), **_problems(operation)},
    }
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        name = _body_name(operation)
        required = bool(schemas[name].get("required"))
        example = body_example(operation.body.__name__, schemas)
        told["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": _ref(name), "example": example}},
        }
    if not isinstance(row, OpenRoute):
        told["x-permission"] = str(row.permission)
    return told


def _security(operation: Operation) -> list[dict[str, Any]]:
    if operation.app_credentials:
        return [{"app": []}]
    return [] if isinstance(operation.row, OpenRoute) else [{"api_key": []}]


def _answer(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    content: dict[str, Any] = {media.partition(";")[0]: {} for media in operation.media}
    if operation.answer is not None:
        if operation.versioned or (operation.row.method == "GET" and _proven(operation)):
            told["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        one = _ref(operation.answer.__name__)
        shape = _page(one) if operation.many else one
        content["application/json"] = {"schema": shape, "example": made_of(shape, schemas)}
    if content:
        told["content"] = content
    return told


def _conditions(operation: Operation) -> list[str]:
    if operation.versioned:
        return ["If-Match"]
    return ["If-None-Match"] if operation.row.method == "GET" and operation.answer is not None and _proven(operation) else []


def _proven(operation: Operation) -> bool:
    return not isinstance(operation.row, OpenRoute)


def _page(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["data", "next_cursor"],
        "properties": {"data": {"type": "array", "items": one}, "next_cursor": {"type": ["string", "null"]}},
    }


def _problems(operation: Operation) -> dict[str, Any]:
    row = operation.row
    statuses = set(operation.problems)
    if not isinstance(row, OpenRoute):
        statuses |= {401, 403}
    if operation.app_credentials:
        statuses.add(401)
    if "{" in row.path:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {400, 413, 415, 422}
    if operation.query:
        statuses |= {400, 422}
    if not (isinstance(row, OpenRoute) and not operation.app_credentials):
        statuses.add(429)
    if operation.versioned:
        statuses.add(412)
    known = {"304": {"$ref": "#/components/responses/Known"}} if "If-None-Match" in _conditions(operation) else {}
    return {
        **known,
        **{str(status): {"$ref": "#/components/responses/Problem"} for status in sorted(statuses)},
        "default": {"$ref": "#/components/responses/Problem"},
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _version() -> str:
    try:
        return version("idbroker")
    except PackageNotFoundError:
        return "0"
