"""An IdP's metadata, read by ourselves (SAML metadata 2.3, 2.4): bounded, without DTD or entities, one entity out of many.

Certificates and endpoints are taken as the document has them, and what is odd becomes a warning: genuine metadata often
holds expired certificates. What cannot work is refused with a sentence for the admin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from idbroker.federation.contract import Warn
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import Invalid, invalid_field
from saml import names
from saml.certificates import BadCertificate, Certificate, read_certificate
from saml.metadata_text import MAX_TEXT, Unreadable, cleaned, entities, signed_part
from saml.names import tag
from saml.settings import IdpSettings
from saml.times import read_time, write_time
from saml.xml_guard import Element, children, local_name

MAX_LISTED = 50
MAX_CERTIFICATES = 10
MAX_ENTITY_ID = 1024  # SAML core 8.3.6

_SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundIdp:
    """One IdP out of a metadata document."""

    idp: IdpSettings
    certificates: tuple[Certificate, ...]
    valid_until: datetime | None
    warnings: tuple[Warn, ...]
    cache_seconds: int | None = None


@dataclass(slots=True)
class _Survey:
    """What a document holds, gathered while it streams by."""

    chosen: FoundIdp | None = None
    trouble: Unreadable | None = None
    """Why the only or the chosen entity could not be used."""
    idps: list[str] = field(default_factory=list)
    old: str | None = None
    """An IdP that would have suited, but speaks no SAML 2.0."""
    others: int = 0
    """Entities that are no SAML 2.0 IdP."""


def read_metadata(text: str, entity_id: str | None, pointer: str, signer: Certificate | None = None) -> FoundIdp:
    """The IdP that a metadata text describes; ``entity_id`` chooses one of several, ``signer`` must have signed the whole.

    Raises Invalid with ``pointer`` for what is no metadata, and with ``/entity_id`` when the choice is missing or wrong.
    """
    if len(text) > MAX_TEXT:
        raise invalid_field(pointer, f"The metadata is larger than {MAX_TEXT // 1_000_000} MB.")
    try:
        data = cleaned(text)
        survey = _survey(data if signer is None else signed_part(data, signer), entity_id)
    except Unreadable as error:
        raise invalid_field(pointer, str(error)) from error
    if entity_id is None and len(survey.idps) > 1:
        raise _several(survey.idps)
    if survey.chosen is not None:
        return survey.chosen
    if survey.trouble is not None:
        raise invalid_field(pointer, str(survey.trouble))
    if survey.old is not None:
        raise invalid_field(
            pointer, f"The IdP “{survey.old[:200]}” does not offer SAML 2.0 in this metadata, only older protocols."
        )
    if entity_id is not None and survey.idps:
        raise _not_there(entity_id, survey.idps)
    raise invalid_field(pointer, _nothing_found(survey))


def _nothing_found(survey: _Survey) -> str:
    if survey.others:
        return (
            "This metadata describes a service provider (an application), not an identity provider. It is probably the file "
            "that your IdP asks for; export the IdP's own metadata and give that."
        )
    return "This XML holds no SAML metadata (no EntityDescriptor). Export the IdP's metadata file and give its whole content."


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - MAX_LISTED} more" if len(ids) > MAX_LISTED else ""
    return ", ".join(ids[:MAX_LISTED]) + more


def _several(ids: list[str]) -> Invalid:
    return invalid_field("/entity_id", f"The metadata holds several IdPs. Say which one with entity_id: {_listed(ids)}")


def _not_there(entity_id: str, ids: list[str]) -> Invalid:
    return invalid_field("/entity_id", f"The metadata holds no IdP “{entity_id[:200]}”. It holds: {_listed(ids)}")


def _survey(data: bytes, entity_id: str | None) -> _Survey:
    survey = _Survey()
    for entity in entities(data):
        descriptor = _idp_descriptor(entity)
        name = str(entity.get("entityID") or "").strip()
        if descriptor is None:
            survey.others += 1
            if children(entity, names.MD, "IDPSSODescriptor") and entity_id in (None, name):
                survey.old = survey.old or name
            continue
        survey.idps.append(name)
        wanted = survey.chosen is None and survey.trouble is None and entity_id in (None, name)
        if wanted:
            try:
                survey.chosen = _read(name, entity, descriptor)
            except Unreadable as error:
                survey.trouble = error
    return survey


def _idp_descriptor(entity: Element) -> Element | None:
    for descriptor in children(entity, names.MD, "IDPSSODescriptor"):
        if _SAML2 in str(descriptor.get("protocolSupportEnumeration") or "").split():
            return descriptor
    return None


def _read(name: str, entity: Element, descriptor: Element) -> FoundIdp:
    if not name or len(name) > MAX_ENTITY_ID:
        raise Unreadable("The IdP's entityID is missing or longer than 1,024 characters.")
    signing, encryption, warnings = _certificates(descriptor)
    valid_until = _valid_until(entity, descriptor)
    sso_redirect, sso_post = _locations(descriptor, "SingleSignOnService")
    if sso_redirect is None and sso_post is None:
        raise Unreadable("The IdP's metadata names no sign-on address with the HTTP-Redirect or HTTP-POST binding.")
    try:
        slo_redirect, slo_post = _locations(descriptor, "SingleLogoutService")
        answers_redirect, answers_post = _locations(descriptor, "SingleLogoutService", "ResponseLocation")
    except Unreadable as error:
        slo_redirect = slo_post = answers_redirect = answers_post = None
        warnings.append(Warn("logout_address_ignored", f"Single logout is left out. {error}"))
    formats = [(node.text or "").strip() for node in children(descriptor, names.MD, "NameIDFormat")]
    idp = IdpSettings(
        entity_id=name,
        sso_redirect=sso_redirect,
        sso_post=sso_post,
        slo_redirect=slo_redirect,
        slo_post=slo_post,
        certificates=tuple(one.der for one in signing),
        encryption_certificates=tuple(one.der for one in encryption),
        name_id_formats=tuple(dict.fromkeys(one for one in formats if one))[:20],
        want_authn_requests_signed=descriptor.get("WantAuthnRequestsSigned") in ("true", "1"),
        valid_until=write_time(valid_until) if valid_until is not None else None,
        slo_response_redirect=answers_redirect,
        slo_response_post=answers_post,
    )
    return FoundIdp(idp, tuple(signing), valid_until, tuple(warnings), _cache_seconds(entity, descriptor))


def _cache_seconds(entity: Element, descriptor: Element) -> int | None:
    """The shortest cacheDuration of the descriptor, its entity and the aggregates around it (SAML metadata 2.3.1)."""
    told = [
        str(node.get("cacheDuration")) for node in (descriptor, entity, *entity.iterancestors()) if node.get("cacheDuration")
    ]
    matches = [match for text in told if (match := _DURATION.fullmatch(text.strip())) is not None]
    spans = [sum(int(n or 0) * unit for n, unit in zip(one.groups(), (86400, 3600, 60, 1), strict=True)) for one in matches]
    return min((span for span in spans if span > 0), default=None)


def _certificates(descriptor: Element) -> tuple[list[Certificate], list[Certificate], list[Warn]]:
    """Signing and encryption certificates. A key without ``use`` is for both (SAML metadata 2.4.1.1)."""
    signing: dict[str, Certificate] = {}
    encryption: dict[str, Certificate] = {}
    warnings: list[Warn] = []
    for key in children(descriptor, names.MD, "KeyDescriptor"):
        use = key.get("use")
        for node in key.iter(tag(names.DS, "X509Certificate")):
            try:
                certificate = read_certificate("".join((node.text or "").split()))
            except BadCertificate as error:
                warnings.append(Warn("certificate_unreadable", f"One certificate in the metadata was left out: {error}."))
                continue
            if use in (None, "signing"):
                signing[certificate.sha256] = certificate
            if use in (None, "encryption"):
                encryption[certificate.sha256] = certificate
    if not signing:
        raise Unreadable(_no_certificate(descriptor, warnings))
    return list(signing.values())[:MAX_CERTIFICATES], list(encryption.values())[:MAX_CERTIFICATES], warnings


def _no_certificate(descriptor: Element, warnings: list[Warn]) -> str:
    if warnings:
        return f"The IdP's metadata holds no signing certificate that can be used. {warnings[0].message}"
    strange = {
        str(node.tag).partition("}")[0].strip("{") for node in descriptor.iter() if local_name(node) == "X509Certificate"
    }
    if strange - {names.DS}:
        return (
            "The IdP's metadata is damaged: its certificates stand in the XML namespace "
            f"“{min(strange)[:100]}” instead of “{names.DS}”. Export the metadata from the IdP again."
        )
    return (
        "The IdP's metadata holds no signing certificate, so its answers could not be verified. Switch signing on at the IdP "
        "and export the metadata again."
    )


def _locations(descriptor: Element, service: str, attribute: str = "Location") -> tuple[str | None, str | None]:
    """The service's addresses by redirect and by POST. The first of each binding counts."""
    found: dict[str, str] = {}
    for node in children(descriptor, names.MD, service):
        binding, location = str(node.get("Binding") or ""), node.get(attribute)
        if location is None and attribute != "Location":
            continue
        if binding in (names.BINDING_REDIRECT, names.BINDING_POST):
            found.setdefault(binding, _checked(str(location or "").strip()))
    return found.get(names.BINDING_REDIRECT), found.get(names.BINDING_POST)


def _checked(location: str) -> str:
    try:
        return checked_url(location, http_allowed=True)
    except BadAddress as error:
        raise Unreadable(
            f"The IdP's metadata has an address that no browser can be sent to (“{location[:100]}”): {error}."
        ) from error


def _valid_until(entity: Element, descriptor: Element) -> datetime | None:
    """The earliest validUntil of the descriptor, its entity and the aggregates around it (SAML metadata 2.3.1)."""
    moments: list[datetime] = []
    for node in (descriptor, entity, *entity.iterancestors()):
        text = node.get("validUntil")
        if text is None:
            continue
        try:
            moments.append(read_time(str(text)))
        except ValueError as error:
            raise Unreadable(f"The metadata's validUntil is not a time: {error}.") from error
    return min(moments, default=None)
