"""The modules of the RP-Initiated Logout OP and Back-Channel Logout OP certification plans, by name and behaviour."""

from __future__ import annotations

from oidc.provider.backchannel import EVENT
from tests.provider.certification import Plan, RelyingParty
from tests.provider.test_code_flow import read
from tests.provider.test_logout import fields_of
from tests.support.provider_world import BASE, SIGNED_OUT, location

RP_INITIATED, BACK_CHANNEL = Plan(), Plan()
LOGOUT = f"{BASE}/oauth2/logout"
HOOK = "https://app.example.com/backchannel"


def leave(rp, **given):
    return rp.browser.get(LOGOUT, {name: value for name, value in given.items() if value is not None})


def is_signed_out(rp):
    return rp.error(prompt="none") == "login_required"


@RP_INITIATED.module("oidcc-rp-initiated-logout-discovery-endpoint-verification")
def discovery(rp):
    assert rp.metadata["end_session_endpoint"] == LOGOUT


@RP_INITIATED.module("oidcc-rp-initiated-logout")
def rp_initiated(rp):
    hint = rp.tokens()["id_token"]
    answer = leave(rp, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state="xyz")
    assert location(answer) == f"{SIGNED_OUT}?state=xyz"
    assert is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-no-state")
def no_state(rp):
    hint = rp.tokens()["id_token"]
    assert location(leave(rp, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)) == SIGNED_OUT
    assert is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-no-params")
def no_params(rp):
    rp.tokens()
    page = rp.browser.post(f"{LOGOUT}/confirm", fields_of(leave(rp)))
    assert page.status == 200
    assert b"You are signed out" in page.body
    assert is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-only-state")
def only_state(rp):
    rp.tokens()
    page = rp.browser.post(f"{LOGOUT}/confirm", fields_of(leave(rp, state="xyz")))
    assert page.status == 200
    assert is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri")
def no_post_logout_redirect_uri(rp):
    page = leave(rp, id_token_hint=rp.tokens()["id_token"], state="xyz")
    assert page.status == 200
    assert is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-no-id-token-hint")
def no_id_token_hint(rp):
    rp.tokens()
    answer = leave(rp, post_logout_redirect_uri=SIGNED_OUT, state="xyz")
    assert answer.status == 400
    assert "location" not in dict(answer.headers)


@RP_INITIATED.module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri")
def bad_post_logout_redirect_uri(rp):
    answer = leave(rp, id_token_hint=rp.tokens()["id_token"], post_logout_redirect_uri=f"{SIGNED_OUT}/other")
    assert answer.status == 400
    assert not is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri")
def query_added(rp):
    answer = leave(rp, id_token_hint=rp.tokens()["id_token"], post_logout_redirect_uri=f"{SIGNED_OUT}?foo=bar")
    assert answer.status == 400


@RP_INITIATED.module("oidcc-rp-initiated-logout-bad-id-token-hint")
def bad_id_token_hint(rp):
    rp.tokens()
    assert leave(rp, id_token_hint="bad", post_logout_redirect_uri=SIGNED_OUT).status == 400
    assert not is_signed_out(rp)


@RP_INITIATED.module("oidcc-rp-initiated-logout-modified-id-token-hint")
def modified_id_token_hint(rp):
    head, body, signature = rp.tokens()["id_token"].split(".")
    hint = f"{head}.{body}.{signature[::-1]}"
    assert leave(rp, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT).status == 400
    assert not is_signed_out(rp)


@BACK_CHANNEL.module("oidcc-backchannel-logout-discovery-endpoint-verification")
def backchannel_discovery(rp):
    assert rp.metadata["backchannel_logout_supported"] is True
    assert rp.metadata["backchannel_logout_session_supported"] is True


@BACK_CHANNEL.module("oidcc-backchannel-rp-initiated-logout")
def backchannel(rp):
    world = rp.world
    world.provider.logout_sender.run_due()
    world.fetcher.posted.clear()
    rp.register(backchannel_logout_uri=HOOK)
    tokens = rp.tokens()
    id_token = rp.claims(tokens)
    answer = leave(rp, id_token_hint=tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT, state="xyz")
    assert location(answer) == f"{SIGNED_OUT}?state=xyz"
    world.provider.logout_sender.run_due()
    ((url, form),) = world.fetcher.posted
    assert url == HOOK
    header, claims = read(world, form["logout_token"])
    assert header["alg"] == "RS256"
    assert {name: claims[name] for name in ("iss", "aud", "sub", "sid")} == {
        name: id_token[name] for name in ("iss", "aud", "sub", "sid")
    }
    assert claims["events"] == {EVENT: {}}
    assert {"iat", "exp", "jti"} <= set(claims)
    assert "nonce" not in claims
    assert is_signed_out(rp)


PLAN = ("", *(f"-{name}" for name in (
    "discovery-endpoint-verification", "bad-post-logout-redirect-uri", "modified-id-token-hint", "no-id-token-hint",
    "no-params", "no-post-logout-redirect-uri", "no-state", "only-state", "query-added-to-post-logout-redirect-uri",
    "bad-id-token-hint",
)))  # fmt: skip


def test_no_module_of_the_plans_is_missing():
    assert {f"oidcc-rp-initiated-logout{name}" for name in PLAN} == set(RP_INITIATED)
    assert len(BACK_CHANNEL) == 2


def pytest_generate_tests(metafunc):
    if "module" in metafunc.fixturenames:
        metafunc.parametrize("module", [*RP_INITIATED, *BACK_CHANNEL])


def test_module(world, module):
    (RP_INITIATED | BACK_CHANNEL)[module](RelyingParty(world))
