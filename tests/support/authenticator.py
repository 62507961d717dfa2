"""An authenticator of our own making: honest unless a test tells it what to say (WebAuthn 6)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, AT = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authenticator:
    def __init__(self, origin: str, rp_id: str) -> None:
        self.origin = origin
        self.rp_id = rp_id
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(32)
        self.counter = 0
        self.user_handle = b""

    def create(self, options: dict[str, Any], **odd: Any) -> str:
        """The answer to creation options. ``odd``: what it says otherwise than it should."""
        self.user_handle = base64.urlsafe_b64decode(options["user"]["id"] + "==")
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cose
        data = self._data(odd.get("flags", UP | UV | AT), odd) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client(options, odd.get("type", "webauthn.create"), odd)
        return self._credential({"clientDataJSON": b64(client), "attestationObject": b64(odd.get("attestation", statement))})

    def get(self, options: dict[str, Any], **odd: Any) -> str:
        self.counter = odd.get("counter", self.counter + 1)
        data = self._data(odd.get("flags", UP | UV), odd)
        client = self._client(options, odd.get("type", "webauthn.get"), odd)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(odd.get("data", data)),
                "signature": b64(odd.get("signature", signed)),
                "userHandle": b64(odd.get("handle", self.user_handle)),
            }
        )

    def _credential(self, response: dict[str, str]) -> str:
        name = b64(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})

    def _data(self, flags: int, odd: dict[str, Any]) -> bytes:
        return hashlib.sha256(odd.get("rp_id", self.rp_id).encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter)

    def _client(self, options: dict[str, Any], kind: str, odd: dict[str, Any]) -> bytes:
        challenge = odd.get("challenge", options["challenge"])
        document = {"type": kind, "challenge": challenge, "origin": odd.get("origin", self.origin), "crossOrigin": False}
        return json.dumps(document).encode()
