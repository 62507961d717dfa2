"""An example for every body and every answer of the description: written where it has to make sense, else made of the schema.

A test holds each against its own schema, and the bodies against the models that the handlers read them with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_BODY = "01m8ewnt6heg4rjqnfk70m0878"
MAX_DEPTH = 8
MOMENT = "2026-01-15T09:30:00.000Z"

BODIES: Mapping[str, Mapping[str, Any]] = {
    "NewTenant": {"slug": "acme", "name": "Acme Inc.", "tier": "growth", "status": "trial"},
    "TenantFields": {"name": "Acme Incorporated", "tier": "enterprise"},
    "NewDomain": {"domain": "acme.example", "include_subdomains": False},
    "Verification": {"force": True, "reason": "proven by contract"},
    "NewConnectionBody": {
        "type": "saml", "name": "Acme Okta", "metadata_url": "https://acme.okta.example/app/abc/sso/saml/metadata",
        "options": {"jit": "update"}, "attribute_mapping": {"email": "mail"},
    },
    "ConnectionBody": {"name": "Acme Okta", "status": "active", "options": {"clock_skew_seconds": 30}},
    "CandidateBody": {"label": "the new certificate", "metadata_url": "https://acme.okta.example/app/abc/sso/saml/metadata"},
    "AppForm": {"name": "Notes", "redirect_uris": ["https://notes.example/callback"], "grant_types": ["authorization_code"]},
    "NewAdminRole": {"name": "auditor", "description": "Reads the audit log", "permissions": ["audit:read", "tenant:read"]},
    "NewRoleMapping": {"group": "Engineering", "role": "editor"},
    "NewDirectory": {"name": "Acme Okta SCIM", "vendor": "okta", "brake": {"percent": 10, "minutes": 10}},
    "ScimRequestForm": {
        "method": "PATCH", "path": "/Users/usr_01m8ewnt6heg4rjqnfk70m0878",
        "body": {"Operations": [{"op": "replace", "path": "active", "value": False}]},
    },
    "WebhookForm": {"url": "https://notes.example/hooks", "events": ["user.*", "session.ended"], "tenants": "all"},
    "NewImport": {
        "items": [
            {"kind": "tenant", "slug": "acme", "name": "Acme Inc.", "tier": "growth"},
            {"kind": "connection", "tenant": "acme", "type": "saml", "name": "Okta", "metadata_url": "https://acme.okta.example/md"},
        ],
        "dry_run": True,
    },
    "ScimTargetForm": {"base_url": "https://notes.example/scim/v2", "token": "scim-token-of-the-app", "tenants": "all"},
    "LogStreamForm": {"type": "https", "name": "Acme SIEM", "url": "https://siem.acme.example/in", "start": "now"},
    "Transition": {"to": "active", "reason": "contract signed"},
    "NewKey": {"name": "automation", "scope": "tenant", "tenant": "acme", "role": "admin"},
    "NewTenantKey": {"name": "automation", "role": "admin"},
    "PastedResponse": {"saml_response": "PHNhbWxwOlJlc3BvbnNlLz4="},
}  # fmt: skip
"""Model → a body that makes sense as a whole."""

IDS: Mapping[str, str] = {
    "tenant_id": "tnt", "connection_id": "con", "directory_id": "dir", "user_id": "usr", "group_id": "grp", "app_id": "app",
    "client_id": "app", "session_id": "ses", "webhook_id": "whk", "resource_id": "usr", "key_id": "key", "candidate_id": "can",
    "request_id": "req", "event_id": "evt", "default_app": "app",
}  # fmt: skip
OWN_IDS: Mapping[str, str] = {
    "Tenant": "tnt", "Domain": "dom", "Connection": "con", "Candidate": "can", "App": "app", "Directory": "dir", "User": "usr",
    "Group": "grp", "Session": "ses", "Webhook": "whk", "NewWebhook": "whk", "RoleMapping": "rlm", "Alert": "alr",
    "Event": "evt",
    "AuditEvent": "aud", "Admin": "adm", "Operator": "opr", "SetupLink": "lnk",
}  # fmt: skip
TEXTS: Mapping[str, str] = {
    "slug": "acme", "name": "Acme", "display_name": "Alice Arden", "given_name": "Alice", "family_name": "Arden",
    "email": "alice@acme.example", "user_name": "alice@acme.example", "domain": "acme.example", "region": "eu",
    "vendor": "okta", "colour": "#1f6feb",
    "type": "saml", "status": "active", "url": "https://notes.example/hooks", "base_url": "https://id.example.com/scim/v2",
    "issuer": "https://id.acme.example", "entity_id": "https://idp.acme.example", "sso_url": "https://idp.acme.example/sso",
    "code": "invalid_input", "detail": "The request body is not right.", "title": "Unprocessable Entity", "pointer": "/name",
    "message": "Field required", "reason": "contract signed", "group": "Engineering", "role": "editor", "ip": "192.0.2.1",
    "user_agent": "Mozilla/5.0", "action": "sign_in.succeeded", "label": "the new certificate", "tenant": "acme",
    "secret": "whsec_c2hvd24gdGhpcyBvbmNl", "token": "shown this once", "client_secret": "shown this once",
    "key": "shown this once",
    "reference": "7QK4-M2XD", "next_cursor": "dG50XzAxbTg",
}  # fmt: skip


def body_example(model: str, schemas: Mapping[str, Any]) -> Any:
    return dict(BODIES[model]) if model in BODIES else made_of({"$ref": f"#/components/schemas/{model}"}, schemas)


def made_of(schema: Schema, schemas: Mapping[str, Any], name: str = "", owner: str = "", depth: int = 0) -> Any:
    """A value of that schema: what a reader would expect under that name."""
    if "$ref" in schema:
        owner = schema["$ref"].rpartition("/")[2]
        return made_of(schemas[owner], schemas, name, owner, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        some = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return made_of(some[0], schemas, name, owner, depth) if some else None
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(schema, schemas, owner, depth)
    if kind == "array":
        if depth >= MAX_DEPTH:
            return []
        one = made_of(schema.get("items", {}), schemas, name.removesuffix("s"), owner, depth + 1)
        return [one] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", -1) + 1)
    return {"boolean": False, "null": None, "string": _text(schema, name, owner)}.get(str(kind), {} if kind is None else None)


def _object(schema: Schema, schemas: Mapping[str, Any], owner: str, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        return {}
    return {member: made_of(inner, schemas, member, owner, depth + 1) for member, inner in schema.get("properties", {}).items()}


def _text(schema: Schema, name: str, owner: str) -> str:
    if schema.get("format") == "date-time":
        return MOMENT
    if schema.get("format") == "date":
        return MOMENT[:10]
    if name == "id":
        model = owner.removesuffix("Document")
        return f"{OWN_IDS.get(model, 'key')}_{_BODY}"
    if name in IDS:
        return f"{IDS[name]}_{_BODY}"
    if name in TEXTS:
        return TEXTS[name]
    if name.endswith(("_uri", "_url")):
        return "https://notes.example/callback"
    return "text"
