"""Metadata as bytes: text and encodings, the stream of its entities, and the signature over the whole document."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from lxml import etree

from saml import names
from saml.certificates import Certificate
from saml.names import tag
from saml.signature import BadSignature, read_signature, trusted_key, verified_bytes
from saml.xml_guard import Element, children

MAX_TEXT = 64_000_000
"""Characters. A federation of 5,000 has about 15 million."""

_UTF16 = re.compile(rb"^(\xff\xfe|\xfe\xff)")
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>")


class Unreadable(ValueError):
    """The text is no metadata that a connection can be made of. The message is for the admin."""


def decoded(data: bytes) -> str:
    """The text of a metadata file: UTF-8, or UTF-16 as Windows saves it."""
    if _UTF16.match(data):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise Unreadable("The metadata is not readable text.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("iso-8859-1")


def cleaned(text: str) -> bytes:
    """The text without its XML declaration, whose encoding no longer holds; no document type may follow. Raises Unreadable."""
    bare = text.lstrip("\ufeff")
    declaration = _DECLARATION.match(bare)
    if declaration is not None:
        bare = bare[declaration.end() :]
    if "\x00" in bare:
        raise Unreadable("The metadata is not readable text.")
    if "<!DOCTYPE" in bare or "<!ENTITY" in bare:
        raise Unreadable("The metadata declares a document type or entities, which SAML metadata never needs; it is not read.")
    if not bare.lstrip().startswith("<"):
        raise Unreadable("This is not XML. Export the IdP's metadata file and give its whole content.")
    try:
        return bare.encode()
    except UnicodeEncodeError as error:
        raise Unreadable("The metadata is not readable text.") from error


def entities(data: bytes) -> Iterator[Element]:
    """Every EntityDescriptor, streamed: memory is bounded by the largest one, not by the aggregate. Raises Unreadable."""
    events = etree.iterparse(
        io.BytesIO(data),
        events=("end",),
        tag=tag(names.MD, "EntityDescriptor"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for _, entity in events:
            yield entity
            entity.clear(keep_tail=False)
            _drop_before(entity)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"This is not well-formed XML: {str(error)[:200]}.") from error


def _drop_before(entity: Element) -> None:
    parent = entity.getparent()
    while parent is not None and entity.getprevious() is not None:
        del parent[0]


def signed_part(data: bytes, signer: Certificate) -> bytes:
    """The canonical bytes of a document that ``signer`` has signed as a whole (SAML metadata 3). Raises Unreadable.

    Costs the whole tree in memory, about eight times the text, which is why only who gives a certificate pays it.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"This is not well-formed XML: {str(error)[:200]}.") from error
    found = children(root, names.DS, "Signature")
    if len(found) != 1:
        raise Unreadable("The metadata is not signed as a whole, although a certificate was given that should have signed it.")
    try:
        facts = read_signature(found[0], sha1_allowed=False)
    except BadSignature as error:
        raise Unreadable(f"The metadata's own signature is not of a form that can be believed: {error}.") from error
    signed = verified_bytes(facts, (trusted_key(signer),), alone=root)
    if signed is None:
        raise Unreadable(
            "The metadata is not signed by the given certificate, or it was changed since. Compare the certificate with the "
            "one that the federation or IdP publishes."
        )
    return signed
