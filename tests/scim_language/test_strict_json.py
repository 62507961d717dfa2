"""Bodies that have one reading only; everything else is a SCIM error, at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.errors import ScimError, error_document
from scim.strict_json import MAX_BODY, MAX_DEPTH, read_object
from tests.support.effort import not_for_long

GOOD = [
    b"{}",
    b'{"a": 1, "b": {"a": 2}}',
    b' \r\n\t{"a":[1,2,{"a":null}]} ',
    b'{"a":"text with \\": inside", "b": "\\"b\\":"}',
    b'{"a":":", "b":":", "c\\"":1}',
    b'{"a":"\\ud83d\\ude00", "b":9223372036854775807, "c":-9223372036854775808}',
    '{"é":"ü"}'.encode(),
]


@pytest.mark.parametrize("body", GOOD)
def test_what_is_read(body: bytes):
    assert read_object(body) == json.loads(body)


BAD = [
    (b"", "invalidSyntax"),
    (b"null", "invalidSyntax"),
    (b"[]", "invalidSyntax"),
    (b'"x"', "invalidSyntax"),
    (b"{", "invalidSyntax"),
    (b'{"a":1,}', "invalidSyntax"),
    (b"{'a':1}", "invalidSyntax"),
    (b'{"a":1} {"a":1}', "invalidSyntax"),
    (b'{"a":NaN}', "invalidSyntax"),
    (b'{"a":Infinity}', "invalidSyntax"),
    (b'{"a":1e999}', "invalidSyntax"),
    (b'{"a":01}', "invalidSyntax"),
    (b'{"a":18446744073709551615}', "invalidSyntax"),
    (b'{"a":1,"a":2}', "invalidSyntax"),
    (b'{"a":1,"\\u0061":2}', "invalidSyntax"),
    (b'{"x":{"a" : 1, "a" : 1}}', "invalidSyntax"),
    (b'{"x":[{"a":"\\":","a":1}]}', "invalidSyntax"),
    (b'{"a":"\\u0000"}', "invalidSyntax"),
    (b'{"\\u0000":1}', "invalidSyntax"),
    (b'{"a":"\\ud800"}', "invalidSyntax"),
    (b'{"a":"\xff"}', "invalidSyntax"),
    (b"\xff\xfe{\x00}\x00", "invalidSyntax"),
    (b"\xef\xbb\xbf{}", "invalidSyntax"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "invalidSyntax"),
    (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "invalidSyntax"),
]


@pytest.mark.parametrize(("body", "scim_type"), BAD)
def test_what_is_refused(body: bytes, scim_type: str, refused):
    with refused(scim_type):
        read_object(body)


def test_too_large(refused):
    with refused(None, status=413):
        read_object(b'{"a":"' + b"x" * MAX_BODY + b'"}')


def test_a_number_of_a_million_digits_is_refused_at_once(refused):
    with not_for_long(), refused("invalidSyntax"):
        read_object(b'{"a":' + b"9" * (MAX_BODY - 10) + b"}")


names = st.text('ab":\\ {', max_size=3)
trees = st.recursive(
    st.none() | st.integers(-9, 9) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, trees, max_size=3), st.sampled_from([None, 1]), st.booleans())
def test_honest_bodies_are_never_taken_for_repeating(tree: dict[str, Any], indent: int | None, ascii_only: bool):
    if depth(tree) <= MAX_DEPTH:
        assert read_object(json.dumps(tree, indent=indent, ensure_ascii=ascii_only).encode()) == tree


def depth(tree: Any) -> int:
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


def test_the_error_document():
    assert error_document(ScimError("invalidFilter", "No.")) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "400",
        "scimType": "invalidFilter",
        "detail": "No.",
    }
    assert "scimType" not in error_document(ScimError(None, "No.", status=413))
    assert error_document(ScimError("uniqueness", "No."))["status"] == "409"
