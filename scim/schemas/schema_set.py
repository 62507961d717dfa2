"""Resource types and the schemas of one directory, and how a name finds its attribute (RFC 7643 6, RFC 7644 3.10).

SchemaSet.of(extensions)    everything that one directory knows: User, Group, enterprise, what the tenant defined
ResourceType.find(...)      an attribute by URN, name and sub-attribute, without regard to case
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scim.folding import fold
from scim.schemas.attribute import Attribute, Schema, index
from scim.schemas.enterprise import ENTERPRISE
from scim.schemas.group import GROUP, GROUP_URN
from scim.schemas.shared import COMMON
from scim.schemas.user import USER, USER_URN


@dataclass(frozen=True, slots=True)
class AttributeRef:
    """Where a value lies in a document. ``urn`` is set for an extension's attribute alone: the key under which it lies."""

    urn: str | None
    attribute: Attribute
    sub: Attribute | None = None

    @property
    def leaf(self) -> Attribute:
        """The attribute whose type and case rule hold for the value."""
        return self.sub or self.attribute

    @property
    def multi_valued(self) -> bool:
        """Whether the document may hold several values here."""
        return self.attribute.multi_valued or self.leaf.multi_valued

    @property
    def name(self) -> str:
        """The full name in standard notation, in the schema's case: ``emails.value``, ``urn:…:User:manager.value``."""
        plain = self.attribute.name if self.sub is None else f"{self.attribute.name}.{self.sub.name}"
        return plain if self.urn is None else f"{self.urn}:{plain}"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """``User`` or ``Group`` with its extensions. None of the extensions is required."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    hides: bool = field(init=False, repr=False, compare=False, hash=False)
    """Whether something that may be stored is not shown by default. Passwords never are stored."""
    _top: dict[str, Attribute] = field(init=False, repr=False, compare=False, hash=False)
    _extensions: dict[str, Schema] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hides", _hides((*self.attributes, *(a for s in self.extensions for a in s.attributes))))
        object.__setattr__(self, "_top", index(self.attributes))
        object.__setattr__(self, "_extensions", {fold(schema.id): schema for schema in self.extensions})

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The common and the core schema's attributes, in the order of a document."""
        return (*COMMON, *self.schema.attributes)

    def top(self, name: str) -> Attribute | None:
        """A common or core attribute."""
        return self._top.get(name) or self._top.get(fold(name))

    def extension(self, urn: str) -> Schema | None:
        return self._extensions.get(fold(urn))

    def is_own(self, urn: str) -> bool:
        """Whether the URN is that of the resource type's core schema."""
        return urn == self.schema.id or fold(urn) == fold(self.schema.id)

    def known(self, urns: Sequence[str]) -> list[str]:
        """Those that are of this resource type; a directory's own may have been taken from it."""
        return [urn for urn in urns if self.is_own(urn) or self.extension(urn) is not None]

    def find(self, urn: str | None, name: str, sub: str | None = None) -> AttributeRef | None:
        """The attribute of that name, or None. ``urn`` None or the core schema's: a common or core attribute."""
        if urn is None or self.is_own(urn):
            return _ref(None, self.top(name), sub)
        schema = self.extension(urn)
        return None if schema is None else _ref(schema.id, schema.attribute(name), sub)


def _hides(attributes: Iterable[Attribute]) -> bool:
    leaves = (leaf for attribute in attributes for leaf in (attribute, *attribute.sub_attributes))
    return any(leaf.returned in ("request", "never") and leaf.mutability != "writeOnly" for leaf in leaves)


def _ref(urn: str | None, attribute: Attribute | None, sub: str | None) -> AttributeRef | None:
    if attribute is None:
        return None
    if sub is None:
        return AttributeRef(urn, attribute)
    part = attribute.sub(sub)
    return None if part is None else AttributeRef(urn, attribute, part)


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """All that one directory knows."""

    user: ResourceType
    group: ResourceType

    @classmethod
    def of(cls, user_extensions: Sequence[Schema] = (), group_extensions: Sequence[Schema] = ()) -> SchemaSet:
        """The standard schemas and a tenant's own (``scim.schemas.extension.read_extension`` made them)."""
        return cls(
            ResourceType("User", "/Users", "User Account", USER, (ENTERPRISE, *user_extensions)),
            ResourceType("Group", "/Groups", "Group", GROUP, tuple(group_extensions)),
        )

    @property
    def resource_types(self) -> tuple[ResourceType, ...]:
        return (self.user, self.group)

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """Every schema once, in a stable order."""
        found: dict[str, Schema] = {}
        for kind in self.resource_types:
            for schema in (kind.schema, *kind.extensions):
                found.setdefault(schema.id, schema)
        return tuple(found.values())


STANDARD = SchemaSet.of()
"""User, Group and the enterprise extension: a directory of a tenant that defined nothing."""

__all__ = ["GROUP_URN", "STANDARD", "USER_URN", "AttributeRef", "ResourceType", "SchemaSet"]
