"""The paths of PATCH (RFC 7644 3.5.2, figure 7): ``attrPath / valuePath [subAttr]``, and an extension's bare URN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scim.errors import ScimError, quoted
from scim.filters.reading import read_value_filter
from scim.filters.tokens import MAX_LENGTH
from scim.filters.tree import Filter
from scim.notation import read_notation
from scim.schemas.attribute import Schema
from scim.schemas.schema_set import AttributeRef, ResourceType

_VALUE_PATH = re.compile(
    r"([^\[\]\"]+)\[((?:[^\[\]\"\\]|\"(?:[^\"\\]|\\.)*\")*)\](?:\.(\$?[A-Za-z][A-Za-z0-9_-]*))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Path:
    """What an operation points at: an attribute, perhaps a selection of its elements (``where``), or a whole extension.

    Exactly one of ``ref`` and ``extension`` is set. With ``where``, ``ref.attribute`` is complex and multi-valued, and
    ``ref.sub`` is what follows the bracket.
    """

    ref: AttributeRef | None
    where: Filter | None = None
    extension: Schema | None = None


def read_path(text: str, kind: ResourceType) -> Path:
    """Raises ScimError ``invalidPath``, or ``invalidFilter`` for what stands between brackets."""
    if len(text) > MAX_LENGTH:
        raise ScimError("invalidPath", f"The path is longer than {MAX_LENGTH} characters.")
    text = text.strip(" ")
    if "[" in text:
        return _value_path(text, kind)
    extension = kind.extension(text)
    return Path(None, extension=extension) if extension is not None else Path(_attribute(text, kind))


def _value_path(text: str, kind: ResourceType) -> Path:
    found = _VALUE_PATH.fullmatch(text)
    if found is None:
        raise ScimError("invalidPath", f"The path {quoted(text)} cannot be read.")
    target = _attribute(found[1].strip(" "), kind)
    if target.sub is not None or not (target.attribute.complex and target.attribute.multi_valued):
        raise ScimError("invalidPath", f"{quoted(target.name)} is not complex and multi-valued: it has no elements.")
    where = read_value_filter(found[2], target)
    if found[3] is None:
        return Path(target, where)
    sub = target.attribute.sub(found[3])
    if sub is None:
        raise ScimError("invalidPath", f"{quoted(target.name)} has no sub-attribute {quoted(found[3])}.")
    return Path(AttributeRef(target.urn, target.attribute, sub), where)


def _attribute(text: str, kind: ResourceType) -> AttributeRef:
    notation = read_notation(text)
    if notation is None:
        raise ScimError("invalidPath", f"The path {quoted(text)} cannot be read.")
    ref = kind.find(notation.urn, notation.name, notation.sub)
    if ref is None:
        raise ScimError("invalidPath", f"There is no attribute {quoted(text)}.")
    return ref
