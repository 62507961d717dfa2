"""More hostile messages: answers signed by the right key and meant for others, dishonest times and names, odd algorithms."""

from __future__ import annotations

import copy
from collections.abc import Callable

from lxml import etree

from saml import names
from saml.demo_idp import Answer, DemoPerson
from saml.encryption import encrypt_element
from saml.keys import load_private_key
from saml.names import tag
from saml.signing import sign_enveloped
from tests.support.saml_forgery import Element, assertion_of, decode, encode, forgery, swapped
from tests.support.saml_world import ALICE, BASE, World, key_pair

OTHER = f"{BASE}/saml/con_06b3kq0000000000000000000b"

# --- for another connection or tenant that uses the same IdP ---


@forgery("saml_destination_mismatch")
def for_another_connection(world: World) -> str:
    return world.answer(Answer(audiences=(f"{OTHER}/metadata",), recipient=f"{OTHER}/acs", destination=f"{OTHER}/acs"))


@forgery("saml_recipient_mismatch")
def for_another_connection_with_the_outer_address_exchanged(world: World) -> str:
    return world.answer(Answer(audiences=(f"{OTHER}/metadata",), recipient=f"{OTHER}/acs"))


@forgery("saml_audience_mismatch")
def audience_of_another_connection(world: World) -> str:
    return world.answer(Answer(audiences=(f"{OTHER}/metadata",)))


@forgery("saml_recipient_mismatch")
def recipient_of_another_connection(world: World) -> str:
    return world.answer(Answer(recipient=f"{OTHER}/acs"))


@forgery("saml_signature_invalid")
def from_another_tenants_idp_under_this_ones_name(world: World) -> str:
    other = key_pair("another tenant's idp")
    root = decode(world.answer(Answer(sign_assertion=False)))
    sign_enveloped(assertion_of(root), load_private_key(other.private_pem), other.certificate_pem)
    return encode(root)


@forgery("saml_issuer_mismatch")
def from_another_idp_that_shares_the_certificate(world: World) -> str:
    return world.answer(Answer(issuer=f"{world.idp.entity_id}/tenant-b"))


@forgery("saml_audience_mismatch")
def audience_in_capitals(world: World) -> str:
    return world.answer(Answer(audiences=(world.entity_id.upper(),)))


@forgery("saml_audience_mismatch")
def audience_without_tls(world: World) -> str:
    return world.answer(Answer(audiences=(world.entity_id.replace("https:", "http:"),)))


@forgery("saml_audience_mismatch", "saml_schema")
def empty_audience(world: World) -> str:
    return world.answer(Answer(audiences=("",)))


@forgery("saml_recipient_mismatch")
def recipient_with_a_query(world: World) -> str:
    return world.answer(Answer(recipient=f"{world.acs_url}?x=1"))


@forgery("saml_destination_mismatch")
def destination_with_a_slash(world: World) -> str:
    return world.answer(Answer(destination=f"{world.acs_url}/"))


@forgery("saml_destination_mismatch")
def empty_destination(world: World) -> str:
    return world.answer(Answer(edit_response=lambda root: root.set("Destination", "")))


def _issuer(value: str | None, **attributes: str) -> Callable[[Element], None]:
    def edit(node: Element) -> None:
        issuer = node.find(tag(names.SAML, "Issuer"))
        assert issuer is not None
        if value is None:
            node.remove(issuer)
            return
        issuer.text = value
        issuer.attrib.update(attributes)

    return edit


@forgery("saml_schema", "saml_issuer_mismatch")
def assertion_without_issuer(world: World) -> str:
    return world.answer(Answer(edit_assertion=_issuer(None)))


@forgery("saml_issuer_mismatch")
def issuer_of_the_format_of_a_person(world: World) -> str:
    return world.answer(Answer(edit_assertion=_issuer(world.idp.entity_id, Format=names.FORMAT_EMAIL)))


@forgery("saml_issuer_mismatch")
def issuer_with_a_slash(world: World) -> str:
    return world.answer(Answer(issuer=f"{world.idp.entity_id}/"))


# --- times ---


def _edit(local: str, **attributes: str | None) -> Callable[[Element], None]:
    def edit(node: Element) -> None:
        for found in node.iter(tag(names.SAML, local)):
            for name, value in attributes.items():
                if value is None:
                    found.attrib.pop(name, None)
                else:
                    found.set(name, value)

    return edit


@forgery("saml_bad_time", "saml_schema")
def expiry_that_is_no_time(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotOnOrAfter="tomorrow")))


@forgery("saml_bad_time", "saml_schema")
def expiry_in_the_thirteenth_month(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("Conditions", NotOnOrAfter="2026-13-21T09:05:00Z")))


@forgery("saml_lifetime_too_long")
def expiry_in_a_far_time_zone(world: World) -> str:
    """09:05 on the 23rd, fourteen hours west of Greenwich."""
    return world.answer(Answer(edit_assertion=_edit("Conditions", NotOnOrAfter="2026-11-23T09:05:00-14:00")))


@forgery("saml_expired")
def expiry_at_the_very_end_of_the_tolerance(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotOnOrAfter="2026-11-21T08:59:00Z")))


@forgery("saml_issued_too_early")
def authenticated_in_the_future(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("AuthnStatement", AuthnInstant="2026-11-21T09:30:00Z")))


@forgery("saml_issued_too_long_ago")
def old_assertion_in_a_fresh_response(world: World) -> str:
    def edit(assertion: Element) -> None:
        assertion.set("IssueInstant", "2026-11-21T07:00:00Z")

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_issued_too_long_ago")
def fresh_assertion_in_an_old_response(world: World) -> str:
    return world.answer(Answer(edit_response=lambda root: root.set("IssueInstant", "2026-11-21T07:00:00Z")))


@forgery("saml_lifetime_too_long")
def confirmation_valid_for_a_month(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", NotOnOrAfter="2026-12-21T09:00:00Z")))


# --- confirmation and statements ---


@forgery("saml_no_bearer_confirmation", "saml_schema")
def confirmation_without_data(world: World) -> str:
    def edit(assertion: Element) -> None:
        data = next(assertion.iter(tag(names.SAML, "SubjectConfirmationData")))
        parent = data.getparent()
        assert parent is not None
        parent.remove(data)

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_no_bearer_confirmation")
def sender_vouches_confirmation(world: World) -> str:
    method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmation", Method=method)))


@forgery("saml_schema", "saml_in_response_to_mismatch")
def empty_in_response_to(world: World) -> str:
    return world.answer(Answer(edit_assertion=_edit("SubjectConfirmationData", InResponseTo="")))


@forgery("saml_schema", "saml_conditions_missing")
def conditions_twice(world: World) -> str:
    def edit(assertion: Element) -> None:
        conditions = next(assertion.iter(tag(names.SAML, "Conditions")))
        conditions.addnext(copy.deepcopy(conditions))

    return world.answer(Answer(edit_assertion=edit))


@forgery("idp_error", "saml_schema")
def no_status(world: World) -> str:
    def edit(root: Element) -> None:
        status = root.find(tag(names.SAMLP, "Status"))
        assert status is not None
        root.remove(status)

    return world.answer(Answer(edit_response=edit))


@forgery("idp_error")
def success_inside_a_failure(world: World) -> str:
    def edit(root: Element) -> None:
        code = next(root.iter(tag(names.SAMLP, "StatusCode")))
        code.set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
        etree.SubElement(code, tag(names.SAMLP, "StatusCode"), {"Value": names.STATUS_SUCCESS})

    return world.answer(Answer(edit_response=edit))


# --- names ---


@forgery("saml_subject_invalid")
def zero_width_space_in_the_name(world: World) -> str:
    return world.answer(person=DemoPerson("alice\u200b-0001", ALICE.attributes))


@forgery("saml_subject_invalid", "saml_schema")
def name_id_with_an_element_inside(world: World) -> str:
    def edit(assertion: Element) -> None:
        etree.SubElement(next(assertion.iter(tag(names.SAML, "NameID"))), "{urn:evil}b").text = "x"

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_schema", "saml_subject_missing")
def two_name_ids(world: World) -> str:
    def edit(assertion: Element) -> None:
        name_id = next(assertion.iter(tag(names.SAML, "NameID")))
        name_id.addnext(copy.deepcopy(name_id))

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_schema", "saml_subject_missing")
def plain_and_encrypted_name_id(world: World) -> str:
    def edit(assertion: Element) -> None:
        name_id = next(assertion.iter(tag(names.SAML, "NameID")))
        other = copy.deepcopy(name_id)
        other.text = "mallory"
        name_id.addnext(encrypt_element(other, key_pair("sp").certificate_pem, "EncryptedID"))

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_subject_encrypted")
def encrypted_id_that_holds_an_assertion(world: World) -> str:
    def edit(assertion: Element) -> None:
        name_id = next(assertion.iter(tag(names.SAML, "NameID")))
        parent = name_id.getparent()
        assert parent is not None
        parent.replace(name_id, encrypt_element(copy.deepcopy(assertion), key_pair("sp").certificate_pem, "EncryptedID"))

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_encryption_algorithm")
def encrypted_id_by_rsa15(world: World) -> str:
    def edit(assertion: Element) -> None:
        name_id = next(assertion.iter(tag(names.SAML, "NameID")))
        hidden = encrypt_element(name_id, key_pair("sp").certificate_pem, "EncryptedID")
        next(hidden.iter(tag(names.XENC, "EncryptedKey")))[0].set("Algorithm", names.XENC + "rsa-1_5")
        parent = name_id.getparent()
        assert parent is not None
        parent.replace(name_id, hidden)

    return world.answer(Answer(edit_assertion=edit))


@forgery("saml_email_invalid")
def email_with_a_list(world: World) -> str:
    return world.answer(person=DemoPerson("a", {"email": ("a@acme.example,ceo@acme.example",)}))


@forgery("saml_email_invalid")
def email_with_a_foreign_letter(world: World) -> str:
    return world.answer(person=DemoPerson("a", {"email": ("аlice@acme.example",)}))


@forgery("saml_email_ambiguous")
def email_repeated_in_a_second_attribute(world: World) -> str:
    def edit(assertion: Element) -> None:
        statement = next(assertion.iter(tag(names.SAML, "AttributeStatement")))
        second = etree.SubElement(statement, tag(names.SAML, "Attribute"), {"Name": "email"})
        etree.SubElement(second, tag(names.SAML, "AttributeValue")).text = "ceo@acme.example"

    return world.answer(Answer(edit_assertion=edit))


# --- algorithms ---


def _method(uri: str) -> Callable[[World], str]:
    return lambda world: swapped(
        world.answer(), f'SignatureMethod Algorithm="{names.RSA_SHA256}"', f'SignatureMethod Algorithm="{uri}"'
    )


def _transform(uri: str) -> Callable[[World], str]:
    return lambda world: swapped(world.answer(), f'Transform Algorithm="{names.ENVELOPED}"', f'Transform Algorithm="{uri}"')


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"


@forgery("saml_signature_algorithm")
def dsa_sha1(world: World) -> str:
    return _method(names.DS + "dsa-sha1")(world)


@forgery("saml_signature_algorithm")
def rsa_ripemd(world: World) -> str:
    return _method(_MORE + "rsa-ripemd160")(world)


@forgery("saml_signature_algorithm")
def rsa_sha224(world: World) -> str:
    return _method(_MORE + "rsa-sha224")(world)


@forgery("saml_signature_algorithm")
def no_signature_method(world: World) -> str:
    return _method("")(world)


@forgery("saml_signature_algorithm")
def base64_transform(world: World) -> str:
    return _transform(names.DS + "base64")(world)


@forgery("saml_signature_algorithm")
def decryption_transform(world: World) -> str:
    return _transform("http://www.w3.org/2002/07/decrypt#XML")(world)


@forgery("saml_signature_algorithm")
def xpath_filter_transform(world: World) -> str:
    return _transform("http://www.w3.org/2002/06/xmldsig-filter2")(world)


@forgery("saml_signature_algorithm")
def enveloped_transform_twice(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "Transforms")))[1].set("Algorithm", names.ENVELOPED)
    return encode(root)


@forgery("saml_signature_algorithm")
def xslt_as_canonicalization(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "CanonicalizationMethod"))).set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
    return encode(root)


@forgery("saml_signature_structure", "saml_signature_reference")
def digest_twice(world: World) -> str:
    root = decode(world.answer())
    value = next(root.iter(tag(names.DS, "DigestValue")))
    value.addnext(copy.deepcopy(value))
    return encode(root)


@forgery("saml_signature_reference")
def reference_to_the_status(world: World) -> str:
    root = decode(world.answer())
    status = root.find(tag(names.SAMLP, "Status"))
    assert status is not None
    next(root.iter(tag(names.DS, "Reference"))).set("URI", "#")
    return encode(root)


@forgery("saml_signature_reference")
def reference_to_the_response_from_the_assertion(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "Reference"))).set("URI", f"#{root.get('ID')}")
    return encode(root)


@forgery("saml_signature_structure", "saml_signature_invalid")
def digest_that_is_no_base64(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "DigestValue"))).text = "***"
    return encode(root)


@forgery("saml_signature_invalid")
def empty_signature_value(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "SignatureValue"))).text = ""
    return encode(root)


@forgery("saml_encryption_algorithm")
def triple_des(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    next(root.iter(tag(names.XENC, "EncryptedData")))[0].set("Algorithm", names.XENC + "tripledes-cbc")
    return encode(root)


@forgery("saml_encryption_structure", "saml_signature_structure")
def retrieval_method_to_the_key(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    info = next(root.iter(tag(names.DS, "KeyInfo")))
    etree.SubElement(info, tag(names.DS, "RetrievalMethod"), {"URI": "file:///etc/passwd"})
    return encode(root)


@forgery("saml_cannot_decrypt")
def wrapped_key_of_another_length(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    next(root.iter(tag(names.XENC, "EncryptedData")))[0].set("Algorithm", names.AES128_GCM)
    return encode(root)


@forgery("saml_cannot_decrypt", "saml_encryption_structure")
def ciphertext_of_nothing(world: World) -> str:
    root = decode(world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)))
    list(root.iter(tag(names.XENC, "CipherValue")))[-1].text = ""
    return encode(root)
