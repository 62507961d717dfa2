"""What an admin may enter, what discovery must say, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from idbroker.federation.contract import ConnectionUpload
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.errors import Invalid
from oidc.demo_op import DemoClient
from tests.support.oidc_op import CALLBACK, CONNECTION, ISSUER, World, body, down, members

WELL_KNOWN = "/.well-known/openid-configuration"
TID = "9188040d-6c67-4c5b-b112-36a304b66dad"


def refusal(world, change=None, **fields):
    if change is not None:
        world.fetcher.changes[WELL_KNOWN] = change
    with pytest.raises(Invalid) as refused:
        world.protocol.draft(world.upload(**fields), None)
    return refused.value


def test_the_snapshot():
    draft = World().protocol.draft(World().upload(), None)
    assert draft.settings == {
        "issuer": ISSUER,
        "client_id": "broker-client",
        "scopes": ["openid", "email", "profile"],
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "end_session_endpoint": None,
        "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_signing_alg": "RS256",
        "client_secret_expires_at": None,
        "acr_values": None,
        "discovered": True,
        "key": None,
        "next_key": None,
        "id_token_algs": ["ES256"],
        "authorization_response_iss_parameter_supported": True,
        "subject_rule": "sub",
    }
    assert draft.secrets == {"client_secret": "s3cret"}
    assert "s3cret" not in repr(draft)
    assert draft.warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        down, body("", status=404), body("", status=302), lambda honest: replace(honest, status=404),
        body("<html>"), body([]), body(b"\xff\xfe{}"),
        body('{"issuer": "https://op.example.com", "issuer": "https://op.example.com"}'), body("[" * 60_000),
        body(b'{"issuer": "' + b"x" * 600_000 + b'"}'), body("{}"),
        members(jwks_uri=None), members(token_endpoint=["https://op.example.com/token"]),
        members(issuer="https://evil.example.com"), members(issuer="https://op.example.com/"), members(issuer="https://OP.example.com"),
        members(issuer="https://op.example.com/{tenantid}/v2.0"),
        members(authorization_endpoint="http://op.example.com/authorize"), members(jwks_uri="http://op.example.com/jwks"),
        members(token_endpoint="file:///etc/passwd"), members(userinfo_endpoint="javascript:alert(1)"),
        members(token_endpoint="https://user:pw@op.example.com/token"),
        members(authorization_endpoint="https://op.example.com/authorize?redirect_uri=https://evil.example.com"),
        members(response_types_supported=["id_token"]), members(response_modes_supported=["form_post"]),
        members(id_token_signing_alg_values_supported=["none", "HS256"]),
    ],
)  # fmt: skip
def test_discovery_that_is_not_believed(change):
    error = refusal(World(), change)
    assert error.status == 422
    assert [wrong.pointer for wrong in error.errors] == ["/issuer"]
    assert error.errors[0].message


def test_a_slash_too_few_is_explained():
    assert "“https://op.example.com/”" in refusal(World(), members(issuer="https://op.example.com/")).public


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"issuer": "http://op.example.com"}, "/issuer"),
        ({"issuer": "https://op.example.com?x=1"}, "/issuer"),
        ({"issuer": "op.example.com"}, "/issuer"),
        ({"issuer": 5}, "/issuer"),
        ({"issuer": None}, "/issuer"),
        ({"client_id": ""}, "/client_id"),
        ({"client_id": "a\nb"}, "/client_id"),
        ({"client_id": None}, "/client_id"),
        ({"client_secret": "ü"}, "/client_secret"),
        ({"scopes": ["a b"]}, "/scopes"),
        ({"isuer": ISSUER}, "/isuer"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "/token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "none"}, "/client_secret"),
        ({"token_endpoint": f"{ISSUER}/token"}, "/authorization_endpoint"),
        (
            {
                "authorization_endpoint": f"{ISSUER}/a",
                "token_endpoint": "http://op.example.com/t",
                "jwks_uri": f"{ISSUER}/j",
            },
            "/token_endpoint",
        ),
    ],
)
def test_fields_that_are_wrong(fields, pointer):
    assert [wrong.pointer for wrong in refusal(World(), **fields).errors] == [pointer]


def test_the_address_of_the_discovery_document_is_understood():
    assert World().connection(issuer=ISSUER + WELL_KNOWN).settings["issuer"] == ISSUER


def test_manual_endpoints_need_no_discovery():
    world = World()
    connection = world.connection(
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        jwks_uri=f"{ISSUER}/jwks",
        id_token_signing_alg_values_supported=["ES256"],
    )
    assert world.fetcher.calls == []
    assert world.sign_in(connection).subject == "alice-1"


def test_a_public_client_needs_pkce():
    change = members(code_challenge_methods_supported=["plain"])
    world = World(client=DemoClient((CALLBACK,)))
    assert [wrong.pointer for wrong in refusal(world, change).errors] == ["/client_secret"]
    world = World()
    world.fetcher.changes[WELL_KNOWN] = change
    assert [warning.code for warning in world.protocol.draft(world.upload(), None).warnings] == ["pkce_not_listed"]


def test_warnings():
    world = World()
    world.fetcher.changes[WELL_KNOWN] = members(jwks_uri="http://127.0.0.1:9/jwks", scopes_supported=["openid"])
    codes = [warning.code for warning in world.protocol.draft(world.upload(scopes=["groups"]), None).warnings]
    assert codes == ["insecure_endpoint", "scope_not_listed", "no_email_scope"]


@pytest.mark.parametrize(
    ("issuer", "vendor"),
    [
        ("https://acme.okta.com", "okta"), ("https://acme.oktapreview.com/oauth2/default", "okta"),
        ("https://accounts.google.com", "google"), ("https://acme.eu.auth0.com/", "auth0"),
        ("https://id.example.com/realms/acme", "keycloak"), ("https://acme.onelogin.com/oidc/2", "onelogin"),
        ("https://auth.pingone.eu/x/as", "pingone"), ("https://evilokta.com", "generic"),
        (f"https://login.microsoftonline.com/{TID}/v2.0", "entra"),
    ],
)  # fmt: skip
def test_the_vendor_is_guessed(issuer, vendor):
    world = World()
    world.fetcher.changes[urlpath(issuer)] = lambda honest: members(issuer=issuer)(discovery_of(world, honest))
    assert world.protocol.draft(world.upload(issuer=issuer), None).vendor == vendor


def urlpath(issuer):
    return urlsplit(issuer).path.rstrip("/") + WELL_KNOWN


def discovery_of(world, honest):
    return body(world.op.discovery())(honest)


class TestEntra:
    @pytest.mark.parametrize("segment", ["common", "organizations", "consumers", "Common"])
    @pytest.mark.parametrize("pinned", [None, TID])
    def test_shared_addresses_are_refused_without_asking(self, segment, pinned):
        world = World(options=ConnectionOptions(entra_tenant_id=pinned))
        error = refusal(world, issuer=f"https://login.microsoftonline.com/{segment}/v2.0")
        assert "directory" in error.public
        assert world.fetcher.calls == []

    def test_a_template_needs_a_pinned_directory(self):
        template = members(issuer="https://op.example.com/{tenantid}/v2.0")
        assert "entra_tenant_id" in refusal(World(), template).public
        world = World(options=ConnectionOptions(entra_tenant_id=TID))
        world.fetcher.changes[WELL_KNOWN] = template
        assert world.connection().settings["issuer"] == f"https://op.example.com/{TID}/v2.0"


class TestChange:
    def change(self, world, connection, **fields):
        upload = ConnectionUpload(CONNECTION, fields, connection.vendor, connection.options)
        return world.protocol.draft(upload, connection)

    def test_a_new_secret_keeps_everything_else_and_asks_nobody(self):
        world = World()
        connection = world.connection()
        world.fetcher.calls.clear()
        draft = self.change(world, connection, client_secret="newer")
        assert (draft.settings, draft.secrets) == (connection.settings, {"client_secret": "newer"})
        assert world.fetcher.calls == []

    def test_the_secret_stays_when_nothing_is_said_of_it(self):
        world = World()
        draft = self.change(world, world.connection(), scopes=["openid", "email"])
        assert draft.secrets == {"client_secret": "s3cret"}
        assert draft.settings["scopes"] == ["openid", "email"]

    def test_null_takes_the_secret_away(self):
        world = World()
        draft = self.change(world, world.connection(), client_secret=None)
        assert (draft.secrets, draft.settings["token_endpoint_auth_method"]) == ({}, "none")

    def test_the_issuer_given_again_reads_discovery_again(self):
        world = World()
        connection = world.connection()
        world.fetcher.changes[WELL_KNOWN] = members(token_endpoint=f"{ISSUER}/newer")
        draft = self.change(world, connection, issuer=ISSUER)
        assert draft.settings["token_endpoint"] == f"{ISSUER}/newer"
        assert draft.settings["scopes"] == connection.settings["scopes"]

    def test_the_subject_rule_of_an_issuer_never_changes(self):
        world = World()
        connection = replace(world.connection(), vendor="entra")
        assert self.change(world, connection, issuer=ISSUER).settings["subject_rule"] == "sub"
