"""The demo provider is honest and careful, so that what it lets through in a test means something."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest

from oidc.demo_op import DemoClient, DemoOp, DemoOpError, DemoRequest
from tests.support.oidc_op import ALICE, ISSUER, StoppedClock

BACK = "https://app.example.com/callback?x=1"
VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
REQUEST = {
    "client_id": "app", "redirect_uri": BACK, "response_type": "code", "scope": "openid email", "state": "s", "nonce": "n",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip


@pytest.fixture
def clock():
    return StoppedClock()


@pytest.fixture
def op(clock):
    return DemoOp(ISSUER, {"app": DemoClient((BACK,), "secret"), "other": DemoClient((BACK,), "secret")}, clock)


def code_for(op):
    request = op.authorization(REQUEST)
    assert isinstance(request, DemoRequest)
    back = dict(parse_qsl(urlsplit(op.grant(request, ALICE)).query))
    assert (back["x"], back["state"], back["iss"]) == ("1", "s", ISSUER)
    return back["code"]


def form(code, **changed):
    return {
        "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
        "client_id": "app", "client_secret": "secret", **changed,
    }  # fmt: skip


def test_a_code_buys_tokens_once(op):
    code = code_for(op)
    status, tokens = op.token(form(code))
    assert (status, tokens["scope"]) == (200, "email openid")
    assert op.userinfo(f"Bearer {tokens['access_token']}") == (
        200,
        {"sub": "alice-1", "email": "alice@acme.example", "email_verified": True},
    )
    assert op.token(form(code)) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://app.example.com/callback"},
        {"client_id": "other"},
    ],
)
def test_what_a_code_is_bound_to(op, changed):
    assert op.token(form(code_for(op), **changed)) == (400, {"error": "invalid_grant"})


def test_codes_and_tokens_expire(op, clock):
    code = code_for(op)
    _, tokens = op.token(form(code_for(op)))
    clock.forward(minutes=11)
    assert op.token(form(code))[0] == 400
    assert op.userinfo(f"Bearer {tokens['access_token']}")[0] == 401


@pytest.mark.parametrize(
    ("changed", "authorization"),
    [
        ({"client_secret": "wrong"}, None), ({"client_secret": ""}, None), ({"client_id": "nobody"}, None),
        ({}, "Basic " + base64.b64encode(b"app:wrong").decode()), ({}, "Basic ???"), ({}, "Bearer x"),
    ],
)  # fmt: skip
def test_a_client_proves_itself(op, changed, authorization):
    assert op.token(form(code_for(op), **changed), authorization) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize("changed", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example.com"}])
def test_errors_that_do_not_go_back(op, changed):
    with pytest.raises(DemoOpError):
        op.authorization({**REQUEST, **changed})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"), ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge": ""}, "invalid_request"),
    ],
)  # fmt: skip
def test_errors_that_go_back(op, changed, error):
    location = op.authorization({**REQUEST, **changed})
    assert isinstance(location, str)
    assert dict(parse_qsl(urlsplit(location).query))["error"] == error


def test_a_person_may_say_no(op):
    assert "error=access_denied" in op.deny(op.authorization(REQUEST))
