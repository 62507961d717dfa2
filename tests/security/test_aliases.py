"""Another product's addresses: an IdP that still knows only them signs people in, and no alias leads into another tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from saml.demo_idp import DemoPerson
from tests.support.clock import TestClock
from tests.support.databases import sqlite_urls
from tests.support.whole import BASE, SamlTenant, Whole

OLD = "https://login.old.example"
SHARED = f"{OLD}/api/oauth/saml"
OWN = f"{OLD}/login/callback?connection=acme"
ENTITY = "https://saml.old.example"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    made = Whole(sqlite_urls(tmp_path_factory.mktemp("aliases")), TestClock())
    yield made
    made.close()


def moved(whole: Whole, slug: str, *aliases: str, **options: Any) -> SamlTenant:
    """A tenant whose IdP knows the old product's entity id and ACS address, and nothing of ours."""
    tenant = SamlTenant(whole, slug)
    given = {"sp_entity_id": ENTITY, "acs_url_aliases": list(aliases), "request_acs_url": aliases[0], **options}
    whole.api("PATCH", f"/tenants/{slug}/connections/{tenant.connection['id']}", {"options": given})
    tenant.idp.trust(ENTITY, aliases[0])
    return tenant


@pytest.fixture(scope="module")
def acme(whole: Whole) -> SamlTenant:
    return moved(whole, "acme", SHARED, OWN)


@pytest.fixture(scope="module")
def globex(whole: Whole) -> SamlTenant:
    return moved(whole, "globex", SHARED)


def answer_of(tenant: SamlTenant, location: str, name: str = "alice") -> dict[str, str]:
    request = tenant.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
    person = DemoPerson(f"{name}-1", {"email": (f"{name}@{tenant.domain}",), "firstName": (name.title(),)})
    return {"SAMLResponse": tenant.idp.respond(person, request), "RelayState": request.relay_state}


def delivered(whole: Whole, browser: Any, address: str, form: dict[str, str]) -> Any:
    parts = urlsplit(address)
    return browser.post(f"{parts.path}?{parts.query}".rstrip("?"), data=form, headers={"host": parts.hostname})


@pytest.mark.parametrize("slug", ["acme", "globex"])
def test_an_idp_that_knows_only_the_old_addresses_signs_people_in(
    whole: Whole, acme: SamlTenant, globex: SamlTenant, slug: str
) -> None:
    tenant = {"acme": acme, "globex": globex}[slug]
    browser = whole.at("192.0.2.1")
    location = tenant.begin(browser)
    request = tenant.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
    assert request.sp_entity_id == ENTITY
    sent_on = delivered(whole, browser, SHARED, answer_of(tenant, location))
    assert sent_on.status_code == 307
    assert sent_on.headers["location"] == f"{BASE}/saml/{tenant.connection['id']}/acs"
    done = browser.post(urlsplit(sent_on.headers["location"]).path, data=answer_of(tenant, location))
    assert done.status_code == 303, done.text
    browser.get(done.headers["location"])
    assert f"alice@{slug}.example" in browser.get("/account").text


def test_an_answer_goes_where_its_sign_in_began_and_nowhere_else(whole: Whole, acme: SamlTenant, globex: SamlTenant) -> None:
    browser = whole.at("192.0.2.1")
    form = answer_of(acme, acme.begin(browser))
    assert acme.connection["id"] in delivered(whole, browser, SHARED, form).headers["location"]
    assert acme.connection["id"] in delivered(whole, browser, OWN, form).headers["location"]
    other = answer_of(globex, globex.begin(browser))
    led = delivered(whole, browser, OWN, other)
    assert acme.connection["id"] in led.headers["location"], "the address is acme's alone"
    refused = browser.post(urlsplit(led.headers["location"]).path, data=other)
    assert refused.status_code == 400, "and acme does not take globex's answer"
    assert "globex" not in refused.text


def test_globex_s_idp_cannot_speak_for_acme(whole: Whole, acme: SamlTenant, globex: SamlTenant) -> None:
    """Same entity id, same address, a genuine signature of another tenant's IdP."""
    browser = whole.at("192.0.2.1")
    location = acme.begin(browser)
    request = globex.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
    person = DemoPerson("alice-1", {"email": ("alice@acme.example",)})
    form = {"SAMLResponse": globex.idp.respond(person, request), "RelayState": request.relay_state}
    led = delivered(whole, browser, SHARED, form)
    assert acme.connection["id"] in led.headers["location"]
    assert browser.post(urlsplit(led.headers["location"]).path, data=form).status_code in (400, 403)


HOSTILE = {
    "nothing": {},
    "no RelayState": {"SAMLResponse": "x"},
    "an unknown handle": {"SAMLResponse": "x", "RelayState": "A" * 43},
    "an address": {"SAMLResponse": "x", "RelayState": "https://evil.example/"},
    "much": {"SAMLResponse": "x", "RelayState": "B" * 5000},
    "a connection's id": {"SAMLResponse": "x", "RelayState": "con_01m8ewnt6heg4rjqnfk70m0878"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_at_a_shared_address_what_names_no_sign_in_is_refused(
    whole: Whole, acme: SamlTenant, globex: SamlTenant, case: str
) -> None:
    refused = delivered(whole, whole.at("192.0.2.1"), SHARED, HOSTILE[case])
    assert refused.status_code == 403
    assert "location" not in refused.headers
    assert "several organisations share this address" in refused.text
    assert "evil.example" not in refused.text


def test_where_one_has_the_address_its_connection_decides(whole: Whole, acme: SamlTenant) -> None:
    led = delivered(whole, whole.at("192.0.2.1"), OWN, {"SAMLResponse": "x"})
    assert led.headers["location"] == f"{BASE}/saml/{acme.connection['id']}/acs"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/nowhere", 404),
        ("POST", "/login/callback", 404),
        ("POST", "/login/callback?connection=other", 404),
        ("POST", "/api/oauth/saml/", 404),
        ("POST", "/api/nowhere", 404),
        ("GET", "/api/oauth/saml", 404),
        ("PUT", "/api/oauth/saml", 404),
        ("POST", "/healthz", 405),
        ("POST", "/saml/con_x/metadata", 405),
    ],
)
def test_other_addresses_are_what_they_were(whole: Whole, acme: SamlTenant, method: str, path: str, status: int) -> None:
    answer = whole.at("192.0.2.1").request(method, path, content=b"x")
    assert answer.status_code == status
    if path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"


def test_aliases_go_with_the_option_and_with_the_connection(whole: Whole) -> None:
    tenant = moved(whole, "initech", f"{OLD}/realms/a%20b/broker/x/endpoint")
    browser, where = whole.at("192.0.2.1"), f"/tenants/initech/connections/{tenant.connection['id']}"
    assert browser.post("/realms/a%20b/broker/x/endpoint", data={}).status_code == 307
    new = {"acs_url_aliases": [f"{OLD}/other"], "request_acs_url": None}
    whole.api("PATCH", where, {"options": new})
    assert browser.post("/realms/a%20b/broker/x/endpoint", data={}).status_code == 404
    assert browser.post("/other", data={}).status_code == 307
    whole.api("DELETE", where)
    assert browser.post("/other", data={}).status_code == 404


def test_a_tenants_own_people_claim_no_address(whole: Whole, acme: SamlTenant) -> None:
    key = whole.key("acme")
    where = f"/tenants/acme/connections/{acme.connection['id']}"
    for aliases in ([f"{OLD}/api/oauth/saml2"], [], [SHARED]):
        refused = whole.send("PATCH", where, {"options": {"acs_url_aliases": aliases}}, key=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")
    same = whole.send("PATCH", where, {"options": {"acs_url_aliases": [SHARED, OWN], "jit": "update"}}, key=key)
    assert same.status_code == 200
    body = {"type": "saml", "name": "x", "metadata_xml": acme.idp.metadata(), "options": {"acs_url_aliases": [SHARED]}}
    assert whole.send("POST", "/tenants/acme/connections", body, key=key).status_code == 403


@pytest.mark.parametrize(
    "options", [{"request_acs_url": f"{OLD}/x"}, {"acs_url_aliases": [f"{OLD}/{n}" for n in range(21)]}, {"acs_url_aliases": 7}]
)
def test_options_that_do_not_go_together(whole: Whole, acme: SamlTenant, options: dict[str, Any]) -> None:
    refused = whole.send("PATCH", f"/tenants/acme/connections/{acme.connection['id']}", {"options": options})
    assert refused.status_code == 422
