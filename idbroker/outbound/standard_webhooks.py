"""Signatures by the Standard Webhooks specification (symmetric, ``v1``). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"


def new_signing_secret() -> str:
    """256 random bits in the form that the specification gives secrets."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def signed_headers(secrets: Sequence[str], message_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers. Every live secret signs, so that a receiver may hold the old one or the new one."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_mac(secret, content)}" for secret in secrets),
    }


def _mac(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
