"""Filters against an independent implementation, on generated users and filters.

Deliberate differences, which the generators keep away from:
- ours folds case fully (ß and SS are equal), theirs maps to lower case;
- ours refuses ``password``, theirs compares it; ours refuses single values of simple multi-valued attributes in brackets;
- ours takes strings of exact attributes code point by code point, theirs composes them first;
- ours refuses a number for a text, theirs reads it as one;
- ours takes any text for an e-mail address.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from scim.errors import ScimError
from scim.filters.matching import matches
from scim.filters.reading import read_filter
from scim.schemas.schema_set import STANDARD
from tests.scim_language.generated import filters, users

scim2_models = pytest.importorskip("scim2_models")
Theirs = scim2_models.User[scim2_models.EnterpriseUser]
TheirFilter = scim2_models.ScimFilter[Theirs]


@settings(max_examples=80, deadline=None)
@given(filters, users())
def test_a_filter_finds_the_same(text: str, user: dict[str, Any]):
    theirs = TheirFilter(text).match(Theirs.model_validate(user))
    assert matches(read_filter(text, STANDARD.user), user) is theirs


WRONG = [
    "userName",
    'userName eq "x" and',
    "not title pr",
    "title pr pr",
    "userName eq 'x'",
    "active gt true",
    'meta.created gt "x"',
    "(title pr",
    'emails[type eq "x"',
    "userName zz 3",
]


@pytest.mark.parametrize("text", WRONG)
def test_both_refuse_what_is_no_filter(text: str):
    with pytest.raises(ScimError):
        read_filter(text, STANDARD.user)
    with pytest.raises((scim2_models.SCIMException, ValueError)):
        TheirFilter(text)
