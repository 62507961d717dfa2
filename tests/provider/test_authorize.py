"""The authorization endpoint as a table: what is a page, what goes to the app as an error, what a session answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.provider_world import (
    BASE,
    REDIRECT,
    attempt_of,
    issuer_of,
    location,
    location_query,
    request_for,
)

ERRORS = {
    "no response type": ({"response_type": None}, "invalid_request"),
    "token": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "jwt": ({"response_mode": "query.jwt"}, "invalid_request"),
    "request object": ({"request": "eyJ"}, "request_not_supported"),
    "request_uri": ({"request_uri": "urn:x"}, "request_uri_not_supported"),
    "registration": ({"registration": "{}"}, "registration_not_supported"),
    "resource": ({"resource": "https://api.example.com"}, "invalid_target"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "unknown scope alone": ({"scope": "api:read"}, "invalid_scope"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "no PKCE method": ({"code_challenge_method": None}, "invalid_request"),
    "plain PKCE": ({"code_challenge_method": "plain"}, "invalid_request"),
    "short challenge": ({"code_challenge": "x" * 42}, "invalid_request"),
    "long challenge": ({"code_challenge": "x" * 129}, "invalid_request"),
    "challenge with reserved characters": ({"code_challenge": "x" * 42 + "+"}, "invalid_request"),
    "unknown prompt": ({"prompt": "create"}, "invalid_request"),
    "none with login": ({"prompt": "none login"}, "invalid_request"),
    "negative age": ({"max_age": "-1"}, "invalid_request"),
    "age in words": ({"max_age": "ten"}, "invalid_request"),
    "age in other digits": ({"max_age": "١٠"}, "invalid_request"),
    "very long state": ({"state": "s" * 5000}, "invalid_request"),
    "very long nonce": ({"nonce": "n" * 1100}, "invalid_request"),
    "hint that is no token": ({"id_token_hint": "x"}, "invalid_request"),
    "very long tenant": ({"tenant": "t" * 200}, "invalid_request"),
    "nobody there": ({"prompt": "none"}, "login_required"),
    "empty counts as absent": ({"prompt": "none", "max_age": "", "response_mode": ""}, "login_required"),
}


@pytest.mark.parametrize(("changed", "error"), ERRORS.values(), ids=ERRORS)
def test_errors_go_to_the_app(world, changed, error):
    answer = world.authorize(world.browser(), world.client(), **changed)
    query = location_query(answer)
    assert location(answer).startswith(REDIRECT + "?")
    assert (query["error"], query["iss"]) == (error, BASE)
    assert query["error_description"].isascii()
    assert query.get("state") == (None if "state" in changed else "state-1")
    assert "code" not in query


PAGES = {
    "no client": {"client_id": None},
    "unknown client": {"client_id": "app_00000000000000000000000000"},
    "no redirect URI": {"redirect_uri": None},
    "other host": {"redirect_uri": "https://evil.example.com/callback"},
    "longer path": {"redirect_uri": REDIRECT + "/x"},
    "added query": {"redirect_uri": REDIRECT + "?x=1"},
    "other case": {"redirect_uri": REDIRECT.replace("app.", "APP.")},
    "fragment": {"redirect_uri": REDIRECT + "#x"},
    "script": {"redirect_uri": "javascript:alert(1)"},
}


@pytest.mark.parametrize("changed", PAGES.values(), ids=PAGES)
def test_nothing_goes_to_an_unproven_address(world, changed):
    answer = world.authorize(world.browser(world.person()), world.client(), **changed)
    assert answer.status == 400
    assert "location" not in dict(answer.headers)
    assert b"Reference: " in answer.body
    assert b"evil" not in answer.body


def test_repeated_parameters(world):
    """RFC 6749 3.1; client_id and redirect_uri decide where errors go, so there it is a page."""
    client = world.client()
    query = "&".join(f"{name}={value}" for name, value in request_for(client, scope="openid").items())
    for name in ("client_id", "redirect_uri"):
        answer = world.send("GET", "/oauth2/authorize", query=f"{query}&{name}={client.id}")
        assert answer.status == 400
    found = location_query(world.send("GET", "/oauth2/authorize", query=f"{query}&scope=openid"))
    assert (found["error"], found["state"]) == ("invalid_request", "state-1")
    found = location_query(world.send("GET", "/oauth2/authorize", query=f"{query}&state=other"))
    assert found["error"] == "invalid_request"
    assert "state" not in found


def test_bytes_that_are_no_text(world):
    assert world.send("GET", "/oauth2/authorize", query="client_id=%ff").status == 400
    assert world.send("GET", "/oauth2/authorize", query="client_id=%00").status == 400


def test_unknown_parameters_are_passed_over(world):
    given = {"acr_values": "high", "ui_locales": "de", "display": "popup", "foo": "bar", "claims": "{}", "login_hint": "ann"}
    assert "code" in location_query(world.authorize(world.browser(world.person()), world.client(), **given))


def test_a_redirect_uri_keeps_its_query(world):
    client = world.client(redirect_uris=["https://app.example.com/cb?page=a%20b"])
    answer = world.authorize(world.browser(world.person()), client, redirect_uri="https://app.example.com/cb?page=a%20b")
    assert location(answer).startswith("https://app.example.com/cb?page=a%20b&code=")


@pytest.mark.parametrize(
    ("registered", "asked", "public", "good"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True, True),
        ("http://127.0.0.1:8000/cb", "http://127.0.0.1:51004/cb", True, True),
        ("http://[::1]/cb", "http://[::1]:51004/cb", True, True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", False, False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", True, False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x=1", True, False),
        ("http://127.0.0.1/cb", "http://127.0.0.2:51004/cb", True, False),
        ("http://127.0.0.1/cb", "https://127.0.0.1:51004/cb", True, False),
        ("http://127.0.0.1/cb", "http://u@127.0.0.1:51004/cb", True, False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", True, False),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", True, False),
        ("http://localhost/cb", "http://localhost:51004/cb", True, False),
        ("https://app.example.com/cb", "https://app.example.com:444/cb", True, False),
    ],
)
def test_loopback_ports_of_native_apps(world, registered, asked, public, good):
    """RFC 8252 7.3."""
    method = "none" if public else "client_secret_basic"
    client = world.client(redirect_uris=[registered], token_endpoint_auth_method=method)
    answer = world.authorize(world.browser(world.person()), client, redirect_uri=asked)
    assert answer.status == (303 if good else 400)


def test_prompt_and_max_age(world):
    client, person = world.client(), world.person(authenticated_at=world.clock.now() - timedelta(minutes=10))
    browser = world.browser(person)

    def asked(**changed):
        answer = world.authorize(browser, client, **changed)
        if answer.status == 200:
            return "page"
        query = location_query(answer)
        return "code" if "code" in query else query["error"]

    assert asked() == "code"
    assert asked(prompt="none") == "code"
    assert asked(prompt="consent") == "code"
    assert asked(prompt="login") == "page"
    assert asked(prompt="select_account") == "page"
    assert asked(max_age="601") == "code"
    assert asked(max_age="99999999999999999999") == "code"
    assert asked(max_age="600") == "page"
    assert asked(max_age="0") == "page"
    assert asked(max_age="599", prompt="none") == "login_required"
    assert asked(login_hint=person.user.email.upper(), prompt="none") == "code"
    assert asked(login_hint="other@acme.example", prompt="none") == "login_required"
    assert asked(connection=person.session.connection_id, prompt="none") == "code"
    assert asked(connection="con_00000000000000000000000009", prompt="none") == "login_required"
    assert asked(tenant="acme", prompt="none") == "code"
    assert asked(tenant=world.acme.id, prompt="none") == "code"
    assert asked(tenant="globex", prompt="none") == "login_required"


def test_sessions_of_several_tenants(world):
    client, ann, bob = world.client(), world.person(), world.person(world.globex)
    browser = world.browser(ann, bob)
    assert location_query(world.authorize(browser, client, prompt="none"))["error"] == "account_selection_required"
    assert world.authorize(browser, client).status == 200
    assert "code" in location_query(world.authorize(browser, client, tenant="globex"))
    assert "code" in location_query(world.authorize(browser, client, login_hint=ann.user.email))
    assert "code" in location_query(world.authorize(browser, client, issuer=issuer_of(world.acme), prompt="none"))
    narrow = world.client(tenants=[world.globex.id])
    assert "code" in location_query(world.authorize(browser, narrow, prompt="none"))


def test_id_token_hint(world):
    client, ann, bob = world.client(), world.person(), world.person()
    answer = world.tokens(ann, client)
    world.clock.advance(hours=1)
    for person, error in ((ann, None), (bob, "login_required")):
        query = location_query(world.authorize(world.browser(person), client, prompt="none", id_token_hint=answer["id_token"]))
        assert query.get("error") == error
    for wrong in (answer["access_token"], answer["id_token"][:-8] + "AAAAAAAA", world.tokens(ann, world.client())["id_token"]):
        query = location_query(world.authorize(world.browser(ann), client, id_token_hint=wrong))
        assert query["error"] == "invalid_request"
    query = location_query(
        world.authorize(world.browser(ann), client, issuer=issuer_of(world.acme), id_token_hint=answer["id_token"])
    )
    assert query["error"] == "invalid_request"


def test_a_tenants_issuer_serves_that_tenant(world):
    client, issuer = world.client(), issuer_of(world.acme)
    query = location_query(world.authorize(world.browser(world.person()), client, issuer=issuer, prompt="none"))
    assert query["iss"] == issuer
    query = location_query(world.authorize(world.browser(world.person(world.globex)), client, issuer=issuer, prompt="none"))
    assert query["error"] == "login_required"
    query = location_query(world.authorize(world.browser(), client, issuer=issuer, tenant="globex"))
    assert query["error"] == "invalid_request"
    assert world.slug_is_free("nobody")
    assert world.authorize(world.browser(), client, issuer=f"{BASE}/t/nobody").status == 404


def test_an_app_is_open_to_its_tenants(world):
    client = world.client(tenants=[world.globex.id])
    query = location_query(world.authorize(world.browser(world.person()), client, prompt="none"))
    assert query["error"] == "login_required"
    answer = world.authorize(world.browser(world.person()), client, tenant="acme")
    assert answer.status == 403
    assert b"Reference: " in answer.body


def test_an_unknown_tenant_is_a_page_with_a_way_back(world):
    browser, client = world.browser(), world.client()
    answer = world.authorize(browser, client, tenant="nobody")
    assert answer.status == 400
    assert b"/oauth2/resume?attempt=" in answer.body


def test_a_closed_tenant_gives_no_code(world):
    tenant = world.tenant("closing")
    client, person = world.client(), world.person(tenant)
    world.set_status(tenant, "paused")
    assert location_query(world.authorize(world.browser(person), client, prompt="none"))["error"] == "login_required"


def test_a_forged_session_cookie_is_nobody(world):
    client, ann = world.client(), world.person()
    browser = world.browser(ann)
    stolen = ann.cookie.replace(ann.tenant.id.removeprefix("tnt_"), world.globex.id.removeprefix("tnt_"))
    for value in (stolen, ann.cookie[:-1] + "_", "x", ann.session.id):
        browser.cookies[world.cookies.session_name] = value
        assert location_query(world.authorize(browser, client, prompt="none"))["error"] == "login_required"


def test_the_typed_page_knows_the_hint(world):
    page = world.authorize(world.browser(), world.client(), login_hint="ann@nowhere.example")
    assert page.status == 400
    assert b"ann@nowhere.example" in page.body
    assert attempt_of(page)
