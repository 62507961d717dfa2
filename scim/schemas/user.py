"""The core User (RFC 7643 4.1, 8.7.1)."""

from __future__ import annotations

from scim.schemas.attribute import Attribute, Schema
from scim.schemas.shared import plural_parts

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"

NAME = Attribute(
    "name",
    "complex",
    "The components of the user's real name.",
    sub_attributes=(
        Attribute("formatted", description="The full name, formatted for display."),
        Attribute("familyName", description="The family name, or last name in most Western languages."),
        Attribute("givenName", description="The given name, or first name in most Western languages."),
        Attribute("middleName", description="The middle name or names."),
        Attribute("honorificPrefix", description="The honorific prefixes, or title in most Western languages."),
        Attribute("honorificSuffix", description="The honorific suffixes."),
    ),
)
EMAILS = Attribute(
    "emails",
    "complex",
    "E-mail addresses of the user.",
    multi_valued=True,
    sub_attributes=plural_parts(Attribute("value", description="An e-mail address."), "work", "home", "other"),
)
PHONE_NUMBERS = Attribute(
    "phoneNumbers",
    "complex",
    "Phone numbers of the user.",
    multi_valued=True,
    sub_attributes=plural_parts(
        Attribute("value", description="A phone number."), "work", "home", "mobile", "fax", "pager", "other"
    ),
)
IMS = Attribute(
    "ims",
    "complex",
    "Instant messaging addresses of the user.",
    multi_valued=True,
    sub_attributes=plural_parts(
        Attribute("value", description="An instant messaging address."),
        "aim",
        "gtalk",
        "icq",
        "xmpp",
        "msn",
        "skype",
        "qq",
        "yahoo",
    ),
)
PHOTOS = Attribute(
    "photos",
    "complex",
    "URLs of photos of the user.",
    multi_valued=True,
    sub_attributes=plural_parts(
        Attribute("value", "reference", "URL of a photo.", case_exact=True, reference_types=("external",)), "photo", "thumbnail"
    ),
)
ADDRESSES = Attribute(
    "addresses",
    "complex",
    "Physical mailing addresses of the user.",
    multi_valued=True,
    sub_attributes=(
        Attribute("formatted", description="The full address, formatted for display or a mailing label."),
        Attribute("streetAddress", description="Street, house number, P.O. box; may hold line breaks."),
        Attribute("locality", description="The city or locality."),
        Attribute("region", description="The state or region."),
        Attribute("postalCode", description="The zip or postal code."),
        Attribute("country", description="The country."),
        Attribute("type", description="A label of the function, e.g. 'work'.", canonical_values=("work", "home", "other")),
        Attribute("primary", "boolean", "Whether this is the preferred address; true at most once."),
    ),
)
GROUPS = Attribute(
    "groups",
    "complex",
    "The groups to which the user belongs. Changed through the groups alone.",
    multi_valued=True,
    mutability="readOnly",
    sub_attributes=(
        Attribute("value", description="The group's id.", case_exact=True, mutability="readOnly"),
        Attribute(
            "$ref",
            "reference",
            "The group's address.",
            case_exact=True,
            mutability="readOnly",
            reference_types=("User", "Group"),
        ),
        Attribute("display", description="The group's name.", mutability="readOnly"),
        Attribute(
            "type", description="How the user belongs to it.", mutability="readOnly", canonical_values=("direct", "indirect")
        ),
    ),
)
ENTITLEMENTS = Attribute(
    "entitlements",
    "complex",
    "Things that the user has or may have.",
    multi_valued=True,
    sub_attributes=plural_parts(Attribute("value", description="The value of an entitlement.")),
)
ROLES = Attribute(
    "roles",
    "complex",
    "Roles that together say who the user is, e.g. 'Student'.",
    multi_valued=True,
    sub_attributes=plural_parts(Attribute("value", description="The value of a role.")),
)
CERTIFICATES = Attribute(
    "x509Certificates",
    "complex",
    "Certificates issued to the user.",
    multi_valued=True,
    sub_attributes=plural_parts(Attribute("value", "binary", "A certificate: DER in base64.", case_exact=True)),
)

ACTIVE = Attribute("active", "boolean", "Whether the user may sign in.")

USER = Schema(
    USER_URN,
    "User",
    "User Account",
    (
        Attribute("userName", description="What the user is signed in by. Unique.", required=True, uniqueness="server"),
        NAME,
        Attribute("displayName", description="The name, suitable for display to end users."),
        Attribute("nickName", description="The casual way to address the user."),
        Attribute(
            "profileUrl", "reference", "URL of the user's online profile.", case_exact=True, reference_types=("external",)
        ),
        Attribute("title", description="The user's title, e.g. 'Vice President'."),
        Attribute("userType", description="The relation to the organisation, e.g. 'Contractor'."),
        Attribute("preferredLanguage", description="Preferred written or spoken language, e.g. 'en-US'."),
        Attribute("locale", description="Default location for currency, dates and numbers."),
        Attribute("timezone", description="The time zone, e.g. 'America/Los_Angeles'."),
        ACTIVE,
        Attribute(
            "password",
            description="Accepted and dropped at once; never stored.",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
        EMAILS,
        PHONE_NUMBERS,
        IMS,
        PHOTOS,
        ADDRESSES,
        GROUPS,
        ENTITLEMENTS,
        ROLES,
        CERTIFICATES,
    ),
)
