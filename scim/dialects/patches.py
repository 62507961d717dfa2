"""Bodies of PATCH into standard operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.dialects.observation import Observation
from scim.patch import Operation
from scim.schemas.schema_set import ResourceType


def normalise_patch(body: Mapping[str, Any], kind: ResourceType) -> tuple[tuple[Operation, ...], frozenset[Observation]]:
    """The message's operations, and what was unusual. Raises ScimError ``invalidSyntax``, ``invalidValue``, ``invalidPath``."""
    raise NotImplementedError
