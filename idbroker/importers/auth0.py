"""Auth0: enterprise connections as the Management API answers them (``GET /api/v2/connections``), or the deploy CLI exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from idbroker.importers.contract import Circumstances, Found, Json, inner, objects, oidc_fields, secret_of, slug_of, text
from idbroker.importers.saml_side import Idp, certificates_of, saml_fields

WELL_KNOWN = "/.well-known/openid-configuration"
SAML = ("samlp", "adfs", "pingfederate")
OIDC = ("oidc", "okta", "waad", "google-apps")
CLAIMS = {
    "email": "email", "given_name": "given_name", "family_name": "family_name", "name": "display_name", "user_id": "subject",
}  # fmt: skip
MICROSOFT = "https://login.microsoftonline.com"


def read(document: Any, about: Circumstances) -> Iterator[Found]:
    for one in objects(document, "connections"):
        name, strategy, options = text(one, "name"), text(one, "strategy"), inner(one, "options")
        shown = text(one, "display_name") or name
        tenant = about.tenant or slug_of(name)
        if strategy in SAML:
            fields, notes = _saml(one, name, about)
        elif strategy in OIDC:
            fields, notes = _oidc(strategy, options, about)
        else:
            yield Found(tenant, shown, None, (), [f"“{strategy or 'nothing'}” is no enterprise connection"])
            continue
        yield Found(tenant, shown, fields, _domains(options), notes)


def _saml(one: Json, name: str, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    options = inner(one, "options")
    sign_in = text(options, "signInEndpoint")
    posts = text(options, "protocolBinding").endswith("POST")
    idp = Idp(
        entity_id=text(options, "idpEntityId", "issuer"),
        redirect="" if posts else sign_in,
        post=sign_in if posts else "",
        certificates=certificates_of(options.get("signingCert") or options.get("cert")),
        source=about.metadata.get(name) or text(options, "metadataXml", "metadataUrl", "fedMetadataXml", "adfs_server"),
    )
    entity_id = text(options, "entityId") or (about.entity_id or _entity_id(about.base_url)).replace("{connection}", name)
    fields, notes = saml_fields(
        idp,
        entity_id=entity_id,
        acs_url=f"{about.base_url}/login/callback?connection={quote(name, safe='')}",
        allow_idp_initiated=inner(options, "idpinitiated").get("enabled") is True,
    )
    mapping = _mapping(inner(options, "fieldsMap"))
    if fields is not None and mapping:
        fields["attribute_mapping"] = mapping
    return fields, notes


def _entity_id(base_url: str) -> str:
    """``urn:auth0:TENANT:CONNECTION``, where the address still says which tenant: custom domains do not."""
    host = urlsplit(base_url).hostname or ""
    return f"urn:auth0:{host.partition('.')[0]}:{{connection}}" if host.endswith(".auth0.com") else ""


def _mapping(fields_map: Json) -> dict[str, str]:
    """One name each; where Auth0 looks at several, the first."""
    made: dict[str, str] = {}
    for theirs, ours in CLAIMS.items():
        value = fields_map.get(theirs)
        first = next(iter(value), "") if isinstance(value, list) else value
        if isinstance(first, str) and first:
            made[ours] = first
    return made


def _oidc(strategy: str, options: Json, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    more: dict[str, Any] = {}
    if strategy == "waad":
        directory = text(options, "tenantId", "tenant_id", "tenant_domain", "domain")
        issuer = f"{MICROSOFT}/{directory}/v2.0" if directory else ""
    elif strategy == "google-apps":
        issuer, domains = "https://accounts.google.com", _domains(options)
        more = {"options": {"google_hosted_domains": domains}} if domains else {}
    else:
        issuer = text(options, "issuer") or text(options, "discovery_url").removesuffix(WELL_KNOWN)
        if strategy == "okta" and not issuer and (domain := text(options, "domain")):
            issuer = f"https://{domain.removeprefix('https://').rstrip('/')}"
        scopes = text(options, "scope").split()
        more = {"scopes": scopes} if scopes else {}
    secret, old = secret_of(options, "client_secret", "app_secret"), f"{about.base_url}/login/callback"
    return oidc_fields(issuer, text(options, "client_id"), secret, old, **more)


def _domains(options: Json) -> list[str]:
    aliases = options.get("domain_aliases")
    given = [options.get("tenant_domain"), *(aliases if isinstance(aliases, list) else ())]
    return list(dict.fromkeys(one.strip().lower() for one in given if isinstance(one, str) and "." in one))
