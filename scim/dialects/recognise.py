"""Which vendor's client this is, by its user agent and its ways."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from scim.dialects.observation import Observation


class Dialect(StrEnum):
    """``ENTRA_LEGACY``: Entra without the feature flag ``aadOptscim062020``."""

    ENTRA = "entra"
    ENTRA_LEGACY = "entra_legacy"
    OKTA = "okta"
    ONELOGIN = "onelogin"
    JUMPCLOUD = "jumpcloud"
    PING = "ping"
    GOOGLE = "google"
    RIPPLING = "rippling"
    GENERIC = "generic"


_NAMES = (
    ("okta", Dialect.OKTA),
    ("onelogin", Dialect.ONELOGIN),
    ("jumpcloud", Dialect.JUMPCLOUD),
    ("rippling", Dialect.RIPPLING),
    ("pingone", Dialect.PING),
    ("pingfederate", Dialect.PING),
    ("ping identity", Dialect.PING),
    ("google", Dialect.GOOGLE),
    ("microsoft", Dialect.ENTRA),
    ("azure", Dialect.ENTRA),
    ("entra", Dialect.ENTRA),
)
_AGENTS = tuple((re.compile(rf"(?<![a-z]){name}"), dialect) for name, dialect in _NAMES)
"""A word that begins so: ``AzureAD`` is Azure's, ``Centralized-Sync`` is not Entra's."""
_LEGACY = frozenset({Observation.STRING_BOOLEANS, Observation.WRAPPED_VALUES, Observation.REMOVE_WITH_VALUES})
_FLAGGED = frozenset({Observation.DOTTED_KEYS, Observation.URN_KEYS, Observation.VALUE_PATH_KEYS})
_MAX_AGENT = 400


def recognise(user_agent: str | None, observations: Iterable[Observation]) -> Dialect:
    """The dialect by all that has been seen of this client so far. A name in the user agent goes before its ways."""
    seen = frozenset(observations)
    agent = (user_agent or "")[:_MAX_AGENT].lower()
    named = next((dialect for begins, dialect in _AGENTS if begins.search(agent)), None)
    if named is None:
        named = _by_its_ways(seen)
    if named is Dialect.ENTRA and (seen & _LEGACY):
        return Dialect.ENTRA_LEGACY
    return named


def _by_its_ways(seen: frozenset[Observation]) -> Dialect:
    """Capitalised operations are Entra's alone, so are dotted and URN keys; Okta sends a group's id in its rename."""
    if Observation.PASCAL_CASE_OPS in seen or seen & _FLAGGED:
        return Dialect.ENTRA
    if Observation.ID_IN_VALUE in seen and Observation.PATHLESS_PATCH in seen:
        return Dialect.OKTA
    return Dialect.GENERIC
