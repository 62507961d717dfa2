"""What every table holds of a person, and what becomes of it. A test holds this list against the tables that there are.

DELETED     rows that are his, by a condition
OTHERWISE   tables that are treated by themselves; the sentence says how
NOTHING     tables that hold nothing of people; the sentence says what they hold instead
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlmodel import col

from idbroker.admins.tenant_admins import TenantAdmin
from idbroker.alerts.model import AlertRecipient
from idbroker.directories.resource_rows import ScimEmail
from idbroker.directories.traffic_rows import Deactivation
from idbroker.directory.model import Identity, Membership
from idbroker.erasure.persons import Person
from idbroker.metering.model import UsagePerson
from idbroker.provisioning.signalled import SignalledOff
from idbroker.sessions.model import AuthorizationCode, Session, SessionApp
from idbroker.sessions.refresh import RefreshFamily
from idbroker.storage.rows import TenantRow

Condition = Callable[[Person], Any]

DELETED: tuple[tuple[type[TenantRow], Condition], ...] = (
    (AuthorizationCode, lambda person: col(AuthorizationCode.session_id).in_(person.session_ids)),
    (RefreshFamily, lambda person: col(RefreshFamily.user_id) == person.id),
    (SessionApp, lambda person: col(SessionApp.session_id).in_(person.session_ids)),
    (Session, lambda person: col(Session.user_id) == person.id),
    (Identity, lambda person: col(Identity.user_id) == person.id),
    (Membership, lambda person: col(Membership.user_id) == person.id),
    (ScimEmail, lambda person: col(ScimEmail.user_id) == person.id),
    (Deactivation, lambda person: col(Deactivation.user_id) == person.id),
    (TenantAdmin, lambda person: col(TenantAdmin.id).in_(person.admin_ids)),
    (SignalledOff, lambda person: col(SignalledOff.user_id) == person.id),
    (UsagePerson, lambda person: col(UsagePerson.user_id) == person.id),
    (AlertRecipient, lambda person: col(AlertRecipient.email).in_(person.addresses)),
)

OTHERWISE: Mapping[str, str] = {
    "admin_sessions": "those of him as an admin are deleted",
    "alerts": "texts in which he is named are emptied",
    "attempts": "those of his sessions, or with his address as hint, are deleted",
    "connection_candidates": "his addresses among those of people who may test are taken out",
    "connection_reservations": "the same",
    "connections": "the same; its version is the next one",
    "diagnoses": "opened, and deleted where he is named",
    "directory_requests": "opened, and deleted where he is named",
    "feed_events": "what is told of him is cut down to ids",
    "kept_answers": "opened, and deleted where he is named",
    "logout_attempts": "those of his sessions are deleted",
    "outbox": "sealed into the trail first; what is left loses what is his",
    "passkeys": "those of him as an admin are deleted",
    "person_keys": "destroyed; the id stays, so that he gets no new one",
    "previous_configurations": "as connections",
    "pushed_requests": "those with his address in them are deleted",
    "scim_pushes": "answers of apps are emptied; the row itself goes when the app has deleted him",
    "scim_queues": "an app's last error is emptied where he is named in it",
    "scim_users": "deleted, with its place in the count",
    "signal_sets": "those of him that say more than ids are deleted",
    "signal_streams": "a receiver's last error is emptied where he is named in it",
    "signal_subjects": "those that name him by an address are deleted",
    "test_sign_ins": "opened, and deleted where he is named",
    "users": "deleted",
    "webhook_deliveries": "what endpoints answered to events of him is emptied",
    "webhooks": "an endpoint's last error is emptied where he is named in it",
    "audit_records": "his part cannot be opened any more once his keys are gone; the record stays",
    "audit_personal": "deleted",
    "audit_terms": "words that stood in his part alone are deleted",
}

NOTHING: Mapping[str, str] = {
    "acs_aliases": "where a connection is",
    "passkey_challenges": "digests of a moment",
    "admin_roles": "what roles allow",
    "alert_cursors": "how far alerts have come",
    "api_keys": "keys of programs",
    "app_secrets": "digests",
    "apps": "registrations",
    "audit_cell_fences": "whether a tenant may be written here",
    "audit_heads": "hashes and signatures",
    "audit_moving_changes": "keys of records, as long as a move lasts",
    "brandings": "how the organisation looks",
    "cell_fences": "whether a tenant may be written here",
    "concerns": "what ends, and when",
    "connection_index": "where a connection is",
    "connection_notices": "what was told of certificates",
    "directories": "configuration",
    "directory_tokens": "digests",
    "directory_traffic": "counts",
    "domain_index": "where a domain is",
    "domains": "domains",
    "feed_debts": "positions",
    "feed_followers": "positions",
    "feed_head": "a position",
    "feed_order": "ids and types of events",
    "group_links": "groups in groups",
    "groups": "groups",
    "login_links": "of operators",
    "log_stream_turns": "when a stream is due",
    "log_streams": "configuration and positions",
    "logout_deliveries": "ids, and whether an app has heard: kept so that it hears",
    "logouts_due": "when an app is told",
    "metadata_refreshes": "configuration",
    "moving_changes": "keys of rows, as long as a move lasts",
    "operator_tenant": "which tenant that is",
    "operators": "of the operator's own people",
    "person_erasures": "receipts: ids and counts",
    "refresh_schedule": "when metadata is read",
    "resource_counts": "counts",
    "revocations": "ids and counts: that it was ended",
    "revoked_tokens": "ids of tokens until they expire",
    "role_mappings": "groups and roles",
    "scim_groups": "groups",
    "scim_targets": "configuration",
    "seen_replies": "digests",
    "setup_links": "what a link is for and how far it has come",
    "signal_polls": "when a provider is polled",
    "signal_queues": "when a stream is due",
    "signal_sources": "configuration",
    "signed_heads": "hashes",
    "signing_keys": "keys",
    "survey_days": "counts",
    "survey_reaches": "positions",
    "tenant_entries": "why an operator came in",
    "tenant_erasures": "receipts: ids and counts",
    "tenant_keys": "wrapped keys",
    "tenant_moves": "where the organisation moves, and which operator wanted it",
    "tenants": "the organisation",
    "trail_heads": "hashes",
    "trail_keys": "keys",
    "usage_cursors": "positions",
    "usage_customers": "who the organisation is to the biller",
    "usage_days": "counts",
    "usage_exports": "counts",
    "usage_records": "counts",
    "used_jtis": "digests",
    "walk_anchors": "where a list goes on: digests of queries, and ids",
    "webhook_queues": "when an endpoint is due",
    "webhook_secrets": "sealed secrets",
}
