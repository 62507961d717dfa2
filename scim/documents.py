"""The canonical form of a document: names in the schema's case, the schema's order, true ``schemas`` (RFC 7643 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.errors import ScimError, quoted
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


def ordered(values: Mapping[str, Any], kind: ResourceType) -> Json:
    """A document with its attributes in order, nothing empty, and ``schemas`` naming the core schema and what is in use."""
    used = [schema for schema in kind.extensions if values.get(schema.id)]
    document: Json = {"schemas": [kind.schema.id, *(schema.id for schema in used)]}
    for attribute in kind.attributes:
        if attribute.name != "schemas" and values.get(attribute.name) not in (None, [], {}):
            document[attribute.name] = values[attribute.name]
    for schema in used:
        part = values[schema.id]
        document[schema.id] = {a.name: part[a.name] for a in schema.attributes if part.get(a.name) not in (None, [], {})}
        if not document[schema.id]:
            del document[schema.id]
            document["schemas"].remove(schema.id)
    return document


def require(document: Mapping[str, Any], kind: ResourceType) -> None:
    """Every required attribute has a value. An extension's count once the extension is in use. Raises ScimError."""
    for attribute in kind.schema.attributes:
        if attribute.required and lacks(document, attribute):
            raise ScimError("invalidValue", f"{quoted(attribute.name)} is required.")
    for schema in kind.extensions:
        part = document.get(schema.id)
        for attribute in schema.attributes if part else ():
            if attribute.required and lacks(part or {}, attribute):
                raise ScimError("invalidValue", f"{quoted(f'{schema.id}:{attribute.name}')} is required.")


def lacks(values: Mapping[str, Any], attribute: Attribute) -> bool:
    """Whether a required attribute is without a value. White space alone is none."""
    value = values.get(attribute.name)
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
