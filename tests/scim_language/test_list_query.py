"""The parameters of a list (RFC 7644 3.4.2, 3.4.3; RFC 9865)."""

from __future__ import annotations

from typing import Any

import pytest

from scim.filters.tree import Comparison
from scim.list_query import (
    DEFAULT_COUNT,
    MAX_COUNT,
    SEARCH_SCHEMA,
    ListQuery,
    read_queries,
    read_query,
    read_search,
    read_searches,
)
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.schema_set import STANDARD

USER = STANDARD.user


def query(**parameters: str) -> ListQuery:
    return read_query(parameters, USER)


def test_without_parameters():
    plain = query()
    assert (plain.start_index, plain.count, plain.cursor, plain.sort_by, plain.where) == (1, DEFAULT_COUNT, None, None, None)
    assert plain.projection.whole


@pytest.mark.parametrize(("start", "expected"), [("0", 1), ("-7", 1), ("1", 1), ("90001", 90001), ("99999999999", 2**31 - 1)])
def test_start_index(start: str, expected: int):
    assert query(startIndex=start).start_index == expected


@pytest.mark.parametrize(("count", "expected"), [("0", 0), ("-1", 0), ("1", 1), ("500", 500), ("100000", MAX_COUNT)])
def test_count(count: str, expected: int):
    assert query(count=count).count == expected


@pytest.mark.parametrize("text", ["", "x", "1.5", "1e3", "+1", " 1", "--1", "-", "²", "٣", "1" * 400])
def test_numbers_that_are_none(text: str, refused):
    with refused("invalidValue", "'startIndex'"):
        query(startIndex=text)
    with refused("invalidValue", "'count'"):
        query(count=text)
    with refused("invalidCount", "'count'"):
        query(count=text, cursor="")


def test_cursors(refused):
    assert query(cursor="").cursor == ""
    assert query(cursor="abc", count="500").cursor == "abc"
    for count in ("0", "-1", "501"):
        with refused("invalidCount", "between 1 and 500"):
            query(cursor="", count=count)
    with refused("invalidCursor"):
        query(cursor="x" * 3000)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("name.familyName", "name.familyName"),
        ("emails", "emails.value"),
        ("emails.type", "emails.type"),
        ("meta.lastModified", "meta.lastModified"),
        ("id", "id"),
        (f"{E}:department", f"{E}:department"),
        (f"{E}:manager", f"{E}:manager.value"),
    ],
)
def test_sort_by(text: str, name: str):
    sorted_by = query(sortBy=text, sortOrder="Descending")
    assert sorted_by.sort_by is not None
    assert sorted_by.sort_by.name == name
    assert sorted_by.sort_order == "descending"


@pytest.mark.parametrize(
    "text", ["", "unknown", "name", "addresses", "password", "x509Certificates", "emails[type eq 1]", "members"]
)
def test_what_cannot_be_sorted_by(text: str, refused):
    with refused("invalidPath", "'sortBy'"):
        query(sortBy=text)


def test_other_words_are_refused(refused):
    with refused("invalidValue", "'sortOrder'"):
        query(sortBy="userName", sortOrder="down")
    with refused("invalidFilter"):
        query(filter="")
    with refused("invalidSyntax", "'Filter'"):
        query(filter="title pr", Filter="title pr")


def test_the_case_of_a_parameter_s_name_does_not_matter():
    """A filter that is overlooked lists everybody."""
    assert query(Filter='userName eq "x"').where is not None


def test_attributes_are_comma_separated():
    assert query(attributes="userName, emails.value,").projection.shows("emails")
    assert not query(excludedAttributes="groups,emails").projection.shows("groups")


def search(**values: Any) -> ListQuery:
    return read_search({"schemas": [SEARCH_SCHEMA], **values}, USER)


def test_a_search_says_the_same_in_a_body():
    found = search(
        filter='userName eq "x"',
        attributes=["userName"],
        startIndex=11,
        count=7,
        sortBy="userName",
        sortOrder="descending",
    )
    assert isinstance(found.where, Comparison)
    assert (found.start_index, found.count, found.sort_order, found.filter_text) == (11, 7, "descending", 'userName eq "x"')
    assert search(cursor="", count=1).cursor == ""
    assert search(filter=None, count=None).where is None


@pytest.mark.parametrize(
    ("values", "scim_type"),
    [
        ({"schemas": ["urn:x"]}, "invalidSyntax"),
        ({"schemas": SEARCH_SCHEMA}, "invalidSyntax"),
        ({"filter": 5}, "invalidValue"),
        ({"filter": ["x"]}, "invalidValue"),
        ({"count": 1.5}, "invalidValue"),
        ({"count": True}, "invalidValue"),
        ({"count": []}, "invalidValue"),
        ({"startIndex": {}}, "invalidValue"),
        ({"attributes": [1]}, "invalidValue"),
        ({"attributes": {"a": 1}}, "invalidValue"),
        ({"attributes": ["a"], "excludedAttributes": ["b"]}, "invalidValue"),
        ({"sortBy": 5}, "invalidValue"),
        ({"cursor": 5}, "invalidValue"),
        ({"count": 0, "COUNT": 1}, "invalidSyntax"),
    ],
)
def test_a_wrong_search_is_refused(values: dict[str, Any], scim_type: str, refused):
    with refused(scim_type):
        search(**values)


def test_the_root_asks_every_resource_type(refused):
    found = read_queries({"filter": 'displayName eq "x"', "sortBy": "userName"}, STANDARD.resource_types)
    assert set(found) == {"User", "Group"}
    assert found["Group"].sort_by is None
    assert found["User"].sort_by is not None
    assert set(read_searches({"schemas": [SEARCH_SCHEMA]}, STANDARD.resource_types)) == {"User", "Group"}
    with refused("invalidPath"):
        read_queries({"sortBy": "nobody"}, STANDARD.resource_types)
