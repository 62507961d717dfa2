"""The places of administration, in the order in which people need them; each is shown to whoever may go there."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission

_OPERATOR = (
    ("Overview", "/admin/overview", Permission.OPERATE_TENANTS),
    ("Tenants", "/admin/tenants", Permission.OPERATE_TENANTS),
    ("Apps", "/admin/apps", Permission.OPERATE_APPS),
    ("API keys", "/admin/api-keys", Permission.OPERATE_KEYS),
    ("Signing keys", "/admin/signing-keys", Permission.OPERATE_SIGNING_KEYS),
    ("Operators", "/admin/operators", Permission.OPERATE_OPERATORS),
    ("Trail", "/admin/trail", Permission.OPERATE_TENANTS),
)
_TENANT = (
    ("Overview", "", Permission.TENANT_READ),
    ("Connections", "/connections", Permission.CONNECTIONS_READ),
    ("Domains", "/domains", Permission.DOMAINS_READ),
    ("Directories", "/directories", Permission.DIRECTORIES_READ),
    ("People", "/people", Permission.PEOPLE_READ),
    ("Groups", "/groups", Permission.PEOPLE_READ),
    ("Roles", "/roles", Permission.PEOPLE_READ),
    ("Sessions", "/sessions", Permission.SESSIONS_READ),
    ("Refused sign-ins", "/refusals", Permission.CONNECTIONS_READ),
    ("Audit log", "/audit", Permission.AUDIT_READ),
    ("Admins", "/admins", Permission.ADMINS_READ),
    ("Setup links", "/setup-links", Permission.SETUP_LINKS_WRITE),
    ("API keys", "/api-keys", Permission.API_KEYS_WRITE),
    ("Settings", "/settings", Permission.TENANT_WRITE),
)


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    path: str


def operator_places(principal: Principal) -> list[Place]:
    return [Place(name, path) for name, path, needed in _OPERATOR if needed in principal.permissions]


def tenant_places(slug: str, principal: Principal) -> list[Place]:
    return [Place(name, f"/admin/t/{slug}{path}") for name, path, needed in _TENANT if needed in principal.permissions]
