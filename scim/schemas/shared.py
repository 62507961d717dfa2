"""The attributes that every resource has and no schema lists (RFC 7643 3.1), and the sub-attributes of plural ones (2.4)."""

from __future__ import annotations

from scim.schemas.attribute import Attribute, Mutability

SCHEMAS = Attribute(
    "schemas",
    "reference",
    "The URNs of the schemas that this resource is made of.",
    multi_valued=True,
    required=True,
    case_exact=True,
    mutability="readOnly",
    returned="always",
    reference_types=("uri",),
)
ID = Attribute(
    "id",
    "string",
    "The service provider's identifier.",
    case_exact=True,
    mutability="readOnly",
    returned="always",
    uniqueness="server",
)
EXTERNAL_ID = Attribute("externalId", "string", "The provisioning client's identifier.", case_exact=True)


def _read_only(name: str, type_: str, description: str, *, case_exact: bool = False) -> Attribute:
    if type_ == "dateTime":
        return Attribute(name, "dateTime", description, mutability="readOnly")
    if type_ == "reference":
        return Attribute(name, "reference", description, case_exact=True, mutability="readOnly", reference_types=("uri",))
    return Attribute(name, "string", description, case_exact=case_exact, mutability="readOnly")


META = Attribute(
    "meta",
    "complex",
    "Metadata of the resource.",
    mutability="readOnly",
    sub_attributes=(
        _read_only("resourceType", "string", "The name of the resource type.", case_exact=True),
        _read_only("created", "dateTime", "When the resource was added."),
        _read_only("lastModified", "dateTime", "When the resource was last changed."),
        _read_only("location", "reference", "The address of the resource."),
        _read_only("version", "string", "The version, as in the ETag.", case_exact=True),
    ),
)
COMMON = (SCHEMAS, ID, EXTERNAL_ID, META)


def plural_parts(
    value: Attribute, *types: str, display: Mutability = "readWrite", label: str = "A label of the function, e.g. 'work'."
) -> tuple[Attribute, ...]:
    """``value``, ``display``, ``type`` and ``primary`` of RFC 7643 2.4."""
    return (
        value,
        Attribute("display", "string", "A human-readable name, for display.", mutability=display),
        Attribute("type", "string", label, canonical_values=types),
        Attribute("primary", "boolean", "Whether this is the preferred value; true at most once."),
    )
