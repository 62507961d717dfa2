"""Whether a document fulfils a filter: for value paths of PATCH, and as the yardstick of every other evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.filters.tree import Filter


def matches(condition: Filter, document: Mapping[str, Any]) -> bool:
    """Over a canonical document (names in the schema's case, extension attributes under their URN)."""
    raise NotImplementedError


def matches_element(condition: Filter, element: Mapping[str, Any]) -> bool:
    """The inner condition of a value path over one element of its attribute."""
    raise NotImplementedError
