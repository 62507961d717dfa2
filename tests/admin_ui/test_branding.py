"""A tenant's name, logo and colour: on its own pages once it is known, never before, and never on another's."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.rules.test_images import SECRET, chunk, png
from tests.support.ui_world import BASE, Person, UiWorld

LOGO = base64.b64encode(png(300, 80, chunk(b"tEXt", SECRET))).decode()
METADATA = {"entity_id": "https://idp.example/x", "sso_url": "https://idp.example/sso"}


class Branded:
    def __init__(self, world: UiWorld) -> None:
        self.world = world
        for slug in ("acme", "globex"):
            world.tenant(slug)
        fields = {"name": "Acme & Söhne <b>", "colour": "#FFDD00", "logo": LOGO}
        self.branding = world.api("PATCH", "/tenants/acme/branding", fields)
        self.operator: Person = world.entered("acme")


@pytest.fixture(scope="module")
def acme(shared: UiWorld) -> Branded:
    return Branded(shared)


def connections(world: UiWorld, tenant: str) -> None:
    """Two, so that people are asked which."""
    for name in ("One", "Two"):
        body: dict[str, Any] = {"type": "oidc", "name": name, "issuer": "https://idp.example", "client_id": "x"}
        world.api("POST", f"/tenants/{tenant}/connections", body)


def test_it_is_shown_as_it_was_given(acme: Branded) -> None:
    assert acme.branding["name"] == "Acme & Söhne <b>"
    assert acme.branding["colour"] == "#ffdd00"
    logo = acme.branding["logo"]
    assert (logo["media_type"], logo["width"], logo["height"]) == ("image/png", 300, 80)
    empty = {"name": None, "colour": None, "logo": None, "updated_at": None}
    assert acme.world.api("GET", "/tenants/globex/branding") == empty


def test_the_logo_is_a_picture_and_nothing_else(acme: Branded) -> None:
    answer = acme.world.client.get(acme.branding["logo"]["url"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "immutable" in answer.headers["cache-control"]
    assert SECRET not in answer.content
    sheet = acme.world.client.get(acme.branding["logo"]["url"].replace("/logo", "/style.css"))
    assert sheet.headers["content-type"].startswith("text/css")
    assert "--pico-primary-background: #ffdd00" in sheet.text


def test_who_knows_no_version_finds_nothing(acme: Branded) -> None:
    url = acme.branding["logo"]["url"]
    other = acme.world.api("GET", "/tenants/globex")["id"]
    mine = acme.world.api("GET", "/tenants/acme")["id"]
    for wrong in (url[:-6] + "x/logo", url.replace(mine, other), "/branding/tnt_x/y/logo", "/branding/../x/logo"):
        assert acme.world.client.get(wrong).status_code == 404, wrong


def test_it_is_on_the_pages_of_the_tenant_alone(acme: Branded) -> None:
    def brand(page: str) -> str:
        return "".join(re.findall(r"/branding/[^\"]*", page))

    link = acme.world.api("POST", "/tenants/acme/setup-links", {"scopes": ["domains"]})["url"].removeprefix(BASE)
    person = acme.world.browser()
    asked = person.get(link)
    assert acme.branding["logo"]["url"] in asked.text
    assert "Acme &amp; Söhne &lt;b&gt;" in asked.text
    person.post(link)
    assert "/style.css" in brand(person.get("/setup/steps/domain").text)
    theirs = acme.world.api("POST", "/tenants/globex/setup-links", {"scopes": ["domains"]})["url"].removeprefix(BASE)
    assert brand(acme.world.browser().get(theirs).text) == ""
    for path in ("/sso", "/account", "/admin/sign-in", "/nothing", "/sso?email=nobody@nowhere.example"):
        assert brand(acme.world.browser().get(path).text) == "", path
    assert brand(acme.operator.get("/admin/t/acme").text) == "", "the working side is plain"


def test_a_refusal_that_is_the_tenants_bears_its_logo(acme: Branded) -> None:
    refused = acme.world.browser().get("/sso?tenant=acme")
    assert refused.status == 403
    assert acme.branding["logo"]["url"] in refused.text
    assert "/branding/" not in acme.world.browser().get("/sso?tenant=globex").text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", "red"), ("colour", "#12345"), ("colour", "#12345g"), ("colour", "#123456;}"),
        ("name", ""), ("name", "x" * 201), ("logo", "no base64!"), ("logo", base64.b64encode(b"<svg onload=x>").decode()),
        ("logo", "A" * 400_000), ("other", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(acme: Branded, field: str, value: Any) -> None:
    before = acme.world.api("GET", "/tenants/acme/branding")
    answer = acme.world.api("PATCH", "/tenants/acme/branding", {field: value}, status=422)
    assert answer["errors"][0]["pointer"].startswith(f"/{field}")
    assert acme.world.api("GET", "/tenants/acme/branding") == before


def test_the_form_takes_what_the_browser_read(world: UiWorld) -> None:
    world.tenant("acme")
    owner, reader = world.admin("acme"), world.admin("acme", "member")
    home = "/admin/t/acme/branding"
    answer = owner.post(home, name="Acme", coloured="on", colour="#aa0011", logo=f"data:image/svg+xml;base64,{LOGO}")
    assert answer.location == home
    made = world.api("GET", "/tenants/acme/branding")
    assert (made["colour"], made["logo"]["media_type"]) == ("#aa0011", "image/png"), "the file is believed, not its label"
    assert made["logo"]["url"] in owner.get(home).text
    assert owner.post(home, name="Acme", logo="data:image/png;base64,AAAA").status == 422
    assert owner.post(home, name="", without_logo="on", colour="#aa0011").location == home
    assert world.api("GET", "/tenants/acme/branding")["logo"] is None
    assert world.api("GET", "/tenants/acme/branding")["colour"] is None
    assert reader.get(home).status == 200
    assert reader.post(home, name="Mine").status == 403
    told = [event["changes"] for event in world.events("acme") if event["action"] == "tenant.updated"]
    assert set(told[-1]) == {"branding.name", "branding.colour", "branding.logo"}
    assert "base64" not in str(told)
