"""Keys: making a connection's own pair, and keeping parsed keys of live connections at hand.

Parsing costs (RSA private key 45 ms with OpenSSL's checks) are paid once per connection version and process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from idbroker.federation.contract import ConnectionConfig
from saml.certificates import Certificate
from saml.settings import SP_KEY, SP_KEY_NEXT, SamlSettings, read_settings
from saml.signature import TrustedKey, trusted_key

SP_CERTIFICATE_LIFE = timedelta(days=3650)
RSA_BITS = 2048
CACHE_SIZE = 1024


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A fresh private key (PKCS 8 PEM) and its self-signed certificate (PEM)."""

    private_pem: str
    certificate_pem: str


def new_key_pair(name: str, now: datetime, *, life: timedelta = SP_CERTIFICATE_LIFE, bits: int = RSA_BITS) -> KeyPair:
    """An RSA key with a certificate that starts a day before ``now``, for partners whose clock is behind. About 100 ms."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        private_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
    )


def load_private_key(pem: str) -> rsa.RSAPrivateKey:
    """Parse an RSA key that we made ourselves. Raises TypeError for any other kind."""
    # It left new_key_pair sound and was sealed with authentication since, so OpenSSL's primality tests are not repeated.
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the connection's own key must be RSA")
    return key


@dataclass(frozen=True)
class ConnectionKeys:
    """One connection version, parsed: settings, the IdP's certificates, our private keys."""

    settings: SamlSettings
    certificates: tuple[Certificate, ...]
    private_key: rsa.RSAPrivateKey
    """Signs requests and metadata; decrypts."""
    next_private_key: rsa.RSAPrivateKey | None = None
    """Only decrypts, while a roll-over is under way."""

    @cached_property
    def trusted(self) -> tuple[TrustedKey, ...]:
        """What may have signed an answer, parsed for both verifiers."""
        return tuple(trusted_key(one) for one in self.certificates)

    @property
    def decrypting(self) -> tuple[rsa.RSAPrivateKey, ...]:
        return (self.private_key,) if self.next_private_key is None else (self.private_key, self.next_private_key)


class KeyCache:
    """Parsed keys by (connection id, version), the least recently used dropped first. Thread-safe."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, int], ConnectionKeys] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, connection: ConnectionConfig) -> ConnectionKeys:
        key = (connection.id, connection.version)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = parsed_keys(connection)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return made


def parsed_keys(connection: ConnectionConfig) -> ConnectionKeys:
    """Parse a connection's keys without keeping them: for a candidate that has no version of its own."""
    settings = read_settings(connection)
    following = connection.secrets.get(SP_KEY_NEXT) if settings.next_sp_certificate is not None else None
    return ConnectionKeys(
        settings=settings,
        certificates=settings.idp.parsed_certificates(),
        private_key=load_private_key(connection.secrets[SP_KEY]),
        next_private_key=load_private_key(following) if following is not None else None,
    )
