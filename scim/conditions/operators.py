"""One comparison as SQL. A missing value fails, but for ``ne``; so that ``not`` means what it says, nothing is ever NULL."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import and_, func, or_, true
from sqlalchemy.sql.elements import ColumnElement

from scim.filters.tree import Op

Engine = Literal["sqlite", "postgresql"]
Expression = ColumnElement[Any]
Condition = ColumnElement[bool]

_LAST = "\U0010ffff"


def compare(engine: Engine, left: Expression, op: Op, value: Any, *, nullable: bool = True, indexed: bool = False) -> Condition:
    """``left`` is a scalar of the value's type, compared by code point."""
    if op == "ne":
        differs: Condition = left != value
        return or_(left.is_(None), differs) if nullable else differs
    held: Condition = _held(engine, left, op, value, indexed=indexed)
    return and_(left.is_not(None), held) if nullable else held


def _held(engine: Engine, left: Any, op: Op, value: Any, *, indexed: bool) -> Any:
    match op:
        case "eq":
            return left == value
        case "gt":
            return left > value
        case "ge":
            return left >= value
        case "lt":
            return left < value
        case "le":
            return left <= value
    if value == "":
        return true()  # every text begins with, ends with and contains nothing
    if op == "co":
        return (func.instr if engine == "sqlite" else func.strpos)(left, value) > 0
    if op == "sw":
        begins = func.substr(left, 1, len(value)) == value
        # The range says the same to an index; no text that begins so lies beyond it.
        return and_(left >= value, left <= value + _LAST * 2, begins) if indexed else begins
    ends = func.substr(left, -len(value)) if engine == "sqlite" else func.right(left, len(value))
    return ends == value
