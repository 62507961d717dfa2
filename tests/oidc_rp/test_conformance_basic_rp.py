"""The modules of the OpenID Foundation's Basic RP and Config RP certification plans, by name and behaviour.

Each name is that of the module; what it demands of a relying party stands beside it. ``idtoken-sig-none`` may be refused by
those that do not offer it, and is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idbroker.federation.contract import ExternalIdentity, ReplyRefused
from idbroker.kernel.errors import Invalid
from oidc import jose
from oidc.demo_op import SigningKey
from tests.support.misbehaviours import KEY, raw_token, without_signature
from tests.support.oidc_op import ALICE, ISSUER, World, body, members

PLAN = "oidcc-client-test"
SECOND = SigningKey(rsa.generate_private_key(65537, 2048), "RS256", "k2")


def provider() -> World:
    return World(key=SigningKey(KEY.native, "RS256", "k1"))


def signs_in(world: World) -> ExternalIdentity:
    found = world.sign_in()
    assert found.subject == ALICE.sub
    return found


def refuses(world: World, code: str) -> None:
    with pytest.raises(ReplyRefused) as refused:
        world.sign_in()
    assert refused.value.code == code
    assert any(finding.outcome == "fail" for finding in refused.value.findings)


def basic(world: World) -> None:
    """The code flow, state, nonce and all."""
    signs_in(world)
    assert world.fetcher.forms[-1]["grant_type"] == "authorization_code"


def nonce_invalid(world: World) -> None:
    world.op.extra = {"nonce": "another"}
    refuses(world, "oidc_nonce_mismatch")


def scope_userinfo_claims(world: World) -> None:
    """The claims of the scopes come from userinfo when the ID token has none of them."""
    world.op.without = ("email", "email_verified", "given_name", "family_name", "name")
    found = signs_in(world)
    assert (found.profile.email, found.profile.given_name, found.profile.email_verified) == (ALICE.email, "Alice", True)


def client_secret_basic(world: World) -> None:
    signs_in(world)
    scheme, _, pair = world.fetcher.headers[-1]["authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"broker-client:s3cret")


def invalid_iss(world: World) -> None:
    world.op.extra = {"iss": "https://another.example.com"}
    refuses(world, "oidc_iss_mismatch")


def without(name: str, code: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.op.without = (name,)
        refuses(world, code)

    return run


def invalid_aud(world: World) -> None:
    world.op.extra = {"aud": "another"}
    refuses(world, "oidc_aud_mismatch")


def kid_absent(*others: SigningKey) -> Callable[[World], None]:
    """A token without kid: the one key, or the fitting one of several."""

    def run(world: World) -> None:
        keys = [{name: value for name, value in key.jwk().items() if name != "kid"} for key in (*others, world.key)]
        world.fetcher.changes["/jwks"] = body({"keys": keys})
        world.op.forge = lambda claims: raw_token({"alg": "RS256"}, claims)
        signs_in(world)

    return run


def sig_none(world: World) -> None:
    world.op.forge = without_signature("none")
    refuses(world, "oidc_alg_not_allowed")


def sig_rs256(world: World) -> None:
    found = signs_in(world)
    assert jose.read(world.op.sign({"sub": found.subject})).alg == "RS256"


def invalid_sig_rs256(world: World) -> None:
    world.op.forge = lambda claims: raw_token({"alg": "RS256", "kid": "k1"}, claims, SECOND.native)
    refuses(world, "oidc_signature_invalid")


def userinfo_invalid_sub(world: World) -> None:
    world.op.without = ("email",)
    world.fetcher.changes["/userinfo"] = members(sub="another")
    refuses(world, "oidc_userinfo_sub_mismatch")


def userinfo_bearer_header(world: World) -> None:
    """The access token goes in the header, never in the address."""
    world.op.without = ("email",)
    seen = []
    honest = world.op.userinfo
    world.op.userinfo = lambda authorization: seen.append(authorization) or honest(authorization)
    signs_in(world)
    assert seen[-1].startswith("Bearer ")
    assert f"{ISSUER}/userinfo" in world.fetcher.urls


def issuer_mismatch(world: World) -> None:
    world.fetcher.changes["/.well-known/openid-configuration"] = members(issuer="https://another.example.com")
    with pytest.raises(Invalid) as refused:
        world.connection()
    assert refused.value.errors[0].pointer == "/issuer"


def discovery(world: World) -> None:
    connection = world.connection()
    assert connection.settings["token_endpoint"] == f"{ISSUER}/token"
    assert world.fetcher.calls == ["/.well-known/openid-configuration"]


def jwks_uri_keys(world: World) -> None:
    world.connection()
    signs_in(world)
    assert "/jwks" in world.fetcher.calls


def key_rotation(world: World) -> None:
    """The keys change between two sign-ins: the set is fetched again for the unknown kid."""
    connection = world.connection()
    world.sign_in(connection)
    world.op.key = SECOND
    world.clock.forward(minutes=2)
    assert world.sign_in(connection).subject == ALICE.sub
    assert world.fetcher.count("/jwks") == 2


def key_rotation_just_before_signing(world: World) -> None:
    """The key set was fetched a moment ago, and does not hold the key that has just been made."""
    connection = world.connection()
    world.sign_in(connection)
    world.op.key = SECOND
    assert world.sign_in(connection).subject == ALICE.sub


MODULES: Mapping[str, Callable[[World], None]] = {
    PLAN: basic,
    f"{PLAN}-nonce-invalid": nonce_invalid,
    f"{PLAN}-scope-userinfo-claims": scope_userinfo_claims,
    f"{PLAN}-client-secret-basic": client_secret_basic,
    f"{PLAN}-invalid-iss": invalid_iss,
    f"{PLAN}-missing-sub": without("sub", "oidc_sub_invalid"),
    f"{PLAN}-invalid-aud": invalid_aud,
    f"{PLAN}-missing-iat": without("iat", "oidc_iat_invalid"),
    f"{PLAN}-missing-aud": without("aud", "oidc_aud_mismatch"),
    f"{PLAN}-kid-absent-single-jwks": kid_absent(),
    f"{PLAN}-kid-absent-multiple-jwks": kid_absent(SECOND),
    f"{PLAN}-idtoken-sig-none": sig_none,
    f"{PLAN}-idtoken-sig-rs256": sig_rs256,
    f"{PLAN}-invalid-sig-rs256": invalid_sig_rs256,
    f"{PLAN}-userinfo-invalid-sub": userinfo_invalid_sub,
    f"{PLAN}-userinfo-bearer-header": userinfo_bearer_header,
    f"{PLAN}-discovery-issuer-mismatch": issuer_mismatch,
    f"{PLAN}-discovery-openid-config": discovery,
    f"{PLAN}-discovery-jwks-uri-keys": jwks_uri_keys,
    f"{PLAN}-signing-key-rotation": key_rotation,
    f"{PLAN}-signing-key-rotation-just-before-signing": key_rotation_just_before_signing,
}


@pytest.mark.parametrize("module", MODULES)
def test_module(module: str):
    MODULES[module](provider())
