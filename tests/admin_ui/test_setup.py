"""The setup portal as an IT admin lives through it, and as somebody who should not be there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from admin_ui.setup.guide import markdown
from admin_ui.setup.vendors import VENDORS
from saml.demo_idp import DemoPerson, DemoSamlIdp
from tests.support.saml_world import key_pair
from tests.support.ui_world import BASE, Person, UiWorld

ROOT = Path(__file__).parents[2]
SCOPES = ["domains", "sso", "scim"]


def begun(world: UiWorld, tenant: str = "acme", scopes: list[str] | None = None) -> tuple[Person, str]:
    """(a browser behind a fresh link, the link's path)."""
    url = world.api("POST", f"/tenants/{tenant}/setup-links", {"scopes": scopes or SCOPES})["url"].removeprefix(BASE)
    person = world.browser()
    assert person.post(url).location == "/setup/work/home"
    return person, url


def metadata(world: UiWorld) -> str:
    return DemoSamlIdp("https://idp.acme.example/metadata", "https://idp.acme.example/sso", world.clock).metadata()


def test_from_a_fresh_link_to_a_connection_that_is_on(world: UiWorld) -> None:
    world.tenant("acme")
    person, _ = begun(world)
    assert person.get("/setup/work/home").location == "/setup/steps/domain"
    assert person.post("/setup/steps/domain", domain="gmail.com").status == 422
    assert person.post("/setup/steps/domain", domain="acme.example").status == 303
    page = person.get("/setup/steps/domain")
    name, value = page.value("txt-name-1"), page.value("txt-value-1")
    domain = world.api("GET", "/tenants/acme/domains")["data"][0]["id"]
    refused = person.post("/setup/steps/domain/verify", page="/setup/steps/domain", id=domain)
    assert refused.status == 409
    assert person.post("/setup/steps/provider", vendor="okta_saml").location == "/setup/steps/console/1"
    page = person.get("/setup/steps/console/2")
    assert "Single sign on URL" in page.text
    acs = page.value("our-acs-url")
    assert world.client.get(acs.replace("/acs", "/metadata")).status_code == 200
    wrong = person.post("/setup/steps/metadata", metadata_xml="<a>typed by hand</a>")
    assert wrong.status == 422
    assert "&lt;a&gt;typed by hand&lt;/a&gt;" in person.get("/setup/steps/metadata").text
    assert person.post("/setup/steps/metadata", metadata_xml=metadata(world)).status == 303
    made = world.api("GET", "/tenants/acme/connections")["data"]
    assert [(one["sp"]["acs_url"], one["status"], one["vendor"]) for one in made] == [(acs, "test", "okta")]
    test = person.post("/setup/steps/test")
    assert test.location.startswith("/test-sign-in/")
    assert "Waiting" in person.get("/setup/steps/test/state").text
    answer = person.post("/setup/steps/attributes", **{"claim:subject": "id", "group:30": "Admins", "role:30": "admin"})
    assert answer.location == "/setup/steps/scim"
    assert world.api("GET", f"/tenants/acme/connections/{made[0]['id']}")["attribute_mapping"] == {"subject": "id"}
    assert [rule["role"] for rule in world.api("GET", "/tenants/acme/role-mappings")["data"]] == ["admin"]
    assert person.post("/setup/steps/scim").value("scim-token")
    assert person.post("/setup/steps/finish", token=person.get("/setup/steps/test").token).status == 409
    world.txt[name] = [value]
    assert person.post("/setup/steps/domain/verify", page="/setup/steps/domain", id=domain).status == 303
    assert person.post("/setup/steps/finish").location == "/setup/work/done"
    assert world.api("GET", f"/tenants/acme/connections/{made[0]['id']}")["status"] == "active"
    told = [event["action"] for event in world.events("acme")]
    assert told.count("setup_link.step_completed") >= 5
    assert "setup_link.completed" in told


def test_the_work_goes_on_in_another_browser(world: UiWorld) -> None:
    world.tenant("acme")
    first, link = begun(world)
    first.post("/setup/steps/provider", vendor="entra_saml")
    acs = first.get("/setup/steps/console/2").value("our-acs-url")
    second = world.browser()
    assert second.post(link).status == 303
    assert second.get("/setup/steps/console/2").value("our-acs-url") == acs
    assert first.post("/setup/steps/provider", vendor="google_saml").status == 303
    assert second.get("/setup/steps/console/3").value("our-acs-url") == acs, "another vendor of the same protocol"


def test_a_link_that_is_over_opens_nothing_and_ends_what_it_had_opened(world: UiWorld, clock) -> None:
    world.tenant("acme")
    person, link = begun(world)
    made = world.api("GET", "/tenants/acme/setup-links")["data"][0]["id"]
    world.api("DELETE", f"/tenants/acme/setup-links/{made}")
    assert world.browser().get(link).status == 410
    assert person.get("/setup/steps/domain").status == 401
    other, link = begun(world)
    clock.advance(days=14, seconds=1)
    assert world.browser().get(link).status == 410
    assert other.get("/setup/steps/domain").status == 401


def test_a_link_reaches_its_scopes_and_its_tenant_alone(world: UiWorld) -> None:
    world.tenant("acme")
    world.tenant("globex")
    person, _ = begun(world, scopes=["domains"])
    assert person.get("/setup/steps/domain").status == 200
    for path in ("provider", "metadata", "test", "attributes", "scim", "finish"):
        assert person.get(f"/setup/steps/{path}").status == 403, path
    assert person.get("/admin/t/acme").location.startswith("/admin/sign-in"), "the cookie is the setup's alone"
    theirs = world.api("POST", "/tenants/globex/domains", {"domain": "globex.example"})["id"]
    assert person.post("/setup/steps/domain/verify", page="/setup/steps/domain", id=theirs).status == 404


@pytest.mark.parametrize("forged", ["", "x", "http://evil.example"])
def test_no_form_of_the_portal_can_be_forged(world: UiWorld, forged: str) -> None:
    world.tenant("acme")
    person, _ = begun(world)
    token = person.get("/setup/steps/domain").token
    for path in ("domain", "domain/verify", "provider", "console/1", "metadata", "test", "attributes", "scim", "finish"):
        origin = forged if forged.startswith("http") else BASE
        sent = person.post(f"/setup/steps/{path}", token=token if origin == forged else forged, origin=origin)
        assert sent.status == 403, path
    assert world.api("GET", "/tenants/acme/domains")["data"] == []


def test_no_link_grants_more_than_its_maker_has(world: UiWorld) -> None:
    world.tenant("acme")
    member = world.admin("acme", "member")
    assert member.get("/admin/t/acme/setup-links").status == 403


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)
def test_every_screen_of_every_vendor(shared: UiWorld, vendor) -> None:
    slug = vendor.key.replace("_", "-")
    shared.tenant(slug)
    person, _ = begun(shared, slug)
    assert person.post("/setup/steps/provider", vendor=vendor.key).status == 303
    for number, step in enumerate(vendor.steps, 1):
        page = person.get(f"/setup/steps/console/{number}")
        assert page.status == 200
        assert step.title in page.text
        for field in step.fields:
            assert field.ours is None or page.value(f"our-{field.ours.replace('_', '-')}") not in ("", "–")
    assert person.get(f"/setup/steps/console/{len(vendor.steps) + 1}").status == 404
    assert person.get("/setup/steps/metadata").status == 200


def test_the_guide_says_the_same() -> None:
    page = ROOT / "docs" / "guide" / "idp" / "setup-steps.md"
    assert page.read_text(encoding="utf-8") == markdown(), (
        "write it anew: python -m admin_ui.setup.guide > docs/guide/idp/setup-steps.md"
    )


def test_idle_people_come_back_with_their_link(world: UiWorld, clock) -> None:
    world.tenant("acme")
    person, link = begun(world)
    clock.advance(seconds=timedelta(hours=2, seconds=1).total_seconds())
    answer = person.get("/setup/steps/domain")
    assert answer.status == 401
    assert "open the setup link" in answer.text
    assert person.post(link).status == 303


def idp(world: UiWorld, host: str) -> DemoSamlIdp:
    return DemoSamlIdp(f"https://{host}/metadata", f"https://{host}/sso", world.clock, keys=key_pair("idp"))


def tried(person: Person, provider: DemoSamlIdp, connection: dict[str, Any]) -> None:
    """A test sign-in, begun on the portal's page and answered by that provider."""
    provider.trust(connection["sp"]["entity_id"], connection["sp"]["acs_url"])
    begun = person.post(person.post("/setup/steps/test").location, token="")
    request = provider.read_request(dict(parse_qsl(urlsplit(begun.location).query)), deflated=True)
    alice = DemoPerson("alice-1", {"email": ("alice@acme.example",), "firstName": ("Alice",)})
    form = {"SAMLResponse": provider.respond(alice, request), "RelayState": request.relay_state}
    assert person.client.post(urlsplit(connection["sp"]["acs_url"]).path, data=form).status_code == 303
    assert "It works." in person.get("/setup/steps/test").text


def test_what_is_live_changes_only_once_the_change_is_tested(world: UiWorld) -> None:
    world.tenant("acme")
    domain = world.api("POST", "/tenants/acme/domains", {"domain": "acme.example"})["id"]
    world.api("POST", f"/tenants/acme/domains/{domain}/verify", {"force": True, "reason": "test"})
    person, _ = begun(world, scopes=["sso"])
    old, new = idp(world, "dev-1.okta.com"), idp(world, "sts.windows.net")

    def live() -> dict[str, Any]:
        (one,) = world.api("GET", "/tenants/acme/connections")["data"]
        return dict(one)

    def ticked() -> set[str]:
        return set(world.api("GET", "/tenants/acme/setup-links")["data"][0]["done"])

    person.post("/setup/steps/provider", vendor="okta_saml")
    person.post("/setup/steps/metadata", metadata_xml=old.metadata())
    tried(person, old, live())
    assert person.post("/setup/steps/finish").location == "/setup/work/done"
    assert {"test", "finish"} <= ticked()

    person.post("/setup/steps/provider", vendor="entra_saml")
    assert ticked() == {"provider"}, "what was proven, was proven of the other one"
    assert "What was understood" not in person.get("/setup/steps/metadata").text
    person.post("/setup/steps/metadata", metadata_xml=new.metadata())
    page = person.get("/setup/steps/metadata").text
    assert "sts.windows.net" in page
    assert "go on signing in as they do now" in page
    person.post("/setup/steps/attributes", **{"claim:email": "mail2"})
    before = live()
    assert (before["name"], before["vendor"], before["status"]) == ("Okta", "okta", "active")
    assert (before["idp"]["entity_id"], before["attribute_mapping"]) == ("https://dev-1.okta.com/metadata", {})
    refused = person.post("/setup/steps/finish", token=person.get("/setup/steps/test").token)
    assert (refused.status, live()["idp"]) == (409, before["idp"])
    assert "takes its place once a test sign-in" in refused.text

    tried(person, new, before)
    assert person.post("/setup/steps/finish").location == "/setup/work/done"
    after = live()
    assert (after["name"], after["vendor"], after["status"]) == ("Microsoft Entra ID", "entra", "active")
    assert (after["idp"]["entity_id"], after["id"]) == ("https://sts.windows.net/metadata", before["id"])
    assert after["attribute_mapping"] == {"email": "mail2"}
    assert world.api("GET", f"/tenants/acme/connections/{after['id']}/candidates")["data"] == []


def test_another_provider_before_it_is_on(world: UiWorld) -> None:
    """Of the same protocol it takes the first one's place; of another, nothing of the first is left."""
    world.tenant("acme")
    person, _ = begun(world)
    for vendor, host in (("okta_saml", "dev-1.okta.com"), ("entra_saml", "sts.windows.net")):
        person.post("/setup/steps/provider", vendor=vendor)
        person.post("/setup/steps/metadata", metadata_xml=idp(world, host).metadata())
    (made,) = world.api("GET", "/tenants/acme/connections")["data"]
    assert (made["name"], made["vendor"]) == ("Microsoft Entra ID", "entra")
    person.post("/setup/steps/attributes", page="/setup/steps/attributes")
    person.post("/setup/steps/provider", vendor="okta_oidc")
    assert world.api("GET", "/tenants/acme/connections")["data"] == []
    assert world.api("GET", "/tenants/acme/setup-links")["data"][0]["done"] == ["provider"]
    person.post("/setup/steps/domain", domain="acme.example")
    assert person.get("/setup/work/home").location == "/setup/steps/console"


def test_the_vendor_follows_the_identity_provider_and_not_a_new_certificate(shared: UiWorld) -> None:
    shared.tenant("vendors")
    okta, entra = idp(shared, "dev-1.okta.com").metadata(), idp(shared, "sts.windows.net").metadata()
    made = shared.api("POST", "/tenants/vendors/connections", {"type": "saml", "name": "x", "metadata_xml": okta})
    one = f"/tenants/vendors/connections/{made['id']}"
    steps: list[tuple[dict[str, Any], str]] = [
        ({"name": "y"}, "okta"),
        ({"metadata_xml": entra}, "entra"),
        ({"vendor": "adfs"}, "adfs"),
        ({"metadata_xml": entra}, "adfs"),
        ({"metadata_xml": okta, "vendor": "keycloak"}, "keycloak"),
        ({"metadata_xml": entra}, "entra"),
    ]
    assert [shared.api("PATCH", one, body)["vendor"] for body, _ in steps] == [vendor for _, vendor in steps]


def test_a_third_provisioning_token_replaces_one_and_asks_before_one_in_use_goes(shared: UiWorld) -> None:
    shared.tenant("provisioned")
    person, _ = begun(shared, "provisioned", ["scim"])

    def live() -> list[str]:
        (directory,) = shared.api("GET", "/tenants/provisioned/directories")["data"]
        tokens = shared.api("GET", f"/tenants/provisioned/directories/{directory['id']}/tokens")["data"]
        return [one["id"] for one in tokens if not one["revoked_at"]]

    def used(token: str) -> None:
        asked = shared.client.get("/scim/v2/Users", headers={"authorization": f"Bearer {token}"})
        assert asked.status_code == 200, asked.text
        shared.broker.scim.traffic.flush()

    first, second = (person.post("/setup/steps/scim").value("scim-token") for _ in range(2))
    used(first)
    before = live()
    assert "which was never used" in person.get("/setup/steps/scim").text
    third = person.post("/setup/steps/scim").value("scim-token")
    assert third != second
    assert live()[:1] == before[:1], "the one in use stays"
    used(third)
    refused = person.post("/setup/steps/scim")
    assert refused.status == 409
    assert "may stop working at once" in refused.text
    assert person.post("/setup/steps/scim", replace=live()[1]).status == 409, "another one than the page names"
    assert person.post("/setup/steps/scim", replace=before[0]).value("scim-token")
    assert before[0] not in live()
    assert len(live()) == 2
    assert "setup_link.completed" not in [event["action"] for event in shared.events("provisioned")]
    assert person.get("/setup/steps/scim/state").status == 200
    assert "setup_link.completed" in [event["action"] for event in shared.events("provisioned")]


def test_a_link_to_the_audit_log_reads_and_exports_it(shared: UiWorld) -> None:
    shared.tenant("audited")
    shared.tenant("unseen")
    person, _ = begun(shared, "audited", ["audit"])
    shared.api("POST", "/tenants/unseen/domains", {"domain": "unseen.example"})
    shared.events("audited")
    assert person.get("/setup/work/home").location == "/setup/steps/audit"
    page = person.get("/setup/steps/audit?tenant=unseen")
    assert "setup_link.opened" in page.text
    assert "domain.added" not in page.text
    assert "Nothing matches" in person.get("/setup/steps/audit?action=nothing.such").text
    exported = person.get("/setup/steps/audit/export?format=csv")
    assert "setup_link.opened" in exported.text
    assert "unseen.example" not in exported.text
    assert shared.events("audited")[0]["action"] == "setup_link.completed"
    assert person.get("/setup/work/home").location == "/setup/work/done"
    assert begun(shared, "audited", ["domains"])[0].get("/setup/steps/audit").status == 403
