"""What a page tells after something was done: sentences by code, so that nothing from outside is ever told."""

from __future__ import annotations

from collections.abc import Mapping

TOLD: Mapping[str, str] = {
    "tenant_made": "The tenant is made.",
    "saved": "Saved.",
    "moved": "The tenant has moved to its new state.",
    "entered": "You are in this tenant's administration now. Its trail says so.",
    "left": "You have left the tenant's administration.",
    "app_made": "The app is registered.",
    "app_removed": "The app is removed.",
    "secret_removed": "The secret no longer works.",
    "key_revoked": "The key no longer works.",
    "keys_rotated": "The rotation is under way; the table says when each key begins to sign.",
    "key_withdrawn": "The key is no longer published.",
    "operator_off": "The operator is switched off.",
    "operator_on": "The operator is switched on again.",
    "connection_made": "The connection is made. Test it, then switch it on.",
    "connection_removed": "The connection is removed.",
    "connection_on": "The connection is active: people sign in through it.",
    "connection_off": "The connection is switched off.",
    "connection_test": "The connection is in test: only test sign-ins go through it.",
    "candidate_made": "The change stands beside the live configuration. Test it, then promote it.",
    "candidate_removed": "The staged change is given up.",
    "promoted": "The staged change is live now. You can roll back.",
    "rolled_back": "The configuration before is live again.",
    "refreshed": "The metadata was read again.",
    "rollover": "Done. The identity provider may need our metadata again.",
    "domain_added": "The domain waits for its TXT record.",
    "domain_verified": "The domain is verified.",
    "domain_removed": "The domain is given up.",
    "directory_made": "The directory is made. Make a token for the identity provider.",
    "directory_removed": "The directory is removed.",
    "brake_released": "The brake is released for a while.",
    "token_revoked": "The token no longer works.",
    "mapping_made": "The role is given to the members of that group.",
    "mapping_removed": "The role is taken from the members of that group.",
    "session_ended": "The session is over, here and in every app of it that can be told.",
    "sessions_ended": "All sessions of this person are over.",
    "diagnosis_removed": "The diagnosis is removed. The trail keeps that the sign-in was refused.",
    "admin_changed": "The role is changed, at once.",
    "admin_removed": "The admin is removed, and signed out.",
    "link_revoked": "The link no longer works.",
    "step_saved": "Saved.",
    "reservation_dropped": "The setup was given up.",
}


def told(code: str | None) -> str | None:
    return TOLD.get(code) if code else None
