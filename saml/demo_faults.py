"""The demo IdP, wrong in a chosen way: what each failure looks like, for developers, admins and our own tests.

A fault answers how to make the wrong answer (``Answer``) and, where the message itself must be changed behind the IdP's
back, how to change it. Replay is no matter of one message: who chooses it sends the same answer twice.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from lxml import etree

from saml import names
from saml.demo_idp import Answer, DemoPerson, DemoSamlIdp, ReadRequest
from saml.keys import KeyPair, load_private_key, new_key_pair
from saml.names import tag
from saml.signing import sign_enveloped
from saml.xml_guard import Element

How = Literal["stranger", "expired", "tampered", "sha1", "slash", "encrypted"]

STRANGER = "https://another-service.example/saml/metadata"


@dataclass(frozen=True, slots=True)
class DemoFault:
    """One way to be wrong. ``code`` is what the service provider should refuse it with ("" where it only notes it).

    ``sent_twice``: the failure is in delivering the same answer again.
    """

    name: str
    title: str
    description: str
    code: str
    answer: Answer = field(default_factory=Answer)
    person: Callable[[DemoPerson], DemoPerson] | None = None
    how: How | None = None
    """What the fields of an answer cannot say: see ``WrongDemoIdp.respond``."""
    sent_twice: bool = False


def _same(person: DemoPerson, **attributes: tuple[str, ...] | None) -> DemoPerson:
    kept = {**person.attributes, **{name: values for name, values in attributes.items() if values is not None}}
    return replace(person, attributes={name: kept[name] for name in kept if attributes.get(name, ()) is not None})


def _no_email(person: DemoPerson) -> DemoPerson:
    return _same(person, email=None)


def _two_emails(person: DemoPerson) -> DemoPerson:
    return _same(person, email=(*person.attributes.get("email", ("person@demo.example",)), "someone.else@demo.example"))


def _no_groups(person: DemoPerson) -> DemoPerson:
    return _same(person, groups=None)


def _drop(local: str) -> Callable[[Element], None]:
    def edit(assertion: Element) -> None:
        for node in list(assertion.iter(tag(names.SAML, local))):
            parent = node.getparent()
            if parent is not None:
                parent.remove(node)

    return edit


def _unsolicited(node: Element) -> None:
    node.attrib.pop("InResponseTo", None)
    for data in node.iter(tag(names.SAML, "SubjectConfirmationData")):
        data.attrib.pop("InResponseTo", None)


_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"

FAULTS: tuple[DemoFault, ...] = (
    DemoFault(
        "unsigned", "Not signed", "The answer bears no signature at all.", "saml_not_signed", Answer(sign_assertion=False)
    ),
    DemoFault(
        "wrong_certificate",
        "Another certificate",
        "The answer is signed by a key whose certificate nobody gave to the service, as after an unannounced change.",
        "saml_signature_invalid",
        how="stranger",
    ),
    DemoFault(
        "expired_certificate",
        "Expired certificate",
        "The answer is signed by a certificate that has expired and that the service was never given.",
        "saml_signature_invalid",
        how="expired",
    ),
    DemoFault(
        "changed_on_the_way",
        "Changed after signing",
        "Somebody has written another name into the signed answer.",
        "saml_signature_invalid",
        how="tampered",
    ),
    DemoFault("sha1", "Signed with SHA-1", "The signature uses SHA-1, which can be forged.", "saml_sha1", how="sha1"),
    DemoFault(
        "wrong_audience",
        "Another audience",
        "The answer is meant for another application.",
        "saml_audience_mismatch",
        Answer(audiences=(STRANGER,)),
    ),
    DemoFault(
        "audience_slash",
        "Audience with a slash",
        "The entity id was typed with a slash at its end.",
        "saml_audience_mismatch",
        how="slash",
    ),
    DemoFault(
        "wrong_recipient",
        "Another recipient",
        "The assertion names another address than the one it is delivered to.",
        "saml_recipient_mismatch",
        Answer(recipient="https://another-service.example/acs"),
    ),
    DemoFault(
        "wrong_destination",
        "Another destination",
        "The response names another address than the one it is delivered to.",
        "saml_destination_mismatch",
        Answer(destination="https://another-service.example/acs"),
    ),
    DemoFault(
        "wrong_issuer",
        "Another issuer",
        "The answer says that it comes from another identity provider.",
        "saml_issuer_mismatch",
        Answer(issuer="https://another-idp.example/metadata"),
    ),
    DemoFault(
        "clock_ahead",
        "Clock ahead",
        "The identity provider's clock is seven minutes ahead.",
        "saml_issued_too_early",
        Answer(clock_offset=timedelta(minutes=7)),
    ),
    DemoFault(
        "clock_behind",
        "Clock behind",
        "The identity provider's clock is an hour behind.",
        "saml_issued_too_long_ago",
        Answer(clock_offset=timedelta(hours=-1)),
    ),
    DemoFault(
        "expired",
        "Expired",
        "The answer's time was over before it arrived.",
        "saml_expired",
        Answer(lifetime=timedelta(minutes=-2)),
    ),
    DemoFault(
        "valid_too_long",
        "Valid for a year",
        "The assertion is valid for a year instead of some minutes.",
        "saml_lifetime_too_long",
        Answer(lifetime=timedelta(days=365)),
    ),
    DemoFault(
        "missing_name_id",
        "No NameID",
        "The assertion does not say who the person is.",
        "saml_subject_missing",
        Answer(name_id_format=None),
    ),
    DemoFault(
        "transient_name_id",
        "Transient NameID",
        "The person gets another name at every sign-in.",
        "saml_transient_name_id",
        Answer(name_id_format=names.FORMAT_TRANSIENT),
    ),
    DemoFault("no_email", "No e-mail address", "The e-mail attribute is missing.", "", person=_no_email),
    DemoFault(
        "several_emails",
        "Several e-mail addresses",
        "The e-mail attribute holds two different addresses.",
        "saml_email_ambiguous",
        person=_two_emails,
    ),
    DemoFault(
        "no_groups", "No groups", "The groups attribute is missing; memberships stay as they are.", "", person=_no_groups
    ),
    DemoFault(
        "wrong_encryption_key",
        "Encrypted for another key",
        "The assertion is encrypted for a certificate that is not the service's.",
        "saml_cannot_decrypt",
        how="encrypted",
    ),
    DemoFault(
        "not_assigned",
        "Person not assigned",
        "The identity provider refuses, because the person is not assigned to the application.",
        "idp_error",
        Answer(status=_STATUS + "RequestDenied"),
    ),
    DemoFault(
        "authentication_failed",
        "Authentication failed",
        "The identity provider could not authenticate the person.",
        "idp_error",
        Answer(status=_STATUS + "AuthnFailed"),
    ),
    DemoFault(
        "other_request",
        "Answer to another request",
        "The answer belongs to a sign-in that this browser did not begin.",
        "saml_in_response_to_mismatch",
        Answer(in_response_to="_another-request"),
    ),
    DemoFault(
        "unsolicited",
        "Started by the identity provider",
        "The answer answers no request at all.",
        "saml_in_response_to_mismatch",
        Answer(edit_assertion=_unsolicited, edit_response=_unsolicited),
    ),
    DemoFault(
        "no_audience",
        "No audience",
        "The assertion does not say for whom it is.",
        "saml_audience_missing",
        Answer(edit_assertion=_drop("AudienceRestriction")),
    ),
    DemoFault(
        "replay", "Replay", "The same answer is delivered twice; the second time is refused.", "reply_replayed", sent_twice=True
    ),
)

BY_NAME = {fault.name: fault for fault in FAULTS}


class WrongDemoIdp:
    """Answers of a demo IdP with one fault. Makes the strangers' keys once, when the first fault needs them (0.1 s)."""

    def __init__(self, idp: DemoSamlIdp) -> None:
        self._idp = idp
        self._strangers: dict[str, KeyPair] = {}

    def respond(self, fault: DemoFault, person: DemoPerson, request: ReadRequest) -> str:
        """The SAMLResponse field (base64) with that fault, for the same form as a good one."""
        answered = fault.person(person) if fault.person is not None else person
        answer = fault.answer
        if fault.how == "encrypted":
            answer = replace(answer, encrypt_for=self._stranger("stranger").certificate_pem)
        if fault.how == "slash":
            answer = replace(answer, audiences=(f"{request.sp_entity_id}/",))
        if fault.how in ("stranger", "expired"):
            return self._signed_by(self._stranger(fault.how), answered, request)
        encoded = self._idp.respond(answered, request, answer)
        if fault.how == "tampered":
            return _changed(encoded, person.name_id, f"{person.name_id}-somebody-else")
        if fault.how == "sha1":
            return _changed(_changed(encoded, names.RSA_SHA256, names.RSA_SHA1), names.SHA256, names.SHA1)
        return encoded

    def _signed_by(self, keys: KeyPair, person: DemoPerson, request: ReadRequest) -> str:
        encoded = self._idp.respond(person, request, Answer(sign_assertion=False))
        root = etree.fromstring(base64.b64decode(encoded))
        assertion = root.find(tag(names.SAML, "Assertion"))
        if assertion is None:
            raise ValueError("a good answer has an assertion")
        sign_enveloped(assertion, load_private_key(keys.private_pem), keys.certificate_pem)
        return base64.b64encode(etree.tostring(root)).decode()

    def _stranger(self, name: str) -> KeyPair:
        if name not in self._strangers:
            expired = name == "expired"
            begun = self._idp.now() - timedelta(days=30 if expired else 0)
            life = timedelta(days=20 if expired else 3650)
            self._strangers[name] = new_key_pair(f"{name} demo signer", begun, life=life)
        return self._strangers[name]


def _changed(encoded: str, old: str, new: str) -> str:
    return base64.b64encode(base64.b64decode(encoded).replace(old.encode(), new.encode())).decode()
