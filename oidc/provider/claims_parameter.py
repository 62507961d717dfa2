"""The ``claims`` parameter (OIDC Core 5.5): what of it we can heed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oidc.jose import BadToken, strict_json
from oidc.provider.claims import NAMEABLE, ClaimsRequest

MAX_CLAIMS = 8000


@dataclass(frozen=True, slots=True)
class WantedClaims:
    names: ClaimsRequest
    subject: str | None
    """The person that must be signed in (5.5.1, "sub")."""
    acr: tuple[str, ...]
    """One of these, or the sign-in has failed (5.5.1.1)."""


def read_claims_parameter(text: str) -> WantedClaims:
    """Raises BadToken for what is not a JSON object of that form."""
    document = strict_json(text, limit=MAX_CLAIMS)
    id_token, userinfo = _members(document, "id_token"), _members(document, "userinfo")
    subjects = {value for part in (id_token, userinfo) for value in _values(part.get("sub"))}
    if len(subjects) > 1:
        raise BadToken("json", "several values for sub")
    acr = id_token.get("acr")
    essential = acr is not None and acr.get("essential") is True
    names = ClaimsRequest(
        tuple(name for name in NAMEABLE if name in id_token), tuple(name for name in NAMEABLE if name in userinfo)
    )
    return WantedClaims(names, next(iter(subjects), None), _values(acr) if essential else ())


def _members(document: Mapping[str, Any], name: str) -> dict[str, dict[str, Any] | None]:
    members = document.get(name)
    if members is None:
        return {}
    if not isinstance(members, dict) or not all(wish is None or isinstance(wish, dict) for wish in members.values()):
        raise BadToken("json", f"{name} must be an object of objects and nulls")
    return members


def _values(wish: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The texts that are acceptable; none when any is."""
    if wish is None:
        return ()
    values = wish.get("values", [wish["value"]] if "value" in wish else [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadToken("json", "value must be a text, values a list of texts")
    return tuple(values)
