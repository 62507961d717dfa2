"""From attributes as received to a profile: pure, one table of the names that the known vendors send.

An explicit ``attribute_mapping`` entry names one attribute and switches recognition off for that claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAPPED_CLAIMS = (
    "subject", "email", "given_name", "family_name", "display_name", "groups", "department", "employee_number",
)  # fmt: skip

_CLAIMS_2005 = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MICROSOFT_2008 = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"

# Order is preference. Compared without regard to case: AD FS and Okta admins type these by hand.
RECOGNISED: Mapping[str, tuple[str, ...]] = {
    "email": (
        "email", "mail", "emailAddress", "email_address", "User.email", "urn:oid:0.9.2342.19200300.100.1.3",
        "urn:oid:1.2.840.113549.1.9.1", _CLAIMS_2005 + "emailaddress", "E-Mail Address", "urn:mace:dir:attribute-def:mail",
    ),
    "given_name": (
        "given_name", "givenName", "firstName", "first_name", "User.FirstName", "urn:oid:2.5.4.42",
        _CLAIMS_2005 + "givenname", "Given Name", "urn:mace:dir:attribute-def:givenName",
    ),
    "family_name": (
        "family_name", "sn", "surname", "familyName", "lastName", "last_name", "User.LastName", "urn:oid:2.5.4.4",
        _CLAIMS_2005 + "surname", "urn:mace:dir:attribute-def:sn",
    ),
    "display_name": (
        "name", "displayName", "display_name", "cn", "urn:oid:2.16.840.1.113730.3.1.241",
        "http://schemas.microsoft.com/identity/claims/displayname", "urn:oid:2.5.4.3",
    ),
    "groups": (
        "groups", "group", "memberOf", "roles", "Role", _MICROSOFT_2008 + "groups", _MICROSOFT_2008 + "role",
        "http://schemas.xmlsoap.org/claims/Group", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "isMemberOf",
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation",
    ),
    "department": ("department", "urn:oid:2.16.840.1.113730.3.1.2", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/department"),
    "employee_number": ("employee_number", "employeeNumber", "employeeId", "urn:oid:2.16.840.1.113730.3.1.3"),
}  # fmt: skip

_FOLDED = {claim: tuple(name.casefold() for name in recognised) for claim, recognised in RECOGNISED.items()}

MAX_GROUPS = 1000
MAX_VALUE = 1024
MAX_GROUP_NAME = 512
"""Characters. A longer name is left out, never cut: two that begin alike must not become one group, with one group's rights."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person. ``email`` is as received, not yet normalised and not yet allowed.

    ``email_verified`` is None where the protocol does not say (SAML). ``groups`` is None when no group attribute came,
    which is not the same as an empty list: absence changes no membership.
    """

    email: str | None = None
    email_verified: bool | None = None
    given_name: str | None = None
    family_name: str | None = None
    display_name: str | None = None
    groups: tuple[str, ...] | None = None
    department: str | None = None
    employee_number: str | None = None

    def as_document(self) -> dict[str, object]:
        shown = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in shown.items() if value is not None}


class AmbiguousClaim(ValueError):
    """An identity claim came with several different values."""

    def __init__(self, claim: str, attribute: str) -> None:
        super().__init__(f"the attribute “{attribute}”, mapped to {claim}, has several values")
        self.claim = claim
        self.attribute = attribute


def find_attribute(
    claim: str, attributes: Mapping[str, Sequence[str]], mapping: Mapping[str, str]
) -> tuple[str, Sequence[str]] | None:
    """The attribute (name, values) that carries ``claim``: the mapped one, else the first recognised one that came."""
    if claim in mapping:
        values = attributes.get(mapping[claim])
        return (mapping[claim], values) if values else None
    by_folded = {name.casefold(): name for name in reversed(list(attributes))}
    for candidate in _FOLDED.get(claim, ()):
        name = by_folded.get(candidate)
        if name is not None and attributes[name]:
            return name, attributes[name]
    return None


def single_value(claim: str, attributes: Mapping[str, Sequence[str]], mapping: Mapping[str, str]) -> str | None:
    """The one value of a claim, at its full length: cut, it could be another person's. Raises AmbiguousClaim for several."""
    found = find_attribute(claim, attributes, mapping)
    if found is None:
        return None
    name, values = found
    distinct = {value.strip() for value in values if value.strip()}
    if len(distinct) > 1:
        raise AmbiguousClaim(claim, name)
    return distinct.pop() if distinct else None


def map_profile(
    attributes: Mapping[str, Sequence[str]], mapping: Mapping[str, str], *, email_verified: bool | None = None
) -> Profile:
    """Build the profile. Raises AmbiguousClaim for an e-mail with several values; other claims take the first."""
    groups = find_attribute("groups", attributes, mapping)

    def first(claim: str) -> str | None:
        found = find_attribute(claim, attributes, mapping)
        value = found[1][0].strip()[:MAX_VALUE] if found else ""
        return value or None

    return Profile(
        email=single_value("email", attributes, mapping),
        email_verified=email_verified,
        given_name=first("given_name"),
        family_name=first("family_name"),
        display_name=first("display_name"),
        groups=_group_names(groups[1]) if groups else None,
        department=first("department"),
        employee_number=first("employee_number"),
    )


def _group_names(values: Sequence[str]) -> tuple[str, ...]:
    names = dict.fromkeys(name for value in values if 0 < len(name := value.strip()) <= MAX_GROUP_NAME)
    return tuple(names)[:MAX_GROUPS]
