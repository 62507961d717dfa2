"""An attribute and its characteristics (RFC 7643 2.2, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from scim.folding import fold

Type = Literal["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"]
Mutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
Returned = Literal["always", "never", "default", "request"]
Uniqueness = Literal["none", "server", "global"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute or sub-attribute. Names are looked up without regard to case."""

    name: str
    type: Type = "string"
    description: str = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = ()
    _by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", index(self.sub_attributes))

    def sub(self, name: str) -> Attribute | None:
        """The sub-attribute of that name."""
        return self._by_name.get(name) or self._by_name.get(fold(name))

    @property
    def complex(self) -> bool:
        return self.type == "complex"

    @property
    def has_primary(self) -> bool:
        return self.multi_valued and "primary" in self._by_name


def index(attributes: Sequence[Attribute]) -> dict[str, Attribute]:
    """Attributes by the folded form of their names."""
    return {fold(attribute.name): attribute for attribute in attributes}


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: the attributes under one URN."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    _by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", index(self.attributes))

    def attribute(self, name: str) -> Attribute | None:
        return self._by_name.get(name) or self._by_name.get(fold(name))
