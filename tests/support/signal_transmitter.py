"""An identity provider that transmits signals, from the specifications (RFC 8417, 8935, 8936, SSF 1.0): nothing of ours."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from idbroker.outbound.fetcher import Fetched

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_NUMBERS = itertools.count(1)
_KEYS: dict[str, RSAPrivateKey] = {}


def key_named(name: str) -> RSAPrivateKey:
    if name not in _KEYS:
        _KEYS[name] = generate_private_key(65537, 2048)
    return _KEYS[name]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class SignalTransmitter:
    issuer: str
    audience: str
    now: int
    kid: str = "idp-1"
    waiting: dict[str, str] = field(default_factory=dict)
    """SETs to be polled, by ``jti``."""
    acknowledged: list[str] = field(default_factory=list)
    errors: dict[str, Any] = field(default_factory=dict)

    @property
    def jwks(self) -> dict[str, Any]:
        numbers = key_named(self.kid).public_key().public_numbers()
        parts = {"n": numbers.n, "e": numbers.e}
        return {
            "keys": [
                {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid}
                | {name: b64(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in parts.items()}
            ]
        }

    def claims(self, uri: str, subject: Any, **more: Any) -> dict[str, Any]:
        """As SSF 1.0 has them."""
        own = {"sub_id": subject, "events": {uri: more.pop("event", {})}}
        return {"iss": self.issuer, "aud": self.audience, "iat": self.now, "jti": f"set-{next(_NUMBERS)}", **own, **more}

    def sign(self, claims: dict[str, Any], *, key: str | None = None, **header: Any) -> str:
        head = {"alg": "RS256", "kid": self.kid, "typ": "secevent+jwt", **header}
        text = (
            f"{b64(json.dumps({k: v for k, v in head.items() if v is not None}).encode())}.{b64(json.dumps(claims).encode())}"
        )
        return f"{text}.{b64(key_named(key or self.kid).sign(text.encode(), PKCS1v15(), SHA256()))}"

    def sub(self, name: str) -> dict[str, str]:
        return {"format": "iss_sub", "iss": self.issuer, "sub": name}

    def poll_endpoint(self, token: str) -> Any:
        """What the polled address answers (RFC 8936 2.2 to 2.5)."""

        def answer(got: Any) -> Any:
            asked = json.loads(got.body)
            if got.headers.get("authorization") != f"Bearer {token}":
                return Fetched(got.url, 401, {}, b"")
            for jti in asked.get("ack", []):
                self.acknowledged.append(jti)
                self.waiting.pop(jti, None)
            for jti, error in asked.get("setErrs", {}).items():
                self.errors[jti] = error
                self.waiting.pop(jti, None)
            most = asked.get("maxEvents", 100)
            sets = dict(list(self.waiting.items())[:most])
            body = {"sets": sets, "moreAvailable": len(self.waiting) > len(sets)}
            return Fetched(got.url, 200, {"content-type": "application/json"}, json.dumps(body).encode())

        return answer
