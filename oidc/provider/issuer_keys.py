"""An issuer's keys in the form that tokens are signed and verified with, wrapped once per key id and process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idbroker.keys.signing import ALGORITHMS, Algorithm, SigningKeyRing
from oidc.jose import BadToken, Json, KeySet, Maker, as_key, key_set, maker, public_jwk, verify
from oidc.provider.issuer import Issuer
from oidc.provider.published import Published, published

CACHED = 10_000
"""Issuers, and signing keys, whose wrapped form is kept."""


@dataclass(frozen=True, slots=True)
class _Published:
    kids: tuple[str, ...]
    keys: KeySet
    document: Published


class IssuerKeys:
    """Thread-safe: two threads may wrap the same key, with the same result."""

    def __init__(self, ring: SigningKeyRing) -> None:
        self._ring = ring
        self._makers: dict[tuple[str, str], Maker] = {}
        self._published: dict[str, _Published] = {}

    def sign(self, issuer: Issuer, claims: Mapping[str, Any], algorithm: Algorithm, typ: str) -> str:
        """A JWT of that issuer, with the key that signs now."""
        signer = self._ring.signer(issuer.owner, algorithm)
        make = self._makers.get((signer.kid, typ))
        if make is None:
            make = maker(as_key(signer.key, kid=signer.kid, alg=signer.algorithm), signer.algorithm, signer.kid, typ)
            _keep(self._makers, (signer.kid, typ), make)
        return make(claims)

    def at_hand(self, issuer: Issuer) -> bool:
        """Whether nothing need be read to answer for this issuer now."""
        return self._ring.is_fresh(issuer.owner)

    def ready(self, issuer: Issuer) -> None:
        """Have the keys at hand: reading them, or making the first ones, is a transaction that must not be within another."""
        self._ring.verifiers(issuer.owner)

    def verify(self, issuer: Issuer, token: str, typ: str) -> Json:
        """The claims of a token that this issuer signed. Checks signature, type and ``iss``, no time. Raises BadToken."""
        claims = verify(token, self._current(issuer).keys, ALGORITHMS, typ=typ)[1]
        # Every issuer has keys of its own, so a wrong ``iss`` is a bug of ours; RFC 8725 3.8 asks for the check all the same.
        if claims.get("iss") != issuer.url:
            raise BadToken("form", "another issuer is named")
        return claims

    def jwks(self, issuer: Issuer) -> Published:
        """RFC 7517 5: every key that is published now."""
        return self._current(issuer).document

    def _current(self, issuer: Issuer) -> _Published:
        verifiers = self._ring.verifiers(issuer.owner)
        kids = tuple(verifier.kid for verifier in verifiers)
        known = self._published.get(issuer.owner)
        if known is None or known.kids != kids:
            known = _Published(
                kids,
                key_set(as_key(v.key, kid=v.kid, alg=v.algorithm) for v in verifiers),
                published({"keys": [public_jwk(v.key, v.kid, v.algorithm) for v in verifiers]}),
            )
            _keep(self._published, issuer.owner, known)
        return known


def _keep(cache: dict[Any, Any], name: object, value: object) -> None:
    if len(cache) >= CACHED:
        cache.clear()
    cache[name] = value
