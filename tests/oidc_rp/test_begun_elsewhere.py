"""Third-party-initiated login (OIDC Core 4): a wish becomes a sign-in of ours, and never more than that."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.oidc_op import ISSUER


def wish(there, method="GET", browser=None, **params):
    path = f"/oidc/{there.connection['id']}/login"
    given = {"iss": ISSUER, **params}
    if method == "GET":
        return (browser or there.client).get(path, params=given)
    return (browser or there.client).post(path, data=given)


def query(answer):
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def app(there, **options):
    made = there.api("POST", "/apps", {
        "name": "Notes", "redirect_uris": ["https://notes.example/cb"], "initiate_login_uri": "https://notes.example/start?x=1",
    })  # fmt: skip
    there.api("PATCH", there.here, {"options": {"default_app": made["client_id"], **options}})
    return made


def test_it_begins_at_once_and_ends_signed_in(there):
    begun = wish(there, login_hint="alice@acme.example")
    assert begun.headers["location"].startswith(f"{ISSUER}/authorize")
    asked = query(begun)
    assert asked["login_hint"] == "alice@acme.example"
    done = there.answered(asked)
    assert done.headers["location"].startswith("/sso/done?")
    assert len(there.sessions()) == 1


def test_a_user_name_is_a_hint_too(there):
    assert query(wish(there, login_hint="ACME\\alice"))["login_hint"] == "ACME\\alice"
    assert "login_hint" not in query(wish(there))


def test_a_post_goes_on_as_a_get_so_that_the_browser_keeps_its_cookie(there):
    moved = wish(there, "POST", login_hint="alice@acme.example", other="x")
    assert moved.status_code == 303
    assert query(moved) == {"iss": ISSUER, "login_hint": "alice@acme.example"}
    assert "set-cookie" not in moved.headers
    begun = there.client.get(moved.headers["location"])
    assert begun.headers["location"].startswith(f"{ISSUER}/authorize")


def test_an_attempt_that_waits_elsewhere_is_not_disturbed(there):
    first = there.begin()
    wish(there)
    assert there.answered(first).status_code == 303


@pytest.mark.parametrize("issuer", [None, "", "https://evil.example.com", f"{ISSUER}/", "HTTPS://op.example.com", "\u00e9"])
def test_only_the_connection_s_own_issuer_may_wish(there, issuer):
    path = f"/oidc/{there.connection['id']}/login"
    answer = there.client.get(path, params={} if issuer is None else {"iss": issuer})
    assert answer.status_code == 400
    assert "Reference:" in answer.text
    [event] = there.events("sign_in.refused")
    assert event["context"]["code"] == "oidc_initiation_iss_mismatch"
    assert event["context"]["findings"][0]["check"] == "initiation.iss"


@pytest.mark.parametrize("params", [{"login_hint": "x" * 256}, {"login_hint": "a\nb"}, {"login_hint": "a\u202eb\u0007"}])
def test_hints_that_are_none(there, params):
    assert wish(there, **params).status_code == 400


def test_repeated_parameters_are_refused(there):
    path = f"/oidc/{there.connection['id']}/login"
    assert there.client.get(f"{path}?iss={ISSUER}&iss={ISSUER}").status_code == 400


def test_it_begins_at_the_app_where_the_connection_names_one(there):
    app(there, relay_state_allow=["https://notes.example/deep"])
    begun = wish(there, login_hint="alice", target_link_uri="https://notes.example/deep")
    assert begun.headers["location"].startswith("https://notes.example/start?x=1&")
    asked = query(begun)
    assert asked.pop("x") == "1"
    assert asked == {
        "iss": "https://broker.example", "tenant": "acme", "connection": there.connection["id"], "login_hint": "alice",
        "target_link_uri": "https://notes.example/deep",
    }  # fmt: skip


@pytest.mark.parametrize(
    "target", ["https://evil.example", "https://notes.example/deep/../x", "//evil", "javascript:1", "x" * 4000]
)
def test_a_target_that_is_not_listed_is_passed_over(there, target):
    app(there, relay_state_allow=["https://notes.example/deep"])
    assert "target_link_uri" not in query(wish(there, target_link_uri=target))


def test_what_is_not_there_begins_nothing(there):
    for connection, status in (("con_00000000000000000000000000", 404), ("x", 404)):
        assert there.client.get(f"/oidc/{connection}/login", params={"iss": ISSUER}).status_code == status
        assert there.client.post(f"/oidc/{connection}/login", data={"iss": ISSUER}).status_code in (status, 303)
    there.api("PATCH", there.here, {"status": "test"})
    assert wish(there).status_code == 403
    there.api("PATCH", there.here, {"status": "disabled"})
    assert wish(there).status_code == 404
