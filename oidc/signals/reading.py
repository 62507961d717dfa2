"""What a SET that passed every check asks for: events into words of ours, subjects in the shapes that identity providers send.

sub_id                             SSF 1.0 (RFC 9493): Okta, Entra, anybody who follows the final specification
events.*.subject, ``format``       the drafts of SSF and CAEP: Okta before, many libraries
events.*.subject, ``subject_type`` RISC as Google sends it: ``iss-sub``, ``id_token_claims``, ``email``
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.provisioning.signalled import Deed, Named, Wish
from idbroker.signals.vocabulary import CAEP, RISC, SSF
from oidc.jose import Json

OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/"

DEEDS: Mapping[str, Deed] = {
    f"{CAEP}session-revoked": "end_sessions",
    f"{RISC}sessions-revoked": "end_sessions",
    f"{OAUTH}tokens-revoked": "end_sessions",
    f"{RISC}credential-compromise": "end_sessions",
    f"{RISC}account-disabled": "switch_off",
    f"{RISC}account-purged": "switch_off",
    f"{RISC}account-enabled": "switch_on",
    f"{CAEP}credential-change": "note_credential",
    f"{CAEP}assurance-level-change": "note_assurance",
    f"{SSF}verification": "nothing",
    f"{RISC}verification": "nothing",
    f"{SSF}stream-updated": "nothing",
}
"""An event that is not here is taken and changes nothing (RFC 8417 2.2: what is not understood is passed over)."""

PASSED_ON = {
    "note_credential": ("credential_type", "change_type", "friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid"),
    "note_assurance": ("namespace", "current_level", "previous_level", "change_direction"),
}
COMMON = ("event_timestamp", "initiating_entity", "reason_admin", "reason_user")
MAX_TEXT = 400
MAX_SUBJECTS = 20


def wishes_of(claims: Json, issuer: str) -> list[Wish]:
    """In the token's order."""
    found = []
    for uri, event in claims["events"].items():
        deed = DEEDS.get(uri, "ignored")
        subject = claims.get("sub_id") if isinstance(claims.get("sub_id"), dict) else event.get("subject")
        found.append(Wish(uri[:200], deed, named(subject, issuer), _told(deed, event)))
    return found


def named(subject: Any, issuer: str) -> Named:
    """By which names a subject means somebody of that issuer. Names of another issuer mean nobody."""
    subjects: list[str] = []
    emails: list[str] = []
    sessions: list[str] = []
    for part, one in _parts(subject):
        kind = str(one.get("format", one.get("subject_type", ""))).replace("-", "_")
        if part == "session":
            sessions += _texts(one, "id")
        elif kind in ("iss_sub", "id_token_claims") and one.get("iss") == issuer:
            subjects += _texts(one, "sub")
            subjects += [f"{tenant}:{name.lower()}" for tenant in _directory(issuer) for name in _texts(one, "sub")]
        elif kind == "opaque":
            subjects += _texts(one, "id")
        if kind in ("email", "id_token_claims", "account"):
            emails += [address for text in _texts(one, "email", "uri") if (address := _address(text)) is not None]
    return Named(tuple(subjects[:MAX_SUBJECTS]), tuple(emails[:MAX_SUBJECTS]), tuple(sessions[:MAX_SUBJECTS]))


def _parts(subject: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(which member, a simple subject): of a complex one user and session, of aliases each. A device or a group is nobody."""
    if not isinstance(subject, dict):
        return
    if subject.get("format") == "aliases" and isinstance(subject.get("identifiers"), list):
        yield from (("user", one) for one in subject["identifiers"][:MAX_SUBJECTS] if isinstance(one, dict))
        return
    simple = "format" in subject or "subject_type" in subject
    if simple and subject.get("format") != "complex":
        yield "user", subject
        return
    for part in ("user", "session"):
        if isinstance(subject.get(part), dict):
            yield part, subject[part]


def _texts(one: Mapping[str, Any], *names: str) -> list[str]:
    return [one[name] for name in names if isinstance(one.get(name), str) and 0 < len(one[name]) <= MAX_TEXT]


def _address(text: str) -> str | None:
    try:
        return normal_email(text.removeprefix("acct:"))
    except BadAddress:
        return None


def _directory(issuer: str) -> list[str]:
    """Entra knows people by directory and object id, of which a subject holds the second."""
    host, _, path = issuer.removeprefix("https://").partition("/")
    return [path.split("/")[0].lower()] if host in ("login.microsoftonline.com", "sts.windows.net") and path else []


def _told(deed: Deed, event: Json) -> dict[str, Any]:
    """What goes on to apps: the members that the specification has, cut to what a text may be."""
    known = (*PASSED_ON.get(deed, ()), *COMMON) if deed in PASSED_ON else ()
    return {name: _cut(event[name]) for name in known if isinstance(event.get(name), str | int | dict)}


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name)[:20]: str(text)[:MAX_TEXT] for name, text in list(value.items())[:10]}
    return value[:MAX_TEXT] if isinstance(value, str) else value
