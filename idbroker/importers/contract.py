"""What every importer is asked and answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")
_MASKED = re.compile(r"[*•x]{3,}|##.*##", re.IGNORECASE)
MAX_SLUG = 63
MAX_NAME = 200


class Unreadable(Exception):
    """This is no export of that product."""


@dataclass(frozen=True)
class Circumstances:
    """What the export does not say. ``base_url``: where the old product answered. ``entity_id``: our entity id there, with
    ``{connection}`` for its name. ``tenant``: into which tenant all goes. ``metadata``: connection → an IdP's metadata, XML or
    URL, where the export has none."""

    base_url: str
    entity_id: str | None = None
    tenant: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A connection. ``fields`` is its declaration; without it, it cannot be carried over, and ``notes`` say why."""

    tenant: str
    name: str
    fields: Mapping[str, Any] | None
    domains: Sequence[str] = ()
    notes: Sequence[str] = ()


Importer = Callable[[Any, Circumstances], Iterator[Found]]


def objects(document: Any, *members: str) -> list[Json]:
    """The objects of an export: a list, one of those members, or the one object itself. Raises Unreadable."""
    if isinstance(document, Mapping):
        for member in members:
            if isinstance(document.get(member), list):
                document = document[member]
                break
        else:
            document = [document]
    if not isinstance(document, list) or not all(isinstance(one, Mapping) for one in document):
        raise Unreadable("a list of connections was expected")
    return document


def text(document: Json, *names: str) -> str:
    """The first of those members that is a text with something in it."""
    for name in names:
        value = document.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def inner(document: Json, name: str) -> Json:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def slug_of(name: str) -> str:
    """A tenant's slug made of a name; may be empty."""
    return _NOT_IN_SLUG.sub("-", name.lower()).strip("-")[:MAX_SLUG].strip("-")


def secret_of(document: Json, *names: str) -> str:
    """A secret that stands there as it is: exports mask them."""
    found = text(document, *names)
    return "" if _MASKED.fullmatch(found) else found


def oidc_fields(
    issuer: str, client_id: str, secret: str, redirect_uri: str, **more: Any
) -> tuple[dict[str, Any] | None, list[str]]:
    """The declaration of an OpenID Connect connection, and what somebody has to do about it.

    ``redirect_uri``: the old product's, at which the provider goes on answering; empty where it is not known.
    """
    missing = [name for name, value in (("issuer", issuer), ("client id", client_id)) if not value]
    if missing:
        return None, [f"the export has no {' and no '.join(missing)}"]
    fields = {"type": "oidc", "issuer": issuer, "client_id": client_id, **more}
    notes = ["register the new redirect URI at the identity provider, beside the old one, before people come this way"]
    if redirect_uri:
        fields["options"] = {**more.get("options", {}), "request_redirect_uri": redirect_uri}
        notes = [f"let {redirect_uri} lead to this server when the old product is switched off"]
    if secret:
        fields["client_secret"] = secret
    else:
        notes.append("the export masks the client secret; give the connection one")
        fields["status"] = "test"
    return fields, notes
