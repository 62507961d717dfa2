"""A provider with switches: each row is one thing that it does wrong, what that must be called, and which check must say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from joserfc.jwa import JWS_ALGORITHMS
from joserfc.jwk import OctKey

from idbroker.outbound.fetcher import FetchFailed
from oidc import jose
from oidc.demo_op import SigningKey
from tests.support.oidc_op import CLIENT_ID, ISSUER, Change, body, down, members

KEY = SigningKey(rsa.generate_private_key(65537, 2048), "RS256", "k1")
STRANGER = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
HUGE = b'{"a": "' + b"x" * 1_100_000 + b'"}'

Forge = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Misbehaviour:
    code: str
    check: str
    forge: Forge | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    answers: Mapping[str, Change] = field(default_factory=dict)
    reply: Mapping[str, str | None] = field(default_factory=dict)


def raw_token(header: Any, payload: Any, key: Any = KEY.native) -> str:
    """Any bytes or values as header and claims, with a good RS256 signature over them."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = ".".join(jose.b64url(part) for part in parts)
    return f"{signed}.{jose.b64url(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def with_header(**header: Any) -> Forge:
    return lambda claims: raw_token({"alg": "RS256", "kid": "k1", **header}, claims)


def without_signature(alg: str) -> Forge:
    def forge(claims: dict[str, Any]) -> str:
        return ".".join(jose.b64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": "k1"}, claims)) + "."

    return forge


def with_payload(text: bytes) -> Forge:
    return lambda claims: raw_token({"alg": "RS256", "kid": "k1"}, text)


def by_mac(secret: bytes, alg: str = "HS256") -> Forge:
    """Algorithm confusion: a shared-key MAC with something that everybody knows, or that we share."""
    model = next(model for model in JWS_ALGORITHMS if model.name == alg)

    def forge(claims: dict[str, Any]) -> str:
        signed = ".".join(jose.b64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": "k1"}, claims))
        return f"{signed}.{jose.b64url(model.sign(signed.encode(), OctKey(secret, secret)))}"

    return forge


def by_stranger(**header: Any) -> Forge:
    return lambda claims: raw_token({"alg": "RS256", "kid": "k1", **header}, claims, STRANGER)


def stranger_jwk() -> dict[str, Any]:
    return jose.public_jwk(STRANGER.public_key(), "k1", "RS256")


def twice(name: str, text: str) -> Forge:
    def forge(claims: dict[str, Any]) -> str:
        return raw_token({"alg": "RS256", "kid": "k1"}, (f'{{"{name}": {text}, ' + json.dumps(claims)[1:]).encode())

    return forge


def blocked(honest: Any) -> Any:
    raise FetchFailed("outbound_blocked", "The address points into a private network and is not called.", detail=honest.url)


def slow(honest: Any) -> Any:
    raise FetchFailed("outbound_timeout", "The other server did not answer in time.", detail=honest.url)


def too_large(honest: Any) -> Any:
    raise FetchFailed("outbound_too_large", "The other server's answer is too large.", detail=honest.url)


def compressed(honest: Any) -> Any:
    raise FetchFailed("outbound_encoding", "The other server compressed its answer unasked.", detail=honest.url)


def redirecting(honest: Any) -> Any:
    return replace(honest, status=302, headers={"location": "http://169.254.169.254/"}, body=b"")


def served_as(kind: str) -> Change:
    return lambda honest: replace(honest, headers={"content-type": kind})


def pem() -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return KEY.native.public_key().public_bytes(encoding, form)


def weak_jwk() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    return {"kty": "RSA", "kid": "k1", "n": jose.b64url(numbers.n.to_bytes(128)), "e": "AQAB"}


_MALFORMED = ("oidc_token_malformed", "id_token.form")
_ALG = ("oidc_alg_not_allowed", "id_token.algorithm")
_KEY = ("oidc_key_unknown", "id_token.key")
_SIGNATURE = ("oidc_signature_invalid", "id_token.signature")
_TYPE = ("oidc_token_type", "id_token.typ")
_ISS = ("oidc_iss_mismatch", "id_token.iss")
_AUD = ("oidc_aud_mismatch", "id_token.aud")
_AZP = ("oidc_azp_mismatch", "id_token.azp")
_EXP = ("oidc_token_expired", "id_token.exp")
_IAT = ("oidc_iat_invalid", "id_token.iat")
_NBF = ("oidc_token_not_yet_valid", "id_token.nbf")
_NONCE = ("oidc_nonce_mismatch", "id_token.nonce")
_SUB = ("oidc_sub_invalid", "id_token.sub")
_AT_HASH = ("oidc_at_hash_mismatch", "id_token.at_hash")
_AUTH_TIME = ("oidc_auth_time_invalid", "id_token.auth_time")
_ANSWER = ("oidc_token_response_invalid", "token_endpoint.answer")
_FAILED = ("oidc_token_endpoint_failed", "token_endpoint.answer")
_TOKEN_UNREACHED = ("oidc_idp_unreachable", "token_endpoint.reached")
_JWKS_UNREACHED = ("oidc_idp_unreachable", "jwks.reached")
_JWKS = ("oidc_jwks_invalid", "jwks.form")
_USERINFO = ("oidc_userinfo_invalid", "userinfo.answer")
_USERINFO_SUB = ("oidc_userinfo_sub_mismatch", "userinfo.sub")
_NO_MAIL = ("email", "email_verified")

SIGNATURE = {
    "alg none": Misbehaviour(*_ALG, without_signature("none")),
    "alg NONE": Misbehaviour(*_ALG, without_signature("NONE")),
    "alg empty": Misbehaviour(*_ALG, without_signature("")),
    "RS256 without a signature": Misbehaviour(*_SIGNATURE, without_signature("RS256")),
    "HS256 with the public key": Misbehaviour(*_ALG, by_mac(pem())),
    "HS256 with the client secret": Misbehaviour(*_ALG, by_mac(b"s3cret")),
    "HS512 with nothing": Misbehaviour(*_ALG, by_mac(b"\0", "HS512")),
    "PS256 that is not offered": Misbehaviour(*_ALG, lambda claims: jose.sign(claims, KEY.native, alg="PS256", kid="k1")),
    "ES256 with a key of its own": Misbehaviour(*_ALG, lambda claims: jose.sign(claims, CURVE, alg="ES256", kid="k1")),
    "a stranger's key under the right kid": Misbehaviour(*_SIGNATURE, by_stranger()),
    "a stranger's key without kid": Misbehaviour(*_SIGNATURE, lambda claims: raw_token({"alg": "RS256"}, claims, STRANGER)),
    "a kid that nobody published": Misbehaviour(*_KEY, with_header(kid="k2")),
    "a kid that is a path": Misbehaviour(*_KEY, with_header(kid="../../../../dev/null")),
    "a kid that is SQL": Misbehaviour(*_KEY, with_header(kid="k1' OR '1'='1")),
    "a kid that is a URL": Misbehaviour(*_KEY, with_header(kid="https://evil.example.com/jwks")),
    "alg twice": Misbehaviour(*_MALFORMED, lambda claims: raw_token(b'{"alg": "none", "alg": "RS256", "kid": "k1"}', claims)),
    "a header of 60 KB": Misbehaviour(*_MALFORMED, with_header(x="x" * 60_000)),
    "a kid that is empty": Misbehaviour(*_KEY, with_header(kid="")),
    "a kid that is null": Misbehaviour(*_MALFORMED, with_header(kid=None)),
    "a kid that is a list": Misbehaviour(*_MALFORMED, with_header(kid=["k1"])),
    "jwk in the header": Misbehaviour(*_SIGNATURE, by_stranger(jwk=stranger_jwk())),
    "jku in the header": Misbehaviour(*_SIGNATURE, by_stranger(jku="https://evil.example.com/jwks")),
    "x5u in the header": Misbehaviour(*_SIGNATURE, by_stranger(x5u="https://evil.example.com/cert")),
    "x5c in the header": Misbehaviour(*_SIGNATURE, by_stranger(x5c=["AAAA"])),
    "crit": Misbehaviour(*_MALFORMED, with_header(crit=["exp"], exp=1)),
    "crit empty": Misbehaviour(*_MALFORMED, with_header(crit=[])),
    "b64 false": Misbehaviour(*_MALFORMED, with_header(b64=False, crit=["b64"])),
    "typ at+jwt": Misbehaviour(*_TYPE, with_header(typ="at+jwt")),
    "typ logout+jwt": Misbehaviour(*_TYPE, with_header(typ="logout+jwt")),
    "typ dpop+jwt": Misbehaviour(*_TYPE, with_header(typ="dpop+jwt")),
    "typ an object": Misbehaviour(*_TYPE, with_header(typ={})),
    "a nested token": Misbehaviour(
        *_MALFORMED, lambda claims: raw_token({"alg": "RS256", "kid": "k1", "cty": "JWT"}, with_header()(claims).encode())
    ),
    "an encrypted token": Misbehaviour(*_MALFORMED, lambda claims: "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d"),
    "two parts": Misbehaviour(*_MALFORMED, lambda claims: with_header()(claims).rpartition(".")[0]),
    "four parts": Misbehaviour(*_MALFORMED, lambda claims: with_header()(claims) + ".x"),
    "padding": Misbehaviour(*_MALFORMED, lambda claims: with_header()(claims) + "="),
    "a line break": Misbehaviour(*_MALFORMED, lambda claims: with_header()(claims) + "\n"),
    "stray bits": Misbehaviour(*_MALFORMED, lambda claims: "f" + with_header()(claims)),
    "JSON serialisation": Misbehaviour(*_MALFORMED, lambda claims: json.dumps({"payload": "e30", "signatures": []})),
    "empty": Misbehaviour(*_MALFORMED, lambda claims: ""),
    "a kilobyte too many": Misbehaviour(*_MALFORMED, lambda claims: with_header()({**claims, "x": "x" * 70_000})),
    "the signature of another token": Misbehaviour(
        *_SIGNATURE,
        lambda claims: with_header()(claims).rpartition(".")[0] + "." + with_header()({**claims, "x": 1}).rpartition(".")[2],
    ),
}

CONTENT = {
    "claims twice": Misbehaviour(*_MALFORMED, twice("sub", '"eve"')),
    "iss twice": Misbehaviour(*_MALFORMED, twice("iss", '"https://evil.example.com"')),
    "the client id twice as audience": Misbehaviour(*_AZP, claims={"aud": [CLIENT_ID, CLIENT_ID]}),
    "claims a list": Misbehaviour(*_MALFORMED, with_payload(b"[]")),
    "claims a text": Misbehaviour(*_MALFORMED, with_payload(b'"alice"')),
    "claims null": Misbehaviour(*_MALFORMED, with_payload(b"null")),
    "claims not JSON": Misbehaviour(*_MALFORMED, with_payload(b"<claims/>")),
    "claims in UTF-16": Misbehaviour(*_MALFORMED, with_payload('{"sub": "alice"}'.encode("utf-16"))),
    "claims with a BOM": Misbehaviour(*_MALFORMED, with_payload(b'\xef\xbb\xbf{"sub": "alice"}')),
    "claims nested deeply": Misbehaviour(*_MALFORMED, with_payload(b'{"a":' * 9_000)),
    "a lone surrogate": Misbehaviour(*_MALFORMED, with_payload(b'{"sub": "\\ud800"}')),
    "NaN": Misbehaviour(*_MALFORMED, with_payload(b'{"exp": NaN}')),
    "infinity": Misbehaviour(*_MALFORMED, with_payload(b'{"exp": 1e999}')),
    "a number of 5,000 digits": Misbehaviour(*_MALFORMED, with_payload(b'{"exp": ' + b"9" * 5000 + b"}")),
    "iss of another": Misbehaviour(*_ISS, claims={"iss": "https://evil.example.com"}),
    "iss with a slash": Misbehaviour(*_ISS, claims={"iss": f"{ISSUER}/"}),
    "iss in capitals": Misbehaviour(*_ISS, claims={"iss": ISSUER.upper()}),
    "iss a list": Misbehaviour(*_ISS, claims={"iss": [ISSUER]}),
    "no iss": Misbehaviour(*_ISS, without=("iss",)),
    "aud of another": Misbehaviour(*_AUD, claims={"aud": "another"}),
    "aud empty": Misbehaviour(*_AUD, claims={"aud": []}),
    "aud null": Misbehaviour(*_AUD, claims={"aud": None}),
    "aud a prefix": Misbehaviour(*_AUD, claims={"aud": CLIENT_ID + "-2"}),
    "aud with a number in it": Misbehaviour(*_AUD, claims={"aud": [CLIENT_ID, 1]}),
    "aud an object": Misbehaviour(*_AUD, claims={"aud": {CLIENT_ID: True}}),
    "aud nested": Misbehaviour(*_AUD, claims={"aud": [[CLIENT_ID]]}),
    "a thousand audiences": Misbehaviour(*_AZP, claims={"aud": [CLIENT_ID] + ["x"] * 1000}),
    "no aud": Misbehaviour(*_AUD, without=("aud",)),
    "two audiences, no azp": Misbehaviour(*_AZP, claims={"aud": [CLIENT_ID, "another"]}),
    "azp of another": Misbehaviour(*_AZP, claims={"azp": "another"}),
    "azp null": Misbehaviour(*_AZP, claims={"azp": None}),
    "expired": Misbehaviour(*_EXP, claims={"exp": 1}),
    "exp true": Misbehaviour(*_EXP, claims={"exp": True}),
    "exp a text": Misbehaviour(*_EXP, claims={"exp": "9999999999"}),
    "exp beyond all time": Misbehaviour(*_EXP, claims={"exp": 10**18}),
    "exp negative": Misbehaviour(*_EXP, claims={"exp": -1}),
    "exp a list": Misbehaviour(*_EXP, claims={"exp": [9999999999]}),
    "no exp": Misbehaviour(*_EXP, without=("exp",)),
    "iat in the future": Misbehaviour(*_IAT, claims={"iat": 9999999999}),
    "iat long ago": Misbehaviour(*_IAT, claims={"iat": 0.5}),
    "iat false": Misbehaviour(*_IAT, claims={"iat": False}),
    "no iat": Misbehaviour(*_IAT, without=("iat",)),
    "nbf in the future": Misbehaviour(*_NBF, claims={"nbf": 9999999999}),
    "nbf a text": Misbehaviour(*_NBF, claims={"nbf": "now"}),
    "nonce of another": Misbehaviour(*_NONCE, claims={"nonce": "x" * 43}),
    "nonce empty": Misbehaviour(*_NONCE, claims={"nonce": ""}),
    "nonce a list": Misbehaviour(*_NONCE, claims={"nonce": ["x"]}),
    "nonce not ASCII": Misbehaviour(*_NONCE, claims={"nonce": "é"}),
    "no nonce": Misbehaviour(*_NONCE, without=("nonce",)),
    "at_hash of another": Misbehaviour(*_AT_HASH, claims={"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "at_hash a number": Misbehaviour(*_AT_HASH, claims={"at_hash": 5}),
    "c_hash of another": Misbehaviour("oidc_c_hash_mismatch", "id_token.c_hash", claims={"c_hash": "AAAA"}),
    "auth_time in the future": Misbehaviour(*_AUTH_TIME, claims={"auth_time": 9999999999}),
    "auth_time a text": Misbehaviour(*_AUTH_TIME, claims={"auth_time": "now"}),
    "no sub": Misbehaviour(*_SUB, without=("sub",)),
    "sub empty": Misbehaviour(*_SUB, claims={"sub": ""}),
    "sub a number": Misbehaviour(*_SUB, claims={"sub": 5}),
    "sub a list": Misbehaviour(*_SUB, claims={"sub": ["alice-1"]}),
    "sub too long": Misbehaviour(*_SUB, claims={"sub": "x" * 256}),
    "sub with NUL": Misbehaviour(*_MALFORMED, claims={"sub": "alice\0eve"}),
    "sub with a line break": Misbehaviour(*_SUB, claims={"sub": "alice\neve"}),
    "sub turned around": Misbehaviour(*_SUB, claims={"sub": "alice\u202eeve"}),
    "sub in look-alikes": Misbehaviour(*_SUB, claims={"sub": "аlice-1"}),
    "email a list": Misbehaviour("oidc_claim_type", "person.email", claims={"email": ["alice@acme.example"]}),
    "email not verified": Misbehaviour("email_not_verified", "email_not_verified", claims={"email_verified": False}),
    "email_verified a text": Misbehaviour("email_not_verified", "email_not_verified", claims={"email_verified": "no"}),
    "email of a foreign domain": Misbehaviour(
        "email_domain_not_verified", "email_domain_not_verified", claims={"email": "alice@globex.example"}
    ),
    "email that is none": Misbehaviour("email_malformed", "email_malformed", claims={"email": "alice@@acme.example"}),
}

MESSAGES = {
    "state of another": Misbehaviour("reply_without_attempt", "", reply={"state": "x" * 43}),
    "no state": Misbehaviour("reply_without_attempt", "", reply={"state": None}),
    "iss of another (mix-up)": Misbehaviour(
        "oidc_response_iss_mismatch", "response.iss", reply={"iss": "https://evil.example.com"}
    ),
    "no iss although advertised": Misbehaviour("oidc_response_iss_mismatch", "response.iss", reply={"iss": None}),
    "an error beside a code": Misbehaviour("oidc_idp_error", "response.error", reply={"error": "server_error"}),
    "the person is turned away": Misbehaviour(
        "oidc_access_denied", "response.access", reply={"error": "access_denied", "code": None}
    ),
    "no code": Misbehaviour("oidc_code_missing", "response.code", reply={"code": None}),
    "a code of 10,000 characters": Misbehaviour("oidc_code_missing", "response.code", reply={"code": "x" * 10_000}),
    "a code of its own": Misbehaviour("oidc_code_rejected", "token_endpoint.code", reply={"code": "guessed"}),
}

ENDPOINTS = {
    "token: down": Misbehaviour(*_TOKEN_UNREACHED, answers={"/token": down}),
    "token: slow": Misbehaviour(*_TOKEN_UNREACHED, answers={"/token": slow}),
    "token: too large": Misbehaviour(*_TOKEN_UNREACHED, answers={"/token": too_large}),
    "token: compressed": Misbehaviour(*_TOKEN_UNREACHED, answers={"/token": compressed}),
    "token: in our network": Misbehaviour(*_TOKEN_UNREACHED, answers={"/token": blocked}),
    "token: redirects": Misbehaviour(*_FAILED, answers={"/token": redirecting}),
    "token: 500": Misbehaviour(*_FAILED, answers={"/token": body("oops", status=500)}),
    "token: 201": Misbehaviour(*_FAILED, answers={"/token": lambda honest: replace(honest, status=201)}),
    "token: not JSON": Misbehaviour(*_ANSWER, answers={"/token": body("<html>")}),
    "token: a list": Misbehaviour(*_ANSWER, answers={"/token": body([])}),
    "token: names twice": Misbehaviour(*_ANSWER, answers={"/token": body('{"id_token": "a", "id_token": "b"}')}),
    "token: served as a page": Misbehaviour(*_ANSWER, answers={"/token": served_as("text/html; charset=utf-8")}),
    "token: served as a form": Misbehaviour(*_ANSWER, answers={"/token": served_as("application/x-www-form-urlencoded")}),
    "token: an error with status 200": Misbehaviour(*_FAILED, answers={"/token": members(error="server_error")}),
    "token: a byte too many": Misbehaviour(
        *_ANSWER, answers={"/token": lambda honest: replace(honest, body=honest.body + b"x")}
    ),
    "token: nested deeply": Misbehaviour(*_ANSWER, answers={"/token": body(b'{"a":' * 2_000 + b"1" + b"}" * 2_000)}),
    "token: huge": Misbehaviour(*_ANSWER, answers={"/token": body(HUGE)}),
    "token: another type": Misbehaviour(*_ANSWER, answers={"/token": members(token_type="mac")}),
    "token: access token with a line break": Misbehaviour(*_ANSWER, answers={"/token": members(access_token="a\r\nb: c")}),
    "token: ID token an object": Misbehaviour(*_ANSWER, answers={"/token": members(id_token={})}),
    "token: no ID token": Misbehaviour(
        "oidc_id_token_missing", "token_endpoint.id_token", answers={"/token": members(id_token=None)}
    ),
    "token: another's access token": Misbehaviour(*_AT_HASH, answers={"/token": members(access_token="stolen")}),
    "token: our secret refused": Misbehaviour(
        "oidc_client_rejected", "token_endpoint.client", answers={"/token": body({"error": "invalid_client"}, status=401)}
    ),
    "jwks: down": Misbehaviour(*_JWKS_UNREACHED, answers={"/jwks": down}),
    "jwks: in our network": Misbehaviour(*_JWKS_UNREACHED, answers={"/jwks": blocked}),
    "jwks: slow": Misbehaviour(*_JWKS_UNREACHED, answers={"/jwks": slow}),
    "jwks: redirects": Misbehaviour(*_JWKS, answers={"/jwks": redirecting}),
    "jwks: not JSON": Misbehaviour(*_JWKS, answers={"/jwks": body("<html>")}),
    "jwks: names twice": Misbehaviour(*_JWKS, answers={"/jwks": body('{"keys": [], "keys": []}')}),
    "jwks: keys an object": Misbehaviour(*_JWKS, answers={"/jwks": body({"keys": {}})}),
    "jwks: served as a page": Misbehaviour(*_JWKS, answers={"/jwks": served_as("text/html")}),
    "jwks: nested deeply": Misbehaviour(*_JWKS, answers={"/jwks": body(b'{"keys":' + b"[" * 2_000 + b"]" * 2_000 + b"}")}),
    "jwks: the right key after a hundred others": Misbehaviour(
        *_KEY, answers={"/jwks": body({"keys": [{**KEY.jwk(), "kid": f"x{number}"} for number in range(100)] + [KEY.jwk()]})}
    ),
    "jwks: huge": Misbehaviour(*_JWKS, answers={"/jwks": body(HUGE)}),
    "jwks: empty": Misbehaviour(*_KEY, answers={"/jwks": body({"keys": []})}),
    "jwks: a weak key": Misbehaviour(*_KEY, answers={"/jwks": body({"keys": [weak_jwk()]})}),
    "jwks: a shared key": Misbehaviour(
        *_KEY, answers={"/jwks": body({"keys": [{"kty": "oct", "kid": "k1", "k": "AAAA", "alg": "HS256"}]})}
    ),
    "jwks: an encryption key": Misbehaviour(*_KEY, answers={"/jwks": body({"keys": [{**KEY.jwk(), "use": "enc"}]})}),
    "jwks: with the private part": Misbehaviour(*_KEY, answers={"/jwks": body({"keys": [{**KEY.jwk(), "d": "AQAB"}]})}),
    "jwks: another kind of key under the kid": Misbehaviour(
        *_SIGNATURE, answers={"/jwks": body({"keys": [jose.public_jwk(CURVE.public_key(), "k1", "ES256")]})}
    ),
    "userinfo: about another": Misbehaviour(*_USERINFO_SUB, without=_NO_MAIL, answers={"/userinfo": members(sub="eve")}),
    "userinfo: about nobody": Misbehaviour(*_USERINFO_SUB, without=_NO_MAIL, answers={"/userinfo": members(sub=None)}),
    "userinfo: sub a list": Misbehaviour(*_USERINFO_SUB, without=_NO_MAIL, answers={"/userinfo": members(sub=["alice-1"])}),
    "userinfo: names twice": Misbehaviour(
        *_USERINFO, without=_NO_MAIL, answers={"/userinfo": body('{"sub": "eve", "sub": "alice-1"}')}
    ),
    "userinfo: a token": Misbehaviour(*_USERINFO, without=_NO_MAIL, answers={"/userinfo": body("eyJhbGciOiJub25lIn0.e30.")}),
    "userinfo: served as a page": Misbehaviour(*_USERINFO, without=_NO_MAIL, answers={"/userinfo": served_as("text/html")}),
    "userinfo: signed": Misbehaviour(*_USERINFO, without=_NO_MAIL, answers={"/userinfo": served_as("application/jwt")}),
    "userinfo: nested deeply": Misbehaviour(
        *_USERINFO, without=_NO_MAIL, answers={"/userinfo": body(b'{"sub": "alice-1", "a":' + b"[" * 900 + b"]" * 900 + b"}")}
    ),
    "userinfo: 401": Misbehaviour(
        "oidc_userinfo_failed", "userinfo.answer", without=_NO_MAIL, answers={"/userinfo": body("", status=401)}
    ),
    "userinfo: redirects": Misbehaviour(
        "oidc_userinfo_failed", "userinfo.answer", without=_NO_MAIL, answers={"/userinfo": redirecting}
    ),
    "userinfo: in our network": Misbehaviour(
        "oidc_idp_unreachable", "userinfo.reached", without=_NO_MAIL, answers={"/userinfo": blocked}
    ),
    "userinfo: e-mail of a foreign domain": Misbehaviour(
        "email_domain_not_verified", "email_domain_not_verified", without=_NO_MAIL,
        answers={"/userinfo": members(email="root@globex.example")},
    ),
}  # fmt: skip

ALL: Mapping[str, Misbehaviour] = {**SIGNATURE, **CONTENT, **MESSAGES, **ENDPOINTS}
