"""Short-lived access tokens for clients that want OAuth's client credentials (RFC 6749 4.4) and not a token to paste.

``scima_<tenant>.<token>.<until>.<scopes>.<mac>``: bound to a directory token, dead when that one is, good for an hour. Nothing
of it is stored; the MAC is under a key that the master key gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from idbroker.directories.model import SCOPES
from idbroker.directories.tokens import DirectoryHandle
from idbroker.kernel.ids import TenantId, is_id

PREFIX = "scima_"
LIFETIME = timedelta(hours=1)


class AccessTokens:
    """``keys``: secrets that every process has, newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.new(key, b"idbroker scim access token", hashlib.sha256).digest() for key in keys]

    def make(self, handle: DirectoryHandle, scopes: frozenset[str], now: datetime) -> str:
        mask = sum(1 << place for place, scope in enumerate(SCOPES) if scope in scopes)
        until = int((now + LIFETIME).timestamp())
        body = f"{handle.tenant.removeprefix('tnt_')}.{handle.token_id.removeprefix('dtk_')}.{until}.{mask}"
        return f"{PREFIX}{body}.{self._mac(self._keys[0], body)}"

    def read(self, text: str, now: datetime) -> tuple[DirectoryHandle, frozenset[str]] | None:
        """The directory token that it stands for, and the scopes that it was narrowed to; None for anything else."""
        body, dot, mac = text.removeprefix(PREFIX).rpartition(".")
        parts = body.split(".")
        if not text.startswith(PREFIX) or not dot or len(text) > 300 or len(parts) != 4 or not text.isascii():
            return None
        if not any(hmac.compare_digest(self._mac(key, body), mac) for key in self._keys):
            return None
        tenant, token_id = f"tnt_{parts[0]}", f"dtk_{parts[1]}"
        if not is_id(tenant, "tnt") or not is_id(token_id, "dtk") or int(parts[2]) <= now.timestamp():
            return None
        scopes = frozenset(scope for place, scope in enumerate(SCOPES) if int(parts[3]) >> place & 1)
        return DirectoryHandle(TenantId(tenant), token_id, ""), scopes

    @staticmethod
    def _mac(key: bytes, body: str) -> str:
        return base64.urlsafe_b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
