"""The request that we send, and the metadata that we publish, read by other software than ours."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from signxml import XMLVerifier

from idbroker.federation.contract import AttemptRef, PostTo, RedirectTo, UnverifiedReply
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.errors import NotFound
from saml import metadata_out, names
from saml.authn_request import request_id
from saml.demo_idp import BadRequest, DemoSamlIdp, ReadRequest
from saml.names import tag
from saml.schemas import schema_fault
from tests.support.saml_world import BASE, CONNECTION, HANDLE, IDP, NOW, SSO, StoppedClock, World, key_pair


def _redirect(world: World) -> tuple[str, dict[str, str], etree._Element]:
    handoff = world.protocol.begin(world.connection, world.attempt)
    assert isinstance(handoff, RedirectTo)
    query = urlsplit(handoff.url).query
    params = dict(parse_qsl(query, strict_parsing=True))
    return query, params, _inflate(params["SAMLRequest"])


def _inflate(packed: str) -> etree._Element:
    return etree.fromstring(zlib.decompress(base64.b64decode(packed), -15))


def test_redirect_is_signed_over_the_query_as_sent() -> None:
    world = World()
    query, params, _ = _redirect(world)
    assert list(params) == ["SAMLRequest", "RelayState", "SigAlg", "Signature"]
    signed = query.rpartition("&Signature=")[0]
    key = x509.load_pem_x509_certificate(key_pair("sp").certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(params["Signature"]), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert params["SigAlg"] == names.RSA_SHA256


def test_content_of_the_request() -> None:
    world = World(ConnectionOptions(name_id_format=names.FORMAT_PERSISTENT, authn_context=("urn:mfa",), force_authn=True))
    _, params, request = _redirect(world)
    assert params["RelayState"] == HANDLE
    assert schema_fault(request, "saml-schema-protocol-2.0.xsd") is None
    assert request.get("ID") == request_id(HANDLE)
    assert request.get("Destination") == SSO
    assert request.get("AssertionConsumerServiceURL") == f"{BASE}/saml/{CONNECTION}/acs"
    assert request.get("IssueInstant") == "2026-11-21T09:00:00Z"
    assert request.get("ForceAuthn") == "true"
    assert request.findtext(tag(names.SAML, "Issuer")) == f"{BASE}/saml/{CONNECTION}/metadata"
    policy = request.find(tag(names.SAMLP, "NameIDPolicy"))
    assert policy is not None
    assert policy.get("Format") == names.FORMAT_PERSISTENT


def test_nothing_is_asked_for_that_was_not_configured() -> None:
    _, _, request = _redirect(World())
    assert [child.tag for child in request] == [tag(names.SAML, "Issuer")]
    assert request.get("ForceAuthn") is None


@pytest.mark.parametrize("attempt", [AttemptRef(HANDLE, NOW, force_authn=True), AttemptRef(HANDLE, NOW, max_age=0)])
def test_fresh_sign_in(attempt: AttemptRef) -> None:
    _, _, request = _redirect(World(attempt=attempt))
    assert request.get("ForceAuthn") == "true"


def test_unsigned_when_the_option_says_so() -> None:
    _, params, _ = _redirect(World(ConnectionOptions(sign_authn_requests=False)))
    assert list(params) == ["SAMLRequest", "RelayState"]


def test_an_address_that_has_a_query_keeps_it() -> None:
    world = World()
    world.with_settings(sso={"redirect": "https://idp.example/sso?idpid=1", "post": None})
    handoff = world.protocol.begin(world.connection, world.attempt)
    assert isinstance(handoff, RedirectTo)
    assert handoff.url.startswith("https://idp.example/sso?idpid=1&SAMLRequest=")


def test_post_binding_carries_an_enveloped_signature_that_signxml_accepts() -> None:
    world = World()
    world.with_settings(sso={"redirect": None, "post": SSO})
    handoff = world.protocol.begin(world.connection, world.attempt)
    assert isinstance(handoff, PostTo)
    assert handoff.url == SSO
    assert handoff.fields["RelayState"] == HANDLE
    request = etree.fromstring(base64.b64decode(handoff.fields["SAMLRequest"]))
    assert schema_fault(request, "saml-schema-protocol-2.0.xsd") is None
    verified = XMLVerifier().verify(request, x509_cert=key_pair("sp").certificate_pem, id_attribute="ID", expect_references=1)
    assert not isinstance(verified, list)
    assert verified.signed_xml is not None
    assert verified.signed_xml.get("ID") == request_id(HANDLE)


@pytest.mark.parametrize(
    ("relay_state", "handle"),
    [(HANDLE, HANDLE), ("", None), ("https://app.example/", None), ("h" * 42, None), ("h" * 42 + "\n", None), ("é" * 43, None)],
)
def test_correlation(relay_state: str, handle: str | None) -> None:
    world = World()
    assert world.protocol.correlate(UnverifiedReply("POST", world.acs_url, {"RelayState": relay_state})) == handle


def test_sp_metadata_is_valid_and_lists_what_works() -> None:
    alias = "https://sso.former.example/acs"
    world = World(ConnectionOptions(acs_url_aliases=(alias,)))
    published = world.protocol.publish(world.connection, "metadata")
    root = etree.fromstring(published.body)
    assert schema_fault(root, "saml-schema-metadata-2.0.xsd") is None
    assert published.media_type == "application/samlmetadata+xml"
    assert root.get("entityID") == world.entity_id
    services = list(root.iter(tag(names.MD, "AssertionConsumerService")))
    assert [service.get("Location") for service in services] == [world.acs_url, alias]
    assert [key.get("use") for key in root.iter(tag(names.MD, "KeyDescriptor"))] == ["signing", "encryption"]
    assert bool(list(root.iter(tag(names.MD, "SingleLogoutService")))) == metadata_out.SLO_SERVED
    with pytest.raises(NotFound):
        world.protocol.publish(world.connection, "other")


def test_description_has_what_the_api_shows() -> None:
    world = World()
    described = world.protocol.describe(world.connection)
    root = f"{BASE}/saml/{CONNECTION}"
    assert described["sp"] == {
        "entity_id": f"{root}/metadata",
        "acs_url": f"{root}/acs",
        "slo_url": f"{root}/slo",
        "metadata_url": f"{root}/metadata",
    }
    assert described["idp"]["entity_id"] == IDP
    assert described["idp"]["sso_url"] == SSO
    (certificate,) = described["idp"]["certificates"]
    assert certificate["not_before"] == "2026-11-20T09:00:00.000Z"
    assert len(certificate["sha256"]) == 64


# --- the demo IdP's own manners ---


def test_demo_idp_answers_only_where_it_was_told_to() -> None:
    idp = DemoSamlIdp(IDP, SSO, StoppedClock(), keys=key_pair("idp"))
    request = ReadRequest("_r", "urn:stranger", "https://evil.example/acs", "")
    with pytest.raises(BadRequest):
        idp.acs_url_of(request)
    idp.trust("urn:stranger", "https://stranger.example/acs")
    assert idp.acs_url_of(request) == "https://stranger.example/acs"


@pytest.mark.parametrize("message", ["", "!!!", base64.b64encode(b"<a/>").decode(), base64.b64encode(b"\xff").decode()])
@pytest.mark.parametrize("deflated", [False, True])
def test_demo_idp_refuses_what_is_no_request(message: str, deflated: bool) -> None:
    with pytest.raises(BadRequest):
        DemoSamlIdp(IDP, SSO, StoppedClock(), keys=key_pair("idp")).read_request({"SAMLRequest": message}, deflated=deflated)


def test_demo_idp_refuses_a_request_that_inflates_without_end() -> None:
    deflate = zlib.compressobj(wbits=-15)
    bomb = base64.b64encode(deflate.compress(b" " * 10_000_000) + deflate.flush()).decode()
    with pytest.raises(BadRequest):
        DemoSamlIdp(IDP, SSO, StoppedClock(), keys=key_pair("idp")).read_request({"SAMLRequest": bomb}, deflated=True)


def test_demo_idp_metadata_is_valid() -> None:
    world = World()
    assert schema_fault(etree.fromstring(world.idp.metadata()), "saml-schema-metadata-2.0.xsd") is None


def test_key_cache_follows_the_version() -> None:
    world = World()
    described = world.protocol.describe(world.connection)
    settings = {**world.connection.settings, "idp": {**world.connection.settings["idp"], "entity_id": "urn:new"}}
    newer = replace(world.connection, settings=settings, version=world.connection.version + 1)
    assert world.protocol.describe(newer)["idp"]["entity_id"] == "urn:new"
    assert world.protocol.describe(world.connection) == described


# --- what more a request can ask ---


@pytest.mark.parametrize("comparison", ["exact", "minimum", "better", "maximum"])
def test_authentication_context_with_its_comparison(comparison: str) -> None:
    world = World(ConnectionOptions(authn_context=("urn:mfa",), authn_context_comparison=comparison))
    _, _, request = _redirect(world)
    wanted = request.find(tag(names.SAMLP, "RequestedAuthnContext"))
    assert wanted is not None
    assert wanted.get("Comparison") == comparison
    assert schema_fault(request, "saml-schema-protocol-2.0.xsd") is None


def test_passive() -> None:
    _, _, request = _redirect(World(attempt=AttemptRef(HANDLE, NOW, is_passive=True)))
    assert request.get("IsPassive") == "true"
    assert schema_fault(request, "saml-schema-protocol-2.0.xsd") is None


HINTED = AttemptRef(HANDLE, NOW, login_hint="alice+x@acme.example")


@pytest.mark.parametrize("vendor", ["okta", "keycloak"])
def test_login_hint_as_subject(vendor: str) -> None:
    world = World(attempt=HINTED)
    world.connection = replace(world.connection, vendor=vendor)
    _, params, request = _redirect(world)
    assert request.findtext(f"{tag(names.SAML, 'Subject')}/{tag(names.SAML, 'NameID')}") == "alice+x@acme.example"
    assert "login_hint" not in params
    assert schema_fault(request, "saml-schema-protocol-2.0.xsd") is None


@pytest.mark.parametrize("vendor", ["entra", "adfs"])
def test_login_hint_in_the_query_outside_the_signature(vendor: str) -> None:
    """Entra answers a Subject with an error."""
    world = World(attempt=HINTED)
    world.connection = replace(world.connection, vendor=vendor)
    query, params, request = _redirect(world)
    assert request.find(tag(names.SAML, "Subject")) is None
    assert params["login_hint"] == "alice+x@acme.example"
    signed = query[query.index("SAMLRequest=") :].rpartition("&Signature=")[0]
    key = x509.load_pem_x509_certificate(key_pair("sp").certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(params["Signature"]), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("vendor", ["generic", "google", "shibboleth"])
def test_login_hint_is_kept_from_whoever_is_not_known_to_take_it(vendor: str) -> None:
    world = World(attempt=HINTED)
    world.connection = replace(world.connection, vendor=vendor)
    _, params, request = _redirect(world)
    assert "login_hint" not in params
    assert request.find(tag(names.SAML, "Subject")) is None
