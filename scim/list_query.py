"""The parameters of a list, from the query or the body of ``/.search`` (RFC 7644 3.4.2, 3.4.3; RFC 9865)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scim.filters.tree import Filter
from scim.projection import Projection
from scim.schemas.schema_set import AttributeRef, ResourceType

DEFAULT_COUNT = 100
MAX_COUNT = 500


@dataclass(frozen=True, slots=True)
class ListQuery:
    """``start_index`` >= 1; 0 <= ``count`` <= MAX_COUNT. ``cursor``: None for index paging, "" for the first page of cursor
    paging, else what we gave out. ``sort_by`` None: our own stable order."""

    where: Filter | None
    filter_text: str | None
    projection: Projection
    start_index: int = 1
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    sort_by: AttributeRef | None = None
    sort_order: Literal["ascending", "descending"] = "ascending"


def read_query(parameters: Mapping[str, str], kind: ResourceType) -> ListQuery:
    """From the query of a GET; other parameters are not looked at. Raises ScimError: ``invalidFilter``, ``invalidValue``,
    ``invalidCursor``, ``invalidCount``, ``invalidPath`` (sortBy)."""
    raise NotImplementedError


def read_search(body: Mapping[str, Any], kind: ResourceType) -> ListQuery:
    """From the body of a POST to ``/.search``. Raises as above, and ``invalidSyntax``."""
    raise NotImplementedError
