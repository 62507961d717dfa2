"""The typed tree of a filter: small, closed, bound to the schema, easy to compile.

    Filter = And | Or | Not | Comparison | Present | ValuePath | Never

``eq null`` is ``Not(Present)`` and ``ne null`` is ``Present`` by the time it stands here: no comparison's value is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scim.folding import fold
from scim.schemas.schema_set import AttributeRef

Op = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Value = str | bool | int | float | datetime


@dataclass(frozen=True, slots=True)
class And:
    """Two terms or more, flattened."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two terms or more, flattened."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: Filter


@dataclass(frozen=True, slots=True)
class Comparison:
    """``ref op value``. ``ref.leaf`` is never complex: ``emails eq "x"`` has become ``emails.value eq "x"``.

    The value has the type of ``ref.leaf``: bool, int (64 bit) or float, aware datetime in UTC, otherwise str. Strings are
    compared by ``fold`` unless ``ref.leaf.case_exact``; ``folded`` is the value as it is to be compared.

    Over several values (``ref.multi_valued``) it holds when it holds for any of them (RFC 7644 3.4.2.2); ``ne`` over several
    has become ``Not`` of ``eq``. ``ne`` holds without a value (unassigned is null, and null is not the value; RFC 7643
    2.5), so it is the opposite of ``eq`` everywhere; every other operator fails without a value.
    """

    ref: AttributeRef
    op: Op
    value: Value

    @property
    def folded(self) -> Value:
        if isinstance(self.value, str) and not self.ref.leaf.case_exact:
            return fold(self.value)
        return self.value


@dataclass(frozen=True, slots=True)
class Present:
    """``ref pr``: there is a non-empty value (RFC 7644 table 3). ``ref.leaf`` may be complex."""

    ref: AttributeRef


@dataclass(frozen=True, slots=True)
class ValuePath:
    """``ref[inner]``: one and the same element fulfils ``inner``. The refs inside have the same ``attribute`` and a ``sub``,
    and are read relative to the element. ``ref.attribute`` is complex and multi-valued."""

    ref: AttributeRef
    inner: Filter


@dataclass(frozen=True, slots=True)
class Never:
    """Never true: an attribute that this resource type lacks, in a search over several types (RFC 7644 3.4.2.1)."""


Filter = And | Or | Not | Comparison | Present | ValuePath | Never
