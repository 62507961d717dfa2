"""Making a saml:EncryptedAssertion for the demo IdP: AES-256-GCM, its key wrapped by RSA-OAEP (XML Encryption 1.1 5)."""

from __future__ import annotations

import base64
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from saml import names
from saml.names import tag
from saml.xml_guard import Element


def encrypt_element(node: Element, certificate_pem: str, holder_name: str = "EncryptedAssertion") -> Element:
    """The EncryptedAssertion (or EncryptedID) that holds ``node`` for that key. Raises TypeError for one that is not RSA."""
    public_key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise TypeError("an assertion can only be encrypted for an RSA key")
    key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    content = nonce + AESGCM(key).encrypt(nonce, etree.tostring(node, with_tail=False), None)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 - mgf1p is that
    holder = etree.Element(tag(names.SAML, holder_name), nsmap={"saml": names.SAML, "xenc": names.XENC, "ds": names.DS})
    data = _child(holder, "EncryptedData", Type=names.TYPE_ELEMENT)
    _child(data, "EncryptionMethod", Algorithm=names.AES256_GCM)
    wrapped = _child(etree.SubElement(data, tag(names.DS, "KeyInfo")), "EncryptedKey")
    method = _child(wrapped, "EncryptionMethod", Algorithm=names.RSA_OAEP_MGF1P)
    etree.SubElement(method, tag(names.DS, "DigestMethod"), {"Algorithm": names.SHA1})
    _cipher(wrapped, public_key.encrypt(key, oaep))
    _cipher(data, content)
    return holder


def _cipher(parent: Element, content: bytes) -> None:
    _child(_child(parent, "CipherData"), "CipherValue").text = base64.b64encode(content).decode()


def _child(parent: Element, local: str, **attributes: str) -> Element:
    return etree.SubElement(parent, tag(names.XENC, local), attributes)
