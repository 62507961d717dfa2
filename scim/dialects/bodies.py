"""Bodies of create and replace into standard form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.dialects.observation import Observation
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


def normalise_resource(body: Mapping[str, Any], kind: ResourceType) -> tuple[Json, frozenset[Observation]]:
    """A body fit for ``scim.resources.accept``, and what was unusual. Never raises for what it does not understand: the
    standard's own rules will."""
    raise NotImplementedError
