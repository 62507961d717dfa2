"""The documents that say what we can do (RFC 7643 5, 6, 7; RFC 7644 4). Values come in, so that they tell the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scim.schemas.attribute import Attribute, Schema
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json

CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"


@dataclass(frozen=True, slots=True)
class Features:
    """What this server does; every field appears in ServiceProviderConfig. ``cursor_timeout`` in seconds, None: no limit."""

    max_operations: int
    max_payload_size: int
    max_results: int
    default_page_size: int
    cursor_timeout: int | None = None
    documentation_uri: str | None = None
    oauth: bool = False


def service_provider_config(features: Features, base: str) -> Json:
    """``base`` is the address of the SCIM service, without a slash at its end; ``meta.location`` is made from it."""
    document: Json = {"schemas": [CONFIG_SCHEMA]}
    if features.documentation_uri is not None:
        document["documentationUri"] = features.documentation_uri
    return document | {
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": features.max_operations,
            "maxPayloadSize": features.max_payload_size,
        },
        "filter": {"supported": True, "maxResults": features.max_results},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": _pagination(features),
        "authenticationSchemes": _authentication(features),
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def _pagination(features: Features) -> Json:
    """RFC 9865 5."""
    document: Json = {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": features.default_page_size,
        "maxPageSize": features.max_results,
    }
    if features.cursor_timeout is not None:
        document["cursorTimeout"] = features.cursor_timeout
    return document


def _authentication(features: Features) -> list[Json]:
    schemes: list[Json] = [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of the directory, made by an administrator.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": True,
        }
    ]
    if features.oauth:
        schemes.append(
            {
                "type": "oauth2",
                "name": "OAuth 2.0 client credentials",
                "description": "An access token got with a client's credentials.",
                "specUri": "https://www.rfc-editor.org/info/rfc6749",
                "primary": False,
            }
        )
    return schemes


def resource_type_document(kind: ResourceType, base: str) -> Json:
    return {
        "schemas": [RESOURCE_TYPE_SCHEMA],
        "id": kind.name,
        "name": kind.name,
        "endpoint": kind.endpoint,
        "description": kind.description,
        "schema": kind.schema.id,
        "schemaExtensions": [{"schema": schema.id, "required": False} for schema in kind.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{kind.name}"},
    }


def schema_document(schema: Schema, base: str) -> Json:
    return {
        "schemas": [SCHEMA_SCHEMA],
        **definition(schema),
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.id}"},
    }


def definition(schema: Schema) -> Json:
    """A schema in the form of RFC 7643 7; ``scim.schemas.extension.read_extension`` reads it back."""
    return {
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute(attribute) for attribute in schema.attributes],
    }


def _attribute(attribute: Attribute) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    if attribute.canonical_values:
        document["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        document["referenceTypes"] = list(attribute.reference_types)
    if attribute.sub_attributes:
        document["subAttributes"] = [_attribute(sub) for sub in attribute.sub_attributes]
    return document
