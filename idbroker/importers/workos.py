"""WorkOS: connections as its API lists them (``GET /connections``).

Its API does not tell an IdP's description, nor the addresses that the IdP was given: the dashboard shows both. They can stand
beside the rest in the file (``idp_metadata_url`` or ``idp_metadata_xml``, ``acs_url``, ``sp_entity_id``, of OpenID Connect
``redirect_uri``), or come by option.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idbroker.importers.contract import Circumstances, Found, Json, inner, objects, oidc_fields, secret_of, slug_of, text
from idbroker.importers.saml_side import Idp, certificates_of, saml_fields

WELL_KNOWN = "/.well-known/openid-configuration"
VENDORS = {
    "OktaSAML": "okta", "AzureSAML": "entra", "GoogleSAML": "google", "ADFSSAML": "adfs", "OneLoginSAML": "onelogin",
    "JumpCloudSAML": "jumpcloud", "PingOneSAML": "pingone", "KeycloakSAML": "keycloak", "OktaOIDC": "okta",
    "EntraIdOIDC": "entra", "GoogleOIDC": "google", "RipplingSAML": "rippling",
}  # fmt: skip


def read(document: Any, about: Circumstances) -> Iterator[Found]:
    for one in objects(document, "data", "connections"):
        kind, name = text(one, "connection_type", "type"), text(one, "name") or text(one, "id") or "imported"
        organisation = text(one, "organization_name") or name
        tenant = about.tenant or slug_of(organisation)
        if kind.upper().endswith("SAML"):
            fields, notes = _saml(one, name, about)
        elif kind.upper().endswith("OIDC"):
            fields, notes = _oidc(one)
        else:
            yield Found(tenant, name, None, (), [f"“{kind or 'nothing'}” is no organisation’s identity provider"])
            continue
        if fields is not None:
            fields |= {"vendor": VENDORS[kind]} if kind in VENDORS else {}
            if text(one, "state") not in ("", "active"):
                fields["status"] = "disabled"
        yield Found(tenant, name, fields, _domains(one), notes)


def _saml(one: Json, name: str, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    options = {**one, **inner(one, "options"), **inner(one, "saml_options")}
    address = text(options, "idp_url", "idp_sso_url", "saml_idp_url")
    idp = Idp(
        entity_id=text(options, "idp_entity_id", "saml_idp_entity_id"),
        redirect=address,
        certificates=certificates_of(options.get("x509_certs") or options.get("signing_cert")),
        source=about.metadata.get(name) or text(options, "idp_metadata_xml", "idp_metadata_url"),
    )
    told = (about.entity_id or "").replace("{connection}", text(one, "id"))
    entity_id = text(options, "sp_entity_id", "saml_entity_id") or told
    return saml_fields(idp, entity_id=entity_id, acs_url=text(options, "acs_url", "saml_acs_url"))


def _oidc(one: Json) -> tuple[dict[str, Any] | None, list[str]]:
    options = {**one, **inner(one, "options"), **inner(one, "oidc_options")}
    issuer = text(options, "issuer") or text(options, "discovery_endpoint", "oidc_discovery_endpoint").removesuffix(WELL_KNOWN)
    secret = secret_of(options, "client_secret", "oidc_client_secret")
    return oidc_fields(issuer, text(options, "client_id", "oidc_client_id"), secret, text(options, "redirect_uri"))


def _domains(one: Json) -> list[str]:
    given = one.get("domains")
    entries = given if isinstance(given, list) else []
    names = (text(entry, "domain") if isinstance(entry, dict) else entry for entry in entries)
    return list(dict.fromkeys(name.lower() for name in names if isinstance(name, str) and "." in name))
