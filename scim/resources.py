"""From a body of create or replace to a canonical document (RFC 7643, RFC 7644 3.3, 3.5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scim.members import Member
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json


@dataclass(frozen=True, slots=True)
class Accepted:
    """``document``: canonical, with ``schemas`` and what the client may write; no ``id``, ``meta``, ``groups``, ``members``.

    ``members``: a group's members as given, or None when the body does not name them (then none are touched).
    ``ignored``: full names of what was tolerated and dropped: read-only and unknown attributes, unknown schemas.
    ``password_given``: one came, and is gone.
    """

    document: Json
    members: tuple[Member, ...] | None
    ignored: tuple[str, ...]
    password_given: bool = False


def accept(body: Mapping[str, Any], kind: ResourceType, *, existing: Mapping[str, Any] | None = None) -> Accepted:
    """A create (``existing`` None) or a replace of ``existing`` (its canonical document, with or without id and meta).

    Call ``scim.dialects.normalise_resource`` first. Raises ScimError ``invalidSyntax``, ``invalidValue``, ``mutability``.
    On replace, what is not given is cleared, but ``active`` (someone's standing changes only when it is said).
    """
    raise NotImplementedError
