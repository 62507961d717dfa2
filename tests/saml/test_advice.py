"""Each failure with the sentence that helps: a table of mistakes, and of what this vendor's admin reads about them."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from lxml import etree

from idbroker.federation.contract import ReplyRefused, UnverifiedReply
from idbroker.federation.options import ConnectionOptions
from saml import names
from saml.advice.consoles import ANYWHERE, PLACES, place
from saml.advice.sentences import SENTENCES, TRAPS
from saml.demo_idp import Answer, DemoPerson
from saml.names import tag
from saml.signing import bare_certificate
from tests.support.saml_forgery import decode, encode, swapped
from tests.support.saml_world import ALICE, BASE, World, key_pair, upload

Element = etree._Element
OTHER = f"{BASE}/saml/con_06b3kq0000000000000000000b"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
VENDORS = ("okta", "entra", "google", "onelogin", "jumpcloud", "adfs", "pingone", "keycloak", "shibboleth", "generic")


@dataclass
class Case:
    """A mistake: how it is made, the check that tells of it, and words that its advice must have."""

    name: str
    check: str
    words: tuple[str, ...]
    make: Callable[[World], str | UnverifiedReply] = field(default=lambda world: world.answer())
    options: ConnectionOptions = field(default_factory=ConnectionOptions)
    mapping: dict[str, str] = field(default_factory=dict)
    vendor: str = "generic"
    before: Callable[[World], None] = field(default=lambda world: None)


def answered(person: DemoPerson = ALICE, **fields: Any) -> Callable[[World], str]:
    return lambda world: world.answer(Answer(**fields), person)


def status(*codes: str, message: str = "") -> Callable[[World], str]:
    def make(world: World) -> str:
        root = decode(world.answer(Answer(status=STATUS + codes[0])))
        code = next(root.iter(tag(names.SAMLP, "StatusCode")))
        for inner in codes[1:]:
            code = etree.SubElement(code, tag(names.SAMLP, "StatusCode"), {"Value": STATUS + inner})
        if message:
            holder = root.find(tag(names.SAMLP, "Status"))
            assert holder is not None
            etree.SubElement(holder, tag(names.SAMLP, "StatusMessage")).text = message
        return encode(root)

    return make


def retire(world: World) -> None:
    """The IdP's metadata is exchanged for one with another certificate, and the IdP goes on signing with the old one."""
    metadata = world.idp.metadata().replace(
        bare_certificate(world.idp.keys.certificate_pem), bare_certificate(key_pair("successor").certificate_pem)
    )
    draft = world.protocol.draft(upload({"metadata_xml": metadata}), world.connection)
    world.connection = replace(world.connection, settings=draft.settings, version=world.connection.version + 1)


def forget(world: World) -> None:
    world.with_settings(certificates=[bare_certificate(key_pair("stranger").certificate_pem)])


def our_certificate(world: World) -> str:
    root = decode(world.answer())
    next(root.iter(tag(names.DS, "X509Certificate"))).text = bare_certificate(key_pair("sp").certificate_pem)
    return encode(root)


def without_key_info(world: World) -> str:
    root = decode(world.answer())
    info = next(root.iter(tag(names.DS, "KeyInfo")))
    parent = info.getparent()
    assert parent is not None
    parent.remove(info)
    return encode(root)


def unsolicited(value: str | None) -> Callable[[World], str]:
    def edit(node: Element) -> None:
        for found in (node, *node.iter(tag(names.SAML, "SubjectConfirmationData"))):
            if "InResponseTo" in found.attrib:
                if value is None:
                    del found.attrib["InResponseTo"]
                else:
                    found.set("InResponseTo", value)

    return answered(edit_assertion=edit, edit_response=edit)


def reply(method: str = "POST", **params: str) -> Callable[[World], UnverifiedReply]:
    return lambda world: UnverifiedReply(method, world.acs_url, params)  # type: ignore[arg-type]


def deflated(world: World) -> str:
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(base64.b64decode(world.answer())) + deflate.flush()
    return base64.b64encode(data).decode()


def later(world: World) -> str:
    encoded = world.answer()
    world.clock.pass_by(timedelta(minutes=20))
    return encoded


def behind(world: World) -> str:
    return world.answer(Answer(clock_offset=timedelta(minutes=-15)))


def no_email(**more: tuple[str, ...]) -> DemoPerson:
    return DemoPerson("alice-0001", {"uid": ("alice",), **more})


CASES = [
    Case("request_instead", "response_present", ("SAMLRequest",), reply(SAMLRequest="x")),
    Case("artifact_binding", "response_present", ("artifact", "HTTP-POST"), reply(SAMLart="x")),
    Case("redirect_binding", "response_present", ("GET", "HTTP-POST"), reply("GET", SAMLResponse="x")),
    Case("xml_pasted", "base64", ("not its base64",), lambda world: "<samlp:Response/>"),
    Case("percent_encoded", "base64", ("percent-encoded",), lambda world: quote_plus(world.answer() + "=+")),
    Case("cut_off", "base64", ("breaks off",), lambda world: world.answer()[:1001]),
    Case("deflated", "utf8", ("compressed",), deflated),
    Case(
        "too_many_groups",
        "size",
        ("group values", "only the groups"),
        lambda world: world.answer(person=DemoPerson("a", {"groups": tuple("g" * 9 for _ in range(5200))})),
    ),
    Case("saml1", "response_root", ("SAML 2.0",), lambda w: encode('<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol"/>')),
    Case("metadata_pasted", "response_root", ("metadata, not an answer",), lambda world: encode(world.idp.metadata())),
    Case(
        "logout_message",
        "response_root",
        ("logout",),
        lambda world: encode(f'<p:LogoutRequest xmlns:p="{names.SAMLP}" ID="_a" Version="2.0"/>'),
    ),
    Case(
        "authn_request",
        "response_root",
        ("sign-in request",),
        lambda world: encode(f'<p:AuthnRequest xmlns:p="{names.SAMLP}" ID="_a" Version="2.0"/>'),
    ),
    Case("not_assigned", "status", ("not assigned",), status("Responder", "RequestDenied")),
    Case(
        "not_assigned_entra",
        "status",
        ("not assigned", "users and groups", "AADSTS50105"),
        status("Responder", message="AADSTS50105: the signed in user is not assigned to a role for the application"),
        vendor="entra",
    ),
    Case("unknown_person", "status", ("does not know this person",), status("Responder", "UnknownPrincipal")),
    Case("authentication_failed", "status", ("could not authenticate",), status("Responder", "AuthnFailed")),
    Case("no_passive", "status", ("without any page",), status("Responder", "NoPassive")),
    Case(
        "no_authn_context",
        "status",
        ("urn:mfa",),
        status("Responder", "NoAuthnContext"),
        options=ConnectionOptions(authn_context=("urn:mfa",)),
    ),
    Case(
        "name_id_policy",
        "status",
        ("Name ID format", names.FORMAT_PERSISTENT),
        status("Requester", "InvalidNameIDPolicy"),
        options=ConnectionOptions(name_id_format=names.FORMAT_PERSISTENT),
    ),
    Case("request_not_understood", "status", ("entity id", f"{BASE}/saml/"), status("Requester")),
    Case("idp_internal", "status", ("error of its own",), status("Responder", message="Unhandled exception")),
    Case("idp_other", "status", ("PartialLogout",), status("PartialLogout")),
    Case("unsigned", "signed", ("Switch signing on",), answered(sign_assertion=False)),
    Case("response_unsigned", "response_signature", ("whole response",), options=ConnectionOptions(want_response_signed=True)),
    Case("certificate_retired", "assertion_signature", ("removed", "2026-11-21"), before=retire),
    Case("certificate_unknown", "assertion_signature", ("does not have", "until 2036"), before=forget),
    Case("certificate_ours", "assertion_signature", ("our own certificate",), our_certificate, before=forget),
    Case("certificate_not_named", "assertion_signature", ("does not say",), without_key_info, before=forget),
    Case("changed", "assertion_signature", ("changed afterwards",), lambda w: swapped(w.answer(), ALICE.name_id, "mallory")),
    Case(
        "sha1",
        "signature_form",
        ("SHA-1", "allow_sha1_until"),
        lambda world: swapped(world.answer(), names.RSA_SHA256, names.RSA_SHA1),
    ),
    Case(
        "algorithm",
        "signature_form",
        ("not accepted", "rsa-md5"),
        lambda world: swapped(world.answer(), names.RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
    ),
    Case("other_key", "decryption", ("another certificate",), answered(encrypt_for=key_pair("stranger").certificate_pem)),
    Case(
        "cbc",
        "encryption_form",
        ("AES-CBC", "allow_cbc_encryption"),
        lambda world: swapped(
            world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)), names.AES256_GCM, names.AES256_CBC
        ),
    ),
    Case(
        "rsa15",
        "encryption_form",
        ("RSA 1.5",),
        lambda world: swapped(
            world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem)), names.RSA_OAEP_MGF1P, names.XENC + "rsa-1_5"
        ),
    ),
    Case("not_encrypted", "decryption", ("plain",), options=ConnectionOptions(want_assertions_encrypted=True)),
    Case("audience_slash", "audience", ("slash",), lambda w: w.answer(Answer(audiences=(w.entity_id + "/",)))),
    Case("audience_case", "audience", ("capital letters",), lambda w: w.answer(Answer(audiences=(w.entity_id.upper(),)))),
    Case(
        "audience_scheme",
        "audience",
        ("http and https",),
        lambda w: w.answer(Answer(audiences=(w.entity_id.replace("https", "http"),))),
    ),
    Case("audience_is_acs", "audience", ("ACS URL", "entity id"), lambda w: w.answer(Answer(audiences=(w.acs_url,)))),
    Case("audience_other_connection", "audience", ("another connection",), answered(audiences=(f"{OTHER}/metadata",))),
    Case(
        "audience_host",
        "audience",
        ("another host name",),
        lambda w: w.answer(Answer(audiences=(w.entity_id.replace("broker.", "staging."),))),
    ),
    Case("audience_other", "audience", ("character by character",), answered(audiences=("urn:amazon:webservices",))),
    Case("acs_slash", "destination", ("slash",), lambda w: w.answer(Answer(destination=w.acs_url + "/"))),
    Case("acs_case", "recipient", ("capital letters",), lambda w: w.answer(Answer(recipient=w.acs_url.upper()))),
    Case("acs_scheme", "recipient", ("with https",), lambda w: w.answer(Answer(recipient=w.acs_url.replace("https", "http")))),
    Case("acs_is_entity_id", "recipient", ("is our entity id",), lambda w: w.answer(Answer(recipient=w.entity_id))),
    Case("acs_other_connection", "recipient", ("another connection", "of its own"), answered(recipient=f"{OTHER}/acs")),
    Case(
        "acs_host",
        "destination",
        ("another host name", "acs_url_aliases"),
        lambda w: w.answer(Answer(destination=w.acs_url.replace("broker.", "staging."))),
    ),
    Case("acs_other", "recipient", ("character by character",), answered(recipient="https://aws.example/saml")),
    Case("issuer_slash", "assertion_issuer", ("slash",), lambda w: w.answer(Answer(issuer=w.idp.entity_id + "/"))),
    Case("issuer_case", "assertion_issuer", ("capital",), lambda w: w.answer(Answer(issuer=w.idp.entity_id.upper()))),
    Case("issuer_same_host", "assertion_issuer", ("same identity provider",), answered(issuer="https://idp.acme.example/b")),
    Case("issuer_other", "assertion_issuer", ("Give the metadata",), answered(issuer="https://idp.other.example/")),
    Case("idp_initiated", "in_response_to", ("by itself", "allow_idp_initiated"), unsolicited(None)),
    Case("dummy_request", "in_response_to", ("never make", "dummy"), unsolicited("id-1"), vendor="rippling"),
    Case("other_request", "in_response_to", ("another sign-in",), unsolicited("_" + "a" * 43)),
    Case("clock_ahead", "issue_instant", ("7 minutes ahead",), answered(clock_offset=timedelta(minutes=7))),
    Case("clock_behind", "issue_instant", ("at least 15 minutes behind",), behind),
    Case("arrived_late", "confirmation_time", ("arrived 20 minutes later",), later),
    Case("lifetime", "lifetime", ("365 days", "24 hours"), answered(lifetime=timedelta(days=365))),
    Case("name_id_missing", "subject", ("no NameID", "“email”"), answered(name_id_format=None)),
    Case("subject_attribute", "subject", ("“badge”", "“email”"), mapping={"subject": "badge"}),
    Case(
        "transient",
        "subject",
        ("transient", "the attribute “uid” as subject"),
        answered(no_email(), name_id_format=names.FORMAT_TRANSIENT),
    ),
    Case("name_id_format", "subject", ("identifies no person",), answered(name_id_format=names.FORMAT_ENTITY)),
    Case("subject_ambiguous", "subject", ("several values",), mapping={"subject": "groups"}),
    Case("email_ambiguous", "profile", ("several values",), answered(no_email(email=("a@b.example", "c@b.example")))),
    Case("email_invalid", "email", ("no e-mail address", "alice"), answered(no_email(email=("alice",)))),
    Case(
        "wrong_context",
        "authn_context",
        ("urn:mfa",),
        options=ConnectionOptions(authn_context=("urn:mfa",)),
    ),
]


def explained(case: Case) -> tuple[World, dict[str, Any]]:
    world = World(case.options, case.mapping)
    world.connection = replace(world.connection, vendor=case.vendor)
    case.before(world)
    made = case.make(world)
    sent = made if isinstance(made, UnverifiedReply) else world.reply(made)
    return world, world.protocol.report(world.connection, sent, world.attempt)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_mistake_has_its_own_advice(case: Case) -> None:
    _, report = explained(case)
    assert report["verdict"] == "refuse"
    found = next(one for one in report["findings"] if one["check"] == case.check)
    assert found["outcome"] == "fail", report["findings"]
    for word in case.words:
        assert word in found["advice"]
    assert "{" not in found["advice"]
    json.dumps(report)


def test_every_sentence_is_its_own() -> None:
    assert len({sentence.text for sentence in SENTENCES.values()}) == len(SENTENCES)
    assert len(CASES) >= 60


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("name", "topic"),
    [("audience_slash", "audience"), ("acs_other", "acs"), ("certificate_unknown", "metadata"), ("email_invalid", "email")],
)
def test_the_place_is_the_vendor_s(vendor: str, name: str, topic: Any) -> None:
    case = next(one for one in CASES if one.name == name)
    _, report = explained(replace(case, vendor=vendor))
    found = next(one for one in report["findings"] if one["check"] == case.check)
    assert place(vendor, topic) in found["advice"]
    assert (place(vendor, topic) != ANYWHERE[topic]) == (vendor != "generic")


@pytest.mark.parametrize(
    ("vendor", "name", "words"),
    [
        ("okta", "audience_other", "“Audience URI”"),
        ("okta", "acs_other", "“Single sign on URL”"),
        ("okta", "certificate_unknown", "View IdP metadata"),
        ("entra", "audience_other", "“Identifier”"),
        ("entra", "acs_other", "“Reply URL (ACS)”"),
        ("entra", "email_invalid", "user.mail"),
        ("google", "not_assigned", "“ON for everyone”"),
        ("google", "audience_other", "“Entity ID”"),
        ("onelogin", "acs_other", "“ACS URL Validator”"),
        ("onelogin", "idp_initiated", "Service Provider"),
        ("jumpcloud", "audience_other", "“SP Entity ID”"),
        ("jumpcloud", "not_assigned", "activate the app"),
        ("adfs", "audience_other", "Relying Party Trust"),
        ("adfs", "certificate_unknown", "rolls its certificates over"),
        ("adfs", "name_id_missing", "claim rule"),
        ("pingone", "acs_other", "“ACS URLs”"),
        ("ping", "acs_other", "“ACS URLs”"),
        ("keycloak", "unsigned", "“Sign assertions”"),
        ("shibboleth", "transient", "unless our metadata"),
        ("generic", "acs_other", "reply URL"),
    ],
)
def test_what_differs_per_vendor(vendor: str, name: str, words: str) -> None:
    case = next(one for one in CASES if one.name == name)
    _, report = explained(replace(case, vendor=vendor))
    found = next(one for one in report["findings"] if one["check"] == case.check)
    assert words in found["advice"]


def test_places_and_traps_name_what_exists() -> None:
    for vendor, places in PLACES.items():
        assert set(places) <= set(ANYWHERE), vendor
    assert {name for name, _ in TRAPS} <= set(SENTENCES)


# --- what passed and should still be told ---


def _note(case: Case) -> tuple[str, dict[str, Any]]:
    _, report = explained(case)
    assert report["verdict"] == "accept"
    return next(one["advice"] for one in report["findings"] if one["check"] == case.check), report


def test_no_email_names_the_attributes_that_came() -> None:
    advice, report = _note(Case("", "email", (), answered(no_email()), vendor="okta"))
    assert "“uid”" in advice
    assert "user.email" in advice
    assert report["mapped"]["subject"] == "alice-0001"


def test_no_groups_and_an_unverified_domain() -> None:
    advice, _ = _note(Case("", "profile", (), answered(no_email(email=("a@acme.example",)))))
    assert "No groups came" in advice
    advice, _ = _note(Case("", "email", ()))
    assert "acme.example" in advice
    assert "not a verified domain" in advice
    advice, _ = _note(Case("", "email", (), options=ConnectionOptions(email_domain_policy="any")))
    assert advice == ""


def test_an_old_message_is_called_old_where_nobody_waits_for_it() -> None:
    world = World()
    encoded = world.answer()
    world.clock.pass_by(timedelta(days=3))
    report = world.protocol.report(world.connection, world.reply(encoded), None)
    failed = [one for one in report["findings"] if one["outcome"] == "fail"]
    assert report["code"] == "saml_issued_too_long_ago"
    assert "3 days before this diagnosis" in failed[0]["advice"]


# --- the report itself ---


def test_report_of_a_good_answer() -> None:
    world = World()
    report = world.protocol.report(world.connection, world.reply(world.answer()), world.attempt)
    assert set(report) == {"verdict", "code", "findings", "attributes", "mapped", "xml"}
    assert (report["verdict"], report["code"]) == ("accept", None)
    assert report["attributes"]["groups"] == ["Engineering", "Admins"]
    assert report["mapped"] == {
        "subject": "alice-0001",
        "email": "Alice@acme.example",
        "given_name": "Alice",
        "family_name": "Arden",
        "groups": ["Engineering", "Admins"],
    }
    assert report["xml"].startswith("<samlp:Response")
    assert "\n  <saml:Issuer>" in report["xml"]


def test_report_shows_what_was_encrypted() -> None:
    world = World()
    encoded = world.answer(Answer(encrypt_for=key_pair("sp").certificate_pem))
    report = world.protocol.report(world.connection, world.reply(encoded), world.attempt)
    assert "EncryptedAssertion" not in report["xml"]
    assert ALICE.name_id in report["xml"]


def test_report_never_parses_what_the_gate_refused() -> None:
    world = World()
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    report = world.protocol.report(world.connection, world.reply(encode(bomb)), world.attempt)
    assert report["code"] == "saml_doctype"
    assert report["xml"] == bomb


def test_refusal_of_a_sign_in_carries_the_same_advice() -> None:
    world = World()
    world.connection = replace(world.connection, vendor="okta")
    with pytest.raises(ReplyRefused) as refused:
        world.complete(world.answer(Answer(audiences=(world.entity_id + "/",))))
    assert "“Audience URI”" in refused.value.findings[-1].advice
