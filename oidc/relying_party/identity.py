"""From verified claims to a person: attributes, profile, and how far the e-mail address is to be trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idbroker.federation.contract import ConnectionConfig, ExternalIdentity, Finding
from idbroker.federation.profile import AmbiguousClaim, Profile, find_attribute, map_profile, single_value
from oidc.jose import Json
from oidc.relying_party.end_session import kept_hint
from oidc.relying_party.evidence import numeric_date
from oidc.relying_party.quirks import entra_email_verified, entra_subject, groups_overage
from oidc.relying_party.refusals import refused, shown
from oidc.relying_party.settings import RpSettings

REPLAY_MEMORY = timedelta(minutes=10)
MAX_ATTRIBUTES = 200
MAX_VALUES = 2000
_OF_THIS_TOKEN = frozenset(
    {"iss", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "sid"}
)
OVERAGE_NOTE = "_groups_overage"
"""Attribute that tells an admin that the provider left the groups out because there are too many."""


def notes_on(connection: ConnectionConfig, settings: RpSettings, claims: Json, profile: Profile) -> list[Finding]:
    """What an admin should see of a person who can be read: nothing failed, but something will be missed."""
    return [_note_on_groups(claims, profile), _note_on_email(connection, settings, claims, profile)]


def _note_on_groups(claims: Json, profile: Profile) -> Finding:
    note = Finding("person.groups", "profile", "pass", "attribute_mapping: groups", "the person's groups")
    if groups_overage(claims):
        told = "the provider left them out, because there are too many"
        advice = (
            "The person is in more groups than the provider puts into a token, so it sent none, and memberships stay as they "
            "are. Let it send only the groups that matter here."
        )
        return replace(note, received=told, advice=advice)
    if profile.groups is None:
        advice = "No groups came, so memberships stay as they are."
        return replace(note, outcome="skip", received="none came", advice=advice)
    return replace(note, received=f"{len(profile.groups)} groups")


def _note_on_email(connection: ConnectionConfig, settings: RpSettings, claims: Json, profile: Profile) -> Finding:
    note = Finding("person.email_trust", "profile", "pass", "OIDC Core 5.1, Entra: xms_edov", "a verified address")
    shown_claims = {name: claims[name] for name in ("email_verified", "xms_edov") if name in claims}
    if profile.email is None:
        return replace(note, outcome="skip", received="no e-mail address came", advice="No e-mail address came.")
    if profile.email_verified is False:
        advice = "The provider says that it has not verified this address, so the sign-in will be refused after these checks."
        return replace(note, received=shown(shown_claims), advice=advice)
    entra = connection.vendor == "entra" or settings.subject_rule == "entra"
    if profile.email_verified is None and entra:
        return replace(note, received="no word on it", advice="Entra does not say whether the address's domain was verified.")
    return replace(note, received=shown(shown_claims) if shown_claims else "no word on it")


def identity_of(
    connection: ConnectionConfig, settings: RpSettings, claims: Json, *, code: str, id_token: str, now: datetime
) -> ExternalIdentity:
    """``claims`` passed every check. Raises ReplyRefused when they cannot be read as one person."""
    attributes = flattened(claims)
    try:
        profile = _profile(connection, settings, claims, attributes)
        subject = _subject(connection, settings, claims, attributes)
    except AmbiguousClaim as error:
        raise refused("oidc_claim_ambiguous", str(error)) from error
    auth_time = numeric_date(claims.get("auth_time"))
    return ExternalIdentity(
        subject=subject,
        profile=profile,
        attributes=attributes,
        replay_key="code:" + hashlib.sha256(code.encode()).hexdigest(),
        replay_until=now + REPLAY_MEMORY,
        authenticated_at=None if auth_time is None else datetime.fromtimestamp(auth_time, UTC),
        amr=_methods(claims.get("amr")),
        acr=_bounded_text(claims.get("acr")),
        upstream={**_upstream(settings, claims), **kept_hint(settings, id_token)},
    )


def flattened(claims: Json) -> dict[str, tuple[str, ...]]:
    """Claims as attributes: texts, numbers and booleans, or lists of them. Objects and the token's own members are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in list(claims.items())[:MAX_ATTRIBUTES]:
        if name in _OF_THIS_TOKEN:
            continue
        values = value[:MAX_VALUES] if isinstance(value, list) else [value]
        texts = tuple(_text(item) for item in values if isinstance(item, str | int | float))
        if texts or value == []:
            found[name] = texts
    if groups_overage(claims):
        found.pop("groups", None)
        found[OVERAGE_NOTE] = ("true",)
    return found


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _profile(
    connection: ConnectionConfig, settings: RpSettings, claims: Json, attributes: Mapping[str, tuple[str, ...]]
) -> Profile:
    mapping = connection.attribute_mapping
    verified = None
    source = find_attribute("email", attributes, mapping)
    if source is not None and source[0].casefold() == "email":  # nobody vouches for an address under another name
        if not isinstance(claims[source[0]], str):  # OIDC Core 5.1
            raise refused("oidc_claim_type", f"{source[0]} is {shown(claims[source[0]])}")
        verified = _email_verified(connection, settings, claims)
    profile = map_profile(attributes, mapping, email_verified=verified)
    return replace(profile, groups=_groups(profile, claims, attributes, mapping.get("groups", "groups")))


def _groups(profile: Profile, claims: Json, attributes: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...] | None:
    """An empty list is a statement (in no group); a list that Entra left out is none, and roles do not stand in for it."""
    if name == "groups" and groups_overage(claims):
        return None
    return () if attributes.get(name) == () else profile.groups


def _email_verified(connection: ConnectionConfig, settings: RpSettings, claims: Json) -> bool | None:
    """None when the provider does not say; a word that is neither yes nor no counts as no."""
    if connection.vendor == "entra" or settings.subject_rule == "entra":
        edov = entra_email_verified(claims)
        if edov is not None:
            return edov
    if claims.get("email_verified") is None:
        return None
    said = claims["email_verified"]
    return said is True or (isinstance(said, str) and said.lower() == "true")


def _subject(
    connection: ConnectionConfig, settings: RpSettings, claims: Json, attributes: Mapping[str, tuple[str, ...]]
) -> str:
    mapping = connection.attribute_mapping
    if "subject" in mapping:
        chosen = single_value("subject", attributes, mapping)
        if chosen is None or len(chosen) > 255 or not chosen.isprintable():
            raise refused("oidc_sub_invalid", f"no usable “{mapping['subject']}”, which is mapped to the subject")
        return chosen
    if settings.subject_rule == "entra":
        return entra_subject(claims) or str(claims["sub"])
    return str(claims["sub"])


def _methods(amr: Any) -> tuple[str, ...]:
    """OIDC Core 2: a list of texts; some send a single one."""
    named = [amr] if isinstance(amr, str) else amr if isinstance(amr, list) else []
    return tuple(name[:64] for name in named[:16] if isinstance(name, str) and name)


def _bounded_text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 else None


def _upstream(settings: RpSettings, claims: Json) -> dict[str, str]:
    """What a logout needs: OIDC Back-Channel Logout 2.4 names a session by (iss, sid) or (iss, sub)."""
    sid = _bounded_text(claims.get("sid"))
    return {"iss": settings.issuer, "id_token_sub": str(claims["sub"]), **({"sid": sid} if sid else {})}
