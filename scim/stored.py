"""Between documents and rows: what a row keeps of a document, and the bytes that go out for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from idbroker.directories.resources import Kind, Stored
from idbroker.directory.members import GroupMember
from idbroker.kernel.clock import rfc3339
from idbroker.provisioning.people import Facts
from scim.comparable import comparable
from scim.folding import fold
from scim.projection import Projection
from scim.schemas.enterprise import ENTERPRISE
from scim.schemas.schema_set import GROUP_URN, USER_URN, ResourceType
from scim.strict_json import Json

_OUTSIDE = ("id", "meta", "groups", "members")
"""Rows and columns, and no part of the stored document."""


def etag(version: int) -> str:
    return f'"{version}"'


def kept(document: Mapping[str, Any]) -> Json:
    return {name: value for name, value in document.items() if name not in _OUTSIDE}


def user_values(document: Json, kind: ResourceType, before: Json | None = None) -> dict[str, Any]:
    """The columns that follow from the document; where there was one ``before``, those that follow from it no more."""
    return {**_others(_user_columns, document, before), **_document_columns(document, kind)}


def group_values(document: Json, kind: ResourceType, before: Json | None = None) -> dict[str, Any]:
    return {**_others(_group_columns, document, before), **_document_columns(document, kind)}


def _others(columns: Callable[[Json], dict[str, Any]], document: Json, before: Json | None) -> dict[str, Any]:
    made = columns(document)
    if before is None:
        return made
    old = columns(before)
    return {name: value for name, value in made.items() if value != old.get(name)}


def _user_columns(document: Json) -> dict[str, Any]:
    """Without ``active`` where the document does not say it: then it stays as it is."""
    name, display, standing = str(document["userName"]), document.get("displayName"), _standing(document)
    return {
        "user_name_key": fold(name),
        "external_id": document.get("externalId"),
        "display_name_key": None if display is None else fold(display),
        "label_key": fold(facts(document).display_name or name),
        **({} if standing is None else {"active": standing}),
    }


def _group_columns(document: Json) -> dict[str, Any]:
    return {"display_name_key": fold(document["displayName"]), "external_id": document.get("externalId")}


def _document_columns(document: Json, kind: ResourceType) -> dict[str, Any]:
    return {"document": orjson.dumps(document).decode(), "comparable": comparable(document, kind)}


def emails(document: Mapping[str, Any]) -> dict[str, bool]:
    """Each address, folded, with whether it is the primary one (the first, when none says so)."""
    found: dict[str, bool] = {}
    primary = primary_email(document)
    for element in document.get("emails", []):
        value = element.get("value")
        if value:
            found[fold(value)] = found.get(fold(value), False) or value == primary
    return found


def primary_email(document: Mapping[str, Any]) -> str | None:
    values = [element for element in document.get("emails", []) if element.get("value")]
    chosen = next((element for element in values if element.get("primary") is True), values[0] if values else None)
    return None if chosen is None else str(chosen["value"])


def facts(document: Mapping[str, Any]) -> Facts:
    """What of a person's document the broker itself lives by."""
    name = document.get("name", {})
    enterprise = document.get(ENTERPRISE.id, {})
    parts = " ".join(part for part in (name.get("givenName"), name.get("familyName")) if part)
    return Facts(
        user_name=document["userName"],
        external_id=document.get("externalId"),
        email=primary_email(document),
        given_name=name.get("givenName"),
        family_name=name.get("familyName"),
        display_name=document.get("displayName") or name.get("formatted") or parts or None,
        department=enterprise.get("department"),
        employee_number=enterprise.get("employeeNumber"),
        active=_standing(document),
    )


def _standing(document: Mapping[str, Any]) -> bool | None:
    """None where the document does not say: that never switches anybody on who was off."""
    return document["active"] is True if "active" in document else None


def meta(kind: Kind, base: str, stored: Stored) -> Json:
    return {
        "resourceType": kind,
        "created": rfc3339(stored.created_at),
        "lastModified": rfc3339(stored.modified_at),
        "location": f"{base}/{kind}s/{stored.id}",
        "version": etag(stored.version),
    }


def group_refs(base: str, groups: Sequence[tuple[str, str]]) -> list[Json]:
    return [
        {"value": group_id, "$ref": f"{base}/Groups/{group_id}", "display": name, "type": "direct"} for group_id, name in groups
    ]


def member_refs(base: str, members: Sequence[GroupMember]) -> list[Json]:
    return [
        {"value": one.value, "$ref": f"{base}/{one.type}s/{one.value}", "display": one.display, "type": one.type}
        for one in members
    ]


def whole(kind: Kind, base: str, stored: Stored, related: Sequence[Json] = ()) -> Json:
    """The full resource. ``related``: a person's groups, a group's members."""
    document: Json = orjson.loads(stored.document)
    made: Json = {"schemas": document.pop("schemas"), "id": stored.id, **document}
    if related:
        made["groups" if kind == "User" else "members"] = list(related)
    made["meta"] = meta(kind, base, stored)
    return made


def known(document: Mapping[str, Any], kind: ResourceType) -> Json:
    """Without what is of schemas and attributes that were taken from the directory since."""
    made = {name: value for name, value in document.items() if ":" not in name}
    for schema in kind.extensions:
        part = document.get(schema.id, {})
        kept_of_it = {one.name: part[one.name] for one in schema.attributes if one.name in part}
        if kept_of_it:
            made[schema.id] = kept_of_it
    made["schemas"] = kind.known(document["schemas"])
    return made


_STANDARD_URNS = frozenset({USER_URN, GROUP_URN, ENTERPRISE.id})


@lru_cache(maxsize=1000)
def _standard_alone(head: str) -> bool:
    """Of a document up to the end of ``schemas``, which stand first: whether it has nothing of a directory's own schemas, which
    may have changed since it was written."""
    schemas = head.partition("[")[2]
    return head.startswith('{"schemas":[') and _STANDARD_URNS.issuperset(orjson.loads(f"[{schemas}]"))


def as_bytes(kind: Kind, base: str, stored: Stored, projection: Projection, related: Sequence[Json] = ()) -> bytes:
    """As it goes out. The stored document is joined as it is when nothing of it is left out."""
    if not projection.whole or not _standard_alone(stored.document.partition("]")[0]):
        return orjson.dumps(projection.show(whole(kind, base, stored, related)))
    told = f',"{"groups" if kind == "User" else "members"}":{orjson.dumps(list(related)).decode()}' if related else ""
    created = rfc3339(stored.created_at)
    modified = created if stored.modified_at == stored.created_at else rfc3339(stored.modified_at)
    # Ids, times, numbers and a URL: nothing that JSON would want escaped.
    return (
        f'{stored.document[:-1]},"id":"{stored.id}"{told},"meta":{{"resourceType":"{kind}","created":"{created}",'
        f'"lastModified":"{modified}","location":"{base}/{kind}s/{stored.id}","version":"\\"{stored.version}\\""}}}}'
    ).encode()
