"""Userinfo: how a token may come, and everything that makes one dead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.keys.rotation import KeyRotation
from oidc.jose import as_key, sign
from tests.support.provider_world import BASE, document, issuer_of


def challenge(answer):
    return answer.status, dict(answer.headers)["www-authenticate"]


def test_ways_to_present_a_token(world):
    client = world.client()
    token = world.tokens(world.person(), client)["access_token"]
    address, header = f"{BASE}/oauth2/userinfo", {"authorization": f"Bearer {token}"}
    assert world.send("GET", address, headers=header).status == 200
    assert world.send("GET", address, headers={"authorization": f"bearer {token}"}).status == 200
    assert world.send("POST", address, headers=header).status == 200
    assert world.send("POST", address, form={"access_token": token}).status == 200
    assert challenge(world.send("GET", address, query={"access_token": token})) == (401, 'Bearer realm="idbroker"')
    assert challenge(world.send("GET", address, headers=client.basic())) == (401, 'Bearer realm="idbroker"')
    status, words = challenge(world.send("POST", address, headers=header, form={"access_token": token}))
    assert status == 400
    assert 'error="invalid_request"' in words


def dead(world, token, issuer=BASE):
    answer = world.userinfo(token, issuer=issuer)
    status, words = challenge(answer)
    return status == 401 and 'error="invalid_token"' in words and document(answer)["error"] == "invalid_token"


def test_what_is_no_access_token(world):
    client, person = world.client(), world.person()
    answer = world.tokens(person, client)
    token = answer["access_token"]
    head, body, signature = token.split(".")
    for wrong in ("x", answer["id_token"], f"{head}.{body}.", f"{head}.{body}.{signature[::-1]}", "a.b.c", "é", token + "."):
        assert dead(world, wrong)


@pytest.mark.parametrize(
    "changed",
    [{"iss": issuer} for issuer in ("https://evil.example.com", f"{BASE}/t/acme", None)]
    + [{"exp": 1}, {"exp": "soon"}, {"exp": None}, {"sid": None}, {"sid": "ses_x"}, {"sub": "usr_x"}, {"tenant_id": "tnt_x"}],
    ids=str,
)
def test_every_claim_counts_even_with_a_good_signature(world, changed):
    client, person = world.client(), world.person()
    world.tokens(person, client)
    signer = world.keys.signer("platform", "ES256")
    now = int(world.clock.now().timestamp())
    good = {
        "iss": BASE, "sub": person.user.id, "aud": client.id, "exp": now + 60, "iat": now, "jti": "t", "client_id": client.id,
        "sid": person.session.id, "tenant_id": world.acme.id, "scope": "openid",
    }  # fmt: skip
    key = as_key(signer.key)
    assert world.userinfo(sign(good, key, alg="ES256", kid=signer.kid, typ="at+jwt")).status == 200
    assert dead(world, sign(good, key, alg="ES256", kid=signer.kid, typ="JWT"))
    claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
    assert dead(world, sign(claims, key, alg="ES256", kid=signer.kid, typ="at+jwt"))


def test_a_token_is_its_issuers(world):
    client = world.client()
    for person, own, others in (
        (world.person(), issuer_of(world.acme), (BASE, issuer_of(world.globex))),
        (world.person(), BASE, (issuer_of(world.acme), issuer_of(world.globex))),
    ):
        token = world.tokens(person, client, issuer=own)["access_token"]
        assert world.userinfo(token, issuer=own).status == 200
        for other in others:
            assert dead(world, token, other)


def test_dead_with_the_session_the_person_or_the_tenant(world):
    client, gone, off, closed = world.client(), world.person(), world.person(), world.tenant("closed")
    tokens = [world.tokens(person, client)["access_token"] for person in (gone, off, world.person(closed))]
    world.end(gone)
    world.switch_off(off)
    world.set_status(closed, "paused")
    for token in tokens:
        assert dead(world, token)


def test_dead_with_the_app(world):
    client = world.client()
    token = world.tokens(world.person(), client)["access_token"]
    world.remove(client)
    assert dead(world, token)


def test_dead_with_time(world):
    client = world.client()
    token = world.tokens(world.person(), client)["access_token"]
    world.clock.advance(seconds=599)
    assert world.userinfo(token).status == 200
    world.clock.advance(seconds=1)
    assert dead(world, token)


def test_openid_is_needed(world):
    client = world.client()
    token = world.tokens(world.person(), client, scope="email")["access_token"]
    status, words = challenge(world.userinfo(token))
    assert status == 403
    assert 'error="insufficient_scope"' in words


def test_a_rotated_key_verifies_until_its_tokens_have_expired(world):
    client, person = world.client(), world.person()
    rotation = KeyRotation(world.database, world.keys, world.clock, max_age=timedelta(days=90))
    rotation.rotate(PLATFORM_TRAIL, "ES256")
    world.clock.advance(minutes=55)
    old = world.tokens(person, client)["access_token"]
    world.clock.advance(minutes=6)
    new = world.tokens(person, client)["access_token"]
    assert old.split(".")[0] != new.split(".")[0]
    assert world.userinfo(old).status == world.userinfo(new).status == 200
