"""PATCH of multi-valued attributes: whole, by element, by a filter's selection (RFC 7644 3.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.errors import ScimError, quoted
from scim.filters.matching import matches_element
from scim.filters.tree import And, Comparison, Filter
from scim.folding import fold
from scim.patch_draft import Draft
from scim.patch_values import merge, refuse_removal_of, set_part
from scim.paths import Path
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import AttributeRef
from scim.strict_json import Json
from scim.values import MAX_ELEMENTS, clean_list, key


def patch_elements(draft: Draft, path: Path, op: str, value: Any, *, has_value: bool) -> None:
    """``path.ref.attribute`` is multi-valued. Raises ScimError ``noTarget``, ``invalidValue``, ``mutability``."""
    ref = path.ref
    assert ref is not None  # noqa: S101 - the caller looked
    elements: list[Any] = draft.own(ref) or []
    draft.charge(len(elements))
    edit = _Edit(ref, elements)
    if path.where is not None or ref.sub is not None:
        edit.selected(path, op, value)
    elif op == "remove" or value is None:
        if isinstance(value, list):
            draft.charge(len(elements) * len(value))
        edit.remove(value, has_value=has_value and value is not None)
    else:
        draft.charge(len(value) if isinstance(value, list) else 1)
        edit.write(op, value)
    if len(edit.elements) > MAX_ELEMENTS:
        raise ScimError("invalidValue", f"{quoted(ref.name)} has more than {MAX_ELEMENTS} values.")
    edit.settle_primary()
    draft.put(ref, [element for element in edit.elements if element not in ({}, None)])


class _Edit:
    """``marked``: the elements that this operation wrote; among them it may have named a new primary one."""

    def __init__(self, ref: AttributeRef, elements: list[Any]) -> None:
        self.ref = ref
        self.attribute = ref.attribute
        self.name = AttributeRef(ref.urn, ref.attribute).name
        self.elements = elements
        self.marked: list[Json] = []

    def write(self, op: str, value: Any) -> None:
        if self.attribute.mutability == "immutable" and self.elements:
            given = clean_list(self.attribute, _listed(value), self.name)
            if {key(element) for element in given} != {key(element) for element in self.elements}:
                raise ScimError("mutability", f"{quoted(self.name)} is immutable and has another value.")
            return
        if isinstance(value, Mapping) and not self.attribute.complex:
            raise ScimError("invalidValue", f"{quoted(self.name)} must be an array.")
        new = clean_list(self.attribute, _listed(value), self.name)
        self._refuse_unknown(value)
        if op == "replace":
            if not new:
                refuse_removal_of(AttributeRef(self.ref.urn, self.attribute), self.elements)
            self.elements = new
            return
        known = {key(element) for element in self.elements}
        twins = {_twin(element): element for element in self.elements if isinstance(element, dict)}
        for element in new:
            if key(element) not in known:
                self._add(element, twins)

    def _add(self, element: Any, twins: dict[Any, Json]) -> None:
        """RFC 7643 2.4: the same value of the same type stands once; what is new about it is added to it."""
        twin = twins.get(_twin(element)) if isinstance(element, dict) and "value" in element else None
        if twin is not None:
            twin.update(element)
        else:
            self.elements.append(element)
            if isinstance(element, dict):
                twins[_twin(element)] = element
        if isinstance(element, dict):
            self.marked.append(element if twin is None else twin)

    def remove(self, value: Any, *, has_value: bool) -> None:
        refuse_removal_of(AttributeRef(self.ref.urn, self.attribute), self.elements or None)
        if not has_value:
            self.elements = []
            return
        given = clean_list(self.attribute, _listed(value), self.name)
        self._refuse_unknown(value)
        self.elements = [e for e in self.elements if not any(self._fits(e, wanted) for wanted in given)]

    def _fits(self, element: Any, wanted: Any) -> bool:
        """Whether an element is what a value describes: it has all that the value names."""
        if not isinstance(element, dict):
            return bool(_comparable(self.attribute, element) == _comparable(self.attribute, wanted))
        for name, part in wanted.items():
            sub = self.attribute.sub(name)
            if sub is None or _comparable(sub, element.get(name)) != _comparable(sub, part):
                return False
        return True

    def selected(self, path: Path, op: str, value: Any) -> None:
        where, sub = path.where, self.ref.sub
        found = [e for e in self.elements if isinstance(e, dict) and (where is None or matches_element(where, e))]
        described = not found and op != "remove"
        if described:
            found = [self._described(where, op)]
        if op == "remove" or value is None:
            self._remove_selected(found, sub)
            return
        for element in found:
            if sub is not None:
                set_part(element, sub, value, self.ref.name)
            elif not isinstance(value, Mapping):
                raise ScimError("invalidValue", f"The value for {quoted(self.name)} must be an object.")
            else:
                merge(element, self.attribute, value, self.name)
        if described and where is not None and not matches_element(where, found[0]):
            raise ScimError("invalidValue", f"The value contradicts the filter of {quoted(self.name)}.")
        if sub is None or sub.name == "primary":
            self.marked = found

    def _remove_selected(self, found: list[Json], sub: Attribute | None) -> None:
        if sub is not None:
            for element in found:
                set_part(element, sub, None, self.ref.name)
            return
        gone = {id(element) for element in found}
        left = [element for element in self.elements if id(element) not in gone]
        if not left or self.attribute.mutability == "immutable":
            refuse_removal_of(AttributeRef(self.ref.urn, self.attribute), found or None)
        self.elements = left

    def _described(self, where: Filter | None, op: str) -> Json:
        """A new element with what the filter asks for."""
        terms = where.terms if isinstance(where, And) else (where,) if where is not None else ()
        described = all(isinstance(term, Comparison) and term.op == "eq" for term in terms)
        if op != "add" or not described or self.attribute.mutability == "immutable":
            raise ScimError("noTarget", f"No value of {quoted(self.name)} fits the path.")
        element: Json = {term.ref.leaf.name: _plain(term) for term in terms if isinstance(term, Comparison)}
        self.elements.append(element)
        return element

    def settle_primary(self) -> None:
        """RFC 7644 3.5.2: who becomes primary takes it from whoever was."""
        if not self.attribute.has_primary:
            return
        marked = [element for element in self.marked if element.get("primary") is True]
        if len(marked) > 1:
            raise ScimError("invalidValue", f"{quoted(self.name)} has more than one primary value.")
        for element in self.elements if marked else ():
            if element is not marked[0] and element.get("primary") is True:
                element["primary"] = False

    def _refuse_unknown(self, value: Any) -> None:
        """What an operation names and we do not know must not look done."""
        for item in _listed(value):
            for name in item if isinstance(item, Mapping) else ():
                if self.attribute.sub(name) is None:
                    raise ScimError("invalidPath", f"{quoted(self.name)} has no sub-attribute {quoted(name)}.")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _folded(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _comparable(attribute: Attribute, value: Any) -> Any:
    return value if attribute.case_exact else _folded(value)


def _twin(element: Mapping[str, Any]) -> tuple[Any, Any]:
    return (_folded(element.get("value")), _folded(element.get("type")))


def _plain(term: Comparison) -> Any:
    return term.value if isinstance(term.value, str | bool | int | float) else term.value.isoformat()
