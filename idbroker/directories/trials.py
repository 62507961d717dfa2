"""A request of a directory that is tried: what it would be answered, and what it would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from idbroker.directories.model import Directory
from idbroker.storage.unit import TenantUnit


@dataclass(frozen=True, slots=True)
class Tried:
    """``answer``: SCIM's document, or None where there would be none. ``effects``: changes in a few words."""

    status: int
    answer: dict[str, Any] | None
    effects: list[dict[str, Any]]


class TryRequest(Protocol):
    """Given by the composition: what SCIM is, the administration of directories does not know."""

    def __call__(
        self, unit: TenantUnit, directory: Directory, base_url: str, *, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Tried:
        """All is done within ``unit``, which the caller rolls back."""
        ...
