"""Exports as the products write them (shapes from their documentation, values our own), and what becomes of each."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest

from idbroker.importers.assembling import IMPORTERS, assembled
from idbroker.importers.contract import Circumstances, Unreadable
from idbroker.importers.saml_side import certificates_of
from saml.metadata_in import read_metadata
from tests.support.saml_world import key_pair

OLD = "https://sso.old.example"
PEM = key_pair("idp").certificate_pem
BARE = "".join(line for line in PEM.splitlines() if "CERTIFICATE" not in line)
SSO = "https://idp.acme.example/sso?a=1&b=2"
MASKED = "**********"

POLIS: list[dict[str, Any]] = [
    {
        "defaultRedirectUrl": "https://app.example/cb", "redirectUrl": ["https://app.example/*"], "tenant": "Acme Inc.",
        "product": "notes", "clientID": "f7c9", "clientSecret": "cc6b", "forceAuthn": False,
        "idpMetadata": {
            "sso": {"postUrl": SSO, "redirectUrl": SSO}, "slo": {}, "entityID": "https://idp.acme.example/<&\">", "publicKey": BARE,
            "thumbprint": "d797", "validTo": "Jul  1 21:46:38 3021 GMT", "loginType": "idp", "provider": "okta.com",
        },
    },
    {
        "tenant": "globex", "product": "notes", "clientID": "f7ca", "name": "Globex ID", "deactivated": True,
        "oidcProvider": {"provider": "id.globex.example", "clientId": "us", "clientSecret": "s3",
                         "discoveryUrl": "https://id.globex.example/.well-known/openid-configuration"},
    },
]  # fmt: skip

AUTH0: list[dict[str, Any]] = [
    {
        "id": "con_1", "name": "acme-saml", "strategy": "samlp", "display_name": "Acme", "enabled_clients": ["x"],
        "options": {"signInEndpoint": SSO, "signingCert": base64.b64encode(PEM.encode()).decode(), "idpEntityId": "https://idp.acme.example",
                    "protocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "domain_aliases": ["Acme.example"],
                    "idpinitiated": {"enabled": True}, "fieldsMap": {"email": ["mail", "upn"], "given_name": "gn"}},
    },
    {"name": "no-entity", "strategy": "samlp", "options": {"signInEndpoint": SSO, "signingCert": PEM}},
    {"name": "globex-ad", "strategy": "waad", "options": {"tenant_domain": "globex.example", "client_id": "c", "client_secret": MASKED}},
    {"name": "umbrella", "strategy": "okta", "options": {"domain": "umbrella.okta.com", "client_id": "c", "client_secret": "s"}},
    {"name": "initech", "strategy": "okta", "options": {"issuer": "https://initech.okta.example", "client_id": "c", "client_secret": "s", "scope": "openid email"}},
    {"name": "hooli", "strategy": "google-apps", "options": {"client_id": "c", "client_secret": "s", "tenant_domain": "hooli.example"}},
    {"name": "users", "strategy": "auth0", "options": {}},
]  # fmt: skip

WORKOS: dict[str, Any] = {
    "object": "list",
    "data": [
        {
            "object": "connection", "id": "conn_01E4", "organization_id": "org_01EH", "connection_type": "OktaSAML", "name": "Foo Corp",
            "state": "active", "status": "linked", "domains": [{"object": "connection_domain", "id": "d", "domain": "foo-corp.example"}],
            "saml_options": {"idp_entity_id": "https://idp.acme.example", "idp_url": SSO, "x509_certs": [PEM]},
            "acs_url": "https://auth.old.example/sso/saml/acs/abc123", "sp_entity_id": "https://auth.old.example/abc123",
        },
        {"object": "connection", "id": "conn_02", "connection_type": "AzureSAML", "name": "Bare", "state": "inactive", "domains": []},
        {"object": "connection", "id": "conn_03", "connection_type": "GenericOIDC", "name": "Oidc Corp", "state": "active",
         "oidc_options": {"client_id": "c", "client_secret": "s", "discovery_endpoint": "https://o.example/.well-known/openid-configuration"}},
        {"object": "connection", "id": "conn_04", "connection_type": "MagicLink", "name": "Mail", "state": "active"},
    ],
    "list_metadata": {"before": None, "after": None},
}  # fmt: skip

KEYCLOAK: dict[str, Any] = {
    "realm": "customers", "enabled": True,
    "organizations": [{"name": "Acme", "alias": "acme", "domains": [{"name": "acme.example", "verified": True}], "identityProviders": [{"alias": "acme-saml"}]}],
    "identityProviders": [
        {"alias": "acme-saml", "displayName": "Acme SSO", "providerId": "saml", "enabled": True,
         "config": {"singleSignOnServiceUrl": SSO, "idpEntityId": "https://idp.acme.example", "signingCertificate": f"{BARE},{BARE}",
                    "postBindingAuthnRequest": "true", "nameIDPolicyFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
                    "forceAuthn": "true", "validateSignature": "true", "wantAssertionsSigned": "true", "allowedClockSkew": "90"}},
        {"alias": "g", "providerId": "google", "enabled": False, "config": {"clientId": "c", "clientSecret": MASKED, "hostedDomain": "globex.example"}},
        {"alias": "kc", "providerId": "keycloak-oidc", "enabled": True,
         "config": {"issuer": "https://kc.example/realms/x", "clientId": "c", "clientSecret": "s", "clientAuthMethod": "client_secret_post", "defaultScope": "email profile"}},
        {"alias": "gh", "providerId": "github", "enabled": True, "config": {}},
        {"alias": "ms", "providerId": "microsoft", "enabled": True, "config": {"clientId": "c", "clientSecret": "s", "tenantId": "9f1c"}},
        {"alias": "any", "providerId": "microsoft", "enabled": True, "config": {"clientId": "c", "clientSecret": "s"}},
    ],
    "identityProviderMappers": [
        {"name": "m", "identityProviderAlias": "acme-saml", "identityProviderMapper": "saml-user-attribute-idp-mapper",
         "config": {"syncMode": "INHERIT", "attribute.name": "mail", "user.attribute": "email"}},
    ],
}  # fmt: skip


def read(product: str, document: Any, **about: Any) -> Any:
    return assembled(IMPORTERS[product](document, Circumstances(OLD, **about)))


def connection(made: Any, tenant: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = made.document["tenants"][tenant]["connections"][name]
    return found


def idp(fields: dict[str, Any]) -> Any:
    return read_metadata(fields["metadata_xml"], None, "/metadata_xml", None).idp


def test_polis() -> None:
    made = read("polis", POLIS)
    acme = connection(made, "acme-inc", "okta.com notes")
    assert acme["options"] == {
        "sign_authn_requests": False, "sp_entity_id": "https://saml.boxyhq.com",
        "acs_url_aliases": [f"{OLD}/api/oauth/saml"], "request_acs_url": f"{OLD}/api/oauth/saml",
    }  # fmt: skip
    assert (idp(acme).sso_redirect, idp(acme).sso_post) == (SSO, SSO)
    assert idp(acme).entity_id == 'https://idp.acme.example/<&">'
    globex = connection(made, "globex", "Globex ID")
    assert (globex["issuer"], globex["client_secret"], globex["status"]) == ("https://id.globex.example", "s3", "disabled")
    assert globex["options"] == {"request_redirect_uri": f"{OLD}/api/oauth/oidc"}
    assert made.left == 0


def test_auth0() -> None:
    made = read("auth0", {"connections": AUTH0}, entity_id="urn:auth0:old:{connection}")
    acme = connection(made, "acme-saml", "Acme")
    assert acme["options"]["acs_url_aliases"] == [f"{OLD}/login/callback?connection=acme-saml"]
    assert acme["options"]["sp_entity_id"] == "urn:auth0:old:acme-saml"
    assert acme["options"]["allow_idp_initiated"] is True
    assert acme["attribute_mapping"] == {"email": "mail", "given_name": "gn"}
    assert (idp(acme).sso_redirect, idp(acme).sso_post) == (None, SSO)
    assert made.document["tenants"]["acme-saml"]["domains"] == {"acme.example": {}}
    globex = connection(made, "globex-ad", "globex-ad")
    assert globex["issuer"] == "https://login.microsoftonline.com/globex.example/v2.0"
    assert (globex["status"], "client_secret" in globex) == ("test", False)
    assert connection(made, "initech", "initech")["scopes"] == ["openid", "email"]
    assert connection(made, "umbrella", "umbrella")["issuer"] == "https://umbrella.okta.com"
    old = {"request_redirect_uri": f"{OLD}/login/callback"}
    assert connection(made, "hooli", "hooli")["options"] == {"google_hosted_domains": ["hooli.example"], **old}
    assert globex["options"] == old
    assert made.left == 2
    assert any("no-entity: the export lacks the identity provider’s entity id" in note for note in made.notes)
    assert any("users" in note and "no enterprise connection" in note for note in made.notes)
    given = read("auth0", AUTH0[1], metadata={"no-entity": "https://idp.example/metadata"})
    assert connection(given, "no-entity", "no-entity")["metadata_url"] == "https://idp.example/metadata"


def test_auth0_s_own_address_says_the_tenant() -> None:
    made = assembled(IMPORTERS["auth0"](AUTH0[:1], Circumstances("https://old.eu.auth0.com")))
    assert connection(made, "acme-saml", "Acme")["options"]["sp_entity_id"] == "urn:auth0:old:acme-saml"


def test_workos() -> None:
    made = read("workos", WORKOS)
    foo = connection(made, "foo-corp", "Foo Corp")
    assert foo["vendor"] == "okta"
    assert foo["options"]["sp_entity_id"] == "https://auth.old.example/abc123"
    assert foo["options"]["request_acs_url"] == "https://auth.old.example/sso/saml/acs/abc123"
    assert made.document["tenants"]["foo-corp"]["domains"] == {"foo-corp.example": {}}
    oidc = connection(made, "oidc-corp", "Oidc Corp")
    assert (oidc["issuer"], "options" in oidc) == ("https://o.example", False)
    assert any("Oidc Corp: register the new redirect URI" in note for note in made.notes)
    known = {**WORKOS["data"][2], "redirect_uri": "https://auth.old.example/sso/oidc/abc/callback"}
    told = connection(read("workos", [known]), "oidc-corp", "Oidc Corp")["options"]
    assert told == {"request_redirect_uri": "https://auth.old.example/sso/oidc/abc/callback"}
    assert made.left == 2, "one without any description of its IdP, one that is none"
    with_metadata = read("workos", WORKOS, metadata={"Bare": "<md/>"})
    bare = connection(with_metadata, "bare", "Bare")
    assert (bare["metadata_xml"], bare["status"]) == ("<md/>", "disabled")
    assert any("Bare: our old ACS address is not known" in note for note in with_metadata.notes)


def test_keycloak() -> None:
    made = read("keycloak", KEYCLOAK)
    acme = connection(made, "acme", "Acme SSO")
    assert acme["options"] == {
        "sign_authn_requests": False, "sp_entity_id": f"{OLD}/realms/customers", "force_authn": True, "clock_skew_seconds": 90,
        "acs_url_aliases": [f"{OLD}/realms/customers/broker/acme-saml/endpoint"],
        "request_acs_url": f"{OLD}/realms/customers/broker/acme-saml/endpoint",
        "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    }  # fmt: skip
    assert acme["attribute_mapping"] == {"email": "mail"}
    assert made.document["tenants"]["acme"]["domains"] == {"acme.example": {}}
    google = connection(made, "customers", "g")
    assert (google["issuer"], google["status"]) == ("https://accounts.google.com", "disabled")
    assert google["options"]["request_redirect_uri"] == f"{OLD}/realms/customers/broker/g/endpoint"
    kc = connection(made, "customers", "kc")
    assert (kc["scopes"], kc["token_endpoint_auth_method"]) == (["openid", "email", "profile"], "client_secret_post")
    assert connection(made, "customers", "ms")["issuer"] == "https://login.microsoftonline.com/9f1c/v2.0"
    assert any("any: it lets accounts of every Microsoft directory in" in note for note in made.notes)
    assert made.left == 2


@pytest.mark.parametrize("product", IMPORTERS)
@pytest.mark.parametrize("document", [None, 7, "x", [7], {"identityProviders": 3}, [[]]], ids=repr)
def test_what_is_no_export_is_refused_or_gives_nothing(product: str, document: Any) -> None:
    try:
        made = read(product, document)
    except Unreadable:
        return
    assert made.document["tenants"] == {}


@pytest.mark.parametrize("product", IMPORTERS)
def test_no_value_of_an_odd_kind_breaks_an_importer(product: str) -> None:
    """Every member of the fixtures, replaced by what does not belong there."""
    whole = json.dumps({"polis": POLIS, "auth0": AUTH0, "workos": WORKOS, "keycloak": KEYCLOAK}[product])

    def replaced(value: Any, odd: Any) -> Any:
        if isinstance(value, dict):
            for name in list(value):
                kept, value[name] = value[name], odd
                with contextlib.suppress(Unreadable):
                    read(product, document)
                value[name] = kept
                replaced(kept, odd)
        elif isinstance(value, list):
            for child in value:
                replaced(child, odd)
        return value

    for odd in (None, 7, True, [], {}, [None], "", "\x00", "x" * 100_000):
        document = json.loads(whole)
        replaced(document, odd)


def test_names_that_stand_twice_are_told_apart_and_all_can_go_into_one_tenant() -> None:
    twice = [{**POLIS[0], "tenant": name} for name in ("a", "b")]
    assert set(read("polis", twice, tenant="acme").document["tenants"]["acme"]["connections"]) == {
        "okta.com notes",
        "okta.com notes (2)",
    }
    assert read("polis", [{**POLIS[0], "tenant": "!!!"}]).left == 1


@pytest.mark.parametrize(
    "given", [PEM, BARE, [BARE], base64.b64encode(PEM.encode()).decode(), BARE.replace("A", "A\n", 1), f"{BARE},x"]
)
def test_forms_of_certificates(given: Any) -> None:
    assert certificates_of(given) == [BARE]


@pytest.mark.parametrize("given", [None, 7, "", "x", "AAAA", "-----BEGIN CERTIFICATE-----", ["", None]])
def test_what_is_no_certificate(given: Any) -> None:
    assert certificates_of(given) == []
