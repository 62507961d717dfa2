"""From what an admin entered to a connection's settings: discovery or manual endpoints, judged before they are kept."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, ConnectionUpload, Warn
from idbroker.kernel.addresses import is_loopback_host
from idbroker.kernel.errors import invalid_field
from idbroker.outbound.fetcher import Fetcher
from oidc.jose import ALGORITHMS
from oidc.relying_party.authorize import OUR_PARAMETERS
from oidc.relying_party.discovery import ProviderMetadata, check_endpoints, discover
from oidc.relying_party.fields import ENDPOINT_FIELDS, OidcFields, read_fields
from oidc.relying_party.quirks import entra_shared_segment, guess_vendor
from oidc.relying_party.settings import AuthMethod, RpSettings

DEFAULT_SCOPES = ("openid", "email", "profile")


def make_draft(fetcher: Fetcher, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
    """Raises Invalid with pointers. The IdP is asked when an issuer is given, else the kept snapshot stays."""
    fields = read_fields(upload.fields)
    kept = RpSettings.of(current) if current is not None else None
    secret = _secret(upload, fields, current)
    client_id = fields.client_id or (kept.client_id if kept else None)
    if client_id is None:
        raise invalid_field("/client_id", "The client id is missing. The provider shows it with the application.")
    if current is not None and kept is not None and fields.issuer is None and not fields.manual:
        settings = _kept(kept, fields, client_id, secret)
        return ConnectionDraft(settings.model_dump(mode="json"), _sealed(secret), upload.vendor or current.vendor)
    metadata = _metadata(fetcher, upload, fields, kept)
    vendor = upload.vendor or guess_vendor(metadata.issuer)
    settings = RpSettings(
        issuer=metadata.issuer,
        client_id=client_id,
        scopes=fields.scopes or (kept.scopes if kept else DEFAULT_SCOPES),
        authorization_endpoint=metadata.authorization_endpoint,
        token_endpoint=metadata.token_endpoint,
        jwks_uri=metadata.jwks_uri,
        userinfo_endpoint=metadata.userinfo_endpoint,
        end_session_endpoint=metadata.end_session_endpoint,
        token_endpoint_auth_method=_auth_method(fields, metadata, secret),
        id_token_algs=_algorithms(metadata),
        authorization_response_iss_parameter_supported=metadata.authorization_response_iss_parameter_supported,
        subject_rule=_subject_rule(vendor, metadata, kept),
    )
    warnings = _warnings(metadata, settings)
    return ConnectionDraft(settings.model_dump(mode="json"), _sealed(secret), vendor, warnings)


def _secret(upload: ConnectionUpload, fields: OidcFields, current: ConnectionConfig | None) -> str | None:
    """An explicit null takes the kept secret away."""
    if "client_secret" in upload.fields or current is None:
        return fields.client_secret
    return current.secrets.get("client_secret")


def _sealed(secret: str | None) -> dict[str, str]:
    return {} if secret is None else {"client_secret": secret}


def _kept(kept: RpSettings, fields: OidcFields, client_id: str, secret: str | None) -> RpSettings:
    method = fields.token_endpoint_auth_method or kept.token_endpoint_auth_method
    if secret is None:
        method = fields.token_endpoint_auth_method or "none"
    elif method == "none" and fields.token_endpoint_auth_method is None:
        method = "client_secret_basic"
    _check_method(method, secret)
    return kept.model_copy(
        update={"client_id": client_id, "scopes": fields.scopes or kept.scopes, "token_endpoint_auth_method": method}
    )


def _metadata(fetcher: Fetcher, upload: ConnectionUpload, fields: OidcFields, kept: RpSettings | None) -> ProviderMetadata:
    issuer = fields.issuer or (kept.issuer if kept else None)
    if issuer is None:
        raise invalid_field("/issuer", "The issuer is missing. It is the address that the provider calls itself by.")
    _refuse_shared_entra(issuer, upload)
    if fields.manual:
        metadata = _by_hand(issuer, fields)
        check_endpoints(metadata, None)
    else:
        metadata = discover(fetcher, issuer, upload.options)
        check_endpoints(metadata, "/issuer")
    _check_abilities(metadata, "/authorization_endpoint" if fields.manual else "/issuer")
    return metadata


def _refuse_shared_entra(issuer: str, upload: ConnectionUpload) -> None:
    segment = entra_shared_segment(issuer)
    at_microsoft = guess_vendor(issuer) == "entra"
    if segment and (at_microsoft or (upload.vendor == "entra" and upload.options.entra_tenant_id is None)):
        raise invalid_field(
            "/issuer",
            f"“{segment}” lets accounts of every directory in. Enter the issuer of the customer's own directory: "
            f"https://login.microsoftonline.com/{upload.options.entra_tenant_id or '<directory id>'}/v2.0.",
        )


def _by_hand(issuer: str, fields: OidcFields) -> ProviderMetadata:
    given = {name: getattr(fields, name) for name in ENDPOINT_FIELDS if getattr(fields, name) is not None}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if name not in given:
            raise invalid_field(
                f"/{name}", "Without discovery, authorization_endpoint, token_endpoint and jwks_uri are all needed."
            )
    return ProviderMetadata.model_validate({"issuer": issuer, **given})


def _check_abilities(metadata: ProviderMetadata, pointer: str) -> None:
    if metadata.response_types_supported is not None and "code" not in metadata.response_types_supported:
        raise invalid_field(pointer, "The provider does not offer the authorization code flow (response type code).")
    if metadata.response_modes_supported is not None and "query" not in metadata.response_modes_supported:
        raise invalid_field(pointer, "The provider does not answer in the query (response mode query).")
    try:
        own = parse_qsl(urlsplit(metadata.authorization_endpoint).query, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise invalid_field(pointer, "The query of authorization_endpoint cannot be read.") from error
    if any(name in OUR_PARAMETERS for name, _ in own):
        raise invalid_field(pointer, "authorization_endpoint must not carry OAuth parameters in its query.")


def _auth_method(fields: OidcFields, metadata: ProviderMetadata, secret: str | None) -> AuthMethod:
    """OIDC Discovery 3: a provider that lists nothing takes client_secret_basic."""
    listed = metadata.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    method = fields.token_endpoint_auth_method
    if method is None and secret is None:
        method = "none"
    if method is None and "client_secret_basic" in listed:
        method = "client_secret_basic"
    if method is None and "client_secret_post" in listed:
        method = "client_secret_post"
    if method is None:
        raise invalid_field(
            "/token_endpoint_auth_method", f"The provider takes only {', '.join(listed)[:200]}, which we do not offer."
        )
    _check_method(method, secret)
    if method == "none" and "S256" not in (metadata.code_challenge_methods_supported or ["S256"]):
        raise invalid_field("/client_secret", "The provider does not know PKCE S256, so a client secret is needed.")
    return method


def _check_method(method: AuthMethod, secret: str | None) -> None:
    if (method == "none") != (secret is None):
        raise invalid_field("/client_secret", f"token_endpoint_auth_method {method} does not go with what was given as secret.")


def _algorithms(metadata: ProviderMetadata) -> tuple[str, ...]:
    offered = {"EdDSA" if name == "Ed25519" else name for name in metadata.id_token_signing_alg_values_supported}
    usable = tuple(name for name in ALGORITHMS if name in offered)
    if not usable:
        raise invalid_field("/issuer", "The provider signs ID tokens with none of: " + ", ".join(ALGORITHMS) + ".")
    return usable


def _subject_rule(vendor: str, metadata: ProviderMetadata, kept: RpSettings | None) -> str:
    if kept is not None and kept.issuer == metadata.issuer:
        return kept.subject_rule
    return "entra" if vendor == "entra" else "sub"


def _warnings(metadata: ProviderMetadata, settings: RpSettings) -> tuple[Warn, ...]:
    found = []
    endpoints = (settings.authorization_endpoint, settings.token_endpoint, settings.jwks_uri, settings.userinfo_endpoint or "")
    if any(urlsplit(url).scheme == "http" and is_loopback_host(urlsplit(url).hostname or "") for url in endpoints):
        found.append(Warn("insecure_endpoint", "The provider is on this machine and not behind https: for development only."))
    if "S256" not in (metadata.code_challenge_methods_supported or ["S256"]):
        found.append(Warn("pkce_not_listed", "The provider does not list PKCE S256. It is sent all the same."))
    unlisted = [scope for scope in settings.scopes if scope not in (metadata.scopes_supported or settings.scopes)]
    if unlisted:
        found.append(Warn("scope_not_listed", f"The provider does not list the scopes {' '.join(unlisted)}."))
    if "email" not in settings.scopes:
        found.append(Warn("no_email_scope", "Without the scope email most providers send no e-mail address."))
    return tuple(found)
