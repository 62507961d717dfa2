"""Operators who sign in through a tenant's identity provider: who is taken for one, who never is, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from idbroker.admins.operator_tenant import OperatorTenants
from idbroker.admins.operators import Operators, OperatorService
from idbroker.directory.model import Users
from idbroker.tenants.model import Tenants
from saml.demo_idp import DemoPerson
from tests.support.client import Client
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, urls_for
from tests.support.ui_world import Page
from tests.support.whole import BASE, SamlTenant, Whole
from tests.support.world import OPERATOR


@dataclass
class Staffed:
    """``staff`` is the operators' tenant; ``rival`` another one, whose identity provider may say what it likes."""

    whole: Whole
    staff: SamlTenant
    rival: SamlTenant

    def name(self, tenant: SamlTenant | None) -> None:
        with self.whole.services.database.platform(OPERATOR) as unit:
            unit[OperatorTenants].name(unit[Tenants].get(tenant.id) if tenant is not None else None)

    def make_operator(self, name: str) -> str:
        """The path of a link for him."""
        with self.whole.services.database.platform(OPERATOR) as unit:
            return f"/admin/login/{OperatorService().invite(unit, f'{name}@staff.example')[1]}"

    def by_link(self, name: str) -> Client:
        browser, path = self.whole.at("192.0.2.9"), self.make_operator(name)
        token = Page(browser.get(path)).token
        assert browser.post(path, data={"csrf": token}, headers={"origin": BASE}).status_code == 303
        return browser

    def sign_in(
        self, name: str, *, subject: str | None = None, asserted: str | None = None, at: SamlTenant | None = None
    ) -> Client:
        """A browser that has been to the identity provider and come back to the administration."""
        tenant, browser = at or self.staff, self.whole.at("192.0.2.9")
        form = {"email": f"{name}@{tenant.domain}", "next": ""}
        sent = browser.post("/admin/sign-in", data=form, headers={"origin": BASE}).headers["location"]
        request = tenant.idp.read_request(dict(parse_qsl(urlsplit(sent).query)), deflated=True)
        attributes = {"email": (asserted or f"{name}@{tenant.domain}",), "firstName": (name.title(),)}
        reply = tenant.idp.respond(DemoPerson(subject or f"{name}-1", attributes), request, None)
        form = {"SAMLResponse": reply, "RelayState": request.relay_state}
        answer = browser.post(urlsplit(tenant.connection["sp"]["acs_url"]).path, data=form)
        if "location" in answer.headers:
            browser.get(answer.headers["location"])
        return browser

    def operates(self, browser: Client) -> bool:
        return bool(browser.get("/admin/overview").status_code == 200)

    def tied_to(self, name: str) -> str | None:
        with self.whole.services.database.platform(OPERATOR, read_only=True) as unit:
            operator = unit[Operators].with_email(f"{name}@staff.example")
            assert operator is not None
            return operator.user_id

    def person(self, name: str, **changes: Any) -> str:
        """Change what is known of the person whom the operator is tied to. His id."""
        user_id = self.tied_to(name)
        with self.whole.services.database.tenant(self.whole.scope(self.staff.id)) as unit:
            person = unit[Users].get(user_id or "")
            assert person is not None
            for field, value in changes.items():
                setattr(person, field, value)
            return person.id

    def events(self, action: str) -> list[dict[str, Any]]:
        self.whole.services.trail.seal_all()
        return list(self.whole.api("GET", f"/audit-events?action={action}&limit=200")["data"])


@pytest.fixture(scope="module", params=ENGINES)
def staffed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    whole = Whole(urls_for(request.param, tmp_path_factory.mktemp("ops"), request), TestClock(), address_per_minute=100_000)
    made = Staffed(whole, SamlTenant(whole, "staff", "enterprise"), SamlTenant(whole, "rival"))
    made.name(made.staff)
    yield made
    whole.close()


def test_an_operator_signs_in_with_his_company_s_identity_provider(staffed: Staffed) -> None:
    staffed.make_operator("ann")
    browser = staffed.sign_in("ann")
    assert "ann@staff.example" in browser.get("/admin/overview").text
    told = staffed.events("operator.signed_in")[0]
    assert (told["actor"]["type"], told["actor"]["name"]) == ("operator", "ann@staff.example")
    assert told["context"]["by"] == "identity provider"
    assert (told["context"]["tenant_id"], told["context"]["user_id"]) == (staffed.staff.id, staffed.tied_to("ann"))
    page = staffed.by_link("root").get("/admin/operators").text
    assert "Whoever administers it can sign in as any of them." in page
    assert "single sign-on" in page


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("stranger", {}),  # of the tenant, and no operator: nobody becomes one by signing in
        ("bea", {"at": "rival", "asserted": "bea@staff.example"}),  # another tenant's identity provider says that it is she
        ("cyd", {"at": "rival"}),  # the same person, at another tenant
        ("dee", {"asserted": "dee@staff.example.evil.example"}),
        ("eli", {"asserted": "other@staff.example"}),  # who he says he is, is not what he typed
    ],
)
def test_who_is_not_taken_for_an_operator(staffed: Staffed, name: str, how: dict[str, str]) -> None:
    if name != "stranger":
        staffed.make_operator(name)
    place = {"at": staffed.rival} if "at" in how else {}
    browser = staffed.sign_in(name, asserted=how.get("asserted"), **place)
    assert not staffed.operates(browser)
    assert name == "stranger" or staffed.tied_to(name) is None


def test_an_address_of_an_unproven_domain_is_nobody_s(staffed: Staffed) -> None:
    """Even where the tenant's admins let any address in."""
    home = f"/tenants/staff/connections/{staffed.staff.connection['id']}"
    with staffed.whole.services.database.platform(OPERATOR) as unit:
        OperatorService().invite(unit, "fay@elsewhere.example")
    staffed.whole.api("PATCH", home, {"options": {"email_domain_policy": "any"}})
    browser = staffed.sign_in("fay", asserted="fay@elsewhere.example")
    staffed.whole.api("PATCH", home, {"options": {"email_domain_policy": "verified"}})
    assert browser.get("/account").status_code == 200, "signed in as a person"
    assert not staffed.operates(browser)


def test_an_address_that_is_given_to_somebody_else_opens_nothing(staffed: Staffed) -> None:
    staffed.make_operator("gus")
    assert staffed.operates(staffed.sign_in("gus", subject="gus-the-elder"))
    staffed.person("gus", email="gus.elder@staff.example")
    younger = staffed.sign_in("gus", subject="gus-the-younger")
    assert younger.get("/account").status_code == 200
    assert not staffed.operates(younger)
    with staffed.whole.services.database.platform(OPERATOR) as unit:  # by link an operator vouches for him
        _, secret = OperatorService().invite(unit, "gus@staff.example")
        OperatorService().sign_in(unit, secret)
    assert staffed.operates(staffed.sign_in("gus", subject="gus-the-younger"))


def _disable(staffed: Staffed, name: str) -> None:
    found = staffed.whole.api("GET", f"/operators?q={name}@")["data"][0]
    staffed.whole.api("POST", f"/operators/{found['id']}/disable")


ENDS: dict[str, Callable[[Staffed, str], object]] = {
    "he is switched off as a person": lambda s, name: s.person(name, active=False),
    "his address is another": lambda s, name: s.person(name, email="renamed@staff.example"),
    "his session is ended": lambda s, name: s.whole.api("DELETE", f"/tenants/staff/users/{s.tied_to(name)}/sessions"),
    "the tenant is taken away": lambda s, _: s.name(None),
    "another tenant takes its place": lambda s, _: s.name(s.rival),
    "the tenant is paused": lambda s, _: s.whole.api("POST", "/tenants/staff/transitions", {"to": "paused", "reason": "test"}),
    "he is switched off as an operator": _disable,
}


@pytest.mark.parametrize("number", range(len(ENDS)), ids=list(ENDS))
def test_what_ends_it_at_once(staffed: Staffed, number: int) -> None:
    name, end = f"op{number}", list(ENDS.values())[number]
    staffed.make_operator(name)
    browser, by_link = staffed.sign_in(name), staffed.by_link("root")
    try:
        assert staffed.operates(browser)
        end(staffed, name)
        assert not staffed.operates(browser)
        assert staffed.operates(by_link), "whoever came by a link goes on"
    finally:
        staffed.name(None)
        staffed.name(staffed.staff)
        staffed.whole.send("POST", "/tenants/staff/transitions", {"to": "active", "reason": "test"})
    assert not staffed.operates(browser), "and nothing brings it back"


def test_a_link_breaks_the_glass(staffed: Staffed) -> None:
    """Of two sessions of somebody who is switched off the one ends that he began before; a link still signs him in."""
    staffed.make_operator("hal")
    assert staffed.operates(staffed.sign_in("hal"))
    earlier = staffed.by_link("hal")
    staffed.sign_in("hal")
    assert staffed.operates(earlier)
    staffed.person("hal", active=False)
    assert not staffed.operates(earlier)
    broken = staffed.by_link("hal")
    assert staffed.operates(broken)
    assert staffed.tied_to("hal") is None


def test_the_tenant_is_named_at_the_command_line_alone(staffed: Staffed) -> None:
    assert staffed.whole.api("GET", "/operator-tenant")["tenant"] == "staff"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert staffed.whole.send(method, "/operator-tenant", {"tenant": "rival"}).status_code in (404, 405)
    staffed.name(staffed.rival)
    staffed.name(staffed.staff)
    newest = staffed.events("operator_tenant.changed")[0]
    assert newest["changes"]["tenant_id"] == {"before": staffed.rival.id, "after": staffed.staff.id}
