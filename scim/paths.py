"""Attribute notation (RFC 7644 3.10) and the paths of PATCH (3.5.2, figure 7)."""

from __future__ import annotations

from dataclasses import dataclass

from scim.filters.tree import Filter
from scim.schemas.attribute import Schema
from scim.schemas.schema_set import AttributeRef, ResourceType


@dataclass(frozen=True, slots=True)
class Path:
    """What an operation points at: an attribute (``ref``), perhaps with a selection of its elements, or a whole extension."""

    ref: AttributeRef | None
    where: Filter | None = None
    extension: Schema | None = None


def read_path(text: str, kind: ResourceType) -> Path:
    """Raises ScimError ``invalidPath``, or ``invalidFilter`` for what stands between brackets."""
    raise NotImplementedError
