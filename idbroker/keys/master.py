"""The master key: wraps the data key of each tenant, and nothing else.

Several may be configured, newest first: all of them open, the newest one wraps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class CannotOpen(Exception):
    """Sealed data does not open: another key made it, it belongs elsewhere, or it was changed."""


class MasterKey(Protocol):
    """Where the master key lives: here, or in a key service."""

    def wrap(self, key: bytes, context: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, context: str) -> bytes: ...

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether the newest master key wrapped it."""
        ...


class LocalMasterKeys:
    """AES-256-GCM under keys from the environment. Format: key fingerprint (8 bytes), nonce (12), ciphertext and tag."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one master key is needed")
        self._ciphers = {_fingerprint(key): AESGCM(key) for key in keys}
        self._newest = _fingerprint(keys[0])

    def wrap(self, key: bytes, context: str) -> bytes:
        nonce = os.urandom(12)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, key, context.encode())

    def is_newest(self, wrapped: bytes) -> bool:
        return wrapped[:8] == self._newest

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        cipher = self._ciphers.get(wrapped[:8])
        if cipher is None:
            raise CannotOpen("a tenant's key was wrapped by a master key that is not configured")
        try:
            return cipher.decrypt(wrapped[8:20], wrapped[20:], context.encode())
        except InvalidTag as error:
            raise CannotOpen("a wrapped key does not open") from error


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"idbroker master key\x00" + key).digest()[:8]
