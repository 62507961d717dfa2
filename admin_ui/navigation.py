"""The places of administration, in the order in which people need them; each is shown to whoever may go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission

_OPERATOR = (
    ("Overview", "/admin/overview", Permission.OPERATE_TENANTS),
    ("Attention", "/admin/attention", Permission.OPERATE_TENANTS),
    ("Tenants", "/admin/tenants", Permission.OPERATE_TENANTS),
    ("Apps", "/admin/apps", Permission.OPERATE_APPS),
    ("Webhooks", "/admin/webhooks", Permission.OPERATE_TENANTS),
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
    ("Alerts", "/alerts", Permission.AUDIT_READ),
    ("Sign-ins", "/sign-ins", Permission.AUDIT_READ),
    ("Refused sign-ins", "/refusals", Permission.CONNECTIONS_READ),
    ("Audit log", "/audit", Permission.AUDIT_READ),
    ("Log streams", "/log-streams", Permission.LOG_STREAMS_READ),
    ("Usage", "/usage", Permission.USAGE_READ),
    ("Admins", "/admins", Permission.ADMINS_READ),
    ("Roles of admins", "/admin-roles", Permission.ADMINS_READ),
    ("Setup links", "/setup-links", Permission.SETUP_LINKS_WRITE),
    ("Webhooks", "/webhooks", Permission.WEBHOOKS_READ),
    ("API keys", "/api-keys", Permission.API_KEYS_WRITE),
    ("Branding", "/branding", Permission.TENANT_READ),
    ("Settings", "/settings", Permission.TENANT_WRITE),
)


_BEGINS = {
    "/admin/tenants": "Customers",
    "/admin/webhooks": "Service",
    "/connections": "Sign-in",
    "/people": "People",
    "/alerts": "What happened",
    "/admins": "Administration",
}
"""The place with which a group begins → its heading."""


@dataclass(frozen=True, slots=True)
class Place:
    """``begins``: the heading of the group of places that it begins."""

    name: str
    path: str
    begins: str = ""


def operator_places(principal: Principal) -> list[Place]:
    return _grouped(_OPERATOR, "", principal)


def tenant_places(slug: str, principal: Principal) -> list[Place]:
    return _grouped(_TENANT, f"/admin/t/{slug}", principal)


def _grouped(places: Sequence[tuple[str, str, Permission]], home: str, principal: Principal) -> list[Place]:
    """A heading stands above the first place of its group that is there for this visitor."""
    found: list[Place] = []
    heading = ""
    for name, path, needed in places:
        heading = _BEGINS.get(path, heading)
        if needed in principal.permissions:
            found.append(Place(name, home + path, heading))
            heading = ""
    return found
