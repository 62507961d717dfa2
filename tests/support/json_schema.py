"""The part of JSON Schema 2020-12 that our description uses, checked strictly: a keyword that is not known here is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int, "number": (int, float),
}  # fmt: skip
PLAIN = {"title", "description", "default", "examples", "deprecated"}
KEYWORDS = PLAIN | {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "oneOf", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems",
    "uniqueItems",
    "format", "discriminator", "propertyNames", "minProperties", "maxProperties", "prefixItems",
}  # fmt: skip


def faults(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any], where: str = "") -> Iterator[str]:
    if schema is True or schema == {}:
        return
    unknown = set(schema) - KEYWORDS
    if unknown:
        yield f"{where}: unknown keywords {sorted(unknown)}"
    if "$ref" in schema:
        inner: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            inner = inner[part]
        yield from faults(value, inner, document, where)
    if "anyOf" in schema and all(list(faults(value, one, document, where)) for one in schema["anyOf"]):
        yield f"{where}: {value!r} is none of anyOf"
    if "oneOf" in schema and sum(not list(faults(value, one, document, where)) for one in schema["oneOf"]) != 1:
        yield f"{where}: {value!r} is not one of oneOf"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where}: {value!r} is no {kinds}"
        return
    yield from _sized(value, schema, where)
    if isinstance(value, dict):
        yield from _members(value, schema, document, where)
    if isinstance(value, list):
        for number, child in enumerate(value):
            yield from faults(child, schema.get("items", {}), document, f"{where}/{number}")


def _members(value: dict[str, Any], schema: Mapping[str, Any], document: Mapping[str, Any], where: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, child in value.items():
        if name in known:
            yield from faults(child, known[name], document, f"{where}/{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{where}: {name} is unknown"
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from faults(child, schema["additionalProperties"], document, f"{where}/{name}")


def _sized(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
            yield f"{where}: {value!r} is too short or too long"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
        yield f"{where}: {len(value)} items"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value} is out of bounds"


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))
