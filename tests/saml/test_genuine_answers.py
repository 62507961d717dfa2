"""Dialects of genuine identity providers, all accepted, and the options that make one be refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod, XMLSigner

from idbroker.federation.contract import AttemptRef, ReplyRefused, UnverifiedReply
from idbroker.federation.options import ConnectionOptions
from saml import names
from saml.demo_idp import Answer, DemoPerson
from saml.encryption import encrypt_element
from saml.names import tag
from saml.signing import bare_certificate
from tests.support.saml_forgery import assertion_of, decode, encode, swapped
from tests.support.saml_world import ALICE, HANDLE, NOW, World, key_pair

Element = etree._Element

SIGNED = {
    "assertion": Answer(),
    "response": Answer(sign_assertion=False, sign_response=True),
    "both": Answer(sign_response=True),
}


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_signed_here_or_there(signed: str, encrypted: bool) -> None:
    world = World()
    identity = world.sign_in(replace(SIGNED[signed], encrypt_for=key_pair("sp").certificate_pem if encrypted else None))
    assert identity.subject == ALICE.name_id
    assert identity.profile.email == "Alice@acme.example"
    assert identity.profile.groups == ("Engineering", "Admins")
    assert identity.amr == ("pwd",)
    assert identity.acr == names.CONTEXT_PASSWORD_PROTECTED
    assert identity.authenticated_at == NOW
    assert identity.replay_until == NOW + timedelta(minutes=5, seconds=60)
    assert identity.upstream["name_id"] == ALICE.name_id
    assert identity.upstream["session_index"].startswith("_")


@pytest.mark.parametrize("name_id_format", [names.FORMAT_PERSISTENT, names.FORMAT_EMAIL, names.FORMAT_UNSPECIFIED])
def test_name_ids_that_identify(name_id_format: str) -> None:
    identity = World().sign_in(Answer(name_id_format=name_id_format), DemoPerson("bob@acme.example"))
    assert identity.subject == "bob@acme.example"
    expected = None if name_id_format == names.FORMAT_PERSISTENT else "bob@acme.example"
    assert identity.profile.email == expected


def test_mapped_subject_without_name_id() -> None:
    world = World(mapping={"subject": "employeeNumber"})
    person = DemoPerson("", {**ALICE.attributes, "employeeNumber": ("4711",)})
    assert world.sign_in(Answer(name_id_format=None), person).subject == "4711"


def test_mapped_subject_beats_a_transient_name_id() -> None:
    world = World(mapping={"subject": "uid"})
    person = DemoPerson("_nonsense", {"uid": ("alice",)})
    assert world.sign_in(Answer(name_id_format=names.FORMAT_TRANSIENT), person).subject == "alice"


def test_repeated_attributes_are_one_list() -> None:
    def split(assertion: Element) -> None:
        statement = next(assertion.iter(tag(names.SAML, "AttributeStatement")))
        for value in ("a", "b"):
            attribute = etree.SubElement(statement, tag(names.SAML, "Attribute"), {"Name": "Role"})
            etree.SubElement(attribute, tag(names.SAML, "AttributeValue")).text = value

    identity = World().sign_in(Answer(edit_assertion=split), DemoPerson("alice", {"email": ("a@acme.example",)}))
    assert identity.attributes["Role"] == ["a", "b"]
    assert identity.profile.groups == ("a", "b")


def test_several_audiences_in_one_restriction() -> None:
    world = World()
    answer = Answer(audiences=("https://other.example", world.entity_id))
    assert world.sign_in(answer).subject == ALICE.name_id


def test_second_certificate() -> None:
    world = World()
    der = bare_certificate(key_pair("stranger").certificate_pem)
    world.with_settings(certificates=[der, *world.connection.settings["idp"]["certificates"]])
    assert world.sign_in().subject == ALICE.name_id


def test_base64_in_lines() -> None:
    world = World()
    encoded = world.answer()
    lines = "\r\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    assert world.complete(lines).subject == ALICE.name_id


def test_xml_declaration_and_pretty_printing_before_signing() -> None:
    world = World()
    answer = Answer(sign_assertion=False, sign_response=True, edit_response=etree.indent)
    encoded = encode('<?xml version="1.0" encoding="UTF-8"?>\n' + base64.b64decode(world.answer(answer)).decode())
    assert world.complete(encoded).subject == ALICE.name_id


def test_alias_of_a_former_product() -> None:
    former = "https://sso.former.example/acs"
    world = World(ConnectionOptions(acs_url_aliases=(former,), sp_entity_id="urn:former:sp"))
    assert world.entity_id == "urn:former:sp"
    assert world.sign_in(Answer(destination=former, recipient=former)).subject == ALICE.name_id


# --- signed by signxml: a signer that shares no code with ours ---


def _resign(world: World, method: SignatureMethod, digest: DigestAlgorithm, c14n: CanonicalizationMethod) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    assertion = assertion_of(root)
    signer = XMLSigner(SignatureConstructionMethod.enveloped, method, digest, c14n)
    placeholder = etree.Element(tag(names.DS, "Signature"), {"Id": "placeholder"})
    assertion.insert(1, placeholder)
    signed = signer.sign(
        assertion,
        key=world.idp.keys.private_pem,
        cert=world.idp.keys.certificate_pem,
        reference_uri=f"#{assertion.get('ID')}",
        id_attribute="ID",
    )
    root.replace(assertion, signed)
    return encode(root)


class Sha1Signer(XMLSigner):
    """signxml refuses SHA-1 unless told otherwise."""

    def check_deprecated_methods(self) -> None:
        pass


EXC = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0


@pytest.mark.parametrize("c14n", [EXC, CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS])
@pytest.mark.parametrize(
    ("method", "digest"),
    [
        (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA256),
        (SignatureMethod.RSA_SHA384, DigestAlgorithm.SHA384),
        (SignatureMethod.RSA_SHA512, DigestAlgorithm.SHA512),
    ],
)
def test_an_independent_signer(method: SignatureMethod, digest: DigestAlgorithm, c14n: CanonicalizationMethod) -> None:
    world = World()
    assert world.complete(_resign(world, method, digest, c14n)).subject == ALICE.name_id


def _elliptic() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elliptic")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem, certificate.public_bytes(Encoding.PEM).decode()


def test_elliptic_curve_key() -> None:
    world = World()
    private_pem, certificate_pem = _elliptic()
    world.idp.keys = replace(world.idp.keys, private_pem=private_pem, certificate_pem=certificate_pem)
    world.with_settings(certificates=[bare_certificate(certificate_pem)])
    encoded = _resign(world, SignatureMethod.ECDSA_SHA256, DigestAlgorithm.SHA256, EXC)
    assert world.complete(encoded).subject == ALICE.name_id


def _sha1(world: World) -> str:
    root = decode(world.answer(Answer(sign_assertion=False)))
    assertion = assertion_of(root)
    assertion.insert(1, etree.Element(tag(names.DS, "Signature"), {"Id": "placeholder"}))
    signer = Sha1Signer(SignatureConstructionMethod.enveloped, SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA1, EXC)
    keys = world.idp.keys
    reference = f"#{assertion.get('ID')}"
    signed = signer.sign(assertion, key=keys.private_pem, cert=keys.certificate_pem, reference_uri=reference, id_attribute="ID")
    root.replace(assertion, signed)
    return encode(root)


def test_sha1_until_the_day_that_was_agreed() -> None:
    world = World(ConnectionOptions(allow_sha1_until=date(2026, 11, 21)))
    assert world.complete(_sha1(world)).subject == ALICE.name_id
    world.clock.pass_by(timedelta(days=1))
    world.attempt = AttemptRef(HANDLE, world.clock.now())
    with pytest.raises(ReplyRefused, match="saml_sha1"):
        world.complete(_sha1(world))


# --- options that ask for more ---


def _refused(world: World, answer: Answer | None = None, person: DemoPerson = ALICE) -> str:
    with pytest.raises(ReplyRefused) as refused:
        world.sign_in(answer, person)
    return refused.value.code


def test_want_response_signed() -> None:
    world = World(ConnectionOptions(want_response_signed=True))
    assert _refused(world) == "saml_response_not_signed"
    assert world.sign_in(Answer(sign_response=True)).subject == ALICE.name_id


def test_want_assertions_encrypted() -> None:
    world = World(ConnectionOptions(want_assertions_encrypted=True))
    assert _refused(world) == "saml_assertion_not_encrypted"


def test_authn_context_that_was_asked_for() -> None:
    strong = "https://refeds.org/profile/mfa"
    world = World(ConnectionOptions(authn_context=(strong,)))
    assert _refused(world) == "saml_authn_context_mismatch"
    assert world.sign_in(Answer(authn_context=strong)).amr == ("mfa",)


def test_subject_with_several_values() -> None:
    world = World(mapping={"subject": "uid"})
    assert _refused(world, None, DemoPerson("a", {"uid": ("a", "b")})) == "saml_subject_ambiguous"


def test_mapped_subject_that_did_not_come() -> None:
    assert _refused(World(mapping={"subject": "uid"})) == "saml_subject_missing"


def _instant(text: str) -> Callable[[Element], None]:
    def edit(assertion: Element) -> None:
        next(assertion.iter(tag(names.SAML, "AuthnStatement"))).set("AuthnInstant", text)

    return edit


@pytest.mark.parametrize(
    ("attempt", "accepted"),
    [
        (AttemptRef(HANDLE, NOW), True),
        (AttemptRef(HANDLE, NOW, force_authn=True), False),
        (AttemptRef(HANDLE, NOW, max_age=600), False),
        (AttemptRef(HANDLE, NOW, max_age=7200), True),
    ],
)
def test_fresh_sign_in_when_the_app_asks(attempt: AttemptRef, accepted: bool) -> None:
    world = World(attempt=attempt)
    answer = Answer(edit_assertion=_instant("2026-11-21T08:00:00Z"))
    if accepted:
        assert world.sign_in(answer).subject == ALICE.name_id
    else:
        assert _refused(world, answer) == "saml_authentication_too_old"


def _encrypted_id(certificate: str) -> Callable[[Element], None]:
    def hide(assertion: Element) -> None:
        name_id = next(assertion.iter(tag(names.SAML, "NameID")))
        name_id.getparent().replace(name_id, encrypt_element(name_id, certificate, "EncryptedID"))

    return hide


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain assertion", "encrypted assertion"])
def test_encrypted_name_id(signed: str, encrypted: bool) -> None:
    ours = key_pair("sp").certificate_pem
    answer = replace(SIGNED[signed], edit_assertion=_encrypted_id(ours), encrypt_for=ours if encrypted else None)
    identity = World().sign_in(answer)
    assert identity.subject == ALICE.name_id
    assert identity.upstream["name_id"] == ALICE.name_id


def test_encrypted_transient_name_id_identifies_no_one_either() -> None:
    answer = Answer(edit_assertion=_encrypted_id(key_pair("sp").certificate_pem), name_id_format=names.FORMAT_TRANSIENT)
    assert _refused(World(), answer) == "saml_transient_name_id"


def test_encrypted_name_id_for_someone_else() -> None:
    answer = Answer(edit_assertion=_encrypted_id(key_pair("stranger").certificate_pem))
    assert _refused(World(), answer) == "saml_cannot_decrypt"


def test_encrypted_attribute_is_refused_plainly() -> None:
    def hide(assertion: Element) -> None:
        attribute = next(assertion.iter(tag(names.SAML, "Attribute")))
        hidden = encrypt_element(attribute, key_pair("sp").certificate_pem, "EncryptedAttribute")
        attribute.getparent().replace(attribute, hidden)

    assert _refused(World(), Answer(edit_assertion=hide)) == "saml_subject_encrypted"


def test_clock_skew_counts_everywhere_alike() -> None:
    world = World(ConnectionOptions(clock_skew_seconds=0))
    assert _refused(world, Answer(clock_offset=timedelta(seconds=2))) == "saml_issued_too_early"
    assert World(ConnectionOptions(clock_skew_seconds=120)).sign_in(Answer(clock_offset=timedelta(seconds=90))).subject


# --- the reply around the message ---


def test_no_message() -> None:
    world = World()
    reply = UnverifiedReply("POST", world.acs_url, {"RelayState": HANDLE})
    with pytest.raises(ReplyRefused, match="saml_response_missing") as refused:
        world.protocol.complete(world.connection, reply, world.attempt)
    assert refused.value.status == 400


def test_delivered_to_another_connection() -> None:
    world = World()
    reply = replace(world.reply(world.answer()), address="https://broker.example/saml/con_other/acs")
    with pytest.raises(ReplyRefused, match="saml_wrong_address"):
        world.protocol.complete(world.connection, reply, world.attempt)


def test_another_browsers_attempt() -> None:
    world = World()
    encoded = world.answer()
    with pytest.raises(ReplyRefused, match="saml_in_response_to_mismatch"):
        world.protocol.complete(world.connection, world.reply(encoded), AttemptRef("x" * 43, NOW))


def test_same_assertion_has_the_same_replay_key() -> None:
    world = World()
    encoded = world.answer()
    assert world.complete(encoded).replay_key == world.complete(encoded).replay_key
    assert world.complete(encoded).replay_key != world.sign_in().replay_key


def test_explain_without_an_attempt_compares_no_request() -> None:
    world = World()
    findings = world.protocol.explain(world.connection, world.reply(world.answer()), None)
    assert {finding.outcome for finding in findings} == {"pass", "skip"}
    assert next(one for one in findings if one.check == "in_response_to").outcome == "skip"


def test_diagnosis_looks_past_a_wrong_certificate() -> None:
    world = World()
    world.with_settings(certificates=[bare_certificate(key_pair("stranger").certificate_pem)])
    answer = world.answer(Answer(audiences=("https://typed.example/",)))
    findings = world.protocol.explain(world.connection, world.reply(answer), world.attempt)
    assert [one.check for one in findings if one.outcome == "fail"] == ["assertion_signature", "audience"]


def test_diagnosis_does_not_call_a_badly_signed_answer_unsigned() -> None:
    world = World()
    findings = world.protocol.explain(world.connection, world.reply(_sha1(world)), world.attempt)
    assert [one.check for one in findings if one.outcome == "fail"] == ["signature_form"]


def test_diagnosis_of_a_damaged_response_names_the_damage_once() -> None:
    world = World()
    encoded = swapped(world.answer(SIGNED["response"]), ALICE.name_id, "mallory")
    findings = world.protocol.explain(world.connection, world.reply(encoded), world.attempt)
    assert [one.check for one in findings if one.outcome == "fail"] == ["response_signature"]
