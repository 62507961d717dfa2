"""The documents that say what we can do (RFC 7643 5, 6, 7; RFC 7644 4). Values come in, so that they tell the truth."""

from __future__ import annotations

from dataclasses import dataclass

from scim.schemas.attribute import Schema
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


@dataclass(frozen=True, slots=True)
class Features:
    """What this server does; every field appears in ServiceProviderConfig."""

    max_operations: int
    max_payload_size: int
    max_results: int
    default_page_size: int
    cursor_timeout: int
    documentation_uri: str | None = None
    oauth: bool = False


def service_provider_config(features: Features, base: str) -> Json:
    """``base`` is the address of the SCIM service, without a slash at its end; ``meta.location`` is made from it."""
    raise NotImplementedError


def resource_type_document(kind: ResourceType, base: str) -> Json:
    raise NotImplementedError


def schema_document(schema: Schema, base: str) -> Json:
    raise NotImplementedError
