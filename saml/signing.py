"""Making enveloped XML signatures (SAML core 5.4): our own POST requests, and the answers of the demo IdP."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from saml import names
from saml.algorithms import Canonicalization
from saml.names import tag
from saml.signature import canonical, standalone
from saml.xml_guard import Element

_EXCLUSIVE = Canonicalization(exclusive=True)


def sign_enveloped(node: Element, key: rsa.RSAPrivateKey, certificate_pem: str) -> None:
    """Put a signature over ``node`` (which has an ID) behind its Issuer, where the schema wants it. RSA-SHA256, exc-c14n."""
    digest = hashlib.sha256(canonical(standalone(node), _EXCLUSIVE)).digest()
    signature = etree.Element(tag(names.DS, "Signature"), nsmap={"ds": names.DS})
    signed_info = _child(signature, "SignedInfo")
    _child(signed_info, "CanonicalizationMethod", Algorithm=names.EXC_C14N)
    _child(signed_info, "SignatureMethod", Algorithm=names.RSA_SHA256)
    reference = _child(signed_info, "Reference", URI=f"#{node.get('ID')}")
    transforms = _child(reference, "Transforms")
    _child(transforms, "Transform", Algorithm=names.ENVELOPED)
    _child(transforms, "Transform", Algorithm=names.EXC_C14N)
    _child(reference, "DigestMethod", Algorithm=names.SHA256)
    _child(reference, "DigestValue").text = base64.b64encode(digest).decode()
    value = key.sign(canonical(standalone(signed_info), _EXCLUSIVE), padding.PKCS1v15(), hashes.SHA256())
    _child(signature, "SignatureValue").text = base64.b64encode(value).decode()
    data = _child(_child(signature, "KeyInfo"), "X509Data")
    _child(data, "X509Certificate").text = bare_certificate(certificate_pem)
    has_issuer = len(node) > 0 and node[0].tag == tag(names.SAML, "Issuer")
    node.insert(1 if has_issuer else 0, signature)


def bare_certificate(pem: str) -> str:
    """The base64 text between PEM's first and last line, as ds:X509Certificate holds it."""
    return "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))


def _child(parent: Element, local: str, **attributes: str) -> Element:
    return etree.SubElement(parent, tag(names.DS, local), attributes)
