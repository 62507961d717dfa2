"""Everything that is signed JSON: JWS compact form (RFC 7515), keys and key sets (RFC 7517, 7638).

The one thing that both faces of OpenID Connect share. The cryptography is joserfc's; the framing is ours, because a token
is judged in steps that each have a name, and because a header is never allowed to say which key or which kind of
algorithm verifies it.

    BadToken               not a token that we would ever accept; ``reason`` is a short stable word
      UnknownKey           no key of the set has the header's ``kid``: the caller may fetch the set again
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from joserfc.errors import JoseError
from joserfc.jwa import JWS_ALGORITHMS
from joserfc.jwk import ECKey, Key, KeyParameters, KeySet, OKPKey, RSAKey
from joserfc.jwk import thumbprint as _thumbprint

from oidc.strict_json import MAX_TOKEN, BadToken, Json, b64url, b64url_decode, strict_json, text_or

__all__ = [
    "ALGORITHMS", "BadToken", "Json", "Key", "KeySet", "Maker", "NativePrivateKey", "NativePublicKey", "UnknownKey",
    "UnverifiedToken", "as_key", "b64url", "b64url_decode", "check_signature", "embedded_key", "half_hash", "import_key_set",
    "key_set", "maker", "media_type", "public_jwk", "read", "sign", "strict_json", "text_or", "thumbprint", "verify",
]  # fmt: skip

NativePrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
NativePublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

ALGORITHMS: tuple[str, ...] = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""All that we sign or verify with: no ``none``, no shared-key MAC (RFC 8725 3.1, 3.2). EdDSA means Ed25519."""

MAX_KEYS = 100
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192  # RFC 7518 3.3; above, a key only costs time
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_MODELS = {model.name: model for model in JWS_ALGORITHMS if model.name in ALGORITHMS}
_HASHES = {"ES256": SHA256(), "ES384": SHA384(), "ES512": SHA512()}
_UNUSABLE_KEY = (JoseError, ValueError, TypeError, KeyError, OverflowError)


class UnknownKey(BadToken):
    def __init__(self, kid: str | None) -> None:
        super().__init__("key", f"no key for kid {kid!r}")


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A JWS taken apart, nothing of it believed."""

    header: Json
    claims: Json
    signing_input: bytes
    signature: bytes

    @property
    def alg(self) -> str:
        return text_or(self.header.get("alg"), "")

    @property
    def kid(self) -> str | None:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


# --- tokens --------------------------------------------------------------------------------------------------------


def sign(payload: Mapping[str, Any], key: Key | NativePrivateKey, *, alg: str, kid: str, typ: str = "JWT") -> str:
    """A signed JWT in compact form. ``key`` is a parsed key; wrap a native one once with ``as_key`` on hot paths.

    Raises ValueError when the algorithm is not ours or does not go with the key.
    """
    wrapped = as_key(key) if isinstance(key, NativePrivateKey) else key
    return maker(wrapped, alg, kid, typ)(payload)


Maker = Callable[[Mapping[str, Any]], str]
"""Makes a signed JWT of claims."""


def maker(key: Key, alg: str, kid: str, typ: str = "JWT") -> Maker:
    """``sign`` with all but the claims settled once: key checked, header encoded, the library's own dispatch left behind.

    Raises ValueError when the algorithm is not ours or does not go with the key.
    """
    if alg not in _fitting(key):
        raise ValueError(f"{alg} does not go with this key")
    header = b64url(orjson.dumps({"alg": alg, "kid": kid, "typ": typ})) + "."
    make_signature = _signature_maker(key, alg)

    def make(payload: Mapping[str, Any]) -> str:
        signing_input = header + b64url(orjson.dumps(dict(payload)))
        return f"{signing_input}.{b64url(make_signature(signing_input.encode()))}"

    return make


def _signature_maker(key: Key, alg: str) -> Callable[[bytes], bytes]:
    """ECDSA straight from the library below, in the form of RFC 7518 3.4: what lies between costs as much as the signature."""
    native, model = getattr(key, "private_key", None), _MODELS[alg]
    if not isinstance(native, EllipticCurvePrivateKey):
        return lambda data: model.sign(data, key)
    scheme, size = ECDSA(_HASHES[alg]), (native.key_size + 7) // 8

    def make(data: bytes) -> bytes:
        r, s = decode_dss_signature(native.sign(data, scheme))
        return r.to_bytes(size) + s.to_bytes(size)

    return make


def read(token: str) -> UnverifiedToken:
    """Take a compact JWS apart. Raises BadToken for anything but three strict parts with two JSON objects.

    RFC 7515 4.1.11: we understand no critical extension, so a ``crit`` (and with it ``b64: false``, RFC 7797) is refused.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken("form", "too long, or not ASCII")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts[:2]):
        raise BadToken("form", "an encrypted token" if len(parts) == 5 else "not three parts")
    header = strict_json(b64url_decode(parts[0]))
    if "crit" in header or "b64" in header:
        raise BadToken("header", "a critical extension")
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid", ""), str):
        raise BadToken("header", "alg and kid must be texts")
    claims = strict_json(b64url_decode(parts[1]))
    return UnverifiedToken(header, claims, f"{parts[0]}.{parts[1]}".encode(), b64url_decode(parts[2]))


def check_signature(token: UnverifiedToken, keys: KeySet, algorithms: Collection[str]) -> None:
    """Raise BadToken unless a key of ``keys`` made the signature with an algorithm of the allow-list.

    The header chooses among our keys by ``kid`` only; its ``jwk``, ``jku``, ``x5u`` and ``x5c`` are not looked at.
    """
    if token.alg not in algorithms or token.alg not in _MODELS:
        raise BadToken("algorithm", f"algorithm {token.alg[:40]!r} is not allowed")
    named = [key for key in keys if token.kid is None or key.kid == token.kid]
    if not named:
        raise UnknownKey(token.kid)
    if not any(_verifies(token, key) for key in named if token.alg in _fitting(key)):
        raise BadToken("signature", "the signature is not by a key of the set")


def verify(token: str, keys: KeySet, algorithms: Collection[str], *, typ: str | None = None) -> tuple[Json, Json]:
    """(header, claims) of a token whose signature is good. Checks no claim. Raises BadToken.

    With ``typ`` the header must say exactly that type, case aside, ``application/`` optional (RFC 7515 4.1.9, RFC 8725 3.11).
    """
    unverified = read(token)
    check_signature(unverified, keys, algorithms)
    if typ is not None and media_type(unverified.header) != typ.lower():
        raise BadToken("type", f"the token is not of type {typ}")
    return unverified.header, unverified.claims


def media_type(header: Mapping[str, Any]) -> str:
    """The header's ``typ`` in lower case without ``application/``; empty when it says none."""
    return text_or(header.get("typ", ""), "?").lower().removeprefix("application/")


def half_hash(value: str, alg: str) -> str:
    """``at_hash`` of an access token, ``c_hash`` of a code (OIDC Core 3.1.3.6, 3.3.2.11)."""
    size = {"256": "sha256", "384": "sha384"}.get(alg[-3:], "sha512")  # EdDSA with Ed25519 hashes with SHA-512
    full = hashlib.new(size, value.encode()).digest()
    return b64url(full[: len(full) // 2])


def _verifies(token: UnverifiedToken, key: Key) -> bool:
    try:
        return _MODELS[token.alg].verify(token.signing_input, token.signature, key)
    except _UNUSABLE_KEY:
        return False


# --- keys ----------------------------------------------------------------------------------------------------------


def as_key(native: NativePrivateKey | NativePublicKey, *, kid: str | None = None, alg: str | None = None) -> Key:
    """Wrap a parsed key. Raises ValueError for RSA below 2,048 bit and for curves that no algorithm of ours has."""
    parameters: KeyParameters = {"use": "sig"}
    if kid is not None:
        parameters["kid"] = kid
    if alg is not None:
        parameters["alg"] = alg
    key: Key
    if isinstance(native, RSAPrivateKey | RSAPublicKey):
        if not MIN_RSA_BITS <= native.key_size <= MAX_RSA_BITS:
            raise ValueError("an RSA key must have 2,048 to 8,192 bit")
        key = RSAKey.import_key(native, parameters)
    elif isinstance(native, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        key = ECKey.import_key(native, parameters)
    else:
        key = OKPKey.import_key(native, parameters)
    if not _fitting(key):
        raise ValueError("no algorithm of ours uses this key")
    return key


def key_set(keys: Iterable[Key]) -> KeySet:
    """What ``verify`` takes. Keys without ``kid`` get their thumbprint."""
    return KeySet(list(keys))


def public_jwk(public_key: NativePublicKey, kid: str, alg: str) -> Json:
    """The JWK (RFC 7517 4) that we publish for a signing key."""
    return dict(as_key(public_key, kid=kid, alg=alg).as_dict(private=False))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638 over the required members of an RSA, EC or OKP key: SHA-256, base64url."""
    required = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[jwk["kty"]]
    return _thumbprint({name: jwk[name] for name in required})


def import_key_set(document: Mapping[str, Any]) -> KeySet:
    """The signature keys of a foreign JWKS that we can use; may be empty. Raises BadToken("key") when it is not a JWKS.

    RFC 7517 5: what is not understood is left out, not fatal. So are encryption keys, weak keys, symmetric keys and keys that
    come with their private part. At most 100 entries are looked at.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise BadToken("key", "no list of keys")
    found = (_import_public(entry) for entry in entries[:MAX_KEYS])
    return key_set(key for key in found if key is not None)


def embedded_key(header: Mapping[str, Any]) -> Key:
    """The public key that a proof of possession brings in its own header (RFC 9449 4.2). It proves a key, never a name.

    Raises BadToken for none, an unusable one, and one with its private part.
    """
    key = _import_public(header.get("jwk"))
    if key is None:
        raise BadToken("key", "no usable public key in the header")
    return key


def _import_public(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or not _meant_for_us(entry):
        return None
    try:
        material = {name: entry[name] for name in _members(entry) if isinstance(entry[name], str) and len(entry[name]) <= 2048}
        parameters: dict[str, str] = {name: entry[name] for name in ("kid", "alg") if isinstance(entry.get(name), str)}
        if parameters.get("alg") == "Ed25519":  # RFC 9864 names the curve, everybody's tokens say EdDSA
            parameters["alg"] = "EdDSA"
        public = _native_public(material)
        return as_key(public, kid=parameters.get("kid"), alg=parameters.get("alg"))
    except _UNUSABLE_KEY:
        return None


def _meant_for_us(entry: Json) -> bool:
    """A public signature key, as far as its own words go (RFC 7517 4.2, 4.3, 4.4)."""
    operations = entry.get("key_ops", ["verify"])
    return (
        not any(name in entry for name in ("d", "p", "q", "k"))
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and entry.get("alg", "RS256") in (*ALGORITHMS, "Ed25519")
    )


def _members(entry: Json) -> Sequence[str]:
    return {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}[entry["kty"]]


def _native_public(material: dict[str, str]) -> NativePublicKey:
    if material["kty"] == "RSA":
        modulus = int.from_bytes(b64url_decode(material["n"]))
        if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or len(material["e"]) > 6:
            raise ValueError("weak or costly RSA key")
        return RSAKey.import_key({**material}).public_key
    if material["kty"] == "EC":
        return ECKey.import_key({**material}).public_key
    if material["crv"] != "Ed25519":
        raise ValueError("not a signature curve of ours")
    return Ed25519PublicKey.from_public_bytes(b64url_decode(material["x"]))


def _fitting(key: Key) -> tuple[str, ...]:
    """The algorithms that go with a key: by its type and curve, narrowed by its own ``alg``."""
    if isinstance(key, RSAKey):
        fitting = ALGORITHMS[:6]
    elif isinstance(key, ECKey | OKPKey):
        fitting = (_CURVES[key.curve_name],) if key.curve_name in _CURVES else ()
    else:
        fitting = ()
    return fitting if key.alg is None else tuple(name for name in fitting if name == key.alg)
