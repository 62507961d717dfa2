"""From what an admin gave to what a connection stores: metadata XML, a metadata URL, or three fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, ConnectionUpload, Warn
from idbroker.kernel.addresses import BadAddress, checked_url, is_loopback_host
from idbroker.kernel.errors import FieldError, Invalid, invalid_field
from idbroker.kernel.ids import ConnectionId
from idbroker.outbound.fetcher import Fetcher
from saml import names
from saml.certificates import BadCertificate, Certificate, certificate_warnings, read_certificate
from saml.keys import new_key_pair
from saml.metadata_in import MAX_CERTIFICATES, MAX_ENTITY_ID, FoundIdp, read_metadata
from saml.metadata_text import Unreadable, decoded
from saml.quirks import guess_vendor
from saml.settings import (
    MAX_RETIRED,
    SP_KEY,
    IdpSettings,
    MetadataSource,
    RetiredCertificate,
    SamlSettings,
    SpAddresses,
    read_settings,
)

_SOURCES = ("metadata_xml", "metadata_url", "idp")
_FIELDS = frozenset({*_SOURCES, "entity_id", "metadata_certificate", "type"})
NOBODY = IdpSettings("", None, None, None, None, ())
_ACCEPT = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9"


def draft(
    upload: ConnectionUpload, current: ConnectionConfig | None, fetcher: Fetcher, now: datetime, sp: SpAddresses
) -> ConnectionDraft:
    """Understand an upload. Raises Invalid with pointers, or the fetcher's Refusal when a metadata URL cannot be read.

    ``sp`` is our side, so that what was meant for the IdP is noticed when it comes back as the IdP's own.
    """
    fields = upload.fields
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise Invalid("A SAML connection has no such field.", [FieldError(f"/{name}", "unknown field") for name in unknown])
    given = [name for name in _SOURCES if fields.get(name) is not None]
    if len(given) > 1:
        raise Invalid(
            "Give one of metadata_xml, metadata_url and idp.", [FieldError(f"/{name}", "one of several") for name in given]
        )
    if not given:
        return _unchanged(upload, current, now)
    found, source = _found(given[0], fields, fetcher)
    _refuse_own_side(found.idp, given[0], sp)
    settings, secrets = _own_side(found.idp, source, upload, current, now)
    return ConnectionDraft(
        settings=settings.as_document(),
        secrets=secrets,
        vendor=upload.vendor or _vendor(found.idp, current),
        warnings=(*found.warnings, *_warnings(found, now)),
    )


def reserved(connection: ConnectionId, now: datetime) -> ConnectionDraft:
    """Our side alone, before the IdP is known: its place stays empty."""
    pair = new_key_pair(f"idbroker {connection}", now)
    return ConnectionDraft(SamlSettings(NOBODY, pair.certificate_pem).as_document(), {SP_KEY: pair.private_pem})


def _unchanged(upload: ConnectionUpload, current: ConnectionConfig | None, now: datetime) -> ConnectionDraft:
    if current is None or read_settings(current).idp == NOBODY:
        message = "A SAML connection needs metadata_xml, metadata_url, or idp {entity_id, sso_url, certificates}."
        raise Invalid(message, [FieldError("/metadata_xml", "this, metadata_url or idp is required")])
    settings = read_settings(current)
    found = FoundIdp(settings.idp, settings.idp.parsed_certificates(), None, ())
    vendor = upload.vendor or current.vendor
    return ConnectionDraft(settings.as_document(), dict(current.secrets), vendor, tuple(_warnings(found, now)))


def _found(source: str, fields: Mapping[str, Any], fetcher: Fetcher) -> tuple[FoundIdp, MetadataSource]:
    entity_id = fields.get("entity_id")
    if entity_id is not None and (not isinstance(entity_id, str) or not entity_id):
        raise invalid_field("/entity_id", "entity_id is the text of one IdP's entityID.")
    if source == "idp":
        return _from_fields(fields["idp"]), MetadataSource()
    text = fields[source]
    if not isinstance(text, str) or not text.strip():
        raise invalid_field(f"/{source}", f"{source} must be text.")
    signer = _metadata_signer(fields.get("metadata_certificate"))
    url = text.strip() if source == "metadata_url" else None
    found = read_metadata(_fetched(url, fetcher) if url else text, entity_id, f"/{source}", signer)
    return found, MetadataSource(url, entity_id, signer.der if signer else None, found.cache_seconds)


def _metadata_signer(given: Any) -> Certificate | None:
    """The certificate of the federation or IdP that must have signed the document itself."""
    if given is None:
        return None
    try:
        return read_certificate(given if isinstance(given, str) else "")
    except BadCertificate as error:
        raise invalid_field("/metadata_certificate", f"The certificate that signs the metadata: {error}.") from error


def _refuse_own_side(idp: IdpSettings, source: str, sp: SpAddresses) -> None:
    """Our own entity id or ACS URL in the place of the IdP's: the two consoles' fields were swapped."""
    ours = {sp.entity_id, sp.metadata_url, *sp.acs_urls, sp.slo_url}
    for pointer, value in (("entity_id", idp.entity_id), ("sso_url", idp.sso_redirect), ("sso_url", idp.sso_post)):
        if value in ours:
            told = (
                f"“{value}” is our own address, which belongs into your identity provider's console. "
                "Here goes what the identity provider shows for itself."
            )
            raise invalid_field(f"/idp/{pointer}" if source == "idp" else f"/{source}", told)


def _fetched(url: str, fetcher: Fetcher) -> str:
    try:
        checked_url(url)
    except BadAddress as error:
        raise invalid_field("/metadata_url", f"The metadata URL cannot be used: {error}.") from error
    answer = fetcher.get(url, accept=_ACCEPT)
    if answer.status != 200:
        told = f"The server of the metadata URL answered {answer.status}"
        raise invalid_field("/metadata_url", f"{told} instead of metadata. Redirects are not followed; give the final address.")
    try:
        return decoded(answer.body)
    except Unreadable as error:
        raise invalid_field("/metadata_url", str(error)) from error


def _from_fields(idp: Any) -> FoundIdp:
    if not isinstance(idp, Mapping):
        raise invalid_field("/idp", "idp is an object with entity_id, sso_url and certificates.")
    errors: list[FieldError] = []
    entity_id = idp.get("entity_id")
    if not isinstance(entity_id, str) or not 0 < len(entity_id.strip()) <= MAX_ENTITY_ID:
        errors.append(FieldError("/idp/entity_id", "the IdP's entity id (issuer) as text of 1 to 1,024 characters"))
    sso_url = _url_field(idp.get("sso_url"), errors)
    certificates = _certificate_fields(idp.get("certificates"), errors)
    errors.extend(
        FieldError(f"/idp/{name}", "unknown field") for name in sorted(set(idp) - {"entity_id", "sso_url", "certificates"})
    )
    if errors:
        raise Invalid("The IdP's fields cannot be used.", errors)
    described = IdpSettings(
        entity_id=str(entity_id).strip(),
        sso_redirect=sso_url,
        sso_post=None,
        slo_redirect=None,
        slo_post=None,
        certificates=tuple(one.der for one in certificates),
    )
    return FoundIdp(described, tuple(certificates), None, ())


def _url_field(url: Any, errors: list[FieldError]) -> str | None:
    try:
        return checked_url(url.strip() if isinstance(url, str) else "", http_allowed=True)
    except BadAddress as error:
        errors.append(FieldError("/idp/sso_url", f"the IdP's sign-on address: {error}"))
        return None


def _certificate_fields(given: Any, errors: list[FieldError]) -> list[Certificate]:
    if not isinstance(given, list | tuple) or not 0 < len(given) <= MAX_CERTIFICATES:
        told = f"a list of 1 to {MAX_CERTIFICATES} signing certificates, PEM or base64"
        errors.append(FieldError("/idp/certificates", told))
        return []
    found: dict[str, Certificate] = {}
    for position, text in enumerate(given):
        try:
            certificate = read_certificate(text if isinstance(text, str) else "")
            found[certificate.sha256] = certificate
        except BadCertificate as error:
            errors.append(FieldError(f"/idp/certificates/{position}", str(error)))
    return list(found.values())


def _own_side(
    idp: IdpSettings, source: MetadataSource, upload: ConnectionUpload, current: ConnectionConfig | None, now: datetime
) -> tuple[SamlSettings, Mapping[str, str]]:
    """Our key pair stays when a connection changes: the IdP has our certificate."""
    if current is not None and SP_KEY in current.secrets:
        before = read_settings(current)
        retired = retired_certificates(before, idp, now)
        return replace(before, idp=idp, source=source, retired_certificates=retired), dict(current.secrets)
    pair = new_key_pair(f"idbroker {upload.connection}", now)
    return SamlSettings(idp, pair.certificate_pem, source=source), {SP_KEY: pair.private_pem}


def retired_certificates(before: SamlSettings, idp: IdpSettings, now: datetime) -> tuple[RetiredCertificate, ...]:
    """The certificates that are believed no longer, the last removed first. One that came back is not among them."""
    removed = [one for one in before.idp.parsed_certificates() if one.der not in idp.certificates]
    earlier = [one for one in before.retired_certificates if one.der not in idp.certificates]
    fresh = [RetiredCertificate(one.sha256, one.der, now) for one in removed]
    return tuple({one.sha256: one for one in (*reversed(earlier), *fresh)}.values())[::-1][:MAX_RETIRED]


def _vendor(idp: IdpSettings, current: ConnectionConfig | None) -> str:
    """Nobody named one: the same IdP keeps its vendor, another one is guessed."""
    if current is not None and read_settings(current).idp.entity_id == idp.entity_id:
        return current.vendor
    return guess_vendor((idp.entity_id, idp.sso_redirect, idp.sso_post))


def _warnings(found: FoundIdp, now: datetime) -> list[Warn]:
    told = [warning for certificate in found.certificates for warning in certificate_warnings(certificate, now)]
    if found.idp.name_id_formats and set(found.idp.name_id_formats) <= {names.FORMAT_TRANSIENT}:
        message = (
            "The IdP offers only transient NameIDs, which change with every sign-in. Map an attribute that never changes as "
            "subject, or let it send a persistent NameID."
        )
        told.append(Warn("transient_name_id_only", message))
    if found.valid_until is not None and found.valid_until <= now:
        past = f"The metadata says that it was valid until {found.valid_until:%Y-%m-%d}"
        told.append(Warn("valid_until_past", f"{past}. Export it from the IdP again."))
    idp = found.idp
    if idp.sso_redirect is None:
        message = "The IdP takes sign-in requests by POST only; browsers are sent there with a form, which works."
        told.append(Warn("no_redirect_binding", message))
    told.extend(
        Warn("insecure_endpoint", f"{address} is not https: whoever is on the network can read and change what passes there.")
        for address in (idp.sso_redirect, idp.sso_post, idp.slo_redirect, idp.slo_post)
        if address is not None and _insecure(address)
    )
    return told


def _insecure(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback_host(parts.hostname or "")
