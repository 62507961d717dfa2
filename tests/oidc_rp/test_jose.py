"""Signed JSON: what is made, what is read, what is refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from oidc import jose

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
P521 = ec.generate_private_key(ec.SECP521R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEY_OF = {**dict.fromkeys(jose.ALGORITHMS[:6], RSA), "ES256": P256, "ES384": P384, "ES512": P521, "EdDSA": ED}


@pytest.mark.parametrize("alg", jose.ALGORITHMS)
def test_signed_and_verified(alg):
    key = KEY_OF[alg]
    token = jose.sign({"a": "ü"}, key, alg=alg, kid="k", typ="at+jwt")
    published = jose.import_key_set({"keys": [jose.public_jwk(key.public_key(), "k", alg)]})
    header, claims = jose.verify(token, published, [alg], typ="at+jwt")
    assert (header, claims) == ({"alg": alg, "kid": "k", "typ": "at+jwt"}, {"a": "ü"})
    with pytest.raises(jose.BadToken, match="type"):
        jose.verify(token, published, [alg], typ="JWT")
    with pytest.raises(jose.BadToken) as refused:
        jose.verify(token, published, [name for name in jose.ALGORITHMS if name != alg])
    assert refused.value.reason == "algorithm"
    flipped = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    with pytest.raises(jose.BadToken) as refused:
        jose.verify(flipped, published, [alg])
    assert refused.value.reason == "signature"


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256", "ES512"])
def test_joserfc_itself_reads_our_tokens(alg):
    key = KEY_OF[alg]
    foreign = joserfc_jwk.import_key(jose.public_jwk(key.public_key(), "k", alg))
    assert joserfc_jwt.decode(jose.sign({"a": 1}, key, alg=alg, kid="k"), foreign, algorithms=[alg]).claims == {"a": 1}


@pytest.mark.parametrize(("key", "alg"), [(RSA, "ES256"), (P256, "ES384"), (ED, "RS256"), (RSA, "none"), (RSA, "HS256")])
def test_an_algorithm_that_does_not_go_with_the_key(key, alg):
    with pytest.raises(ValueError):
        jose.sign({}, key, alg=alg, kid="k")


@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["none", "HS256", "RS256"]])
def test_an_allow_list_cannot_let_in_what_is_not_ours(algorithms):
    token = ".".join((jose.b64url(b'{"alg":"none"}'), jose.b64url(b"{}"), ""))
    with pytest.raises(jose.BadToken) as refused:
        jose.verify(token, jose.key_set([jose.as_key(RSA.public_key())]), algorithms)
    assert refused.value.reason == "algorithm"


def test_weak_and_strange_keys():
    with pytest.raises(ValueError):
        jose.as_key(rsa.generate_private_key(65537, 1024))
    with pytest.raises(ValueError):
        jose.as_key(ec.generate_private_key(ec.SECP256K1()))


def test_a_public_jwk_holds_nothing_private():
    for alg, key in KEY_OF.items():
        jwk = jose.public_jwk(key.public_key(), "k", alg)
        assert (jwk["kid"], jwk["alg"], jwk["use"]) == ("k", alg, "sig")
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(jwk)


def test_thumbprint_of_rfc_7638_3_1():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn"
        "1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert jose.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_at_hash_of_oidc_core_a_3():
    assert jose.half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_a_key_set_is_read_as_far_as_it_is_understood():
    good = jose.public_jwk(P256.public_key(), "good", "ES256")
    rfc_9864 = {**jose.public_jwk(ED.public_key(), "ed", "EdDSA"), "alg": "Ed25519"}
    entries = [{"kty": "AKP", "alg": "ML-DSA-44"}, {**good, "use": "enc", "kid": "enc"}, good, {**rfc_9864}]
    assert [key.kid for key in jose.import_key_set({"keys": entries})] == ["good", "ed"]
    assert len(list(jose.import_key_set({"keys": [good] * 500}))) == 100
    token = jose.sign({}, ED, alg="EdDSA", kid="ed")
    jose.verify(token, jose.import_key_set({"keys": [rfc_9864]}), jose.ALGORITHMS)


def test_two_keys_of_one_name():
    keys = jose.key_set([jose.as_key(key.public_key(), kid="k") for key in (RSA, P384, P256)])
    jose.verify(jose.sign({}, P256, alg="ES256", kid="k"), keys, jose.ALGORITHMS)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '[{"a": 1}]', '"text"', "", "{", "{} {}", '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": "\\u0000"}', '{"\\ud800": 1}', "\ufeff{}", '{"a": ' + "[" * 17 + "]" * 17 + "}", '{"a":"' + "x" * 70_000 + '"}',
    ],
)  # fmt: skip
def test_json_of_more_than_one_reading(text):
    with pytest.raises(jose.BadToken) as refused:
        jose.strict_json(text)
    assert refused.value.reason == "json"


@pytest.mark.parametrize("text", ["YQ==", "YR", "Y Q", "Y\nQ", "YQ+", "/w", "é", "A"])
def test_base64url_in_another_form(text):
    with pytest.raises(jose.BadToken):
        jose.b64url_decode(text)
