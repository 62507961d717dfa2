"""Ory Polis, formerly BoxyHQ SAML Jackson: what its connections API answers (``GET /api/v1/sso``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idbroker.importers.contract import Circumstances, Found, Json, inner, objects, oidc_fields, secret_of, slug_of, text
from idbroker.importers.saml_side import Idp, certificates_of, saml_fields

ENTITY_ID = "https://saml.boxyhq.com"
"""Its audience, unless ``SAML_AUDIENCE`` said otherwise."""
WELL_KNOWN = "/.well-known/openid-configuration"


def read(document: Any, about: Circumstances) -> Iterator[Found]:
    for one in objects(document, "data", "connections"):
        provider = text(inner(one, "idpMetadata"), "provider") or text(inner(one, "oidcProvider"), "provider")
        made_up = " ".join(part for part in (provider, text(one, "product")) if part)
        name = text(one, "name", "label", "description") or made_up or text(one, "clientID") or "imported"
        fields, notes = _saml(one, name, about) if _is_saml(one) else _oidc(one, about)
        if fields is not None and one.get("deactivated") is True:
            fields["status"] = "disabled"
        yield Found(about.tenant or slug_of(text(one, "tenant")), name, fields, (), notes)


def _is_saml(one: Json) -> bool:
    return "idpMetadata" in one or "rawMetadata" in one or "encodedRawMetadata" in one or "metadataUrl" in one


def _saml(one: Json, name: str, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    known, sso = inner(one, "idpMetadata"), inner(inner(one, "idpMetadata"), "sso")
    idp = Idp(
        entity_id=text(known, "entityID"),
        redirect=text(sso, "redirectUrl"),
        post=text(sso, "postUrl"),
        certificates=certificates_of(known.get("publicKey")),
        source=about.metadata.get(name) or text(one, "metadataUrl", "rawMetadata"),
    )
    return saml_fields(
        idp,
        entity_id=text(one, "samlAudienceOverride") or about.entity_id or ENTITY_ID,
        acs_url=f"{about.base_url}/api/oauth/saml",
        force_authn=one.get("forceAuthn") in (True, "true"),
        name_id_format=text(one, "identifierFormat"),
    )


def _oidc(one: Json, about: Circumstances) -> tuple[dict[str, Any] | None, list[str]]:
    provider = inner(one, "oidcProvider")
    issuer = text(provider, "discoveryUrl").removesuffix(WELL_KNOWN) or text(inner(provider, "metadata"), "issuer")
    secret, old = secret_of(provider, "clientSecret"), f"{about.base_url}/api/oauth/oidc"
    return oidc_fields(issuer, text(provider, "clientId"), secret, old)
