"""Bodies of PATCH into standard operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from scim.dialects.bodies import odd_key
from scim.dialects.observation import Observation
from scim.dialects.shapes import Shaper
from scim.errors import ScimError, quoted
from scim.folding import fold
from scim.patch import MAX_OPERATIONS, Operation
from scim.paths import Path, read_path
from scim.schemas.attribute import Attribute, Schema
from scim.schemas.schema_set import ResourceType

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_OPS = ("add", "remove", "replace")


def normalise_patch(body: Mapping[str, Any], kind: ResourceType) -> tuple[tuple[Operation, ...], frozenset[Observation]]:
    """The message's operations, and what was unusual. Raises ScimError: ``invalidSyntax`` for what is no PatchOp or no
    operation, ``invalidPath`` for a path that is no text, 413 for more than ``MAX_OPERATIONS``."""
    reader = _Reader(kind)
    values = reader.unique(body)
    reader.schemas(values.get("schemas"))
    given = values.get("operations")
    if not isinstance(given, list) or not given:
        raise ScimError("invalidSyntax", "'Operations' must be an array of one operation or more.")
    if len(given) > MAX_OPERATIONS:
        raise ScimError(None, f"The request has more than {MAX_OPERATIONS} operations.", status=413)
    return tuple(reader.operation(item) for item in given), frozenset(reader.shaper.seen)


class _Reader:
    def __init__(self, kind: ResourceType) -> None:
        self.kind = kind
        self.shaper = Shaper()

    def unique(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = {fold(name): value for name, value in values.items()}
        if len(found) != len(values):
            raise ScimError("invalidSyntax", "A name occurs twice; case does not count.")
        return found

    def schemas(self, given: Any) -> None:
        if given is None:
            self.shaper.see(Observation.NO_SCHEMAS)
        elif PATCH_SCHEMA not in (given if isinstance(given, list) else [given]):
            raise ScimError("invalidSyntax", f"'schemas' must name {PATCH_SCHEMA}.")

    def operation(self, item: Any) -> Operation:
        if not isinstance(item, Mapping):
            raise ScimError("invalidSyntax", "Each of 'Operations' must be an object.")
        values = self.unique(item)
        op, path = self._op(values.get("op")), self._path(values.get("path"))
        value, has_value = values.get("value"), "value" in values
        if path is None:
            self.shaper.see(Observation.PATHLESS_PATCH)
            value = self._pathless(value)
        else:
            value = self._at(path, op, value, has_value=has_value)
        return Operation(cast("Any", op), path, value, has_value)

    def _op(self, op: Any) -> str:
        if not isinstance(op, str) or op.lower() not in _OPS:
            raise ScimError("invalidSyntax", f"The operation {quoted(op)} is none of add, remove and replace.")
        if op != op.lower():
            self.shaper.see(Observation.PASCAL_CASE_OPS)
        return op.lower()

    def _path(self, path: Any) -> str | None:
        if path is not None and not isinstance(path, str):
            raise ScimError("invalidPath", "'path' must be a string.")
        return path.strip() or None if path is not None else None

    def _pathless(self, value: Any) -> Any:
        """An object of attributes, perhaps of paths (Entra with ``aadOptscim062020``), perhaps in an array of one."""
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
            self.shaper.see(Observation.ARRAY_FOR_SINGLE)
            value = value[0]
        if not isinstance(value, Mapping):
            return value
        return {name: self._named(name, part) for name, part in value.items()}

    def _named(self, name: str, value: Any) -> Any:
        attribute = self.kind.top(name)
        if attribute is not None:
            if attribute.name == "id":
                self.shaper.see(Observation.ID_IN_VALUE)
            return self._shaped(attribute, value)
        path = self._known(name)
        if path is None:
            return value
        if path.extension is not None:
            return self._extension(path.extension, value)
        self.shaper.see(odd_key(name, path))
        return self._shaped_at(path, value)

    def _at(self, text: str, op: str, value: Any, *, has_value: bool) -> Any:
        path = self._known(text)
        if path is None or not has_value:
            return value
        if path.extension is not None:
            return self._extension(path.extension, value)
        if op == "remove" and path.where is None and path.ref is not None and path.ref.attribute.multi_valued:
            self.shaper.see(Observation.REMOVE_WITH_VALUES)
        return self._shaped_at(path, value)

    def _known(self, text: str) -> Path | None:
        """None: the patch itself will say what is wrong with it."""
        try:
            return read_path(text, self.kind)
        except ScimError:
            return None

    def _extension(self, schema: Schema, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            name: self._shaped(found, part) if (found := schema.attribute(name)) is not None else part
            for name, part in value.items()
        }

    def _shaped_at(self, path: Path, value: Any) -> Any:
        ref = path.ref
        if ref is None:
            return value
        if ref.sub is not None:
            return self.shaper.shape(ref.sub, value)
        if path.where is not None:
            items = value if isinstance(value, list) and len(value) == 1 else [value]
            return self.shaper.element(ref.attribute, items[0])
        return self._shaped(ref.attribute, value)

    def _shaped(self, attribute: Attribute, value: Any) -> Any:
        if attribute.mutability == "writeOnly":
            self.shaper.see(Observation.PASSWORD_SENT)
        return self.shaper.shape(attribute, value)
