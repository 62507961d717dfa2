"""A tenant's own extension schema, from an admin's definition (RFC 7643 3.3, 7, 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from idbroker.kernel.errors import FieldError, Invalid
from scim.folding import fold
from scim.schemas.attribute import Attribute, Mutability, Returned, Schema, Type
from scim.schemas.enterprise import ENTERPRISE_URN

MAX_ATTRIBUTES = 100
MAX_SUB_ATTRIBUTES = 20
MAX_CANONICAL_VALUES = 100

_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}(?::[A-Za-z0-9][A-Za-z0-9._-]*)+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_RESERVED = ("urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", fold(ENTERPRISE_URN))
_WORDS = frozenset({"not", "schemas", "id", "meta", "members", "groups", "password"})
"""Names that would be read as something else, by us or by a reader."""
_TYPES = ("string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex")
_MUTABILITY = ("readWrite", "immutable")
"""The broker makes no value of its own for an extension, and keeps nothing that it never shows."""
_RETURNED = ("default", "always", "request")
_KNOWN = frozenset(
    {
        "name",
        "type",
        "description",
        "multiValued",
        "required",
        "caseExact",
        "mutability",
        "returned",
        "uniqueness",
        "canonicalValues",
        "referenceTypes",
        "subAttributes",
    }
)


def read_extension(definition: Mapping[str, Any]) -> Schema:
    """A schema from a definition in the form of RFC 7643 7. Raises ``Invalid`` with pointers: it is an admin's input."""
    reader = _Reader()
    schema = Schema(
        reader.urn(definition.get("id")),
        reader.text(definition.get("name"), "/name", 64) or "Extension",
        reader.text(definition.get("description"), "/description", 500),
        reader.attributes(definition.get("attributes"), "/attributes", MAX_ATTRIBUTES, nested=False),
    )
    reader.finish()
    return schema


class _Reader:
    """Collects every wrong field before it refuses."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def finish(self) -> None:
        if self.errors:
            raise Invalid("The schema cannot be used as it is.", self.errors[:50])

    def wrong(self, pointer: str, message: str) -> None:
        self.errors.append(FieldError(pointer, message))

    def urn(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > 200 or not _URN.fullmatch(value):
            self.wrong("/id", "A URN like urn:ietf:params:scim:schemas:extension:acme:2.0:User, at most 200 characters.")
            return ""
        if fold(value).startswith(_RESERVED):
            self.wrong("/id", "This URN belongs to the standard.")
        return value

    def text(self, value: Any, pointer: str, limit: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            self.wrong(pointer, f"A text of at most {limit} characters.")
            return ""
        return value

    def attributes(self, value: Any, pointer: str, limit: int, *, nested: bool) -> tuple[Attribute, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= limit:
            self.wrong(pointer, f"An array of 1 to {limit} attributes.")
            return ()
        found: dict[str, Attribute] = {}
        for position, item in enumerate(value):
            attribute = self.attribute(item, f"{pointer}/{position}", nested=nested)
            if fold(attribute.name) in found:
                self.wrong(f"{pointer}/{position}/name", "The name is used twice; case does not count.")
            found[fold(attribute.name)] = attribute
        return tuple(found.values())

    def attribute(self, item: Any, pointer: str, *, nested: bool) -> Attribute:
        if not isinstance(item, Mapping):
            self.wrong(pointer, "An object.")
            return Attribute("")
        for name in item.keys() - _KNOWN:
            self.wrong(f"{pointer}/{name!s:.60}", "No characteristic of an attribute (RFC 7643 7).")
        type_ = self.one_of(item.get("type", "string"), _TYPES, f"{pointer}/type")
        if nested and type_ == "complex":
            self.wrong(f"{pointer}/type", "A sub-attribute cannot be complex.")
        if nested and item.get("multiValued"):
            self.wrong(f"{pointer}/multiValued", "A sub-attribute has one value.")
        subs: tuple[Attribute, ...] = ()
        if type_ == "complex" and not nested:
            subs = self.attributes(item.get("subAttributes"), f"{pointer}/subAttributes", MAX_SUB_ATTRIBUTES, nested=True)
        elif item.get("subAttributes"):
            self.wrong(f"{pointer}/subAttributes", "Only a complex attribute has them.")
        self.one_of(item.get("uniqueness", "none"), ("none",), f"{pointer}/uniqueness")
        return Attribute(
            self.name(item.get("name"), f"{pointer}/name"),
            cast("Type", type_),
            self.text(item.get("description"), f"{pointer}/description", 500),
            multi_valued=self.flag(item, "multiValued", pointer),
            required=self.flag(item, "required", pointer),
            case_exact=self.flag(item, "caseExact", pointer) or type_ in ("reference", "binary"),
            mutability=cast(
                "Mutability", self.one_of(item.get("mutability", "readWrite"), _MUTABILITY, f"{pointer}/mutability")
            ),
            returned=cast("Returned", self.one_of(item.get("returned", "default"), _RETURNED, f"{pointer}/returned")),
            canonical_values=self.texts(item.get("canonicalValues"), f"{pointer}/canonicalValues"),
            reference_types=self.texts(item.get("referenceTypes"), f"{pointer}/referenceTypes"),
            sub_attributes=subs,
        )

    def name(self, value: Any, pointer: str) -> str:
        if not isinstance(value, str) or not _NAME.fullmatch(value) or fold(value) in _WORDS:
            self.wrong(pointer, "A letter, then up to 63 letters, digits, '-' or '_'; not a word of SCIM's own.")
            return ""
        return value

    def flag(self, item: Mapping[str, Any], name: str, pointer: str) -> bool:
        value = item.get(name, False)
        if not isinstance(value, bool):
            self.wrong(f"{pointer}/{name}", "true or false.")
        return value is True

    def one_of(self, value: Any, allowed: tuple[str, ...], pointer: str) -> str:
        if value not in allowed:
            self.wrong(pointer, "One of " + ", ".join(allowed) + ".")
            return allowed[0]
        return str(value)

    def texts(self, value: Any, pointer: str) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > MAX_CANONICAL_VALUES:
            self.wrong(pointer, f"An array of at most {MAX_CANONICAL_VALUES} texts.")
            return ()
        return tuple(self.text(item, f"{pointer}/{position}", 200) for position, item in enumerate(value))
