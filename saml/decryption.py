"""XML Encryption, as narrow as SAML core 6 allows: one EncryptedData, content inline, key wrapped for us by RSA-OAEP.

Done with ``cryptography`` on values that the gate has read, not on the tree: nothing is replaced in place, and the
plaintext goes through the gate before it becomes a tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from lxml import etree

from saml import names
from saml.algorithms import CBC, DATA_ENCRYPTION, KEY_TRANSPORT, MASK_FUNCTIONS, OAEP_DIGESTS
from saml.names import tag
from saml.xml_guard import Element, Unfit, children, guarded, local_name, loose_base64, message_text

MAX_RECIPIENTS = 3


class BadEncryption(ValueError):
    """An encrypted element that is not of the permitted form. ``algorithm`` tells a bad choice from a bad structure."""

    def __init__(self, message: str, *, algorithm: bool = False) -> None:
        super().__init__(message)
        self.algorithm = algorithm


class CannotDecrypt(ValueError):
    """No wrapped key was for us, or the content is damaged. Which of the two is never said."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    value: bytes
    digest: HashAlgorithm
    mask: HashAlgorithm
    label: bytes | None


@dataclass(frozen=True, slots=True)
class EncryptionFacts:
    """An encrypted element of the permitted form."""

    method: str
    content: bytes
    keys: tuple[WrappedKey, ...]


def read_encryption(holder: Element, *, cbc_allowed: bool) -> EncryptionFacts:
    """The facts of a saml:EncryptedAssertion or EncryptedID. Raises BadEncryption (SAML core 6.1, XML Encryption 1.1 5)."""
    for forbidden in ("CipherReference", "ReferenceList", "EncryptionProperties"):
        if next(holder.iter(tag(names.XENC, forbidden)), None) is not None:
            raise BadEncryption(f"it holds {forbidden}")
    if next(holder.iter(tag(names.DS, "RetrievalMethod")), None) is not None:
        raise BadEncryption("it holds RetrievalMethod")
    if any(local_name(child) not in ("EncryptedData", "EncryptedKey") for child in holder):
        raise BadEncryption("it holds something that is not encrypted")
    data = children(holder, names.XENC, "EncryptedData")
    if len(data) != 1 or data[0].get("Type", names.TYPE_ELEMENT) != names.TYPE_ELEMENT:
        raise BadEncryption("it must hold one encrypted element")
    method = _algorithm(data[0])
    if method not in DATA_ENCRYPTION or (method in CBC and not cbc_allowed):
        raise BadEncryption(f"content encrypted with {method[:120] or 'nothing'}", algorithm=True)
    wrapped = list(holder.iter(tag(names.XENC, "EncryptedKey")))
    if not wrapped or len(wrapped) > MAX_RECIPIENTS:
        raise BadEncryption(f"it has {len(wrapped)} wrapped keys")
    return EncryptionFacts(method, _cipher_value(data[0]), tuple(_wrapped(node) for node in wrapped))


def _wrapped(node: Element) -> WrappedKey:
    transport = _algorithm(node)
    if transport not in KEY_TRANSPORT:
        raise BadEncryption(f"key wrapped with {transport[:120] or 'nothing'}", algorithm=True)
    method = children(node, names.XENC, "EncryptionMethod")[0]
    digest = OAEP_DIGESTS.get(_parameter(method, names.DS, "DigestMethod", names.SHA1))
    mask_default = names.XENC11 + "mgf1sha1"
    # The mask of rsa-oaep-mgf1p is fixed; only the 1.1 form names one (XML Encryption 1.1 5.5.2).
    given = _parameter(method, names.XENC11, "MGF", mask_default) if transport == names.RSA_OAEP else mask_default
    mask = MASK_FUNCTIONS.get(given)
    if digest is None or mask is None:
        raise BadEncryption("unknown parameters of RSA-OAEP", algorithm=True)
    labels = children(method, names.XENC, "OAEPparams")
    label = _decoded(labels[0]) if labels else None
    return WrappedKey(_cipher_value(node), digest, mask, label or None)


def _parameter(method: Element, namespace: str, local: str, default: str) -> str:
    found = children(method, namespace, local)
    return str(found[0].get("Algorithm") or "") if found else default


def _algorithm(node: Element) -> str:
    methods = children(node, names.XENC, "EncryptionMethod")
    return str(methods[0].get("Algorithm") or "") if len(methods) == 1 else ""


def _cipher_value(node: Element) -> bytes:
    data = children(node, names.XENC, "CipherData")
    values = children(data[0], names.XENC, "CipherValue") if len(data) == 1 else []
    if len(values) != 1:
        raise BadEncryption("the encrypted content must be inline")
    return _decoded(values[0])


def _decoded(node: Element) -> bytes:
    try:
        return loose_base64(node.text)
    except Unfit as error:
        raise BadEncryption("the encrypted content is not base64") from error


def decrypt(facts: EncryptionFacts, private_keys: Sequence[rsa.RSAPrivateKey]) -> bytes:
    """The plaintext, with whichever of our keys it was made for. Raises CannotDecrypt."""
    for wrapped in facts.keys:
        for private_key in private_keys:
            key = _unwrap(wrapped, private_key)
            if key is not None and len(key) == DATA_ENCRYPTION[facts.method]:
                return _open_cbc(key, facts.content) if facts.method in CBC else _open_gcm(key, facts.content)
    raise CannotDecrypt("it was not encrypted for this connection's key, or it is damaged")


def _unwrap(wrapped: WrappedKey, private_key: rsa.RSAPrivateKey) -> bytes | None:
    try:
        oaep = padding.OAEP(mgf=padding.MGF1(wrapped.mask), algorithm=wrapped.digest, label=wrapped.label)
        return private_key.decrypt(wrapped.value, oaep)
    except ValueError:
        return None


def _open_gcm(key: bytes, content: bytes) -> bytes:
    """XML Encryption 1.1 5.2.4: 96-bit IV, ciphertext, 128-bit tag."""
    try:
        return AESGCM(key).decrypt(content[:12], content[12:], None)
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt("it was not encrypted for this connection's key, or it is damaged") from error


def _open_cbc(key: bytes, content: bytes) -> bytes:
    """XML Encryption 1.1 5.2.2: 128-bit IV, then blocks whose last byte counts the padding."""
    if len(content) < 32 or len(content) % 16:
        raise CannotDecrypt("it was not encrypted for this connection's key, or it is damaged")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(content[:16])).decryptor()
    padded = decryptor.update(content[16:]) + decryptor.finalize()
    if not 1 <= padded[-1] <= 16:
        raise CannotDecrypt("it was not encrypted for this connection's key, or it is damaged")
    return padded[: -padded[-1]]


def decrypted_element(plaintext: bytes, holder: Element) -> Element:
    """The one element in the plaintext, as a document of its own, behind the whole gate. Raises Unfit.

    Prefixes that the plaintext uses without declaring them mean what they mean around ``holder`` (XML Encryption 4.3.3).
    """
    text = message_text(plaintext)
    frame = etree.Element("frame", nsmap=dict(holder.nsmap))
    frame.text = "\n"
    opening, _, closing = etree.tostring(frame).decode().partition("\n")
    root = guarded(f"{opening}{text}{closing}")
    if len(root) != 1 or (root.text or "").strip() or (root[0].tail or "").strip():
        raise Unfit("syntax", "the decrypted content is not one element")
    return guarded(etree.tostring(root[0], with_tail=False).decode())
