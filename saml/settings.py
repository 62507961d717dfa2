"""What a SAML connection stores, in one typed shape, and the addresses that follow from its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idbroker.federation.contract import ConnectionConfig, Document
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.ids import ConnectionId
from saml.certificates import Certificate, read_certificate

SP_KEY, SP_KEY_NEXT = "sp_key", "sp_key_next"
"""The names in ``secrets`` under which the connection's private keys stand, PKCS 8 PEM; the second during a roll-over."""

MAX_RETIRED = 10


@dataclass(frozen=True, slots=True)
class SpAddresses:
    """Our side of one connection. Entity id and ACS are compared exactly, never by prefix (SAML core 8.3.6, 2.5.1.4)."""

    entity_id: str
    acs_url: str
    slo_url: str
    metadata_url: str
    acs_aliases: tuple[str, ...]
    requested_acs_url: str
    """The one that our requests name."""

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
        requested_acs_url=options.request_acs_url or f"{root}/acs",
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
    slo_response_redirect: str | None = None
    slo_response_post: str | None = None
    """Where answers to logout requests go, when that is another address (SAML metadata 2.2.2 ResponseLocation)."""

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
            "slo": {
                "redirect": self.slo_redirect,
                "post": self.slo_post,
                "response_redirect": self.slo_response_redirect,
                "response_post": self.slo_response_post,
            },
            "certificates": list(self.certificates),
            "encryption_certificates": list(self.encryption_certificates),
            "name_id_formats": list(self.name_id_formats),
            "want_authn_requests_signed": self.want_authn_requests_signed,
            "valid_until": self.valid_until,
        }


@dataclass(frozen=True, slots=True)
class RetiredCertificate:
    """A signing certificate that was the IdP's and is no longer believed. Kept so that a diagnosis can say so."""

    sha256: str
    der: str
    removed_at: datetime

    def as_document(self) -> Document:
        return {"sha256": self.sha256, "der": self.der, "removed_at": rfc3339(self.removed_at)}


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """Where the IdP's description came from, so that it can be read again the same way."""

    url: str | None = None
    entity_id: str | None = None
    """The entity that was chosen, where the document holds several."""
    certificate: str | None = None
    """Base64 DER: the document must be signed by this key (SAML metadata 3)."""
    cache_seconds: int | None = None
    """The document's own cacheDuration: how soon it wants to be read again."""


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """``ConnectionConfig.settings`` of a SAML connection. Nothing in it is secret."""

    idp: IdpSettings
    sp_certificate: str
    """Our certificate for signing and encryption, PEM."""
    next_sp_certificate: str | None = None
    """The one that follows, published beside it during a roll-over, PEM."""
    source: MetadataSource = MetadataSource()
    retired_certificates: tuple[RetiredCertificate, ...] = ()

    @property
    def metadata_url(self) -> str | None:
        return self.source.url

    def as_document(self) -> Document:
        return {
            "idp": self.idp.as_document(),
            "sp": {"certificate": self.sp_certificate, "next_certificate": self.next_sp_certificate},
            "source": {
                "metadata_url": self.source.url,
                "entity_id": self.source.entity_id,
                "metadata_certificate": self.source.certificate,
                "cache_seconds": self.source.cache_seconds,
            },
            "retired_certificates": [one.as_document() for one in self.retired_certificates],
        }


def read_settings(connection: ConnectionConfig) -> SamlSettings:
    """The typed form of what ``as_document`` stored."""
    return settings_of(connection.settings)


def settings_of(stored: Mapping[str, Any]) -> SamlSettings:
    """As ``read_settings``, from the stored document alone. What an older version did not store has its default."""
    idp: Mapping[str, Any] = stored["idp"]
    source: Mapping[str, Any] = stored["source"]
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
            slo_response_redirect=idp["slo"].get("response_redirect"),
            slo_response_post=idp["slo"].get("response_post"),
        ),
        sp_certificate=stored["sp"]["certificate"],
        next_sp_certificate=stored["sp"].get("next_certificate"),
        source=MetadataSource(
            url=source["metadata_url"],
            entity_id=source.get("entity_id"),
            certificate=source.get("metadata_certificate"),
            cache_seconds=source.get("cache_seconds"),
        ),
        retired_certificates=tuple(_retired(one) for one in stored.get("retired_certificates", ())),
    )


def _retired(stored: Mapping[str, Any]) -> RetiredCertificate:
    return RetiredCertificate(stored["sha256"], stored["der"], datetime.fromisoformat(stored["removed_at"]))
