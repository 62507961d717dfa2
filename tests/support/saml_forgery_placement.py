"""More hostile messages: wrapping in the schema's open places, keys and signatures from elsewhere, tricks with text."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from lxml import etree

from saml import names
from saml.authn_request import request_id
from saml.demo_idp import Answer
from saml.encryption import encrypt_element
from saml.keys import load_private_key
from saml.names import tag
from saml.signing import bare_certificate, sign_enveloped
from tests.support.saml_forgery import (
    RESPONSE_SIGNED,
    Element,
    assertion_of,
    decode,
    edited,
    encode,
    evil_twin,
    forgery,
    signature_of,
    swapped,
)
from tests.support.saml_world import World, key_pair


def _evil_outside(world: World, hide: Callable[[Element, Element], None]) -> str:
    """An evil assertion where the signed one stood; ``hide(root, genuine)`` keeps the signed one somewhere."""
    root = decode(world.answer())
    genuine = assertion_of(root)
    root.replace(genuine, evil_twin(genuine))
    hide(root, genuine)
    return encode(root)


# --- wrapping: the signed assertion kept in every place where the schema lets anything stand ---


@forgery("saml_assertion_count", "idp_error")
def signed_assertion_in_the_status_detail(world: World) -> str:
    def hide(root: Element, genuine: Element) -> None:
        status = root.find(tag(names.SAMLP, "Status"))
        etree.SubElement(status, tag(names.SAMLP, "StatusDetail")).append(genuine)

    return _evil_outside(world, hide)


@forgery("saml_assertion_count")
def signed_assertion_in_the_confirmation_data(world: World) -> str:
    return _evil_outside(
        world, lambda root, genuine: next(root.iter(tag(names.SAML, "SubjectConfirmationData"))).append(genuine)
    )


@forgery("saml_assertion_count")
def signed_assertion_in_an_attribute_value(world: World) -> str:
    return _evil_outside(world, lambda root, genuine: next(root.iter(tag(names.SAML, "AttributeValue"))).append(genuine))


@forgery("saml_assertion_count")
def signed_assertion_in_the_authn_context_decl(world: World) -> str:
    def hide(root: Element, genuine: Element) -> None:
        context = next(root.iter(tag(names.SAML, "AuthnContext")))
        etree.SubElement(context, tag(names.SAML, "AuthnContextDecl")).append(genuine)

    return _evil_outside(world, hide)


@forgery("saml_assertion_count")
def signed_assertion_in_the_extensions(world: World) -> str:
    def hide(root: Element, genuine: Element) -> None:
        extensions = etree.Element(tag(names.SAMLP, "Extensions"))
        extensions.append(genuine)
        root.insert(1, extensions)

    return _evil_outside(world, hide)


@forgery("saml_assertion_count")
def signed_assertion_under_a_stranger_element(world: World) -> str:
    def hide(root: Element, genuine: Element) -> None:
        etree.SubElement(root, "{urn:evil}Box").append(genuine)

    return _evil_outside(world, hide)


@forgery("saml_assertion_count")
def assertion_of_another_namespace_beside_the_signed(world: World) -> str:
    root = decode(world.answer())
    twin = evil_twin(assertion_of(root))
    twin.tag = tag("urn:oasis:names:tc:SAML:1.0:assertion", "Assertion")
    root.append(twin)
    return encode(root)


@forgery("saml_assertion_count")
def assertion_without_namespace_beside_the_signed(world: World) -> str:
    root = decode(world.answer())
    twin = evil_twin(assertion_of(root))
    twin.tag = "Assertion"
    root.insert(0, twin)
    return encode(root)


@forgery("saml_not_a_response")
def evil_response_around_the_signed_response(world: World) -> str:
    genuine = decode(world.answer(Answer(sign_response=True)))
    evil = evil_twin(genuine)
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(genuine)
    evil.insert(1, extensions)
    return encode(evil)


@forgery("saml_assertion_count")
def evil_assertion_in_a_doubly_signed_answer(world: World) -> str:
    root = decode(world.answer(Answer(sign_response=True)))
    root.insert(2, evil_twin(assertion_of(root)))
    return encode(root)


@forgery("saml_signature_invalid")
def assertion_exchanged_under_the_response_signature(world: World) -> str:
    root = decode(world.answer(Answer(sign_response=True)))
    genuine = assertion_of(root)
    root.replace(genuine, evil_twin(genuine))
    return encode(root)


@forgery("saml_signature_invalid")
def assertion_of_another_answer_under_the_response_signature(world: World) -> str:
    root, other = (decode(world.answer(Answer(sign_response=True))) for _ in range(2))
    root.replace(assertion_of(root), assertion_of(other))
    return encode(root)


@forgery("saml_signature_reference")
def evil_assertion_bears_the_genuine_signature(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil, signature = evil_twin(genuine), signature_of(genuine)
    evil.insert(1, signature)
    root.replace(genuine, evil)
    return encode(root)


@forgery("saml_signature_invalid")
def evil_assertion_bears_the_genuine_signature_and_id(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil, signature = evil_twin(genuine, str(genuine.get("ID"))), signature_of(genuine)
    evil.insert(1, signature)
    root.replace(genuine, evil)
    return encode(root)


@forgery("saml_signature_placement")
def signature_in_the_subject(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    next(genuine.iter(tag(names.SAML, "SubjectConfirmationData"))).append(signature_of(genuine))
    return encode(root)


@forgery("saml_signature_placement")
def second_signature_in_an_attribute_value(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    next(genuine.iter(tag(names.SAML, "AttributeValue"))).append(copy.deepcopy(signature_of(genuine)))
    return encode(root)


@forgery("saml_signature_placement")
def signature_of_another_namespace(world: World) -> str:
    root = decode(world.answer())
    signature_of(assertion_of(root)).tag = tag("urn:evil", "Signature")
    return encode(root)


@forgery("saml_assertion_count")
def two_encrypted_assertions(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    holder = root.find(tag(names.SAML, "EncryptedAssertion"))
    root.append(copy.deepcopy(holder))
    return encode(root)


@forgery("saml_assertion_count")
def encrypted_assertion_in_the_extensions(world: World) -> str:
    root = decode(world.answer())
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(encrypt_element(evil_twin(assertion_of(root)), key_pair("sp").certificate_pem))
    root.insert(1, extensions)
    return encode(root)


@forgery("saml_assertion_count")
def response_behind_the_encryption(world: World) -> str:
    root = decode(world.answer(RESPONSE_SIGNED))
    outer = evil_twin(root, "_outer")
    inner = assertion_of(outer)
    outer.replace(inner, encrypt_element(root, key_pair("sp").certificate_pem))
    return encode(outer)


@forgery("saml_not_signed", "saml_signature_invalid")
def own_assertion_encrypted_for_us_under_an_unsigned_response(world: World) -> str:
    """Anybody can encrypt with our public certificate."""
    root = decode(world.answer())
    genuine = assertion_of(root)
    root.replace(genuine, encrypt_element(evil_twin(genuine), key_pair("sp").certificate_pem))
    return encode(root)


# --- keys: what KeyInfo says never matters ---


def _signed_by_stranger(world: World, edit: Callable[[Element], None]) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    stranger = key_pair("stranger")
    sign_enveloped(assertion_of(root), load_private_key(stranger.private_pem), stranger.certificate_pem)
    edit(next(root.iter(tag(names.DS, "KeyInfo"))))
    return encode(root)


@forgery("saml_signature_invalid")
def stranger_with_a_bare_key_value(world: World) -> str:
    def edit(info: Element) -> None:
        info.clear()
        value = etree.SubElement(etree.SubElement(info, tag(names.DS, "KeyValue")), tag(names.DS, "RSAKeyValue"))
        numbers = load_private_key(key_pair("stranger").private_pem).public_key().public_numbers()
        etree.SubElement(value, tag(names.DS, "Modulus")).text = base64.b64encode(numbers.n.to_bytes(256, "big")).decode()
        etree.SubElement(value, tag(names.DS, "Exponent")).text = "AQAB"

    return _signed_by_stranger(world, edit)


@forgery("saml_signature_invalid")
def stranger_shows_both_certificates(world: World) -> str:
    def edit(info: Element) -> None:
        data = info[0]
        shown = etree.Element(tag(names.DS, "X509Certificate"))
        shown.text = bare_certificate(world.idp.keys.certificate_pem)
        data.insert(0, shown)

    return _signed_by_stranger(world, edit)


@forgery("saml_signature_invalid")
def stranger_with_the_key_name_of_the_idp(world: World) -> str:
    def edit(info: Element) -> None:
        info.clear()
        etree.SubElement(info, tag(names.DS, "KeyName")).text = "idp"

    return _signed_by_stranger(world, edit)


@forgery("saml_signature_invalid")
def stranger_without_key_info(world: World) -> str:
    def edit(info: Element) -> None:
        parent = info.getparent()
        assert parent is not None
        parent.remove(info)

    return _signed_by_stranger(world, edit)


@forgery("saml_signature_structure", "saml_signature_placement")
def key_info_twice(world: World) -> str:
    root = decode(world.answer())
    info = next(root.iter(tag(names.DS, "KeyInfo")))
    info.addnext(copy.deepcopy(info))
    return encode(root)


@forgery("saml_signature_invalid")
def our_own_key_signs(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    ours = key_pair("sp")
    sign_enveloped(assertion_of(root), load_private_key(ours.private_pem), ours.certificate_pem)
    return encode(root)


# --- signatures from elsewhere ---


@forgery("saml_signature_reference")
def signature_lifted_from_another_answer(world: World) -> str:
    root, other = decode(world.answer(Answer(sign_assertion=False))), decode(world.answer())
    assertion_of(root).insert(1, signature_of(assertion_of(other)))
    return encode(root)


@forgery("saml_signature_invalid")
def signature_lifted_from_another_answer_of_that_id(world: World) -> str:
    root, other = decode(world.answer(Answer(sign_assertion=False))), decode(world.answer())
    assertion_of(root).set("ID", str(assertion_of(other).get("ID")))
    assertion_of(root).insert(1, signature_of(assertion_of(other)))
    return encode(root)


@forgery("saml_signature_invalid")
def signature_lifted_from_a_signed_logout_request(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    identifier = str(assertion_of(root).get("ID"))
    logout = etree.Element(tag(names.SAMLP, "LogoutRequest"), {"ID": identifier, "Version": "2.0"})
    sign_enveloped(logout, load_private_key(world.idp.keys.private_pem), world.idp.keys.certificate_pem)
    assertion_of(root).insert(1, signature_of(logout))
    return encode(root)


@forgery("saml_signature_invalid")
def signature_lifted_from_signed_metadata_of_that_id(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    metadata = etree.fromstring(world.idp.metadata().encode())
    metadata.set("ID", str(assertion_of(root).get("ID")))
    sign_enveloped(metadata, load_private_key(world.idp.keys.private_pem), world.idp.keys.certificate_pem)
    assertion_of(root).insert(1, signature_of(metadata))
    return encode(root)


@forgery("saml_not_a_response")
def signed_metadata_instead_of_an_answer(world: World) -> str:
    metadata = etree.fromstring(world.idp.metadata().encode())
    metadata.set("ID", "_metadata")
    sign_enveloped(metadata, load_private_key(world.idp.keys.private_pem), world.idp.keys.certificate_pem)
    return encode(metadata)


@forgery("saml_not_a_response")
def our_own_request_sent_back(world: World) -> str:
    world.with_settings(sso={"redirect": None, "post": world.idp.sso_url})
    handoff = world.protocol.begin(world.connection, world.attempt)
    return str(handoff.fields["SAMLRequest"])  # type: ignore[union-attr]


# --- text ---


@forgery("saml_comment")
def comment_in_the_issuer(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace(world.idp.entity_id, world.idp.entity_id + "<!---->", 1))


@forgery("saml_comment")
def comment_in_an_attribute_value(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("Alice@acme", "Alice<!-- -->@acme"))


@forgery("saml_comment")
def comment_in_the_signature_value(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("SignatureValue>", "SignatureValue><!--x-->", 1))


@forgery("saml_doctype")
def parameter_entity(world: World) -> str:
    doctype = '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://169.254.169.254/x.dtd"> %p;]>'
    return edited(world.answer(), lambda text: doctype + text)


@forgery("saml_doctype")
def external_subset(world: World) -> str:
    return edited(world.answer(), lambda text: '<!DOCTYPE x SYSTEM "http://169.254.169.254/x.dtd">' + text)


@forgery("saml_doctype")
def lower_case_doctype(world: World) -> str:
    return edited(world.answer(), lambda text: '<!doctype x [<!ENTITY a "b">]>' + text)


@forgery("saml_not_xml", "saml_encoding")
def character_reference_to_nothing(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "alice&#0;-0001"))


@forgery("saml_signature_invalid", "saml_subject_invalid")
def right_to_left_override_in_the_name(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "\u202ealice-0001"))


@forgery("saml_processing_instruction")
def style_sheet_instruction(world: World) -> str:
    return edited(world.answer(), lambda text: '<?xml-stylesheet href="file:///etc/passwd"?>' + text)


@forgery("saml_schema", "saml_assertion_count", "saml_signature_invalid")
def x_include(world: World) -> str:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    return edited(world.answer(), lambda text: text.replace(">alice-0001<", f">{include}<"))


@forgery("saml_encoding")
def overlong_utf8(world: World) -> str:
    return encode(base64.b64decode(world.answer()).replace(b"alice-0001", b"alice\xc0\xad0001"))


@forgery("saml_not_xml")
def two_documents(world: World) -> str:
    genuine = base64.b64decode(world.answer())
    return encode(genuine + genuine)


@forgery("saml_not_xml")
def cut_off_in_the_middle(world: World) -> str:
    genuine = base64.b64decode(world.answer())
    return encode(genuine[: len(genuine) // 2])


@forgery("saml_not_base64")
def percent_encoded(world: World) -> str:
    return world.answer().replace("+", "%2B").replace("=", "%3D") + "%3D"


@forgery("saml_not_base64")
def url_safe_base64(world: World) -> str:
    return world.answer()[:-4] + "-_-_"


@forgery("saml_duplicate_id", "saml_signature_invalid")
def empty_identifier(world: World) -> str:
    root = decode(world.answer())
    root[0].set("ID", "")
    return encode(root)


@forgery("saml_duplicate_id")
def assertion_id_of_saml_1_spelling(world: World) -> str:
    root = decode(world.answer())
    root[0].set("AssertionID", str(assertion_of(root).get("ID")))
    return encode(root)


# --- bombs ---


@forgery("saml_too_complex", "saml_signature_algorithm", "saml_schema")
def prefix_list_without_end(world: World) -> str:
    root = decode(world.answer())
    transform = next(root.iter(tag(names.DS, "Transforms")))[1]
    prefixes = " ".join(f"p{number}" for number in range(20_000))
    etree.SubElement(transform, tag(names.EC, "InclusiveNamespaces"), {"PrefixList": prefixes})
    return encode(root)


@forgery("saml_too_large")
def sixteen_megabytes(world: World) -> str:
    del world
    return base64.b64encode(b"<a>" + b" " * 16_000_000 + b"</a>").decode()


@forgery("saml_too_complex")
def five_thousand_groups(world: World) -> str:
    value = "<saml:AttributeValue>g</saml:AttributeValue>"
    return edited(world.answer(), lambda text: text.replace("<saml:AttributeValue", f"{value * 5200}<saml:AttributeValue", 1))


@forgery("saml_encryption_structure")
def a_hundred_wrapped_keys(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    wrapped = next(root.iter(tag(names.XENC, "EncryptedKey")))
    for _ in range(100):
        wrapped.addnext(copy.deepcopy(wrapped))
    return encode(root)


@forgery("saml_signature_invalid")
def a_signature_value_of_a_hundred_kilobytes(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "SignatureValue"))).text = base64.b64encode(b"\x01" * 100_000).decode()
    return encode(root)


# --- the same answer again, in other clothes ---


@forgery("saml_in_response_to_mismatch")
def replayed_into_another_attempt(world: World) -> str:
    encoded = world.answer()
    world.attempt = replace(world.attempt, handle="i" * 43)
    return encoded


@forgery("saml_in_response_to_mismatch", "saml_signature_invalid")
def replayed_with_the_outer_request_exchanged(world: World) -> str:
    """The unsigned wrapper names the new request; the signed assertion still names the old one."""
    root = decode(world.answer())
    world.attempt = replace(world.attempt, handle="i" * 43)
    root.set("InResponseTo", request_id(world.attempt.handle))
    return encode(root)


@forgery("saml_issued_too_long_ago", "saml_expired")
def replayed_the_next_day(world: World) -> str:
    encoded = world.answer()
    world.clock.pass_by(timedelta(days=1))
    return encoded


@forgery("saml_in_response_to_mismatch")
def assertion_of_an_old_answer_in_a_new_response(world: World) -> str:
    old = decode(world.answer())
    world.attempt = replace(world.attempt, handle="i" * 43)
    new = decode(world.answer())
    new.replace(assertion_of(new), assertion_of(old))
    return encode(new)


@forgery("saml_signature_invalid")
def replayed_under_a_new_assertion_id(world: World) -> str:
    """A new id would pass the one-time check, so it must not pass the signature."""
    encoded = world.answer()
    identifier = str(assertion_of(decode(encoded)).get("ID"))
    return swapped(encoded, identifier, identifier[:-1] + ("0" if identifier[-1] != "0" else "1"))
