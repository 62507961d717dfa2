"""The keys that sign tokens: a set per issuer, private parts sealed under the owner's data key, made when first needed.

An issuer's owner is a tenant, or the platform for the shared issuer. States: ``next`` (published, not yet signing),
``active`` (signs), ``retired`` (published until its last token has expired), then gone. ``keys.rotation`` moves them on.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, select

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.database import Database
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit

Algorithm = Literal["RS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
State = Literal["next", "active", "retired"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CACHE_SECONDS = 30
"""How long a process goes on with the set it has read."""

RETIRED_FOR = timedelta(hours=2)
"""A retired key stays published this long: more than the longest life of a token (60 min) and of a cached key set."""


class SigningKey(TenantRow, table=True):
    """One key pair of an issuer. ``generation`` counts per algorithm, so that two replicas cannot both make the first."""

    __tablename__ = "signing_keys"

    algorithm: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    kid: str
    public_pem: str
    private_sealed: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def state(self, now: datetime) -> State:
        """What the key is at that moment. Both times may lie ahead: a rotation is announced before it happens."""
        if self.activated_at is None or now < self.activated_at:
            return "next"
        return "active" if self.retired_at is None or now < self.retired_at else "retired"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs now. ``key`` is parsed: loading an RSA key from PEM costs 40 ms and happens once per process."""

    kid: str
    algorithm: Algorithm
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key whose public part is published."""

    kid: str
    algorithm: Algorithm
    key: PublicKey


class SigningKeys(TenantRepository):
    def published(self) -> Sequence[SigningKey]:
        """Next, active and still published retired keys, oldest first."""
        statement = select(SigningKey).order_by(col(SigningKey.algorithm), col(SigningKey.generation))
        horizon = self.now() - RETIRED_FOR
        rows = self.session.execute(statement).scalars().all()
        return [row for row in rows if row.retired_at is None or row.retired_at > horizon]

    def all(self, algorithm: str) -> Sequence[SigningKey]:
        """Every key of that algorithm that there ever was, oldest first."""
        statement = select(SigningKey).where(SigningKey.algorithm == algorithm).order_by(col(SigningKey.generation))
        return self.session.execute(statement).scalars().all()

    def add(self, row: SigningKey) -> None:
        self.session.add(row)
        self.session.flush()


@dataclass(frozen=True, slots=True)
class _KeySet:
    read_at: datetime
    signers: dict[Algorithm, Signer]
    verifiers: tuple[Verifier, ...]


class SigningKeyRing:
    """The signing keys of every issuer, cached per process. Thread-safe."""

    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        self._database = database
        self._envelope = envelope
        self._clock = clock
        self._sets: dict[TenantId, _KeySet] = {}
        self._parsed: dict[str, PrivateKey] = {}
        self._making = threading.Lock()

    def signer(self, owner: TenantId, algorithm: Algorithm) -> Signer:
        return self._set(owner).signers[algorithm]

    def verifiers(self, owner: TenantId) -> tuple[Verifier, ...]:
        return self._set(owner).verifiers

    def make(
        self, unit: TenantUnit, algorithm: Algorithm, generation: int, *, activated_at: datetime | None = None
    ) -> SigningKey:
        """A new key pair of the unit's owner; without ``activated_at`` it is published and does not sign. Raises IntegrityError
        when that generation is there already.
        """
        self._envelope.prepare(unit)
        key = _generate(algorithm)
        public = key.public_key()
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        kid = hashlib.sha256(spki).hexdigest()[:24]
        der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        row = SigningKey(
            tenant_id=unit.scope.tenant,
            algorithm=algorithm,
            generation=generation,
            kid=kid,
            public_pem=public.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ).decode(),
            private_sealed=self._envelope.seal(unit, _purpose(kid), der),
            created_at=self._clock.now(),
            activated_at=activated_at,
        )
        unit[SigningKeys].add(row)
        self._parsed[kid] = key
        return row

    def forget(self, owner: TenantId) -> None:
        """Read that issuer's keys anew when they are next wanted: they were changed here."""
        self._sets.pop(owner, None)

    def is_fresh(self, owner: TenantId) -> bool:
        """Whether that issuer's keys are at hand: to ask for them now reads nothing."""
        known = self._sets.get(owner)
        return known is not None and (self._clock.now() - known.read_at).total_seconds() < CACHE_SECONDS - 1

    def _set(self, owner: TenantId) -> _KeySet:
        known = self._sets.get(owner)
        if known is not None and (self._clock.now() - known.read_at).total_seconds() < CACHE_SECONDS:
            return known
        with self._making:
            known = self._sets.get(owner)
            if known is None or (self._clock.now() - known.read_at).total_seconds() >= CACHE_SECONDS:
                known = self._read(owner)
                self._sets[owner] = known
        return known

    def _read(self, owner: TenantId) -> _KeySet:
        scope = TenantScope(owner, SYSTEM)
        with self._database.tenant(scope, read_only=True) as unit:
            known = self._load(unit)
        if len(known.signers) == len(ALGORITHMS):
            return known
        try:
            with self._database.tenant(scope) as unit:
                present = self._load(unit).signers
                for algorithm in ALGORITHMS:
                    if algorithm not in present:  # nobody can know this issuer's keys yet: the first one signs at once
                        self.make(unit, algorithm, 1, activated_at=self._clock.now())
        except IntegrityError:
            pass  # another replica made them in the same moment; they are read below
        with self._database.tenant(scope, read_only=True) as unit:
            return self._load(unit)

    def _load(self, unit: TenantUnit) -> _KeySet:
        signers: dict[Algorithm, Signer] = {}
        verifiers: list[Verifier] = []
        for row in unit[SigningKeys].published():
            algorithm = cast("Algorithm", row.algorithm)
            public = serialization.load_pem_public_key(row.public_pem.encode())
            verifiers.append(Verifier(row.kid, algorithm, cast("PublicKey", public)))
            if row.state(self._clock.now()) == "active":
                signers[algorithm] = Signer(row.kid, algorithm, self._private(unit, row))
        return _KeySet(self._clock.now(), signers, tuple(verifiers))

    def _private(self, unit: TenantUnit, row: SigningKey) -> PrivateKey:
        key = self._parsed.get(row.kid)
        if key is None:
            der = self._envelope.open(unit, _purpose(row.kid), row.private_sealed)
            # We made and sealed this key ourselves and GCM has authenticated it: OpenSSL's 40 ms check is needless.
            key = cast(
                "PrivateKey",
                serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True),
            )
            self._parsed[row.kid] = key
        return key


def _purpose(kid: str) -> str:
    return f"signing-key:{kid}"


def _generate(algorithm: Algorithm) -> PrivateKey:
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()
