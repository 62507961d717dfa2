"""The gate before the parser: what may become a tree at all, and how large.

Everything here works on bytes or text of unknown origin. Nothing that passes can carry a document type, an entity, a
processing instruction or a comment, and nothing costs more than its size: an unauthenticated message is at most
256 KB, 5,000 elements, 5,000 attributes and 64 levels.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from saml.names import tag

Element = etree._Element

MAX_MESSAGE = 256 * 1024
MAX_BASE64 = MAX_MESSAGE * 4 // 3 + 8192  # room for line breaks (RFC 2045 6.8)
MAX_NODES = 5000
MAX_DEPTH = 64
MAX_NAMESPACES = 500  # inclusive c14n sorts the ones in scope by insertion

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(r"encoding\s*=\s*[\"']([^\"']*)[\"']", re.ASCII)
_ID_NAMES = frozenset({"id", "assertionid", "responseid", "requestid"})


class Unfit(ValueError):
    """The bytes may not be parsed, or are no XML. ``reason`` is one of a few words that checks map to their codes."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def strict_base64(text: str) -> bytes:
    """Decode base64 in which nothing but line breaks is tolerated beside the alphabet (RFC 4648 3.5 for the last bits)."""
    try:
        bare = text.replace("\r", "").replace("\n", "").encode("ascii")
        data = binascii.a2b_base64(bare)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Unfit("base64", "the text is not base64") from error
    # Decoding is lenient; that encoding again gives the same text proves that there was nothing to be lenient about.
    if binascii.b2a_base64(data, newline=False) != bare:
        raise Unfit("base64", "the base64 text is not in its one canonical form")
    return data


def loose_base64(text: str | None) -> bytes:
    """The content of an xs:base64Binary element, in which XML Schema allows white space anywhere."""
    try:
        return base64.b64decode("".join((text or "").split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Unfit("base64", "the element does not hold base64") from error


def message_text(data: bytes) -> str:
    """The text of a message, which SAML bindings 3.5.4 has in UTF-8; its XML declaration is taken off."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit("encoding", "the message is not UTF-8") from error
    if "\x00" in text:
        raise Unfit("encoding", "the message is not UTF-8")
    declaration = _DECLARATION.match(text)
    if declaration is None:
        return text
    encoding = _ENCODING.search(declaration[0])
    if encoding is not None and encoding[1].lower() not in ("utf-8", "us-ascii", "ascii"):
        raise Unfit("encoding", f"the message declares the encoding {encoding[1][:40]}")
    return text[declaration.end() :]


def refuse_markup(text: str) -> None:
    """No DOCTYPE, entity, processing instruction, comment or CDATA section: the signed text must have one reading only."""
    if "<?" in text:
        raise Unfit("processing_instruction", "the message holds a processing instruction")
    start = text.find("<!")
    if start < 0:
        return
    if text.startswith("<!--", start):
        raise Unfit("comment", "the message holds a comment")
    if text.startswith("<![CDATA[", start):
        raise Unfit("comment", "the message holds a CDATA section")
    raise Unfit("doctype", "the message holds a document type")


def refuse_bulk(text: str) -> None:
    """Bounds that can be told before parsing: start tags and namespace declarations."""
    if text.count("<") - text.count("</") > MAX_NODES:
        raise Unfit("nodes", f"the message has more than {MAX_NODES} elements")
    if text.count("xmlns") > MAX_NAMESPACES:
        raise Unfit("nodes", f"the message has more than {MAX_NAMESPACES} namespace declarations")


def parse(text: str | bytes) -> Element:
    """A tree from text that passed the gate; the parser itself knows no DTD, entity, network or huge tree either."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, recover=False
    )
    try:
        return etree.fromstring(text.encode() if isinstance(text, str) else text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unfit("syntax", f"the message is not well-formed XML: {str(error)[:200]}") from error


def guarded(text: str) -> Element:
    """The whole gate for a text that was not on the wire by itself: a decrypted assertion."""
    refuse_markup(text)
    refuse_bulk(text)
    root = parse(text)
    survey(root)
    return root


@dataclass(frozen=True, slots=True)
class Survey:
    """One walk over a parsed tree: what the structure checks ask about."""

    by_local_name: dict[str, list[Element]]
    """Of the names in ``_ASKED_FOR``, in document order, whatever the namespace."""
    identifiers: list[str]
    """In every spelling: ID, Id, id, xml:id, wsu:Id … A resolver may know any of them."""

    def named(self, *local_names: str) -> list[Element]:
        return [node for name in local_names for node in self.by_local_name.get(name, ())]


_ASKED_FOR = frozenset({"Response", "Assertion", "EncryptedAssertion", "Signature"})


@lru_cache(maxsize=1024)
def _local(name: str) -> str:
    return name.rpartition("}")[2]


_TOO_DEEP = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")


def survey(root: Element) -> Survey:
    """Walk a parsed tree once. Raises Unfit for its depth, its attributes, and for nodes that are neither element nor text."""
    if _TOO_DEEP(root):
        raise Unfit("depth", f"the message is nested deeper than {MAX_DEPTH}")
    found = Survey({}, [])
    attributes = 0
    for node in root.iter():
        name = node.tag
        if not isinstance(name, str):
            raise Unfit("comment", "the message holds something else than elements and text")
        local = _local(name)
        if local in _ASKED_FOR:
            found.by_local_name.setdefault(local, []).append(node)
        for attribute in node.keys():  # noqa: SIM118 - an element, not a mapping
            attributes += 1
            if _local(attribute).lower() in _ID_NAMES:
                found.identifiers.append(str(node.get(attribute)))
    if attributes > MAX_NODES:
        raise Unfit("nodes", f"the message has more than {MAX_NODES} attributes")
    return found


def local_name(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]


def children(node: Element, namespace: str, local: str) -> list[Element]:
    """Direct children of that name, in document order."""
    return list(node.iterchildren(tag(namespace, local)))


def text_of(node: Element) -> str:
    """All the text of an element. There are no comments left that could split it; element children are not looked into."""
    return (node.text or "").strip() if len(node) == 0 else ""
