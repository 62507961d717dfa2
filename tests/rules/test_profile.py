"""From attributes to a profile: what the vendors send, what a mapping says, what is ambiguous."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from idbroker.federation.profile import (
    MAPPED_CLAIMS,
    MAX_GROUPS,
    MAX_VALUE,
    RECOGNISED,
    AmbiguousClaim,
    Profile,
    map_profile,
    single_value,
)
from tests.support.properties import any_text, repeatable

SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
ALICE = {"email": "alice@acme.com", "given_name": "Alice", "family_name": "Doe"}

VENDORS: dict[str, tuple[dict[str, list[str]], dict[str, Any]]] = {
    "entra saml": (
        {
            SOAP + "emailaddress": ["alice@acme.com"], SOAP + "givenname": ["Alice"], SOAP + "surname": ["Doe"],
            "http://schemas.microsoft.com/identity/claims/displayname": ["Alice Doe"],
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups": ["g1", "g2"],
        },
        {**ALICE, "display_name": "Alice Doe", "groups": ("g1", "g2")},
    ),
    "adfs": (
        {"E-Mail Address": ["alice@acme.com"], "Given Name": ["Alice"], SOAP + "surname": ["Doe"],
         "http://schemas.xmlsoap.org/claims/Group": ["Domain Users"]},
        {**ALICE, "groups": ("Domain Users",)},
    ),
    "okta": (
        {"email": ["alice@acme.com"], "firstName": ["Alice"], "lastName": ["Doe"], "groups": ["Everyone"]},
        {**ALICE, "groups": ("Everyone",)},
    ),
    "okta typed by hand": (
        {"EMail": ["alice@acme.com"], "FIRSTNAME": ["Alice"], "lastname": ["Doe"]},
        ALICE,
    ),
    "google": (
        {"email": ["alice@acme.com"], "first_name": ["Alice"], "last_name": ["Doe"]},
        ALICE,
    ),
    "onelogin": (
        {"User.email": ["alice@acme.com"], "User.FirstName": ["Alice"], "User.LastName": ["Doe"], "memberOf": ["Staff"]},
        {**ALICE, "groups": ("Staff",)},
    ),
    "shibboleth": (
        {
            "urn:oid:0.9.2342.19200300.100.1.3": ["alice@acme.com"], "urn:oid:2.5.4.42": ["Alice"], "urn:oid:2.5.4.4": ["Doe"],
            "urn:oid:2.16.840.1.113730.3.1.241": ["Alice Doe"], "urn:oid:1.3.6.1.4.1.5923.1.5.1.1": ["staff"],
        },
        {**ALICE, "display_name": "Alice Doe", "groups": ("staff",)},
    ),
    "keycloak": (
        {"email": ["alice@acme.com"], "givenName": ["Alice"], "surname": ["Doe"], "Role": ["admin", "user"]},
        {**ALICE, "groups": ("admin", "user")},
    ),
    "jumpcloud": (
        {"email": ["alice@acme.com"], "firstname": ["Alice"], "lastname": ["Doe"], "memberOf": ["All"]},
        {**ALICE, "groups": ("All",)},
    ),
    "openid connect": (
        {"email": ["alice@acme.com"], "given_name": ["Alice"], "family_name": ["Doe"], "name": ["Alice Doe"],
         "department": ["R&D"], "employee_number": ["42"]},
        {**ALICE, "display_name": "Alice Doe", "department": "R&D", "employee_number": "42"},
    ),
    "nothing": ({}, {}),
    "only strangers": ({"favourite_colour": ["blue"]}, {}),
    "empty values": ({"email": [], "groups": [], "given_name": [""], "family_name": ["  "]}, {}),
}  # fmt: skip


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_the_vendors_send(vendor: str) -> None:
    attributes, expected = VENDORS[vendor]
    assert map_profile(attributes, {}) == Profile(**expected)


def test_a_mapping_switches_recognition_off_for_its_claim_alone() -> None:
    attributes = {"email": ["wrong@acme.com"], "workMail": ["alice@acme.com"], "givenName": ["Alice"]}
    assert map_profile(attributes, {"email": "workMail"}) == Profile(email="alice@acme.com", given_name="Alice")
    assert map_profile(attributes, {"email": "absent"}) == Profile(given_name="Alice")
    assert map_profile(attributes, {"email": "WORKMAIL"}) == Profile(given_name="Alice"), "a mapping is exact"


def test_an_address_with_several_values_is_refused() -> None:
    with pytest.raises(AmbiguousClaim) as refused:
        map_profile({"mail": ["alice@acme.com", "root@acme.com"]}, {})
    assert (refused.value.claim, refused.value.attribute) == ("email", "mail")


def test_the_same_value_twice_is_one_value() -> None:
    assert map_profile({"mail": ["alice@acme.com", " alice@acme.com "]}, {}).email == "alice@acme.com"


def test_names_take_the_first_of_several() -> None:
    assert map_profile({"givenName": ["Alice", "Alicia"]}, {}).given_name == "Alice"


def test_no_group_attribute_is_not_the_same_as_no_groups() -> None:
    assert map_profile({"email": ["a@acme.com"]}, {}).groups is None
    assert map_profile({"groups": [" "]}, {}).groups == ()


def test_groups_keep_their_order_and_lose_their_doubles() -> None:
    assert map_profile({"groups": ["b", "a", " b ", "", "c"]}, {}).groups == ("b", "a", "c")


def test_there_are_bounds() -> None:
    profile = map_profile({"groups": [f"g{n}" for n in range(MAX_GROUPS + 50)], "givenName": ["x" * 5000]}, {})
    assert profile.groups is not None
    assert len(profile.groups) == MAX_GROUPS
    assert profile.given_name == "x" * MAX_VALUE


def test_two_long_names_that_begin_alike_never_become_one() -> None:
    """A cut subject would be another person, a cut group another group's rights."""
    long, longer = "x" * MAX_VALUE + "a", "x" * MAX_VALUE + "b"
    assert single_value("subject", {"uid": [long]}, {"subject": "uid"}) != single_value(
        "subject", {"uid": [longer]}, {"subject": "uid"}
    )
    groups = map_profile({"groups": [long, longer, "fine"]}, {}).groups
    assert groups == ("fine",)


def test_the_subject_is_recognised_from_nothing_but_a_mapping() -> None:
    assert "subject" in MAPPED_CLAIMS
    assert "subject" not in RECOGNISED
    assert single_value("subject", {"subject": ["x"], "sub": ["y"]}, {}) is None


def test_no_name_is_recognised_for_two_claims() -> None:
    seen: dict[str, str] = {}
    for claim, names in RECOGNISED.items():
        for name in names:
            assert seen.setdefault(name.casefold(), claim) == claim, name


known = strategies.sampled_from(sorted({name for names in RECOGNISED.values() for name in names}))
received = strategies.dictionaries(strategies.one_of(known, any_text), strategies.lists(any_text, max_size=4), max_size=8)
mappings = strategies.dictionaries(strategies.sampled_from(MAPPED_CLAIMS), strategies.one_of(known, any_text), max_size=4)


@repeatable
@given(received, mappings)
def test_no_attributes_upset_it(attributes: dict[str, list[str]], mapping: dict[str, str]) -> None:
    try:
        profile = map_profile(attributes, mapping)
    except AmbiguousClaim:
        return
    for name, value in profile.as_document().items():
        assert value, name
        assert isinstance(value, tuple) or value == str(value).strip()
