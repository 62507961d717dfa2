"""From what an admin entered to a connection's settings: discovery or manual endpoints, judged before they are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, ConnectionUpload, Warn
from idbroker.kernel.addresses import is_loopback_host
from idbroker.kernel.errors import invalid_field
from idbroker.outbound.fetcher import Fetcher
from oidc.jose import ALGORITHMS
from oidc.relying_party.authorize import OUR_PARAMETERS
from oidc.relying_party.client_auth import CLIENT_SECRET
from oidc.relying_party.discovery import ProviderMetadata, check_endpoints, discover
from oidc.relying_party.end_session import carries_ours
from oidc.relying_party.fields import ENDPOINT_FIELDS, OidcFields, read_fields
from oidc.relying_party.keys import RP_KEY, RP_KEY_NEXT, new_key
from oidc.relying_party.quirks import entra_shared_segment, guess_vendor
from oidc.relying_party.settings import AuthMethod, KeyAlg, RpSettings

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
        settings = settings.model_copy(update={"client_secret_expires_at": _expiry(upload, fields, kept, secret)})
        return _with_keys(settings, secret, current, upload.vendor or current.vendor)
    metadata = _metadata(fetcher, upload, fields, kept)
    vendor = upload.vendor or _vendor(metadata.issuer, current, kept)
    settings = RpSettings(
        issuer=metadata.issuer,
        client_id=client_id,
        scopes=fields.scopes or (kept.scopes if kept else DEFAULT_SCOPES),
        authorization_endpoint=metadata.authorization_endpoint,
        token_endpoint=metadata.token_endpoint,
        jwks_uri=metadata.jwks_uri,
        userinfo_endpoint=metadata.userinfo_endpoint,
        end_session_endpoint=_end_session_endpoint(metadata),
        token_endpoint_auth_method=_auth_method(fields, metadata, secret),
        token_endpoint_auth_signing_alg=_key_alg(fields, metadata, kept),
        client_secret_expires_at=_expiry(upload, fields, kept, secret),
        id_token_algs=_algorithms(metadata),
        authorization_response_iss_parameter_supported=metadata.authorization_response_iss_parameter_supported,
        acr_values=None if metadata.acr_values_supported is None else tuple(metadata.acr_values_supported),
        subject_rule=_subject_rule(vendor, metadata, kept),
        discovered=not fields.manual,
    )
    return replace(_with_keys(settings, secret, current, vendor), warnings=_warnings(metadata, settings))


def _vendor(issuer: str, current: ConnectionConfig | None, kept: RpSettings | None) -> str:
    """Nobody named one: the same provider keeps its vendor, another one is guessed."""
    if current is not None and kept is not None and kept.issuer == issuer:
        return current.vendor
    return guess_vendor(issuer)


def _secret(upload: ConnectionUpload, fields: OidcFields, current: ConnectionConfig | None) -> str | None:
    """An explicit null takes the kept secret away."""
    if CLIENT_SECRET in upload.fields or current is None:
        return fields.client_secret
    return current.secrets.get(CLIENT_SECRET)


def _expiry(upload: ConnectionUpload, fields: OidcFields, kept: RpSettings | None, secret: str | None) -> datetime | None:
    """The date belongs to the secret: a new secret without one has none, and without a secret there is none either."""
    if secret is None:
        if fields.client_secret_expires_at is not None:
            raise invalid_field("/client_secret_expires_at", "There is no client secret that could expire.")
        return None
    if "client_secret_expires_at" in upload.fields or CLIENT_SECRET in upload.fields or kept is None:
        return fields.client_secret_expires_at
    return kept.client_secret_expires_at


def _with_keys(settings: RpSettings, secret: str | None, current: ConnectionConfig | None, vendor: str) -> ConnectionDraft:
    """The draft with our own keys: those that the connection has, and a first one as soon as the method needs it.

    A key that a roll-over has published already is that first one, so that the provider may know it before it is used.
    """
    secrets: dict[str, str] = {} if secret is None else {CLIENT_SECRET: secret}
    if current is not None:
        kept = RpSettings.of(current)
        settings = settings.model_copy(update={"key": kept.key, "next_key": kept.next_key})
        secrets |= {name: current.secrets[name] for name in (RP_KEY, RP_KEY_NEXT) if name in current.secrets}
    if settings.token_endpoint_auth_method == "private_key_jwt" and settings.key is None:
        if settings.next_key is not None and RP_KEY_NEXT in secrets:
            secrets[RP_KEY] = secrets.pop(RP_KEY_NEXT)
            settings = settings.model_copy(update={"key": settings.next_key, "next_key": None})
        else:
            secrets[RP_KEY], jwk = new_key(settings.token_endpoint_auth_signing_alg)
            settings = settings.model_copy(update={"key": jwk})
    return ConnectionDraft(settings.model_dump(mode="json"), secrets, vendor)


def _key_alg(fields: OidcFields, metadata: ProviderMetadata, kept: RpSettings | None) -> KeyAlg:
    """As the admin says, else the first of ours that the provider lists; RS256 where it lists none (OIDC Discovery 3)."""
    if fields.token_endpoint_auth_signing_alg is not None:
        return fields.token_endpoint_auth_signing_alg
    if kept is not None and kept.issuer == metadata.issuer:
        return kept.token_endpoint_auth_signing_alg
    listed = metadata.token_endpoint_auth_signing_alg_values_supported or ()
    ours: tuple[KeyAlg, ...] = ("ES256", "RS256", "PS256")
    return next((alg for alg in ours if alg in listed), "RS256")


def _kept(kept: RpSettings, fields: OidcFields, client_id: str, secret: str | None) -> RpSettings:
    method = fields.token_endpoint_auth_method or kept.token_endpoint_auth_method
    if fields.token_endpoint_auth_method is None and method != "private_key_jwt":
        if secret is None:
            method = "none"
        elif method == "none":
            method = "client_secret_basic"
    _check_method(method, secret)
    alg = fields.token_endpoint_auth_signing_alg or kept.token_endpoint_auth_signing_alg
    return kept.model_copy(
        update={
            "client_id": client_id,
            "scopes": fields.scopes or kept.scopes,
            "token_endpoint_auth_method": method,
            "token_endpoint_auth_signing_alg": alg,
        }
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
        method = "private_key_jwt" if "private_key_jwt" in listed and "none" not in listed else "none"
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
    if method == "private_key_jwt":
        return  # a secret may wait beside it: it is what an admin goes back to
    if (method == "none") != (secret is None):
        raise invalid_field("/client_secret", f"token_endpoint_auth_method {method} does not go with what was given as secret.")


def _algorithms(metadata: ProviderMetadata) -> tuple[str, ...]:
    offered = {"EdDSA" if name == "Ed25519" else name for name in metadata.id_token_signing_alg_values_supported}
    usable = tuple(name for name in ALGORITHMS if name in offered)
    if not usable:
        raise invalid_field("/issuer", "The provider signs ID tokens with none of: " + ", ".join(ALGORITHMS) + ".")
    return usable


def _end_session_endpoint(metadata: ProviderMetadata) -> str | None:
    """None where its own query would speak for us: a sign-in is worth more than the logout that could not be asked for."""
    endpoint = metadata.end_session_endpoint
    return None if endpoint is not None and carries_ours(endpoint) else endpoint


def _subject_rule(vendor: str, metadata: ProviderMetadata, kept: RpSettings | None) -> str:
    if kept is not None and kept.issuer == metadata.issuer:
        return kept.subject_rule
    return "entra" if vendor == "entra" else "sub"


def _warnings(metadata: ProviderMetadata, settings: RpSettings) -> tuple[Warn, ...]:
    found = []
    endpoints = (settings.authorization_endpoint, settings.token_endpoint, settings.jwks_uri, settings.userinfo_endpoint or "")
    if any(urlsplit(url).scheme == "http" and is_loopback_host(urlsplit(url).hostname or "") for url in endpoints):
        found.append(Warn("insecure_endpoint", "The provider is on this machine and not behind https: for development only."))
    if metadata.end_session_endpoint is not None and settings.end_session_endpoint is None:
        found.append(Warn("end_session_unusable", "The end_session_endpoint carries parameters of ours and is not used."))
    if "S256" not in (metadata.code_challenge_methods_supported or ["S256"]):
        found.append(Warn("pkce_not_listed", "The provider does not list PKCE S256. It is sent all the same."))
    unlisted = [scope for scope in settings.scopes if scope not in (metadata.scopes_supported or settings.scopes)]
    if unlisted:
        found.append(Warn("scope_not_listed", f"The provider does not list the scopes {' '.join(unlisted)}."))
    if "email" not in settings.scopes:
        found.append(Warn("no_email_scope", "Without the scope email most providers send no e-mail address."))
    return tuple(found)
