"""The catalogue of actions: what may stand in the trail. An action that is not here cannot be recorded.

Each has a heading in ``docs/reference/events.md``; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "sign_in.succeeded": "A person signed in through a connection.",
    "sign_in.refused": "A sign-in was refused; the context holds the reference that the person was shown, and the reason.",
    "sign_out.refused": "A logout message was refused; the context holds the reference that the person was shown.",
    "sign_out.failed": "A person signed out here, and his identity provider could not be signed out; the context says why.",
    "session.started": "A session of a person began.",
    "session.ended": "A session ended; the context says why.",
    "user.created": "A person became known in the tenant.",
    "user.updated": "Attributes of a person changed.",
    "user.deactivated": "A person was switched off.",
    "user.reactivated": "A person was switched on again.",
    "user.linked": "A person known from sign-in turned out to be one whom a directory provisions, or the other way round.",
    "user.deleted": "A person was removed.",
    "group.created": "A group became known in the tenant.",
    "group.updated": "A group was renamed.",
    "group.deleted": "A group was removed.",
    "group.member_added": "A person became a member of a group.",
    "group.member_removed": "A person ceased to be a member of a group.",
    "connection.created": "A connection to an identity provider was made.",
    "connection.updated": "A connection's settings changed.",
    "connection.activated": "A connection was switched on.",
    "connection.disabled": "A connection was switched off.",
    "connection.deleted": "A connection was removed.",
    "connection.candidate_added": "A candidate configuration was placed beside the live one.",
    "connection.candidate_removed": "A candidate configuration was given up.",
    "connection.candidate_promoted": "A candidate configuration became the live one.",
    "connection.rolled_back": "The configuration before the last promotion was restored.",
    "connection.metadata_held": "The metadata read again differs in a way that waits for an admin's word.",
    "connection.refresh_failed": "The metadata could not be read again; told once until it works.",
    "connection.certificate_expiring": "A certificate of the identity provider ends in 30, 14, 7 or 1 day.",
    "connection.client_secret_expiring": "Our client secret at the identity provider ends in 30, 14, 7 or 1 day.",
    "connection.weak_signatures_allowed": "Signatures with SHA-1 are accepted until a date.",
    "connection.weak_signatures_ended": "The leave to use SHA-1 is over.",
    "connection.key_rollover_started": "A second key of ours is published for the connection.",
    "connection.key_rollover_finished": "The second key took the place of the first.",
    "connection.key_rollover_cancelled": "The second key was given up.",
    "test_sign_in.created": "A link to a test sign-in was made.",
    "test_sign_in.finished": "A test sign-in ended; the context says how. Nobody was signed in.",
    "diagnosis.redacted": "The stored report of a refused sign-in was removed before its time.",
    "domain.added": "A domain was claimed and waits for its proof.",
    "domain.verified": "A domain was proven, or accepted by an operator; the context says which.",
    "domain.removed": "A domain was given up.",
    "directory.created": "A directory, from which an identity provider provisions by SCIM, was made.",
    "directory.updated": "A directory's settings changed.",
    "directory.deleted": "A directory was removed with its tokens and groups; its people stayed.",
    "directory.brake_engaged": "A directory wanted to switch off too many people at once; it is held until an admin speaks.",
    "directory.brake_released": "An admin let a directory go on with what its brake held.",
    "directory_token.created": "A token of a directory was made.",
    "directory_token.revoked": "A token of a directory was revoked.",
    "app.created": "A SaaS application was registered.",
    "app.updated": "A SaaS application's registration changed.",
    "app.deleted": "A SaaS application was removed.",
    "operator.created": "Somebody became an operator.",
    "operator.link_created": "A link was made that signs an operator in, once.",
    "operator.signed_in": "An operator signed in.",
    "operator.signed_out": "An operator signed out.",
    "operator.disabled": "An operator was switched off; his sessions and links ended.",
    "operator.enabled": "An operator was switched on again.",
    "admin.invited": "Somebody was invited to administer the tenant, or invited again.",
    "admin.updated": "An admin's role changed.",
    "admin.removed": "An admin was removed.",
    "admin.signed_in": "An admin of the tenant signed in; the context says how.",
    "admin.signed_out": "An admin of the tenant signed out.",
    "tenant.entered": "An operator began to work in the tenant's administration; the context says why.",
    "setup_link.created": "A setup link was made; the context says for what.",
    "setup_link.opened": "A setup link was opened.",
    "setup_link.step_completed": "A step of the setup was done for the first time; the context says which.",
    "setup_link.completed": "What the setup link was for is done.",
    "setup_link.revoked": "A setup link was revoked.",
    "connection.reserved": "The addresses of a connection were fixed, before its identity provider is known.",
    "connection.reservation_dropped": "A reserved connection was given up.",
    "api_key.created": "An API key was made.",
    "api_key.revoked": "An API key was revoked.",
    "role_mapping.created": "Members of a group were given a role.",
    "role_mapping.deleted": "Members of a group lost a role.",
    "tenant.created": "The tenant was made.",
    "tenant.updated": "The tenant's name, tier or region changed.",
    "tenant.transitioned": "The tenant moved to another state of its life cycle; the context says why.",
    "signing_key.rotated": "A new key signs the issuer's tokens.",
    "signing_key.withdrawn": "A retired key is no longer published.",
    "alert.opened": "Something needs an admin's eye; the context says what.",
    "alert.acknowledged": "An admin has seen an alert.",
    "alert.resolved": "What an alert told of is over.",
    "trail_key.rotated": "A new key signs heads of the audit trails; the one before it has endorsed it.",
    "audit_trail.shortened": "Records that were kept for long enough are removed; a signed cut attests what they were.",
    "token.reuse_detected": "A code or a refresh token was used twice; all that it had given was revoked.",
}

TOLD_NOUNS = frozenset({"user", "group", "session", "connection", "alert"})
"""What apps are told of, by webhook and by ``GET /events``."""


def noun_of(action: str) -> str:
    return action.partition(".")[0]


def is_told(action: str) -> bool:
    """Whether apps hear of it."""
    return noun_of(action) in TOLD_NOUNS
