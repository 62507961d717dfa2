"""Bearer secrets: how they are made, how they are stored, how they are compared.

What is handed out is random (256 bit); what is stored is its SHA-256. A fast hash is right here: the input has full
entropy, so there is nothing to guess. People's passwords never come near this broker.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets


def new_secret() -> str:
    """256 random bits, base64url without padding: 43 characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored in place of a secret: hex SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored_digest: str) -> bool:
    """Constant-time comparison of a presented secret with a stored digest."""
    return hmac.compare_digest(digest(secret), stored_digest)


def derive(secret: str, purpose: str) -> str:
    """A value bound to ``secret`` that needs no storing: HMAC-SHA-256 in base64url (43 characters).

    Used for the nonce, the PKCE verifier and the SAML request id of an attempt: whoever brings the attempt's handle back
    lets us compute them again, and a stolen database holds none of them.
    """
    mac = hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
