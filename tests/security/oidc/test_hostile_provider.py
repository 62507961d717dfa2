"""A provider that misbehaves: every row must be refused, with its code, and with nothing told to the browser."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwa import JWS_ALGORITHMS
from joserfc.jwk import OctKey

from idbroker.federation.contract import ReplyRefused
from idbroker.federation.options import ConnectionOptions
from oidc import jose
from oidc.demo_op import SigningKey
from oidc.relying_party import refusals
from tests.support.oidc_op import ISSUER, World, body, down, members

RSA = SigningKey(rsa.generate_private_key(65537, 2048), "RS256")
WEAK = rsa.generate_private_key(65537, 1024)
OTHER = ec.generate_private_key(ec.SECP256R1())
FIXED = {refusals.ANSWER_REFUSED, refusals.PROVIDER_FAILED, refusals.ACCESS_DENIED}


def refusal(world, **how):
    with pytest.raises(ReplyRefused) as refused:
        world.sign_in(**how)
    error = refused.value
    assert error.public in FIXED
    assert error.code.startswith("oidc_")
    assert world.attempt().handle not in error.detail
    assert "s3cret" not in str(error) + error.detail + repr(error.findings)
    return error


def compact(header, claims, signature=b""):
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    return ".".join(jose.b64url(part) for part in (*parts, signature))


def signed_raw(key, header, claims):
    """Any bytes as header and claims, with a good signature."""
    signing_input = compact(header, claims).rpartition(".")[0]
    signature = jose._MODELS[key.alg].sign(signing_input.encode(), jose.as_key(key.native))
    return f"{signing_input}.{jose.b64url(signature)}"


def hmac_with_public_key(claims):
    pem = RSA.native.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    model = next(model for model in JWS_ALGORITHMS if model.name == "HS256")
    signing_input = compact({"alg": "HS256", "kid": RSA.kid}, claims).rpartition(".")[0]
    key = OctKey(pem, pem)
    return f"{signing_input}.{jose.b64url(model.sign(signing_input.encode(), key))}"


def header_key(name):
    def forge(claims):
        key = SigningKey(OTHER)
        jwk = key.jwk()
        value = {"jwk": jwk, "jku": "https://evil.example.com/jwks", "x5u": "https://evil.example.com/c", "x5c": ["AAAA"]}[name]
        return signed_raw(key, {"alg": "ES256", "kid": "demo-1", name: value}, claims)

    return forge


def headed(**header):
    return lambda claims: signed_raw(RSA, {"alg": "RS256", "kid": RSA.kid, **header}, claims)


def doubled(claims):
    text = json.dumps(claims)
    return signed_raw(RSA, {"alg": "RS256", "kid": RSA.kid}, ('{"sub": "eve", ' + text[1:]).encode())


def raw(claims):
    return signed_raw(RSA, {"alg": "RS256"}, claims)


def honest(claims, *, alg="RS256", kid=RSA.kid):
    return jose.sign(claims, RSA.native, alg=alg, kid=kid)


FORGED = {
    "alg none": (lambda claims: compact({"alg": "none"}, claims), "oidc_alg_not_allowed"),
    "alg None": (lambda claims: compact({"alg": "None", "kid": RSA.kid}, claims), "oidc_alg_not_allowed"),
    "no alg": (lambda claims: compact({"kid": RSA.kid}, claims), "oidc_token_malformed"),
    "alg a list": (lambda claims: compact({"alg": ["RS256"]}, claims), "oidc_token_malformed"),
    "HMAC with the public key": (hmac_with_public_key, "oidc_alg_not_allowed"),
    "ours, but not the provider's": (lambda claims: honest(claims, alg="PS256"), "oidc_alg_not_allowed"),
    "no signature": (lambda claims: compact({"alg": "RS256", "kid": RSA.kid}, claims), "oidc_signature_invalid"),
    "foreign key of the same name": (
        lambda claims: jose.sign(claims, rsa.generate_private_key(65537, 2048), alg="RS256", kid=RSA.kid),
        "oidc_signature_invalid",
    ),
    "foreign key without a name": (
        lambda claims: signed_raw(SigningKey(rsa.generate_private_key(65537, 2048), "RS256"), {"alg": "RS256"}, claims),
        "oidc_signature_invalid",
    ),
    "unknown key": (lambda claims: honest(claims, kid="other"), "oidc_key_unknown"),
    "jwk in the header": (header_key("jwk"), "oidc_alg_not_allowed"),
    "crit": (headed(crit=["exp"]), "oidc_token_malformed"),
    "b64 false": (headed(b64=False, crit=["b64"]), "oidc_token_malformed"),
    "an access token": (headed(typ="at+jwt"), "oidc_token_type"),
    "a logout token": (headed(typ="application/logout+jwt"), "oidc_token_type"),
    "typ a number": (headed(typ=1), "oidc_token_type"),
    "kid a number": (headed(kid=1), "oidc_token_malformed"),
    "names twice": (doubled, "oidc_token_malformed"),
    "claims a list": (lambda claims: raw([claims]), "oidc_token_malformed"),
    "claims not JSON": (lambda claims: raw(b"hello"), "oidc_token_malformed"),
    "claims nested deeply": (lambda claims: raw(b'{"a":' + b"[" * 20_000), "oidc_token_malformed"),
    "a lone surrogate": (lambda claims: raw(b'{"sub": "\\ud800"}'), "oidc_token_malformed"),
    "NaN": (lambda claims: raw(b'{"exp": NaN}'), "oidc_token_malformed"),
    "a huge number": (lambda claims: raw(b'{"exp": 1e999}'), "oidc_token_malformed"),
    "a huge integer": (lambda claims: raw(b'{"exp": ' + b"9" * 5000 + b"}"), "oidc_token_malformed"),
    "encrypted": (lambda claims: "a.b.c.d.e", "oidc_token_malformed"),
    "padded": (lambda claims: honest(claims) + "==", "oidc_token_malformed"),
    "huge": (lambda claims: honest({**claims, "x": "x" * 70_000}), "oidc_token_malformed"),
    "empty": (lambda claims: "", "oidc_token_malformed"),
    "not ASCII": (lambda claims: "é.é.é", "oidc_token_malformed"),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "code"), FORGED.values(), ids=FORGED.keys())
def test_forged_tokens(forge, code):
    world = World(key=RSA)
    world.op.forge = forge
    error = refusal(world)
    assert (error.code, error.status) == (code, 403)
    assert any(finding.outcome == "fail" and finding.advice for finding in error.findings)


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_header_never_brings_its_own_key(name):
    world = World()
    world.op.forge = header_key(name)
    assert refusal(world).code == "oidc_signature_invalid"
    assert all(not url.startswith("https://evil") for url in world.fetcher.calls)


NOW = int(World().clock.now().timestamp())
CLAIMS = {
    "iss": ("iss", ["https://evil.example.com", ISSUER + "/", [ISSUER], None, 5], "oidc_iss_mismatch"),
    "aud": ("aud", ["another", [], ["another"], ["broker-client", 5], {"broker-client": 1}, None], "oidc_aud_mismatch"),
    "two audiences without azp": ("aud", [["broker-client", "another"]], "oidc_azp_mismatch"),
    "azp": ("azp", ["another", ["broker-client"], None, ""], "oidc_azp_mismatch"),
    "exp": ("exp", [NOW - 61, 0, "9999999999", True, None, -1, 1e300, [NOW + 60]], "oidc_token_expired"),
    "iat": ("iat", [NOW + 61, NOW - 661, "1", None, True], "oidc_iat_invalid"),
    "nbf": ("nbf", [NOW + 61, "1", None], "oidc_token_not_yet_valid"),
    "nonce": ("nonce", ["x" * 43, "", None, ["x"], "é", 5], "oidc_nonce_mismatch"),
    "at_hash": ("at_hash", ["AAAAAAAAAAAAAAAAAAAAAA", "", None, 5, "é"], "oidc_at_hash_mismatch"),
    "c_hash": ("c_hash", ["AAAAAAAAAAAAAAAAAAAAAA", None], "oidc_c_hash_mismatch"),
    "auth_time": ("auth_time", [NOW + 61, "1", None], "oidc_auth_time_invalid"),
    "sub": ("sub", ["", "x" * 256, None, 5, ["alice-1"], "ålice", "a\nb", "a\x7f"], "oidc_sub_invalid"),
    "email a list": ("email", [["alice@acme.example"], ["a@acme.example", "b@acme.example"], 5, True], "oidc_claim_type"),
}
ROWS = [(name, value, code) for name, values, code in CLAIMS.values() for value in values]


@pytest.mark.parametrize(("name", "value", "code"), ROWS, ids=[f"{name}={value!r:.30}" for name, value, _ in ROWS])
def test_wrong_claims(name, value, code):
    world = World()
    world.op.extra = {name: value}
    assert refusal(world).code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("iss", "oidc_iss_mismatch"), ("aud", "oidc_aud_mismatch"), ("exp", "oidc_token_expired"), ("iat", "oidc_iat_invalid"),
        ("nonce", "oidc_nonce_mismatch"), ("sub", "oidc_sub_invalid"),
    ],
)  # fmt: skip
def test_missing_claims(name, code):
    world = World()
    world.op.without = (name,)
    assert refusal(world).code == code


def test_the_skew_is_the_connections():
    strict = World(options=ConnectionOptions(clock_skew_seconds=0))
    strict.op.extra = {"exp": NOW}
    assert refusal(strict).code == "oidc_token_expired"


class TestFreshness:
    def test_auth_time_is_needed_when_max_age_was_asked_for(self):
        world = World()
        world.op.without = ("auth_time",)
        assert refusal(world, attempt=world.attempt(max_age=60)).code == "oidc_auth_time_invalid"

    @pytest.mark.parametrize("asked", [{"max_age": 60}, {"force_authn": True}])
    def test_an_old_session_at_the_provider(self, asked):
        world = World()
        world.op.extra = {"auth_time": NOW - 121}
        assert refusal(world, attempt=world.attempt(**asked)).code == "oidc_auth_time_invalid"

    @pytest.mark.parametrize("acr", ["0", None, ["phr"]])
    def test_a_weaker_sign_in_than_demanded(self, acr):
        world = World(options=ConnectionOptions(authn_context=("phr",)))
        world.op.extra = {"acr": acr}
        assert refusal(world).code == "oidc_acr_mismatch"


class TestVendors:
    @pytest.mark.parametrize("tid", ["other", None, 5, ["t1"]])
    def test_another_entra_directory(self, tid):
        world = World(vendor="entra", options=ConnectionOptions(entra_tenant_id="t1"))
        world.op.extra = {"tid": tid}
        assert refusal(world).code == "oidc_entra_tenant_mismatch"

    @pytest.mark.parametrize("hd", ["evil.example", None, ["acme.example"], ""])
    @pytest.mark.parametrize("options", [{}, {"google_hosted_domains": ("acme.example",)}, {"google_hosted_domains": ()}])
    def test_another_google_workspace(self, hd, options):
        world = World(vendor="google", options=ConnectionOptions(**options))
        world.op.extra = {"hd": hd}
        assert refusal(world).code == "oidc_google_domain_mismatch"

    def test_google_without_any_verified_domain(self):
        world = World(vendor="google", verified_domains=())
        world.op.extra = {"hd": "acme.example"}
        assert refusal(world).code == "oidc_google_domain_mismatch"


def swapped(**changed):
    return lambda params: {name: value for name, value in {**params, **changed}.items() if value is not None}


REPLIES = {
    "another state": (swapped(state="x" * 43), "oidc_state_mismatch", 403),
    "no state": (swapped(state=None), "oidc_state_mismatch", 403),
    "another issuer": (swapped(iss="https://evil.example.com"), "oidc_response_iss_mismatch", 403),
    "no issuer, though announced": (swapped(iss=None), "oidc_response_iss_mismatch", 403),
    "an error": (swapped(error="server_error", error_description="<script>"), "oidc_idp_error", 502),
    "denied": (swapped(error="access_denied", code=None), "oidc_access_denied", 403),
    "an error of another issuer": (swapped(error="x", iss="https://evil.example.com"), "oidc_response_iss_mismatch", 403),
    "no code": (swapped(code=None), "oidc_code_missing", 400),
    "an empty code": (swapped(code=""), "oidc_code_missing", 400),
    "a huge code": (swapped(code="x" * 9000), "oidc_code_missing", 400),
    "a code with control characters": (swapped(code="a\r\nb"), "oidc_code_missing", 400),
    "a foreign code": (swapped(code="x" * 43), "oidc_code_rejected", 502),
}


@pytest.mark.parametrize(("change", "code", "status"), REPLIES.values(), ids=REPLIES.keys())
def test_bad_replies(change, code, status):
    error = refusal(World(), reply=change)
    assert (error.code, error.status) == (code, status)


def test_nothing_is_sent_for_a_reply_that_is_not_ours():
    world = World()
    connection = world.connection()
    refusal(world, connection=connection, reply=swapped(state="x" * 43))
    assert world.fetcher.forms == []


HUGE = b'{"a": "' + b"x" * 900_000 + b'"}'
ANSWERS = {
    "token: down": ("/token", down, "oidc_idp_unreachable"),
    "token: redirect": ("/token", body("", status=302), "oidc_token_endpoint_failed"),
    "token: 500": ("/token", body("oops", status=500), "oidc_token_endpoint_failed"),
    "token: 201": ("/token", body("{}", status=201), "oidc_token_endpoint_failed"),
    "token: invalid_client": ("/token", body({"error": "invalid_client"}, status=401), "oidc_client_rejected"),
    "token: error a list": ("/token", body({"error": ["invalid_grant"]}, status=400), "oidc_token_endpoint_failed"),
    "token: not JSON": ("/token", body("access_token=x"), "oidc_token_response_invalid"),
    "token: a list": ("/token", body([]), "oidc_token_response_invalid"),
    "token: huge": ("/token", body(HUGE), "oidc_token_response_invalid"),
    "token: deep": ("/token", body("[" * 200_000), "oidc_token_response_invalid"),
    "token: names twice": ("/token", body('{"id_token": "a", "id_token": "b"}'), "oidc_token_response_invalid"),
    "token: no ID token": ("/token", members(id_token=None), "oidc_id_token_missing"),
    "token: ID token a list": ("/token", members(id_token=["x"]), "oidc_token_response_invalid"),
    "token: access token a number": ("/token", members(access_token=5), "oidc_token_response_invalid"),
    "token: access token with line break": ("/token", members(access_token="a\r\nx-evil: 1"), "oidc_token_response_invalid"),
    "token: not a bearer token": ("/token", members(token_type="mac"), "oidc_token_response_invalid"),
    "token: another's access token": ("/token", members(access_token="x"), "oidc_at_hash_mismatch"),
    "jwks: down": ("/jwks", down, "oidc_idp_unreachable"),
    "jwks: redirect": ("/jwks", body("", status=302), "oidc_jwks_invalid"),
    "jwks: 404 with keys": ("/jwks", lambda honest: replace(honest, status=404), "oidc_jwks_invalid"),
    "jwks: not JSON": ("/jwks", body("<html>"), "oidc_jwks_invalid"),
    "jwks: no keys": ("/jwks", body({}), "oidc_jwks_invalid"),
    "jwks: keys an object": ("/jwks", body({"keys": {"a": 1}}), "oidc_jwks_invalid"),
    "jwks: nothing usable": ("/jwks", body({"keys": [None, {}, {"kty": ["RSA"]}, {"kty": "RSA", "n": 5}]}), "oidc_key_unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "change", "code"), ANSWERS.values(), ids=ANSWERS.keys())
def test_bad_answers(path, change, code):
    world = World()
    world.fetcher.changes[path] = change
    error = refusal(world)
    assert error.code == code
    assert error.status == (403 if code in ("oidc_key_unknown", "oidc_at_hash_mismatch") else 502)


USERINFO = {
    "about another person": (members(sub="eve"), "oidc_userinfo_sub_mismatch", 403),
    "about nobody": (members(sub=None), "oidc_userinfo_sub_mismatch", 403),
    "sub a list": (members(sub=["alice-1"]), "oidc_userinfo_sub_mismatch", 403),
    "not JSON": (body("eyJhbGciOiJub25lIn0.e30."), "oidc_userinfo_invalid", 502),
    "names twice": (body('{"sub": "eve", "sub": "alice-1"}'), "oidc_userinfo_invalid", 502),
    "huge": (body(HUGE), "oidc_userinfo_invalid", 502),
    "unauthorised": (body("", status=401), "oidc_userinfo_failed", 502),
    "redirect": (body("", status=302), "oidc_userinfo_failed", 502),
    "down": (down, "oidc_idp_unreachable", 502),
    "e-mail a list": (members(email=["alice@acme.example"]), "oidc_claim_type", 403),
}


@pytest.mark.parametrize(("change", "code", "status"), USERINFO.values(), ids=USERINFO.keys())
def test_bad_userinfo(change, code, status):
    world = World()
    world.op.without = ("email", "email_verified")
    world.fetcher.changes["/userinfo"] = change
    error = refusal(world)
    assert (error.code, error.status) == (code, status)


def weak_jwk(kid):
    numbers = WEAK.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "n": jose.b64url(numbers.n.to_bytes(128)), "e": "AQAB"}


def test_a_weak_key_in_the_key_set_is_no_key():
    world = World(key=RSA)
    world.fetcher.changes["/jwks"] = body({"keys": [weak_jwk("demo-1")]})
    assert refusal(world).code == "oidc_key_unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "RSA-OAEP"}, {"alg": "HS256"}, {"d": "AQAB"},
        {"kty": "oct", "k": "AAAA"}, {"e": "AQ"}, {"n": ""}, {"kty": "EC"}, {"alg": "PS256"}, {"n": "AAAA"}, {"e": "A" * 2000},
    ],
)  # fmt: skip
def test_keys_that_are_not_for_this(change):
    world = World(key=RSA)
    world.fetcher.changes["/jwks"] = body({"keys": [{**RSA.jwk(), **change}]})
    assert refusal(world).code in ("oidc_key_unknown", "oidc_signature_invalid")


def test_ambiguous_claims_are_not_guessed_at():
    world = World(mapping={"email": "mails"})
    world.op.extra = {"mails": ["alice@acme.example", "root@acme.example"]}
    assert refusal(world).code == "oidc_claim_ambiguous"


@pytest.mark.parametrize("value", [None, "", ["a", "b"], {"a": 1}, "x" * 300])
def test_a_mapped_subject_that_is_not_there(value):
    world = World(mapping={"subject": "employee"})
    world.op.extra = {"employee": value}
    assert refusal(world).code in ("oidc_sub_invalid", "oidc_claim_ambiguous")


def test_a_code_works_once():
    world = World()
    connection = world.connection()
    seen = []
    world.sign_in(connection, reply=lambda params: seen.append(params) or params)
    assert refusal(world, connection=connection, reply=lambda params: {**seen[0]}).code == "oidc_code_rejected"


def test_a_lost_client_secret_is_a_refusal():
    world = World()
    assert refusal(world, connection=replace(world.connection(), secrets={})).code == "oidc_client_secret_missing"


def test_a_refusal_carries_the_whole_diagnosis():
    world = World()
    world.op.extra = {"iss": "https://evil.example.com", "nonce": "x"}
    findings = {finding.check: finding for finding in refusal(world).findings}
    assert findings["id_token.iss"].outcome == findings["id_token.nonce"].outcome == "fail"
    assert findings["id_token.signature"].outcome == "pass"
    assert findings["id_token.iss"].received == '"https://evil.example.com"'
