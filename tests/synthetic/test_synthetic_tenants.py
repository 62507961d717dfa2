"""``idbroker tenant synth``: the same for the same seed, marked, alive like any tenant, gone without touching a real one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from typer.testing import CliRunner

from idbroker.cli.answers import Stop
from idbroker.cli.main import app
from idbroker.connections.model import ConnectionIndex, DomainIndex
from idbroker.directory.model import User
from idbroker.kernel.scope import TenantScope
from idbroker.storage.rows import MAIN, tenant_tables
from idbroker.synthetic.identity_providers import SAML_IDP, drafts
from idbroker.synthetic.maker import Done, TenantMaker
from idbroker.synthetic.plan import SUFFIX, planned
from idbroker.synthetic.removal import SyntheticRemoval
from idbroker.tenants.model import Tenant, Tenants
from saml.demo_idp import DemoPerson, DemoSamlIdp
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, sqlite_urls, urls_for
from tests.support.saml_world import key_pair
from tests.support.whole import SamlTenant, Whole
from tests.support.world import OPERATOR

SAML, OIDC, BOTH = (planned(7, number, 4) for number in range(3))
PEOPLE = 6


class Synth:
    """A deployment with one real tenant and three synthetic ones."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.real = SamlTenant(whole, "acme")
        self.idp = DemoSamlIdp("https://idp.example/saml", "https://idp.example/sso", whole.clock, keys=key_pair("idp"))
        self.maker = TenantMaker(whole.services, OPERATOR, drafts(whole.services, self.idp.metadata()))
        self.first = [self.maker.make(plan, PEOPLE) for plan in (SAML, OIDC, BOTH)]

    def rows(self, tenant: str) -> dict[str, int]:
        """Table → how many rows of that tenant."""
        with self.whole.services.database.tenant(TenantScope(self.id(tenant), OPERATOR), read_only=True) as unit:
            counted = {name: select(func.count()).select_from(cls) for name, cls in tenant_tables(MAIN).items()}
            kinds = tenant_tables(MAIN)
            return {
                name: unit.session.execute(how.where(col(kinds[name].tenant_id) == unit.scope.tenant)).scalar_one()
                for name, how in counted.items()
            }

    def id(self, tenant: str) -> Any:
        with self.whole.services.database.platform(OPERATOR, read_only=True) as unit:
            row = unit[Tenants].find(tenant, erased=True)
            assert row is not None
            return row.tenant_id

    def emails(self, tenant: str) -> set[str | None]:
        with self.whole.services.database.tenant(TenantScope(self.id(tenant), OPERATOR), read_only=True) as unit:
            return set(unit.session.execute(select(User.email)).scalars())


@pytest.fixture(scope="module", params=ENGINES)
def synth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synth]:
    whole = Whole(urls_for(request.param, tmp_path_factory.mktemp("synth"), request), TestClock())
    yield Synth(whole)
    whole.close()


def test_a_plan_is_the_same_wherever_it_is_drawn() -> None:
    assert (SAML.slug, SAML.name) == (planned(7, 0, 4).slug, planned(7, 0, 9).name)
    assert list(SAML.people(0, 50))[10:20] == list(planned(7, 0, 4).people(10, 20))
    first = next(SAML.people(0, 1))
    assert (SAML.slug, first.email) == ("northern-biotech-s7-0", "lars.dubois.0@northern-biotech-s7-0.synth.example"), (
        "a seed makes tomorrow what it made today"
    )


def test_no_two_of_any_seed_are_one() -> None:
    slugs = [planned(seed, number, 0).slug for seed in range(20) for number in range(200)]
    assert len(set(slugs)) == len(slugs)
    emails = [person.email for person in SAML.people(0, 2000)]
    assert len(set(emails)) == len(emails)


def test_each_is_marked_and_told_once(synth: Synth) -> None:
    assert synth.first == [Done(plan, "made", PEOPLE) for plan in (SAML, OIDC, BOTH)]
    for plan in (SAML, OIDC, BOTH):
        assert synth.whole.api("GET", f"/tenants/{plan.slug}")["synthetic"] is True
        events = synth.whole.events(plan.slug, "tenant.created")
        assert [event["context"]["synthetic"] for event in events] == [True]
    assert "synthetic" not in synth.whole.events("acme", "tenant.created")[0]["context"]


def test_they_are_counted_apart(synth: Synth) -> None:
    stands = synth.whole.api("GET", "/overview")
    assert (stands["tenants"], stands["synthetic_tenants"]) == ({"trial": 1}, 3)


def test_it_is_whole(synth: Synth) -> None:
    here = f"/tenants/{BOTH.slug}"
    domain = synth.whole.api("GET", f"{here}/domains")["data"][0]
    assert (domain["domain"], domain["status"]) == (f"{BOTH.slug}.{SUFFIX}", "verified")
    connections = synth.whole.api("GET", f"{here}/connections")["data"]
    assert [(one["type"], one["status"]) for one in connections] == [("saml", "active"), ("oidc", "test")]
    people = synth.whole.api("GET", f"{here}/users")["data"]
    assert {one["email"] for one in people} == {one.email for one in BOTH.people(0, PEOPLE)}
    roles = {one["group"]: one["role"] for one in synth.whole.api("GET", f"{here}/role-mappings")["data"]}
    assert roles == {"Administrators": "admin", "Staff": "member", "Engineering": "member"}
    first = next(one for one in people if one["email"] == next(BOTH.people(0, 1)).email)
    shown = synth.whole.api("GET", f"{here}/users/{first['id']}")
    assert "Administrators" in [group["display_name"] for group in shown["groups"]], shown


def test_its_directory_answers(synth: Synth) -> None:
    here = f"/tenants/{SAML.slug}/directories"
    directory = synth.whole.api("GET", here)["data"][0]
    token = synth.whole.api("POST", f"{here}/{directory['id']}/tokens", {})["token"]
    asked = synth.whole.client.get("/scim/v2/Users", headers={"authorization": f"Bearer {token}"})
    provisioned = {one.email for one in SAML.people(0, PEOPLE) if one.provisioned}
    assert asked.json()["totalResults"] == len(provisioned) == PEOPLE // 2
    assert {one["userName"] for one in asked.json()["Resources"]} == provisioned
    groups = synth.whole.client.get("/scim/v2/Groups", headers={"authorization": f"Bearer {token}"}).json()
    assert sorted(one["displayName"] for one in groups["Resources"]) == ["Administrators", "Engineering"]


def test_a_person_signs_in_by_address_alone(synth: Synth) -> None:
    person = next(one for one in SAML.people(0, PEOPLE) if not one.provisioned)
    connection = synth.whole.api("GET", f"/tenants/{SAML.slug}/connections")["data"][0]
    synth.idp.trust(connection["sp"]["entity_id"], connection["sp"]["acs_url"])
    browser = synth.whole.at("192.0.2.7")
    sent = browser.get(f"/sso?email={person.email}")
    assert (sent.status_code, urlsplit(sent.headers["location"]).netloc) == (302, "idp.example")
    request = synth.idp.read_request(dict(parse_qsl(urlsplit(sent.headers["location"]).query)), deflated=True)
    known = DemoPerson(f"synthetic-{person.number}", {"email": (person.email,)})
    form = {"SAMLResponse": synth.idp.respond(known, request), "RelayState": request.relay_state}
    assert browser.post(urlsplit(connection["sp"]["acs_url"]).path, data=form).status_code == 303
    assert [one["action"] for one in synth.whole.events(SAML.slug, "sign_in.succeeded")] == ["sign_in.succeeded"]
    assert len(synth.emails(SAML.slug)) == PEOPLE, "he was known, and is nobody new"


def test_an_openid_sign_in_begins_at_the_invented_provider(synth: Synth) -> None:
    sent = synth.whole.at("192.0.2.8").get(f"/sso?email=x@{OIDC.domain}")
    assert (sent.status_code, urlsplit(sent.headers["location"]).netloc) == (302, f"openid-provider.{SUFFIX}")


def test_again_adds_only_what_is_missing(synth: Synth) -> None:
    before = synth.rows(OIDC.slug)
    assert synth.maker.make(OIDC, PEOPLE) == Done(OIDC, "there", 0)
    assert synth.rows(OIDC.slug) == before
    assert synth.maker.make(OIDC, PEOPLE + 2) == Done(OIDC, "there", 2)
    assert synth.emails(OIDC.slug) == {one.email for one in OIDC.people(0, PEOPLE + 2)}


def test_a_real_tenant_s_slug_and_domain_stay_its_own(synth: Synth) -> None:
    slug, domain = planned(8, 0, 2), planned(8, 1, 2)
    real = synth.whole.tenant(slug.slug)
    other = synth.whole.tenant("other")
    claimed = synth.whole.api("POST", f"/tenants/{other}/domains", {"domain": domain.domain})["id"]
    synth.whole.api("POST", f"/tenants/{other}/domains/{claimed}/verify", {"force": True, "reason": "test"})
    before = synth.rows(real), synth.rows(other)
    assert [synth.maker.make(plan, PEOPLE).outcome for plan in (slug, domain)] == ["taken", "taken"]
    assert (synth.rows(real), synth.rows(other)) == before
    assert synth.whole.send("GET", f"/tenants/{domain.slug}").status_code == 404, "nothing half-made is left"


def test_removal_takes_the_marked_ones_and_nothing_else(synth: Synth) -> None:
    # The last test of this file: what it removes, others look at.
    ids = [synth.id(plan.slug) for plan in (SAML, OIDC, BOTH)]
    with synth.whole.services.database.platform(OPERATOR, read_only=True) as unit:
        real = sorted(unit.session.execute(select(Tenant.slug).where(~col(Tenant.synthetic))).scalars())
    before = {slug: synth.rows(slug) for slug in real}
    assert synth.real.sign_in(synth.whole.at("192.0.2.9")).status_code == 303
    kept = synth.rows("acme")
    found = list(SyntheticRemoval(synth.whole.services, OPERATOR).run())
    assert [(one.tenant, one.left) for one in found] == [(one, None) for one in ids]
    assert synth.whole.api("GET", "/overview")["synthetic_tenants"] == 0
    with synth.whole.services.database.platform(OPERATOR, read_only=True) as unit:
        for cls in (DomainIndex, ConnectionIndex):
            assert not unit.session.execute(select(cls).where(col(cls.tenant_id).in_(ids))).all()
    for tenant in ids:
        assert not any(synth.rows(tenant).values())
    assert {slug: synth.rows(slug) for slug in real if slug != "acme"} == {s: n for s, n in before.items() if s != "acme"}
    assert synth.rows("acme") == kept
    assert synth.real.sign_in(synth.whole.at("192.0.2.10")).status_code == 303
    assert list(SyntheticRemoval(synth.whole.services, OPERATOR).run()) == []
    assert synth.maker.make(SAML, 1).outcome == "made", "the same seed makes it anew"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDBROKER_DATABASE_URL", sqlite_urls(tmp_path).database)
    monkeypatch.setenv("IDBROKER_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    return lambda *words, **how: CliRunner().invoke(app, ["tenant", "synth", *words], **how)


def test_the_command_makes_asks_and_removes(run: Any) -> None:
    made = run("--tenants", "2", "--people", "3", "--groups", "0", "--json")
    assert json.loads(made.stdout) == {"made": 2, "there": 0, "taken": 0, "people": 6}, made.exception
    again = run("--tenants", "2", "--people", "3", "--groups", "0")
    assert again.stdout == "0 tenants made, 0 people\n"
    assert "2 were there already" in again.stderr
    refused = run("--remove", input="n\n")
    assert refused.exit_code == 1
    assert "2 synthetic tenants will be gone" in refused.stderr
    assert json.loads(run("--remove", "--yes", "--json").stdout) == {"removed": 2, "left": 0}


@pytest.mark.parametrize("words", [(), ("--tenants", "1", "--remove"), ("--tenants", "1", "--idp-metadata", "none.xml")])
def test_what_the_command_does_not_understand_does_nothing(run: Any, words: tuple[str, ...]) -> None:
    assert isinstance(run(*words).exception, Stop)


def test_without_metadata_the_identity_provider_is_below_the_reserved_suffix(synth: Synth) -> None:
    assert urlsplit(SAML_IDP).hostname.endswith(SUFFIX)  # type: ignore[union-attr] # it has one
    assert SAML_IDP in json.dumps(drafts(synth.whole.services)["saml"].settings)
