"""Responses that the browser posts to the app (OAuth 2.0 Form Post Response Mode): codes and errors, by session or sign-in."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.support.provider_world import BASE, REDIRECT, attempt_of, document, location, location_query, request_for

FIELD = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def posted(answer):
    """Where the form goes, and what is in it."""
    page = answer.body.decode()
    assert answer.status == 200
    assert answer.media_type.startswith("text/html")
    (action,) = re.findall(r'<form id="handover" method="post" action="([^"]*)">', page)
    return unescape(action), {unescape(name): unescape(value) for name, value in FIELD.findall(page)}


def test_a_code_from_a_session(world):
    client = world.client()
    action, fields = posted(world.authorize(world.browser(world.person()), client, response_mode="form_post"))
    assert action == REDIRECT
    assert set(fields) == {"code", "state", "iss"}
    assert (fields["state"], fields["iss"]) == ("state-1", BASE)
    assert world.token(client, fields["code"]).status == 200


def test_a_code_from_a_sign_in(world):
    client, person, browser = world.client(), world.person(), world.browser()
    handle = attempt_of(world.authorize(browser, client, response_mode="form_post"))
    world.finish_sign_in(handle, person)
    browser.sign_in(person)
    action, fields = posted(browser.get(f"{BASE}/oauth2/resume", {"attempt": handle}))
    assert action == REDIRECT
    assert world.token(client, fields["code"]).status == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": None}, "invalid_scope"),
        ({"request": "eyJ"}, "request_not_supported"),
    ],
)
def test_errors_are_posted_too(world, changed, error):
    action, fields = posted(world.authorize(world.browser(), world.client(), response_mode="form_post", **changed))
    assert (action, fields["error"], fields["iss"]) == (REDIRECT, error, BASE)


def test_nothing_breaks_out_of_the_form(world):
    state = '"><script>alert(1)</script>&amp;'
    answer = world.authorize(world.browser(world.person()), world.client(), response_mode="form_post", state=state)
    assert b"<script>alert" not in answer.body
    assert posted(answer)[1]["state"] == state
    policy = dict(answer.headers)["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_pushed_and_posted_requests_keep_their_mode(world):
    client, person = world.client(), world.person()
    request = request_for(client, response_mode="form_post")
    reference = document(world.send("POST", f"{BASE}/oauth2/par", form=request, headers=client.basic()))["request_uri"]
    pushed = {"client_id": client.id, "request_uri": reference}
    assert "code" in posted(world.browser(person).get(f"{BASE}/oauth2/authorize", pushed))[1]
    browser = world.browser(person)
    answer = browser.post(f"{BASE}/oauth2/authorize", request)
    assert "code" in posted(browser.get(location(answer)))[1]


def test_the_default_is_the_query(world):
    answer = world.authorize(world.browser(world.person()), world.client(), response_mode="query")
    assert "code" in location_query(answer)
    metadata = document(world.send("GET", "/.well-known/openid-configuration"))
    assert metadata["response_modes_supported"] == ["query", "form_post"]
