"""Logout in both directions: what the provider tells us behind the browser's back, and the browser's trip to the provider."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.model import Sessions
from oidc import jose
from oidc.demo_op import SigningKey
from tests.support.oidc_installation import BACKCHANNEL_EVENT as EVENT
from tests.support.oidc_installation import BASE, Installation
from tests.support.oidc_op import ALICE, CLIENT_ID, ISSUER, members
from tests.support.world import OPERATOR

OTHER = SigningKey()
FORM = {"content-type": "application/x-www-form-urlencoded"}


def signed_by_another(there):
    return jose.sign(jose.read(there.logout_token()).claims, OTHER.native, alg="ES256", kid=there.op.key.kid, typ="logout+jwt")


def unsigned(there):
    header, claims = jose.b64url(b'{"alg":"none"}'), there.logout_token().split(".")[1]
    return f"{header}.{claims}."


REFUSED = {
    "nothing": (lambda there: None, "oidc_token_malformed", "logout_token.form"),
    "no token": (lambda there: "hello", "oidc_token_malformed", "logout_token.form"),
    "encrypted": (lambda there: "a.b.c.d.e", "oidc_token_malformed", "logout_token.form"),
    "unsigned": (unsigned, "oidc_alg_not_allowed", "logout_token.algorithm"),
    "another key": (signed_by_another, "oidc_signature_invalid", "logout_token.signature"),
    "unknown key": (lambda there: there.logout_token(header={"kid": "x"}), "oidc_key_unknown", "logout_token.key"),
    "an access token": (lambda there: there.logout_token(header={"typ": "at+jwt"}), "oidc_token_type", "logout_token.typ"),
    "another issuer": (lambda there: there.logout_token(iss=f"{ISSUER}/"), "oidc_iss_mismatch", "logout_token.iss"),
    "no issuer": (lambda there: there.logout_token(without=("iss",)), "oidc_iss_mismatch", "logout_token.iss"),
    "another client": (lambda there: there.logout_token(aud="another"), "oidc_aud_mismatch", "logout_token.aud"),
    "aud empty": (lambda there: there.logout_token(aud=[]), "oidc_aud_mismatch", "logout_token.aud"),
    "no aud": (lambda there: there.logout_token(without=("aud",)), "oidc_aud_mismatch", "logout_token.aud"),
    "expired": (lambda there: there.logout_token(exp=1), "oidc_token_expired", "logout_token.exp"),
    "no exp": (lambda there: there.logout_token(without=("exp",)), "oidc_token_expired", "logout_token.exp"),
    "old": (lambda there: there.logout_token(iat=1), "oidc_iat_invalid", "logout_token.iat"),
    "from the future": (lambda there: there.logout_token(iat=9_999_999_999), "oidc_iat_invalid", "logout_token.iat"),
    "no iat": (lambda there: there.logout_token(without=("iat",)), "oidc_iat_invalid", "logout_token.iat"),
    "iat a text": (lambda there: there.logout_token(iat="now"), "oidc_iat_invalid", "logout_token.iat"),
    "nobody": (lambda there: there.logout_token(without=("sub",)), "oidc_logout_nobody_named", "logout_token.who"),
    "sub empty": (lambda there: there.logout_token(sub=""), "oidc_logout_nobody_named", "logout_token.who"),
    "sub a list": (lambda there: there.logout_token(sub=[ALICE.sub]), "oidc_logout_nobody_named", "logout_token.who"),
    "sid an object": (lambda there: there.logout_token(sid={}), "oidc_logout_nobody_named", "logout_token.who"),
    "sid too long": (lambda there: there.logout_token(sid="x" * 256), "oidc_logout_nobody_named", "logout_token.who"),
    "no events": (lambda there: there.logout_token(without=("events",)), "oidc_logout_event_missing", "logout_token.events"),
    "events a list": (
        lambda there: there.logout_token(events=[EVENT]), "oidc_logout_event_missing", "logout_token.events",
    ),
    "event a text": (
        lambda there: there.logout_token(events={EVENT: "yes"}), "oidc_logout_event_missing", "logout_token.events",
    ),
    "another event": (
        lambda there: there.logout_token(events={EVENT + "/": {}}), "oidc_logout_event_missing", "logout_token.events",
    ),
    "nonce": (lambda there: there.logout_token(nonce="n"), "oidc_logout_nonce_present", "logout_token.nonce"),
    "nonce null": (lambda there: there.logout_token(nonce=None), "oidc_logout_nonce_present", "logout_token.nonce"),
    "no jti": (lambda there: there.logout_token(without=("jti",)), "oidc_logout_jti_missing", "logout_token.jti"),
    "jti a number": (lambda there: there.logout_token(jti=5), "oidc_logout_jti_missing", "logout_token.jti"),
    "jti too long": (lambda there: there.logout_token(jti="x" * 300), "oidc_logout_jti_missing", "logout_token.jti"),
}  # fmt: skip


def test_a_logout_token_that_is_none_ends_nothing(there):
    """One installation for the whole table: what is refused changes nothing."""
    there.sign_in()
    for name, (made, code, check) in REFUSED.items():
        answer = there.log_out(made(there))
        assert answer.status_code == 400, name
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["error"] == "invalid_request"
        event = there.events("sign_out.refused")[0]
        assert event["context"]["code"] == code, name
        assert event["context"]["findings"][0]["check"] == check, name
        assert event["context"]["reference"] in answer.json()["error_description"]
        assert len(there.sessions()) == 1, name


@pytest.mark.parametrize("claims", [{}, {"sid": "s1"}, {"sid": "s1", "without": ("sub",)}, {"events": {EVENT: {"x": 1}}}])
def test_a_good_one_ends_sessions_at_once(there, claims):
    there.op.extra = {"sid": "s1"}
    browser = there.browser()
    there.sign_in(browser)
    assert "Alice" in browser.get("/account").text
    answer = there.log_out(there.logout_token(**claims))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert there.sessions() == []
    assert "Alice" not in browser.get("/account").text
    [event] = there.events("session.ended")
    assert event["context"]["reason"] == "idp_logout"


def test_it_ends_what_it_names_and_no_more(there):
    for sid in ("s1", "s2"):
        there.op.extra = {"sid": sid}
        there.sign_in(there.browser())
    other = there.connect(name="Other")
    assert there.log_out(there.logout_token(sid="s3")).status_code == 200
    assert there.log_out(there.logout_token(sub="somebody else")).status_code == 200
    assert there.log_out(there.logout_token(), other["id"]).status_code == 200
    assert len(there.sessions()) == 2
    assert there.log_out(there.logout_token(sid="s2", without=("sub",))).status_code == 200
    assert len(there.sessions()) == 1
    assert there.log_out(there.logout_token()).status_code == 200
    assert there.sessions() == []


def test_a_token_counts_once(there):
    token = there.logout_token()
    assert there.log_out(token).status_code == 200
    there.sign_in()
    assert there.log_out(token).status_code == 400
    there.clock.advance(minutes=11)
    assert there.log_out(token).status_code == 400
    assert len(there.sessions()) == 1


def test_forms_that_are_none_and_connections_that_are_none(there):
    path = f"/oidc/{there.connection['id']}/backchannel-logout"
    token = there.logout_token()
    browser = there.browser()
    answers = [
        browser.post(path, json={"logout_token": token}),
        browser.post(path, content=b"logout_token=a&logout_token=b", headers=FORM),
        browser.post(path, content=b"\xff\xfe", headers=FORM),
        browser.post(path, content=b"", headers=FORM),
        browser.post(f"{path}?logout_token={token}"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert all(answer.json()["error"] == "invalid_request" for answer in answers)
    assert all(
        answer.json()["error_description"].isascii() and '"' not in answer.json()["error_description"] for answer in answers
    )
    assert there.log_out(token, "con_00000000000000000000000000").status_code == 404
    assert there.log_out(token, "x").status_code == 404
    assert browser.get(path).status_code == 405
    there.api("PATCH", there.here, {"status": "disabled"})
    assert there.log_out(token).status_code == 404


def test_the_apps_are_told(there):
    """The kill chain: an app of the session gets its own logout token."""
    app = there.api("POST", "/apps", {
        "name": "Notes", "redirect_uris": ["https://notes.example/cb"], "backchannel_logout_uri": "https://notes.example/out",
    })  # fmt: skip
    asked = {
        "response_type": "code", "client_id": app["client_id"], "redirect_uri": "https://notes.example/cb", "scope": "openid",
        "state": "s", "code_challenge": jose.b64url(hashlib.sha256(b"v" * 43).digest()),
        "code_challenge_method": "S256", "connection": there.connection["id"],
    }  # fmt: skip
    begun = there.client.get("/oauth2/authorize", params=asked)
    done = there.answered(dict(parse_qsl(urlsplit(begun.headers["location"]).query)))
    back = there.client.get(done.headers["location"])
    code = dict(parse_qsl(urlsplit(back.headers["location"]).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"], "code_verifier": "v" * 43}
    assert there.client.post("/oauth2/token", data=form, auth=(app["client_id"], app["client_secret"])).status_code == 200
    [session] = there.sessions()
    assert there.log_out(there.logout_token()).status_code == 200
    user = session["user_id"]
    [receipt] = there.api("GET", f"/tenants/acme/users/{user}/revocations")["data"]
    assert [delivery["app"] for delivery in receipt["deliveries"]] == [app["client_id"]]
    assert receipt["cause"] == "idp_logout"


def with_end_session(tmp_path, clock, **more):
    made = Installation(tmp_path, clock)
    made.fetcher.changes["/.well-known/openid-configuration"] = members(end_session_endpoint=f"{ISSUER}/end?theme=dark", **more)
    made.api("PATCH", made.here, {"issuer": ISSUER})
    return made


def sign_out(there):
    page = there.client.get("/account").text
    session, token = (page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("session", "token"))
    return there.client.post("/account/sign-out", data={"session": session, "token": token})


def test_signing_out_goes_through_the_provider_and_comes_back(tmp_path, clock):
    there = with_end_session(tmp_path, clock)
    there.sign_in()
    gone = sign_out(there)
    assert there.sessions() == []
    address = urlsplit(gone.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/end"
    asked = dict(parse_qsl(address.query))
    assert asked["theme"] == "dark"
    assert asked["client_id"] == CLIENT_ID
    assert asked["post_logout_redirect_uri"] == f"{BASE}/oidc/{there.connection['id']}/logout"
    assert jose.read(asked["id_token_hint"]).claims["sub"] == ALICE.sub
    back = f"/oidc/{there.connection['id']}/logout"
    assert there.browser().get(back, params={"state": asked["state"]}).status_code == 400
    done = there.client.get(back, params={"state": asked["state"]})
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert there.client.get(back, params={"state": asked["state"]}).status_code == 400
    assert there.client.get(back).status_code == 400
    there.close()


def test_what_the_provider_could_not_do_is_told(tmp_path, clock):
    there = with_end_session(tmp_path, clock)
    there.sign_in()
    asked = dict(parse_qsl(urlsplit(sign_out(there).headers["location"]).query))
    path = f"/oidc/{there.connection['id']}/logout"
    page = there.client.get(path, params={"state": asked["state"], "error": "server_error", "error_description": "<b>no</b>"})
    assert page.status_code == 200
    assert "it reported an error" in page.text
    assert "<b>no" not in page.text
    [event] = there.events("sign_out.failed")
    assert "server_error" in event["context"]["detail"]
    there.close()


def test_a_long_hint_goes_by_form(tmp_path, clock):
    there = with_end_session(tmp_path, clock)
    there.op.extra = {"groups": ["a group with a long name"] * 200}
    there.sign_in()
    page = sign_out(there)
    assert page.status_code == 200
    assert f'action="{ISSUER}/end?theme=dark"' in page.text
    assert 'name="id_token_hint"' in page.text
    there.close()


def test_no_address_no_trip(there):
    there.sign_in()
    assert sign_out(there).headers["location"] == "/account"


def test_an_endpoint_that_speaks_for_us_is_not_used(tmp_path, clock):
    there = Installation(tmp_path, clock)
    there.fetcher.changes["/.well-known/openid-configuration"] = members(end_session_endpoint=f"{ISSUER}/end?client_id=other")
    changed = there.api("PATCH", there.here, {"issuer": ISSUER, "scopes": ["openid", "email"]})
    assert changed["end_session_endpoint"] is None
    assert [warning["code"] for warning in changed["warnings"]] == ["end_session_unusable"]
    there.close()


def test_the_address_is_asked_without_the_hint(tmp_path, clock):
    """Whether anybody serves it is asked by us, so nothing of the person goes along."""
    there = with_end_session(tmp_path, clock)
    there.sign_in()
    there.fetcher.urls.clear()
    sign_out(there)
    assert there.fetcher.urls == [f"{ISSUER}/end?theme=dark"]
    there.close()


def test_the_hint_is_let_go_of_once_the_session_is_over(tmp_path, clock):
    there = with_end_session(tmp_path, clock)
    there.sign_in()
    [session] = there.sessions()
    scope = TenantScope(TenantId(there.tenant), OPERATOR)

    def kept():
        with there.database.tenant(scope) as unit:
            unit[Sessions].forget_upstream(timedelta(hours=1))
            return unit[Sessions].get(session["id"]).upstream_sealed is not None

    clock.advance(hours=2)
    assert kept()
    assert there.log_out(there.logout_token()).status_code == 200
    assert kept()
    clock.advance(hours=2)
    assert not kept()
    there.close()
