"""The demo IdP's half of single logout, free of HTTP: it answers that the person is signed out. It remembers nobody, so that is
always true; whoever asks is answered at the address that was wired, never at one that a request names."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from lxml import etree

from idbroker.federation.contract import RedirectTo
from saml import names
from saml.bindings import by_redirect, redirect_query
from saml.demo_idp import BadRequest, DemoSamlIdp, new_xml_id
from saml.keys import load_private_key
from saml.names import tag
from saml.times import write_time
from saml.xml_guard import Element, Unfit, guarded, loose_base64, text_of

MAX_REQUEST = 64 * 1024


class DemoLogout:
    """``slo_url`` takes both bindings."""

    def __init__(self, idp: DemoSamlIdp, slo_url: str) -> None:
        self._idp = idp
        self._slo_url = slo_url
        self._key = load_private_key(idp.keys.private_pem)
        self._addresses: dict[str, str] = {}

    def trust(self, sp_entity_id: str, slo_url: str) -> None:
        """Answer requests of that service provider, at that address."""
        self._addresses[sp_entity_id] = slo_url

    def metadata(self) -> str:
        """The IdP's metadata with its logout address (SAML metadata 2.4.2 fixes where it stands)."""
        root = etree.fromstring(self._idp.metadata())
        first = next(root.iter(tag(names.MD, "NameIDFormat")))
        for binding in (names.BINDING_REDIRECT, names.BINDING_POST):
            first.addprevious(
                etree.Element(tag(names.MD, "SingleLogoutService"), {"Binding": binding, "Location": self._slo_url})
            )
        etree.indent(root)
        return etree.tostring(root, encoding="unicode")

    def answer(self, params: Mapping[str, str], *, deflated: bool) -> RedirectTo:
        """The signed LogoutResponse to the LogoutRequest in a query (``deflated``) or a form. Raises BadRequest."""
        asked = _read(params, deflated=deflated)
        issuer = asked.find(tag(names.SAML, "Issuer"))
        address = self._addresses.get(text_of(issuer) if issuer is not None else "")
        if address is None:
            raise BadRequest("This demo IdP does not know the service provider that asks.")
        answer = etree.tostring(self._response(str(asked.get("ID")), address))
        query = redirect_query(answer, params.get("RelayState", ""), self._key, "SAMLResponse")
        return by_redirect(address, query)

    def _response(self, in_response_to: str, address: str) -> Element:
        root = self._message("LogoutResponse", address)
        root.set("InResponseTo", in_response_to)
        status = etree.SubElement(root, tag(names.SAMLP, "Status"))
        etree.SubElement(status, tag(names.SAMLP, "StatusCode"), {"Value": names.STATUS_SUCCESS})
        return root

    def _message(self, local: str, address: str) -> Element:
        moment = write_time(self._idp.now())
        attributes = {"ID": new_xml_id(), "Version": "2.0", "IssueInstant": moment, "Destination": address}
        root = etree.Element(tag(names.SAMLP, local), attributes, nsmap={"samlp": names.SAMLP, "saml": names.SAML})
        etree.SubElement(root, tag(names.SAML, "Issuer")).text = self._idp.entity_id
        return root


def _read(params: Mapping[str, str], *, deflated: bool) -> Element:
    try:
        packed = loose_base64(params.get("SAMLRequest"))
        text = zlib.decompressobj(-15).decompress(packed, MAX_REQUEST) if deflated else packed
        root = guarded(text.decode())
    except (Unfit, ValueError, zlib.error) as error:
        raise BadRequest("This is not a SAML logout request.") from error
    if root.tag != tag(names.SAMLP, "LogoutRequest") or not root.get("ID"):
        raise BadRequest("This is not a SAML logout request.")
    return root
