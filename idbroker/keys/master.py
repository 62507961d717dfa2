"""The master key: wraps the data key of each tenant, and nothing else. It is here, or in a key service (``aws_kms``).

Several may be configured, newest first: all of them open, the newest one wraps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idbroker.kernel.errors import Refusal


class CannotOpen(Exception):
    """Sealed data does not open: another key made it, it belongs elsewhere, or it was changed."""


class MasterKeyUnavailable(Refusal):
    """A key service cannot be asked now. What it has wrapped is as good as before."""

    status = 503

    def __init__(self, detail: str) -> None:
        super().__init__(
            "key_service_unavailable", "The key service cannot be reached. Please try again in a minute.", detail=detail
        )


class MasterKey(Protocol):
    """Raises MasterKeyUnavailable where it lives in a key service that does not answer."""

    def wrap(self, key: bytes, context: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Raises CannotOpen for what it has not wrapped, or not for that context."""
        ...

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether the newest master key wrapped it."""
        ...


class MasterKeys:
    """Several, newest first."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self._keys = keys

    def wrap(self, key: bytes, context: str) -> bytes:
        return self._keys[0].wrap(key, context)

    def is_newest(self, wrapped: bytes) -> bool:
        return self._keys[0].is_newest(wrapped)

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        for key in self._keys:
            if key.is_newest(wrapped):
                return key.unwrap(wrapped, context)
        raise CannotOpen("a tenant's key was wrapped by a master key that is not configured")


class LocalMasterKeys:
    """AES-256-GCM under keys from the environment. Format: key fingerprint (8 bytes), nonce (12), ciphertext and tag."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one master key is needed")
        self._ciphers = {fingerprint(key): AESGCM(key) for key in keys}
        self._newest = fingerprint(keys[0])

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
        except (InvalidTag, ValueError) as error:  # ValueError: it is too short to be one
            raise CannotOpen("a wrapped key does not open") from error


def fingerprint(key: bytes) -> bytes:
    """Which master key wrapped it, in eight bytes that tell nothing of the key."""
    return hashlib.sha256(b"idbroker master key\x00" + key).digest()[:8]
