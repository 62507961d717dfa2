"""Our own key of one connection, for ``private_key_jwt``: made, published, kept parsed, and changed without a day of failure.

The public half stands in the settings as the JWK that we publish, the private half among the secrets. Pure but for the
making; the caller keeps the draft that a step answers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft
from idbroker.kernel.errors import Conflict
from oidc import jose
from oidc.relying_party.settings import KeyAlg, RpSettings

RP_KEY, RP_KEY_NEXT = "rp_key", "rp_key_next"
"""The names in ``secrets`` of the private keys, PKCS 8 PEM; the second during a roll-over."""

PUBLISHED_SECONDS = 300
"""How long a provider may keep our key set: a new key is known to it that soon."""

RSA_BITS = 2048
CACHE_SIZE = 1024


def new_key(alg: KeyAlg) -> tuple[str, dict[str, Any]]:
    """(private PEM, public JWK). An RSA key takes about 100 ms."""
    if alg == "ES256":
        native: jose.NativePrivateKey = ec.generate_private_key(ec.SECP256R1())
    else:
        native = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    bare = jose.public_jwk(native.public_key(), "", alg)
    jwk = {**bare, "kid": jose.thumbprint(bare), "use": "sig", "alg": alg}
    return native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), jwk


class OwnKeys:
    """Parsed private keys, by connection and ``kid``. Thread-safe."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[tuple[str, str], jose.Key] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, connection: ConnectionConfig, settings: RpSettings) -> tuple[jose.Key, str, str] | None:
        """(key, ``kid``, algorithm) that signs for the connection now; None when it has none."""
        pem = connection.secrets.get(RP_KEY)
        if pem is None or settings.key is None:
            return None
        kid, alg = str(settings.key["kid"]), str(settings.key["alg"])
        place = (connection.id, kid)
        with self._lock:
            known = self._parsed.get(place)
        if known is None:
            known = self._kept(place, pem)
        return known, kid, alg

    def _kept(self, place: tuple[str, str], pem: str) -> jose.Key:
        # It left new_key sound and was sealed with authentication since, so OpenSSL's primality tests are not repeated.
        native = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(native, jose.NativePrivateKey):
            raise TypeError("the connection's own key is of no kind that we make")
        key = jose.as_key(native)
        with self._lock:
            self._parsed[place] = key
            while len(self._parsed) > CACHE_SIZE:
                self._parsed.popitem(last=False)
        return key


def published(settings: RpSettings) -> dict[str, Any]:
    """The JWKS of the connection (RFC 7517 5): the key that signs, and the next one beside it during a roll-over."""
    return {"keys": [jwk for jwk in (settings.key, settings.next_key) if jwk is not None]}


def begin_rollover(connection: ConnectionConfig) -> ConnectionDraft:
    """A second key beside the present one, or the first of all. Raises Conflict when one is waiting already."""
    settings = RpSettings.of(connection)
    if settings.next_key is not None:
        raise Conflict(
            "sp_key_rollover_running", "A new key of this connection is published already. Finish or cancel that first."
        )
    pem, jwk = new_key(settings.token_endpoint_auth_signing_alg)
    return _draft(connection, settings, {"next_key": jwk}, {**connection.secrets, RP_KEY_NEXT: pem})


def finish_rollover(connection: ConnectionConfig) -> ConnectionDraft:
    """The next key signs from now on, the present one is forgotten. Raises Conflict when there is none."""
    settings, pem = _following(connection)
    kept = {name: value for name, value in connection.secrets.items() if name != RP_KEY_NEXT}
    return _draft(connection, settings, {"key": settings.next_key, "next_key": None}, {**kept, RP_KEY: pem})


def cancel_rollover(connection: ConnectionConfig) -> ConnectionDraft:
    """The next key is forgotten, the present one stays. Raises Conflict when there is none."""
    settings, _ = _following(connection)
    kept = {name: value for name, value in connection.secrets.items() if name != RP_KEY_NEXT}
    return _draft(connection, settings, {"next_key": None}, kept)


def _following(connection: ConnectionConfig) -> tuple[RpSettings, str]:
    settings, pem = RpSettings.of(connection), connection.secrets.get(RP_KEY_NEXT)
    if pem is None or settings.next_key is None:
        raise Conflict(
            "no_sp_key_rollover", "No new key of this connection is published that could take the present one's place."
        )
    return settings, pem


def _draft(
    connection: ConnectionConfig, settings: RpSettings, changed: dict[str, Any], secrets: dict[str, str]
) -> ConnectionDraft:
    after = settings.model_copy(update=changed)
    return ConnectionDraft(after.model_dump(mode="json"), secrets, connection.vendor)
