"""Tokens for apps themselves, and tokens for tokens."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from oidc.provider.grants.token_exchange import ACCESS_TOKEN_TYPE, GRANT_TYPE
from tests.provider.test_code_flow import read
from tests.provider.test_introspect_revoke import revoke, told
from tests.provider.test_refresh import OFFLINE, refused
from tests.support.provider_world import BASE, document, issuer_of

API, OTHER = "https://api.example.com", "https://other.example.com"
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": []}


def machine(world, client, *, issuer=BASE, **form):
    given = {"grant_type": "client_credentials", **form}
    return world.send("POST", f"{issuer}/oauth2/token", form=given, headers=client.basic())


def test_a_tenant_is_asked_for_at_the_shared_issuer(world):
    client = world.client(**MACHINE)
    for name in (world.acme.id, "acme"):
        answer = document(machine(world, client, tenant=name))
        assert set(answer) == {"access_token", "token_type", "expires_in"}
        header, claims = read(world, answer["access_token"])
        now = int(world.clock.now().timestamp())
        assert header["typ"] == "at+jwt"
        assert claims.pop("jti")
        assert claims == {
            "iss": BASE, "sub": client.id, "aud": client.id, "client_id": client.id, "iat": now, "exp": now + 600,
            "tenant_id": world.acme.id, "tenant": "acme",
        }  # fmt: skip
    for wrong in ({}, {"tenant": "nobody"}, {"tenant": "tnt_x"}):
        assert refused(machine(world, client, **wrong)) == "invalid_request"


def test_the_issuers_tenant_or_the_apps_only_one(world):
    client, single = world.client(**MACHINE), world.client(**MACHINE, tenants=[world.acme.id])
    issuer = issuer_of(world.acme)
    for form in ({}, {"tenant": "acme"}):
        assert (
            read(world, document(machine(world, client, issuer=issuer, **form))["access_token"], issuer)[1]["tenant"] == "acme"
        )
    assert refused(machine(world, client, issuer=issuer, tenant="globex")) == "invalid_request"
    assert read(world, document(machine(world, single))["access_token"])[1]["tenant"] == "acme"
    assert refused(machine(world, single, tenant="globex")) == "invalid_request"
    assert refused(machine(world, single, issuer=issuer_of(world.globex))) == "invalid_request"


def test_a_machine_token_is_about_nobody(world):
    client = world.client(**MACHINE)
    token = document(machine(world, client, tenant="acme"))["access_token"]
    assert world.userinfo(token).status in (401, 403)
    assert told(world, client, token)["sub"] == client.id
    revoke(world, client, token)
    assert told(world, client, token) == {"active": False}


@pytest.mark.parametrize(
    ("registered", "asked", "granted"),
    [
        ("api.read api.write", "api.read", "api.read"),
        ("api.read api.write", "api.write api.read api.write", "api.write api.read"),
        ("api.read api.write", None, "api.read api.write"),
        ("api.read", "api.read admin", None),
        ("api.read", "openid", None),
        ("", "api.read", None),
        ("", "ssf.manage", None),
    ],
)
def test_scopes_are_those_that_were_registered(world, registered, asked, granted):
    client = world.client(**MACHINE, scope=registered)
    answer = machine(world, client, tenant="acme", **({} if asked is None else {"scope": asked}))
    if granted is None:
        assert refused(answer) == "invalid_scope"
        return
    found = document(answer)
    assert found["scope"] == granted
    assert read(world, found["access_token"])[1]["scope"] == granted
    assert told(world, client, found["access_token"])["scope"] == granted


@pytest.mark.parametrize("scope", ["openid", "api email", "a  b", " a", 'quo"te', "back\\slash", "\u00e4", "a\nb"])
def test_scopes_that_no_machine_can_have(world, scope):
    with pytest.raises(ValidationError):
        world.client(**MACHINE, scope=scope)


def test_signals_of_all_tenants_need_none_named(world):
    client = world.client(**MACHINE, scope="ssf.manage ssf.read api.read", resources=[API])
    token = document(machine(world, client, scope="ssf.read"))["access_token"]
    assert "tenant_id" not in read(world, token)[1]
    assert told(world, client, token)["scope"] == "ssf.read"
    assert world.userinfo(token).status == 403
    for mixed in ({}, {"scope": "ssf.read api.read"}, {"scope": "ssf.read", "resource": API}):
        assert refused(machine(world, client, **mixed)) == "invalid_request"
    pinned = document(machine(world, client, issuer=issuer_of(world.acme), scope="ssf.read"))["access_token"]
    assert read(world, pinned, issuer_of(world.acme))[1]["tenant"] == "acme"
    revoke(world, client, token)
    assert told(world, client, token) == {"active": False}
    world.remove(client)


def test_who_may_not(world):
    assert refused(machine(world, world.client(), tenant="acme")) == "unauthorized_client"
    closed = world.tenant("machines-closed")
    world.set_status(closed, "paused")
    assert refused(machine(world, world.client(**MACHINE), tenant=closed.slug)) == "invalid_request"


def test_a_resource_is_the_audience(world):
    client = world.client(**MACHINE, resources=[API])
    assert read(world, document(machine(world, client, tenant="acme", resource=API))["access_token"])[1]["aud"] == API
    assert refused(machine(world, client, tenant="acme", resource=OTHER)) == "invalid_target"
    two = f"grant_type=client_credentials&tenant=acme&resource={API}&resource={OTHER}"
    assert refused(world.send("POST", "/oauth2/token", form=two, headers=client.basic())) == "invalid_target"


def test_a_resource_at_the_authorization_endpoint(world):
    client = world.client(resources=[API, OTHER])
    person = world.person()
    answer = world.tokens(person, client, resource=API)
    assert read(world, answer["access_token"])[1]["aud"] == API
    assert read(world, answer["id_token"])[1]["aud"] == client.id
    assert world.userinfo(answer["access_token"]).status == 401
    code = world.code(person, client, resource=API)
    assert refused(world.token(client, code, resource=OTHER)) == "invalid_target"
    code = world.code(person, client)
    assert read(world, document(world.token(client, code, resource=OTHER))["access_token"])[1]["aud"] == OTHER


def exchange(world, client, subject, *, issuer=BASE, **form):
    given = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN_TYPE, **form}
    return world.send("POST", f"{issuer}/oauth2/token", form=given, headers=client.basic())


@pytest.fixture
def front(world):
    return world.client(grant_types=["authorization_code", "refresh_token"], resources=[API])


@pytest.fixture
def api(world):
    """A service that gets the front's tokens and calls another one."""
    return world.client(grant_types=[GRANT_TYPE, "client_credentials"], redirect_uris=[], resources=[API, OTHER])


def test_downscoping_for_another_resource(world, front, api):
    person = world.person()
    subject = world.tokens(person, front, resource=API, scope="openid email groups")["access_token"]
    world.clock.advance(minutes=4)
    answer = document(exchange(world, api, subject, scope="email", resource=OTHER))
    assert answer["issued_token_type"] == ACCESS_TOKEN_TYPE
    assert (answer["token_type"], answer["scope"], answer["expires_in"]) == ("Bearer", "email", 360)
    assert not {"id_token", "refresh_token"} & set(answer)
    _, claims = read(world, answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"]) == (person.user.id, OTHER, api.id)
    assert "act" not in claims
    assert document(exchange(world, api, subject, audience=OTHER))["scope"] == "openid email groups"
    assert read(world, document(exchange(world, api, subject))["access_token"])[1]["aud"] == api.id


def test_act_as(world, front, api):
    subject = world.tokens(world.person(), front, resource=API)["access_token"]
    actor = document(machine(world, api, tenant="acme"))["access_token"]
    form = {"actor_token": actor, "actor_token_type": ACCESS_TOKEN_TYPE}
    first = document(exchange(world, api, subject, **form))["access_token"]
    act = {"sub": api.id, "client_id": api.id}
    assert read(world, first)[1]["act"] == act
    assert read(world, document(exchange(world, api, first, **form))["access_token"])[1]["act"] == {**act, "act": act}
    assert read(world, document(exchange(world, api, first))["access_token"])[1]["act"] == act
    elsewhere = document(machine(world, api, tenant="globex"))["access_token"]
    form["actor_token"] = elsewhere
    assert refused(exchange(world, api, subject, **form)) == "invalid_request"


def test_what_cannot_be_exchanged(world, front, api):
    person = world.person()
    answer = world.tokens(person, front, resource=API, scope=OFFLINE)
    subject, stranger = answer["access_token"], world.client(grant_types=[GRANT_TYPE], redirect_uris=[])
    assert refused(exchange(world, front, subject)) == "unauthorized_client"
    assert refused(exchange(world, stranger, subject)) == "invalid_request"
    assert refused(exchange(world, api, "x")) == "invalid_request"
    assert refused(exchange(world, api, answer["id_token"])) == "invalid_request"
    assert refused(exchange(world, api, subject, subject_token_type="urn:x")) == "invalid_request"
    assert refused(exchange(world, api, subject, requested_token_type="urn:x")) == "invalid_request"
    assert refused(exchange(world, api, subject, actor_token_type=ACCESS_TOKEN_TYPE)) == "invalid_request"
    assert refused(exchange(world, api, subject, scope="openid profile")) == "invalid_scope"
    assert refused(exchange(world, api, subject, resource="https://third.example.com")) == "invalid_target"
    assert refused(exchange(world, api, document(machine(world, api, tenant="acme"))["access_token"])) == "invalid_request"
    given = document(exchange(world, api, subject))["access_token"]
    assert told(world, api, given)["active"] is True
    revoke(world, front, answer["refresh_token"])
    assert told(world, api, given) == {"active": False}
    assert refused(exchange(world, api, subject)) == "invalid_request"
