"""Allow-lists: what may verify or decrypt a message (RFC 6931, XML Encryption 1.1). What is not listed does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives import hashes

from saml import names

KeyKind = Literal["rsa", "ec"]


@dataclass(frozen=True, slots=True)
class SignatureMethod:
    kind: KeyKind
    digest: hashes.HashAlgorithm
    sha1: bool = False


SIGNATURE_METHODS: Mapping[str, SignatureMethod] = {
    names.RSA_SHA256: SignatureMethod("rsa", hashes.SHA256()),
    names.RSA_SHA384: SignatureMethod("rsa", hashes.SHA384()),
    names.RSA_SHA512: SignatureMethod("rsa", hashes.SHA512()),
    names.ECDSA_SHA256: SignatureMethod("ec", hashes.SHA256()),
    names.ECDSA_SHA384: SignatureMethod("ec", hashes.SHA384()),
    names.ECDSA_SHA512: SignatureMethod("ec", hashes.SHA512()),
    # Only while the connection's allow_sha1_until is in the future.
    names.RSA_SHA1: SignatureMethod("rsa", hashes.SHA1(), sha1=True),  # noqa: S303 - opt-in with an end date
}

DIGEST_METHODS: Mapping[str, str] = {
    names.SHA256: "sha256",
    names.SHA384: "sha384",
    names.SHA512: "sha512",
    names.SHA1: "sha1",
}


@dataclass(frozen=True, slots=True)
class Canonicalization:
    """A c14n method. With or without comments is the same to us: no message with comments gets this far."""

    exclusive: bool
    prefixes: tuple[str, ...] = ()


EXCLUSIVE = frozenset({names.EXC_C14N, names.EXC_C14N_COMMENTS})
INCLUSIVE = frozenset({names.C14N, names.C14N_COMMENTS})
MAX_PREFIXES = 32

DATA_ENCRYPTION: Mapping[str, int] = {
    names.AES128_GCM: 16,
    names.AES192_GCM: 24,
    names.AES256_GCM: 32,
    names.AES128_CBC: 16,
    names.AES192_CBC: 24,
    names.AES256_CBC: 32,
}
"""Key length in bytes."""

CBC = frozenset({names.AES128_CBC, names.AES192_CBC, names.AES256_CBC})

KEY_TRANSPORT = frozenset({names.RSA_OAEP_MGF1P, names.RSA_OAEP})

OAEP_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    names.SHA1: hashes.SHA1(),  # noqa: S303 - the default of RSA-OAEP, sound there: no collision matters
    names.SHA256: hashes.SHA256(),
    names.SHA384: hashes.SHA384(),
    names.SHA512: hashes.SHA512(),
}

MASK_FUNCTIONS: Mapping[str, hashes.HashAlgorithm] = {
    names.XENC11 + "mgf1sha1": hashes.SHA1(),  # noqa: S303 - as above
    names.XENC11 + "mgf1sha256": hashes.SHA256(),
    names.XENC11 + "mgf1sha384": hashes.SHA384(),
    names.XENC11 + "mgf1sha512": hashes.SHA512(),
}
