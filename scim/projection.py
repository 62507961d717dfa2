"""Which attributes an answer shows (RFC 7643 2.2 ``returned``, RFC 7644 3.4.2.5, 3.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scim.errors import ScimError, quoted
from scim.notation import read_notation
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json

MAX_NAMES = 200

_Names = dict[str, "set[str] | None"]
"""Attribute -> its sub-attributes, or None for all of it. Extensions' attributes bear their URN."""


class Projection:
    """Made once per request, used for each document. ``whole``: stored documents can go out as they are."""

    def __init__(self, kind: ResourceType, attributes: Sequence[str] = (), excluded: Sequence[str] = ()) -> None:
        """Names in any case and in full notation. Raises ScimError ``invalidValue`` when both are given or a name is
        malformed; a well-formed name that nothing bears selects nothing."""
        if attributes and excluded:
            raise ScimError("invalidValue", "'attributes' and 'excludedAttributes' exclude each other.")
        self._kind = kind
        self._wanted = _named(kind, attributes, "attributes") if attributes else None
        self._excluded = _named(kind, excluded, "excludedAttributes")
        self.whole = self._wanted is None and not self._excluded and not kind.hides

    def shows(self, name: str) -> bool:
        """Whether the core attribute is wanted at all: ``members`` and ``groups`` need not be fetched otherwise."""
        attribute = self._kind.top(name)
        return attribute is not None and self._part(attribute, attribute.name) != _NOTHING

    def show(self, document: Mapping[str, Any]) -> Json:
        """A new document; the given one is not changed. ``schemas`` tells of what is stored, not of what is shown."""
        shown: Json = {}
        for attribute in self._kind.attributes:
            self._add(shown, attribute, attribute.name, document)
        for schema in self._kind.extensions:
            stored = document.get(schema.id)
            if not isinstance(stored, Mapping):
                continue
            part: Json = {}
            for attribute in schema.attributes:
                self._add(part, attribute, f"{schema.id}:{attribute.name}", stored)
            if part:
                shown[schema.id] = part
        if "schemas" in shown:
            shown["schemas"] = self._kind.known(shown["schemas"])
        return shown

    def _add(self, into: Json, attribute: Attribute, name: str, stored: Mapping[str, Any]) -> None:
        value = stored.get(attribute.name)
        subs = self._part(attribute, name) if value is not None else _NOTHING
        if subs == _NOTHING:
            return
        if subs is not None:
            value = _parts(value, subs)
        if value not in (None, [], {}):
            into[attribute.name] = value

    def _part(self, attribute: Attribute, name: str) -> frozenset[str] | None:
        """The sub-attributes to show: None for the value as it is, ``_NOTHING`` for none of it."""
        if attribute.returned == "never":
            return _NOTHING
        always = attribute.returned == "always"
        if self._wanted is not None:
            if name not in self._wanted and not always:
                return _NOTHING if not attribute.complex else _always(attribute)
            return _subs(attribute, self._wanted.get(name), asked=name in self._wanted)
        if attribute.returned == "request":
            return _NOTHING
        if name not in self._excluded:
            return _subs(attribute, None, asked=False)
        left_out = self._excluded[name]
        if always or (left_out is None and not attribute.complex):
            return None if always else _NOTHING
        return _without(attribute, left_out)


_NOTHING: frozenset[str] = frozenset()


def _always(attribute: Attribute) -> frozenset[str]:
    return frozenset(sub.name for sub in attribute.sub_attributes if sub.returned == "always")


def _subs(attribute: Attribute, named: set[str] | None, *, asked: bool) -> frozenset[str] | None:
    """The sub-attributes of an attribute that is shown."""
    if named is not None:
        return frozenset(sub.name for sub in attribute.sub_attributes if sub.name in named) | _always(attribute)
    hidden = {"never"} if asked else {"never", "request"}
    if all(sub.returned not in hidden for sub in attribute.sub_attributes):
        return None
    return frozenset(sub.name for sub in attribute.sub_attributes if sub.returned not in hidden)


def _without(attribute: Attribute, left_out: set[str] | None) -> frozenset[str]:
    """RFC 7643 2.2: what is returned ``always`` cannot be excluded."""
    return frozenset(
        sub.name
        for sub in attribute.sub_attributes
        if sub.returned == "always" or (sub.returned == "default" and left_out is not None and sub.name not in left_out)
    )


def _parts(value: Any, subs: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [part for part in (_parts(item, subs) for item in value) if part]
    return {name: part for name, part in value.items() if name in subs} if isinstance(value, Mapping) else value


def _named(kind: ResourceType, names: Sequence[str], parameter: str) -> _Names:
    if len(names) > MAX_NAMES:
        raise ScimError("invalidValue", f"'{parameter}' has more than {MAX_NAMES} names.")
    found: _Names = {}
    for text in names:
        for name, sub in _meant(kind, text, parameter):
            if sub is None:
                found[name] = None
            elif found.get(name, ()) is not None:
                kept = found.setdefault(name, set())
                assert kept is not None  # noqa: S101 - the branch above
                kept.add(sub)
    return found


def _meant(kind: ResourceType, text: str, parameter: str) -> list[tuple[str, str | None]]:
    """A name in the schema's case; an extension's URN, or the core's, means everything under it."""
    notation = read_notation(text)
    if notation is None:
        raise ScimError("invalidValue", f"'{parameter}' has {quoted(text)}, which is not an attribute's name.")
    schema = kind.extension(text)
    if schema is not None:
        return [(f"{schema.id}:{attribute.name}", None) for attribute in schema.attributes]
    if kind.is_own(text):
        return [(attribute.name, None) for attribute in kind.schema.attributes]
    ref = kind.find(notation.urn, notation.name, notation.sub)
    if ref is None:
        return []
    return [(ref.attribute.name if ref.urn is None else f"{ref.urn}:{ref.attribute.name}", ref.sub.name if ref.sub else None)]
