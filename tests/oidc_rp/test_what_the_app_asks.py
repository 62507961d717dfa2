"""What an app asks of a sign-in (acr_values, max_age, prompt) on its way to the provider, and what is made of the answer."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from idbroker.federation.options import ConnectionOptions
from tests.support.oidc_op import World, members

STRONG, PHISHING = "urn:example:strong", "phr"


def asked_of_the_provider(world, **attempt):
    url = world.protocol.begin(world.connection(), world.attempt(**attempt)).url
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.parametrize(
    ("known", "demanded", "wanted", "sent"),
    [
        (None, (), (STRONG, PHISHING), f"{STRONG} {PHISHING}"),
        ([PHISHING], (), (STRONG, PHISHING), PHISHING),
        ([], (), (STRONG,), None),
        (None, ("mfa",), (STRONG,), "mfa"),
        (None, (), (), None),
    ],
)
def test_acr_values_go_on_as_far_as_the_provider_knows_them(known, demanded, wanted, sent):
    world = World(options=ConnectionOptions(authn_context=demanded))
    world.fetcher.changes["/.well-known/openid-configuration"] = members(acr_values_supported=known)
    assert asked_of_the_provider(world, acr_values=wanted).get("acr_values") == sent


@pytest.mark.parametrize(
    ("attempt", "prompt"),
    [
        ({}, None),
        ({"force_authn": True}, "login"),
        ({"select_account": True}, "select_account"),
        ({"force_authn": True, "select_account": True}, "login select_account"),
        ({"is_passive": True, "select_account": True}, "none"),
    ],
)
def test_prompt_goes_on(attempt, prompt):
    assert asked_of_the_provider(World(), **attempt).get("prompt") == prompt


@pytest.fixture
def notes(there):
    made = there.api("POST", "/apps", {"name": "Notes", "redirect_uris": ["https://notes.example/cb"]})

    def begin(**wishes):
        asked = {
            "response_type": "code", "client_id": made["client_id"], "redirect_uri": "https://notes.example/cb",
            "scope": "openid", "state": "s", "code_challenge": "x" * 43, "code_challenge_method": "S256",
            "connection": there.connection["id"], **wishes,
        }  # fmt: skip
        begun = there.client.get("/oauth2/authorize", params=asked)
        return dict(parse_qsl(urlsplit(begun.headers["location"]).query))

    return begin


def test_an_app_s_wishes_reach_the_provider(there, notes):
    asked = notes(acr_values=f"{STRONG} {PHISHING}", max_age="600", prompt="login select_account")
    assert (asked["acr_values"], asked["max_age"], asked["prompt"]) == (f"{STRONG} {PHISHING}", "600", "login select_account")
    assert there.answered(asked).status_code == 303


@pytest.mark.parametrize("acr_values", ["x" * 5000, "a\nb", ""])
def test_wishes_beyond_measure_are_passed_over(notes, acr_values):
    assert "acr_values" not in notes(acr_values=acr_values)


@pytest.mark.parametrize(
    ("extra", "without", "code"),
    [({}, ("auth_time",), "oidc_auth_time_invalid"), ({"auth_time": 1_700_000_000}, (), "oidc_auth_time_invalid")],
)
def test_max_age_is_enforced_on_the_answer(there, notes, extra, without, code):
    asked = notes(max_age="60")
    there.op.extra, there.op.without = extra, without
    assert there.answered(asked).status_code == 403
    event = there.events("sign_in.refused")[0]
    assert event["context"]["code"] == code
    assert event["context"]["findings"][0]["check"] == "id_token.auth_time"
    assert there.sessions() == []
