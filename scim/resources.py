"""From a body of create or replace to a canonical document (RFC 7643, RFC 7644 3.3, 3.5.1).

What is not ours to take is dropped and told in ``ignored``, not refused: read-only attributes, because the RFC says so, and
attributes and schemas that we do not know, because clients send their whole mapping to everybody (Entra always names a
schema of its own on groups). A *known* attribute of the wrong form is an error, never dropped. PATCH is stricter: an
operation on what does not exist is refused, since it would otherwise be answered as done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scim.documents import ordered, require
from scim.errors import ScimError, quoted
from scim.folding import fold
from scim.members import Member, read_members
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json
from scim.values import clean, key

_ECHOED = frozenset({"id", "meta", "schemas"})
"""Clients send these back as they got them; nobody needs to be told."""
_MAX_TOLD = 50


@dataclass(frozen=True, slots=True)
class Accepted:
    """``document``: canonical, with ``schemas`` and what the client may write; no ``id``, ``meta``, ``groups``, ``members``.

    ``members``: a group's members as given, or None when the body does not name them (then none are touched).
    ``ignored``: full names of what was tolerated and dropped: read-only and unknown attributes, unknown schemas.
    ``password_given``: one came, and is gone.
    """

    document: Json
    members: tuple[Member, ...] | None
    ignored: tuple[str, ...]
    password_given: bool = False


def accept(body: Mapping[str, Any], kind: ResourceType, *, existing: Mapping[str, Any] | None = None) -> Accepted:
    """A create (``existing`` None) or a replace of ``existing`` (its canonical document, with or without id and meta).

    Call ``scim.dialects.bodies.normalise_resource`` first. Raises ScimError ``invalidSyntax``, ``invalidValue``,
    ``mutability``. On replace, what is not given is cleared, but for ``active``: someone's standing changes only when it is
    said. On create, a user without ``active`` is active.
    """
    reader = _Reader(kind, existing)
    names = _unique(body)
    reader.schemas(names.pop("schemas", None))
    for name, value in names.items():
        reader.take(name, value)
    reader.keep()
    if kind.name == "User" and "active" not in reader.values and (existing is None or "active" in existing):
        reader.values["active"] = True if existing is None else existing["active"]
    document = ordered(reader.values, kind)
    require(document, kind)
    return Accepted(document, reader.members, tuple(reader.ignored[:_MAX_TOLD]), reader.password_given)


def _unique(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an object by their folded names."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        folded = fold(name)
        if folded in found:
            raise ScimError("invalidSyntax", f"{quoted(name)} is given twice.")
        found[folded] = value
    return found


class _Reader:
    def __init__(self, kind: ResourceType, existing: Mapping[str, Any] | None) -> None:
        self.kind = kind
        self.existing = existing
        self.values: Json = {}
        self.members: tuple[Member, ...] | None = None
        self.ignored: list[str] = []
        self.password_given = False

    def schemas(self, given: Any) -> None:
        """A body may leave them out, but not say that it is something else."""
        if given is None:
            return
        if not isinstance(given, list) or not all(isinstance(urn, str) for urn in given):
            raise ScimError("invalidValue", "'schemas' must be an array of strings.")
        if not any(self.kind.is_own(urn) for urn in given):
            raise ScimError("invalidValue", f"'schemas' must name {self.kind.schema.id}.")
        self.ignored += [urn for urn in given if not self.kind.is_own(urn) and self.kind.extension(urn) is None]

    def take(self, name: str, value: Any) -> None:
        attribute = self.kind.top(name)
        schema = self.kind.extension(name) if attribute is None else None
        if schema is not None:
            self._extension(schema.id, schema.attributes, value)
        elif attribute is None:
            self.ignored.append(name)
        elif attribute.name == "members" and self.kind.name == "Group":
            self.members = None if value is None else read_members(value)
        else:
            kept = self._one(attribute, value, attribute.name, self.existing or {})
            if kept is not None:
                self.values[attribute.name] = kept

    def _extension(self, urn: str, attributes: Iterable[Attribute], value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            raise ScimError("invalidValue", f"{quoted(urn)} must be an object.")
        names = _unique(value)
        before = (self.existing or {}).get(urn) or {}
        part: Json = {}
        for attribute in attributes:
            given = names.pop(fold(attribute.name), None)
            kept = self._one(attribute, given, f"{urn}:{attribute.name}", before)
            if kept is not None:
                part[attribute.name] = kept
        self.ignored += [f"{urn}:{name}" for name in names]
        if part:
            self.values[urn] = part

    def _one(self, attribute: Attribute, value: Any, name: str, before: Mapping[str, Any]) -> Any:
        if value is None:
            return None
        if attribute.mutability == "readOnly":
            if name not in _ECHOED:
                self.ignored.append(name)
            return None
        kept = clean(attribute, value, name)
        if attribute.mutability == "writeOnly":  # checked for its type, and gone (RFC 7643 7: writeOnly)
            self.password_given |= attribute.name == "password"
            return None
        old = before.get(attribute.name)
        if attribute.mutability == "immutable" and old is not None and kept is not None and key(kept) != key(old):
            raise ScimError("mutability", f"{quoted(name)} is immutable and has another value.")
        return kept

    def keep(self) -> None:
        """RFC 7644 3.5.1: a replace does not clear what the client may not change."""
        if self.existing is None:
            return
        for attribute in self.kind.schema.attributes:
            if attribute.mutability == "immutable" and attribute.name in self.existing:
                self.values.setdefault(attribute.name, self.existing[attribute.name])
        for schema in self.kind.extensions:
            before = self.existing.get(schema.id) or {}
            kept = {a.name: before[a.name] for a in schema.attributes if a.mutability in _KEPT and a.name in before}
            if kept:
                self.values[schema.id] = {**kept, **self.values.get(schema.id, {})}


_KEPT = frozenset({"immutable", "readOnly"})
