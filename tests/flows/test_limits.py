"""Rate limits as they are lived with: a tenant's own bucket, the address of those who are nobody yet, floods and strangers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idbroker.tenants.entitlements import checked_own
from tests.support.clock import TestClock
from tests.support.databases import sqlite_urls
from tests.support.redis_server import redis_server
from tests.support.whole import SamlTenant, Whole

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
def whole(tmp_path: Path, clock: TestClock) -> Iterator[Whole]:
    entitlements = {"growth": {"limits": {"admin_read": {"per_minute": 777}}}}
    made = Whole(sqlite_urls(tmp_path), clock, address_per_minute=80, entitlements=entitlements)
    yield made
    made.close()


@pytest.fixture
def acme(whole: Whole) -> str:
    return whole.tenant("acme")


def told(answer: Any) -> tuple[int, int, int]:
    limit, remaining, reset = (int(answer.headers[name]) for name in HEADERS)
    return limit, remaining, reset


def set_limit(whole: Whole, tenant: str, name: str, per_minute: int, burst: int) -> None:
    whole.api("PATCH", f"/tenants/{tenant}", {"limits": {name: {"per_minute": per_minute, "burst": burst}}})


def test_a_tenant_uses_its_bucket_up_and_waits(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    set_limit(whole, acme, "admin_read", 60, 5)
    answers = [whole.send("GET", "/tenants/acme", key=key) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [told(answer) for answer in answers[:5]] == [(60, 4 - used, used + 1) for used in range(5)]
    assert [answer.headers.get("x-ratelimit-warning") for answer in answers[:5]] == [None] * 3 + ["soft"] * 2
    refused = answers[5]
    assert (refused.headers["content-type"], refused.json()["code"]) == ("application/problem+json", "rate_limited")
    assert refused.headers["retry-after"] == "1"
    whole.clock.advance(seconds=1.1)
    assert whole.send("GET", "/tenants/acme", key=key).status_code == 200
    assert whole.send("POST", "/tenants/acme/domains", {"domain": "acme.com"}, key=key).status_code == 201, "another class"
    assert whole.send("GET", "/tenants/acme").status_code == 200, "an operator is not charged to the tenant"


def test_errors_bear_the_headers_too(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    for answer in (
        whole.send("GET", "/tenants/nobody", key=key),
        whole.send("POST", "/tenants", {}, key=key),
        whole.send("POST", "/tenants/acme/domains", {"domain": 7}, key=key),
        whole.client.get("/api/v1/tenants/acme"),
        whole.client.get("/sso?email=x@nowhere.example"),
        whole.client.post("/oauth2/token", data={"grant_type": "nonsense"}),
        whole.client.get("/oauth2/userinfo"),
        whole.client.post("/oauth2/token", content=b"x" * 1_600_000),
        whole.send("DELETE", "/tenants", key=key),
        whole.client.request("DELETE", "/scim/v2/Users"),
        whole.client.head("/oauth2/logout"),
    ):
        assert answer.status_code >= 400
        assert all(name in answer.headers for name in HEADERS), answer.url
    assert "x-ratelimit-limit" not in whole.client.get("/healthz").headers
    assert "x-ratelimit-limit" not in whole.client.get("/.well-known/openid-configuration").headers


def test_overrides_are_set_shown_and_taken_away(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    path = "/tenants/acme"
    assert told(whole.send("GET", path, key=key))[0] == 300
    assert whole.api("PATCH", path, {"limits": {"admin_read": {"per_minute": 1000}}})["limits"] == {
        "admin_read": {"per_minute": 1000, "burst": 250}
    }
    assert told(whole.send("GET", path, key=key))[0] == 1000
    set_limit(whole, acme, "scim_write", 1, 1)
    assert set(whole.api("GET", path)["limits"]) == {"admin_read", "scim_write"}
    assert set(whole.api("PATCH", path, {"limits": {"admin_read": None}})["limits"]) == {"scim_write"}
    assert told(whole.send("GET", path, key=key))[0] == 300
    assert whole.api("PATCH", path, {"limits": None})["limits"] is None
    whole.api("PATCH", path, {"tier": "enterprise"})
    assert told(whole.send("GET", path, key=key))[0] == 6000
    whole.api("PATCH", path, {"tier": "growth"})
    assert told(whole.send("GET", path, key=key))[0] == 777, "as the operator has it for the tier"
    included = whole.api("GET", f"{path}/entitlements")["limits"]
    assert included["admin_read"] == {"per_minute": 777, "burst": 194}
    assert included["admin_write"] == {"per_minute": 300, "burst": 75}
    set_limit(whole, acme, "admin_read", 60, 30)
    assert told(whole.send("GET", path, key=key))[0] == 60, "a tenant's own stand over its tier's"


@pytest.mark.parametrize(
    "limits",
    [
        {"admin_read": {"per_minute": 0}},
        {"admin_read": {"per_minute": -1, "burst": 1}},
        {"admin_read": {"per_minute": "10"}},
        {"admin_read": {"per_minute": 10, "burst": 0}},
        {"admin_read": {"per_minute": True}},
        {"admin_read": {"burst": 3}},
        {"admin_read": {"per_minute": 10**12}},
        {"admin_read": 5},
        {"else": {"per_minute": 5}},
        [],
        "none",
    ],
)
def test_numbers_that_are_none(whole: Whole, acme: str, limits: Any) -> None:
    answer = whole.send("PATCH", f"/tenants/{acme}", {"limits": limits})
    assert answer.status_code == 422
    assert whole.api("GET", f"/tenants/{acme}")["limits"] is None
    with pytest.raises(ValueError, match=r"limit|per_minute"):
        checked_own({"free": {"limits": limits}})


def test_a_tenant_does_not_set_its_own_limits(whole: Whole, acme: str) -> None:
    answer = whole.send("PATCH", "/tenants/acme", {"limits": None}, key=whole.key(acme))
    assert (answer.status_code, answer.json()["code"]) == (403, "operators_only")


def test_a_refusal_is_lifted_with_the_limit(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    set_limit(whole, acme, "admin_read", 1, 1)
    assert [whole.send("GET", "/tenants/acme", key=key).status_code for _ in range(3)] == [200, 429, 429]
    set_limit(whole, acme, "admin_read", 6000, 1000)
    assert whole.send("GET", "/tenants/acme", key=key).status_code == 200


def test_the_trail_hears_of_it_once_a_minute(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    set_limit(whole, acme, "admin_read", 60, 5)
    for _ in range(12):
        whole.send("GET", "/tenants/acme", key=key)
    levels = [(event["context"]["level"], event["resource"]["id"]) for event in whole.events(acme, "limit.exceeded")]
    assert levels == [("soft", "admin_read"), ("hard", "admin_read")]
    whole.clock.advance(seconds=61)
    for _ in range(12):
        whole.send("GET", "/tenants/acme", key=key)
    assert len(whole.events(acme, "limit.exceeded")) == 4


def test_bad_credentials_are_charged_to_their_address(whole: Whole, acme: str) -> None:
    flood = whole.at("198.51.100.7")
    bad = [flood.get("/api/v1/tenants/acme", headers={"authorization": "Bearer idbk_x_y"}) for _ in range(23)]
    assert [answer.status_code for answer in bad] == [401] * 20 + [429] * 3
    good = {"authorization": f"Bearer {whole.key(acme)}"}
    assert flood.get("/api/v1/tenants/acme", headers=good).status_code == 429, "the address is known only by its bad ones"
    assert whole.at("198.51.100.8").get("/api/v1/tenants/acme", headers=good).status_code == 200


def test_good_credentials_cost_their_address_nothing(whole: Whole, acme: str) -> None:
    key = whole.key(acme)
    assert {whole.send("GET", "/tenants/acme", key=key).status_code for _ in range(60)} == {200}
    assert told(whole.client.get("/api/v1/tenants/acme"))[:2] == (80, 19)


def test_one_customer_of_ipv6_is_one_address(whole: Whole) -> None:
    for number in range(20):
        assert whole.at(f"2001:db8:1:2::{number:x}").get("/sso").status_code == 200
    assert whole.at("2001:db8:1:2:ffff::1").get("/sso").status_code == 429
    assert whole.at("2001:db8:1:3::1").get("/sso").status_code == 200


def test_a_flood_of_sign_ins_meets_a_page(whole: Whole) -> None:
    flood = whole.at("198.51.100.7")
    answers = [flood.get("/sso?tenant=acme") for _ in range(25)]
    assert answers[-1].status_code == 429
    assert "Reference:" in answers[-1].text
    assert answers[-1].headers.get_list("retry-after") == ["1"]
    whole.services.trail.seal_all()
    recorded = whole.api("GET", "/audit-events?action=sign_in.refused&limit=200")["data"]
    assert sum(event["context"]["code"] == "rate_limited" for event in recorded) == 1, "a flood does not fill the trail"


def test_token_and_hrd_floods_in_their_own_words(whole: Whole) -> None:
    flood = whole.at("198.51.100.7")
    basic = {"authorization": "Basic " + base64.b64encode(b"app_x:y").decode()}
    tokens = [flood.post("/oauth2/token", data={"grant_type": "client_credentials"}, headers=basic) for _ in range(21)]
    assert [answer.status_code for answer in tokens] == [401] * 20 + [429]
    assert tokens[-1].json()["error"] == "temporarily_unavailable"
    hrd = [flood.post("/api/v1/hrd", json={"email": "a@acme.example"}, headers=basic) for _ in range(21)]
    assert [answer.status_code for answer in hrd] == [401] * 20 + [429]
    assert hrd[-1].json()["code"] == "rate_limited"


def test_a_stranger_cannot_use_up_a_tenant(whole: Whole) -> None:
    """He names the tenant in every way there is; its own people sign in all the same."""
    acme = SamlTenant(whole, "acme")
    set_limit(whole, acme.id, "sign_in", 1, 2)
    for number in range(6):
        stranger = whole.at(f"203.0.113.{number}")
        for path in (
            "/sso?email=alice@acme.example",
            "/sso?tenant=acme",
            f"/sso?connection={acme.connection['id']}",
            f"/oauth2/authorize?tenant={acme.id}",
            "/t/acme/oauth2/authorize",
        ):
            assert stranger.get(path).status_code in (302, 400)
        assert stranger.post(f"/saml/{acme.connection['id']}/acs", data={"SAMLResponse": "AAAA"}).status_code == 403
        assert stranger.get("/api/v1/tenants/acme").status_code == 401
        stranger.post("/t/acme/oauth2/token", data={"grant_type": "client_credentials"})
    assert acme.sign_in(whole.at("192.0.2.77")).status_code == 303


def test_sign_ins_that_the_idp_vouched_for_are_the_tenant_s(whole: Whole) -> None:
    acme, other = SamlTenant(whole, "acme"), SamlTenant(whole, "other")
    set_limit(whole, acme.id, "sign_in", 1, 2)
    browsers = [whole.at("192.0.2.77") for _ in range(3)]
    answers = [acme.sign_in(browser) for browser in browsers[:2]]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert told(answers[1])[:2] == (1, 0)
    location = acme.begin(browsers[2])
    refused = acme.finish(browsers[2], location)
    assert refused.status_code == 429
    assert "Reference:" in refused.text
    assert refused.headers["retry-after"] == "60"
    assert other.sign_in(whole.at("192.0.2.77")).status_code == 303
    whole.clock.advance(seconds=61)
    assert acme.finish(browsers[2], location).status_code == 303, "nothing was burnt"


def test_redis_gone_is_said_and_stops_nothing(tmp_path: Path, clock: TestClock) -> None:
    with redis_server(tmp_path) as redis:
        whole = Whole(sqlite_urls(tmp_path), clock, redis_url=redis.url)
        acme = whole.tenant("acme")
        key = whole.key(acme)
        set_limit(whole, acme, "admin_read", 1, 2)
        assert whole.send("GET", "/tenants/acme", key=key).status_code == 200
        assert whole.client.get("/readyz").json()["degraded"] == []
        redis.stop()
        ready = whole.client.get("/readyz")
        assert (ready.status_code, ready.json()["degraded"]) == (200, ["redis"])
        assert [whole.send("GET", "/tenants/acme", key=key).status_code for _ in range(3)] == [200, 200, 429]
        metrics = whole.client.get("/metrics", headers={"authorization": f"Bearer {whole.operator}"}).text
        assert "idbroker_limits_shared 0.0" in metrics
        whole.close()


def test_head_takes_no_step(whole: Whole) -> None:
    acme = SamlTenant(whole, "acme")
    browser = whole.at("192.0.2.77")
    for path in ("/sso?email=alice@acme.example", "/oauth2/authorize", "/oauth2/logout", f"/saml/{acme.connection['id']}/slo"):
        answer = browser.head(path)
        assert (answer.status_code, "GET" in answer.headers["allow"]) == (405, True), path
    done = acme.sign_in(browser).headers["location"]
    assert browser.head(done).status_code == 405
    assert browser.get(done).headers["location"] == "/account", "the attempt was not spent"
    for path in ("/healthz", "/.well-known/openid-configuration", "/oauth2/jwks", f"/saml/{acme.connection['id']}/metadata"):
        assert browser.head(path).status_code == 200, path
    assert whole.send("HEAD", "/tenants/acme").status_code == 200


def test_scim_is_charged_to_the_directory_s_tenant_and_bulk_for_all_it_does(whole: Whole, acme: str) -> None:
    directory = whole.api("POST", "/tenants/acme/directories", {"name": "Okta"})["id"]
    token = whole.api("POST", f"/tenants/acme/directories/{directory}/tokens", {})["token"]
    bearer = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    assert told(whole.client.get("/scim/v2/Users", headers=bearer))[:2] == (600, 149)
    set_limit(whole, acme, "scim_write", 1, 5)
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": f"b{number}", "data": {**user, "userName": f"u{number}@acme.example"}}
        for number in range(3)
    ]
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    answer = whole.client.post("/scim/v2/Bulk", json=bulk, headers=bearer)
    assert (answer.status_code, told(answer)[:2]) == (200, (1, 2))
    answers = [whole.client.post("/scim/v2/Users", json={**user, "userName": f"v{n}"}, headers=bearer) for n in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert answers[2].json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (answers[2].json()["status"], int(answers[2].headers["retry-after"])) == ("429", 60)
    whole.api("POST", "/tenants/acme/transitions", {"to": "paused", "reason": "test"})
    assert whole.client.get("/scim/v2/Users", headers=bearer).status_code == 403


def test_what_an_app_revokes_and_pushes_is_the_tenant_s(whole: Whole, acme: str) -> None:
    """Where a credential or the issuer has said whose it is; a token that is none costs the tenant nothing."""
    form = {
        "name": "App",
        "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "client_credentials"],
    }
    app = whole.api("POST", "/apps", form)
    basic = (app["client_id"], app["client_secret"])

    def send(path: str, **values: str) -> Any:
        return whole.client.post(f"/t/acme/oauth2/{path}", data=values, auth=basic)

    token = send("token", grant_type="client_credentials").json()["access_token"]
    set_limit(whole, acme, "token", 60, 4)
    asked = {
        "response_type": "code", "redirect_uri": "https://app.example/cb", "scope": "openid", "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }  # fmt: skip
    public = whole.api("POST", "/apps", {**form, "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"})
    by_anybody = whole.client.post("/t/acme/oauth2/par", data={**asked, "client_id": public["client_id"]})
    assert (by_anybody.status_code, told(by_anybody)[0] == 60) == (201, False)
    assert told(send("revoke", token="nobody's"))[0] != 60
    assert [told(send("revoke", token=token))[:2], told(send("par", **asked))[:2]] == [(60, 3), (60, 2)]
    assert [send("par", **asked).status_code for _ in range(4)] == [201, 201, 429, 429]
    assert send("revoke", token=token).status_code == 429
