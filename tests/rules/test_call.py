"""Requests as values: parameters, forms, JSON bodies, and what is none of these."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from idbroker.access.api_keys import Principal
from idbroker.kernel.errors import Invalid, Refusal
from idbroker.kernel.ids import KeyId, TenantId
from idbroker.web.call import MAX_FIELDS, BadRequest, parse_params
from tests.support.calls import a_call
from tests.support.properties import any_text, repeatable


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a", {"a": ""}),
        ("a=1=2", {"a": "1=2"}),
        ("a+b=c+d", {"a b": "c d"}),
        ("a=%C3%A9%20%26", {"a": "é &"}),
        ("a=%2", {"a": "%2"}),
        ("a=%zz", {"a": "%zz"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("&&a=1&&", {"a": "1"}),
        ("=1", {"": "1"}),
    ],
)
def test_parameters(text: str, values: dict[str, str]) -> None:
    assert dict(parse_params(text)) == values


@pytest.mark.parametrize(
    "text",
    [
        "a=%ff", "%ff=1", "a=%ed%a0%80", "a=%c0%80", "a=%00", "%00=1", "a=1&b=x%00y", "a=\x00",
        "&".join(f"p{n}=1" for n in range(MAX_FIELDS + 1)),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_params(text)
    assert (refused.value.code, refused.value.status) == ("bad_parameters", 400)


def test_a_repeated_parameter_is_refused_when_it_is_read_and_not_before() -> None:
    params = parse_params("a=1&b=2&a=3")
    assert params["b"] == "2"
    assert params.get("c") is None
    assert list(params) == ["a", "b"]
    assert params.repeated == {"a"}
    for read in (lambda: params["a"], lambda: params.get("a"), lambda: dict(params), lambda: "a" in params):
        with pytest.raises(BadRequest) as refused:
            read()
        assert refused.value.code == "repeated_parameter"


def test_a_repeated_name_is_shown_shortened() -> None:
    name = "n" * 1000
    with pytest.raises(BadRequest) as refused:
        parse_params(f"{name}=1&{name}=2")[name]
    assert len(refused.value.public) < 120


FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


@pytest.mark.parametrize(
    ("headers", "body", "outcome"),
    [
        (FORM, b"a=1&b=%20", {"a": "1", "b": " "}),
        ({"content-type": "APPLICATION/X-WWW-FORM-URLENCODED"}, b"", {}),
        ({"content-type": "application/json"}, b"a=1", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x", 415),
        ({}, b"a=1", 415),
        (FORM, b"a=\xff", 400),
        (FORM, "a=é".encode(), 400),
        (FORM, b"a=%ff", 400),
    ],
)
def test_forms(headers: dict[str, str], body: bytes, outcome: Any) -> None:
    call = a_call(headers=headers, body=body)
    if isinstance(outcome, dict):
        assert dict(call.form) == outcome
        return
    with pytest.raises(BadRequest) as refused:
        _ = call.form
    assert refused.value.status == outcome


JSON = {"content-type": "application/json"}
DEEP = b'{"a":' + b"[" * 1000 + b'"\\u0000"' + b"]" * 1000 + b"}"


@pytest.mark.parametrize(
    ("headers", "body", "outcome"),
    [
        (JSON, b'{"a": 1}', {"a": 1}),
        (JSON, b"", {}),
        ({}, b'{"a": 1}', {"a": 1}),
        ({"content-type": "application/json; charset=utf-8"}, b"{}", {}),
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"{}", 415),
        (JSON, b"{", 400),
        (JSON, b"{'a': 1}", 400),
        (JSON, b'{"a": NaN}', 400),
        (JSON, b'{"a": "\\ud800"}', 400),
        (JSON, b'{"a": "\xff"}', 400),
        (JSON, b'{"a": "\x00"}', 400),
        (JSON, b"[]", 422),
        (JSON, b"null", 422),
        (JSON, b'"text"', 422),
        (JSON, b'{"a": "x\\u0000y"}', 422),
        (JSON, b'{"a\\u0000": 1}', 422),
        (JSON, b'{"a": [{"b": ["\\u0000"]}]}', 422),
        (JSON, b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (JSON, DEEP, 422),
    ],
)
def test_json_bodies(headers: dict[str, str], body: bytes, outcome: Any) -> None:
    call = a_call(headers=headers, body=body)
    if isinstance(outcome, dict):
        assert call.json == outcome
        return
    with pytest.raises(Refusal) as refused:
        _ = call.json
    assert refused.value.status == outcome
    assert isinstance(refused.value, Invalid) is (outcome == 422)


def test_who_calls() -> None:
    visitor = a_call(headers={"user-agent": "x" * 1000}, client_ip="192.0.2.1").actor
    assert (visitor.type, visitor.ip, len(visitor.user_agent or "")) == ("visitor", "192.0.2.1", 400)
    operator = a_call(principal=Principal(KeyId("key_1"), "ci", None, frozenset())).actor
    assert (operator.type, operator.id, operator.name, operator.user_agent) == ("operator", "key_1", "ci", None)
    tenant = a_call(principal=Principal(KeyId("key_2"), "t", TenantId("tnt_1"), frozenset())).actor
    assert tenant.type == "user"


@repeatable
@given(any_text)
def test_no_query_upsets_it(text: str) -> None:
    try:
        params = parse_params(text)
    except BadRequest:
        return
    assert all("\x00" not in name for name in params)


@repeatable
@given(strategies.binary(max_size=60))
def test_no_body_upsets_it(body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        call = a_call(headers={"content-type": kind}, body=body)
        try:
            _ = call.json if kind.endswith("json") else call.form
        except Refusal:
            continue
