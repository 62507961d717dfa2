"""The enterprise extension of User (RFC 7643 4.3, 8.7.1)."""

from __future__ import annotations

from scim.schemas.attribute import Attribute, Schema

ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

MANAGER = Attribute(
    "manager",
    "complex",
    "The user's manager.",
    sub_attributes=(
        Attribute("value", description="The id of the manager's user.", case_exact=True),
        Attribute("$ref", "reference", "The address of the manager's user.", case_exact=True, reference_types=("User",)),
        Attribute("displayName", description="The manager's display name.", mutability="readOnly"),
    ),
)
ENTERPRISE = Schema(
    ENTERPRISE_URN,
    "EnterpriseUser",
    "Enterprise User",
    (
        Attribute("employeeNumber", description="The number that the organisation gave to the person."),
        Attribute("costCenter", description="The name of a cost centre."),
        Attribute("organization", description="The name of an organisation."),
        Attribute("division", description="The name of a division."),
        Attribute("department", description="The name of a department."),
        MANAGER,
    ),
)
