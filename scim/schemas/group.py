"""The core Group (RFC 7643 4.2, 8.7.1)."""

from __future__ import annotations

from scim.schemas.attribute import Attribute, Schema

GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"

MEMBERS = Attribute(
    "members",
    "complex",
    "The members of the group. Changed by PATCH or by a PUT that names them.",
    multi_valued=True,
    sub_attributes=(
        Attribute("value", description="The member's id.", case_exact=True, mutability="immutable"),
        Attribute(
            "$ref",
            "reference",
            "The member's address.",
            case_exact=True,
            mutability="immutable",
            reference_types=("User", "Group"),
        ),
        Attribute("display", description="The member's name, for display.", mutability="immutable"),
        Attribute("type", description="What the member is.", mutability="immutable", canonical_values=("User", "Group")),
    ),
)
GROUP = Schema(
    GROUP_URN,
    "Group",
    "Group",
    # 8.7.1 prints "required": false; the text of 4.2 says REQUIRED, and it is.
    (Attribute("displayName", description="The name of the group. REQUIRED.", required=True), MEMBERS),
)
