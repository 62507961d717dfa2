"""Operators who come in by their own company's identity provider, in a browser, at a real ``idbroker serve``."""

from __future__ import annotations

import httpx2
import pytest

from idbroker.demo.people import ORCHARD
from tests.browser.chrome import MARKS, Chromium, Tab
from tests.browser.deployment import Deployment
from tests.browser.test_journeys import at_the_idp, press, tab

pytestmark = [*MARKS, pytest.mark.timeout(400)]


@pytest.fixture
def staff(deployed: Deployment) -> str:
    """The operators' tenant, with the company's domain and identity provider. An operator's key to look after it."""
    key = deployed.run("keys", "create", "--name", "staff", "--scope", "operator").strip()
    with httpx2.Client(headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30) as http:

        def post(path: str, **body: object) -> dict[str, object]:
            answer = http.post(f"{deployed.broker}/api/v1{path}", json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

        post("/tenants", slug="staff", name="Our own people", tier="enterprise")
        domain = post("/tenants/staff/domains", domain=ORCHARD.domain)["id"]
        post(f"/tenants/staff/domains/{domain}/verify", force=True, reason="it is ours")
        made = post("/tenants/staff/connections", type="saml", name="Ours", metadata_xml=deployed.saml_logout.metadata())
    service_provider = made["sp"]
    assert isinstance(service_provider, dict)
    deployed.trusts_saml(service_provider["entity_id"], service_provider["acs_url"])
    deployed.run("admin", "operator-tenant", "--tenant", "staff")
    return key


def come_in(opened: Tab, deployed: Deployment, number: int) -> None:
    opened.page.goto(f"{deployed.broker}/admin/sign-in")
    opened.page.fill("#email", ORCHARD.people[number].email)
    press(opened.page, "Continue")
    at_the_idp(opened.page, ORCHARD, number)


def test_an_operator_comes_in_by_the_company_s_identity_provider_and_stays_while_his_session_there_lives(
    chromium: Chromium, deployed: Deployment, staff: str
) -> None:
    operator = ORCHARD.people[0]
    deployed.run("admin", "login-link", "--email", operator.email)  # who is an operator is decided here, and nowhere else
    with tab(chromium) as opened:
        come_in(opened, deployed, 0)
        opened.page.wait_for_url("**/admin/overview")
        opened.page.goto(f"{deployed.broker}/admin/tenants")
        assert "Our own people" in opened.page.text_content("main")
        with httpx2.Client(headers={"authorization": f"Bearer {staff}"}, trust_env=False, timeout=30) as http:
            people = http.get(f"{deployed.broker}/api/v1/tenants/staff/users").json()["data"]
            person = next(one["id"] for one in people if one["email"] == operator.email)
            ended = http.delete(f"{deployed.broker}/api/v1/tenants/staff/users/{person}/sessions")
            assert ended.is_success, ended.text
        opened.page.goto(f"{deployed.broker}/admin/tenants")
        opened.page.wait_for_url("**/admin/sign-in**")
    with tab(chromium) as opened:
        come_in(opened, deployed, 1)
        opened.page.wait_for_selector("h1")
        assert "/admin/overview" not in opened.page.url, "a colleague is no operator"
        opened.page.goto(f"{deployed.broker}/admin/overview")
        opened.page.wait_for_url("**/admin/sign-in**")
