"""PATCH of singular attributes: simple ones, complex ones, and their sub-attributes (RFC 7644 3.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.errors import ScimError, quoted
from scim.patch_draft import Draft
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import AttributeRef
from scim.strict_json import Json
from scim.values import clean, clean_parts


def refuse_read_only(ref: AttributeRef) -> None:
    if "readOnly" in (ref.attribute.mutability, ref.leaf.mutability):
        raise ScimError("mutability", f"{quoted(ref.name)} is read-only.")


def patch_value(draft: Draft, ref: AttributeRef, op: str, value: Any) -> None:
    """``ref.attribute`` is singular. Raises ScimError ``mutability``, ``invalidValue``."""
    if ref.attribute.mutability == "writeOnly":
        clean(ref.attribute, value, ref.name)
        draft.password_given |= op != "remove"
        return
    if ref.sub is not None:
        parent = draft.own(ref) or {}
        set_part(parent, ref.sub, None if op == "remove" else value, ref.name)
        draft.put(ref, parent)
    elif op == "remove" or value is None:
        _refuse_removal(ref.attribute, draft.get(ref.urn, ref.attribute.name), ref.name)
        draft.put(ref, None)
    elif ref.attribute.complex:
        if not isinstance(value, Mapping):
            raise ScimError("invalidValue", f"{quoted(ref.name)} must be an object.")
        parent = draft.own(ref) or {}
        merge(parent, ref.attribute, value, ref.name)
        draft.put(ref, parent)
    else:
        kept = clean(ref.attribute, value, ref.name)
        _refuse_change(ref.attribute, draft.get(ref.urn, ref.attribute.name), kept, ref.name)
        draft.put(ref, kept)


def merge(into: Json, attribute: Attribute, value: Mapping[str, Any], name: str) -> None:
    """Sub-attributes of ``value`` over those of ``into``; null takes one away. Unknown ones are an error."""
    cleaned = clean_parts(attribute, {n: v for n, v in value.items() if v is not None}, name)
    for given, part in value.items():
        sub = attribute.sub(given)
        if sub is None:
            raise ScimError("invalidPath", f"{quoted(name)} has no sub-attribute {quoted(given)}.")
        if sub.mutability == "readOnly":
            continue  # comes along in objects; RFC 7643 7: readOnly is ignored
        if part is None:
            set_part(into, sub, None, f"{name}.{sub.name}")
        elif sub.name in cleaned:
            _refuse_change(sub, into.get(sub.name), cleaned[sub.name], f"{name}.{sub.name}")
            into[sub.name] = cleaned[sub.name]


def set_part(into: Json, sub: Attribute, value: Any, name: str) -> None:
    """One sub-attribute; None takes it away."""
    if value is None:
        _refuse_removal(sub, into.get(sub.name), name)
        into.pop(sub.name, None)
        return
    kept = clean(sub, value, name)
    _refuse_change(sub, into.get(sub.name), kept, name)
    if kept is None:
        into.pop(sub.name, None)
    else:
        into[sub.name] = kept


def _refuse_change(attribute: Attribute, old: Any, new: Any, name: str) -> None:
    """RFC 7644 3.5.2: an immutable attribute can be given a value once."""
    if attribute.mutability == "immutable" and old is not None and old != new:
        raise ScimError("mutability", f"{quoted(name)} is immutable and has another value.")


def _refuse_removal(attribute: Attribute, old: Any, name: str) -> None:
    """RFC 7644 3.5.2.2: required and immutable attributes stay."""
    if attribute.required:
        raise ScimError("mutability", f"{quoted(name)} is required and cannot be removed.")
    if attribute.mutability == "immutable" and old is not None:
        raise ScimError("mutability", f"{quoted(name)} is immutable and cannot be removed.")


def refuse_removal_of(ref: AttributeRef, old: Any) -> None:
    _refuse_removal(ref.attribute, old, ref.name)
