"""Which attributes an answer shows (RFC 7643 2.2 ``returned``, RFC 7644 3.4.2.5, 3.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


class Projection:
    """Made once per request, used for each document. ``whole``: stored documents can go out as they are."""

    whole: bool

    def __init__(self, kind: ResourceType, attributes: Sequence[str] = (), excluded: Sequence[str] = ()) -> None:
        """Raises ScimError ``invalidValue`` when both are given or a name is malformed; unknown names select nothing."""
        raise NotImplementedError

    def shows(self, name: str) -> bool:
        """Whether the top-level attribute is wanted at all: ``members`` and ``groups`` need not be fetched otherwise."""
        raise NotImplementedError

    def show(self, document: Mapping[str, Any]) -> Json:
        """A new document; the given one is not changed."""
        raise NotImplementedError
