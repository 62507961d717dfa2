"""The modules of the Basic OP and Config OP certification plans (oidcc-basic-, oidcc-config-certification-test-plan).

By name and behaviour; what they leave open is judged as OpenID Connect Core 1.0 says. Run the real suite before you certify.
"""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from tests.provider.certification import Plan, RelyingParty
from tests.provider.test_code_flow import read
from tests.support.provider_world import BASE, REDIRECT, document, location, location_query, request_for

BASIC, CONFIG = Plan(), Plan()


@CONFIG.module("oidcc-discovery-endpoint-verification")
def discovery(rp):
    metadata = rp.metadata
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert metadata[name].startswith("https://")
    assert metadata["issuer"] == BASE
    assert "openid" in metadata["scopes_supported"]
    assert "code" in metadata["response_types_supported"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]
    assert set(metadata["subject_types_supported"]) <= {"public", "pairwise"}
    assert {"sub", "iss", "auth_time", "acr"} <= set(metadata["claims_supported"])
    for key in document(rp.world.send("GET", metadata["jwks_uri"]))["keys"]:
        assert {"kty", "kid", "use", "alg"} <= set(key)


@BASIC.module("oidcc-server")
def server(rp):
    claims = rp.id_token()
    assert claims["sub"] == rp.person.user.id
    assert claims["nonce"] == "nonce-1"


@BASIC.module("oidcc-response-type-missing")
def response_type_missing(rp):
    assert rp.error(response_type=None) in ("invalid_request", "unsupported_response_type")


@BASIC.module("oidcc-idtoken-signature")
def idtoken_signature(rp):
    header, _ = read(rp.world, rp.tokens()["id_token"])
    assert header["kid"]
    assert header["alg"] == "RS256"


@BASIC.module("oidcc-idtoken-unsigned")
def idtoken_unsigned(rp):
    """We give none: the module is passed over for providers that do not list the algorithm."""
    assert "none" not in rp.metadata["id_token_signing_alg_values_supported"]
    with pytest.raises(ValidationError):
        rp.register(id_token_signed_response_alg="none")


@BASIC.module("oidcc-alternate-happy-flow")
def alternate_happy_flow(rp):
    """Long state and nonce, a redirect URI with a query, a further client beside the first."""
    redirect = f"{REDIRECT}?dummy1=lorem&dummy2=ipsum"
    rp.register(redirect_uris=[redirect])
    asked = {"redirect_uri": redirect, "state": "s" * 128, "nonce": "n" * 128}
    query = rp.sign_in(rp.ask(**asked))
    assert query["state"] == asked["state"]
    tokens = document(rp.world.token(rp.client, query["code"], redirect_uri=redirect))
    assert rp.claims(tokens)["nonce"] == asked["nonce"]
    rp.register(redirect_uris=[redirect])
    again = location_query(rp.ask(**asked, prompt="none"))
    assert rp.world.token(rp.client, again["code"], redirect_uri=redirect).status == 200


@BASIC.module("oidcc-userinfo-get")
def userinfo_get(rp):
    tokens = rp.tokens()
    answer = rp.world.userinfo(tokens["access_token"])
    assert answer.media_type == "application/json"
    assert document(answer)["sub"] == rp.claims(tokens)["sub"]


@BASIC.module("oidcc-userinfo-post-header")
def userinfo_post_header(rp):
    headers = {"authorization": f"Bearer {rp.tokens()['access_token']}"}
    assert document(rp.world.send("POST", f"{BASE}/oauth2/userinfo", headers=headers))["sub"] == rp.person.user.id


@BASIC.module("oidcc-userinfo-post-body")
def userinfo_post_body(rp):
    form = {"access_token": rp.tokens()["access_token"]}
    assert document(rp.world.send("POST", f"{BASE}/oauth2/userinfo", form=form))["sub"] == rp.person.user.id


@BASIC.module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def without_nonce(rp):
    assert "nonce" not in rp.id_token(nonce=None)


def scope(*names, claims):
    def module(rp):
        tokens = rp.tokens(scope=" ".join(("openid", *names)))
        found = document(rp.world.userinfo(tokens["access_token"]))
        assert claims <= set(found)
        assert not {"address", "phone_number"} & set(found), "claims that we do not have"
        assert not [name for name, value in found.items() if value is None]

    return module


PROFILE, EMAIL = {"name", "given_name", "family_name"}, {"email", "email_verified"}
BASIC["oidcc-scope-profile"] = scope("profile", claims=PROFILE)
BASIC["oidcc-scope-email"] = scope("email", claims=EMAIL)
BASIC["oidcc-scope-address"] = scope("address", claims={"sub"})
BASIC["oidcc-scope-phone"] = scope("phone", claims={"sub"})
BASIC["oidcc-scope-all"] = scope("profile", "email", "address", "phone", claims=PROFILE | EMAIL)


@BASIC.module("oidcc-ensure-other-scope-order-succeeds")
def other_scope_order(rp):
    assert set(rp.id_token(scope="email openid")) >= EMAIL


def passed_over(**changed):
    def module(rp):
        assert rp.id_token(**changed)["sub"] == rp.person.user.id

    return module


BASIC["oidcc-display-page"] = passed_over(display="page")
BASIC["oidcc-display-popup"] = passed_over(display="popup")
BASIC["oidcc-ui-locales"] = passed_over(ui_locales="se")
BASIC["oidcc-claims-locales"] = passed_over(claims_locales="se")
BASIC["oidcc-ensure-request-with-acr-values-succeeds"] = passed_over(acr_values="1 2")
BASIC["oidcc-ensure-request-with-unknown-parameter-succeeds"] = passed_over(extra="foobar")
BASIC["oidcc-login-hint"] = passed_over(login_hint="buffy@example.com")
BASIC["oidcc-ensure-request-with-valid-pkce-succeeds"] = passed_over()


@BASIC.module("oidcc-prompt-login")
def prompt_login(rp):
    first = rp.id_token()
    rp.world.clock.advance(seconds=2)
    second = rp.claims(document(rp.world.token(rp.client, rp.sign_in(rp.ask(prompt="login"))["code"])))
    assert second["sub"] == first["sub"]
    assert second["auth_time"] > first["auth_time"]


@BASIC.module("oidcc-prompt-none-not-logged-in")
def prompt_none_not_logged_in(rp):
    assert rp.error(prompt="none") in ("login_required", "interaction_required")


@BASIC.module("oidcc-prompt-none-logged-in")
def prompt_none_logged_in(rp):
    first = rp.id_token()
    second = rp.id_token(prompt="none")
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


@BASIC.module("oidcc-max-age-1")
def max_age_1(rp):
    first = rp.id_token()
    rp.world.clock.advance(seconds=2)
    second = rp.claims(document(rp.world.token(rp.client, rp.sign_in(rp.ask(max_age="1"))["code"])))
    assert second["auth_time"] > first["auth_time"]


@BASIC.module("oidcc-max-age-10000")
def max_age_10000(rp):
    first = rp.id_token()
    second = rp.id_token(max_age="10000", prompt="none")
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


@BASIC.module("oidcc-id-token-hint")
def id_token_hint(rp):
    tokens = rp.tokens()
    again = rp.id_token(prompt="none", id_token_hint=tokens["id_token"])
    assert again["sub"] == rp.claims(tokens)["sub"]


def reused(seconds):
    def module(rp):
        code = rp.code()
        access_token = document(rp.world.token(rp.client, code))["access_token"]
        rp.world.clock.advance(seconds=seconds)
        answer = rp.world.token(rp.client, code)
        assert (answer.status, document(answer)["error"]) == (400, "invalid_grant")
        assert rp.world.userinfo(access_token).status == 401

    return module


BASIC["oidcc-codereuse"] = reused(0)
BASIC["oidcc-codereuse-30seconds"] = reused(30)


@BASIC.module("oidcc-ensure-registered-redirect-uri")
def registered_redirect_uri(rp):
    answer = rp.ask(redirect_uri=f"{REDIRECT}/other")
    assert answer.status == 400
    assert "location" not in dict(answer.headers)


@BASIC.module("oidcc-redirect-uri-query-added")
def redirect_uri_query_added(rp):
    assert rp.ask(redirect_uri=f"{REDIRECT}?foo=bar").status == 400


@BASIC.module("oidcc-redirect-uri-query-OK")
def redirect_uri_query_ok(rp):
    rp.register(redirect_uris=[f"{REDIRECT}?foo=bar"])
    rp.browser.sign_in(rp.person)
    answer = rp.ask(redirect_uri=f"{REDIRECT}?foo=bar")
    assert location(answer).startswith(f"{REDIRECT}?foo=bar&code=")


@BASIC.module("oidcc-ensure-post-request-succeeds")
def post_request(rp):
    rp.browser.sign_in(rp.person)
    answer = rp.browser.post(f"{BASE}/oauth2/authorize", request_for(rp.client))
    assert rp.world.token(rp.client, location_query(rp.browser.get(location(answer)))["code"]).status == 200


@BASIC.module("oidcc-server-client-secret-post")
def client_secret_post(rp):
    rp.register(token_endpoint_auth_method="client_secret_post")
    given = {"client_id": rp.client.id, "client_secret": rp.client.secret, "headers": {}}
    assert rp.world.token(rp.client, rp.code(), **given).status == 200


@BASIC.module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported")
def request_uri(rp):
    assert rp.metadata["request_uri_parameter_supported"] is False
    assert rp.error(request_uri="https://app.example.com/request.jwt") == "request_uri_not_supported"


@BASIC.module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def request_object(rp):
    assert rp.metadata["request_parameter_supported"] is False
    assert rp.error(request="eyJhbGciOiJub25lIn0.e30.") == "request_not_supported"


@BASIC.module("oidcc-ensure-request-object-with-redirect-uri")
def request_object_with_redirect_uri(rp):
    assert rp.error(request="eyJhbGciOiJub25lIn0.e30.") == "request_not_supported"


@BASIC.module("oidcc-claims-essential")
def claims_essential(rp):
    assert rp.metadata["claims_parameter_supported"] is True
    tokens = rp.tokens(claims='{"userinfo": {"name": {"essential": true}}}')
    assert document(rp.world.userinfo(tokens["access_token"]))["name"] == "Ann Example"


@BASIC.module("oidcc-refresh-token")
def refresh_token(rp):
    rp.register(grant_types=["authorization_code", "refresh_token"])
    first = rp.tokens(scope="openid offline_access", prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    answer = rp.world.send("POST", f"{BASE}/oauth2/token", form=form, headers=rp.client.basic())
    second = document(answer)
    assert rp.claims(second)["sub"] == rp.claims(first)["sub"]
    assert second["access_token"] != first["access_token"]
    assert rp.world.userinfo(second["access_token"]).status == 200
    other = rp.world.client(grant_types=["authorization_code", "refresh_token"])
    form["refresh_token"] = second["refresh_token"]
    answer = rp.world.send("POST", f"{BASE}/oauth2/token", form=urlencode(form), headers=other.basic())
    assert document(answer)["error"] == "invalid_grant"


PLAN = (
    "oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-idtoken-unsigned", "oidcc-userinfo-get",
    "oidcc-userinfo-post-header", "oidcc-userinfo-post-body", "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
    "oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all",
    "oidcc-ensure-other-scope-order-succeeds", "oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup",
    "oidcc-prompt-login", "oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1",
    "oidcc-max-age-10000", "oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint",
    "oidcc-ui-locales", "oidcc-claims-locales", "oidcc-ensure-request-with-acr-values-succeeds", "oidcc-codereuse",
    "oidcc-codereuse-30seconds", "oidcc-ensure-registered-redirect-uri", "oidcc-ensure-post-request-succeeds",
    "oidcc-server-client-secret-post",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "oidcc-claims-essential",
    "oidcc-ensure-request-object-with-redirect-uri", "oidcc-refresh-token", "oidcc-ensure-request-with-valid-pkce-succeeds",
)  # fmt: skip
"""The modules of the plan, old and new editions taken together, in their order."""


def test_no_module_of_the_plan_is_missing():
    assert set(PLAN) <= set(BASIC)


def pytest_generate_tests(metafunc):
    if "module" in metafunc.fixturenames:
        metafunc.parametrize("module", [*BASIC, *CONFIG])


def test_module(world, module):
    (BASIC | CONFIG)[module](RelyingParty(world))
