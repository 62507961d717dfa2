"""The objects of OpenAPI 3.1 that our description is made of, field by field: a field that an object does not have is a fault.

Written after the specification's section 4.8 (3.1.1), as far as it is used here: an object or field that is new to our
description is entered here first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TEXT, FLAG, ANY = str, bool, object

Shape = Any
"""A type, the name of an object, ``[shape]`` for a list, ``{pattern: shape}`` for a map whose keys match."""

NAME = r"[A-Za-z0-9._-]+"
OBJECTS: Mapping[str, Mapping[str, Shape]] = {
    "OpenAPI": {
        "openapi*": TEXT, "info*": "Info", "servers": ["Server"], "paths": {r"/.*": "Path Item"}, "components": "Components",
        "security": ["Security Requirement"], "tags": ["Tag"],
    },
    "Info": {"title*": TEXT, "version*": TEXT, "summary": TEXT, "description": TEXT, "license": "License"},
    "License": {"name*": TEXT, "identifier": TEXT, "url": TEXT},
    "Server": {"url*": TEXT, "description": TEXT},
    "Tag": {"name*": TEXT, "description": TEXT},
    "Components": {
        "schemas": {NAME: "Schema"}, "responses": {NAME: "Response"}, "parameters": {NAME: "Parameter"},
        "securitySchemes": {NAME: "Security Scheme"}, "headers": {NAME: "Header"},
    },
    "Path Item": {
        "summary": TEXT, "description": TEXT, "parameters": ["Parameter"],
        **dict.fromkeys(("get", "put", "post", "delete", "options", "head", "patch", "trace"), "Operation"),
    },
    "Operation": {
        "tags": [TEXT], "summary": TEXT, "description": TEXT, "operationId": TEXT, "parameters": ["Parameter"],
        "requestBody": "Request Body", "responses": {r"default|[1-5](\d\d|XX)": "Response"}, "deprecated": FLAG,
        "security": ["Security Requirement"],
    },
    "Parameter": {
        "name*": TEXT, "in*": re.compile("query|header|path|cookie"), "description": TEXT, "required": FLAG, "deprecated": FLAG,
        "schema": "Schema", "example": ANY, "examples": {NAME: "Example"},
    },
    "Request Body": {"description": TEXT, "content*": {r"[\w.+-]+/[\w.+*-]+": "Media Type"}, "required": FLAG},
    "Media Type": {"schema": "Schema", "example": ANY, "examples": {NAME: "Example"}},
    "Response": {
        "description*": TEXT, "headers": {NAME: "Header"}, "content": {r"[\w.+-]+/[\w.+*-]+": "Media Type"},
    },
    "Header": {"description": TEXT, "required": FLAG, "schema": "Schema", "example": ANY},
    "Example": {"summary": TEXT, "description": TEXT, "value": ANY},
    "Security Scheme": {
        "type*": re.compile("apiKey|http|mutualTLS|oauth2|openIdConnect"), "description": TEXT, "scheme": TEXT,
        "bearerFormat": TEXT, "name": TEXT, "in": re.compile("query|header|cookie"),
    },
    "Security Requirement": {},
    "Schema": {},
}  # fmt: skip
"""Object → its fixed fields; ``*`` marks those that it must have. Schema Objects are the business of ``json_schema``."""


def faults(value: Any, shape: Shape = "OpenAPI", where: str = "#") -> Iterator[str]:
    if isinstance(shape, str):
        yield from _object(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for number, child in enumerate(value):
            yield from faults(child, shape[0], f"{where}/{number}")
    elif isinstance(shape, dict):
        ((pattern, inner),) = shape.items()
        for name, child in value.items():
            if not re.fullmatch(pattern, name):
                yield f"{where}: {name} cannot be a key here"
            yield from faults(child, inner, f"{where}/{name}")
    elif isinstance(shape, re.Pattern):
        if not (isinstance(value, str) and shape.fullmatch(value)):
            yield f"{where}: {value!r} is none of {shape.pattern}"
    elif not isinstance(value, shape):
        yield f"{where}: {value!r} is no {shape.__name__}"


def _object(value: Any, kind: str, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no {kind} Object"
    elif kind == "Security Requirement":
        yield from faults(value, {NAME: [TEXT]}, where)
    elif kind == "Schema":
        return
    elif "$ref" in value:
        if set(value) - {"$ref", "summary", "description"}:
            yield f"{where}: a Reference Object has summary and description beside it, and nothing else"
    else:
        fields = {name.rstrip("*"): shape for name, shape in OBJECTS[kind].items()}
        yield from (
            f"{where}: {name} is no field of a {kind} Object" for name in sorted(set(value) - set(fields)) if name[:2] != "x-"
        )
        needed = {name[:-1] for name in OBJECTS[kind] if name.endswith("*")}
        yield from (f"{where}: a {kind} Object needs {name}" for name in sorted(needed - set(value)))
        if {"example", "examples"} <= set(value):
            yield f"{where}: example and examples exclude each other"
        if kind == "Parameter" and value.get("in") == "path" and value.get("required") is not True:
            yield f"{where}: a path parameter is required"
        for name in set(value) & set(fields):
            yield from faults(value[name], fields[name], f"{where}/{name}")
