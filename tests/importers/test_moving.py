"""From an export to a sign-in through an identity provider that has been told nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from idbroker.cli.main import app
from saml.demo_idp import DemoPerson, DemoSamlIdp
from tests.importers.test_exports import BARE, PEM
from tests.support.clock import TestClock
from tests.support.databases import Urls, sqlite_urls
from tests.support.saml_world import key_pair
from tests.support.whole import BASE, Whole

OLD = "https://login.old.example"
IDP, SSO = "https://idp.customer.example/saml", "https://idp.customer.example/sso"
EXPORTS: dict[str, tuple[Any, str, str]] = {
    "polis": (
        [{"tenant": "polis-co", "product": "notes", "clientID": "x", "idpMetadata": {
            "entityID": IDP, "publicKey": BARE, "sso": {"redirectUrl": SSO}, "provider": "customer"}}],
        "https://saml.boxyhq.com",
        f"{OLD}/api/oauth/saml",
    ),
    "auth0": (
        [{"name": "auth0-co", "strategy": "samlp", "options": {
            "signInEndpoint": SSO, "signingCert": PEM, "idpEntityId": IDP, "entityId": "urn:auth0:old:auth0-co"}}],
        "urn:auth0:old:auth0-co",
        f"{OLD}/login/callback?connection=auth0-co",
    ),
    "workos": (
        {"object": "list", "data": [{"id": "conn_1", "connection_type": "GenericSAML", "name": "workos-co", "state": "active", "saml_options": {
            "idp_entity_id": IDP, "idp_url": SSO, "x509_certs": [PEM]},
            "acs_url": f"{OLD}/sso/saml/acs/abc", "sp_entity_id": f"{OLD}/abc"}]},
        f"{OLD}/abc",
        f"{OLD}/sso/saml/acs/abc",
    ),
    "keycloak": (
        {"realm": "keycloak-co", "identityProviders": [{"alias": "saml", "providerId": "saml", "enabled": True, "config": {
            "singleSignOnServiceUrl": SSO, "idpEntityId": IDP, "signingCertificate": BARE}}]},
        f"{OLD}/realms/keycloak-co",
        f"{OLD}/realms/keycloak-co/broker/saml/endpoint",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Urls:
    return sqlite_urls(tmp_path_factory.mktemp("moving"))


@pytest.fixture(scope="module")
def whole(urls: Urls) -> Iterator[Whole]:
    made = Whole(urls, TestClock())
    yield made
    made.close()


@pytest.fixture
def idbroker(tmp_path: Path, urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDBROKER_DATABASE_URL", urls.database)
    monkeypatch.setenv("IDBROKER_PUBLIC_URL", BASE)
    monkeypatch.setenv("IDBROKER_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("product", EXPORTS)
def test_an_imported_connection_signs_people_in(whole: Whole, idbroker: Any, tmp_path: Path, product: str) -> None:
    export, entity_id, acs_url = EXPORTS[product]
    slug = f"{product}-co"
    (tmp_path / "export.json").write_text(json.dumps(export))
    words = ("import", product, "export.json", "--base-url", OLD)
    told = idbroker(*words, "--dry-run")
    assert told.exit_code == 0, told.exception
    assert f"+ tenant {slug}" in told.stdout
    assert f"let {acs_url} lead to this server" in told.stderr
    assert idbroker(*words).exit_code == 0
    again = idbroker(*words, "--json")
    assert {step["action"] for step in json.loads(again.stdout)} == {"unchanged"}, "a second run changes nothing"

    domain = whole.api("POST", f"/tenants/{slug}/domains", {"domain": f"{slug}.example"})["id"]
    whole.api("POST", f"/tenants/{slug}/domains/{domain}/verify", {"force": True, "reason": "test"})
    idp = DemoSamlIdp(IDP, SSO, whole.clock, keys=key_pair("idp"))
    idp.trust(entity_id, acs_url)
    browser = whole.at("192.0.2.1")
    location = browser.get(f"/sso?email=alice@{slug}.example").headers["location"]
    query = dict(parse_qsl(urlsplit(location).query))
    assert "Signature" not in query
    request = idp.read_request(query, deflated=True)
    person = DemoPerson("alice-1", {"email": (f"alice@{slug}.example",)})
    form = {"SAMLResponse": idp.respond(person, request), "RelayState": request.relay_state}
    parts = urlsplit(acs_url)
    led = browser.post(f"{parts.path}?{parts.query}".rstrip("?"), data=form, headers={"host": str(parts.hostname)})
    assert led.status_code == 307, led.text
    done = browser.post(urlsplit(led.headers["location"]).path, data=form)
    assert done.status_code == 303, done.text
    browser.get(done.headers["location"])
    assert f"alice@{slug}.example" in browser.get("/account").text


def test_what_cannot_be_carried_over_is_told_and_the_rest_goes(idbroker: Any, tmp_path: Path) -> None:
    export = [*EXPORTS["auth0"][0], {"name": "users", "strategy": "auth0", "options": {}}]
    (tmp_path / "export.json").write_text(json.dumps(export))
    run = idbroker("import", "auth0", "export.json", "--base-url", OLD, "--dry-run")
    assert "1 of the export could not be carried over" in str(run.exception)
    assert "users: “auth0” is no enterprise connection" in run.stderr


def test_the_declaration_can_be_had_and_yaml_is_read(idbroker: Any, tmp_path: Path) -> None:
    (tmp_path / "tenant.yaml").write_text(
        "connections:\n  - name: a\n    strategy: oidc\n    options:\n      issuer: https://a.example\n      client_id: c\n      client_secret: '##SECRET##'\n"
    )
    run = idbroker("import", "auth0", "tenant.yaml", "--base-url", OLD, "--declaration")
    made = json.loads(run.stdout)
    assert made["tenants"]["a"]["connections"]["a"] == {
        "type": "oidc",
        "issuer": "https://a.example",
        "client_id": "c",
        "status": "test",
        "options": {"request_redirect_uri": f"{OLD}/login/callback"},
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("import", "okta", "export.json", "--base-url", OLD), "the products are"),
        (("import", "polis", "export.json", "--base-url", "login.old.example"), "--base-url is"),
        (("import", "polis", "nowhere.json", "--base-url", OLD), "cannot be read"),
        (("import", "keycloak", "export.json", "--base-url", OLD), "a realm’s export"),
        (("import", "polis", "export.json", "--base-url", OLD, "--metadata", "x"), "NAME=FILE"),
    ],
)
def test_what_is_wrong_is_said(idbroker: Any, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    (tmp_path / "export.json").write_text("{}")
    assert says in str(idbroker(*words).exception)
