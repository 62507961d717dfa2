"""Everything wired as the program wires it, with real SAML: link, button, IdP, report; reference, diagnosis; refresh; keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from idbroker.access.api_keys import ApiKeys
from idbroker.app import build, build_services
from idbroker.cli.main import app as cli
from idbroker.settings import Settings
from saml.demo_idp import Answer, DemoPerson, DemoSamlIdp
from tests.support.client import Client
from tests.support.databases import sqlite_urls
from tests.support.saml_world import ScriptedFetcher, key_pair
from tests.support.world import OPERATOR

MASTER = base64.b64encode(bytes(32)).decode()
BASE = "https://broker.example"
IDP, SSO, METADATA = "https://idp.acme.example/saml", "https://idp.acme.example/sso", "https://idp.acme.example/metadata"
ALICE = DemoPerson("alice-0001", {"email": ("alice@acme.example",), "firstName": ("Alice",), "groups": ("Staff", "<b>")})


class Fetcher(ScriptedFetcher):
    def close(self) -> None:
        """Nothing is open."""


class Installation:
    def __init__(self, folder: Any, clock: Any) -> None:
        self.url = sqlite_urls(folder).database
        self.fetcher = Fetcher()
        self.idp = DemoSamlIdp(IDP, SSO, clock, keys=key_pair("idp"))
        self.fetcher.pages[METADATA] = (200, self.idp.metadata().encode())
        settings = Settings(database_url=self.url, master_key=MASTER, public_url=BASE)
        self.services = build_services(settings, clock=clock, fetcher=self.fetcher)
        self.client = Client(build(self.services, run_worker=False).asgi, base_url=BASE, follow_redirects=False)
        with self.services.database.platform(OPERATOR) as unit:
            self._key = unit[ApiKeys].create("operator", None, "operator")[1]
        self.tenant = self.api("POST", "/tenants", {"slug": "acme", "name": "Acme", "tier": "free"})["id"]
        domain = self.api("POST", "/tenants/acme/domains", {"domain": "acme.example"})["id"]
        self.api("POST", f"/tenants/acme/domains/{domain}/verify", {"force": True, "reason": "test"})
        body = {"type": "saml", "name": "Acme IdP", "metadata_url": METADATA}
        self.connection = self.api("POST", "/tenants/acme/connections", body)
        self.here = f"/tenants/acme/connections/{self.connection['id']}"
        self.idp.trust(self.connection["sp"]["entity_id"], self.connection["sp"]["acs_url"])

    def api(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers={"authorization": f"Bearer {self._key}"})
        assert answer.status_code == status if status else answer.is_success, answer.text
        return answer.json() if answer.content else None

    def answered(self, location: str, answer: Answer | None = None) -> Any:
        """The IdP reads the request at ``location`` and the browser posts its answer."""
        request = self.idp.read_request(dict(parse_qsl(urlsplit(location).query)), deflated=True)
        form = {"SAMLResponse": self.idp.respond(ALICE, request, answer), "RelayState": request.relay_state}
        return self.client.post(urlsplit(self.connection["sp"]["acs_url"]).path, data=form)

    def test_page(self, answer: Answer | None = None, candidate: str | None = None) -> tuple[str, Any]:
        """(the last page of a test sign-in, the same from the Admin API)."""
        made = self.api("POST", f"{self.here}/test-sign-in", {"candidate": candidate})
        asked = self.client.get(made["url"])
        assert asked.status_code == 200
        assert "Start the test" in asked.text
        begun = self.client.post(made["url"])
        assert begun.headers["location"].startswith(SSO)
        back = self.answered(begun.headers["location"], answer)
        assert back.status_code == 303, back.text
        assert "idb_session" not in str(back.headers)
        page = self.client.get(back.headers["location"])
        assert page.status_code == 200, page.text
        return unescape(page.text), self.api("GET", f"/tenants/acme/test-sign-ins/{made['id']}")


@pytest.fixture
def there(tmp_path, clock) -> Iterator[Installation]:
    made = Installation(tmp_path, clock)
    yield made
    made.services.close()


def test_a_test_sign_in_from_link_to_page(there):
    page, told = there.test_page()
    assert "The test passed" in page
    assert (told["state"], told["code"]) == ("passed", None)
    assert told["report"]["attributes"]["email"] == ["alice@acme.example"]
    assert told["report"]["mapped"]["subject"] == "alice-0001"
    assert told["report"]["person"]["created"] is True
    assert "saml:Assertion" in told["report"]["xml"] or "Assertion" in told["report"]["xml"]
    assert there.api("GET", "/tenants/acme/users")["data"] == []
    assert there.api("GET", "/tenants/acme/sessions")["data"] == []
    assert [one["id"] for one in there.api("GET", "/tenants/acme/test-sign-ins")["data"]] == [told["id"]]


def test_what_the_idp_sends_is_shown_and_never_run(there):
    made = there.api("POST", f"{there.here}/test-sign-in", {})
    begun = there.client.post(made["url"])
    back = there.answered(begun.headers["location"])
    page = there.client.get(back.headers["location"]).text
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_failed_test_says_what_to_do(there):
    page, told = there.test_page(Answer(audiences=("https://elsewhere.example",)))
    assert "The test did not pass" in page
    assert told["code"] == "saml_audience_mismatch"
    failed = [one for one in told["report"]["findings"] if one["outcome"] == "fail"]
    assert [one["check"] for one in failed] == ["audience"]
    assert failed[0]["advice"] in page


def test_a_link_is_spent_by_its_button_alone(there):
    made = there.api("POST", f"{there.here}/test-sign-in", {})
    for _ in range(3):
        assert there.client.get(made["url"]).status_code == 200
    assert there.client.post(made["url"]).status_code == 303
    for answer in (there.client.get(made["url"]), there.client.post(made["url"])):
        assert answer.status_code == 403
        assert "used before, or it has expired" in answer.text


def test_the_reference_on_the_page_leads_to_the_diagnosis(there):
    begun = there.client.get("/sso?email=alice@acme.example")
    refused = there.answered(begun.headers["location"], Answer(audiences=("https://elsewhere.example",)))
    assert refused.status_code == 403
    reference = re.search(r"Reference: ([\w-]+)", refused.text)[1]
    listed = there.api("GET", f"/tenants/acme/diagnoses?connection={there.connection['id']}")["data"]
    assert [(one["reference"], one["code"]) for one in listed] == [(reference, "saml_audience_mismatch")]
    found = there.api("GET", f"/tenants/acme/diagnoses/{reference}")
    assert (found["code"], found["report"]["code"]) == ("saml_audience_mismatch", "saml_audience_mismatch")
    assert found["report"]["attributes"]["email"] == ["alice@acme.example"]
    assert len(found["report"]["findings"]) > 30, "run to the end"
    assert there.api("GET", "/tenants/acme/diagnoses?connection=con_x")["data"] == []
    there.api("DELETE", f"/tenants/acme/diagnoses/{reference}")
    there.api("GET", f"/tenants/acme/diagnoses/{reference}", status=404)
    assert there.api("GET", f"/tenants/acme/audit-events?q={reference}") is not None


def test_diagnoses_come_in_pages(there):
    for _ in range(3):
        begun = there.client.get("/sso?email=alice@acme.example")
        there.answered(begun.headers["location"], Answer(audiences=("https://elsewhere.example",)))
    seen, cursor = [], ""
    for _ in range(3):
        page = there.api("GET", f"/tenants/acme/diagnoses?limit=1{cursor}")
        seen += [one["reference"] for one in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(seen)) == 3
    assert page["next_cursor"] is None
    there.api("GET", "/tenants/acme/diagnoses?cursor=eA", status=422)


def test_another_idp_is_staged_tried_promoted_and_undone(there, clock):
    new = DemoSamlIdp("https://new.acme.example/saml", "https://new.acme.example/sso", clock, keys=key_pair("other"))
    made = there.api("POST", f"{there.here}/candidates", {"label": "move", "metadata_xml": new.metadata()})
    fields = {change["field"] for change in made["difference"]}
    assert {"idp.entity_id", "idp.sso.redirect", "idp.certificates"} <= fields
    assert made["sp"] == there.connection["sp"]
    old = there.idp
    new.trust(there.connection["sp"]["entity_id"], there.connection["sp"]["acs_url"])
    link = there.api("POST", f"{there.here}/test-sign-in", {"candidate": made["id"]})
    begun = there.client.post(link["url"])
    assert begun.headers["location"].startswith("https://new.acme.example/sso")
    there.idp = new
    assert "The test passed" in there.client.get(there.answered(begun.headers["location"]).headers["location"]).text
    promoted = there.api("POST", f"{there.here}/candidates/{made['id']}/promote", {"live_version": made["live_version"]})
    assert promoted["idp"]["entity_id"] == "https://new.acme.example/saml"
    assert promoted["sp"] == there.connection["sp"]
    assert there.client.get("/sso?email=alice@acme.example").headers["location"].startswith("https://new.acme.example/sso")
    back = there.api("POST", f"{there.here}/rollback", {})
    assert back["idp"]["entity_id"] == IDP
    there.idp = old
    begun = there.client.get("/sso?email=alice@acme.example")
    assert there.answered(begun.headers["location"]).status_code == 303
    assert there.api("GET", f"{there.here}/candidates")["data"] == []


def test_a_second_certificate_is_taken_and_a_move_is_held(there, clock):
    both = DemoSamlIdp(IDP, SSO, clock, keys=key_pair("other"))
    first = re.search(r"<md:KeyDescriptor.*?</md:KeyDescriptor>", there.idp.metadata(), re.DOTALL)[0]
    second = re.search(r"<md:KeyDescriptor.*?</md:KeyDescriptor>", both.metadata(), re.DOTALL)[0]
    there.fetcher.pages[METADATA] = (200, there.idp.metadata().replace(first, first + second).encode())
    taken = there.api("POST", f"{there.here}/refresh")
    assert (taken["outcome"], [change["kind"] for change in taken["changes"]]) == ("taken", ["added"])
    there.idp = both
    both.trust(there.connection["sp"]["entity_id"], there.connection["sp"]["acs_url"])
    assert "The test passed" in there.test_page()[0]
    there.fetcher.pages[METADATA] = (200, both.metadata().replace(SSO, "https://evil.example/sso").encode())
    held = there.api("POST", f"{there.here}/refresh")
    assert held["outcome"] == "held"
    assert there.client.get("/sso?email=alice@acme.example").headers["location"].startswith(SSO)
    shown = there.api("GET", f"{there.here}/candidates/{held['candidate']}")
    assert {change["policy"] for change in shown["difference"]} == {"hold"}
    there.fetcher.pages[METADATA] = (500, b"")
    assert there.api("POST", f"{there.here}/refresh")["outcome"] == "failed"


def test_our_key_rolls_over(there):
    address = urlsplit(there.connection["sp"]["metadata_url"]).path

    def signing() -> int:
        return there.client.get(address).text.count('use="signing"')

    assert signing() == 1
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "begin"})
    assert signing() == 2
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "begin"}, status=409)
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "finish"})
    assert signing() == 1
    assert "The test passed" in there.test_page()[0]
    there.api("POST", f"{there.here}/sp-keys/rollover", {"step": "now"}, status=422)


def test_a_pasted_response_is_explained_whole(there, monkeypatch, tmp_path):
    begun = there.client.get("/sso?email=alice@acme.example")
    request = there.idp.read_request(dict(parse_qsl(urlsplit(begun.headers["location"]).query)), deflated=True)
    encoded = there.idp.respond(ALICE, request, Answer(audiences=("https://elsewhere.example",)))
    report = there.api("POST", f"{there.here}/explain", {"saml_response": encoded})
    assert (report["verdict"], report["code"]) == ("refuse", "saml_audience_mismatch")
    assert report["mapped"]["email"] == "alice@acme.example"
    assert report["xml"].startswith("<")
    file = tmp_path / "response.txt"
    file.write_text(encoded)
    monkeypatch.setenv("IDBROKER_DATABASE_URL", there.url)
    monkeypatch.setenv("IDBROKER_MASTER_KEY", MASTER)
    monkeypatch.setenv("IDBROKER_PUBLIC_URL", BASE)
    said = CliRunner().invoke(cli, ["saml", "explain", str(file), "--connection", there.connection["id"]])
    assert said.exit_code == 1
    assert "verdict: refuse" in said.output
    assert "email: alice@acme.example" in said.output


def test_another_tenants_key_reaches_none_of_it(there):
    there.api("POST", "/tenants", {"slug": "bob", "name": "Bob", "tier": "free"})
    key = there.api("POST", "/api-keys", {"name": "x", "scope": "tenant", "tenant": "bob", "role": "owner"})["key"]
    made = there.api("POST", f"{there.here}/candidates", {"attribute_mapping": {"email": "mail"}})
    test_id = there.test_page()[1]["id"]
    paths = [
        ("GET", f"/candidates/{made['id']}"), ("POST", f"/candidates/{made['id']}/promote"), ("POST", "/rollback"),
        ("POST", "/refresh"), ("POST", "/sp-keys/rollover"), ("POST", "/test-sign-in"), ("DELETE", f"/candidates/{made['id']}"),
    ]  # fmt: skip
    wanted = [(method, there.here.replace("/acme/", "/bob/") + path) for method, path in paths]
    for method, path in [*wanted, ("GET", f"/tenants/bob/test-sign-ins/{test_id}")]:
        body = {"step": "begin"} if path.endswith("rollover") else {} if method == "POST" else None
        answer = there.client.request(method, f"/api/v1{path}", json=body, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 404, f"{method} {path}: {answer.text}"
