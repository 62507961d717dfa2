"""The whole code flow, as a fresh sign-in and as single sign-on, and what its tokens say, read with another library."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest

from tests.support.provider_verifier import verified
from tests.support.provider_world import (
    BASE,
    REDIRECT,
    ProviderWorld,
    attempt_of,
    document,
    issuer_of,
    location,
    location_query,
    request_for,
)


def read(world: ProviderWorld, token: str, issuer: str = BASE) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, claims), verified from discovery and JWKS alone."""
    metadata = document(world.send("GET", f"{issuer}/.well-known/openid-configuration"))
    header, claims = verified(token, document(world.send("GET", metadata["jwks_uri"])))
    assert header["alg"] in metadata["id_token_signing_alg_values_supported"]
    return header, claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("tenant_issuer", [False, True])
def test_an_independent_library_reads_the_tokens(world, algorithm, tenant_issuer):
    client = world.client(id_token_signed_response_alg=algorithm)
    person = world.person(groups={f"Staff {algorithm} {tenant_issuer}": "editor"}, amr=("pwd", "mfa"), acr="urn:example:high")
    issuer = issuer_of(world.acme) if tenant_issuer else BASE
    answer = world.tokens(person, client, issuer=issuer)
    now = int(world.clock.now().timestamp())
    common = {
        "iss": issuer,
        "sub": person.user.id,
        "aud": client.id,
        "exp": now + 600,
        "iat": now,
        "auth_time": now,
        "sid": person.session.id,
        "tenant_id": world.acme.id,
        "tenant": "acme",
        "roles": ["editor"],
        "groups": [f"Staff {algorithm} {tenant_issuer}"],
        "idp": person.session.connection_id,
        "amr": ["pwd", "mfa"],
        "acr": "urn:example:high",
    }
    header, claims = read(world, answer["access_token"], issuer)
    assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)
    assert claims.pop("jti")
    assert claims == {**common, "client_id": client.id, "scope": "openid profile email groups"}
    header, claims = read(world, answer["id_token"], issuer)
    assert (header["typ"], header["alg"]) == ("JWT", algorithm)
    digest = (hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256)(answer["access_token"].encode()).digest()
    assert claims == {
        **common,
        "nonce": "nonce-1",
        "at_hash": urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode(),
        "email": person.user.email,
        "email_verified": True,
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
    }
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    assert answer["scope"] == "openid profile email groups"


def test_userinfo_says_the_same(world):
    client, person = world.client(), world.person(groups={"Userinfo": "reader"})
    answer = world.userinfo(world.tokens(person, client)["access_token"])
    assert answer.status == 200
    assert document(answer) == {
        "sub": person.user.id,
        "tenant_id": world.acme.id,
        "tenant": "acme",
        "roles": ["reader"],
        "groups": ["Userinfo"],
        "email": person.user.email,
        "email_verified": True,
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
    }


@pytest.mark.parametrize(
    ("scope", "granted", "id_token", "absent"),
    [
        ("openid", "openid", True, {"email", "name", "groups"}),
        ("openid email", "openid email", True, {"name", "groups"}),
        ("email groups", "email groups", False, set()),
        ("openid offline_access api:read openid", "openid", True, {"email", "name", "groups"}),
    ],
)
def test_scopes_decide_what_is_told(world, scope, granted, id_token, absent):
    client, person = world.client(), world.person()
    answer = world.tokens(person, client, scope=scope, nonce=None)
    assert answer["scope"] == granted
    assert ("id_token" in answer) is id_token
    _, access = read(world, answer["access_token"])
    assert "email" not in access
    if id_token:
        _, claims = read(world, answer["id_token"])
        assert not (absent | {"nonce", "amr", "acr"}) & set(claims)


def test_the_token_answer_is_never_stored(world):
    client, person = world.client(), world.person()
    headers = dict(world.token(client, world.code(person, client)).headers)
    assert (headers["cache-control"], headers["pragma"]) == ("no-store", "no-cache")


def test_a_first_sign_in_goes_through_the_flow(world):
    client, browser = world.client(), world.browser()
    page = world.authorize(browser, client)
    assert page.status == 200
    handle, person = attempt_of(page), world.person()
    world.finish_sign_in(handle, person)
    answer = browser.get("/oauth2/resume", {"attempt": handle})
    query = location_query(answer)
    assert location(answer).startswith(REDIRECT + "?")
    assert (query["state"], query["iss"]) == ("state-1", BASE)
    assert world.token(client, query["code"]).status == 200
    again = browser.get("/oauth2/resume", {"attempt": handle})
    assert again.status == 400
    assert b"Reference: " in again.body


def test_a_second_app_needs_no_sign_in(world):
    person = world.person()
    browser = world.browser(person)
    first, second = world.client(), world.client()
    for client in (first, second, first):
        assert "code" in location_query(world.authorize(browser, client))
    told = [event for event in world.events(world.acme, "sign_in.succeeded") if event["session_id"] == person.session.id]
    assert [event["context"]["app"] for event in told] == [first.id, second.id]


def test_a_sign_in_belongs_to_its_browser(world):
    client, browser = world.client(), world.browser()
    handle = attempt_of(world.authorize(browser, client))
    world.finish_sign_in(handle, world.person())
    other = world.browser()
    world.authorize(other, client)
    for thief in (other, world.browser()):
        assert thief.get("/oauth2/resume", {"attempt": handle}).status == 403
    assert "code" in location_query(browser.get("/oauth2/resume", {"attempt": handle}))


def test_a_sign_in_belongs_to_its_issuer(world):
    client, browser = world.client(), world.browser()
    handle = attempt_of(world.authorize(browser, client))
    assert browser.get("/t/acme/oauth2/resume", {"attempt": handle}).status == 400


def test_giving_up_takes_an_error_to_the_app(world):
    client, browser = world.client(), world.browser()
    handle = attempt_of(world.authorize(browser, client))
    query = location_query(browser.get("/oauth2/resume", {"attempt": handle}))
    assert (query["error"], query["state"], query["iss"]) == ("access_denied", "state-1", BASE)


def test_a_session_that_ended_meanwhile_gives_no_code(world):
    client, browser, person = world.client(), world.browser(), world.person()
    handle = attempt_of(world.authorize(browser, client))
    world.finish_sign_in(handle, person)
    world.end(person)
    assert location_query(browser.get("/oauth2/resume", {"attempt": handle}))["error"] == "login_required"


def test_an_app_that_was_removed_meanwhile_gets_nothing(world):
    client, browser, person = world.client(), world.browser(), world.person()
    handle = attempt_of(world.authorize(browser, client))
    world.finish_sign_in(handle, person)
    world.remove(client)
    assert browser.get("/oauth2/resume", {"attempt": handle}).status == 400


def test_the_wrong_person_after_an_id_token_hint(world):
    client, browser = world.client(), world.browser()
    hint = world.tokens(world.person(), client)["id_token"]
    handle = attempt_of(world.authorize(browser, client, id_token_hint=hint))
    world.finish_sign_in(handle, world.person())
    assert location_query(browser.get("/oauth2/resume", {"attempt": handle}))["error"] == "login_required"


def test_a_post_is_asked_again_by_get(world):
    client, person = world.client(), world.person()
    browser = world.browser(person)
    answer = browser.post("/oauth2/authorize", request_for(client))
    assert location(answer).startswith(f"{BASE}/oauth2/authorize?")
    assert "code" in location_query(browser.get(location(answer)))
    wrong = browser.post("/oauth2/authorize", request_for(client, scope="nothing"))
    assert location_query(wrong)["error"] == "invalid_scope"
    assert browser.post("/oauth2/authorize", request_for(client, ui_locales="x" * 17_000)).status == 413


def test_claims_are_those_of_now(world):
    """auth_time is the sign-in's, iat the token's."""
    client = world.client()
    person = world.person(authenticated_at=world.clock.now() - timedelta(minutes=7))
    part = world.tokens(person, client)["id_token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(part + "=="))
    assert claims["iat"] - claims["auth_time"] == 420
