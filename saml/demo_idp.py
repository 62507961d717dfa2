"""A demo SAML IdP, free of HTTP: it reads requests and makes signed answers. For ``idbroker demo`` and for tests.

It answers only at the ACS address that was wired for a service provider, as an IdP does, never at one that a request
names. ``Answer`` says how an answer is made; whoever wants a wrong one changes a field or edits the tree before or
after it is signed.
"""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lxml import etree

from idbroker.kernel.clock import Clock
from saml import names
from saml.encryption import encrypt_element
from saml.keys import KeyPair, load_private_key, new_key_pair
from saml.names import tag
from saml.signing import bare_certificate, sign_enveloped
from saml.times import write_time
from saml.xml_guard import Element, Unfit, guarded, loose_base64, text_of

MAX_REQUEST = 64 * 1024

_NSMAP = {"samlp": names.SAMLP, "saml": names.SAML, "xs": "http://www.w3.org/2001/XMLSchema", "xsi": names.XSI}


class BadRequest(ValueError):
    """The request cannot be answered. The message may be shown."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Someone who can sign in. ``attributes`` are sent as they stand."""

    name_id: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What an AuthnRequest asks. ``acs_url`` is what it names, which decides nothing."""

    id: str
    sp_entity_id: str
    acs_url: str | None
    relay_state: str


def _unchanged(node: Element) -> None:
    """The default of ``Answer``'s hooks."""
    del node


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer. The defaults make a good one: the assertion signed, valid for five minutes."""

    sign_assertion: bool = True
    sign_response: bool = False
    encrypt_for: str | None = None
    """Our certificate (PEM) to encrypt the assertion for."""
    name_id_format: str | None = names.FORMAT_PERSISTENT
    """None sends no NameID at all."""
    authn_context: str = names.CONTEXT_PASSWORD_PROTECTED
    clock_offset: timedelta = timedelta()
    lifetime: timedelta = timedelta(minutes=5)
    audiences: tuple[str, ...] | None = None
    recipient: str | None = None
    destination: str | None = None
    in_response_to: str | None = None
    issuer: str | None = None
    status: str = names.STATUS_SUCCESS
    edit_assertion: Callable[[Element], None] = _unchanged
    """Called with the assertion before it is signed."""
    edit_response: Callable[[Element], None] = _unchanged
    """Called with the response before it is signed, with the assertion in its final form inside."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """One answer under way."""

    answer: Answer
    request: ReadRequest
    acs_url: str
    issuer: str
    now: datetime


class DemoSamlIdp:
    """One demo IdP. ``trust`` names the service providers that it answers, and where."""

    def __init__(self, entity_id: str, sso_url: str, clock: Clock, *, keys: KeyPair | None = None) -> None:
        self.entity_id = entity_id
        self.sso_url = sso_url
        self.keys = keys if keys is not None else new_key_pair("demo identity provider", clock.now())
        self._clock = clock
        self._private_key = load_private_key(self.keys.private_pem)
        self._acs_urls: dict[str, str] = {}

    def now(self) -> datetime:
        """The time by this IdP's clock."""
        return self._clock.now()

    def trust(self, sp_entity_id: str, acs_url: str) -> None:
        """Answer requests of that service provider, at that address."""
        self._acs_urls[sp_entity_id] = acs_url

    def metadata(self) -> str:
        """IdP metadata with both bindings at one address."""
        root = etree.Element(
            tag(names.MD, "EntityDescriptor"), {"entityID": self.entity_id}, nsmap={"md": names.MD, "ds": names.DS}
        )
        descriptor = etree.SubElement(
            root,
            tag(names.MD, "IDPSSODescriptor"),
            {"WantAuthnRequestsSigned": "false", "protocolSupportEnumeration": names.SAMLP},
        )
        key = etree.SubElement(descriptor, tag(names.MD, "KeyDescriptor"), {"use": "signing"})
        data = etree.SubElement(etree.SubElement(key, tag(names.DS, "KeyInfo")), tag(names.DS, "X509Data"))
        etree.SubElement(data, tag(names.DS, "X509Certificate")).text = bare_certificate(self.keys.certificate_pem)
        etree.SubElement(descriptor, tag(names.MD, "NameIDFormat")).text = names.FORMAT_PERSISTENT
        for binding in (names.BINDING_REDIRECT, names.BINDING_POST):
            location = {"Binding": binding, "Location": self.sso_url}
            etree.SubElement(descriptor, tag(names.MD, "SingleSignOnService"), location)
        return etree.tostring(root, encoding="unicode", pretty_print=True)

    def read_request(self, params: Mapping[str, str], *, deflated: bool) -> ReadRequest:
        """The request in a query (``deflated``) or a form. Raises BadRequest."""
        try:
            packed = loose_base64(params.get("SAMLRequest"))
            root = guarded(_inflated(packed) if deflated else packed.decode())
        except (Unfit, ValueError, zlib.error) as error:
            raise BadRequest("This is not a SAML request.") from error
        issuer = root.find(tag(names.SAML, "Issuer"))
        if root.tag != tag(names.SAMLP, "AuthnRequest") or issuer is None or not root.get("ID"):
            raise BadRequest("This is not a SAML request.")
        acs_url = root.get("AssertionConsumerServiceURL")
        return ReadRequest(
            id=str(root.get("ID")),
            sp_entity_id=text_of(issuer),
            acs_url=str(acs_url) if acs_url is not None else None,
            relay_state=params.get("RelayState", ""),
        )

    def acs_url_of(self, request: ReadRequest) -> str:
        """Where the answer goes. Raises BadRequest for a service provider that was not wired."""
        found = self._acs_urls.get(request.sp_entity_id)
        if found is None:
            raise BadRequest(f"This demo IdP does not know the service provider “{request.sp_entity_id[:200]}”.")
        return found

    def respond(self, person: DemoPerson, request: ReadRequest, answer: Answer | None = None) -> str:
        """The SAMLResponse field (base64) for the form that goes to ``acs_url_of(request)``."""
        chosen = answer or Answer()
        now = self._clock.now() + chosen.clock_offset
        facts = _Facts(chosen, request, self.acs_url_of(request), chosen.issuer or self.entity_id, now)
        response = _response(facts)
        if chosen.status == names.STATUS_SUCCESS:
            assertion = _assertion(facts, person)
            chosen.edit_assertion(assertion)
            if chosen.sign_assertion:
                sign_enveloped(assertion, self._private_key, self.keys.certificate_pem)
            response.append(assertion if chosen.encrypt_for is None else encrypt_element(assertion, chosen.encrypt_for))
        chosen.edit_response(response)
        if chosen.sign_response:
            sign_enveloped(response, self._private_key, self.keys.certificate_pem)
        return base64.b64encode(etree.tostring(response)).decode()


def _inflated(packed: bytes) -> str:
    inflater = zlib.decompressobj(-15)
    text = inflater.decompress(packed, MAX_REQUEST)
    if inflater.unconsumed_tail:
        raise BadRequest("This request is too large.")
    return text.decode()


def new_xml_id() -> str:
    """An xs:ID with 160 random bits (SAML core 1.3.4)."""
    return "_" + secrets.token_hex(20)


def _saml(parent: Element, local: str, text: str | None = None, **attributes: str) -> Element:
    node = etree.SubElement(parent, tag(names.SAML, local), attributes)
    node.text = text
    return node


def _response(facts: _Facts) -> Element:
    response = etree.Element(
        tag(names.SAMLP, "Response"),
        {
            "ID": new_xml_id(),
            "Version": "2.0",
            "IssueInstant": write_time(facts.now),
            "Destination": facts.answer.destination or facts.acs_url,
            "InResponseTo": facts.answer.in_response_to or facts.request.id,
        },
        nsmap=_NSMAP,
    )
    _saml(response, "Issuer", facts.issuer)
    status = etree.SubElement(response, tag(names.SAMLP, "Status"))
    etree.SubElement(status, tag(names.SAMLP, "StatusCode"), {"Value": facts.answer.status})
    return response


def _assertion(facts: _Facts, person: DemoPerson) -> Element:
    assertion = etree.Element(
        tag(names.SAML, "Assertion"),
        {"ID": new_xml_id(), "Version": "2.0", "IssueInstant": write_time(facts.now)},
        nsmap={key: uri for key, uri in _NSMAP.items() if key != "samlp"},
    )
    _saml(assertion, "Issuer", facts.issuer)
    _subject(assertion, facts, person)
    until = write_time(facts.now + facts.answer.lifetime)
    start = write_time(facts.now - timedelta(seconds=30))
    conditions = _saml(assertion, "Conditions", NotBefore=start, NotOnOrAfter=until)
    restriction = _saml(conditions, "AudienceRestriction")
    for audience in facts.answer.audiences or (facts.request.sp_entity_id,):
        _saml(restriction, "Audience", audience)
    statement = _saml(assertion, "AuthnStatement", AuthnInstant=write_time(facts.now), SessionIndex=new_xml_id())
    _saml(_saml(statement, "AuthnContext"), "AuthnContextClassRef", facts.answer.authn_context)
    _attributes(assertion, person)
    return assertion


def _subject(assertion: Element, facts: _Facts, person: DemoPerson) -> None:
    subject = _saml(assertion, "Subject")
    if facts.answer.name_id_format is not None:
        _saml(subject, "NameID", person.name_id, Format=facts.answer.name_id_format)
    confirmation = _saml(subject, "SubjectConfirmation", Method=names.METHOD_BEARER)
    _saml(
        confirmation,
        "SubjectConfirmationData",
        InResponseTo=facts.answer.in_response_to or facts.request.id,
        Recipient=facts.answer.recipient or facts.acs_url,
        NotOnOrAfter=write_time(facts.now + facts.answer.lifetime),
    )


def _attributes(assertion: Element, person: DemoPerson) -> None:
    if not person.attributes:
        return
    statement = _saml(assertion, "AttributeStatement")
    for name, values in person.attributes.items():
        attribute = _saml(statement, "Attribute", Name=name)
        for value in values:
            _saml(attribute, "AttributeValue", value).set(tag(names.XSI, "type"), "xs:string")
