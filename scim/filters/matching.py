"""Whether a document fulfils a filter: for value paths of PATCH, and as the yardstick of every other evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scim.filters.tree import And, Comparison, Filter, Never, Not, Or, Present, Value, ValuePath
from scim.folding import fold
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import AttributeRef
from scim.schemas.values import read_date_time

Document = Mapping[str, Any]


def matches(condition: Filter, document: Document) -> bool:
    """Over a canonical document (names in the schema's case, extension attributes under their URN)."""
    return _Over(document, element=False).holds(condition)


def matches_element(condition: Filter, element: Document) -> bool:
    """The inner condition of a value path over one element of its attribute."""
    return _Over(element, element=True).holds(condition)


class _Over:
    def __init__(self, root: Document, *, element: bool) -> None:
        self.root = root
        self.element = element

    def holds(self, condition: Filter) -> bool:
        match condition:
            case And(terms):
                return all(self.holds(term) for term in terms)
            case Or(terms):
                return any(self.holds(term) for term in terms)
            case Not(term):
                return not self.holds(term)
            case Comparison(ref, op, _):
                values = self._values(ref)
                if not values:
                    return op == "ne"
                return any(_compares(ref.leaf, value, condition) for value in values)
            case Present(ref):
                return any(present(value) for value in self._values(ref))
            case ValuePath(ref, inner):
                return any(matches_element(inner, item) for item in self._values(ref) if isinstance(item, Mapping))
            case Never():
                return False

    def _values(self, ref: AttributeRef) -> list[Any]:
        if self.element:
            return _listed(self.root.get(ref.leaf.name))
        base = self.root if ref.urn is None else self.root.get(ref.urn)
        values = _listed(base.get(ref.attribute.name)) if isinstance(base, Mapping) else []
        if ref.sub is None:
            return values
        name = ref.sub.name
        return [part for item in values if isinstance(item, Mapping) for part in _listed(item.get(name))]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else [value]


def present(value: Any) -> bool:
    """RFC 7644 table 3: a non-empty value, or a node that holds one."""
    if isinstance(value, Mapping):
        return any(present(part) for part in value.values())
    if isinstance(value, list):
        return any(present(item) for item in value)
    return value is not None and value != ""


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "co": lambda left, right: right in left,
    "sw": lambda left, right: left.startswith(right),
    "ew": lambda left, right: left.endswith(right),
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}


def _compares(leaf: Attribute, stored: Any, condition: Comparison) -> bool:
    value = _comparable(leaf, stored)
    return _OPERATIONS[condition.op](value, condition.folded)


def _comparable(leaf: Attribute, stored: Any) -> Value:
    if leaf.type == "dateTime":
        moment = read_date_time(stored)
        return stored if moment is None else moment  # canonical documents hold no other
    return fold(stored) if isinstance(stored, str) and not leaf.case_exact else stored
