"""A tenant's own extension schema, from an admin's definition (RFC 7643 3.3, 7, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.schemas.attribute import Schema


def read_extension(definition: Mapping[str, Any]) -> Schema:
    """A schema from a definition in the form of RFC 7643 7. Raises ``Invalid`` with pointers: it is an admin's input."""
    raise NotImplementedError
