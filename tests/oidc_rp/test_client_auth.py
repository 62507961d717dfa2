"""How we prove ourselves at a token endpoint: chosen by the provider or the admin, each as specified."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from idbroker.kernel.errors import Conflict, Invalid
from oidc import jose
from oidc.demo_op import DemoClient
from oidc.relying_party.upkeep import OidcUpkeep
from tests.support.oidc_op import BASE, CALLBACK, CONNECTION, ISSUER, World, body, members

WELL_KNOWN = "/.well-known/openid-configuration"
PUBLIC = DemoClient((CALLBACK,))


def world_that_lists(*methods: str, algs: list[str] | None = None, client: DemoClient | None = None) -> World:
    world = World(client=client or DemoClient((CALLBACK,), "s3cret"))
    listed = {"token_endpoint_auth_methods_supported": list(methods)}
    world.fetcher.changes[WELL_KNOWN] = members(**listed, token_endpoint_auth_signing_alg_values_supported=algs)
    return world


@pytest.mark.parametrize(
    ("listed", "client", "given", "chosen"),
    [
        (["client_secret_basic", "client_secret_post"], None, {}, "client_secret_basic"),
        (["client_secret_post"], None, {}, "client_secret_post"),
        (["private_key_jwt", "client_secret_post"], None, {}, "client_secret_post"),
        (["client_secret_basic"], None, {"token_endpoint_auth_method": "client_secret_post"}, "client_secret_post"),
        (["client_secret_basic"], None, {"token_endpoint_auth_method": "private_key_jwt"}, "private_key_jwt"),
        (["private_key_jwt"], PUBLIC, {}, "private_key_jwt"),
        (["private_key_jwt", "none"], PUBLIC, {}, "none"),
        (["client_secret_basic"], PUBLIC, {}, "none"),
    ],
)  # fmt: skip
def test_the_method_is_the_admin_s_or_the_provider_s(listed, client, given, chosen):
    world = world_that_lists(*listed, client=client)
    assert world.protocol.describe(world.connection(**given))["token_endpoint_auth_method"] == chosen


@pytest.mark.parametrize(
    ("listed", "given", "alg"),
    [
        (["RS256", "ES256"], {}, "ES256"),
        (["RS256"], {}, "RS256"),
        (["PS256"], {}, "PS256"),
        (None, {}, "RS256"),
        (["HS256"], {}, "RS256"),
        (["RS256", "ES256"], {"token_endpoint_auth_signing_alg": "PS256"}, "PS256"),
    ],
)
def test_an_assertion_by_our_own_key(listed, given, alg):
    world = world_that_lists("private_key_jwt", algs=listed, client=PUBLIC)
    connection = world.connection(**given)
    world.sign_in(connection)
    form = world.fetcher.forms[-1]
    published = json.loads(world.protocol.publish(connection, "jwks").body)
    header, claims = jose.verify(form["client_assertion"], jose.import_key_set(published), [alg])
    now = int(world.clock.now().timestamp())
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["client_id"] == "broker-client"
    assert "client_secret" not in form
    assert "authorization" not in world.fetcher.headers[-1]
    assert (header["alg"], header["kid"]) == (alg, published["keys"][0]["kid"])
    assert claims.pop("jti")
    assert claims == {
        "iss": "broker-client", "sub": "broker-client", "aud": f"{ISSUER}/token", "iat": now, "exp": now + 60,
    }  # fmt: skip
    assert "d" not in published["keys"][0]
    assert published["keys"][0]["use"] == "sig"


def test_each_assertion_is_another_one():
    world = world_that_lists("private_key_jwt", client=PUBLIC)
    connection = world.connection()
    first, second = (world.sign_in(connection) and world.fetcher.forms[-1]["client_assertion"] for _ in range(2))
    assert jose.read(first).claims["jti"] != jose.read(second).claims["jti"]


def test_auth0_documents_its_issuer_as_the_audience():
    world = world_that_lists("private_key_jwt", client=PUBLIC)
    world.vendor = "auth0"
    world.sign_in()
    assert jose.read(world.fetcher.forms[-1]["client_assertion"]).claims["aud"] == ISSUER


def test_basic_encodes_both_parts_and_post_sends_the_secret_in_the_form():
    world = World(client=DemoClient((CALLBACK,), "s:e c%r+t"), client_id="a:b c")
    world.sign_in()
    _, _, pair = world.fetcher.headers[-1]["authorization"].partition(" ")
    assert base64.b64decode(pair).decode() == "a%3Ab+c:s%3Ae+c%25r%2Bt"
    assert "client_secret" not in world.fetcher.forms[-1]
    world.sign_in(world.connection(token_endpoint_auth_method="client_secret_post"))
    assert world.fetcher.forms[-1]["client_secret"] == "s:e c%r+t"
    assert "authorization" not in world.fetcher.headers[-1]


def test_two_connections_have_two_keys_and_no_key_is_none():
    world = world_that_lists("private_key_jwt", client=PUBLIC)
    first, second = (world.connection().settings["key"]["kid"] for _ in range(2))
    assert first != second
    assert json.loads(World().protocol.publish(World().connection(), "jwks").body) == {"keys": []}
    described = world.protocol.describe(world.connection())["rp"]
    assert described["jwks_uri"] == f"{BASE}/oidc/{CONNECTION}/jwks"


def after(connection, draft):
    """The connection as the broker would keep it."""
    return replace(
        connection, settings=json.loads(json.dumps(draft.settings)), secrets=draft.secrets, version=connection.version + 1
    )


def kids(world, connection):
    return [jwk["kid"] for jwk in json.loads(world.protocol.publish(connection, "jwks").body)["keys"]]


def test_a_roll_over_publishes_two_keys_signs_with_the_old_and_then_with_the_new():
    world = world_that_lists("private_key_jwt", algs=["ES256"], client=PUBLIC)
    upkeep, connection = OidcUpkeep(BASE, world.clock, world.fetcher), world.connection()
    [old] = kids(world, connection)
    begun = after(connection, upkeep.roll_over(connection, "begin"))
    assert kids(world, begun)[0] == old
    assert len(kids(world, begun)) == 2
    with pytest.raises(Conflict):
        upkeep.roll_over(begun, "begin")
    world.sign_in(begun)
    assert jose.read(world.fetcher.forms[-1]["client_assertion"]).kid == old
    done = after(begun, upkeep.roll_over(begun, "finish"))
    assert kids(world, done) == kids(world, begun)[1:]
    world.sign_in(done)
    assert jose.read(world.fetcher.forms[-1]["client_assertion"]).kid == kids(world, done)[0]
    cancelled = after(begun, upkeep.roll_over(begun, "cancel"))
    assert kids(world, cancelled) == [old]
    for step in ("finish", "cancel"):
        with pytest.raises(Conflict):
            upkeep.roll_over(done, step)


def test_a_key_is_published_before_the_method_that_needs_it_is_chosen():
    world = World()
    upkeep, connection = OidcUpkeep(BASE, world.clock, world.fetcher), World().connection()
    begun = after(connection, upkeep.roll_over(connection, "begin"))
    [kid] = kids(world, begun)
    world.sign_in(begun)
    assert "client_assertion" not in world.fetcher.forms[-1]
    wanted = world.protocol.draft(replace(world.upload(), fields={"token_endpoint_auth_method": "private_key_jwt"}), begun)
    switched = after(begun, wanted)
    assert kids(world, switched) == [kid]
    assert switched.settings["next_key"] is None
    staged = after(begun, upkeep.rebased(wanted.settings, wanted.secrets, begun))
    assert kids(world, staged) == [kid]


def test_a_change_keeps_our_keys_and_the_method():
    world = world_that_lists("private_key_jwt", client=PUBLIC)
    connection = world.connection()
    for fields in ({"scopes": "openid"}, {"issuer": ISSUER, "token_endpoint_auth_method": "private_key_jwt"}):
        draft = world.protocol.draft(replace(world.upload(), fields=fields), connection)
        assert draft.settings["key"] == connection.settings["key"]
        assert draft.secrets == connection.secrets
        assert draft.settings["token_endpoint_auth_method"] == "private_key_jwt"


def test_a_secret_and_its_end_belong_together():
    world = World()
    connection = world.connection(client_secret_expires_at="2027-01-31")
    assert world.protocol.describe(connection)["client_secret_expires_at"] == "2027-01-31T23:59:59.000Z"
    changed = world.protocol.draft(replace(world.upload(), fields={"scopes": "openid"}), connection)
    assert changed.settings["client_secret_expires_at"] == "2027-01-31T23:59:59Z"
    renewed = world.protocol.draft(replace(world.upload(), fields={"client_secret": "n3w"}), connection)
    assert renewed.settings["client_secret_expires_at"] is None
    assert renewed.secrets == {"client_secret": "n3w"}
    gone = world.protocol.draft(replace(world.upload(), fields={"client_secret_expires_at": None}), connection)
    assert gone.settings["client_secret_expires_at"] is None
    both = {"client_secret": "n3w", "client_secret_expires_at": "2028-01-31T12:00:00+01:00"}
    renewed = world.protocol.draft(replace(world.upload(), fields=both), connection)
    assert renewed.settings["client_secret_expires_at"] == "2028-01-31T11:00:00Z"


@pytest.mark.parametrize("value", ["soon", "", 5, 1.5, True, ["2027-01-31"], "2027-13-01", "2027-01-31T12:00:00", "9" * 5000])
def test_an_end_that_is_none(value):
    with pytest.raises(Invalid) as refused:
        World().connection(client_secret_expires_at=value)
    assert refused.value.errors[0].pointer == "/client_secret_expires_at"


def test_an_end_without_a_secret():
    with pytest.raises(Invalid):
        world_that_lists("private_key_jwt", client=PUBLIC).connection(client_secret_expires_at="2027-01-31")


def test_what_reading_the_description_again_may_change():
    world = World()
    upkeep, live = OidcUpkeep(BASE, world.clock, world.fetcher), world.connection(client_secret_expires_at="2027-01-31")
    assert upkeep.source(live.settings).url == f"{ISSUER}{WELL_KNOWN}"
    same = upkeep.reread(live, None).draft
    assert list(upkeep.difference(live.settings, same.settings)) == []
    assert same.secrets == live.secrets
    world.fetcher.changes[WELL_KNOWN] = members(id_token_signing_alg_values_supported=["ES256", "RS256"])
    more = upkeep.reread(live, None).draft
    assert [(one.field, one.kind, one.policy) for one in upkeep.difference(live.settings, more.settings)] == [
        ("id_token_algs", "added", "take")
    ]
    assert upkeep.taken(live, more.settings)["id_token_algs"] == ["RS256", "ES256"]
    world.fetcher.changes[WELL_KNOWN] = members(
        id_token_signing_alg_values_supported=["ES256", "RS256"], token_endpoint="https://elsewhere.example.com/token"
    )
    moved = upkeep.reread(live, None).draft
    held = [one.field for one in upkeep.difference(live.settings, moved.settings) if one.policy == "hold"]
    assert held == ["token_endpoint"]
    assert upkeep.taken(live, moved.settings)["token_endpoint"] == f"{ISSUER}/token"
    assert set(upkeep.taken(live, moved.settings)["id_token_algs"]) == {"RS256", "ES256"}
    world.fetcher.changes[WELL_KNOWN] = members(jwks_uri="https://elsewhere.example.com/jwks")
    keys = upkeep.reread(live, None).draft
    assert upkeep.taken(live, keys.settings) == live.settings
    world.fetcher.changes[WELL_KNOWN] = body("", status=404)
    with pytest.raises(Invalid):
        upkeep.reread(live, None)


def test_a_connection_made_by_hand_is_not_read_again():
    world = World(fields={name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")})
    upkeep, live = OidcUpkeep(BASE, world.clock, world.fetcher), world.connection()
    assert upkeep.source(live.settings) is None
    with pytest.raises(Conflict):
        upkeep.reread(live, None)
