"""Keycloak: a realm's export, or its partial export, with ``identityProviders`` and their mappers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from idbroker.importers.contract import Circumstances, Found, Json, Unreadable, inner, oidc_fields, secret_of, slug_of, text
from idbroker.importers.saml_side import Idp, certificates_of, saml_fields

OIDC = ("oidc", "keycloak-oidc", "google", "microsoft")
GOOGLE, MICROSOFT = "https://accounts.google.com", "https://login.microsoftonline.com"
EVERYBODY = ("", "common", "organizations", "consumers")
"""No directory of Microsoft's: accounts of every one come in, which no connection lets them."""
CLAIMS = {
    "email": "email", "firstName": "given_name", "lastName": "family_name", "username": "subject", "department": "department",
}  # fmt: skip
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")


def read(document: Any, about: Circumstances) -> Iterator[Found]:
    """Raises Unreadable."""
    realms = document if isinstance(document, list) else [document]
    for realm in realms:
        if not isinstance(realm, dict) or not isinstance(realm.get("identityProviders"), list):
            raise Unreadable("a realm’s export with identityProviders was expected")
        for one in realm["identityProviders"]:
            if isinstance(one, dict):
                yield _provider(realm, one, about)


def _provider(realm: Json, one: Json, about: Circumstances) -> Found:
    alias, kind = text(one, "alias"), text(one, "providerId")
    name = text(one, "displayName") or alias
    owner = next((group for group in _list(realm, "organizations") if alias in _aliases(group)), {})
    tenant = about.tenant or slug_of(text(owner, "alias", "name")) or slug_of(text(realm, "realm"))
    domains = [text(domain, "name").lower() for domain in _list(owner, "domains") if "." in text(domain, "name")]
    if kind == "saml":
        fields, notes = _saml(realm, one, about)
    elif kind in OIDC:
        fields, notes = _oidc(kind, inner(one, "config"), _endpoint(realm, alias, about))
    else:
        return Found(tenant, name, None, (), [f"“{kind or 'nothing'}” is no SAML or OpenID Connect provider"])
    if fields is not None:
        mapping = _mapping(realm, alias)
        fields |= {"attribute_mapping": mapping} if mapping else {}
        if one.get("enabled") is False:
            fields["status"] = "disabled"
    return Found(tenant, name, fields, domains, notes)


def _saml(realm: Json, one: Json, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    config, alias, name = inner(one, "config"), text(one, "alias"), text(realm, "realm")
    address = text(config, "singleSignOnServiceUrl")
    posts = text(config, "postBindingAuthnRequest") == "true"
    follows = text(config, "useMetadataDescriptorUrl") == "true"
    idp = Idp(
        entity_id=text(config, "idpEntityId"),
        redirect="" if posts else address,
        post=address if posts else "",
        certificates=certificates_of(config.get("signingCertificate")),
        source=about.metadata.get(alias) or (text(config, "metadataDescriptorUrl") if follows else ""),
    )
    root = f"{about.base_url}/realms/{quote(name, safe='')}"
    skew = text(config, "allowedClockSkew")
    return saml_fields(
        idp,
        entity_id=text(config, "entityId") or about.entity_id or root,
        acs_url=_endpoint(realm, alias, about),
        force_authn=text(config, "forceAuthn") == "true",
        name_id_format=text(config, "nameIDPolicyFormat"),
        want_response_signed=text(config, "validateSignature") == "true" and text(config, "wantAssertionsSigned") != "true",
        clock_skew_seconds=min(int(skew), 300) if skew.isascii() and skew.isdigit() and len(skew) < 6 else None,
    )


def _endpoint(realm: Json, alias: str, about: Circumstances) -> str:
    """Where its answers arrive, of whatever protocol."""
    return f"{about.base_url}/realms/{quote(text(realm, 'realm'), safe='')}/broker/{quote(alias, safe='')}/endpoint"


def _oidc(kind: str, config: Json, redirect_uri: str) -> tuple[dict[str, Any] | None, list[str]]:
    issuer = text(config, "issuer") or (GOOGLE if kind == "google" else "")
    if kind == "microsoft" and not issuer:
        directory = text(config, "tenantId")
        if directory.lower() in EVERYBODY:
            return None, ["it lets accounts of every Microsoft directory in; make a connection with the customer’s own issuer"]
        issuer = f"{MICROSOFT}/{directory}/v2.0"
    more: dict[str, Any] = {}
    scopes = text(config, "defaultScope").split()
    if scopes:
        more["scopes"] = ["openid", *(scope for scope in scopes if scope != "openid")]
    method = text(config, "clientAuthMethod")
    if method in AUTH_METHODS:
        more["token_endpoint_auth_method"] = method
    hosted = text(config, "hostedDomain")
    if hosted and hosted != "*":
        more["options"] = {"google_hosted_domains": [one.strip() for one in hosted.split(",") if one.strip()]}
    return oidc_fields(issuer, text(config, "clientId"), secret_of(config, "clientSecret"), redirect_uri, **more)


def _mapping(realm: Json, alias: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for mapper in _list(realm, "identityProviderMappers"):
        config = inner(mapper, "config")
        ours = CLAIMS.get(text(config, "user.attribute"))
        theirs = text(config, "attribute.name", "attribute.friendly.name", "claim")
        if text(mapper, "identityProviderAlias") == alias and ours is not None and theirs:
            made[ours] = theirs
    return made


def _aliases(organisation: Json) -> list[str]:
    return [text(one, "alias") for one in _list(organisation, "identityProviders")]


def _list(document: Json, name: str) -> list[Json]:
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
