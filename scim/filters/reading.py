"""From the text of a filter to the typed tree."""

from __future__ import annotations

from scim.filters.tree import Filter
from scim.schemas.schema_set import AttributeRef, ResourceType


def read_filter(text: str, kind: ResourceType) -> Filter:
    """The filter of a list. Raises ScimError ``invalidFilter`` that names the attribute, operator or place."""
    raise NotImplementedError


def read_value_filter(text: str, target: AttributeRef) -> Filter:
    """The filter between the brackets of a PATCH path; names are sub-attributes of ``target``. Raises as above."""
    raise NotImplementedError
