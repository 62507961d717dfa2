"""All that the ID-token checks may look at. They are pure: whatever is fetched is fetched before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from idbroker.federation.contract import ConnectionConfig
from oidc.jose import Json, KeySet, UnverifiedToken
from oidc.relying_party.settings import RpSettings

_LATEST = 253402300799  # 9999-12-31T23:59:59Z, the last moment that datetime knows


class Signed(Protocol):
    """What the checks on the signature look at, whatever kind of token it is."""

    @property
    def token(self) -> UnverifiedToken | None: ...
    @property
    def problem(self) -> str: ...
    @property
    def keys(self) -> KeySet: ...
    @property
    def algorithms(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, repr=False)
class SignedEvidence:
    """A token of the IdP, of whatever kind."""

    token: UnverifiedToken | None
    """None when it could not be taken apart; ``problem`` then says why."""
    problem: str
    keys: KeySet
    connection: ConnectionConfig
    settings: RpSettings
    now: float
    """Seconds since the epoch, as all times here."""

    @property
    def claims(self) -> Json:
        return self.token.claims if self.token else {}

    @property
    def algorithms(self) -> Sequence[str]:
        return self.settings.id_token_algs

    @property
    def skew(self) -> int:
        return self.connection.options.clock_skew_seconds


@dataclass(frozen=True, slots=True, repr=False)
class IdTokenEvidence(SignedEvidence):
    """And what it must answer."""

    nonce: str
    code: str
    access_token: str | None
    begun_at: float
    max_age: int | None
    forced: bool


def numeric_date(value: Any) -> float | None:
    """A NumericDate (RFC 7519 2): a number, not a bool, not a text, between 1970 and 9999."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        return None
    return float(value)
