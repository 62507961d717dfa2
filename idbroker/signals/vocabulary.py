"""The names of events and delivery methods, as the specifications write them."""

from __future__ import annotations

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"

SESSION_REVOKED = f"{CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE = f"{CAEP}token-claims-change"
CREDENTIAL_CHANGE = f"{CAEP}credential-change"
ASSURANCE_LEVEL_CHANGE = f"{CAEP}assurance-level-change"
ACCOUNT_DISABLED = f"{RISC}account-disabled"
ACCOUNT_ENABLED = f"{RISC}account-enabled"
ACCOUNT_PURGED = f"{RISC}account-purged"
IDENTIFIER_CHANGED = f"{RISC}identifier-changed"
VERIFICATION = f"{SSF}verification"
STREAM_UPDATED = f"{SSF}stream-updated"

SUPPORTED = (
    SESSION_REVOKED, TOKEN_CLAIMS_CHANGE, CREDENTIAL_CHANGE, ASSURANCE_LEVEL_CHANGE,
    ACCOUNT_DISABLED, ACCOUNT_ENABLED, ACCOUNT_PURGED, IDENTIFIER_CHANGED,
)  # fmt: skip
"""``events_supported`` of every stream. Verification and stream-updated go on every stream unasked (SSF 8.1.4, 8.1.5)."""

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
