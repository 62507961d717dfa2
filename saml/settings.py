"""What a SAML connection stores, in one typed shape, and the addresses that follow from its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idbroker.federation.contract import ConnectionConfig, Document
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.ids import ConnectionId
from saml.certificates import Certificate, read_certificate

SP_KEY = "sp_key"
"""The name in ``secrets`` under which the connection's private key stands, PKCS 8 PEM."""


@dataclass(frozen=True, slots=True)
class SpAddresses:
    """Our side of one connection. Entity id and ACS are compared exactly, never by prefix (SAML core 8.3.6, 2.5.1.4)."""

    entity_id: str
    acs_url: str
    slo_url: str
    metadata_url: str
    acs_aliases: tuple[str, ...]

    @property
    def acs_urls(self) -> tuple[str, ...]:
        """Every address that an answer may name as its Destination or Recipient; ours first."""
        return (self.acs_url, *self.acs_aliases)


def sp_addresses(base_url: str, connection: ConnectionId, options: ConnectionOptions) -> SpAddresses:
    root = f"{base_url}/saml/{connection}"
    return SpAddresses(
        entity_id=options.sp_entity_id or f"{root}/metadata",
        acs_url=f"{root}/acs",
        slo_url=f"{root}/slo",
        metadata_url=f"{root}/metadata",
        acs_aliases=options.acs_url_aliases,
    )


@dataclass(frozen=True, slots=True)
class IdpSettings:
    """The customer's IdP as its metadata or its admin describes it. Locations are absolute http(s) URLs."""

    entity_id: str
    sso_redirect: str | None
    sso_post: str | None
    slo_redirect: str | None
    slo_post: str | None
    certificates: tuple[str, ...]
    """Signing certificates, base64 DER."""
    encryption_certificates: tuple[str, ...] = ()
    name_id_formats: tuple[str, ...] = ()
    want_authn_requests_signed: bool = False
    valid_until: str | None = None

    @property
    def sso_url(self) -> str:
        """Where the browser is sent: the redirect address where there is one."""
        return self.sso_redirect or self.sso_post or ""

    def parsed_certificates(self) -> tuple[Certificate, ...]:
        return tuple(read_certificate(der) for der in self.certificates)

    def as_document(self) -> Document:
        return {
            "entity_id": self.entity_id,
            "sso": {"redirect": self.sso_redirect, "post": self.sso_post},
            "slo": {"redirect": self.slo_redirect, "post": self.slo_post},
            "certificates": list(self.certificates),
            "encryption_certificates": list(self.encryption_certificates),
            "name_id_formats": list(self.name_id_formats),
            "want_authn_requests_signed": self.want_authn_requests_signed,
            "valid_until": self.valid_until,
        }


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """``ConnectionConfig.settings`` of a SAML connection. Nothing in it is secret."""

    idp: IdpSettings
    sp_certificate: str
    """Our certificate for signing and encryption, PEM."""
    metadata_url: str | None = None

    def as_document(self) -> Document:
        return {
            "idp": self.idp.as_document(),
            "sp": {"certificate": self.sp_certificate},
            "source": {"metadata_url": self.metadata_url},
        }


def read_settings(connection: ConnectionConfig) -> SamlSettings:
    """The typed form of what ``as_document`` stored."""
    stored: Mapping[str, Any] = connection.settings
    idp: Mapping[str, Any] = stored["idp"]
    return SamlSettings(
        idp=IdpSettings(
            entity_id=idp["entity_id"],
            sso_redirect=idp["sso"]["redirect"],
            sso_post=idp["sso"]["post"],
            slo_redirect=idp["slo"]["redirect"],
            slo_post=idp["slo"]["post"],
            certificates=tuple(idp["certificates"]),
            encryption_certificates=tuple(idp["encryption_certificates"]),
            name_id_formats=tuple(idp["name_id_formats"]),
            want_authn_requests_signed=idp["want_authn_requests_signed"],
            valid_until=idp["valid_until"],
        ),
        sp_certificate=stored["sp"]["certificate"],
        metadata_url=stored["source"]["metadata_url"],
    )
