"""Honest providers of every kind: who comes out at the end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from idbroker.federation.contract import ReplyRefused
from idbroker.federation.options import ConnectionOptions
from oidc import jose
from oidc.demo_op import DemoClient, SigningKey
from tests.support.oidc_op import ALICE, CALLBACK, ISSUER, World, body, down, members

RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("alg", "native"),
    [
        ("RS256", RSA), ("RS512", RSA), ("PS256", RSA), ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("ES384", ec.generate_private_key(ec.SECP384R1())), ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)  # fmt: skip
def test_every_algorithm(alg, native):
    identity = World(key=SigningKey(native, alg)).sign_in()
    assert identity.subject == "alice-1"
    assert identity.profile.email == "alice@acme.example"
    assert identity.profile.email_verified is True
    assert (identity.profile.given_name, identity.profile.family_name) == ("Alice", "Doe")
    assert identity.amr == ("pwd",)
    assert identity.upstream == {"iss": ISSUER, "id_token_sub": "alice-1"}


def test_groups_come_with_their_scope_only():
    assert World().sign_in().profile.groups is None
    with_groups = World(fields={"scopes": ["openid", "email", "profile", "groups"]})
    assert with_groups.sign_in().profile.groups == ("Engineering", "Admins")


def test_an_empty_list_of_groups_is_a_statement():
    world = World(fields={"scopes": "openid email profile groups"})
    assert world.sign_in(person=replace(ALICE, groups=())).profile.groups == ()


def test_one_code_has_one_replay_key():
    world = World()
    first, second = world.sign_in(), world.sign_in()
    assert first.replay_key != second.replay_key
    assert first.replay_until == world.clock.now() + timedelta(minutes=10)


def test_a_thin_id_token_is_completed_from_userinfo():
    world = World(fields={"scopes": "openid email profile groups"})
    world.op.without = ("email", "email_verified", "given_name", "family_name", "name", "groups")
    profile = world.sign_in().profile
    assert profile.email == "alice@acme.example"
    assert profile.email_verified is True
    assert profile.display_name == "Alice Doe"
    assert profile.groups == ("Engineering", "Admins")


def test_a_full_id_token_needs_no_userinfo():
    world = World()
    world.sign_in()
    assert world.fetcher.count("/userinfo") == 0


def test_the_signed_token_wins_over_userinfo():
    world = World()
    world.op.without = ("given_name", "family_name", "name")
    world.fetcher.changes["/userinfo"] = members(email="eve@evil.example", email_verified=True, tid="x", amr=["mfa"])
    identity = world.sign_in()
    assert identity.profile.email == "alice@acme.example"
    assert identity.amr == ("pwd",)
    assert "tid" not in identity.attributes


def test_userinfo_does_not_vouch_for_an_address_that_it_does_not_name():
    world = World()
    world.op.without = ("given_name", "family_name", "name", "email_verified")
    world.fetcher.changes["/userinfo"] = members(email="other@acme.example", email_verified=True)
    assert world.sign_in().profile.email_verified is None


@pytest.mark.parametrize("failing", [down, body("", status=500)])
def test_userinfo_may_fail_when_the_address_is_known(failing):
    world = World()
    world.op.without = ("given_name", "family_name", "name")
    world.fetcher.changes["/userinfo"] = failing
    assert world.sign_in().profile.email == "alice@acme.example"


@pytest.mark.parametrize(
    ("said", "understood"),
    [(True, True), ("true", True), (False, False), ("false", False), (None, None), (1, False), ("yes", False), ([], False)],
)
def test_email_verified(said, understood):
    world = World()
    world.op.extra = {"email_verified": said}
    assert world.sign_in().profile.email_verified is understood


def test_client_secret_basic_survives_special_characters():
    world = World(client=DemoClient((CALLBACK,), "a:b%c+d/e f&=~"), client_id="client:one %2")
    assert world.sign_in().subject == "alice-1"
    assert world.fetcher.headers[0]["authorization"].startswith("Basic ")
    assert "client_secret" not in world.fetcher.forms[0]


def test_client_secret_post():
    world = World()
    world.fetcher.changes["/.well-known/openid-configuration"] = members(
        token_endpoint_auth_methods_supported=["client_secret_post"]
    )
    assert world.sign_in().subject == "alice-1"
    assert world.fetcher.forms[0]["client_secret"] == "s3cret"
    assert "authorization" not in world.fetcher.headers[0]


def test_a_public_client_relies_on_pkce():
    world = World(client=DemoClient((CALLBACK,)))
    assert world.sign_in().subject == "alice-1"
    assert "client_secret" not in world.fetcher.forms[0]


def test_a_rolled_over_key_is_found_at_once():
    world = World()
    connection = world.connection()
    world.sign_in(connection)
    world.op.key = SigningKey(kid="demo-2")
    assert world.sign_in(connection).subject == "alice-1"
    assert world.fetcher.count("/jwks") == 2


def test_an_unknown_key_is_looked_for_once_a_minute():
    world = World()
    connection = world.connection()
    world.sign_in(connection)
    world.fetcher.changes["/jwks"] = body(world.op.jwks())
    world.op.key = SigningKey(kid="demo-2")
    for _ in range(5):
        with pytest.raises(ReplyRefused, match="oidc_key_unknown"):
            world.sign_in(connection)
    assert world.fetcher.count("/jwks") == 2
    world.clock.forward(seconds=61)
    del world.fetcher.changes["/jwks"]
    assert world.sign_in(connection).subject == "alice-1"
    assert world.fetcher.count("/jwks") == 3


def test_key_sets_are_kept_for_15_minutes_and_a_day_longer_when_the_provider_is_down():
    world = World()
    connection = world.connection()
    world.sign_in(connection)
    world.clock.forward(minutes=14)
    world.sign_in(connection)
    assert world.fetcher.count("/jwks") == 1
    world.fetcher.changes["/jwks"] = down
    world.clock.forward(hours=23)
    world.sign_in(connection)
    assert world.fetcher.count("/jwks") == 2
    world.clock.forward(hours=2)
    with pytest.raises(ReplyRefused, match="oidc_idp_unreachable"):
        world.sign_in(connection)


def test_several_audiences_with_azp():
    world = World()
    world.op.extra = {"aud": ["broker-client", "another"], "azp": "broker-client"}
    assert world.sign_in().subject == "alice-1"


def test_a_token_without_kid():
    world = World()
    world.op.forge = lambda claims: _without_kid(world.key, claims)
    assert world.sign_in().subject == "alice-1"


def _without_kid(key, claims):
    wrapped = jose.as_key(key.native)
    signing_input = ".".join(jose.b64url(json.dumps(part).encode()) for part in ({"alg": key.alg}, claims))
    return f"{signing_input}.{jose.b64url(jose._MODELS[key.alg].sign(signing_input.encode(), wrapped))}"


class TestMaxAge:
    def test_fresh_enough(self):
        world = World()
        identity = world.sign_in(attempt=world.attempt(max_age=60))
        assert identity.authenticated_at == world.clock.now()

    def test_lingering_at_the_provider_is_no_offence(self):
        world = World()
        attempt = world.attempt(max_age=0)
        world.clock.forward(minutes=5)
        assert world.sign_in(attempt=attempt).subject == "alice-1"


class TestEntra:
    TID, OID = "9188040D-6c67-4c5b-b112-36a304b66dad", "00000000-0000-0000-66f3-3332eca7ea81"

    def world(self, **extra):
        world = World(vendor="entra", options=ConnectionOptions(entra_tenant_id=self.TID.lower()))
        world.op.extra = {"tid": self.TID, "oid": self.OID, **extra}
        return world

    def test_a_person_is_tid_and_oid(self):
        assert self.world().sign_in().subject == f"{self.TID}:{self.OID}".lower()

    def test_the_rule_outlives_the_label(self):
        world = self.world()
        relabelled = replace(world.connection(), vendor="generic")
        assert world.sign_in(relabelled).subject == f"{self.TID}:{self.OID}".lower()

    def test_without_oid_it_is_sub(self):
        world = self.world()
        world.op.extra = {"tid": self.TID}
        assert world.sign_in().subject == "alice-1"

    @pytest.mark.parametrize(("edov", "trusted"), [(True, True), ("1", True), (1, True), (False, False), ("0", False)])
    def test_xms_edov(self, edov, trusted):
        assert self.world(xms_edov=edov).sign_in().profile.email_verified is trusted

    @pytest.mark.parametrize("overage", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
    def test_groups_overage_changes_no_membership(self, overage):
        world = self.world(**overage, roles=["Reader"])
        world.op.without = ("groups",)
        identity = world.sign_in()
        assert identity.profile.groups is None
        assert identity.attributes["_groups_overage"] == ("true",)


class TestGoogle:
    @pytest.mark.parametrize("options", [ConnectionOptions(), ConnectionOptions(google_hosted_domains=("acme.example",))])
    def test_an_account_of_the_workspace(self, options):
        world = World(vendor="google", options=options)
        world.op.extra = {"hd": "acme.example"}
        assert world.sign_in().subject == "alice-1"


class TestMapping:
    def test_a_mapped_subject(self):
        world = World(mapping={"subject": "employee"})
        world.op.extra = {"employee": "E-17"}
        assert world.sign_in().subject == "E-17"

    def test_a_mapped_address_has_nobody_to_vouch_for_it(self):
        world = World(mapping={"email": "upn"})
        world.op.extra = {"upn": "alice@corp.acme.example", "email_verified": True}
        profile = world.sign_in().profile
        assert (profile.email, profile.email_verified) == ("alice@corp.acme.example", None)

    def test_attributes_hold_what_an_admin_can_map(self):
        world = World()
        world.op.extra = {"n": 3, "flag": True, "list": ["a", 1, {"x": 1}], "object": {"a": 1}, "nothing": None}
        attributes = world.sign_in().attributes
        assert {name: attributes.get(name) for name in ("n", "flag", "list", "object", "nothing", "nonce")} == {
            "n": ("3",), "flag": ("true",), "list": ("a", "1"), "object": None, "nothing": None, "nonce": None,
        }  # fmt: skip
