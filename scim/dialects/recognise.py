"""Which vendor's client this is, by its user agent and its ways."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from scim.dialects.observation import Observation


class Dialect(StrEnum):
    ENTRA = "entra"
    ENTRA_LEGACY = "entra_legacy"
    OKTA = "okta"
    ONELOGIN = "onelogin"
    JUMPCLOUD = "jumpcloud"
    PING = "ping"
    GOOGLE = "google"
    RIPPLING = "rippling"
    GENERIC = "generic"


def recognise(user_agent: str | None, observations: Iterable[Observation]) -> Dialect:
    """The dialect by all that has been seen of this client so far. ``entra_legacy``: without ``aadOptscim062020``."""
    raise NotImplementedError
