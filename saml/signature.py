"""XML Signature, as narrow as SAML core 5.4 allows: one enveloped signature, one reference to the element around it.

``read_signature`` is the gate: it believes nothing and returns facts. ``verified_bytes`` runs two independent verifiers
over a document that holds the signed element alone: xmlsec, with the connection's parsed key, and our own canonical
bytes, digest and key operation. Both must agree, and what comes back are the canonical bytes themselves, so that whoever
reads on reads exactly what was signed. KeyInfo is cut off before either looks.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import xmlsec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from saml import names
from saml.algorithms import (
    DIGEST_METHODS,
    EXCLUSIVE,
    INCLUSIVE,
    MAX_PREFIXES,
    SIGNATURE_METHODS,
    Canonicalization,
    SignatureMethod,
)
from saml.certificates import Certificate
from saml.names import tag
from saml.xml_guard import Element, Unfit, children, local_name, loose_base64, parse

Reason = Literal["structure", "reference", "algorithm", "sha1"]


class BadSignature(ValueError):
    """A signature that is not of the one permitted form."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A certificate whose key may verify, parsed once for each of the two verifiers."""

    certificate: Certificate
    engine: xmlsec.Key


def trusted_key(certificate: Certificate) -> TrustedKey:
    """The bare public key for xmlsec: no oddity of the certificate around it matters (35 us, so it is kept)."""
    pem = certificate.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return TrustedKey(certificate, xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem))


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """A signature of the permitted form, not yet verified. ``parent`` is the element that it is about."""

    parent: Element
    method: SignatureMethod
    method_uri: str
    signed_info_c14n: Canonicalization
    reference_c14n: Canonicalization
    digest_name: str
    digest: bytes
    value: bytes
    named_certificate: str | None
    """SHA-256 of the certificate in KeyInfo: never trusted, only shown to an admin who wonders which key was used."""


def read_signature(node: Element, *, sha1_allowed: bool) -> SignatureFacts:
    """The facts of a ds:Signature whose parent is the element that it signs. Raises BadSignature (SAML core 5.4.1-5.4.4)."""
    parent = node.getparent()
    if parent is None:
        raise BadSignature("structure", "the signature stands alone")
    signed_info, value, key_info = _parts(node)
    reference = _the_reference(signed_info, str(parent.get("ID") or ""))
    method_node = _only(signed_info, "SignatureMethod")
    method = SIGNATURE_METHODS.get(_algorithm(method_node))
    if method is None or len(method_node):
        raise BadSignature("algorithm", f"signature method {_algorithm(method_node)[:120]}")
    digest_uri = _algorithm(_only(reference, "DigestMethod"))
    if digest_uri not in DIGEST_METHODS:
        raise BadSignature("algorithm", f"digest method {digest_uri[:120]}")
    if (method.sha1 or digest_uri == names.SHA1) and not sha1_allowed:
        raise BadSignature("sha1", "SHA-1")
    try:
        digest, signature_value = loose_base64(_only(reference, "DigestValue").text), loose_base64(value.text)
    except Unfit as error:
        raise BadSignature("structure", "a digest or signature value is not base64") from error
    return SignatureFacts(
        parent=parent,
        method=method,
        method_uri=_algorithm(method_node),
        signed_info_c14n=_canonicalization(_only(signed_info, "CanonicalizationMethod"), EXCLUSIVE | INCLUSIVE),
        reference_c14n=_transforms(reference),
        digest_name=DIGEST_METHODS[digest_uri],
        digest=digest,
        value=signature_value,
        named_certificate=_named_certificate(key_info),
    )


_FORBIDDEN = tuple(tag(names.DS, local) for local in ("RetrievalMethod", "Manifest", "Object", "SPKIData"))


def _parts(node: Element) -> tuple[Element, Element, Element | None]:
    found = [local_name(child) for child in node]
    if found not in (["SignedInfo", "SignatureValue"], ["SignedInfo", "SignatureValue", "KeyInfo"]):
        raise BadSignature("structure", f"the signature holds {', '.join(found)[:120] or 'nothing'}")
    if any(not str(child.tag).startswith(f"{{{names.DS}}}") for child in node):
        raise BadSignature("structure", "the signature has parts of another namespace")
    forbidden = next(node.iter(*_FORBIDDEN), None)
    if forbidden is not None:
        raise BadSignature("structure", f"the signature holds {local_name(forbidden)}")
    return node[0], node[1], node[2] if len(node) > 2 else None


def _the_reference(signed_info: Element, expected_id: str) -> Element:
    found = [local_name(child) for child in signed_info]
    if found.count("Reference") != 1:
        raise BadSignature("reference", f"{found.count('Reference')} references")
    if found != ["CanonicalizationMethod", "SignatureMethod", "Reference"]:
        raise BadSignature("structure", f"SignedInfo holds {', '.join(found)[:120]}")
    reference = _only(signed_info, "Reference")
    uri = reference.get("URI")
    if not expected_id or uri != f"#{expected_id}":
        raise BadSignature("reference", f"the reference points to {'nothing' if uri is None else repr(str(uri)[:120])}")
    inside = [local_name(child) for child in reference]
    if inside not in (["Transforms", "DigestMethod", "DigestValue"], ["DigestMethod", "DigestValue"]):
        raise BadSignature("structure", f"the reference holds {', '.join(inside)[:120]}")
    return reference


def _transforms(reference: Element) -> Canonicalization:
    """Enveloped-signature, then at most one exclusive c14n (SAML core 5.4.4); without it inclusive c14n (XML DSig 4.4.3.2)."""
    holder = children(reference, names.DS, "Transforms")
    steps = list(holder[0]) if holder else []
    if not steps or len(steps) > 2 or any(step.tag != tag(names.DS, "Transform") for step in steps):
        raise BadSignature("algorithm", f"{len(steps)} transforms")
    if _algorithm(steps[0]) != names.ENVELOPED or len(steps[0]):
        raise BadSignature("algorithm", f"transform {_algorithm(steps[0])[:120]}")
    return _canonicalization(steps[1], EXCLUSIVE) if len(steps) == 2 else Canonicalization(exclusive=False)


def _canonicalization(node: Element, allowed: frozenset[str]) -> Canonicalization:
    uri = _algorithm(node)
    if uri not in allowed:
        raise BadSignature("algorithm", f"canonicalization or transform {uri[:120]}")
    if len(node) == 0:
        return Canonicalization(exclusive=uri in EXCLUSIVE)
    prefixes = str(node[0].get("PrefixList") or "").split()
    if uri not in EXCLUSIVE or len(node) > 1 or node[0].tag != tag(names.EC, "InclusiveNamespaces"):
        raise BadSignature("algorithm", f"parameters of {uri[:120]}")
    if len(prefixes) > MAX_PREFIXES:
        raise BadSignature("algorithm", f"{len(prefixes)} inclusive namespaces")
    return Canonicalization(exclusive=True, prefixes=tuple(prefixes))


def _only(node: Element, local: str) -> Element:
    found = children(node, names.DS, local)
    if len(found) != 1:
        raise BadSignature("structure", f"{len(found)} {local}")
    return found[0]


def _algorithm(node: Element) -> str:
    return str(node.get("Algorithm") or "")


def _named_certificate(key_info: Element | None) -> str | None:
    node = None if key_info is None else next(key_info.iter(tag(names.DS, "X509Certificate")), None)
    if node is None:
        return None
    try:
        return hashlib.sha256(loose_base64(node.text)).hexdigest()
    except Unfit:
        return None


def canonical(node: Element, method: Canonicalization) -> bytes:
    """Canonical XML of a document's root (Canonical XML 1.0, Exclusive XML Canonicalization 1.0)."""
    return etree.tostring(
        node,
        method="c14n",
        exclusive=method.exclusive,
        inclusive_ns_prefixes=list(method.prefixes) or None,
        with_comments=False,
    )


def _canonical_part(node: Element, method: Canonicalization) -> bytes:
    """Canonical XML of an element inside a document. What is around it matters to inclusive namespaces only."""
    return canonical(node if method.exclusive and not method.prefixes else standalone(node), method)


def standalone(node: Element) -> Element:
    """A document of its own with ``node`` as root and every namespace in scope declared on it."""
    return parse(etree.tostring(node, with_tail=False))


def verified_bytes(facts: SignatureFacts, keys: Sequence[TrustedKey], alone: Element | None = None) -> bytes | None:
    """The canonical bytes that one of the keys has signed, None when none has.

    ``alone`` is the signed element as root of a document that may be changed here; without it a copy is made.
    """
    if alone is None:
        alone = standalone(facts.parent)
    signature = children(alone, names.DS, "Signature")[0]
    for key_info in children(signature, names.DS, "KeyInfo"):
        signature.remove(key_info)
    signed_info = _canonical_part(signature[0], facts.signed_info_c14n)
    signer = next((one for one in keys if signed_by(facts.method, facts.value, signed_info, one.certificate)), None)
    if signer is None or not _engine_agrees(alone, signature, signer.engine):
        return None
    _cut(signature)
    signed = canonical(alone, facts.reference_c14n)
    if not hmac.compare_digest(hashlib.new(facts.digest_name, signed).digest(), facts.digest):
        return None
    return signed


def signed_by(method: SignatureMethod, value: bytes, content: bytes, certificate: Certificate) -> bool:
    """Whether the certificate's key made that signature over ``content``; a key of another kind did not."""
    key = certificate.key
    try:
        if isinstance(key, rsa.RSAPublicKey) and method.kind == "rsa":
            key.verify(value, content, padding.PKCS1v15(), method.digest)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and method.kind == "ec":
            key.verify(_der(value), content, ec.ECDSA(method.digest))
            return True
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return False


def _der(value: bytes) -> bytes:
    """XML Signature has r and s side by side (RFC 4050 3.3), OpenSSL wants them in ASN.1."""
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _engine_agrees(alone: Element, signature: Element, key: xmlsec.Key) -> bool:
    """The root is the only element that a reference can find, and the key is given, so nothing is looked up anywhere."""
    context = xmlsec.SignatureContext()
    context.key = key
    context.register_id(alone, "ID")
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def _cut(node: Element) -> None:
    """Take an element out and leave the text behind it, which belongs to the signed bytes."""
    parent, before, tail = node.getparent(), node.getprevious(), node.tail or ""
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    node.tail = None
    parent.remove(node)
