"""Hostile SAML messages: each entry takes a world, makes a genuine answer and turns it into an attack."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from saml import names
from saml.demo_idp import Answer, DemoPerson
from saml.encryption import encrypt_element
from saml.keys import load_private_key
from saml.names import tag
from saml.signing import sign_enveloped
from tests.support.saml_world import ALICE, World, key_pair

Element = etree._Element
Attack = Callable[[World], str]

MALLORY = "mallory-6666"
RESPONSE_SIGNED = Answer(sign_assertion=False, sign_response=True)


@dataclass(frozen=True)
class Forgery:
    """``codes``: the refusal must be one of these."""

    name: str
    codes: tuple[str, ...]
    make: Attack


FORGERIES: list[Forgery] = []


def forgery(*codes: str) -> Callable[[Attack], Attack]:
    def keep(make: Attack) -> Attack:
        FORGERIES.append(Forgery(make.__name__, codes, make))
        return make

    return keep


def decode(encoded: str) -> Element:
    return etree.fromstring(base64.b64decode(encoded))


def encode(root: Element | bytes | str) -> str:
    data = root if isinstance(root, bytes) else root.encode() if isinstance(root, str) else etree.tostring(root)
    return base64.b64encode(data).decode()


def edited(encoded: str, edit: Callable[[str], str]) -> str:
    return encode(edit(base64.b64decode(encoded).decode()))


def swapped(encoded: str, old: str, new: str) -> str:
    text = base64.b64decode(encoded).decode()
    assert old in text, old
    return encode(text.replace(old, new))


def assertion_of(root: Element) -> Element:
    found = root.find(tag(names.SAML, "Assertion"))
    assert found is not None
    return found


def signature_of(node: Element) -> Element:
    found = node.find(tag(names.DS, "Signature"))
    assert found is not None
    return found


def evil_twin(node: Element, identifier: str = "_evil") -> Element:
    """A copy without signatures, under another id, that says Mallory."""
    twin = copy.deepcopy(node)
    for signature in list(twin.iter(tag(names.DS, "Signature"))):
        signature.getparent().remove(signature)
    twin.set("ID", identifier)
    if twin.tag == tag(names.SAMLP, "Response"):
        assertion_of(twin).set("ID", identifier + "-assertion")
    for name_id in twin.iter(tag(names.SAML, "NameID")):
        name_id.text = MALLORY
    return twin


# --- signature wrapping: the signed part is kept somewhere, another part is offered for reading ---


@forgery("saml_not_a_response", "saml_assertion_count")
def xsw1_response_inside_the_signature(world: World) -> str:
    genuine = decode(world.answer(RESPONSE_SIGNED))
    evil, signature = evil_twin(genuine), copy.deepcopy(signature_of(genuine))
    genuine.remove(signature_of(genuine))
    signature.append(genuine)
    evil.insert(1, signature)
    return encode(evil)


@forgery("saml_not_a_response", "saml_assertion_count")
def xsw2_response_before_the_signature(world: World) -> str:
    genuine = decode(world.answer(RESPONSE_SIGNED))
    evil, signature = evil_twin(genuine), copy.deepcopy(signature_of(genuine))
    genuine.remove(signature_of(genuine))
    evil.insert(1, genuine)
    evil.insert(2, signature)
    return encode(evil)


@forgery("saml_assertion_count")
def xsw3_evil_assertion_before_the_signed(world: World) -> str:
    root = decode(world.answer())
    root.insert(2, evil_twin(assertion_of(root)))
    return encode(root)


@forgery("saml_assertion_count")
def xsw4_signed_assertion_inside_the_evil(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil = evil_twin(genuine)
    root.replace(genuine, evil)
    evil.append(genuine)
    return encode(root)


@forgery("saml_assertion_count")
def xsw5_signature_moved_into_the_evil(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil, signature = evil_twin(genuine), signature_of(genuine)
    genuine.remove(signature)
    evil.insert(1, signature)
    root.insert(2, evil)
    return encode(root)


@forgery("saml_assertion_count")
def xsw6_signed_assertion_inside_the_moved_signature(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil, signature = evil_twin(genuine), signature_of(genuine)
    genuine.remove(signature)
    root.replace(genuine, evil)
    evil.insert(1, signature)
    signature.append(genuine)
    return encode(root)


@forgery("saml_assertion_count")
def xsw7_evil_assertion_in_extensions(world: World) -> str:
    root = decode(world.answer())
    extensions = etree.Element(tag(names.SAMLP, "Extensions"))
    extensions.append(evil_twin(assertion_of(root), assertion_of(root).get("ID") or ""))
    extensions[0].set("ID", "_evil")
    root.insert(1, extensions)
    return encode(root)


@forgery("saml_assertion_count")
def xsw8_signed_assertion_in_an_object(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil, signature = evil_twin(genuine), signature_of(genuine)
    genuine.remove(signature)
    root.replace(genuine, evil)
    evil.insert(1, signature)
    etree.SubElement(signature, tag(names.DS, "Object")).append(genuine)
    return encode(root)


@forgery("saml_assertion_count")
def assertion_in_the_advice_of_another(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    evil = evil_twin(genuine)
    root.replace(genuine, evil)
    etree.SubElement(evil, tag(names.SAML, "Advice")).append(genuine)
    return encode(root)


@forgery("saml_assertion_count")
def encrypted_and_plain_assertion_together(world: World) -> str:
    root = decode(world.answer())
    root.append(encrypt_element(evil_twin(assertion_of(root)), key_pair("sp").certificate_pem))
    return encode(root)


@forgery("saml_duplicate_id")
def evil_assertion_under_the_same_id(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    root.insert(2, evil_twin(genuine, genuine.get("ID") or ""))
    return encode(root)


def _duplicate(world: World, attribute: str) -> str:
    root = decode(world.answer())
    identifier = assertion_of(root).get("ID") or ""
    issuer = root[0]
    issuer.set(attribute, identifier)
    return encode(root)


@forgery("saml_duplicate_id")
def duplicate_id_as_xml_id(world: World) -> str:
    return _duplicate(world, "{http://www.w3.org/XML/1998/namespace}id")


@forgery("saml_duplicate_id")
def duplicate_id_as_wsu_id(world: World) -> str:
    wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
    return _duplicate(world, tag(wsu, "Id"))


@forgery("saml_duplicate_id")
def duplicate_id_in_lower_case(world: World) -> str:
    return _duplicate(world, "id")


@forgery("saml_signature_placement")
def signature_beside_its_assertion(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    signature = signature_of(genuine)
    genuine.remove(signature)
    status = root.find(tag(names.SAMLP, "Status"))
    status.append(signature)
    return encode(root)


@forgery("saml_signature_reference")
def assertion_signature_offered_as_the_responses(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    root.insert(1, copy.deepcopy(signature_of(genuine)))
    return encode(root)


@forgery("saml_signature_placement")
def two_signatures_in_one_assertion(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    genuine.insert(1, copy.deepcopy(signature_of(genuine)))
    return encode(root)


# --- changed content ---


@forgery("saml_signature_invalid")
def name_changed_in_a_signed_assertion(world: World) -> str:
    return swapped(world.answer(), ALICE.name_id, MALLORY)


@forgery("saml_signature_invalid")
def name_changed_in_a_signed_response(world: World) -> str:
    return swapped(world.answer(RESPONSE_SIGNED), ALICE.name_id, MALLORY)


@forgery("saml_signature_invalid")
def assertion_changed_under_both_signatures_and_response_signed_anew(world: World) -> str:
    """Inner signature broken, outer one by a stranger."""
    root = decode(swapped(world.answer(), ALICE.name_id, MALLORY))
    sign_enveloped(root, load_private_key(key_pair("stranger").private_pem), key_pair("stranger").certificate_pem)
    return encode(root)


@forgery("saml_signature_invalid")
def one_bit_of_the_signature_value(world: World) -> str:
    root = decode(world.answer())
    value = next(root.iter(tag(names.DS, "SignatureValue")))
    data = bytearray(base64.b64decode(value.text or ""))
    data[0] ^= 1
    value.text = base64.b64encode(bytes(data)).decode()
    return encode(root)


@forgery("saml_signature_invalid")
def digest_recomputed_without_the_key(world: World) -> str:
    root = decode(world.answer())
    value = next(root.iter(tag(names.DS, "DigestValue")))
    value.text = base64.b64encode(b"\0" * 32).decode()
    return encode(root)


@forgery("saml_signature_invalid")
def signed_by_a_stranger_whose_certificate_is_inside(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False, status=names.STATUS_SUCCESS)))
    stranger = key_pair("stranger")
    sign_enveloped(assertion_of(root), load_private_key(stranger.private_pem), stranger.certificate_pem)
    return encode(root)


@forgery("saml_signature_invalid")
def signed_by_a_stranger_who_shows_the_genuine_certificate(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    stranger = load_private_key(key_pair("stranger").private_pem)
    sign_enveloped(assertion_of(root), stranger, world.idp.keys.certificate_pem)
    return encode(root)


@forgery("saml_not_signed")
def signature_removed(world: World) -> str:
    root = decode(world.answer())
    assertion_of(root).remove(signature_of(assertion_of(root)))
    return encode(root)


@forgery("saml_not_signed")
def encrypted_but_never_signed(world: World) -> str:
    return world.answer(Answer(sign_assertion=False, encrypt_for=key_pair("sp").certificate_pem))


# --- text tricks ---


@forgery("saml_comment")
def comment_inside_the_name_id(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "alice<!-- -->-0001"))


@forgery("saml_comment")
def comment_that_truncates_a_signed_email(world: World) -> str:
    person = DemoPerson("alice@acme.example.evil.example", ALICE.attributes)
    answer = world.answer(Answer(name_id_format=names.FORMAT_EMAIL), person)
    return edited(answer, lambda text: text.replace("acme.example.evil.example", "acme.example<!---->.evil.example"))


@forgery("saml_comment")
def cdata_in_the_name_id(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "<![CDATA[alice-0001]]>"))


@forgery("saml_processing_instruction")
def processing_instruction_in_the_name_id(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "alice<?x y?>-0001"))


@forgery("saml_doctype")
def external_entity(world: World) -> str:
    doctype = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return edited(world.answer(), lambda text: doctype + text.replace("alice-0001", "&f;"))


@forgery("saml_doctype")
def entity_bomb(world: World) -> str:
    lines = ['<!ENTITY a0 "ha">'] + [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)]
    return edited(world.answer(), lambda text: f"<!DOCTYPE x [{''.join(lines)}]>" + text.replace("alice-0001", "&a11;"))


@forgery("saml_doctype")
def doctype_that_makes_another_attribute_an_id(world: World) -> str:
    return edited(world.answer(), lambda text: "<!DOCTYPE x [<!ATTLIST x Name ID #IMPLIED>]>" + text)


@forgery("saml_not_xml")
def undeclared_entity(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "&alice;"))


@forgery("saml_encoding")
def utf16(world: World) -> str:
    return encode(base64.b64decode(world.answer()).decode().encode("utf-16"))


@forgery("saml_encoding")
def utf7_declared(world: World) -> str:
    return edited(world.answer(), lambda text: '<?xml version="1.0" encoding="utf-7"?>' + text)


@forgery("saml_not_base64")
def base64_with_strangers_in_it(world: World) -> str:
    encoded = world.answer()
    return encoded[:40] + "*" + encoded[40:]


@forgery("saml_not_base64")
def base64_with_loose_last_bits(world: World) -> str:
    del world
    return "PHgvPh=="


# --- size and shape ---


@forgery("saml_too_large")
def larger_than_a_message_may_be(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "a" * 300_000))


@forgery("saml_too_complex")
def nested_deeper_than_a_message_may_be(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "<a>" * 100 + "</a>" * 100))


@forgery("saml_too_complex")
def more_elements_than_a_message_may_have(world: World) -> str:
    return edited(world.answer(), lambda text: text.replace("alice-0001", "<a/>" * 6000))


@forgery("saml_too_complex")
def more_attributes_than_a_message_may_have(world: World) -> str:
    many = " ".join(f'a{number}="x"' for number in range(6000))
    return edited(world.answer(), lambda text: text.replace("<saml:NameID ", f"<saml:NameID {many} "))


@forgery("saml_too_complex")
def more_namespaces_than_a_message_may_have(world: World) -> str:
    many = " ".join(f'xmlns:n{number}="x{number}"' for number in range(2000))
    return edited(world.answer(), lambda text: text.replace("<saml:NameID ", f"<saml:NameID {many} "))


# --- what the signature says about itself ---


def _in_signature(world: World, old: str, new: str) -> str:
    return swapped(world.answer(), old, new)


@forgery("saml_signature_algorithm")
def hmac_with_the_public_key(world: World) -> str:
    return _in_signature(world, names.RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#hmac-sha256")


@forgery("saml_signature_algorithm")
def rsa_md5(world: World) -> str:
    return _in_signature(world, names.RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5")


@forgery("saml_sha1")
def rsa_sha1(world: World) -> str:
    return _in_signature(world, names.RSA_SHA256, names.RSA_SHA1)


@forgery("saml_sha1")
def sha1_digest(world: World) -> str:
    return _in_signature(world, f'DigestMethod Algorithm="{names.SHA256}"', f'DigestMethod Algorithm="{names.SHA1}"')


@forgery("saml_signature_invalid")
def ecdsa_claimed_for_an_rsa_key(world: World) -> str:
    return _in_signature(world, names.RSA_SHA256, names.ECDSA_SHA256)


@forgery("saml_signature_algorithm")
def md5_digest(world: World) -> str:
    md5 = 'DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#md5"'
    return _in_signature(world, f'DigestMethod Algorithm="{names.SHA256}"', md5)


@forgery("saml_signature_algorithm")
def xslt_transform(world: World) -> str:
    root = decode(world.answer())
    transforms = next(root.iter(tag(names.DS, "Transforms")))
    transforms[1].set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
    sheet = '<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"><x:template match="/"/></x:stylesheet>'
    transforms[1].append(etree.fromstring(sheet))
    return encode(root)


@forgery("saml_signature_algorithm")
def xpath_transform(world: World) -> str:
    root = decode(world.answer())
    transforms = next(root.iter(tag(names.DS, "Transforms")))
    transforms[1].set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
    etree.SubElement(transforms[1], tag(names.DS, "XPath")).text = "ancestor-or-self::nothing"
    return encode(root)


@forgery("saml_signature_algorithm")
def third_transform(world: World) -> str:
    root = decode(world.answer())
    transforms = next(root.iter(tag(names.DS, "Transforms")))
    transforms.append(copy.deepcopy(transforms[1]))
    return encode(root)


@forgery("saml_signature_algorithm")
def no_enveloped_transform(world: World) -> str:
    root = decode(world.answer())
    transforms = next(root.iter(tag(names.DS, "Transforms")))
    transforms.remove(transforms[0])
    return encode(root)


@forgery("saml_signature_algorithm")
def hmac_output_length(world: World) -> str:
    root = decode(world.answer())
    method = next(root.iter(tag(names.DS, "SignatureMethod")))
    etree.SubElement(method, tag(names.DS, "HMACOutputLength")).text = "1"
    return encode(root)


def _reference(world: World, uri: str | None) -> str:
    root = decode(world.answer())
    reference = next(root.iter(tag(names.DS, "Reference")))
    if uri is None:
        del reference.attrib["URI"]
    else:
        reference.set("URI", uri)
    return encode(root)


@forgery("saml_signature_reference")
def reference_without_uri(world: World) -> str:
    return _reference(world, None)


@forgery("saml_signature_reference")
def reference_to_the_whole_document(world: World) -> str:
    return _reference(world, "")


@forgery("saml_signature_reference")
def reference_to_a_file(world: World) -> str:
    return _reference(world, "file:///etc/passwd")


@forgery("saml_signature_reference")
def reference_to_the_network(world: World) -> str:
    return _reference(world, "http://169.254.169.254/latest/meta-data")


@forgery("saml_signature_reference")
def reference_by_xpointer(world: World) -> str:
    root = decode(world.answer())
    return _reference(world, f"#xpointer(id('{assertion_of(root).get('ID')}'))")


@forgery("saml_signature_reference")
def two_references(world: World) -> str:
    root = decode(world.answer())
    reference = next(root.iter(tag(names.DS, "Reference")))
    reference.addnext(copy.deepcopy(reference))
    return encode(root)


@forgery("saml_signature_reference")
def no_reference(world: World) -> str:
    root = decode(world.answer())
    reference = next(root.iter(tag(names.DS, "Reference")))
    reference.getparent().remove(reference)
    return encode(root)


@forgery("saml_signature_structure")
def retrieval_method(world: World) -> str:
    root = decode(world.answer())
    info = next(root.iter(tag(names.DS, "KeyInfo")))
    etree.SubElement(info, tag(names.DS, "RetrievalMethod"), {"URI": "file:///dev/zero"})
    return encode(root)


@forgery("saml_signature_structure")
def manifest_in_an_object(world: World) -> str:
    root = decode(world.answer())
    holder = etree.SubElement(signature_of(assertion_of(root)), tag(names.DS, "Object"))
    etree.SubElement(holder, tag(names.DS, "Manifest"))
    return encode(root)


@forgery("saml_signature_structure")
def two_signed_infos(world: World) -> str:
    root = decode(world.answer())
    signed_info = next(root.iter(tag(names.DS, "SignedInfo")))
    signed_info.addnext(copy.deepcopy(signed_info))
    return encode(root)


# --- encryption ---


def _encrypted(world: World, edit: Callable[[Element], None]) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    edit(root)
    return encode(root)


@forgery("saml_encryption_algorithm")
def rsa15_key_transport(world: World) -> str:
    return _encrypted(
        world,
        lambda root: next(root.iter(tag(names.XENC, "EncryptedKey")))[0].set("Algorithm", names.XENC + "rsa-1_5"),
    )


@forgery("saml_encryption_algorithm")
def cbc_without_the_option(world: World) -> str:
    return _encrypted(
        world, lambda root: next(root.iter(tag(names.XENC, "EncryptedData")))[0].set("Algorithm", names.AES256_CBC)
    )


@forgery("saml_encryption_structure")
def cipher_reference(world: World) -> str:
    def edit(root: Element) -> None:
        value = next(root.iter(tag(names.XENC, "CipherValue")))
        etree.SubElement(value.getparent(), tag(names.XENC, "CipherReference"), {"URI": "file:///etc/passwd"})

    return _encrypted(world, edit)


@forgery("saml_cannot_decrypt")
def encrypted_for_someone_else(world: World) -> str:
    return world.answer(Answer(encrypt_for=key_pair("stranger").certificate_pem))


@forgery("saml_cannot_decrypt")
def ciphertext_changed(world: World) -> str:
    def edit(root: Element) -> None:
        value = list(root.iter(tag(names.XENC, "CipherValue")))[-1]
        data = bytearray(base64.b64decode(value.text or ""))
        data[-1] ^= 1
        value.text = base64.b64encode(bytes(data)).decode()

    return _encrypted(world, edit)


def _hidden(world: World, edit: Callable[[Element], Element]) -> str:
    """Edit the assertion, then encrypt it: what the gate must find behind the encryption."""
    root = decode(world.answer())
    genuine = assertion_of(root)
    root.replace(genuine, encrypt_element(edit(genuine), key_pair("sp").certificate_pem))
    return encode(root)


@forgery("saml_assertion_count")
def wrapping_behind_the_encryption(world: World) -> str:
    def wrap(genuine: Element) -> Element:
        evil = evil_twin(genuine)
        evil.append(copy.deepcopy(genuine))
        return evil

    return _hidden(world, wrap)


@forgery("saml_signature_invalid")
def change_behind_the_encryption(world: World) -> str:
    def change(genuine: Element) -> Element:
        next(genuine.iter(tag(names.SAML, "NameID"))).text = MALLORY
        return genuine

    return _hidden(world, change)


@forgery("saml_comment")
def comment_behind_the_encryption(world: World) -> str:
    def comment(genuine: Element) -> Element:
        next(genuine.iter(tag(names.SAML, "NameID"))).append(etree.Comment("x"))
        return genuine

    return _hidden(world, comment)


@forgery("saml_duplicate_id")
def same_id_inside_and_outside_the_encryption(world: World) -> str:
    root = decode(world.answer())
    genuine = assertion_of(root)
    identifier = genuine.get("ID") or ""
    root.replace(genuine, encrypt_element(genuine, key_pair("sp").certificate_pem))
    root.set("ID", identifier)
    return encode(root)


# --- for someone else, from someone else, at another time: signed by the right key, and still not for us now ---


def _edit(path: str, **attributes: str | None) -> Callable[[Element], None]:
    def edit(node: Element) -> None:
        for found in node.iter(tag(names.SAML, path)):
            for name, value in attributes.items():
                if value is None:
                    found.attrib.pop(name, None)
                else:
                    found.set(name, value)

    return edit


@forgery("saml_audience_mismatch")
def wrong_audience(world: World) -> str:
    return world.answer(Answer(audiences=("https://other.example/metadata",)))


@forgery("saml_audience_mismatch")
def audience_with_our_name_as_prefix(world: World) -> str:
    return world.answer(Answer(audiences=(world.entity_id + "/",)))


@forgery("saml_audience_mismatch")
def second_restriction_for_another(world: World) -> str:
    def edit(assertion: Element) -> None:
        conditions = next(assertion.iter(tag(names.SAML, "Conditions")))
        other = etree.SubElement(conditions, tag(names.SAML, "AudienceRestriction"))
        etree.SubElement(other, tag(names.SAML, "Audience")).text = "https://other.example/metadata"

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_audience_missing")
def no_audience_restriction(world: World) -> str:
    def edit(assertion: Element) -> None:
        restriction = next(assertion.iter(tag(names.SAML, "AudienceRestriction")))
        restriction.getparent().remove(restriction)

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_recipient_mismatch")
def wrong_recipient(world: World) -> str:
    return world.answer(Answer(recipient="https://other.example/acs"))


@forgery("saml_recipient_mismatch")
def no_recipient(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", Recipient=None)))


@forgery("saml_destination_mismatch")
def wrong_destination(world: World) -> str:
    return world.answer(Answer(destination="https://other.example/acs"))


@forgery("saml_destination_mismatch")
def destination_with_ours_as_prefix(world: World) -> str:
    return world.answer(Answer(destination=world.acs_url + ".evil.example"))


@forgery("saml_destination_missing")
def signed_response_without_destination(world: World) -> str:
    return world.answer(replace(RESPONSE_SIGNED, edit_response=lambda node: node.attrib.pop("Destination")))


@forgery("saml_issuer_mismatch")
def wrong_issuer(world: World) -> str:
    return world.answer(Answer(issuer="https://other.example/idp"))


@forgery("saml_issuer_mismatch")
def wrong_issuer_of_the_assertion_alone(world: World) -> str:
    def edit(assertion: Element) -> None:
        assertion[0].text = "https://other.example/idp"

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_in_response_to_mismatch")
def answer_to_another_request(world: World) -> str:
    return world.answer(Answer(in_response_to="_another"))


@forgery("saml_in_response_to_mismatch")
def unsolicited(world: World) -> str:
    return world.answer(
        Answer(
            edit_assertion=_edit("SubjectConfirmationData", InResponseTo=None),
            edit_response=lambda node: node.attrib.pop("InResponseTo"),
        )
    )


@forgery("saml_in_response_to_mismatch")
def request_id_written_into_the_unsigned_part_only(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", InResponseTo=None)))


@forgery("saml_issued_too_long_ago")
def captured_an_hour_ago(world: World) -> str:
    return world.answer(Answer(clock_offset=timedelta(hours=-1), lifetime=timedelta(hours=2)))


@forgery("saml_issued_too_early")
def from_the_future(world: World) -> str:
    return world.answer(Answer(clock_offset=timedelta(minutes=5)))


@forgery("saml_expired")
def confirmation_expired(world: World) -> str:
    past = "2026-11-21T08:58:00Z"
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotOnOrAfter=past)))


@forgery("saml_expiry_missing")
def confirmation_without_expiry(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotOnOrAfter=None)))


@forgery("saml_not_yet_valid")
def confirmation_not_yet_valid(world: World) -> str:
    future = "2026-11-21T09:02:00Z"
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotBefore=future)))


@forgery("saml_expired")
def conditions_expired(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("Conditions", NotOnOrAfter="2026-11-21T08:58:00Z")))


@forgery("saml_not_yet_valid")
def conditions_not_yet_valid(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("Conditions", NotBefore="2026-11-21T09:02:00Z")))


@forgery("saml_lifetime_too_long")
def valid_for_a_year(world: World) -> str:
    return world.answer(Answer(lifetime=timedelta(days=365)))


@forgery("saml_bad_time")
def time_of_another_calendar(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("AuthnStatement", SessionNotOnOrAfter="9999999-01-01T00:00:00Z")))


@forgery("saml_session_expired")
def session_over(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("AuthnStatement", SessionNotOnOrAfter="2026-11-21T08:00:00Z")))


@forgery("saml_no_bearer_confirmation")
def holder_of_key_confirmation(world: World) -> str:
    method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmation", Method=method)))


@forgery("saml_recipient_mismatch", "saml_in_response_to_mismatch")
def two_confirmations_that_are_right_only_together(world: World) -> str:
    def edit(assertion: Element) -> None:
        first = next(assertion.iter(tag(names.SAML, "SubjectConfirmation")))
        second = copy.deepcopy(first)
        first.addnext(second)
        first[0].set("Recipient", "https://other.example/acs")
        second[0].set("InResponseTo", "_another")

    return world.answer(Answer(edit_assertion=edit))


def _without(local: str) -> Callable[[Element], None]:
    def edit(assertion: Element) -> None:
        for found in list(assertion.iter(tag(names.SAML, local))):
            found.getparent().remove(found)

    return edit


@forgery("saml_conditions_missing")
def no_conditions(world: World) -> str:
    return world.answer(Answer(edit_assertion=_without("Conditions")))


@forgery("saml_authn_statement_missing")
def no_authn_statement(world: World) -> str:
    return world.answer(Answer(edit_assertion=_without("AuthnStatement")))


@forgery("saml_no_bearer_confirmation")
def no_subject(world: World) -> str:
    return world.answer(Answer(edit_assertion=_without("Subject")))


@forgery("saml_condition_unknown", "saml_schema")
def condition_that_nobody_knows(world: World) -> str:
    def edit(assertion: Element) -> None:
        conditions = next(assertion.iter(tag(names.SAML, "Conditions")))
        unknown = etree.SubElement(conditions, tag(names.SAML, "Condition"))
        unknown.set(tag(names.XSI, "type"), "xs:string")

    return world.answer(Answer(edit_assertion=edit))


# --- who ---


@forgery("saml_transient_name_id")
def transient_name_id(world: World) -> str:
    return world.answer(Answer(name_id_format=names.FORMAT_TRANSIENT))


@forgery("saml_name_id_format")
def entity_as_name_id(world: World) -> str:
    return world.answer(Answer(name_id_format=names.FORMAT_ENTITY))


@forgery("saml_subject_missing")
def nobody(world: World) -> str:
    return world.answer(Answer(name_id_format=None))


@forgery("saml_subject_invalid")
def endless_name_id(world: World) -> str:
    return world.answer(person=DemoPerson("a" * 257))


@forgery("saml_subject_invalid")
def name_id_with_a_line_break(world: World) -> str:
    return world.answer(person=DemoPerson("alice\nadmin"))


@forgery("saml_subject_invalid")
def empty_name_id(world: World) -> str:
    return world.answer(person=DemoPerson(" "))


@forgery("saml_email_ambiguous")
def two_email_addresses(world: World) -> str:
    return world.answer(person=DemoPerson("a", {"email": ("a@acme.example", "ceo@acme.example")}))


@forgery("saml_email_invalid")
def email_with_two_ats(world: World) -> str:
    return world.answer(person=DemoPerson("a", {"email": ("a@evil.example@acme.example",)}))


@forgery("idp_error")
def refused_by_the_idp(world: World) -> str:
    return world.answer(Answer(status="urn:oasis:names:tc:SAML:2.0:status:Responder"))


@forgery("idp_error")
def error_status_with_an_assertion(world: World) -> str:
    return swapped(world.answer(), names.STATUS_SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Requester")


# --- not a response ---


@forgery("saml_not_a_response")
def request_instead_of_a_response(world: World) -> str:
    del world
    return encode(
        f'<samlp:AuthnRequest xmlns:samlp="{names.SAMLP}" ID="_a" Version="2.0" IssueInstant="2026-11-21T09:00:00Z"/>'
    )


@forgery("saml_not_a_response")
def saml_1_response(world: World) -> str:
    del world
    return encode('<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol" ResponseID="_a" MajorVersion="1"/>')


@forgery("saml_not_a_response")
def signed_assertion_alone(world: World) -> str:
    return encode(assertion_of(decode(world.answer())))


@forgery("saml_not_xml")
def not_xml(world: World) -> str:
    del world
    return encode("no xml at all")


@forgery("saml_assertion_count")
def response_without_assertion(world: World) -> str:
    root = decode(world.answer())
    root.remove(assertion_of(root))
    return encode(root)


@forgery("saml_signature_reference", "saml_not_signed", "saml_signature_placement", "saml_schema")
def signature_lifted_from_signed_metadata(world: World) -> str:
    metadata = etree.fromstring(world.idp.metadata().encode())
    metadata.set("ID", "_metadata")
    sign_enveloped(metadata, load_private_key(world.idp.keys.private_pem), world.idp.keys.certificate_pem)
    root = decode(world.answer(Answer(sign_assertion=False)))
    assertion_of(root).insert(1, signature_of(metadata))
    return encode(root)
