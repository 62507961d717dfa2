"""Reading and judging a provider's own description (OIDC Discovery 1.0, RFC 8414 2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import Invalid, invalid_field
from idbroker.outbound.fetcher import Fetcher, FetchFailed
from oidc.jose import BadToken, strict_json
from oidc.relying_party.answers import is_document
from oidc.relying_party.quirks import ENTRA_TEMPLATE

WELL_KNOWN = "/.well-known/openid-configuration"
MAX_DOCUMENT = 512 * 1024

Names = Annotated[list[str], Field(max_length=500)]


class ProviderMetadata(BaseModel):
    """The members that matter to us, of their right types. A manual configuration is put into the same form."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    scopes_supported: Names | None = None
    response_types_supported: Names | None = None
    response_modes_supported: Names | None = None
    token_endpoint_auth_methods_supported: Names | None = None
    token_endpoint_auth_signing_alg_values_supported: Names | None = None
    acr_values_supported: Names | None = None
    code_challenge_methods_supported: Names | None = None
    id_token_signing_alg_values_supported: Names = ["RS256"]  # OIDC Discovery 3: RS256 must be there
    authorization_response_iss_parameter_supported: bool = False


def discover(fetcher: Fetcher, issuer: str, options: ConnectionOptions) -> ProviderMetadata:
    """The provider's metadata, whose issuer is the configured one to the letter. Raises Invalid with pointer /issuer."""
    url = issuer.rstrip("/") + WELL_KNOWN  # OIDC Discovery 4.1: a final slash is taken away first
    try:
        answer = fetcher.get(url, accept="application/json")
    except FetchFailed as failure:
        raise _unreadable(url, failure.public) from failure
    if answer.status != 200:
        raise _unreadable(url, f"It answered with status {answer.status}.")
    if not is_document(answer.headers):
        raise _unreadable(url, "It answered with a page for people.")
    try:
        metadata = ProviderMetadata.model_validate(strict_json(answer.body, limit=MAX_DOCUMENT))
    except BadToken as error:
        raise _unreadable(url, f"It is not a provider's description: {error}.") from error
    except ValidationError as error:
        members = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors()}))
        raise _unreadable(url, f"Missing or of the wrong type there: {members}.") from error
    return metadata.model_copy(update={"issuer": _own_issuer(metadata.issuer, issuer, options)})


def _unreadable(url: str, why: str) -> Invalid:
    return invalid_field(
        "/issuer",
        f"{url} could not be used. {why} Check the issuer, or give authorization_endpoint, token_endpoint and jwks_uri "
        "by hand.",
    )


def _own_issuer(discovered: str, configured: str, options: ConnectionOptions) -> str:
    """OIDC Discovery 4.3: the same to the letter, or another provider could speak in this one's name."""
    if discovered == configured:
        return discovered
    if ENTRA_TEMPLATE in discovered:
        return _pinned(discovered, options)
    if discovered.rstrip("/") == configured.rstrip("/"):
        raise invalid_field("/issuer", f"The provider calls itself “{discovered[:200]}”. Enter exactly that, slash included.")
    raise invalid_field("/issuer", f"The provider calls itself “{discovered[:200]}”, which is not the issuer that was entered.")


def _pinned(template: str, options: ConnectionOptions) -> str:
    if options.entra_tenant_id is None:
        raise invalid_field(
            "/issuer",
            "This address serves every Entra directory. Enter the issuer of one: "
            "https://login.microsoftonline.com/<directory id>/v2.0, or set options.entra_tenant_id.",
        )
    return template.replace(ENTRA_TEMPLATE, options.entra_tenant_id)


def check_endpoints(metadata: ProviderMetadata, pointer: str | None) -> None:
    """Every address is https, or http on this machine. ``pointer`` names the field to blame; None: each its own."""
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"):
        url = getattr(metadata, name)
        try:
            if url is not None:
                checked_url(url)
        except BadAddress as error:
            raise invalid_field(pointer or f"/{name}", f"{name} “{url[:200]}”: {error}.") from error
