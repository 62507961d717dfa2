"""What the tests of SCIM's language share: the RFC's own resources, and a way to say that something is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scim.errors import ScimError
from scim.schemas.enterprise import ENTERPRISE_URN
from scim.schemas.user import USER_URN

Refused = Callable[..., Any]


@pytest.fixture
def refused() -> Refused:
    """``with refused("invalidFilter", "emails"):`` the scimType, and what the sentence must name."""

    @contextmanager
    def expect(scim_type: str | None, names: str = "", status: int | None = None) -> Iterator[None]:
        with pytest.raises(ScimError) as caught:
            yield
        assert caught.value.scim_type == scim_type, caught.value.public
        assert names in caught.value.public
        assert caught.value.status == (status or {"uniqueness": 409}.get(str(scim_type), 400))

    return expect


@pytest.fixture
def barbara() -> dict[str, Any]:
    """The full enterprise user of RFC 7643 8.2 and 8.3, as a canonical document."""
    return {
        "schemas": [USER_URN, ENTERPRISE_URN],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "meta": {
            "resourceType": "User",
            "created": "2010-01-23T04:56:22Z",
            "lastModified": "2011-05-13T04:42:34Z",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646",
            "version": 'W/"3694e05e9dff591"',
        },
        "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III",
            "familyName": "Jensen",
            "givenName": "Barbara",
            "middleName": "Jane",
            "honorificPrefix": "Ms.",
            "honorificSuffix": "III",
        },
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "title": "Tour Guide",
        "userType": "Employee",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": True,
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": True},
            {"value": "babs@jensen.org", "type": "home"},
        ],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}],
        "addresses": [
            {
                "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
                "streetAddress": "100 Universal City Plaza",
                "locality": "Hollywood",
                "region": "CA",
                "postalCode": "91608",
                "country": "USA",
                "type": "work",
                "primary": True,
            },
            {"streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "type": "home"},
        ],
        "groups": [
            {"value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides"},
            {"value": "fc348aa8-3835-40eb-a20b-c726e15c55b5", "display": "Employees"},
        ],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        ENTERPRISE_URN: {
            "employeeNumber": "701984",
            "costCenter": "4130",
            "organization": "Universal Studios",
            "division": "Theme Park",
            "department": "Tour Operations",
            "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith"},
        },
    }
