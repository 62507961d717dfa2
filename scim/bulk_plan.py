"""A Bulk request read whole, before anything is done (RFC 7644 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scim.errors import ScimError
from scim.strict_json import Json

MAX_OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """``position``: place in the request, and in the answer. ``endpoint`` is ``Users`` or ``Groups``; ``id`` None for POST, and
    for a path of ``/Users/bulkId:x``, where ``id_from`` is ``x``. ``fault``: known before it runs; it is answered with it."""

    position: int
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    endpoint: str
    id: str | None
    id_from: str | None
    bulk_id: str | None
    version: str | None
    data: Json | None
    references: frozenset[str] = frozenset()
    fault: ScimError | None = None


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """``operations`` in the order of execution: that of the request, but what is referred to comes first."""

    operations: tuple[BulkOperation, ...]
    fail_on_errors: int | None


def read_bulk(body: Mapping[str, Any]) -> BulkPlan:
    """Raises ScimError for a message that is no BulkRequest, 413 for too many operations."""
    raise NotImplementedError


def bind(data: Json, ids: Mapping[str, str]) -> Json:
    """The data with every ``bulkId:x`` replaced by the id that x got. Raises ScimError 409 ``invalidValue`` for one that got
    none, because its operation failed."""
    raise NotImplementedError
