"""RFC 7644 3.4.2.2: the grammar, precedence, types, case; each line a filter and what it finds."""

from __future__ import annotations

from typing import Any

import pytest

from scim.filters.matching import matches
from scim.filters.reading import read_filter, read_filters
from scim.filters.tree import And, Comparison, Never, Not, Or, Present, ValuePath
from scim.schemas.attribute import Attribute, Schema
from scim.schemas.schema_set import STANDARD, SchemaSet

USER, GROUP = STANDARD.user, STANDARD.group
E = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"

RFC_FIGURE_2 = [
    ('userName eq "bjensen@example.com"', True),
    ('name.familyName co "O\'Malley"', False),
    ('userName sw "J"', False),
    (f'{CORE}:userName sw "B"', True),
    ("title pr", True),
    ('meta.lastModified gt "2011-05-13T04:42:34Z"', False),
    ('meta.lastModified ge "2011-05-13T04:42:34Z"', True),
    ('meta.lastModified lt "2011-05-13T04:42:34Z"', False),
    ('meta.lastModified le "2011-05-13T04:42:34Z"', True),
    ('title pr and userType eq "Employee"', True),
    ('title pr or userType eq "Intern"', True),
    (f'schemas eq "{E}"', True),
    ('userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")', True),
    ('userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")', False),
    ('userType eq "Employee" and (emails.type eq "work")', True),
    ('userType eq "Employee" and emails[type eq "work" and value co "@example.com"]', True),
    ('emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]', True),
]

CASES = [
    # precedence: not > and > or
    ('title pr or title pr and userName eq "x"', True),
    ('userName eq "x" and title pr or title pr', True),
    ('(title pr or title pr) and userName eq "x"', False),
    ("not (title pr) or title pr", True),
    ("not (title pr or title pr)", False),
    ("not (title pr and nickName eq null)", True),
    # names, keywords and operators in any case
    ('USERNAME EQ "bjensen@example.com"', True),
    ('Name.GivenName Sw "barb"', True),
    ("NOT (title PR) OR title pr AND active eq TRUE", True),
    (f'{E.upper()}:COSTCENTER eq "4130"', True),
    # values by caseExact
    ('userName eq "BJENSEN@EXAMPLE.COM"', True),
    ('emails.value ew "JENSEN.ORG"', True),
    ('id eq "2819C223-7F76-453A-919D-413861904646"', False),
    ('id sw "2819c223"', True),
    ('externalId eq "701984"', True),
    ('meta.resourceType eq "user"', False),
    # JSON strings and their escapes
    (r'userName eq "bjensen\u0040example.com"', True),
    (r'addresses.formatted co "Plaza\nHollywood"', True),
    (r'nickName eq "a\"b\\c"', False),
    ('nickName eq "not (userName pr) and [x]"', False),
    # booleans, null
    ("active eq true", True),
    ("active ne true", False),
    ("active eq null", False),
    ("displayName ne null", True),
    ("emails.display eq null", True),
    ("password pr or title pr", "password"),
    # several values: any of them; ne is the opposite of eq
    ('emails eq "babs@jensen.org"', True),
    ('emails.type eq "home"', True),
    ('emails.type ne "home"', False),
    ('emails.type ne "other"', True),
    ('ims.type ne "aim"', False),
    ('entitlements.value ne "x"', True),
    ('emails[type eq "home" and value co "example.com"]', False),
    ('emails[not (type eq "work")]', True),
    ('emails[type eq "work" and primary eq true]', True),
    ("emails[display pr]", False),
    ('addresses[region pr and type ne "work"]', False),
    # the special places
    ('groups.display eq "tour guides"', True),
    ('groups eq "e9e30dba-f08f-4109-8486-d5c6a331660a"', True),
    ('meta.created lt "2010-01-23T05:56:23+01:00"', True),
    ('meta.created eq "2010-01-23T05:56:22+01:00"', True),
    (f'{E}:manager eq "26118915-6090-4610-87e4-49d8ca9f808d"', True),
    (f'{E}:manager.displayName co "smith"', True),
    ("manager pr or title pr", "manager"),
    ("name pr", True),
    ("entitlements pr", False),
    # order of texts
    ('userName gt "a"', True),
    ('userName lt "B"', False),
    ('userName ge "BJENSEN@example.com"', True),
]


@pytest.mark.parametrize(("text", "found"), RFC_FIGURE_2)
def test_the_rfc_s_own_filters(text: str, found: bool, barbara: dict[str, Any]):
    assert matches(read_filter(text, USER), barbara) is found


@pytest.mark.parametrize(("text", "found"), CASES)
def test_what_a_filter_finds(text: str, found: bool | str, barbara: dict[str, Any], refused):
    if isinstance(found, str):
        with refused("invalidFilter", found):
            read_filter(text, USER)
    else:
        assert matches(read_filter(text, USER), barbara) is found


REFUSED = [
    ("", "empty"),
    ("   ", "empty"),
    ("userName", "ends too early"),
    ("userName eq", "ends too early"),
    ("not", "ends too early"),
    ('userName eq "x" and', "ends too early"),
    ('(userName eq "x"', "')'"),
    ('userName eq "x")', "')'"),
    ('emails[type eq "x"', "']'"),
    ('emails[type eq "x")', "')'"),
    ('(emails[type eq "x")]', "')'"),
    ('userName eq"x"', "space"),
    ('userName eq "x"and title pr', "space"),
    ('userName regex "x"', "'regex'"),
    ('userName = "x"', "character 10"),
    ('userName eq "x" title pr', "'title'"),
    ("userName eq x", "'x'"),
    ("userName eq 'x'", "character 13"),
    ('userName eq "x', "character 13"),
    ('userName eq "a\\q"', "character 13"),
    ('userName eq "\\u12"', "character 13"),
    ('userName eq "a\nb"', "character 13"),
    ('not userName eq "x"', "'('"),
    ("not not (title pr)", "'('"),
    ('and userName eq "x"', "'userName'"),
    ('userName eq "x" or or title pr', "'title'"),
    ("()", "')'"),
    ("emails[]", "']'"),
    ("title pr pr", "'pr'"),
    ('title pr "x"', "'and' or 'or'"),
    ('"x" eq title', "attribute"),
    ("1 eq title", "attribute"),
    ("active eq 1", "'active'"),
    ('active eq "true"', "'active'"),
    ("userName eq 3", "'userName'"),
    ("userName eq true", "'userName'"),
    ("active gt true", "'active'"),
    ("active co true", "'active'"),
    ('x509Certificates.value gt "a"', "'x509Certificates.value'"),
    ('meta.created co "2011"', "'meta.created'"),
    ('meta.created gt "yesterday"', "'meta.created'"),
    ('meta.created gt "2011-13-13T04:42:34Z"', "'meta.created'"),
    ("meta.created gt 2011", "'meta.created'"),
    ("title gt null", "'title'"),
    ('unknown eq "x"', "'unknown'"),
    ('name.unknown eq "x"', "'name.unknown'"),
    ('userName.value eq "x"', "'userName.value'"),
    (f'{E}:unknown eq "x"', "unknown"),
    ('urn:none:of:ours:x eq "x"', "urn:none"),
    ('name eq "x"', "'name'"),
    ('addresses eq "x"', "'addresses'"),
    ('password eq "x"', "'password'"),
    ("password pr", "'password'"),
    ('members eq "x"', "'members'"),
    ('userName[value eq "x"]', "'userName'"),
    ('name[givenName eq "x"]', "'name'"),
    ('emails.value[type eq "x"]', "'emails.value'"),
    ('emails[unknown eq "x"]', "'unknown'"),
    ('emails[emails.type eq "x"]', "'emails.type'"),
    ('emails[value[type eq "x"]]', "'value'"),
    ('emails[type eq "x"].value eq "y"', "character"),
    ('emails[type eq "x"] eq "y"', "'and' or 'or'"),
    ("a.b.c pr", "'a.b.c'"),
    ("user..name pr", "'user..name'"),
    ('userName eq "\\u0000"', "character that no text can have"),
    ('userName eq "\\ud800"', "character that no text can have"),
    ("active eq 01", "character"),
    ("active eq 1e999", "out of range"),
    ("active eq 99999999999999999999", "out of range"),
    (f"active eq {'9' * 200}", "out of range"),
    ("userName eq \x00", "character 13"),
    ('userName\u00a0eq "x"', "character 9"),
    ("ｕserName pr", "character 1"),
]


@pytest.mark.parametrize(("text", "names"), REFUSED)
def test_a_wrong_filter_is_refused_and_the_sentence_says_where(text: str, names: str, refused):
    with refused("invalidFilter", names):
        read_filter(text, USER)


def test_the_limits_of_length_depth_and_terms(refused):
    assert read_filter("(" * 20 + "title pr" + ")" * 20, USER)
    assert read_filter("(" * 19 + "emails[type pr]" + ")" * 19, USER)
    assert read_filter(" or ".join(["title pr"] * 50), USER)
    with refused("invalidFilter", "20 levels"):
        read_filter("(" * 21 + "title pr" + ")" * 21, USER)
    with refused("invalidFilter", "20 levels"):
        read_filter("(" * 4000, USER)
    with refused("invalidFilter", "50 terms"):
        read_filter(" and ".join(["title pr"] * 51), USER)
    with refused("invalidFilter", "50 terms"):
        read_filter("emails[" + " or ".join(["type pr"] * 51) + "]", USER)
    with refused("invalidFilter", "4096"):
        read_filter(f'title eq "{"x" * 4090}"', USER)


def test_the_tree_is_flat_and_typed():
    tree = read_filter('title pr and nickName pr and userName eq "A" or active eq false', USER)
    assert isinstance(tree, Or)
    first, second = tree.terms
    assert isinstance(first, And)
    assert [type(term) for term in first.terms] == [Present, Present, Comparison]
    assert isinstance(second, Comparison)
    assert second.value is False
    assert isinstance(first.terms[2], Comparison)
    assert (first.terms[2].value, first.terms[2].folded) == ("A", "a")


def test_null_and_ne_over_several_values_are_written_out():
    assert isinstance(read_filter("title eq null", USER), Not)
    assert isinstance(read_filter("title ne null", USER), Present)
    assert isinstance(read_filter('title ne "x"', USER), Comparison)
    none_is = read_filter('emails.type ne "x"', USER)
    assert isinstance(none_is, Not)
    assert isinstance(none_is.term, Comparison)
    assert none_is.term.op == "eq"


def test_a_value_path_binds_its_names_to_the_attribute():
    tree = read_filter('emails[type eq "work"]', USER)
    assert isinstance(tree, ValuePath)
    assert isinstance(tree.inner, Comparison)
    assert tree.inner.ref.name == "emails.type"


def test_filters_that_differ_in_literals_only_do_not_mix():
    texts = [f'userName eq "{name}" or nickName eq "{name}2"' for name in ("a", "b", "a")]
    values = [[term.value for term in tree.terms] for tree in (read_filter(text, USER) for text in texts)]
    assert values == [["a", "a2"], ["b", "b2"], ["a", "a2"]]


def test_over_several_types_an_attribute_of_one_never_matches_the_other(refused):
    found = read_filters('userName eq "x" or displayName eq "y"', STANDARD.resource_types)
    assert matches(found["Group"], {"displayName": "Y"})
    assert not matches(found["Group"], {"displayName": "x"})
    assert read_filters('emails[type eq "x"]', STANDARD.resource_types)["Group"] == Never()
    with refused("invalidFilter", "'nobody'"):
        read_filters('nobody eq "x"', STANDARD.resource_types)


EXTENSION = Schema(
    "urn:example:params:scim:acme:2.0:User",
    "Acme",
    "",
    (
        Attribute("floor", "integer"),
        Attribute("share", "decimal"),
        Attribute("badge", case_exact=True),
        Attribute("tags", multi_valued=True),
        Attribute("hired", "dateTime"),
        Attribute("desks", "complex", multi_valued=True, sub_attributes=(Attribute("room"), Attribute("from", "dateTime"))),
    ),
)
ACME = SchemaSet.of([EXTENSION]).user
DOCUMENT = {
    EXTENSION.id: {
        "floor": 7,
        "share": 0.5,
        "badge": "Ab",
        "tags": ["Red", "blue"],
        "hired": "2020-02-29T12:00:00.5+02:00",
        "desks": [{"room": "a1", "from": "2021-01-01T00:00:00Z"}, {"room": "B2"}],
    }
}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("floor eq 7", True),
        ("floor eq 7.0", True),
        ("floor gt 6", True),
        ("floor le -1", False),
        ("share ge 0.5", True),
        ("share lt 5e-1", False),
        ('badge eq "ab"', False),
        ('badge sw "A"', True),
        ('tags eq "RED"', True),
        ('tags co "lu"', True),
        ('tags ne "red"', False),
        ("tags pr", True),
        ('hired eq "2020-02-29T10:00:00.5Z"', True),
        ('hired lt "2020-02-29T10:00:00Z"', False),
        ('desks[room eq "b2"]', True),
        ('desks[room eq "b2" and from pr]', False),
        ('desks.from lt "2021-01-02T00:00:00"', True),
    ],
)
def test_a_tenant_s_own_attributes_are_filtered_by_their_type(term: str, found: bool):
    assert matches(read_filter(f"{EXTENSION.id}:{term}", ACME), DOCUMENT) is found


@pytest.mark.parametrize("term", ["floor co 7", "floor eq 7.5", 'floor eq "7"', "share sw 1", "hired eq 5", "desks eq null2"])
def test_a_wrong_type_names_the_tenant_s_attribute(term: str, refused):
    with refused("invalidFilter"):
        read_filter(f"{EXTENSION.id}:{term}", ACME)
