"""The options of a connection and their defaults, exactly as CONTRACT.md section 6 and 9 name them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from idbroker.kernel.addresses import BadAddress, checked_url, normal_domain, normal_email

ShortText = Annotated[str, Field(min_length=1, max_length=512)]


class ConnectionOptions(BaseModel):
    """Policy of one connection. Unknown names are refused, so that a typo never weakens a policy silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jit: Literal["create", "update", "off"] = "create"
    email_domain_policy: Literal["verified", "any"] = "verified"
    allow_idp_initiated: bool = False
    sign_authn_requests: bool = True
    want_assertions_encrypted: bool = False
    want_response_signed: bool = False
    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = 60
    name_id_format: ShortText | None = None
    force_authn: bool = False
    authn_context: tuple[ShortText, ...] = ()
    authn_context_comparison: Literal["exact", "minimum", "better", "maximum"] = "exact"
    """How the IdP compares with authn_context (SAML core 3.3.2.2.1), and how its answer is compared."""
    sp_entity_id: ShortText | None = None
    acs_url_aliases: Annotated[tuple[ShortText, ...], Field(max_length=20)] = ()
    request_acs_url: ShortText | None = None
    """Which of acs_url_aliases our requests name, as long as the IdP knows no other address of ours."""
    request_redirect_uri: ShortText | None = None
    """OpenID Connect: an address of another product that our requests name, as long as the IdP knows no other of ours."""
    allow_cbc_encryption: bool = False
    allow_sha1_until: date | None = None
    sign_metadata: bool = False
    """Sign the metadata that we publish for this connection."""
    metadata_refresh: Literal["auto", "hold", "off"] = "auto"
    """What reading the metadata URL again may change: what only adds trust, nothing without an admin's word; or never read."""
    entra_tenant_id: ShortText | None = None
    google_hosted_domains: tuple[ShortText, ...] | None = None
    link_scim_by: tuple[Literal["external_id", "email"], ...] = ("external_id", "email")
    default_app: ShortText | None = None
    relay_state_allow: tuple[ShortText, ...] = ()
    test_users: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    """E-mail addresses of those who sign in through the connection while it is in ``test``."""

    @field_validator("test_users")
    @classmethod
    def _addresses(cls, emails: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(normal_email(email) for email in emails))
        except BadAddress as error:
            raise ValueError(str(error)) from error

    @field_validator("acs_url_aliases", "relay_state_allow")
    @classmethod
    def _urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            try:
                checked_url(url)
            except BadAddress as error:
                raise ValueError(str(error)) from error
        return urls

    @field_validator("request_redirect_uri")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        return url if url is None else cls._urls((url,))[0]

    @property
    def old_addresses(self) -> tuple[str, ...]:
        """Where answers may arrive that are meant for us and addressed to another product."""
        return (*self.acs_url_aliases, *((self.request_redirect_uri,) if self.request_redirect_uri else ()))

    @model_validator(mode="after")
    def _named(self) -> ConnectionOptions:
        if self.request_acs_url is not None and self.request_acs_url not in self.acs_url_aliases:
            raise ValueError("request_acs_url is one of acs_url_aliases")
        return self

    @field_validator("google_hosted_domains")
    @classmethod
    def _domains(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        try:
            return tuple(normal_domain(name) for name in names)
        except BadAddress as error:
            raise ValueError(str(error)) from error
