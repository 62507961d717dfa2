"""The request that sends a browser to the IdP (SAML core 3.4, profiles 4.1.4.1), by redirect or by POST."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from idbroker.federation.contract import AttemptRef, Handoff, PostTo, RedirectTo
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.secrets import derive
from saml import names
from saml.keys import ConnectionKeys
from saml.names import tag
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

    @property
    def force_authn(self) -> bool:
        # SAML cannot say "at most n seconds ago"; a fresh sign-in is the one answer that is always young enough.
        return self.options.force_authn or self.attempt.force_authn or self.attempt.max_age is not None


def begin(keys: ConnectionKeys, attempt: AttemptRef, options: ConnectionOptions, sp: SpAddresses, now: datetime) -> Handoff:
    """By redirect where the IdP takes it (smaller, no form), else by POST. Signed unless the option says otherwise."""
    idp = keys.settings.idp
    request = Request(attempt, options, sp, idp.sso_url, now)
    node = _authn_request(request)
    signed = options.sign_authn_requests or idp.want_authn_requests_signed
    if idp.sso_redirect is not None:
        query = redirect_query(etree.tostring(node), attempt.handle, keys.private_key if signed else None)
        return RedirectTo(f"{idp.sso_redirect}{'&' if '?' in idp.sso_redirect else '?'}{query}")
    if signed:
        sign_enveloped(node, keys.private_key, keys.settings.sp_certificate)
    message = base64.b64encode(etree.tostring(node)).decode()
    return PostTo(request.destination, {"SAMLRequest": message, "RelayState": attempt.handle})


def _authn_request(request: Request) -> Element:
    root = etree.Element(
        tag(names.SAMLP, "AuthnRequest"), _request_attributes(request), nsmap={"samlp": names.SAMLP, "saml": names.SAML}
    )
    etree.SubElement(root, tag(names.SAML, "Issuer")).text = request.sp.entity_id
    if request.options.name_id_format is not None:
        policy = {"Format": request.options.name_id_format, "AllowCreate": "true"}
        etree.SubElement(root, tag(names.SAMLP, "NameIDPolicy"), policy)
    if request.options.authn_context:
        wanted = etree.SubElement(root, tag(names.SAMLP, "RequestedAuthnContext"), {"Comparison": "exact"})
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
        "AssertionConsumerServiceURL": request.sp.acs_url,
    }
    if request.force_authn:
        attributes["ForceAuthn"] = "true"
    return attributes


def redirect_query(message: bytes, relay_state: str, key: rsa.RSAPrivateKey | None) -> str:
    """The query of the redirect binding (SAML bindings 3.4.4.1): the signature covers these very characters, in this order."""
    deflate = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(deflate.compress(message) + deflate.flush())
    query = f"SAMLRequest={quote_plus(packed)}&RelayState={quote_plus(relay_state)}"
    if key is None:
        return query
    query = f"{query}&SigAlg={quote_plus(names.RSA_SHA256)}"
    value = key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{query}&Signature={quote_plus(base64.b64encode(value))}"
