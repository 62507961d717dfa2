"""Making LogoutRequest and LogoutResponse (SAML core 3.7, profiles 4.4), always signed: by the query or enveloped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree

from idbroker.federation.contract import Handoff
from idbroker.kernel.secrets import derive
from saml import names
from saml.bindings import Field, by_post, by_redirect, redirect_query
from saml.keys import ConnectionKeys
from saml.names import tag
from saml.settings import SpAddresses
from saml.signing import sign_enveloped
from saml.times import write_time
from saml.xml_guard import Element

LIFETIME = timedelta(minutes=5)

STATUS_PARTIAL = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
STATUS_RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"
STATUS_REQUESTER = "urn:oasis:names:tc:SAML:2.0:status:Requester"

_NAME_ID_ATTRIBUTES = (
    ("name_id_format", "Format"),
    ("name_qualifier", "NameQualifier"),
    ("sp_name_qualifier", "SPNameQualifier"),
)


class NoLogoutAddress(ValueError):
    """The IdP's metadata names no single logout address with a binding that we speak."""


@dataclass(frozen=True, slots=True)
class LogoutSender:
    """Our side of one logout: whose keys and addresses are used, and when it is."""

    keys: ConnectionKeys
    sp: SpAddresses
    now: datetime


def logout_request_id(handle: str) -> str:
    """The ID of the logout request that belongs to a handle; its answer must name it. Never stored, like a sign-in's."""
    return "_" + derive(handle, "saml:logout-request-id")


def logout_request(sender: LogoutSender, upstream: Mapping[str, str], handle: str) -> Handoff:
    """Ask the IdP to end its session. ``upstream`` is what the sign-in kept: ``name_id``, its qualifiers, ``session_index``.

    ``handle`` travels as RelayState. Raises NoLogoutAddress, and KeyError when the sign-in had no NameID.
    """
    idp = sender.keys.settings.idp
    destination = idp.slo_redirect or idp.slo_post
    root = _message(sender, "LogoutRequest", logout_request_id(handle), destination)
    root.set("NotOnOrAfter", write_time(sender.now + LIFETIME))
    qualifiers = {attribute: upstream[key] for key, attribute in _NAME_ID_ATTRIBUTES if upstream.get(key)}
    etree.SubElement(root, tag(names.SAML, "NameID"), qualifiers).text = upstream["name_id"]
    if upstream.get("session_index"):
        etree.SubElement(root, tag(names.SAMLP, "SessionIndex")).text = upstream["session_index"]
    return _sent(sender, root, handle, "SAMLRequest", (idp.slo_redirect, idp.slo_post))


def logout_response(
    sender: LogoutSender, in_response_to: str, relay_state: str, response_id: str, status: str = names.STATUS_SUCCESS
) -> Handoff:
    """Answer the IdP's request. ``status`` is Success, STATUS_RESPONDER, or Success with STATUS_PARTIAL inside for that one.

    Goes to the ResponseLocation where the IdP has one. Raises NoLogoutAddress.
    """
    idp = sender.keys.settings.idp
    redirect, post = idp.slo_response_redirect or idp.slo_redirect, idp.slo_response_post or idp.slo_post
    root = _message(sender, "LogoutResponse", response_id, redirect or post)
    root.set("InResponseTo", in_response_to)
    holder = etree.SubElement(root, tag(names.SAMLP, "Status"))
    partial = status == STATUS_PARTIAL
    code = etree.SubElement(holder, tag(names.SAMLP, "StatusCode"), {"Value": names.STATUS_SUCCESS if partial else status})
    if partial:
        # SAML core 3.2.2.2: a second-level code stands inside a top-level one.
        etree.SubElement(code, tag(names.SAMLP, "StatusCode"), {"Value": STATUS_PARTIAL})
    return _sent(sender, root, relay_state, "SAMLResponse", (redirect, post))


def _message(sender: LogoutSender, local: str, identifier: str, destination: str | None) -> Element:
    if destination is None:
        raise NoLogoutAddress("the IdP's metadata names no single logout address")
    attributes = {"ID": identifier, "Version": "2.0", "IssueInstant": write_time(sender.now), "Destination": destination}
    root = etree.Element(tag(names.SAMLP, local), attributes, nsmap={"samlp": names.SAMLP, "saml": names.SAML})
    etree.SubElement(root, tag(names.SAML, "Issuer")).text = sender.sp.entity_id
    return root


def _sent(
    sender: LogoutSender, root: Element, relay_state: str, field: Field, addresses: tuple[str | None, str | None]
) -> Handoff:
    """By redirect where the IdP has an address for it, else by POST."""
    redirect, post = addresses
    if redirect is not None:
        return by_redirect(redirect, redirect_query(etree.tostring(root), relay_state, sender.keys.private_key, field))
    sign_enveloped(root, sender.keys.private_key, sender.keys.settings.sp_certificate)
    return by_post(post or "", root, relay_state, field)
