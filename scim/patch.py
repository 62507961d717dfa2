"""PATCH (RFC 7644 3.5.2): a document and operations in, a document and member operations out. Pure and atomic.

Where the RFC leaves a choice:
- a value for a complex attribute, or for the elements that a filter selects, is merged sub-attribute by sub-attribute;
- ``add`` with a filter that finds nothing makes the element that the filter's ``eq`` comparisons describe (Entra counts on
  it); ``replace`` is ``noTarget``; ``remove`` has nothing to do;
- ``remove`` with a value takes away the elements that the value describes, not the attribute (Entra);
- null and an empty array given to ``replace`` unassign (RFC 7643 2.5), but never a group's members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scim.documents import ordered, require
from scim.errors import ScimError, quoted
from scim.folding import fold
from scim.member_ops import member_ops
from scim.members import MemberOp
from scim.patch_draft import Draft
from scim.patch_elements import patch_elements
from scim.patch_values import patch_value, refuse_read_only
from scim.paths import Path, read_path
from scim.schemas.attribute import Schema
from scim.schemas.schema_set import AttributeRef, ResourceType
from scim.schemas.user import ACTIVE
from scim.strict_json import MAX_BODY, Json
from scim.values import key

MAX_OPERATIONS = 2000


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

    ``operations`` come from ``scim.dialects.patches.normalise_patch``. Raises ScimError ``invalidPath``, ``invalidFilter``,
    ``invalidValue``, ``noTarget``, ``mutability``.
    """
    patching = _Patching(document, kind)
    for operation in operations:
        patching.apply(operation)
    return patching.result()


class _Patching:
    def __init__(self, document: Mapping[str, Any], kind: ResourceType) -> None:
        self.kind = kind
        self.before = document
        self.draft = Draft(document)
        self.members: list[MemberOp] = []

    def result(self) -> Patched:
        if not self.draft.touched:
            return Patched(
                dict(self.before), changed=False, members=tuple(self.members), password_given=self.draft.password_given
            )
        after = ordered(self.draft.document, self.kind)
        require(after, self.kind)
        written = key(after)
        if len(written) > MAX_BODY:
            raise ScimError(None, f"The resource would be larger than {MAX_BODY} bytes.", status=413)
        changed = written != key(ordered(self.before, self.kind))
        return Patched(after, changed, tuple(self.members), self.draft.password_given)

    def apply(self, operation: Operation) -> None:
        if operation.path is not None:
            self._at(read_path(operation.path, self.kind), operation)
            return
        if operation.op == "remove":
            raise ScimError("noTarget", "A 'remove' needs a path.")
        if not isinstance(operation.value, Mapping):
            raise ScimError("invalidValue", f"The value of '{operation.op}' without a path must be an object of attributes.")
        for name, value in operation.value.items():
            if not self._echoed(name, value):
                self._at(read_path(name, self.kind), Operation(operation.op, name, value, has_value=True))

    def _echoed(self, name: str, value: Any) -> bool:
        """Read-only attributes that come along in an object and say nothing new (Okta renames a group with its ``id``)."""
        attribute = self.kind.top(name)
        if attribute is None or attribute.mutability != "readOnly":
            return False
        return attribute.name in ("schemas", "meta") or value == self.before.get(attribute.name)

    def _at(self, path: Path, operation: Operation) -> None:
        if operation.op != "remove" and not operation.has_value:
            raise ScimError("invalidValue", f"The operation '{operation.op}' needs a value.")
        if operation.op == "add" and operation.value is None:
            raise ScimError("invalidValue", "The value of an 'add' is null.")
        if path.extension is not None:
            self._extension(path.extension, operation)
            return
        ref = path.ref
        assert ref is not None  # noqa: S101 - a path has one or the other
        refuse_read_only(ref)
        if ref.leaf is ACTIVE and operation.op != "remove" and operation.value is None:
            raise ScimError("mutability", "'active' is true or false; null does not say somebody's standing.")
        if self.kind.name == "Group" and ref.urn is None and ref.attribute.name == "members":
            self.members += member_ops(operation.op, path, operation.value, has_value=operation.has_value)
        elif ref.attribute.multi_valued:
            patch_elements(self.draft, path, operation.op, operation.value, has_value=operation.has_value)
        else:
            patch_value(self.draft, ref, operation.op, operation.value)

    def _extension(self, schema: Schema, operation: Operation) -> None:
        """A whole extension: RFC 7644 3.5.2.1, an object of its attributes; ``remove`` clears them all."""
        if operation.op == "remove" or operation.value is None:
            for attribute in schema.attributes:
                if self.draft.get(schema.id, attribute.name) is not None and attribute.mutability != "readOnly":
                    self._at(Path(AttributeRef(schema.id, attribute)), Operation("remove", None))
            return
        if not isinstance(operation.value, Mapping):
            raise ScimError("invalidValue", f"{quoted(schema.id)} must be an object.")
        for name, value in operation.value.items():
            if fold(name) != "schemas":
                path = read_path(f"{schema.id}:{name}", self.kind)
                self._at(path, Operation(operation.op, name, value, has_value=True))
