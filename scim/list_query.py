"""The parameters of a list, from the query or the body of ``/.search`` (RFC 7644 3.4.2, 3.4.3; RFC 9865)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scim.errors import ScimError, quoted
from scim.filters.reading import read_filters
from scim.filters.tree import Filter
from scim.folding import fold
from scim.notation import read_notation
from scim.projection import Projection
from scim.schemas.schema_set import AttributeRef, ResourceType

SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
DEFAULT_COUNT = 100
MAX_COUNT = 500
MAX_CURSOR = 2048


@dataclass(frozen=True, slots=True)
class ListQuery:
    """``start_index`` >= 1; 0 <= ``count`` <= MAX_COUNT. ``cursor``: None for index paging, "" for the first page of cursor
    paging, else what we gave out. ``sort_by`` None: our own stable order; never complex, and a multi-valued attribute stands
    for its primary or first value. ``filter_text`` is as it came."""

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
    return read_queries(parameters, (kind,))[kind.name]


def read_search(body: Mapping[str, Any], kind: ResourceType) -> ListQuery:
    """From the body of a POST to ``/.search``. Raises as above, and ``invalidSyntax``."""
    return read_searches(body, (kind,))[kind.name]


def read_queries(parameters: Mapping[str, str], kinds: Sequence[ResourceType]) -> dict[str, ListQuery]:
    """For the root, which lists several resource types: a query for each, by its name."""
    return _read(_folded(parameters), kinds)


def read_searches(body: Mapping[str, Any], kinds: Sequence[ResourceType]) -> dict[str, ListQuery]:
    """The same from a body."""
    values = _folded(body)
    schemas = values.get("schemas")
    if schemas is not None and (not isinstance(schemas, list) or SEARCH_SCHEMA not in schemas):
        raise ScimError("invalidSyntax", f"'schemas' must name {SEARCH_SCHEMA}.")
    return _read(values, kinds)


def _folded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names without regard to case: a ``Filter`` that was overlooked would list everybody."""
    found: dict[str, Any] = {}
    for name in values:
        folded = fold(name)
        if folded in found:
            raise ScimError("invalidSyntax", f"{quoted(name)} is given twice.")
        found[folded] = values[name]
    return {name: value for name, value in found.items() if value is not None}


def _read(values: Mapping[str, Any], kinds: Sequence[ResourceType]) -> dict[str, ListQuery]:
    text = _text(values, "filter")
    conditions = read_filters(text, kinds) if text is not None else {}
    cursor = _text(values, "cursor")
    if cursor is not None and len(cursor) > MAX_CURSOR:
        raise ScimError("invalidCursor", "The cursor is none of ours.")
    count = _count(values, paged_by_cursor=cursor is not None)
    start = max(1, _whole(values, "startIndex", 1, "invalidValue"))
    sorts = _sorts(_text(values, "sortBy"), kinds)
    order = _order(_text(values, "sortOrder"))
    attributes, excluded = _names(values, "attributes"), _names(values, "excludedAttributes")
    return {
        kind.name: ListQuery(
            conditions.get(kind.name),
            text,
            Projection(kind, attributes, excluded),
            start,
            count,
            cursor,
            sorts.get(kind.name),
            order,
        )
        for kind in kinds
    }


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(fold(name))
    if value is not None and not isinstance(value, str):
        raise ScimError("invalidValue", f"'{name}' must be a string.")
    return value


def _whole(values: Mapping[str, Any], name: str, default: int, scim_type: Literal["invalidValue", "invalidCount"]) -> int:
    value = values.get(fold(name))
    if value is None:
        return default
    if (
        isinstance(value, str)
        and 0 < len(value) <= 11
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScimError(scim_type, f"'{name}' must be a whole number.")
    return min(value, 2**31 - 1)


def _count(values: Mapping[str, Any], *, paged_by_cursor: bool) -> int:
    """RFC 7644 3.4.2.4: a negative count is 0, and the server may give fewer. RFC 9865 4: between 1 and the page's maximum."""
    if not paged_by_cursor:
        return min(MAX_COUNT, max(0, _whole(values, "count", DEFAULT_COUNT, "invalidValue")))
    count = _whole(values, "count", DEFAULT_COUNT, "invalidCount")
    if not 1 <= count <= MAX_COUNT:
        raise ScimError("invalidCount", f"'count' must be between 1 and {MAX_COUNT}.")
    return count


def _names(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A comma-separated list in a query (RFC 7644 3.9), an array in a body (3.4.3)."""
    value = values.get(fold(name))
    if isinstance(value, str):
        value = value.split(",")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ScimError("invalidValue", f"'{name}' must be a list of attribute names.")
    return tuple(stripped for item in value if (stripped := item.strip(" ")))


def _order(text: str | None) -> Literal["ascending", "descending"]:
    word = (text or "ascending").lower()
    if word not in ("ascending", "descending"):
        raise ScimError("invalidValue", "'sortOrder' must be 'ascending' or 'descending'.")
    return "descending" if word == "descending" else "ascending"


def _sorts(text: str | None, kinds: Sequence[ResourceType]) -> dict[str, AttributeRef]:
    """RFC 7644 3.4.2.3: by a simple attribute; ``emails`` stands for ``emails.value``."""
    if text is None:
        return {}
    notation = read_notation(text)
    found: dict[str, AttributeRef] = {}
    for kind in kinds if notation else ():
        assert notation is not None  # noqa: S101 - the line above
        ref = kind.find(notation.urn, notation.name, notation.sub)
        if ref is not None:
            found[kind.name] = _sortable(ref)
    if not found:
        raise ScimError("invalidPath", f"'sortBy' has {quoted(text)}, which is no attribute.")
    return found


def _sortable(ref: AttributeRef) -> AttributeRef:
    if ref.leaf.complex:
        value = ref.attribute.sub("value")
        if value is None:
            raise ScimError(
                "invalidPath", f"'sortBy' has {quoted(ref.name)}, which is complex: name one of its sub-attributes."
            )
        ref = AttributeRef(ref.urn, ref.attribute, value)
    if ref.leaf.type == "binary" or "never" in (ref.attribute.returned, ref.leaf.returned):
        raise ScimError("invalidPath", f"'sortBy' has {quoted(ref.name)}, which cannot be sorted by.")
    return ref
