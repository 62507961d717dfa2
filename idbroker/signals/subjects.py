"""Subject identifiers (RFC 9493, SSF 3): how we name a person, a session and a stream, and how receivers name them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from idbroker.kernel.errors import invalid_field

Subject = Mapping[str, Any]
Format = Literal["iss_sub", "email", "opaque"]

MEMBERS: Mapping[str, tuple[str, ...]] = {"iss_sub": ("iss", "sub"), "email": ("email",), "opaque": ("id",)}
"""Simple formats that we know anybody by (RFC 9493 3.2) → their members."""

COMPLEX = "complex"
PARTS = ("user", "session", "tenant")
"""Members of a complex subject (SSF 3.3) that we use; a subject with another one is of no use to us."""
MAX_VALUE = 1024


def stream_subject(stream_id: str) -> dict[str, Any]:
    """SSF 8.1.4.1, 8.1.5: of verification and stream-updated events."""
    return {"format": "opaque", "id": stream_id}


def person_subject(form: str, issuer: str, user_id: str, email: str | None) -> dict[str, Any]:
    """In the form that the stream wants; by issuer and ``sub`` where nobody has an address."""
    if form == "email" and email is not None:
        return {"format": "email", "email": email}
    if form == "opaque":
        return {"format": "opaque", "id": user_id}
    return {"format": "iss_sub", "iss": issuer, "sub": user_id}


def session_subject(user: Subject, session_id: str, tenant_id: str) -> dict[str, Any]:
    """CAEP 3.1: one session, so that a receiver need not end them all."""
    session, tenant = {"format": "opaque", "id": session_id}, {"format": "opaque", "id": tenant_id}
    return {"format": COMPLEX, "user": dict(user), "session": session, "tenant": tenant}


def names_of(issuer: str, user_id: str, email: str | None, session_id: str | None, tenant_id: str) -> dict[str, list[Subject]]:
    """Every simple subject that means what an event is about, by the member of a complex one that it would stand in."""
    user: list[Subject] = [person_subject(form, issuer, user_id, email) for form in ("iss_sub", "opaque")]
    if email is not None:
        user.append({"format": "email", "email": email})
    session: list[Subject] = [] if session_id is None else [{"format": "opaque", "id": session_id}]
    return {"user": user, "session": session, "tenant": [{"format": "opaque", "id": tenant_id}]}


def is_about(subject: Subject, names: Mapping[str, Iterable[Subject]]) -> bool:
    """SSF 8.1.3.1. Simple subjects match when they are identical; of a complex one, every member that both sides have must."""
    if subject.get("format") != COMPLEX:
        return any(subject == name for name in names["user"])
    parts = {part: list(names[part]) for part in PARTS if part in subject}
    return all(not known or subject[part] in known for part, known in parts.items())


def checked_subject(value: Any, pointer: str = "/subject") -> dict[str, Any]:
    """A subject as a receiver names it, its members alone. Raises Invalid for what can be no subject of ours."""
    if isinstance(value, dict) and value.get("format") == COMPLEX:
        parts = {name: part for name, part in value.items() if name != "format"}
        if not parts or not set(parts) <= set(PARTS):
            raise invalid_field(pointer, f"A complex subject has members of: {', '.join(PARTS)}.")
        return {"format": COMPLEX, **{name: _simple(part, f"{pointer}/{name}") for name, part in parts.items()}}
    return _simple(value, pointer)


def digest_of(subject: Subject) -> str:
    return hashlib.sha256(orjson.dumps(dict(subject), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _simple(value: Any, pointer: str) -> dict[str, Any]:
    known = MEMBERS.get(value.get("format", "")) if isinstance(value, dict) and isinstance(value.get("format"), str) else None
    if known is None:
        raise invalid_field(pointer, f"A subject identifier of the format {', '.join(MEMBERS)} or complex is needed.")
    for name in known:
        if not isinstance(value.get(name), str) or not 0 < len(value[name]) <= MAX_VALUE:
            raise invalid_field(f"{pointer}/{name}", f"A text of 1 to {MAX_VALUE} characters is needed.")
    checked = {"format": value["format"], **{name: value[name] for name in known}}
    return {**checked, "email": checked["email"].lower()} if checked["format"] == "email" else checked
