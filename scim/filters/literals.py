"""Whether an attribute can be compared by an operator with a value (RFC 7644 3.4.2.2, table 3)."""

from __future__ import annotations

from scim.errors import ScimError, quoted
from scim.filters.tokens import Literal
from scim.filters.tree import Op, Value
from scim.schemas.schema_set import AttributeRef
from scim.schemas.values import read_date_time

_ORDER = frozenset({"gt", "ge", "lt", "le"})
_PARTS = frozenset({"co", "sw", "ew"})
_UNORDERED = frozenset({"boolean", "binary"})
"""RFC 7644 table 3: to order these SHALL fail with ``invalidFilter``."""
_NO_TEXT = frozenset({"boolean", "decimal", "integer", "dateTime"})
_BOOLEANS = {"true": True, "false": False}


def check_operator(ref: AttributeRef, op: Op) -> None:
    kind = ref.leaf.type
    if (op in _ORDER and kind in _UNORDERED) or (op in _PARTS and kind in _NO_TEXT):
        raise ScimError("invalidFilter", f"The operator {quoted(op)} does not apply to {quoted(ref.name)}, which is a {kind}.")


def typed(ref: AttributeRef, literal: Literal, *, lenient: bool = False) -> Value:
    """The literal in the attribute's type. ``lenient``: text may stand for a boolean (Entra's ``primary eq "True"``)."""
    kind = ref.leaf.type
    value: Value | None = None
    if kind == "boolean":
        value = literal if isinstance(literal, bool) else None
        if lenient and isinstance(literal, str):
            value = _BOOLEANS.get(literal.lower())
    elif kind in ("integer", "decimal"):
        value = _number(literal, whole=kind == "integer")
    elif kind == "dateTime":
        value = read_date_time(literal) if isinstance(literal, str) else None
    elif isinstance(literal, str):
        value = literal
    if value is None:
        raise ScimError("invalidFilter", f"{quoted(ref.name)} is compared with a value that is no {kind}.")
    return value


def _number(literal: Literal, *, whole: bool) -> int | float | None:
    if isinstance(literal, bool) or not isinstance(literal, int | float):
        return None
    if whole and isinstance(literal, float):
        return int(literal) if literal.is_integer() and abs(literal) < 2**63 else None
    return literal
