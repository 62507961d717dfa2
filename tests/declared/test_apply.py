"""A file brings about what it says, twice is once, and what is not in it is left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.declared.declaring import DeclaringWorld
from tests.support.ui_world import BASE

FIXTURES = Path(__file__).parents[2] / "fixtures" / "idp_metadata"

WHOLE = """
version: 1
tenants:
  SLUG:
    name: Acme Ltd
    tier: growth
    region: no
    limits: {sign_in: {per_minute: 900}}
    domains:
      SLUG.example: {accept: bought with the contract}
      sub.SLUG.example:
        include_subdomains: true
    connections:
      Okta:
        type: saml
        metadata_xml: file:okta.xml
        options: {jit: update, clock_skew_seconds: 30}
        attribute_mapping: {email: mail}
        routing_domains: [SLUG.example]
      Plain OP:
        type: oidc
        issuer: https://op.example
        client_id: us
        client_secret: ${env:OP_SECRET}
        authorization_endpoint: https://op.example/authorize
        token_endpoint: https://op.example/token
        jwks_uri: https://op.example/jwks
        status: test
    directories:
      Okta SCIM: {connection: Okta, brake: {percent: 10}}
    role_mappings:
      - {group: Engineering, role: editor, app: Notes SLUG}
      - {group: Everyone, role: reader}
apps:
  Notes SLUG:
    redirect_uris: [https://notes.example/callback]
    tenants: [SLUG]
webhooks:
  https://notes.example/hooks/SLUG:
    events: [user.*]
    tenants: [SLUG]
"""
ENVIRONMENT = {"OP_SECRET": "very secret indeed"}
MADE = [
    "tenant", "domain", "domain", "connection", "connection", "app", "directory", "role mapping", "role mapping", "webhook",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("okta.xml", "entra.xml"):
        shutil.copy(FIXTURES / name, tmp_path)
    return tmp_path


def count(world: DeclaringWorld, slug: str) -> int:
    return len(world.events(slug)) + len(world.events(None))


@pytest.mark.parametrize("through", ["local", "remote"])
def test_first_told_then_made_then_nothing_to_do(world: DeclaringWorld, folder: Path, through: str) -> None:
    slug = world.slug()
    text, api = WHOLE.replace("SLUG", slug), getattr(world, through)
    told = world.apply(text, api=api, folder=folder, environment=ENVIRONMENT, dry_run=True)
    assert told.stopped is None
    assert [step.kind for step in told.steps if step.action == "create"] == MADE
    assert not told.kept
    world.api("GET", f"/tenants/{slug}", status=404)

    made = world.apply(text, api=api, folder=folder, environment=ENVIRONMENT)
    assert made.stopped is None, made.stopped
    assert [step.kind for step in made.steps if step.action == "create"] == MADE
    assert "very secret" not in made.text
    assert f"acs_url: {BASE}/saml/con_" in made.text
    assert "publish TXT" in made.text
    assert {(shown.kind, shown.secret[:6] == "whsec_") for shown in made.kept} == {("app", False), ("webhook", True)}
    tenant = world.api("GET", f"/tenants/{slug}")
    assert (tenant["tier"], tenant["region"]) == ("growth", "no")
    assert tenant["limits"] == {"sign_in": {"per_minute": 900, "burst": 225}}
    connections = {one["name"]: one for one in world.api("GET", f"/tenants/{slug}/connections")["data"]}
    assert connections["Okta"]["options"]["jit"] == "update"
    assert connections["Plain OP"]["status"] == "test"
    directory = world.api("GET", f"/tenants/{slug}/directories")["data"][0]
    assert directory["connection_id"] == connections["Okta"]["id"]
    domains = {one["domain"]: one["status"] for one in world.api("GET", f"/tenants/{slug}/domains")["data"]}
    assert domains == {f"{slug}.example": "verified", f"sub.{slug}.example": "pending"}

    count(world, slug)  # an operator who looks leaves a trace, once
    before = count(world, slug)
    again = world.apply(text, api=api, folder=folder, environment=ENVIRONMENT)
    assert again.stopped is None
    assert again.did == [], again.text
    assert len(again.steps) == len(MADE)
    assert count(world, slug) == before


def test_the_trail_names_whoever_ran_it(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    world.apply(WHOLE.replace("SLUG", slug), folder=folder, environment=ENVIRONMENT)
    actors = {(event["actor"]["type"], event["actor"]["name"]) for event in world.events(slug)}
    assert actors == {("operator", "ops (command line)")}
    actions = {event["action"] for event in world.events(slug)}
    assert {"tenant.created", "domain.verified", "connection.created", "directory.created", "role_mapping.created"} <= actions


CHANGES = [
    ("name: Acme Ltd", "name: Acme Inc", "tenant", {"name": ("Acme Ltd", "Acme Inc")}),
    ("per_minute: 900", "per_minute: 800", "tenant", None),
    ("region: no", "region: no\n    status: active", "tenant", {"status": ("trial", "active")}),
    ("file:okta.xml", "file:entra.xml", "connection", None),
    ("jit: update, ", "", "connection", None),
    ("{email: mail}", "{given_name: gn}", "connection", {"attribute_mapping": ({"email": "mail"}, {"given_name": "gn"})}),
    ("status: test", "status: disabled", "connection", {"status": ("test", "disabled")}),
    ("percent: 10", "percent: 20", "directory", {"brake": ({"percent": 10}, {"percent": 20})}),
    ("https://notes.example/callback", "https://notes.example/other", "app", None),
    ("user.*", "group.*", "webhook", {"events": (["user.*"], ["group.*"])}),
]


def test_each_change_is_told_made_and_then_there(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    text = WHOLE.replace("SLUG", slug)
    world.apply(text, folder=folder, environment=ENVIRONMENT)
    for before, after, kind, changes in CHANGES:
        assert before in text, before
        text = text.replace(before, after, 1)
        told = world.apply(text, folder=folder, environment=ENVIRONMENT, dry_run=True)
        assert [(action, what) for action, what, _ in told.did] == [("update", kind)], (after, told.text)
        assert changes is None or told.changes(kind) == changes
        made = world.apply(text, folder=folder, environment=ENVIRONMENT)
        assert made.did == told.did
    assert world.apply(text, folder=folder, environment=ENVIRONMENT).did == []
    options = world.api("GET", f"/tenants/{slug}/connections")["data"][0]["options"]
    assert (options["jit"], options["clock_skew_seconds"]) == ("create", 30), (
        "an option that is no longer named has its default"
    )


def test_a_secret_is_changed_and_never_shown(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    text = WHOLE.replace("SLUG", slug).replace("issuer: https://op.example", "issuer: https://${env:HOST}")
    world.apply(text, folder=folder, environment=ENVIRONMENT | {"HOST": "op.example"})
    changed = world.apply(text, folder=folder, environment={"OP_SECRET": "another secret", "HOST": "op.example"}, dry_run=True)
    assert changed.changes("connection") == {"secret or keys": ("(secret)", "(secret)")}
    changed = world.apply(text, folder=folder, environment={"OP_SECRET": "another secret", "HOST": "op.example"})
    assert len(changed.did) == 1
    assert "another secret" not in json.dumps([step.as_document() for step in changed.steps])
    assert world.apply(text, folder=folder, environment={"OP_SECRET": "another secret", "HOST": "op.example"}).did == []


def test_nothing_is_removed_unless_asked_and_then_only_of_sections_that_are_there(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    text = WHOLE.replace("SLUG", slug)
    world.apply(text, folder=folder, environment=ENVIRONMENT)
    less = f"version: 1\ntenants:\n  {slug}:\n    connections: {{}}\n    role_mappings: []\n"
    assert world.apply(less).did == []
    told = world.apply(less, dry_run=True, prune=True)
    mappings = ("Everyone → reader", f"Engineering → editor in Notes {slug}")
    removed = {("remove", "connection", name) for name in ("Okta", "Plain OP")}
    removed |= {("remove", "role mapping", name) for name in mappings}
    assert set(told.did) == removed
    assert len(world.api("GET", f"/tenants/{slug}/connections")["data"]) == 2
    assert set(world.apply(less, prune=True).did) == removed
    assert world.api("GET", f"/tenants/{slug}/connections")["data"] == []
    assert len(world.api("GET", f"/tenants/{slug}/directories")["data"]) == 1
    assert len(world.api("GET", f"/tenants/{slug}/domains")["data"]) == 2
    assert world.apply(less, prune=True).did == []


def test_what_the_api_refuses_names_its_line_and_the_rest_can_be_repeated(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    fields = "        type: saml\n        metadata_xml: <nonsense/>\n"
    bad = f"version: 1\ntenants:\n  {slug}:\n    connections:\n      Broken:\n{fields}"
    run = world.apply(bad)
    assert run.stopped is not None
    assert str(run.stopped).startswith(f"line 7: tenants.{slug}.connections.Broken.metadata_xml: ")
    assert run.did == [("create", "tenant", slug)]
    told = world.apply(bad, dry_run=True)
    assert told.stopped is not None, "a dry run of a tenant that is there says it too"
    good = bad.replace("<nonsense/>", "file:okta.xml")
    assert world.apply(good, folder=folder).did == [("create", "connection", "Broken")]


def test_a_name_that_two_have_is_no_key(world: DeclaringWorld) -> None:
    slug = world.slug()
    world.tenant(slug)
    for _ in range(2):
        world.api("POST", f"/tenants/{slug}/directories", {"name": "Twin"})
    run = world.apply(f"version: 1\ntenants:\n  {slug}:\n    directories:\n      Twin: {{dry_run: true}}\n")
    assert run.stopped is not None
    assert "line 5: " in str(run.stopped)
    assert "2 are called “Twin”" in str(run.stopped)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("role_mappings: [{group: g, role: r, app: nowhere}]", "there is no app “nowhere”"),
        ("directories: {x: {connection: nowhere}}", "there is no connection “nowhere”"),
        ("status: deleted", "it cannot become deleted"),
    ],
)
def test_what_is_named_must_be_there(world: DeclaringWorld, section: str, says: str) -> None:
    slug = world.slug()
    world.tenant(slug)
    run = world.apply(f"version: 1\ntenants:\n  {slug}:\n    {section}\n")
    assert run.stopped is not None
    assert "line 4: " in str(run.stopped) or "line 3: " in str(run.stopped)
    assert says in str(run.stopped), run.stopped


@pytest.mark.parametrize("dry", [True, False])
def test_states_that_the_life_cycle_does_not_have_are_refused_before_anything_is_done(world: DeclaringWorld, dry: bool) -> None:
    there, new = world.slug(), world.slug()
    world.tenant(there)
    for slug, status, says in ((new, "paused", "prospect"), (there, "past_due", "it cannot become past_due")):
        run = world.apply(f"version: 1\ntenants:\n  {slug}:\n    name: Other\n    status: {status}\n", dry_run=dry)
        assert (run.steps, says in str(run.stopped)) == ([], True), run.stopped
        assert f"line 5: tenants.{slug}.status" in str(run.stopped)
    assert world.api("GET", f"/tenants/{there}")["name"] != "Other"


def test_a_directory_s_connection_that_two_are_called_is_named(world: DeclaringWorld, folder: Path) -> None:
    slug = world.slug()
    world.tenant(slug)
    metadata = (folder / "okta.xml").read_text(encoding="utf-8")
    for _ in range(2):
        world.api("POST", f"/tenants/{slug}/connections", {"type": "saml", "name": "Okta", "metadata_xml": metadata})
    run = world.apply(f"version: 1\ntenants:\n  {slug}:\n    directories:\n      D:\n        connection: Okta\n")
    assert f"tenants.{slug}.directories.D.connection: 2 are called “Okta”" in str(run.stopped)


def test_another_tenants_names_are_no_keys_here(world: DeclaringWorld, folder: Path) -> None:
    theirs, ours = world.slug(), world.slug()
    world.apply(WHOLE.replace("SLUG", theirs), folder=folder, environment=ENVIRONMENT)
    world.tenant(ours)
    run = world.apply(f"version: 1\ntenants:\n  {ours}:\n    directories: {{x: {{connection: Okta}}}}\n")
    assert run.stopped is not None
    assert "there is no connection “Okta” in this tenant" in str(run.stopped)
