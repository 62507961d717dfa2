"""A second verifier of our tokens, on cryptography alone: what another vendor's library would do with a JWKS."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils


def verified(token: str, jwks: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, claims). Raises StopIteration for an unknown key, InvalidSignature for a wrong signature."""
    header, claims, signature = (_bytes(part) for part in token.split("."))
    said = json.loads(header)
    jwk = next(key for key in jwks["keys"] if (key["kid"], key["alg"], key["use"]) == (said["kid"], said["alg"], "sig"))
    _verify(jwk, signature, token.rpartition(".")[0].encode())
    return said, json.loads(claims)


def _verify(jwk: dict[str, Any], signature: bytes, signed: bytes) -> None:
    if jwk["kty"] == "RSA":
        public = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
        public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    elif jwk["kty"] == "EC":
        point = ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()
        assert len(signature) == 64
        der = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        point.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    else:
        ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"])).verify(signature, signed)


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
