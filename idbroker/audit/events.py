"""The catalogue of actions: what may stand in the trail. An action that is not here cannot be recorded.

Each has a heading in ``docs/reference/events.md``; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "sign_in.succeeded": "A person signed in through a connection.",
    "sign_in.refused": "A sign-in was refused; the context holds the reference that the person was shown, and the reason.",
    "session.started": "A session of a person began.",
    "session.ended": "A session ended; the context says why.",
    "user.created": "A person became known in the tenant.",
    "user.updated": "Attributes of a person changed.",
    "user.deactivated": "A person was switched off.",
    "user.reactivated": "A person was switched on again.",
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
    "domain.added": "A domain was claimed and waits for its proof.",
    "domain.verified": "A domain was proven, or accepted by an operator; the context says which.",
    "domain.removed": "A domain was given up.",
    "app.created": "A SaaS application was registered.",
    "app.updated": "A SaaS application's registration changed.",
    "app.deleted": "A SaaS application was removed.",
    "api_key.created": "An API key was made.",
    "api_key.revoked": "An API key was revoked.",
    "role_mapping.created": "Members of a group were given a role.",
    "role_mapping.deleted": "Members of a group lost a role.",
    "tenant.created": "The tenant was made.",
    "tenant.updated": "The tenant's name, tier or region changed.",
    "tenant.transitioned": "The tenant moved to another state of its life cycle; the context says why.",
    "signing_key.rotated": "A new key signs the issuer's tokens.",
    "signing_key.withdrawn": "A retired key is no longer published.",
    "token.reuse_detected": "An authorization code was presented twice; all that it had given was revoked.",
}
