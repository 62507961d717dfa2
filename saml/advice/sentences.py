"""One sentence per symptom: what happened and what to do about it. ``{…}`` is filled from the message, shortened.

``topic`` names the setting whose place at the vendor is told behind the sentence. A vendor's own trap stands in ``TRAPS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from saml.advice.about_content import ABOUT_CONTENT
from saml.advice.about_message import ABOUT_MESSAGE
from saml.advice.consoles import ALIASES, place
from saml.advice.sentence import Sentence

MAX_VALUE = 160


@dataclass(frozen=True, slots=True)
class Symptom:
    """What exactly is wrong: a key of ``SENTENCES`` and the values that its sentence shows."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


SENTENCES: Mapping[str, Sentence] = {**ABOUT_MESSAGE, **ABOUT_CONTENT}

TRAPS: Mapping[tuple[str, str], str] = {
    ("not_assigned", "google"): "The setting can take up to a day until it holds everywhere.",
    ("certificate_unknown", "adfs"): ("AD FS rolls its certificates over by itself: a metadata address keeps this "
        "connection current."),
    ("certificate_unknown", "okta"): "Every app of Okta has metadata of its own: take this app's.",
    ("certificate_unknown", "jumpcloud"): "Export the metadata only after the app was activated.",
    ("email_invalid", "entra"): "A user principal name is not always an address that receives mail.",
    ("issuer_same_host", "okta"): "Each app of an Okta organisation has an issuer of its own.",
    ("issuer_same_host", "entra"): "The issuer holds the directory (tenant) id: this answer comes from another directory.",
    ("issuer_same_host", "google"): "The issuer holds the customer's idpid: this answer comes from another Google customer.",
    ("issuer_other", "jumpcloud"): "In JumpCloud the entity id is chosen by the admin: it must be the one stored here.",
    ("idp_internal", "simplesamlphp"): ("SimpleSAMLphp says “appears to be misconfigured” when it wants to encrypt and "
        "has no key."),
    ("dummy_request", "rippling"): "Rippling sends dummy values when a sign-in starts there.",
    ("transient", "shibboleth"): ("Shibboleth sends transient NameIDs unless our metadata or its settings ask for "
        "another format."),
    ("transient", "simplesamlphp"): "SimpleSAMLphp takes the format from our metadata: let it load that again.",
    ("name_id_missing", "adfs"): "AD FS sends a Name ID only when a claim rule makes one.",
}  # fmt: skip


def told(symptom: Symptom, vendor: str) -> str:
    """The whole advice for one symptom at one vendor."""
    sentence = SENTENCES[symptom.name]
    values = {name: value[:MAX_VALUE] for name, value in symptom.values.items()}
    parts = [sentence.text.format_map(values)]
    if sentence.topic is not None:
        parts.append(place(vendor, sentence.topic))
    trap = TRAPS.get((symptom.name, ALIASES.get(vendor, vendor)))
    if trap is not None:
        parts.append(trap)
    return " ".join(parts)
