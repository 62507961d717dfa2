"""The document that a PATCH works on: copied where it is changed, and bounded in the work that it costs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from scim.errors import ScimError
from scim.schemas.schema_set import AttributeRef
from scim.strict_json import Json

MAX_WORK = 100_000
"""Elements walked over by one request: 2,000 operations on lists of 1,000 would be two million."""


class Draft:
    """``get`` reads, ``own`` hands out what may be changed, ``put`` sets or clears."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: Json = dict(document)
        self.touched = False
        self.password_given = False
        self._owned: set[tuple[str | None, str]] = set()
        self._own_extensions: set[str] = set()
        self._work = 0

    def get(self, urn: str | None, name: str) -> Any:
        base = self.document if urn is None else self.document.get(urn)
        return base.get(name) if isinstance(base, Mapping) else None

    def own(self, ref: AttributeRef) -> Any:
        """The attribute's value, copied the first time."""
        place = (ref.urn, ref.attribute.name)
        value = self.get(*place)
        if value is not None and place not in self._owned:
            value = deepcopy(value)
            self.put(ref, value)
        return value

    def put(self, ref: AttributeRef, value: Any) -> None:
        """None and what is empty clear the attribute."""
        name = ref.attribute.name
        self.touched = True
        self._owned.add((ref.urn, name))
        base = self.document if ref.urn is None else self._extension(ref.urn)
        if value in (None, [], {}):
            base.pop(name, None)
        else:
            base[name] = value

    def _extension(self, urn: str) -> Json:
        if urn not in self._own_extensions:
            self._own_extensions.add(urn)
            self.document[urn] = dict(self.document.get(urn) or {})
        part: Json = self.document[urn]
        return part

    def charge(self, elements: int) -> None:
        self._work += elements + 1
        if self._work > MAX_WORK:
            raise ScimError(None, "The operations cost too much together; send them in several requests.", status=413)
