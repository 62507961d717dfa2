"""Our metadata for one connection (SAML metadata 2.4.4): what the IdP's admin imports. Nothing is listed that does not work.

Single logout is listed once it is served (``SLO_SERVED``). During a roll-over both keys are listed, the present one first:
IdPs that know one signing key take the first, and whichever they encrypt for, we can read. The encryption key is always
there: some IdPs encrypt whenever they can and fail where there is none. ``unspecified`` is left out of the NameID formats,
because SimpleSAMLphp answers it with a transient one.
"""

from __future__ import annotations

import hashlib

from lxml import etree

from idbroker.federation.options import ConnectionOptions
from saml import names
from saml.names import tag
from saml.settings import SamlSettings, SpAddresses
from saml.signing import bare_certificate
from saml.xml_guard import Element

MEDIA_TYPE = "application/samlmetadata+xml"
MAX_AGE_SECONDS = 3600

SLO_SERVED = True
"""Whether the single logout address is listed: only once there is somebody behind it."""

_ENCRYPTION_METHODS = (names.AES256_GCM, names.AES128_GCM, names.RSA_OAEP_MGF1P)
_NAME_ID_FORMATS = (names.FORMAT_EMAIL, names.FORMAT_PERSISTENT)


def sp_metadata(sp: SpAddresses, options: ConnectionOptions, settings: SamlSettings) -> Element:
    """An EntityDescriptor, not signed yet, already laid out for reading. Its ID follows from its content's owner alone."""
    identifier = "_" + hashlib.sha256(sp.metadata_url.encode()).hexdigest()[:40]
    root = etree.Element(
        tag(names.MD, "EntityDescriptor"),
        {"ID": identifier, "entityID": sp.entity_id, "cacheDuration": f"PT{MAX_AGE_SECONDS}S"},
        nsmap={"md": names.MD, "ds": names.DS},
    )
    descriptor = _child(
        root,
        "SPSSODescriptor",
        AuthnRequestsSigned="true" if options.sign_authn_requests else "false",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=names.SAMLP,
    )
    certificates = [pem for pem in (settings.sp_certificate, settings.next_sp_certificate) if pem is not None]
    for certificate_pem in certificates:
        _key(descriptor, "signing", certificate_pem)
    for certificate_pem in certificates:
        encryption = _key(descriptor, "encryption", certificate_pem)
        for algorithm in _ENCRYPTION_METHODS:
            _child(encryption, "EncryptionMethod", Algorithm=algorithm)
    if SLO_SERVED:
        for binding in (names.BINDING_REDIRECT, names.BINDING_POST):
            _child(descriptor, "SingleLogoutService", Binding=binding, Location=sp.slo_url)
    for name_id_format in (options.name_id_format,) if options.name_id_format else _NAME_ID_FORMATS:
        _child(descriptor, "NameIDFormat").text = name_id_format
    for index, address in enumerate(sp.acs_urls):
        _child(
            descriptor,
            "AssertionConsumerService",
            Binding=names.BINDING_POST,
            Location=address,
            index=str(index),
            isDefault="true" if index == 0 else "false",
        )
    etree.indent(root)
    return root


def as_bytes(root: Element) -> bytes:
    """The document as it is published, in UTF-8. Nothing is laid out anew: it may be signed."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _key(descriptor: Element, use: str, certificate_pem: str) -> Element:
    key = _child(descriptor, "KeyDescriptor", use=use)
    info = etree.SubElement(key, tag(names.DS, "KeyInfo"))
    data = etree.SubElement(info, tag(names.DS, "X509Data"))
    etree.SubElement(data, tag(names.DS, "X509Certificate")).text = bare_certificate(certificate_pem)
    return key


def _child(parent: Element, local: str, **attributes: str) -> Element:
    return etree.SubElement(parent, tag(names.MD, local), attributes)
