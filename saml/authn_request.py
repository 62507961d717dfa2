"""The request that sends a browser to the IdP (SAML core 3.4, profiles 4.1.4.1), by redirect or by POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

from lxml import etree

from idbroker.federation.contract import AttemptRef, Handoff
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.secrets import derive
from saml import names
from saml.bindings import by_post, by_redirect, redirect_query
from saml.keys import ConnectionKeys
from saml.names import tag
from saml.quirks import HintBy, hint_by
from saml.settings import SpAddresses
from saml.signing import sign_enveloped
from saml.times import write_time
from saml.xml_guard import Element


def request_id(handle: str) -> str:
    """The ID of the attempt's request. An xs:ID is an NCName, so it starts with an underscore (SAML core 1.3.4)."""
    return "_" + derive(handle, "saml:request-id")


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that goes into one AuthnRequest."""

    attempt: AttemptRef
    options: ConnectionOptions
    sp: SpAddresses
    destination: str
    issued: datetime
    hint: HintBy = "nothing"

    @property
    def force_authn(self) -> bool:
        # SAML cannot say "at most n seconds ago"; a fresh sign-in is the one answer that is always young enough.
        return self.options.force_authn or self.attempt.force_authn or self.attempt.max_age is not None


def begin(
    keys: ConnectionKeys,
    attempt: AttemptRef,
    options: ConnectionOptions,
    sp: SpAddresses,
    *,
    now: datetime,
    vendor: str = "generic",
) -> Handoff:
    """By redirect where the IdP takes it (smaller, no form), else by POST. Signed unless the option says otherwise."""
    idp = keys.settings.idp
    request = Request(attempt, options, sp, idp.sso_url, now, hint_by(vendor))
    node = _authn_request(request)
    signed = options.sign_authn_requests or idp.want_authn_requests_signed
    if idp.sso_redirect is not None:
        query = redirect_query(etree.tostring(node), attempt.handle, keys.private_key if signed else None)
        return by_redirect(_hinted(idp.sso_redirect, request), query)
    if signed:
        sign_enveloped(node, keys.private_key, keys.settings.sp_certificate)
    return by_post(_hinted(request.destination, request), node, attempt.handle, "SAMLRequest")


def _hinted(address: str, request: Request) -> str:
    """The address with the hint where the vendor wants it there; the signature never covers the address."""
    if request.hint != "query" or not request.attempt.login_hint:
        return address
    return f"{address}{'&' if '?' in address else '?'}login_hint={quote_plus(request.attempt.login_hint)}"


def _authn_request(request: Request) -> Element:
    root = etree.Element(
        tag(names.SAMLP, "AuthnRequest"), _request_attributes(request), nsmap={"samlp": names.SAMLP, "saml": names.SAML}
    )
    etree.SubElement(root, tag(names.SAML, "Issuer")).text = request.sp.entity_id
    if request.hint == "subject" and request.attempt.login_hint:
        subject = etree.SubElement(root, tag(names.SAML, "Subject"))
        name_id = etree.SubElement(subject, tag(names.SAML, "NameID"), {"Format": names.FORMAT_EMAIL})
        name_id.text = request.attempt.login_hint
    if request.options.name_id_format is not None:
        policy = {"Format": request.options.name_id_format, "AllowCreate": "true"}
        etree.SubElement(root, tag(names.SAMLP, "NameIDPolicy"), policy)
    if request.options.authn_context:
        wanted = etree.SubElement(
            root, tag(names.SAMLP, "RequestedAuthnContext"), {"Comparison": request.options.authn_context_comparison}
        )
        for reference in request.options.authn_context:
            etree.SubElement(wanted, tag(names.SAML, "AuthnContextClassRef")).text = reference
    return root


def _request_attributes(request: Request) -> Mapping[str, str]:
    attributes = {
        "ID": request_id(request.attempt.handle),
        "Version": "2.0",
        "IssueInstant": write_time(request.issued),
        "Destination": request.destination,
        "ProtocolBinding": names.BINDING_POST,
        "AssertionConsumerServiceURL": request.sp.requested_acs_url,
    }
    if request.force_authn:
        attributes["ForceAuthn"] = "true"
    if request.attempt.is_passive:
        attributes["IsPassive"] = "true"
    return attributes
