"""Answers as the products write them: prefixes, formats, attribute names and signatures of each, signed by xmlsec itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from idbroker.federation.contract import ReplyRefused
from idbroker.federation.options import ConnectionOptions
from saml import names
from saml.encryption import encrypt_element
from tests.support.saml_world import World, key_pair

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
MS = "http://schemas.microsoft.com/"
OID = "urn:oid:"
UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
PASSWORD = names.CONTEXT_PASSWORD_PROTECTED


@dataclass(frozen=True)
class Dialect:
    """One product's manner. ``protocol`` and ``assertion`` are prefixes; "" is the default namespace."""

    name: str
    vendor: str
    attributes: Mapping[str, Sequence[str]]
    protocol: str = "saml2p"
    assertion: str = "saml2"
    name_id: str | None = "alice@acme.example"
    name_id_format: str | None = names.FORMAT_EMAIL
    attribute_format: str | None = None
    typed: bool = False
    repeated: bool = False
    sign: tuple[str, ...] = ("assertion",)
    encrypted: bool = False
    context: str = PASSWORD
    audiences: tuple[str, ...] = ()
    session_end: bool = False
    in_lines: bool = False
    fraction: bool = False
    declaration: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    email: str | None = "alice@acme.example"
    subject: str | None = None
    options: ConnectionOptions = field(default_factory=ConnectionOptions)


FIRST = {"email": ["alice@acme.example"], "firstName": ["Alice"], "lastName": ["Arden"]}

DIALECTS = [
    Dialect("okta", "okta", FIRST, attribute_format=UNSPECIFIED, typed=True, sign=("assertion", "response"), fraction=True),
    Dialect("okta, name id alone", "okta", {}, sign=("assertion", "response"), declaration=True, fraction=True),
    Dialect("okta, unspecified name id", "okta", FIRST, name_id_format=names.FORMAT_UNSPECIFIED, typed=True),
    Dialect(
        "entra",
        "entra",
        {
            MS + "identity/claims/tenantid": ["7f2d"],
            MS + "identity/claims/objectidentifier": ["0001"],
            MS + "ws/2008/06/identity/claims/groups": ["g-1", "g-2"],
            CLAIMS + "emailaddress": ["alice@acme.example"],
            CLAIMS + "givenname": ["Alice"],
            CLAIMS + "surname": ["Arden"],
            CLAIMS + "name": ["alice@acme.example"],
        },
        protocol="samlp",
        assertion="",
        name_id="Gx0-pairwise",
        name_id_format=names.FORMAT_PERSISTENT,
        context=names.CONTEXT_PASSWORD,
        fraction=True,
    ),
    Dialect(
        "entra, no mail",
        "entra",
        {CLAIMS + "name": ["alice@acme.example"]},
        protocol="samlp",
        assertion="",
        name_id="Gx0-pairwise",
        name_id_format=names.FORMAT_PERSISTENT,
        email=None,
    ),
    Dialect(
        "google",
        "google",
        FIRST,
        attribute_format=BASIC,
        typed=True,
        sign=("response",),
        context=names.CONTEXT_UNSPECIFIED,
        declaration=True,
        fraction=True,
    ),
    Dialect("google, assertion signed", "google", FIRST, typed=True, context=names.CONTEXT_UNSPECIFIED, fraction=True),
    Dialect(
        "onelogin",
        "onelogin",
        {"User.email": ["alice@acme.example"], "User.FirstName": ["Alice"], "User.LastName": ["Arden"], "memberOf": [""]},
        protocol="samlp",
        assertion="saml",
        attribute_format=BASIC,
        typed=True,
        sign=("response",),
        session_end=True,
    ),
    Dialect("jumpcloud", "jumpcloud", FIRST, typed=True, attribute_format=BASIC, sign=("response", "assertion"), fraction=True),
    Dialect(
        "ad fs",
        "adfs",
        {CLAIMS + "emailaddress": ["alice@acme.example"], MS + "ws/2008/06/identity/claims/role": ["Admins"]},
        protocol="samlp",
        assertion="",
        context="urn:federation:authentication:windows",
        fraction=True,
    ),
    Dialect(
        "ad fs without name id",
        "adfs",
        {CLAIMS + "upn": ["alice@corp.acme.example"], CLAIMS + "emailaddress": ["alice@acme.example"]},
        protocol="samlp",
        assertion="",
        name_id=None,
        mapping={"subject": CLAIMS + "upn"},
        subject="alice@corp.acme.example",
        fraction=True,
    ),
    Dialect(
        "ad fs, windows account",
        "adfs",
        {"E-Mail Address": ["alice@acme.example"], "Given Name": ["Alice"]},
        protocol="samlp",
        assertion="",
        name_id="CORP\\alice",
        name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
    ),
    Dialect("pingone", "pingone", {**FIRST, "id": ["p-1"]}, protocol="samlp", assertion="saml", typed=True, fraction=True),
    Dialect("pingfederate", "pingone", FIRST, protocol="samlp", assertion="saml", sign=("response",), attribute_format=BASIC),
    Dialect(
        "keycloak, repeated attribute",
        "keycloak",
        {"email": ["alice@acme.example"], "Role": ["admin", "manage-account", "offline_access"]},
        protocol="samlp",
        assertion="saml",
        attribute_format=BASIC,
        typed=True,
        repeated=True,
        sign=("response",),
        name_id="G-0001",
        name_id_format=names.FORMAT_PERSISTENT,
        context=names.CONTEXT_UNSPECIFIED,
        fraction=True,
        session_end=True,
    ),
    Dialect("keycloak, both signed", "keycloak", FIRST, protocol="samlp", assertion="saml", sign=("assertion", "response")),
    Dialect(
        "shibboleth, encrypted",
        "shibboleth",
        {OID + "0.9.2342.19200300.100.1.3": ["alice@acme.example"], OID + "2.5.4.42": ["Alice"], OID + "2.5.4.4": ["Arden"]},
        attribute_format=URI,
        name_id="AAdzZWNyZXQ",
        name_id_format=names.FORMAT_PERSISTENT,
        sign=("response",),
        encrypted=True,
        declaration=True,
        fraction=True,
    ),
    Dialect(
        "shibboleth, transient and a mapped subject",
        "shibboleth",
        {OID + "0.9.2342.19200300.100.1.3": ["alice@acme.example"], OID + "1.3.6.1.4.1.5923.1.1.1.6": ["alice@acme.example"]},
        attribute_format=URI,
        name_id="_once",
        name_id_format=names.FORMAT_TRANSIENT,
        mapping={"subject": OID + "1.3.6.1.4.1.5923.1.1.1.6"},
        subject="alice@acme.example",
    ),
    Dialect(
        "simplesamlphp",
        "simplesamlphp",
        {"uid": ["alice"], "mail": ["alice@acme.example"], "sn": ["Arden"], "eduPersonAffiliation": ["staff"]},
        protocol="samlp",
        assertion="saml",
        attribute_format=BASIC,
        typed=True,
        sign=("response", "assertion"),
        session_end=True,
        name_id="p-0001",
        name_id_format=names.FORMAT_PERSISTENT,
    ),
    Dialect(
        "pysaml2",
        "generic",
        {OID + "0.9.2342.19200300.100.1.3": ["alice@acme.example"], OID + "2.5.4.42": ["Alice"]},
        protocol="ns0",
        assertion="ns1",
        attribute_format=URI,
        typed=True,
        name_id="ab12",
        name_id_format=names.FORMAT_PERSISTENT,
        declaration=True,
    ),
    Dialect("two audiences", "generic", FIRST, audiences=("https://other.example",)),
    Dialect("base64 in lines", "generic", FIRST, in_lines=True),
    Dialect("no format of the name id", "generic", FIRST, name_id_format=None),
    Dialect("rippling", "rippling", FIRST, protocol="samlp", assertion="saml", sign=("response", "assertion"), fraction=True),
    Dialect("auth0", "auth0", {CLAIMS + "emailaddress": ["alice@acme.example"]}, protocol="samlp", assertion="saml"),
]  # fmt: skip


class Writer:
    """Writes one answer as text, the way a template would."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self.world, self.dialect = world, dialect
        self.protocol = f"{dialect.protocol}:" if dialect.protocol else ""
        self.assertion = f"{dialect.assertion}:" if dialect.assertion else ""
        self.request = world.request()
        self.fraction = ".123" if dialect.fraction else ""

    def time(self, text: str) -> str:
        return f"2026-11-21T{text}{self.fraction}Z"

    def issuer(self) -> str:
        declared = self.declared(self.dialect.assertion, names.SAML)
        return f"<{self.assertion}Issuer{declared}>{self.world.idp.entity_id}</{self.assertion}Issuer>"

    @staticmethod
    def declared(prefix: str, namespace: str) -> str:
        return f' xmlns{":" if prefix else ""}{prefix}="{namespace}"'

    def response(self) -> str:
        inside = self.signed(self.assertion_text()) if "assertion" in self.dialect.sign else self.assertion_text()
        if self.dialect.encrypted:
            holder = encrypt_element(etree.fromstring(inside), key_pair("sp").certificate_pem)
            inside = etree.tostring(holder).decode()
        p = self.protocol
        text = (
            f"<{p}Response{self.declared(self.dialect.protocol, names.SAMLP)}"
            f' Destination="{self.world.acs_url}" ID="id1234" InResponseTo="{self.request.id}"'
            f' IssueInstant="{self.time("08:59:59")}" Version="2.0">{self.issuer()}'
            f'<{p}Status><{p}StatusCode Value="{names.STATUS_SUCCESS}"/></{p}Status>{inside}</{p}Response>'
        )
        return self.signed(text) if "response" in self.dialect.sign else text

    def signed(self, text: str) -> str:
        keys = self.world.idp.keys
        made = OneLogin_Saml2_Utils.add_sign(text, keys.private_pem, keys.certificate_pem)
        return made.decode()

    def assertion_text(self) -> str:
        a, dialect = self.assertion, self.dialect
        audiences = (*dialect.audiences, self.world.entity_id)
        end = f' SessionNotOnOrAfter="{self.time("17:00:00")}"' if dialect.session_end else ""
        return (
            f"<{a}Assertion{self.declared(dialect.assertion, names.SAML)}"
            f' xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="id5678" IssueInstant="{self.time("08:59:59")}" Version="2.0">'
            f"{self.issuer()}<{a}Subject>{self.name_id()}"
            f'<{a}SubjectConfirmation Method="{names.METHOD_BEARER}">'
            f'<{a}SubjectConfirmationData InResponseTo="{self.request.id}"'
            f' NotOnOrAfter="{self.time("09:05:00")}" Recipient="{self.world.acs_url}"/></{a}SubjectConfirmation></{a}Subject>'
            f'<{a}Conditions NotBefore="{self.time("08:55:00")}" NotOnOrAfter="{self.time("09:05:00")}">'
            f"<{a}AudienceRestriction>"
            + "".join(f"<{a}Audience>{one}</{a}Audience>" for one in audiences)
            + f'</{a}AudienceRestriction></{a}Conditions><{a}AuthnStatement AuthnInstant="{self.time("08:59:00")}"'
            f' SessionIndex="s1"{end}><{a}AuthnContext><{a}AuthnContextClassRef>{dialect.context}</{a}AuthnContextClassRef>'
            f"</{a}AuthnContext></{a}AuthnStatement>{self.attributes()}</{a}Assertion>"
        )

    def name_id(self) -> str:
        if self.dialect.name_id is None:
            return ""
        told = f' Format="{self.dialect.name_id_format}"' if self.dialect.name_id_format else ""
        return f"<{self.assertion}NameID{told}>{self.dialect.name_id}</{self.assertion}NameID>"

    def attributes(self) -> str:
        a, dialect = self.assertion, self.dialect
        if not dialect.attributes:
            return ""
        told = f' NameFormat="{dialect.attribute_format}"' if dialect.attribute_format else ""
        typed = f' xmlns:xsi="{names.XSI}" xsi:type="xs:string"' if dialect.typed else ""
        written = []
        for name, values in dialect.attributes.items():
            each = [f"<{a}AttributeValue{typed}>{value}</{a}AttributeValue>" for value in values]
            groups = each if dialect.repeated else ["".join(each)]
            written += [f'<{a}Attribute Name="{name}"{told}>{group}</{a}Attribute>' for group in groups]
        return f"<{a}AttributeStatement>{''.join(written)}</{a}AttributeStatement>"


def written(world: World, dialect: Dialect) -> str:
    text = Writer(world, dialect).response()
    if dialect.declaration:
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
    encoded = base64.b64encode(text.encode()).decode()
    return "\r\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76)) if dialect.in_lines else encoded


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_accepted(dialect: Dialect) -> None:
    world = World(dialect.options, dialect.mapping)
    world.connection = replace(world.connection, vendor=dialect.vendor)
    identity = world.complete(written(world, dialect))
    assert identity.subject == (dialect.subject or dialect.name_id)
    assert identity.profile.email == dialect.email
    assert set(identity.attributes) == set(dialect.attributes)
    if dialect.repeated:
        assert identity.profile.groups == ("admin", "manage-account", "offline_access")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_nothing_of_them_survives_a_changed_name(dialect: Dialect) -> None:
    if dialect.encrypted:
        return
    world = World(dialect.options, dialect.mapping)
    text = base64.b64decode(written(world, dialect)).decode()
    value = dialect.subject or dialect.name_id or ""
    with pytest.raises(ReplyRefused, match="saml_signature_invalid"):
        world.complete(base64.b64encode(text.replace(value, f"x{value}").encode()).decode())


def test_there_are_as_many_as_the_field_has() -> None:
    assert len(DIALECTS) >= 20
    assert {dialect.vendor for dialect in DIALECTS} >= {
        "okta", "entra", "google", "onelogin", "jumpcloud", "adfs", "pingone", "keycloak", "shibboleth", "simplesamlphp",
    }  # fmt: skip
