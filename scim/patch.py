"""PATCH (RFC 7644 3.5.2): a document and operations in, a document and member operations out. Pure and atomic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scim.members import MemberOp
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in standard form: lower-case ``op``. ``has_value`` tells null from nothing."""

    op: Literal["add", "remove", "replace"]
    path: str | None
    value: Any = None
    has_value: bool = False


@dataclass(frozen=True, slots=True)
class Patched:
    """``changed``: the document differs. ``members`` in order; rows tell whether they change anything."""

    document: Json
    changed: bool
    members: tuple[MemberOp, ...] = ()
    password_given: bool = False


def apply(document: Mapping[str, Any], operations: Sequence[Operation], kind: ResourceType) -> Patched:
    """All or nothing; ``document`` (canonical, with id and meta, without members) is left as it was.

    ``operations`` come from ``scim.dialects.normalise_patch``. Raises ScimError ``invalidPath``, ``invalidFilter``,
    ``invalidValue``, ``noTarget``, ``mutability``.
    """
    raise NotImplementedError
