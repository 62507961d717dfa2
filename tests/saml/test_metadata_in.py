"""What admins upload: every vendor's dialect, and a plain sentence for what cannot be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from idbroker.federation.contract import ConnectionDraft
from idbroker.kernel.errors import Invalid, Refusal
from saml.metadata_in import MAX_LISTED
from saml.metadata_text import decoded
from tests.support.saml_world import NOW, ScriptedFetcher, World, key_pair, upload

FIXTURES = Path(__file__).parents[2] / "fixtures" / "idp_metadata"


def text(name: str) -> str:
    return decoded((FIXTURES / f"{name}.xml").read_bytes())


def draft(fields: dict[str, Any], world: World | None = None) -> ConnectionDraft:
    used = world or World()
    return used.protocol.draft(upload(fields), used.connection)


ACCEPTED = [
    # file, vendor, redirect?, post?, signing certificates, warnings
    ("okta", "okta", True, True, 1, []),
    ("entra", "entra", True, True, 1, []),
    ("google", "google", True, True, 1, []),
    ("adfs", "adfs", True, True, 1, []),
    ("pingone", "pingone", True, True, 1, []),
    ("onelogin", "onelogin", True, True, 1, []),
    ("jumpcloud", "jumpcloud", False, True, 1, ["no_redirect_binding"]),
    ("keycloak", "keycloak", True, True, 1, []),
    ("shibboleth", "shibboleth", True, True, 1, []),
    ("simplesamlphp", "simplesamlphp", True, False, 1, ["transient_name_id_only"]),
    ("two_certs", "generic", True, True, 2, []),
    ("expired", "generic", True, True, 1, ["certificate_expired", "valid_until_past"]),
    ("expiring", "generic", True, True, 1, ["certificate_expiring"]),
    ("weak_key", "generic", True, True, 1, ["weak_key"]),
    ("elliptic", "generic", True, True, 1, []),
    ("plain_http", "generic", True, True, 1, ["insecure_endpoint", "insecure_endpoint"]),
    ("post_only", "generic", False, True, 1, ["no_redirect_binding"]),
]


@pytest.mark.parametrize(("name", "vendor", "redirect", "post", "certificates", "warnings"), ACCEPTED)
def test_accepted(name: str, vendor: str, redirect: bool, post: bool, certificates: int, warnings: list[str]) -> None:
    made = draft({"metadata_xml": text(name)})
    idp = made.settings["idp"]
    assert made.vendor == vendor
    assert (idp["sso"]["redirect"] is not None, idp["sso"]["post"] is not None) == (redirect, post)
    assert len(idp["certificates"]) == certificates
    assert [warning.code for warning in made.warnings] == warnings


REFUSED = [
    ("sp_only", "service provider"),
    ("saml1_only", "does not offer SAML 2.0"),
    ("no_certificate", "no signing certificate"),
    ("wrong_namespace", "damaged"),
    ("script_address", "no browser can be sent to"),
    ("doctype", "document type"),
    ("not_metadata", "no SAML metadata"),
]


@pytest.mark.parametrize(("name", "sentence"), REFUSED)
def test_refused_with_a_reason(name: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        draft({"metadata_xml": text(name)})
    assert refused.value.errors[0].pointer == "/metadata_xml"
    assert sentence in refused.value.errors[0].message


def test_every_fixture_has_its_test() -> None:
    tested = {case[0] for case in ACCEPTED} | {case[0] for case in REFUSED} | {"aggregate"}
    assert {path.stem for path in FIXTURES.glob("*.xml")} == tested


def test_an_aggregate_lists_its_idps_and_lets_one_be_chosen() -> None:
    with pytest.raises(Invalid) as refused:
        draft({"metadata_xml": text("aggregate")})
    assert refused.value.errors[0].pointer == "/entity_id"
    assert all(f"https://idp{number}.federation.example/metadata" in refused.value.public for number in (1, 2, 3))
    wanted = "https://idp3.federation.example/metadata"
    made = draft({"metadata_xml": text("aggregate"), "entity_id": wanted})
    assert made.settings["idp"]["entity_id"] == wanted
    assert made.settings["idp"]["valid_until"] == "2055-01-01T00:00:00Z"
    with pytest.raises(Invalid, match="holds no IdP"):
        draft({"metadata_xml": text("aggregate"), "entity_id": "https://idp9.federation.example"})


def test_a_large_aggregate_lists_only_the_first() -> None:
    one = text("two_certs")
    many = "".join(one.replace("https://idp.acme.example/metadata", f"https://idp{n}.example/") for n in range(MAX_LISTED + 5))
    whole = f'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{many}</md:EntitiesDescriptor>'
    with pytest.raises(Invalid, match="and 5 more"):
        draft({"metadata_xml": whole})


@pytest.mark.parametrize("broken", ["", "   ", "hello", "<a", "\x00", "{}", "<a>&x;</a>", "\ud800"])
def test_what_is_not_xml_at_all(broken: str) -> None:
    with pytest.raises(Invalid) as refused:
        draft({"metadata_xml": broken})
    assert refused.value.errors[0].pointer == "/metadata_xml"


def test_utf16_as_windows_saves_it() -> None:
    page = {"https://idp.example/metadata": (200, text("adfs").encode("utf-16"))}
    made = draft({"metadata_url": "https://idp.example/metadata"}, World(fetcher=ScriptedFetcher(page)))
    assert made.vendor == "adfs"
    assert made.settings["source"]["metadata_url"] == "https://idp.example/metadata"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://idp.example/metadata", "cannot be used"),
        ("http://idp.example/metadata", "must be https"),
        ("https://idp.example/404", "answered 404"),
        ("https://idp.example/login", "no SAML metadata"),
    ],
)
def test_metadata_url_that_does_not_work(url: str, sentence: str) -> None:
    pages = {"https://idp.example/404": (404, b""), "https://idp.example/login": (200, b"<html/>")}
    with pytest.raises(Invalid) as refused:
        draft({"metadata_url": url}, World(fetcher=ScriptedFetcher(pages)))
    assert refused.value.errors[0].pointer == "/metadata_url"
    assert sentence in refused.value.errors[0].message


def test_metadata_url_that_cannot_be_reached() -> None:
    with pytest.raises(Refusal) as refused:
        draft({"metadata_url": "https://nowhere.example/metadata"})
    assert refused.value.status == 502


def _fields(**more: Any) -> dict[str, Any]:
    pem = key_pair("idp").certificate_pem
    return {"idp": {"entity_id": "urn:idp", "sso_url": "https://idp.example/sso", "certificates": [pem], **more}}


def test_three_fields() -> None:
    made = draft(_fields())
    assert made.settings["idp"]["sso"] == {"redirect": "https://idp.example/sso", "post": None}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        (_fields(entity_id=""), "/idp/entity_id"),
        (_fields(entity_id=5), "/idp/entity_id"),
        (_fields(sso_url="javascript:alert(1)"), "/idp/sso_url"),
        (_fields(sso_url=None), "/idp/sso_url"),
        (_fields(certificates=[]), "/idp/certificates"),
        (_fields(certificates="x"), "/idp/certificates"),
        (_fields(certificates=["not a certificate"]), "/idp/certificates/0"),
        (_fields(certificates=[None]), "/idp/certificates/0"),
        (_fields(color="blue"), "/idp/color"),
        ({"idp": "x"}, "/idp"),
        ({"metadata_xml": 5}, "/metadata_xml"),
        ({"metadata_xml": "<a/>", "entity_id": 5}, "/entity_id"),
        ({"metadata_ur": "https://idp.example"}, "/metadata_ur"),
        ({"metadata_xml": "<a/>", "metadata_url": "https://idp.example"}, "/metadata_xml"),
    ],
)
def test_wrong_fields_are_pointed_at(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        draft(fields)
    assert pointer in [error.pointer for error in refused.value.errors]


def test_a_new_connection_gets_a_key_and_a_changed_one_keeps_it() -> None:
    world = World()
    made = world.protocol.draft(upload({"metadata_xml": text("okta")}), None)
    assert "PRIVATE KEY" in made.secrets["sp_key"]
    assert "PRIVATE" not in str(made.settings)
    assert made.secrets["sp_key"] not in repr(made)
    connection = replace(world.connection, settings=made.settings, secrets=made.secrets, version=7)
    changed = world.protocol.draft(upload({"metadata_xml": text("google")}), connection)
    assert changed.secrets == made.secrets
    assert changed.settings["sp"] == made.settings["sp"]


def test_a_change_without_metadata_keeps_everything() -> None:
    world = World()
    assert world.protocol.draft(upload({}), world.connection).settings == world.connection.settings
    with pytest.raises(Invalid, match="metadata_url or idp is required"):
        world.protocol.draft(upload({}), None)


def test_warnings_follow_the_clock() -> None:
    world = World()
    world.clock.moment = NOW + timedelta(days=60)
    made = world.protocol.draft(upload({"metadata_xml": text("expiring")}), world.connection)
    assert [warning.code for warning in made.warnings] == ["certificate_expired"]


def test_a_broken_logout_address_costs_only_the_logout() -> None:
    service = 'SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="'
    broken = text("onelogin").replace(service, service + "javascript:")
    made = draft({"metadata_xml": broken})
    assert set(made.settings["idp"]["slo"].values()) == {None}
    assert [warning.code for warning in made.warnings] == ["logout_address_ignored"]
