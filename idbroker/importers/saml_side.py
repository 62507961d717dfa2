"""The SAML half that all importers share: an IdP's description made of the pieces that exports have, and our old side."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_MD = "urn:oasis:names:tc:SAML:2.0:metadata"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
_PEM = re.compile(r"-----(BEGIN|END) CERTIFICATE-----")
UNSIGNED = "our requests are not signed until the identity provider has our certificate (sign_authn_requests)"


@dataclass(frozen=True)
class Idp:
    """What an export says of an IdP. ``source``: its metadata, XML or URL, where there is any; then the rest is not asked."""

    entity_id: str = ""
    redirect: str = ""
    post: str = ""
    certificates: Sequence[str] = ()
    source: str = ""

    def missing(self) -> list[str]:
        if self.source:
            return []
        wanted = {
            "the identity provider’s entity id": self.entity_id,
            "its sign-in address": self.redirect or self.post,
            "its certificate": self.certificates,
        }
        return [name for name, value in wanted.items() if not value]

    def fields(self) -> dict[str, Any]:
        if self.source:
            return {"metadata_xml" if self.source.lstrip().startswith("<") else "metadata_url": self.source}
        return {"metadata_xml": self._metadata()}

    def _metadata(self) -> str:
        keys = "".join(
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{_DS}"><ds:X509Data><ds:X509Certificate>{escape(one)}'
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            for one in self.certificates
        )
        services = "".join(
            f'<md:SingleSignOnService Binding="{_BINDING}{binding}" Location={quoteattr(address)}/>'
            for binding, address in (("Redirect", self.redirect), ("POST", self.post))
            if address
        )
        return (
            f'<md:EntityDescriptor xmlns:md="{_MD}" entityID={quoteattr(self.entity_id)}>'
            '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            f"{keys}{services}</md:IDPSSODescriptor></md:EntityDescriptor>"
        )


def saml_fields(idp: Idp, *, entity_id: str, acs_url: str, **options: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """The declaration of a SAML connection with our old side, and what somebody has to do about it."""
    missing = idp.missing()
    if missing:
        told = "; give its metadata: --metadata NAME=FILE-OR-URL"
        return None, [f"the export lacks {', '.join(missing)}{told}"]
    notes = [UNSIGNED]
    ours: dict[str, Any] = {"sign_authn_requests": False}
    if entity_id:
        ours["sp_entity_id"] = entity_id
    else:
        notes.append("our old entity id is not known: tell the identity provider the new one, or give --entity-id")
    if acs_url:
        ours |= {"acs_url_aliases": [acs_url], "request_acs_url": acs_url}
        notes.append(f"let {acs_url} lead to this server when the old product is switched off")
    else:
        notes.append("our old ACS address is not known: tell the identity provider the new one")
    chosen = {name: value for name, value in options.items() if value not in (None, "", False)}
    return {"type": "saml", **idp.fields(), "options": {**ours, **chosen}}, notes


def certificates_of(given: Any) -> list[str]:
    """Base64 DER of certificates as exports have them: PEM, bare base64, PEM in base64, several between commas or in a list."""
    if isinstance(given, list):
        return [one for part in given for one in certificates_of(part)]
    if not isinstance(given, str):
        return []
    return [found for part in _parts(given) if (found := _bare(part))]


def _parts(text: str) -> list[str]:
    if "BEGIN CERTIFICATE" in text:
        return [part.partition("-----END")[0] for part in text.split("-----BEGIN CERTIFICATE-----")[1:]]
    return text.split(",")


def _bare(text: str) -> str:
    bare = "".join(_PEM.sub("", text).split())
    try:
        data = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        return ""
    if data.startswith(b"-----BEGIN"):  # PEM, once more in base64
        return next(iter(certificates_of(data.decode("ascii", "replace"))), "")
    return bare if data.startswith(b"\x30") else ""
