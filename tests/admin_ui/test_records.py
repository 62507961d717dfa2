"""What pages tell of a person, of sign-ins, of a directory's traffic and of what wants attention."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idbroker.directory.model import Users
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.revocations import Revocations
from idbroker.survey.concerns import ConcernWatch
from idbroker.survey.model import SurveyDays
from tests.support.ui_world import BASE, OPERATOR, Person, UiWorld

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Provisioned:
    """A tenant with a directory that has told of Alice."""

    def __init__(self, world: UiWorld) -> None:
        self.world = world
        self.id = TenantId(world.tenant("acme"))
        made = world.api("POST", "/tenants/acme/directories", {"name": "The staff"})
        self.directory = made["id"]
        soon = "2026-11-25T00:00:00Z"
        token = world.api("POST", f"/tenants/acme/directories/{self.directory}/tokens", {"expires_at": soon})["token"]
        self._headers = {"authorization": f"Bearer {token}"}
        self.alice = self.send("POST", "/Users", {"schemas": [USER], "userName": "alice@acme.example", "displayName": "Alice"})[
            "id"
        ]
        member = [{"value": self.alice}]
        with world.running():  # requests are written down behind the answers
            self.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "Admins", "members": member})
        world.api("POST", "/tenants/acme/role-mappings", {"group": "Admins", "role": "boss"})
        world.services.trail.seal_all()
        self.operator: Person = world.entered("acme")

    def send(self, method: str, path: str, body: Any) -> Any:
        answer = self.world.client.request(method, f"{BASE}/scim/v2{path}", json=body, headers=self._headers)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def acme(shared: UiWorld) -> Provisioned:
    return Provisioned(shared)


def test_each_attribute_says_whose_word_it_is(acme: Provisioned) -> None:
    origin = acme.world.api("GET", f"/tenants/acme/users/{acme.alice}/provenance")
    known = {one["name"]: one for one in origin["attributes"]}
    directory = {"type": "directory", "id": acme.directory, "name": "The staff"}
    assert known["display_name"]["value"] == "Alice"
    assert known["display_name"]["source"] == directory
    assert known["given_name"]["value"] is None
    assert origin["memberships"] == [
        {"group": {"id": origin["memberships"][0]["group"]["id"], "display_name": "Admins"}, "source": directory}
    ]
    assert origin["roles"] == [{"role": "boss", "app": None, "because_of": "Admins"}]
    page = acme.operator.get(f"/admin/t/acme/people/{acme.alice}").text
    assert "because of the group Admins" in page
    assert "The staff" in page
    assert "Not known: given name, family name, department, employee number." in page


def test_an_operators_own_change_is_by_hand_no_more_than_it_was(acme: Provisioned) -> None:
    """A later word of the directory names the directory, and its moment."""
    operations = [{"op": "replace", "path": "displayName", "value": "Alice A."}]
    schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    before = acme.world.api("GET", f"/tenants/acme/users/{acme.alice}/provenance")["attributes"]
    acme.world.clock.advance(minutes=5)
    acme.send("PATCH", f"/Users/{acme.alice}", {"schemas": [schema], "Operations": operations})
    acme.world.services.trail.seal_all()
    after = acme.world.api("GET", f"/tenants/acme/users/{acme.alice}/provenance")["attributes"]
    changed = [one["name"] for one, old in zip(after, before, strict=True) if one["at"] != old["at"]]
    assert changed == ["display_name"]


def test_a_rule_is_tried_on_a_person_before_it_is_given(acme: Provisioned) -> None:
    page = acme.operator.get("/admin/t/acme/roles?who=alice&group=Admins&role=auditor").text
    assert "<strong>boss</strong>" in page
    assert '<strong>auditor</strong> <span class="badge good">new</span>' in page
    page = acme.operator.get("/admin/t/acme/roles?who=alice&group=Others&role=auditor").text
    assert "<strong>auditor</strong>" not in page
    assert len(acme.world.api("GET", "/tenants/acme/role-mappings")["data"]) == 1


def test_a_directory_tells_what_it_asked_and_how_fast(acme: Provisioned) -> None:
    home = f"/admin/t/acme/directories/{acme.directory}"
    log = acme.operator.get(f"{home}/requests").text
    assert "POST /scim/v2/Groups" in log
    assert "group.created Admins" in log
    part = acme.operator.get(f"{home}/requests", **{"hx-request": "true"}).text
    assert part.lstrip().startswith('<div id="log"')
    days = acme.world.api("GET", f"/tenants/acme/directories/{acme.directory}/days")["days"]
    assert len(days) == 7
    assert days[-1]["writes"] >= 1
    assert "Operations by day" in acme.operator.get(f"{home}/report").text


def test_a_request_is_tried_on_the_directorys_page(acme: Provisioned) -> None:
    home = f"/admin/t/acme/directories/{acme.directory}"
    assert f"{home}/try" in acme.operator.get(home).text
    off = '{"Operations": [{"op": "replace", "path": "active", "value": false}]}'
    page = acme.operator.post(f"{home}/try", method="PATCH", path=f"/Users/{acme.alice}", body=off).text
    assert '<span class="badge good">200</span>' in page
    assert "user.deactivated" in page
    assert acme.world.api("GET", f"/tenants/acme/users/{acme.alice}")["active"] is True
    unread = acme.operator.post(f"{home}/try", method="PATCH", path=f"/Users/{acme.alice}", body="{")
    assert (unread.status, "This is not JSON" in unread.text) == (422, True)
    assert (
        '<span class="badge bad">404</span>'
        in acme.operator.post(f"{home}/try", method="DELETE", path="/Users/usr_x", body="").text
    )


def test_what_ends_soon_is_on_the_first_page(acme: Provisioned) -> None:
    (ending,) = acme.world.api("GET", "/tenants/acme/expiring")["data"]
    assert (ending["kind"], ending["of"]) == ("directory_token", acme.directory)
    page = acme.operator.get("/admin/t/acme").text
    assert "What ends soon" in page
    assert f"{ending['days']} days left" in page


def test_sign_ins_are_found_by_address_and_reference(acme: Provisioned) -> None:
    home = "/admin/t/acme/sign-ins"
    assert acme.operator.get(f"{home}?q=Alice@acme.example").location == f"{home}?email=alice%40acme.example"
    assert acme.operator.get(f"{home}?q=k7qm-2xpa").location == f"{home}?reference=K7QM-2XPA"
    assert "No sign-in matches" in acme.operator.get(f"{home}?reference=K7QM-2XPA").text
    assert acme.operator.get(f"{home}?since=nonsense").status == 200
    assert acme.operator.get(f"{home}/K7QM-2XPA").status == 404


def test_alerts_are_told_by_mail_to_whom_one_says(acme: Provisioned) -> None:
    home = "/admin/t/acme/alerts"
    assert acme.operator.post(f"{home}/recipients", page=home, emails="it@acme.example\nnot an address").status == 422
    assert acme.operator.post(f"{home}/recipients", page=home, emails="it@acme.example").location == home
    assert acme.world.api("GET", "/tenants/acme/alert-recipients") == {"emails": ["it@acme.example"]}


def test_the_brakes_ask_why(shared: UiWorld) -> None:
    shared.tenant("braked")
    operator, owner = shared.operator(), shared.admin("braked")
    assert operator.post("/admin/tenants/braked/freeze", reason=" ").status == 422
    assert operator.post("/admin/tenants/braked/freeze", reason="a leak").location == "/admin/tenants/braked"
    assert owner.post("/admin/t/braked/settings", name="Other").status == 403
    assert "frozen" in owner.get("/admin/t/braked").text
    assert operator.post("/admin/tenants/braked/unfreeze", reason="over").status == 303
    assert owner.post("/admin/t/braked/settings", name="Other").status == 303
    assert owner.post("/admin/t/braked/sessions/end-all", reason="a laptop was stolen").status == 303
    actions = [event["action"] for event in shared.events("braked")]
    assert {"tenant.frozen", "tenant.unfrozen"} <= set(actions)


def test_lists_are_searched(acme: Provisioned) -> None:
    world = acme.world
    assert [one["id"] for one in world.api("GET", f"/tenants/acme/users?ids={acme.alice}")["data"]] == [acme.alice]
    world.api("GET", "/tenants/acme/users?ids=nonsense", status=422)
    assert world.api("GET", "/tenants/acme/users?active=false")["data"] == []
    world.api("GET", "/tenants/acme/users?active=perhaps", status=422)
    for path in ("/tenants/acme/connections", "/tenants/acme/domains", "/tenants/acme/admins", "/apps"):
        assert world.api("GET", f"{path}?q=zzz")["data"] == []
    assert len(world.api("GET", "/tenants/acme/role-mappings?q=BOSS")["data"]) == 1


def test_every_list_of_things_with_names_is_searched(acme: Provisioned) -> None:
    """By a part of the name, whatever the case; a sign of a pattern is a letter like others."""
    world, operator = acme.world, acme.operator
    world.api("POST", "/webhooks?tenant=acme", {"url": "https://hooks.acme.example/in", "description": "Our 100% ERP"})
    world.api("POST", "/tenants/acme/api-keys", {"name": "Nightly 100% report", "role": "member"})
    world.api("POST", "/api-keys", {"name": "Billing 100% sync", "scope": "operator"})
    for path, found, named in (
        ("/admin/t/acme/directories", "STAFF", "The staff"),
        ("/admin/t/acme/webhooks", "hooks.ACME", "hooks.acme.example"),
        ("/admin/t/acme/webhooks", "100%25 erp", "hooks.acme.example"),
        ("/admin/t/acme/api-keys", "100%25 report", "Nightly 100% report"),
        ("/admin/api-keys", "billing", "Billing 100% sync"),
        ("/admin/operators", "OPS@", '<th scope="row">ops@example.com'),
    ):
        assert named in operator.get(f"{path}?q={found}").text, path
        for other in ("zzz", "s_", "%25zz"):
            page = operator.get(f"{path}?q={other}")
            assert "matches." in page.text, (path, other)
            assert named not in page.text, (path, other)


def test_the_operator_sees_how_the_queues_stand(acme: Provisioned) -> None:
    acme.world.api("POST", "/webhooks?tenant=acme", {"url": "https://127.0.0.1:1/queue"})
    queues = {one["kind"]: one for one in acme.world.api("GET", "/overview")["queues"]}
    assert set(queues) == {"webhooks", "outbound_scim", "signals", "log_streams"}
    assert queues["webhooks"]["queues"] >= 1
    page = acme.operator.get("/admin/overview").text
    assert '<th scope="row">Webhooks</th>' in page
    assert '<th scope="row">Signal streams</th>' not in page, "there are none"


def test_the_operator_sees_all_tenants_together(acme: Provisioned) -> None:
    services = acme.world.broker.services
    soon = rfc3339(services.clock.now() + timedelta(days=9))
    made = acme.world.api("POST", "/tenants/acme/directories", {"name": "Confidential"})["id"]
    acme.world.api("POST", f"/tenants/acme/directories/{made}/tokens", {"expires_at": soon})
    with services.database.platform(OPERATOR) as unit:
        today = services.clock.now().date().isoformat()
        unit[SurveyDays].add({("2020-01-01", "sign_in.refused", "long_ago"): 1})
        unit[SurveyDays].add({(today, "sign_in.refused", "saml_expired"): 21, (today, "sign_in.succeeded", ""): 34})
    ConcernWatch(services.database, services.connections, None).look_at_each([acme.id])
    page = acme.operator.get("/admin/overview").text
    assert "34 succeeded, 21 were refused, at all tenants." in page
    assert "<code>saml_expired</code></th><td>21</td>" in page
    link = f'<a href="/admin/t/acme/directories/{made}">Directory token</a>'
    assert link in page
    found = acme.operator.get("/admin/attention?kind=directory_token").text
    assert link in found
    assert "9 days" in found
    assert "Confidential" not in page + found, "names are seen inside of the tenant"
    assert link not in acme.operator.get("/admin/attention?kind=certificate").text


def test_setup_links_are_told_apart_by_whether_they_work(acme: Provisioned) -> None:
    home = "/tenants/acme/setup-links"
    live, over = (acme.world.api("POST", home, {"scopes": ["sso"]})["id"] for _ in range(2))
    acme.world.api("DELETE", f"{home}/{over}")
    assert [one["id"] for one in acme.world.api("GET", f"{home}?status=live")["data"]] == [live]
    assert [one["id"] for one in acme.world.api("GET", f"{home}?status=over")["data"]] == [over]
    acme.world.api("GET", f"{home}?status=nope", status=422)
    page = acme.operator.get("/admin/t/acme/setup-links?status=over").text
    assert (over in page, live in page) == (False, False), "a revoked link has no act"
    assert "revoked" in page


def test_a_person_is_erased_where_it_is_asked_twice(acme: Provisioned) -> None:
    bob = acme.send("POST", "/Users", {"schemas": [USER], "userName": "bob@acme.example", "displayName": "Bob"})["id"]
    here, owner, guest = f"/admin/t/acme/people/{bob}", acme.world.admin("acme"), acme.world.admin("acme", "guest")
    assert f"{here}/erase" in owner.get(here).text
    assert f"{here}/erase" not in guest.get(here).text
    assert guest.post(f"{here}/erase", reason="ticket 7").status == 403
    asked = owner.get(f"{here}/erase").text
    assert "bob@acme.example" in asked
    assert "cannot be taken back" in asked
    assert owner.post(f"{here}/erase", reason=" ").status == 422
    assert owner.get(here).status == 200, "until now nothing has happened"
    assert owner.post(f"{here}/erase", reason="ticket 7").location == "/admin/t/acme/people"
    assert owner.get(here).status == 404
    told = owner.get("/admin/t/acme/people").text
    assert "The person is erased" in told
    assert "bob@acme.example" not in told
    assert [one["user_id"] for one in acme.world.api("GET", "/tenants/acme/erasures")["data"]] == [bob]


def test_the_trail_leads_to_what_was_ended_of_somebody_who_is_gone(acme: Provisioned) -> None:
    carol = acme.send("POST", "/Users", {"schemas": [USER], "userName": "carol@acme.example"})["id"]
    with acme.world.services.database.tenant(TenantScope(acme.id, OPERATOR)) as unit:
        unit[Revocations].note(carol, "user_deleted", families=1)
        unit[Users].delete(unit[Users].get(carol))
    acme.world.services.trail.seal_all()
    here, owner = f"/admin/t/acme/people/{carol}", acme.world.admin("acme", email="records@acme.example")
    assert f'href="{here}"' in owner.get("/admin/t/acme/audit?action=user.created").text
    page = owner.get(here)
    assert (page.status, "This person was deleted" in page.text, "user deleted" in page.text) == (200, True, True)
    assert owner.get(f"/admin/t/acme/people/{new_id('usr')}").status == 404
