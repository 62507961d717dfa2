"""The catalogue of permissions, and the roles that every tenant has. Roles of a tenant's own are in ``admin_roles``.

Each permission has a line in ``docs/reference/permissions.md``; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """``operator:…`` are the operator's alone; the rest may be held within one tenant."""

    OPERATE_TENANTS = "operator:tenants"
    OPERATE_APPS = "operator:apps"
    OPERATE_KEYS = "operator:keys"
    OPERATE_OPERATORS = "operator:operators"
    OPERATE_SIGNING_KEYS = "operator:signing_keys"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    TENANT_EXPORT = "tenant:export"
    DOMAINS_READ = "domains:read"
    DOMAINS_WRITE = "domains:write"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    DIRECTORIES_READ = "directories:read"
    DIRECTORIES_WRITE = "directories:write"
    PEOPLE_READ = "people:read"
    PEOPLE_ERASE = "people:erase"
    ROLES_WRITE = "roles:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_END = "sessions:end"
    AUDIT_READ = "audit:read"
    EVENTS_READ = "events:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    LOG_STREAMS_READ = "log_streams:read"
    LOG_STREAMS_WRITE = "log_streams:write"
    API_KEYS_WRITE = "api_keys:write"
    USAGE_READ = "usage:read"
    ADMINS_READ = "admins:read"
    ADMINS_WRITE = "admins:write"
    SETUP_LINKS_WRITE = "setup_links:write"


TENANT_WIDE = frozenset(p for p in Permission if not p.startswith("operator:"))
"""What may be held within one tenant: what its roles are made of."""

_READ = frozenset(p for p in TENANT_WIDE if p.endswith(":read"))

ROLES: Mapping[str, frozenset[Permission]] = {
    "owner": TENANT_WIDE,
    "admin": TENANT_WIDE - {Permission.API_KEYS_WRITE},
    "member": _READ,
    "guest": frozenset({Permission.TENANT_READ}),
}
OPERATOR: frozenset[Permission] = frozenset(Permission)
