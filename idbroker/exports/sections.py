"""Which tables an export shows, and which not, each with its reason. A test holds both against the tables that there are.

Of a table that is shown, every column goes out but secrets: what is bytes, a digest, or a secret by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import LargeBinary, Table

from idbroker.kernel.clock import rfc3339

SHOWN: Mapping[str, str] = {
    "users": "users",
    "identities": "identities",
    "groups": "groups",
    "memberships": "memberships",
    "group_links": "groups_in_groups",
    "role_mappings": "role_mappings",
    "scim_users": "scim_users",
    "scim_groups": "scim_groups",
    "sessions": "sessions",
    "session_apps": "session_apps",
    "refresh_families": "refresh_families",
    "revocations": "revocations",
    "logout_deliveries": "logout_deliveries",
    "tenant_admins": "admins",
    "admin_roles": "admin_roles",
    "brandings": "branding",
    "alerts": "alerts",
    "alert_recipients": "alert_recipients",
    "domains": "domains",
    "connections": "connections",
    "connection_candidates": "connection_candidates",
    "previous_configurations": "previous_configurations",
    "connection_reservations": "connection_reservations",
    "connection_notices": "connection_notices",
    "metadata_refreshes": "metadata_refreshes",
    "directories": "directories",
    "directory_tokens": "directory_tokens",
    "directory_traffic": "directory_traffic",
    "directory_requests": "directory_requests",
    "deactivations": "deactivations",
    "diagnoses": "diagnoses",
    "test_sign_ins": "test_sign_ins",
    "setup_links": "setup_links",
    "webhooks": "webhooks",
    "webhook_deliveries": "webhook_deliveries",
    "log_streams": "log_streams",
    "scim_pushes": "outbound_scim",
    "signal_streams": "signal_streams",
    "signal_sets": "signals",
    "signal_subjects": "signal_subjects",
    "signal_sources": "signal_sources",
    "signalled_off": "signalled_off",
    "usage_records": "usage_records",
    "usage_days": "usage",
    "usage_people": "usage_people",
    "usage_customers": "usage_customers",
    "usage_exports": "usage_told",
    "feed_events": "events",
    "person_erasures": "erasures",
}
"""Table → the member of ``data``."""

NOT_SHOWN: Mapping[str, str] = {
    "acs_aliases": "machinery: the connections are shown, with their options",
    "alert_cursors": "how far a job has come",
    "authorization_codes": "secrets of a minute",
    "cell_fences": "machinery",
    "concerns": "ids and times of what is shown",
    "connection_index": "machinery: the connections are shown",
    "domain_index": "machinery: the domains are shown",
    "feed_order": "machinery: the events are shown",
    "kept_answers": "copies of answers, for a day",
    "log_stream_turns": "machinery",
    "logouts_due": "machinery",
    "moving_changes": "machinery of a move between cells",
    "outbox": "on its way into the trail, which is shown",
    "person_keys": "keys",
    "refresh_schedule": "machinery",
    "resource_counts": "counts of what is shown",
    "revoked_tokens": "ids of tokens until they expire",
    "scim_emails": "an index of what scim_users shows",
    "scim_queues": "machinery",
    "seen_replies": "digests",
    "signal_polls": "machinery",
    "signal_queues": "machinery",
    "signed_heads": "hashes, in every pack of the trail",
    "signing_keys": "keys; the public ones are at the issuer",
    "tenant_keys": "keys",
    "trail_heads": "hashes, in every pack of the trail",
    "trail_keys": "keys",
    "usage_cursors": "how far a job has come",
    "walk_anchors": "machinery",
    "webhook_queues": "machinery",
    "webhook_secrets": "secrets",
}

_SECRET = ("digest", "secret", "sealed", "private", "wrapped")
_NO_SECRETS = ("secret_names",)
TEXTS_OF_JSON = frozenset({("scim_users", "document"), ("scim_groups", "document"), ("feed_events", "document")})
OPENED = frozenset({"diagnoses", "test_sign_ins", "directory_requests"})
"""Sealed with the tenant's own key: what they say is shown beside their columns."""


def is_secret(table: Table, name: str) -> bool:
    hidden = any(word in name for word in _SECRET) and name not in _NO_SECRETS
    return hidden or isinstance(table.c[name].type, LargeBinary)


def shown(table: Table, row: Any) -> dict[str, Any]:
    """A row without its tenant, which the document names, and without secrets."""
    found: dict[str, Any] = {}
    for column in table.columns:
        name = column.name
        if name == "tenant_id" or is_secret(table, name):
            continue
        value = getattr(row, name)
        if (table.name, name) in TEXTS_OF_JSON:
            value = orjson.loads(value)
        found[name] = rfc3339(value) if hasattr(value, "tzinfo") else value
    return found
