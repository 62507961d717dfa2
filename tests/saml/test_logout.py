"""Single logout messages: ours read by other software, the IdP's read by us, and what is refused."""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from signxml import XMLVerifier

from idbroker.federation.contract import PostTo, RedirectTo, ReplyRefused, UnverifiedReply
from idbroker.federation.logout import LogoutAnswered, LogoutAsked, LogoutOutcome
from saml import names
from saml.bindings import redirect_query
from saml.checks.logout import MAX_AGE
from saml.encryption import encrypt_element
from saml.keys import load_private_key
from saml.logout_messages import STATUS_PARTIAL, STATUS_RESPONDER, logout_request_id
from saml.names import tag
from saml.schemas import schema_fault
from saml.signing import sign_enveloped
from saml.times import write_time
from tests.support.saml_world import ALICE, HANDLE, NOW, World, key_pair

SLO = "https://idp.acme.example/slo"
PROTOCOL = "saml-schema-protocol-2.0.xsd"
Element = etree._Element
Edit = Callable[[Element], object]


def logged_in(**slo: str | None) -> World:
    world = World()
    world.with_settings(slo={"redirect": SLO, "post": SLO, **slo})
    return world


def slo_url(world: World) -> str:
    return str(world.protocol.describe(world.connection)["sp"]["slo_url"])


def from_idp(world: World, local: str, edit: Edit = lambda root: None) -> Element:
    attributes = {"ID": "_idp-message", "Version": "2.0", "IssueInstant": write_time(NOW), "Destination": slo_url(world)}
    root = etree.Element(tag(names.SAMLP, local), attributes, nsmap={"samlp": names.SAMLP, "saml": names.SAML})
    etree.SubElement(root, tag(names.SAML, "Issuer")).text = world.idp.entity_id
    if local == "LogoutRequest":
        root.set("NotOnOrAfter", write_time(NOW + timedelta(minutes=5)))
        etree.SubElement(root, tag(names.SAML, "NameID"), {"Format": names.FORMAT_PERSISTENT}).text = ALICE.name_id
        etree.SubElement(root, tag(names.SAMLP, "SessionIndex")).text = "_session"
    else:
        root.set("InResponseTo", logout_request_id(HANDLE))
        status = etree.SubElement(root, tag(names.SAMLP, "Status"))
        etree.SubElement(status, tag(names.SAMLP, "StatusCode"), {"Value": names.STATUS_SUCCESS})
    edit(root)
    return root


def by_query(world: World, root: Element, signer: str = "idp") -> UnverifiedReply:
    field = "SAMLRequest" if root.tag.endswith("Request") else "SAMLResponse"
    query = redirect_query(etree.tostring(root), HANDLE, load_private_key(key_pair(signer).private_pem), field)
    return UnverifiedReply("GET", slo_url(world), dict(parse_qsl(query)), query)


def by_form(world: World, root: Element, signer: str | None = "idp") -> UnverifiedReply:
    if signer is not None:
        sign_enveloped(root, load_private_key(key_pair(signer).private_pem), key_pair(signer).certificate_pem)
    field = "SAMLRequest" if root.tag.endswith("Request") else "SAMLResponse"
    encoded = base64.b64encode(etree.tostring(root)).decode()
    return UnverifiedReply("POST", slo_url(world), {field: encoded, "RelayState": HANDLE})


SENT = {"redirect": by_query, "post": by_form}


# --- ours ---


def test_request_by_redirect() -> None:
    world = logged_in()
    identity = world.sign_in()
    handoff = world.protocol.begin_logout(world.connection, identity.upstream, HANDLE)
    assert isinstance(handoff, RedirectTo)
    query = urlsplit(handoff.url).query
    params = dict(parse_qsl(query))
    assert params["RelayState"] == HANDLE
    key = x509.load_pem_x509_certificate(key_pair("sp").certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signed = query.rpartition("&Signature=")[0].encode()
    key.verify(base64.b64decode(params["Signature"]), signed, padding.PKCS1v15(), hashes.SHA256())
    root = etree.fromstring(zlib.decompress(base64.b64decode(params["SAMLRequest"]), -15))
    assert schema_fault(root, PROTOCOL) is None
    assert root.findtext(tag(names.SAML, "NameID")) == ALICE.name_id
    assert root.findtext(tag(names.SAMLP, "SessionIndex")) == identity.upstream["session_index"]
    assert root.get("ID") == logout_request_id(HANDLE)


def test_request_by_post_is_accepted_by_signxml() -> None:
    world = logged_in(redirect=None)
    handoff = world.protocol.begin_logout(world.connection, world.sign_in().upstream, HANDLE)
    assert isinstance(handoff, PostTo)
    root = etree.fromstring(base64.b64decode(handoff.fields["SAMLRequest"]))
    assert schema_fault(root, PROTOCOL) is None
    XMLVerifier().verify(root, x509_cert=key_pair("sp").certificate_pem, id_attribute="ID", expect_references=1)


def test_nothing_is_sent_where_the_idp_has_no_address() -> None:
    world = logged_in(redirect=None, post=None)
    upstream = world.sign_in().upstream
    assert world.protocol.begin_logout(world.connection, upstream, HANDLE) is None
    assert world.protocol.answer_logout(world.connection, asked(), "success") is None


def test_nothing_is_sent_for_a_sign_in_without_a_name() -> None:
    world = logged_in()
    assert world.protocol.begin_logout(world.connection, {"session_index": "_session"}, HANDLE) is None


def asked(**fields: Any) -> LogoutAsked:
    given = {"person": ALICE.name_id, "sessions": (), "replay_key": "_their-request", "replay_until": NOW}
    return LogoutAsked(**{**given, "request_id": "_their-request", "relay_state": "their state", **fields})


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("success", names.STATUS_SUCCESS), ("partial", STATUS_PARTIAL), ("failed", STATUS_RESPONDER)],
)
def test_answer_goes_to_the_response_location(outcome: LogoutOutcome, status: str) -> None:
    world = logged_in(response_redirect="https://idp.acme.example/slo-done?x=1")
    handoff = world.protocol.answer_logout(world.connection, asked(), outcome)
    assert isinstance(handoff, RedirectTo)
    assert handoff.url.startswith("https://idp.acme.example/slo-done?x=1&SAMLResponse=")
    params = dict(parse_qsl(urlsplit(handoff.url).query))
    root = etree.fromstring(zlib.decompress(base64.b64decode(params["SAMLResponse"]), -15))
    assert schema_fault(root, PROTOCOL) is None
    assert root.get("InResponseTo") == "_their-request"
    assert params["RelayState"] == "their state"
    assert status in [code.get("Value") for code in root.iter(tag(names.SAMLP, "StatusCode"))]


# --- the IdP's ---


@pytest.mark.parametrize("binding", SENT)
def test_request_of_the_idp(binding: str) -> None:
    world = logged_in()
    found = world.protocol.read_logout(world.connection, SENT[binding](world, from_idp(world, "LogoutRequest")))
    until = NOW + MAX_AGE + 2 * timedelta(seconds=world.connection.options.clock_skew_seconds)
    named = {"sessions": ("_session",), "replay_key": "_idp-message", "request_id": "_idp-message"}
    assert found == asked(**named, replay_until=until, relay_state=HANDLE)


def _encrypted(root: Element) -> None:
    found = root.find(tag(names.SAML, "NameID"))
    assert found is not None
    root.replace(found, encrypt_element(found, key_pair("sp").certificate_pem, "EncryptedID"))


@pytest.mark.parametrize("binding", SENT)
def test_request_with_an_encrypted_name(binding: str) -> None:
    world = logged_in()
    message = SENT[binding](world, from_idp(world, "LogoutRequest", _encrypted))
    found = world.protocol.read_logout(world.connection, message)
    assert isinstance(found, LogoutAsked)
    assert found.person == ALICE.name_id


@pytest.mark.parametrize("binding", SENT)
def test_answer_of_the_idp(binding: str) -> None:
    world = logged_in()
    answered = world.protocol.read_logout(world.connection, SENT[binding](world, from_idp(world, "LogoutResponse")))
    assert answered == LogoutAnswered(HANDLE, "success", "Success")


def test_partial_answer() -> None:
    def partial(root: Element) -> None:
        code = next(root.iter(tag(names.SAMLP, "StatusCode")))
        etree.SubElement(code, tag(names.SAMLP, "StatusCode"), {"Value": STATUS_PARTIAL})

    world = logged_in()
    answered = world.protocol.read_logout(world.connection, by_form(world, from_idp(world, "LogoutResponse", partial)))
    assert answered == LogoutAnswered(HANDLE, "partial", "PartialLogout")


def _set(name: str, value: str | None) -> Edit:
    return lambda root: root.attrib.pop(name, None) if value is None else root.set(name, value)


def _issuer(root: Element) -> None:
    root[0].text = "https://other.example/idp"


def _no_name(root: Element) -> None:
    root.remove(root[1])


CONTENT: list[tuple[str, str, Edit]] = [
    ("saml_issuer_mismatch", "LogoutRequest", _issuer),
    ("saml_destination_mismatch", "LogoutRequest", _set("Destination", "https://other.example/slo")),
    ("saml_destination_missing", "LogoutRequest", _set("Destination", None)),
    ("saml_expired", "LogoutRequest", _set("NotOnOrAfter", "2026-11-21T08:50:00Z")),
    ("saml_issued_too_long_ago", "LogoutRequest", _set("IssueInstant", "2026-11-21T07:00:00Z")),
    ("saml_issued_too_early", "LogoutRequest", _set("IssueInstant", "2026-11-21T10:00:00Z")),
    ("saml_schema", "LogoutRequest", _no_name),
    ("saml_in_response_to_mismatch", "LogoutResponse", _set("InResponseTo", "_another")),
    ("saml_in_response_to_mismatch", "LogoutResponse", _set("InResponseTo", None)),
    ("saml_not_a_logout", "LogoutResponse", _set("Version", "1.1")),
]


@pytest.mark.parametrize("binding", SENT)
@pytest.mark.parametrize(("code", "local", "edit"), CONTENT)
def test_content_that_is_refused(binding: str, code: str, local: str, edit: Edit) -> None:
    world = logged_in()
    refuse(world, SENT[binding](world, from_idp(world, local, edit)), code)


def refuse(world: World, message: UnverifiedReply, *codes: str) -> None:
    with pytest.raises(ReplyRefused) as refused:
        world.protocol.read_logout(world.connection, message)
    assert refused.value.code in codes


@pytest.mark.parametrize("binding", SENT)
def test_signed_by_a_stranger(binding: str) -> None:
    world = logged_in()
    refuse(world, SENT[binding](world, from_idp(world, "LogoutRequest"), "stranger"), "saml_signature_invalid")


def test_unsigned() -> None:
    world = logged_in()
    refuse(world, by_form(world, from_idp(world, "LogoutRequest"), None), "saml_logout_not_signed")
    query = redirect_query(etree.tostring(from_idp(world, "LogoutRequest")), HANDLE, None)
    refuse(world, UnverifiedReply("GET", slo_url(world), dict(parse_qsl(query)), query), "saml_logout_not_signed")


def test_a_message_that_is_signed_inside_counts_as_unsigned_in_a_query() -> None:
    world = logged_in()
    root = from_idp(world, "LogoutRequest")
    sign_enveloped(root, load_private_key(key_pair("idp").private_pem), key_pair("idp").certificate_pem)
    query = redirect_query(etree.tostring(root), HANDLE, None)
    message = UnverifiedReply("GET", slo_url(world), dict(parse_qsl(query)), query)
    refuse(world, message, "saml_signature_placement")


def test_another_message_under_a_genuine_query_signature() -> None:
    world = logged_in()
    genuine = by_query(world, from_idp(world, "LogoutRequest"))
    other = redirect_query(etree.tostring(from_idp(world, "LogoutRequest", _set("ID", "_evil"))), HANDLE, None)
    params = {**genuine.params, "SAMLRequest": dict(parse_qsl(other))["SAMLRequest"]}
    raw = "&".join(f"{name}={quote_plus(value)}" for name, value in params.items())
    refuse(world, replace(genuine, params=params, raw_query=raw), "saml_signature_invalid")


def test_a_request_signed_as_an_answer() -> None:
    """The field's name is part of what the query's signature covers."""
    world = logged_in()
    genuine = by_query(world, from_idp(world, "LogoutRequest"))
    params = {("SAMLResponse" if name == "SAMLRequest" else name): value for name, value in genuine.params.items()}
    raw = genuine.raw_query.replace("SAMLRequest=", "SAMLResponse=")
    refuse(world, replace(genuine, params=params, raw_query=raw), "saml_not_a_logout")


def test_parameters_that_come_twice() -> None:
    world = logged_in()
    genuine = by_query(world, from_idp(world, "LogoutRequest"))
    doubled = replace(genuine, raw_query=f"{genuine.raw_query}&{genuine.raw_query}")
    refuse(world, doubled, "saml_signature_structure")


def test_other_order_and_escaping_of_the_query() -> None:
    """The signature covers the characters as they came, in the binding's order, wherever they stood."""
    world = logged_in()
    genuine = by_query(world, from_idp(world, "LogoutRequest"))
    turned = "&".join(reversed(genuine.raw_query.split("&")))
    assert world.protocol.read_logout(world.connection, replace(genuine, raw_query=turned))


def test_two_identifiers_alike() -> None:
    world = logged_in()

    def twice(root: Element) -> None:
        root.append(copy.deepcopy(root[0]))
        root[0].set("{http://www.w3.org/XML/1998/namespace}id", "_idp-message")

    refuse(world, by_form(world, from_idp(world, "LogoutRequest", twice)), "saml_duplicate_id", "saml_schema")


def test_delivered_elsewhere() -> None:
    world = logged_in()
    message = by_form(world, from_idp(world, "LogoutRequest"))
    refuse(world, replace(message, address=slo_url(world) + "x"), "saml_wrong_address")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("value", ["", "!!!", base64.b64encode(b"<a/>").decode(), base64.b64encode(b"\xff\x00").decode()])
def test_what_is_no_message(method: str, value: str) -> None:
    world = logged_in()
    message = UnverifiedReply(method, slo_url(world), {"SAMLRequest": value}, f"SAMLRequest={quote_plus(value)}")
    with pytest.raises(ReplyRefused):
        world.protocol.read_logout(world.connection, message)


def test_a_bomb_is_not_inflated() -> None:
    deflate = zlib.compressobj(wbits=-15)
    bomb = base64.b64encode(deflate.compress(b" " * 50_000_000) + deflate.flush()).decode()
    world = logged_in()
    refuse(world, UnverifiedReply("GET", slo_url(world), {"SAMLRequest": bomb}, ""), "saml_too_large")
