"""What the browser is sent away with, and what it may come back with."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest

from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.secrets import derive
from tests.support.oidc_op import BASE, CALLBACK, CLIENT_ID, CONNECTION, HANDLE, World, members, reply_with


def query_of(world, **attempt):
    url = world.protocol.begin(world.connection(), world.attempt(**attempt)).url
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_a_plain_request():
    verifier = derive(HANDLE, "oidc:code-verifier")
    assert query_of(World()) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": HANDLE,
        "nonce": derive(HANDLE, "oidc:nonce"),
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


def test_what_the_app_asked_for():
    query = query_of(World(), login_hint="alice+x@acme.example", force_authn=True, max_age=300)
    assert (query["login_hint"], query["prompt"], query["max_age"]) == ("alice+x@acme.example", "login", "300")


def test_what_the_connection_asks_for():
    query = query_of(World(options=ConnectionOptions(force_authn=True, authn_context=("phr", "phrh"))))
    assert (query["prompt"], query["acr_values"]) == ("login", "phr phrh")


def test_the_endpoint_keeps_its_own_query():
    world = World()
    world.fetcher.changes["/.well-known/openid-configuration"] = members(
        authorization_endpoint="https://op.example.com/authorize?p=b2c_1&empty="
    )
    query = query_of(world)
    assert (query["p"], query["empty"], query["state"]) == ("b2c_1", "", HANDLE)


def test_starting_needs_no_network():
    world = World()
    connection = world.connection()
    world.fetcher.calls.clear()
    world.protocol.begin(connection, world.attempt())
    assert world.fetcher.calls == []


@pytest.mark.parametrize(
    ("state", "handle"), [(HANDLE, HANDLE), ("", None), ("h" * 44, None), ("h" * 42 + "\n", None), ("é" * 43, None)]
)
def test_correlate(state, handle):
    assert World().protocol.correlate(reply_with({"state": state})) == handle
    assert World().protocol.correlate(reply_with({})) is None


def test_describe_says_what_to_enter_at_the_provider():
    world = World()
    assert world.protocol.describe(world.connection()) == {
        "issuer": "https://op.example.com",
        "client_id": CLIENT_ID,
        "scopes": ["openid", "email", "profile"],
        "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_signing_alg": "RS256",
        "client_secret_expires_at": None,
        "end_session_endpoint": None,
        "rp": {
            "redirect_uri": f"{BASE}/oidc/{CONNECTION}/callback",
            "initiate_login_uri": f"{BASE}/oidc/{CONNECTION}/login",
            "post_logout_redirect_uri": f"{BASE}/oidc/{CONNECTION}/logout",
            "backchannel_logout_uri": f"{BASE}/oidc/{CONNECTION}/backchannel-logout",
            "jwks_uri": f"{BASE}/oidc/{CONNECTION}/jwks",
            "keys": [],
        },
    }


def test_explain_judges_the_response_and_says_why_not_the_token():
    world = World()
    findings = world.protocol.explain(world.connection(), reply_with({"state": HANDLE, "iss": "https://evil.example"}), None)
    outcomes = {finding.check: finding.outcome for finding in findings}
    assert outcomes["response.state"] == "skip"
    assert outcomes["response.iss"] == outcomes["response.code"] == "fail"
    assert outcomes["id_token.signature"] == "skip"
    assert all(finding.advice for finding in findings if finding.outcome != "pass")
