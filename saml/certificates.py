"""X.509 certificates as SAML uses them: a key and two dates. No chain is ever built; the admin's upload is the trust."""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from idbroker.federation.contract import Document, Warn
from idbroker.kernel.clock import rfc3339

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

EXPIRING_WITHIN = timedelta(days=30)
MIN_RSA_BITS = 2048
REFUSED_RSA_BITS = 1024
MAX_CERTIFICATE = 32 * 1024

_quiet = threading.Lock()  # the interpreter has one list of warning filters


class BadCertificate(ValueError):
    """The text is no certificate that can verify signatures. The message may be shown to its author."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. ``der`` in base64 is how it is stored; ``sha256`` in lower-case hex is how admins compare it."""

    der: str
    sha256: str
    not_before: datetime
    not_after: datetime
    subject: str
    sha1_signed: bool
    key: PublicKey

    @property
    def pem(self) -> str:
        lines = [self.der[start : start + 64] for start in range(0, len(self.der), 64)]
        return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])

    def as_document(self) -> Document:
        return {"sha256": self.sha256, "not_before": rfc3339(self.not_before), "not_after": rfc3339(self.not_after)}


def read_certificate(text: str) -> Certificate:
    """A certificate from PEM, from base64 DER, or (seen in the wild) from base64 of a PEM text. Raises BadCertificate."""
    if len(text) > MAX_CERTIFICATE:
        raise BadCertificate("the certificate is too long")
    data = text.encode()
    if b"-----BEGIN" not in data:
        data = _decoded(text)
    try:
        pem = b"-----BEGIN" in data
        with _quiet, warnings.catch_warnings():
            # Serial number 0, seen in genuine metadata, only makes cryptography warn; the key inside is what counts.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _facts(x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise error if isinstance(error, BadCertificate) else BadCertificate("this is not an X.509 certificate") from error


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCertificate("this is neither PEM nor base64 of a certificate") from error


def _facts(loaded: x509.Certificate) -> Certificate:
    key = loaded.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadCertificate("the certificate's key is neither RSA nor an elliptic curve key")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < REFUSED_RSA_BITS:
        raise BadCertificate(f"the certificate's RSA key has {key.key_size} bit; it can be forged and is not accepted")
    der = loaded.public_bytes(Encoding.DER)
    return Certificate(
        der=base64.b64encode(der).decode(),
        sha256=hashlib.sha256(der).hexdigest(),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        subject=loaded.subject.rfc4514_string()[:200],
        sha1_signed=loaded.signature_algorithm_oid
        in (x509.SignatureAlgorithmOID.RSA_WITH_SHA1, x509.SignatureAlgorithmOID.RSA_WITH_MD5),
        key=key,
    )


def certificate_warnings(certificate: Certificate, now: datetime) -> list[Warn]:
    """What an admin should know about a signing certificate that was taken."""
    short = f"The signing certificate {certificate.sha256[:16]}…"
    found: list[Warn] = []
    if certificate.not_after <= now:
        ended = f"{short} ended on {certificate.not_after:%Y-%m-%d}. It is still used, because the IdP may still sign with it"
        found.append(Warn("certificate_expired", f"{ended}; ask for a new one."))
    elif certificate.not_after <= now + EXPIRING_WITHIN:
        ends = f"{short} ends on {certificate.not_after:%Y-%m-%d}"
        found.append(Warn("certificate_expiring", f"{ends}. Upload the next one before the IdP starts to sign with it."))
    if certificate.not_before > now:
        found.append(Warn("certificate_not_yet_valid", f"{short} starts on {certificate.not_before:%Y-%m-%d}."))
    if isinstance(certificate.key, rsa.RSAPublicKey) and certificate.key.key_size < MIN_RSA_BITS:
        weak = f"{short} has an RSA key of {certificate.key.key_size} bit; {MIN_RSA_BITS} are the least to use today"
        found.append(Warn("weak_key", f"{weak}. Let the IdP make a new one."))
    if certificate.sha1_signed:
        found.append(Warn("sha1_signature_certificate", f"{short} is itself signed with SHA-1. Let the IdP make a new one."))
    return found
