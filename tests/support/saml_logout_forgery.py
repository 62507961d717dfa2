"""Hostile logout messages: each entry takes a world, makes a genuine message and turns it into an attack."""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from idbroker.federation.contract import UnverifiedReply
from saml import names
from saml.demo_idp import DemoPerson, ReadRequest
from saml.encryption import encrypt_element
from saml.keys import load_private_key
from saml.names import tag
from saml.signing import sign_enveloped
from saml.times import write_time
from tests.support.logout_world import ALICE, Element, LogoutWorld
from tests.support.saml_world import key_pair

Attack = Callable[[LogoutWorld], UnverifiedReply]


@dataclass(frozen=True)
class Hostile:
    name: str
    codes: tuple[str, ...]
    make: Attack


HOSTILE: list[Hostile] = []


def hostile(*codes: str) -> Callable[[Attack], Attack]:
    def keep(make: Attack) -> Attack:
        HOSTILE.append(Hostile(make.__name__, codes, make))
        return make

    return keep


def found(root: Element, local: str, namespace: str = names.SAML) -> Element:
    node = root.find(f".//{tag(namespace, local)}")
    assert node is not None
    return node


# Whose signature


@hostile("saml_logout_not_signed")
def unsigned_by_redirect(world: LogoutWorld) -> UnverifiedReply:
    return world.by_query(world.request(world.here), None)


@hostile("saml_logout_not_signed")
def unsigned_by_post(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.here), None)


@hostile("saml_signature_invalid")
def a_strangers_key_by_redirect(world: LogoutWorld) -> UnverifiedReply:
    return world.by_query(world.request(world.here), "stranger")


@hostile("saml_signature_invalid")
def a_strangers_key_by_post(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.here), "stranger")


@hostile("saml_signature_invalid")
def another_connections_key(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.here), world.beside.signer)


@hostile("saml_signature_invalid")
def another_connections_own_message(world: LogoutWorld) -> UnverifiedReply:
    return world.by_query(world.request(world.beside), world.beside.signer)


@hostile("saml_signature_invalid")
def another_tenants_key(world: LogoutWorld) -> UnverifiedReply:
    return world.by_query(world.request(world.here), world.elsewhere.signer)


@hostile("saml_signature_invalid")
def another_tenants_message_for_here(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.elsewhere, destination=world.here.slo_url), world.elsewhere.signer)


@hostile("saml_signature_invalid")
def our_own_key(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.here), "sp")


# Where, when and from whom


@hostile("saml_destination_mismatch")
def meant_for_another_connection(world: LogoutWorld) -> UnverifiedReply:
    return world.by_form(world.request(world.here, destination=world.beside.slo_url), world.here.signer)


@hostile("saml_destination_mismatch")
def meant_for_the_assertion_consumer(world: LogoutWorld) -> UnverifiedReply:
    destination = world.here.slo_url.replace("/slo", "/acs")
    return world.by_query(world.request(world.here, destination=destination), world.here.signer)


@hostile("saml_destination_missing")
def meant_for_nobody(world: LogoutWorld) -> UnverifiedReply:
    root = world.request(world.here, lambda node: node.attrib.pop("Destination"))
    return world.by_query(root, world.here.signer)


@hostile("saml_wrong_address")
def delivered_at_another_address(world: LogoutWorld) -> UnverifiedReply:
    message = world.by_form(world.request(world.here), world.here.signer)
    return replace(message, address=world.beside.slo_url)


@hostile("saml_issuer_mismatch")
def another_issuer(world: LogoutWorld) -> UnverifiedReply:
    def edit(root: Element) -> None:
        root[0].text = world.elsewhere.idp.entity_id

    return world.by_form(world.request(world.here, edit), world.here.signer)


@hostile("saml_expired")
def expired(world: LogoutWorld) -> UnverifiedReply:
    past = write_time(world.clock.now() - timedelta(minutes=2))
    return world.by_query(world.request(world.here, lambda root: root.set("NotOnOrAfter", past)), world.here.signer)


@hostile("saml_issued_too_long_ago", "saml_expired")
def kept_for_an_hour(world: LogoutWorld) -> UnverifiedReply:
    message = world.by_query(world.request(world.here), world.here.signer)
    world.clock.advance(hours=1)
    return message


@hostile("saml_issued_too_early")
def from_the_future(world: LogoutWorld) -> UnverifiedReply:
    future = write_time(world.clock.now() + timedelta(minutes=9))
    return world.by_form(world.request(world.here, lambda root: root.set("IssueInstant", future)), world.here.signer)


# What the signature covers


@hostile("saml_signature_invalid")
def another_name_in_a_signed_message(world: LogoutWorld) -> UnverifiedReply:
    root = world.request(world.here, lambda node: setattr(found(node, "NameID"), "text", "bob-0002"))
    message = world.by_form(root, world.here.signer)
    text = base64.b64decode(message.params["SAMLRequest"]).replace(b"bob-0002", ALICE.encode())
    return world.posted(text)


@hostile("saml_signature_invalid")
def another_message_under_a_genuine_query_signature(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.beside), world.here.signer)
    evil = world.by_query(world.request(world.here), None)
    raw = genuine.raw_query.replace(_part(genuine, "SAMLRequest"), _part(evil, "SAMLRequest"))
    return replace(genuine, params={**genuine.params, "SAMLRequest": evil.params["SAMLRequest"]}, raw_query=raw)


@hostile("saml_signature_invalid")
def another_relay_state_under_a_genuine_query_signature(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.here), world.here.signer)
    raw = genuine.raw_query.replace("RelayState=theirs", "RelayState=mine")
    return replace(genuine, params={**genuine.params, "RelayState": "mine"}, raw_query=raw)


@hostile("saml_logout_not_signed")
def the_algorithm_taken_out(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.here), world.here.signer)
    raw = "&".join(part for part in genuine.raw_query.split("&") if not part.startswith("SigAlg="))
    return replace(genuine, raw_query=raw)


@hostile("saml_signature_invalid")
def an_algorithm_that_is_none(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.here), world.here.signer)
    raw = genuine.raw_query.replace(_part(genuine, "SigAlg"), "SigAlg=none")
    return replace(genuine, raw_query=raw)


@hostile("saml_signature_structure")
def two_messages_in_one_query(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.beside), world.here.signer)
    evil = world.by_query(world.request(world.here), None)
    raw = f"{genuine.raw_query}&{_part(evil, 'SAMLRequest')}"
    return replace(genuine, params={**genuine.params, "SAMLRequest": evil.params["SAMLRequest"]}, raw_query=raw)


@hostile("saml_signature_placement")
def signed_inside_and_sent_by_redirect(world: LogoutWorld) -> UnverifiedReply:
    root = world.request(world.here)
    sign_enveloped(root, load_private_key(key_pair("idp").private_pem), key_pair("idp").certificate_pem)
    return world.by_query(root, None)


@hostile("saml_logout_not_signed")
def signed_by_query_and_sent_by_post(world: LogoutWorld) -> UnverifiedReply:
    genuine = world.by_query(world.request(world.here), world.here.signer)
    data = zlib.decompress(base64.b64decode(genuine.params["SAMLRequest"]), -15)
    posted = world.posted(data)
    return replace(posted, params={**genuine.params, **posted.params}, raw_query=genuine.raw_query)


def _part(message: UnverifiedReply, name: str) -> str:
    return next(part for part in message.raw_query.split("&") if part.startswith(f"{name}="))


# Signature wrapping


def _signed(world: LogoutWorld) -> tuple[Element, Element]:
    """A genuine signed request about nobody who is signed in, and its evil twin about Alice, unsigned."""
    genuine = world.request(world.here, lambda node: setattr(found(node, "NameID"), "text", "nobody"))
    sign_enveloped(genuine, load_private_key(key_pair("idp").private_pem), key_pair("idp").certificate_pem)
    evil = world.request(world.here)
    return genuine, evil


@hostile("saml_logout_not_signed", "saml_signature_placement", "saml_schema")
def wrapped_in_the_extensions(world: LogoutWorld) -> UnverifiedReply:
    genuine, evil = _signed(world)
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(genuine)
    evil.insert(1, extensions)
    return world.by_form(evil, None)


@hostile("saml_signature_reference", "saml_signature_structure", "saml_signature_placement", "saml_schema")
def wrapped_with_its_signature_moved_up(world: LogoutWorld) -> UnverifiedReply:
    genuine, evil = _signed(world)
    evil.insert(1, found(genuine, "Signature", names.DS))
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(genuine)
    evil.insert(2, extensions)
    return world.by_form(evil, None)


@hostile("saml_signature_structure", "saml_schema")
def wrapped_in_an_object_of_the_signature(world: LogoutWorld) -> UnverifiedReply:
    genuine, evil = _signed(world)
    signature = found(genuine, "Signature", names.DS)
    evil.insert(1, signature)
    etree.SubElement(signature, tag(names.DS, "Object")).append(genuine)
    return world.by_form(evil, None)


@hostile("saml_duplicate_id", "saml_schema")
def wrapped_under_the_same_id(world: LogoutWorld) -> UnverifiedReply:
    genuine, evil = _signed(world)
    evil.set("ID", str(genuine.get("ID")))
    evil.insert(1, copy.deepcopy(found(genuine, "Signature", names.DS)))
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(genuine)
    evil.insert(2, extensions)
    return world.by_form(evil, None)


@hostile("saml_signature_placement", "saml_schema")
def two_signatures(world: LogoutWorld) -> UnverifiedReply:
    root = world.request(world.here)
    for signer in ("idp", "stranger"):
        sign_enveloped(root, load_private_key(key_pair(signer).private_pem), key_pair(signer).certificate_pem)
    return world.by_form(root, None)


@hostile("saml_signature_reference", "saml_signature_structure")
def a_signature_lifted_from_an_assertion(world: LogoutWorld) -> UnverifiedReply:
    world.here.idp.trust("sp", "https://sp.example/acs")
    asked = ReadRequest("_r", "sp", None, "")
    response = etree.fromstring(base64.b64decode(world.here.idp.respond(DemoPerson(ALICE), asked)))
    root = world.request(world.here)
    root.insert(1, found(response, "Signature", names.DS))
    return world.by_form(root, None)


# What it is


@hostile("saml_doctype")
def a_doctype(world: LogoutWorld) -> UnverifiedReply:
    message = world.by_form(world.request(world.here), world.here.signer)
    text = base64.b64decode(message.params["SAMLRequest"])
    return world.posted(b'<!DOCTYPE x [<!ENTITY who "alice-0001">]>' + text.replace(ALICE.encode(), b"&who;"))


@hostile("saml_doctype")
def an_entity_bomb(world: LogoutWorld) -> UnverifiedReply:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    text = etree.tostring(world.request(world.here)).replace(ALICE.encode(), b"&e9;")
    return world.posted(f'<!DOCTYPE x [<!ENTITY e0 "x">{levels}]>'.encode() + text)


@hostile("saml_comment")
def a_comment_in_the_name(world: LogoutWorld) -> UnverifiedReply:
    message = world.by_form(world.request(world.here), world.here.signer)
    text = base64.b64decode(message.params["SAMLRequest"])
    return world.posted(text.replace(ALICE.encode(), b"alice-0001<!---->.evil"))


@hostile("saml_too_large")
def a_bomb_that_inflates(world: LogoutWorld) -> UnverifiedReply:
    deflate = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(deflate.compress(b"<a>" + b" " * 100_000_000) + deflate.flush()).decode()
    return UnverifiedReply("GET", world.here.slo_url, {"SAMLRequest": packed}, "SAMLRequest=x&SigAlg=y&Signature=z")


@hostile("saml_not_a_logout")
def an_answer_in_the_field_of_a_request(world: LogoutWorld) -> UnverifiedReply:
    root = world.response(world.here, world.leave(world.beside))
    message = world.by_form(root, world.here.signer)
    world.sign_in(world.beside)
    return replace(message, params={"SAMLRequest": message.params["SAMLResponse"]})


@hostile("saml_logout_missing")
def a_request_and_an_answer_at_once(world: LogoutWorld) -> UnverifiedReply:
    message = world.by_form(world.request(world.here), world.here.signer)
    return replace(message, params={**message.params, "SAMLResponse": message.params["SAMLRequest"]})


@hostile("saml_schema", "saml_subject_missing")
def two_names(world: LogoutWorld) -> UnverifiedReply:
    def edit(root: Element) -> None:
        root.insert(2, copy.deepcopy(found(root, "NameID")))

    return world.by_form(world.request(world.here, edit), world.here.signer)


@hostile("saml_cannot_decrypt")
def a_name_encrypted_for_somebody_else(world: LogoutWorld) -> UnverifiedReply:
    def edit(root: Element) -> None:
        name = found(root, "NameID")
        root.replace(name, encrypt_element(name, key_pair("stranger").certificate_pem, "EncryptedID"))

    return world.by_form(world.request(world.here, edit), world.here.signer)
