"""The two bindings that carry our messages: HTTP-Redirect with its query signature, HTTP-POST (SAML bindings 3.4, 3.5)."""

from __future__ import annotations

import base64
import zlib
from typing import Literal
from urllib.parse import quote_plus, unquote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from idbroker.federation.contract import PostTo, RedirectTo
from saml import names
from saml.algorithms import SIGNATURE_METHODS
from saml.certificates import Certificate
from saml.signature import signed_by
from saml.xml_guard import MAX_MESSAGE, Element, Unfit, strict_base64

Field = Literal["SAMLRequest", "SAMLResponse"]


def redirect_query(message: bytes, relay_state: str, key: rsa.RSAPrivateKey | None, field: Field = "SAMLRequest") -> str:
    """The query of the redirect binding (SAML bindings 3.4.4.1): the signature covers these very characters, in this order."""
    deflate = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(deflate.compress(message) + deflate.flush())
    query = f"{field}={quote_plus(packed)}"
    if relay_state:
        query += f"&RelayState={quote_plus(relay_state)}"
    if key is None:
        return query
    query = f"{query}&SigAlg={quote_plus(names.RSA_SHA256)}"
    value = key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{query}&Signature={quote_plus(base64.b64encode(value))}"


def by_redirect(address: str, query: str) -> RedirectTo:
    """``address`` may have a query of its own."""
    return RedirectTo(f"{address}{'&' if '?' in address else '?'}{query}")


def by_post(address: str, message: Element, relay_state: str, field: Field) -> PostTo:
    """The form's fields; an empty relay state is left out."""
    fields: dict[str, str] = {field: base64.b64encode(etree.tostring(message)).decode()}
    if relay_state:
        fields["RelayState"] = relay_state
    return PostTo(address, fields)


def inflated(encoded: str) -> bytes:
    """The message of a redirect, never larger than a message may be. Raises Unfit (reason ``base64`` or ``size``)."""
    packed = strict_base64(encoded)
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(packed, MAX_MESSAGE)
    except zlib.error as error:
        raise Unfit("base64", "the message is not deflated") from error
    if inflater.unconsumed_tail:
        raise Unfit("size", f"the message is larger than {MAX_MESSAGE} bytes")
    if not inflater.eof or inflater.unused_data:
        raise Unfit("base64", "the deflated message breaks off, or something follows it")
    return data


def signed_query(raw_query: str, field: Field) -> tuple[bytes, str, bytes] | None:
    """What a query's signature covers (the characters as they came, in the order that the binding fixes), SigAlg, Signature.

    None when it is unsigned. Raises Unfit for a parameter that comes twice or a signature that is no base64.
    """
    found: dict[str, str] = {}
    for part in raw_query.split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) not in (field, "RelayState", "SigAlg", "Signature"):
            continue
        if unquote_plus(name) in found:
            raise Unfit("base64", f"the parameter {name[:40]} comes twice")
        found[unquote_plus(name)] = value
    if "Signature" not in found or "SigAlg" not in found:
        return None
    covered = "&".join(f"{name}={found[name]}" for name in (field, "RelayState", "SigAlg") if name in found)
    signature = strict_base64(unquote_plus(found["Signature"]).replace(" ", "+"))
    return covered.encode(), unquote_plus(found["SigAlg"]), signature


def query_signer(covered: bytes, algorithm: str, signature: bytes, trusted: tuple[Certificate, ...]) -> Certificate | None:
    """The certificate whose key has signed the query, None when none has or the algorithm is not one that we verify."""
    method = SIGNATURE_METHODS.get(algorithm)
    if method is None:
        return None
    return next((one for one in trusted if signed_by(method, signature, covered, one)), None)
