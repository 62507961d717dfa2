"""Keys of apps: the assertions and proofs that they sign."""

from __future__ import annotations

import base64
import hashlib
import itertools
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwa import JWS_ALGORITHMS

from oidc.jose import as_key, b64url, public_jwk, thumbprint
from oidc.jose import sign as _sign
from oidc.provider.client_assertion import TYPE

_NUMBERS = itertools.count(1)
_ALGORITHMS = {ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA", rsa.RSAPrivateKey: "RS256"}


class AppKey:
    """A key pair of an app."""

    def __init__(self, kid: str = "one", native: Any = None) -> None:
        self.native = native or ec.generate_private_key(ec.SECP256R1())
        self.kid = kid
        self.algorithm = next(name for cls, name in _ALGORITHMS.items() if isinstance(self.native, cls))
        self.jwk = public_jwk(self.native.public_key(), kid, self.algorithm)

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk]}

    @property
    def jkt(self) -> str:
        return thumbprint(self.jwk)

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT") -> str:
        return _sign(claims, as_key(self.native), alg=self.algorithm, kid=self.kid, typ=typ)

    def assertion(self, client_id: str, audience: Any, now: float, **changed: Any) -> dict[str, str]:
        """The form fields of ``private_key_jwt``; None takes a claim away."""
        good = {
            "iss": client_id, "sub": client_id, "aud": audience, "iat": int(now), "exp": int(now) + 60,
            "jti": f"jti-{next(_NUMBERS)}", **changed,
        }  # fmt: skip
        claims = {name: value for name, value in good.items() if value is not None}
        return {"client_assertion_type": TYPE, "client_assertion": self.sign(claims)}

    def proof(
        self,
        method: str,
        url: str,
        now: float,
        *,
        token: str | None = None,
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> dict[str, str]:
        """The header field of a DPoP proof; None takes a claim away."""
        good: dict[str, Any] = {"htm": method, "htu": url, "iat": int(now), "jti": f"proof-{next(_NUMBERS)}"}
        if token is not None:
            good["ath"] = b64url(hashlib.sha256(token.encode()).digest())
        claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
        public = {name: value for name, value in self.jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
        return {"dpop": self._proof(claims, {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": public, **(header or {})})}

    def _proof(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        """``sign`` writes a ``kid`` and no ``jwk``: a proof's header is written here, and signed as that one signs."""
        model = next(model for model in JWS_ALGORITHMS if model.name == self.algorithm)
        signing_input = b".".join(base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in (header, claims))
        return f"{signing_input.decode()}.{b64url(model.sign(signing_input, as_key(self.native)))}"
