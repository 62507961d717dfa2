"""One attribute's value, checked against its type and brought into canonical form (RFC 7643 2.3, 2.4, 2.5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import orjson

from scim.errors import ScimError, quoted
from scim.folding import fold
from scim.schemas.attribute import Attribute
from scim.schemas.values import is_base64, is_reference, read_date_time
from scim.strict_json import Json

MAX_ELEMENTS = 1000
"""Of one multi-valued attribute of one resource. A group's members are not among them: they are rows."""
MAX_TEXT = 64 * 1024
MAX_KEY = 512
"""Characters of what is looked up by index: PostgreSQL's indexes take no more than 2,700 bytes together."""
_MAX_KEY_BYTES = 2000
_KEYS = frozenset({"userName", "externalId", "displayName", "emails.value", "members.value", "members.display"})


def clean(attribute: Attribute, value: Any, name: str) -> Any:
    """The whole value of an attribute: a list for a multi-valued one. None: unassigned (null, an empty array or object).

    ``name`` is the attribute's full name, for the sentence. Raises ScimError ``invalidValue``, ``invalidSyntax``.
    """
    if value is None:
        return None
    if not attribute.multi_valued:
        return clean_one(attribute, value, name)
    if not isinstance(value, list):
        _refuse(name, "must be an array")
    return clean_list(attribute, value, name) or None


def clean_list(attribute: Attribute, values: Sequence[Any], name: str) -> list[Any]:
    """Elements in their order, each once. Raises ScimError for more than ``MAX_ELEMENTS`` or two primary ones."""
    if len(values) > MAX_ELEMENTS:
        _refuse(name, f"has more than {MAX_ELEMENTS} values")
    elements = [element for element in (clean_one(attribute, value, name) for value in values) if element is not None]
    kept = list({key(element): element for element in elements}.values())
    if attribute.has_primary and sum(element.get("primary") is True for element in kept) > 1:
        _refuse(name, "has more than one primary value")
    return kept


def clean_one(attribute: Attribute, value: Any, name: str) -> Any:
    """One element of a multi-valued attribute, or the value of a singular one. None: it is empty."""
    if value is None:
        return None
    if attribute.complex:
        if not isinstance(value, Mapping):
            _refuse(name, "must be an object")
        return clean_parts(attribute, value, name) or None
    return _simple(attribute, value, name)


def clean_parts(attribute: Attribute, value: Mapping[str, Any], name: str) -> Json:
    """A complex value: sub-attributes in the schema's case and order. Read-only and unknown ones are left out."""
    given: dict[str, Any] = {}
    for key_, part in value.items():
        folded = fold(key_)
        if folded in given:
            raise ScimError("invalidSyntax", f"{quoted(f'{name}.{key_}')} is given twice.")
        given[folded] = part
    cleaned: Json = {}
    for sub in attribute.sub_attributes:
        part = given.get(fold(sub.name))
        if part is None or (sub.mutability == "readOnly" and attribute.mutability != "readOnly"):
            continue
        kept = clean(sub, part, f"{name}.{sub.name}")
        if kept is not None:
            cleaned[sub.name] = kept
    for sub in attribute.sub_attributes:
        if sub.required and cleaned and sub.name not in cleaned:
            _refuse(f"{name}.{sub.name}", "is required")
    return cleaned


def key(element: Any) -> bytes:
    """Equal for equal elements."""
    return orjson.dumps(element, option=orjson.OPT_SORT_KEYS)


_WANTED = {
    "string": "a string",
    "reference": "a URI as a string",
    "binary": "base64 as a string",
    "dateTime": "a date and time like 2011-05-13T04:42:34Z",
    "boolean": "true or false",
    "integer": "a whole number",
    "decimal": "a number",
}


def _simple(attribute: Attribute, value: Any, name: str) -> Any:
    if not _fits(attribute.type, value):
        _refuse(name, f"must be {_WANTED[attribute.type]}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        _refuse(name, f"is longer than {MAX_TEXT} characters")
    if name in _KEYS and (len(value) > MAX_KEY or len(fold(value).encode()) > _MAX_KEY_BYTES):
        _refuse(name, f"is longer than {MAX_KEY} characters")
    return value


def _fits(type_: str, value: Any) -> bool:
    if isinstance(value, bool) or type_ == "boolean":
        return isinstance(value, bool) and type_ == "boolean"
    if type_ == "integer":
        return isinstance(value, int) and -(2**63) <= value < 2**63
    if type_ == "decimal":
        return isinstance(value, int | float) and math.isfinite(value)
    if not isinstance(value, str):
        return False
    if type_ == "dateTime":
        return read_date_time(value) is not None
    if type_ == "binary":
        return is_base64(value)
    return type_ != "reference" or is_reference(value)


def _refuse(name: str, what: str) -> NoReturn:
    raise ScimError("invalidValue", f"{quoted(name)} {what}.")
