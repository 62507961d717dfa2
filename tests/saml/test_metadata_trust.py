"""Metadata that is large, signed, or changed: bounded reading, the signer's certificate, and what may be taken unasked."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from signxml import XMLVerifier

from idbroker.federation.contract import ConnectionDraft
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.errors import Conflict, Invalid
from saml import metadata_out, names
from saml.demo_idp import Answer
from saml.keys import load_private_key
from saml.metadata_difference import metadata_difference, must_be_held
from saml.names import tag
from saml.schemas import schema_fault
from saml.settings import read_settings
from saml.signing import bare_certificate, sign_enveloped
from saml.sp_keys import begin_sp_key_rollover, cancel_sp_key_rollover, finish_sp_key_rollover
from tests.support.effort import FAR_TOO_LONG, not_for_long
from tests.support.saml_aggregate import aggregate
from tests.support.saml_world import ALICE, NOW, ScriptedFetcher, World, key_pair, upload

METADATA = "saml-schema-metadata-2.0.xsd"
ROOT = Path(__file__).parents[2]


def draft(fields: dict[str, Any], world: World | None = None) -> ConnectionDraft:
    used = world or World()
    return used.protocol.draft(upload(fields), used.connection)


def signed(text: str, name: str = "federation") -> str:
    root = etree.fromstring(text.encode())
    sign_enveloped(root, load_private_key(key_pair(name).private_pem), key_pair(name).certificate_pem)
    return etree.tostring(root, encoding="unicode")


# --- large ---

MEASURE = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from saml.metadata_in import read_metadata
from tests.support.saml_aggregate import aggregate
text = aggregate(5000)
started = time.process_time()
found = read_metadata(text, "https://idp4711.federation.example/metadata", "/metadata_xml")
seconds = time.process_time() - started
# Not ru_maxrss, which begins with what the parent had.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(seconds, peak.split()[1], len(text))
assert found.cache_seconds == 21600
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_federation_of_5000_is_read_quickly_in_little_memory() -> None:
    run = subprocess.run([sys.executable, "-c", MEASURE.format(root=str(ROOT))], capture_output=True, text=True, check=True)
    seconds, peak_kb, characters = run.stdout.split()
    assert int(characters) > 9_000_000
    assert float(seconds) < FAR_TOO_LONG
    assert int(peak_kb) < 200 * 1024


def test_what_the_aggregate_says_of_itself_holds_for_its_entities() -> None:
    made = draft({"metadata_xml": aggregate(20), "entity_id": "https://idp7.federation.example/metadata"})
    assert made.settings["idp"]["valid_until"] == "2027-01-01T00:00:00Z"
    assert made.settings["source"]["cache_seconds"] == 6 * 3600
    assert made.settings["source"]["entity_id"] == "https://idp7.federation.example/metadata"


# --- signed ---

WANTED = {"entity_id": "https://idp7.federation.example/metadata"}


def test_signed_by_the_federation() -> None:
    page = {"https://mds.example/all": (200, signed(aggregate(9)).encode())}
    fields = {"metadata_url": "https://mds.example/all", "metadata_certificate": key_pair("federation").certificate_pem}
    made = draft({**fields, **WANTED}, World(fetcher=ScriptedFetcher(page)))
    assert made.settings["idp"]["entity_id"] == WANTED["entity_id"]
    assert made.settings["source"]["metadata_certificate"] == bare_certificate(key_pair("federation").certificate_pem)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: aggregate(9), "not signed as a whole"),
        (lambda: signed(aggregate(9), "stranger"), "not signed by the given certificate"),
        (lambda: signed(aggregate(9)).replace("idp7.federation.example/sso", "evil.example/sso"), "changed since"),
        (lambda: signed(aggregate(9)).replace("rsa-sha256", "rsa-md5"), "not of a form"),
        (lambda: f'<md:EntitiesDescriptor xmlns:md="{names.MD}">{signed(aggregate(9))}</md:EntitiesDescriptor>', "as a whole"),
    ],
    ids=["unsigned", "stranger", "changed", "algorithm", "wrapped"],
)
def test_signature_that_does_not_hold(make: Any, sentence: str) -> None:
    text = make().replace('<?xml version="1.0"?>', "")
    with pytest.raises(Invalid) as refused:
        draft({"metadata_xml": text, "metadata_certificate": key_pair("federation").certificate_pem, **WANTED})
    assert sentence in refused.value.errors[0].message


def test_a_certificate_for_the_metadata_that_is_none() -> None:
    with pytest.raises(Invalid) as refused:
        draft({"metadata_xml": aggregate(1), "metadata_certificate": "x"})
    assert refused.value.errors[0].pointer == "/metadata_certificate"


def test_our_own_addresses_in_the_place_of_the_idps() -> None:
    world = World()
    pem = key_pair("idp").certificate_pem
    for idp in (
        {"entity_id": world.entity_id, "sso_url": "https://idp.example/sso", "certificates": [pem]},
        {"entity_id": "urn:idp", "sso_url": world.acs_url, "certificates": [pem]},
    ):
        with pytest.raises(Invalid, match="our own address"):
            draft({"idp": idp}, world)


# --- removed certificates ---


def _with_certificates(world: World, *pairs: str) -> World:
    metadata = world.idp.metadata()
    own = bare_certificate(world.idp.keys.certificate_pem)
    key = metadata[metadata.index("<md:KeyDescriptor") : metadata.index("</md:KeyDescriptor>") + len("</md:KeyDescriptor>")]
    several = "".join(key.replace(own, bare_certificate(key_pair(name).certificate_pem)) for name in pairs)
    made = draft({"metadata_xml": metadata.replace(key, several)}, world)
    world.connection = replace(world.connection, settings=made.settings, version=world.connection.version + 1)
    return world


def test_removed_certificates_are_remembered_until_they_come_back() -> None:
    world = _with_certificates(World(), "idp", "successor")
    assert read_settings(world.connection).retired_certificates == ()
    _with_certificates(world, "successor")
    (retired,) = read_settings(world.connection).retired_certificates
    assert retired.der == bare_certificate(key_pair("idp").certificate_pem)
    assert retired.removed_at == NOW
    world.clock.pass_by(timedelta(days=1))
    _with_certificates(world, "stranger")
    assert [one.removed_at for one in read_settings(world.connection).retired_certificates] == [NOW + timedelta(days=1), NOW]
    _with_certificates(world, "idp")
    names_left = [one.der for one in read_settings(world.connection).retired_certificates]
    assert bare_certificate(key_pair("idp").certificate_pem) not in names_left
    assert world.sign_in().subject == ALICE.name_id


# --- differences ---


def _changed(**idp: Any) -> list[tuple[str, str, str]]:
    settings = World().connection.settings
    changes = metadata_difference(settings, {**settings, "idp": {**settings["idp"], **idp}})
    return [(change.field, change.kind, change.policy) for change in changes]


OLD = bare_certificate(key_pair("idp").certificate_pem)
NEW = bare_certificate(key_pair("successor").certificate_pem)
ELSEWHERE = "https://elsewhere.example/"


@pytest.mark.parametrize(
    ("idp", "expected"),
    [
        ({}, []),
        ({"certificates": [OLD, NEW]}, [("idp.certificates", "added", "take")]),
        ({"certificates": [NEW]}, [("idp.certificates", "removed", "hold"), ("idp.certificates", "added", "take")]),
        ({"entity_id": "urn:other"}, [("idp.entity_id", "changed", "hold")]),
        (
            {"sso": {"redirect": ELSEWHERE, "post": ELSEWHERE}},
            [("idp.sso.redirect", "changed", "hold"), ("idp.sso.post", "changed", "hold")],
        ),
        ({"slo": {"redirect": ELSEWHERE, "post": None}}, [("idp.slo.redirect", "added", "hold")]),
        ({"encryption_certificates": [NEW]}, [("idp.encryption_certificates", "added", "take")]),
        ({"valid_until": "2030-01-01T00:00:00Z"}, [("idp.valid_until", "added", "take")]),
        ({"name_id_formats": []}, [("idp.name_id_formats", "removed", "take")]),
        ({"want_authn_requests_signed": True}, [("idp.want_authn_requests_signed", "changed", "take")]),
    ],
)
def test_difference(idp: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert _changed(**idp) == expected


def test_any_held_change_holds_the_whole_reading() -> None:
    settings = World().connection.settings
    added = metadata_difference(settings, {**settings, "idp": {**settings["idp"], "certificates": [OLD, NEW]}})
    removed = metadata_difference(settings, {**settings, "idp": {**settings["idp"], "certificates": [NEW]}})
    assert not must_be_held(added)
    assert must_be_held(removed)
    assert len(str(added[0].as_document()["after"])) == 64


# --- our own key, changed ---


def _applied(world: World, made: ConnectionDraft) -> None:
    world.connection = replace(
        world.connection, settings=made.settings, secrets=made.secrets, version=world.connection.version + 1
    )


def _published(world: World, name: str = "metadata") -> etree._Element:
    return etree.fromstring(world.protocol.publish(world.connection, name).body)


def _uses(root: etree._Element) -> list[str]:
    return [str(key.get("use")) for key in root.iter(tag(names.MD, "KeyDescriptor"))]


def test_roll_over_of_our_key() -> None:
    world = World()
    before = read_settings(world.connection).sp_certificate
    assert _uses(_published(world)) == ["signing", "encryption"]
    _applied(world, begin_sp_key_rollover(world.connection, NOW))
    with pytest.raises(Conflict):
        begin_sp_key_rollover(world.connection, NOW)
    following = read_settings(world.connection).next_sp_certificate
    assert following is not None
    root = _published(world)
    assert schema_fault(root, METADATA) is None
    assert _uses(root) == ["signing", "signing", "encryption", "encryption"]
    for certificate in (before, following):
        assert world.sign_in(Answer(encrypt_for=certificate)).subject == ALICE.name_id
    assert "PRIVATE" not in str(world.connection.settings)
    _applied(world, finish_sp_key_rollover(world.connection))
    assert read_settings(world.connection).sp_certificate == following
    assert set(world.connection.secrets) == {"sp_key"}
    assert world.sign_in(Answer(encrypt_for=following)).subject == ALICE.name_id
    with pytest.raises(Conflict):
        finish_sp_key_rollover(world.connection)


def test_cancelled_roll_over() -> None:
    world = World()
    settings, secrets = world.connection.settings, world.connection.secrets
    _applied(world, begin_sp_key_rollover(world.connection, NOW))
    _applied(world, cancel_sp_key_rollover(world.connection))
    assert world.connection.settings == settings
    assert world.connection.secrets == secrets
    with pytest.raises(Conflict):
        cancel_sp_key_rollover(world.connection)


def test_a_change_of_metadata_keeps_a_running_roll_over() -> None:
    world = World()
    _applied(world, begin_sp_key_rollover(world.connection, NOW))
    made = draft({"metadata_xml": world.idp.metadata()}, world)
    assert made.settings["sp"] == world.connection.settings["sp"]
    assert set(made.secrets) == {"sp_key", "sp_key_next"}


# --- our metadata, signed ---


@pytest.mark.parametrize(
    ("name", "options"), [("metadata-signed", ConnectionOptions()), ("metadata", ConnectionOptions(sign_metadata=True))]
)
def test_signed_metadata_is_accepted_by_signxml(name: str, options: ConnectionOptions) -> None:
    world = World(options)
    root = _published(world, name)
    assert schema_fault(root, METADATA) is None
    XMLVerifier().verify(root, x509_cert=key_pair("sp").certificate_pem, id_attribute="ID", expect_references=1)
    assert root.find(tag(names.DS, "Signature")) is not None
    assert _published(World()).find(tag(names.DS, "Signature")) is None


def test_metadata_is_the_same_bytes_every_time() -> None:
    world = World()
    assert world.protocol.publish(world.connection, "metadata") == world.protocol.publish(world.connection, "metadata")


def test_logout_addresses_when_they_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_out, "SLO_SERVED", True)
    root = _published(World())
    assert schema_fault(root, METADATA) is None
    services = list(root.iter(tag(names.MD, "SingleLogoutService")))
    assert {service.get("Binding") for service in services} == {names.BINDING_REDIRECT, names.BINDING_POST}


def test_reading_is_linear() -> None:
    with not_for_long(), pytest.raises(Invalid, match="Say which one"):
        draft({"metadata_xml": aggregate(1500)})
