"""Sign-ins that begin at the identity provider, as a browser sees them."""

from __future__ import annotations

import pytest

from idbroker.apps.service import AppForm, AppService
from tests.support.front_world import FrontWorld
from tests.support.world import OPERATOR

ALICE = "alice@acme.example"
TARGET = "https://notes.example/inbox?folder=1&x=1"


@pytest.fixture
def acme(world: FrontWorld):
    world.protocol.is_unsolicited = True
    return world.tenant("acme", "acme.example")


def app(world: FrontWorld, start: str) -> str:
    form = {"name": "Notes", "redirect_uris": ["https://notes.example/cb"], "initiate_login_uri": start}
    with world.stores.main.platform(OPERATOR) as unit:
        return AppService().create(unit, AppForm.model_validate(form))[0].id


def test_off_the_page_has_a_button_that_begins_properly(world, acme):
    connection = world.connection(acme)
    browser = world.browser()
    page = browser.post(f"/toy/{connection}/acs", {"who": ALICE}, other_site=True)
    assert page.status == 403
    assert f'<a role="button" href="/sso?connection={connection}">Sign in</a>' in page.text
    assert world.refusals(acme.tenant)[-1]["code"] == "unsolicited"
    assert browser.get(f"/sso?connection={connection}").location.startswith("https://idp.acme.example/login?state=")


def test_on_it_begins_anew_and_signs_in(world, acme):
    connection = world.connection(acme, options={"allow_idp_initiated": True})
    browser = world.browser()
    first = browser.post(f"/toy/{connection}/acs", {"who": ALICE}, other_site=True)
    again = {name: first.field(name) for name in ("who", "idb_posted_again")}
    step = browser.post(f"/toy/{connection}/acs", again)
    assert (step.status, step.location) == (303, f"/sso?connection={connection}")
    browser.get(step.location)
    handle = world.protocol.begun[-1].handle
    done = browser.post(f"/toy/{connection}/acs", {"who": ALICE, "state": handle})
    assert done.location.startswith("/sso/done?")
    assert "idb_restarted=; Path=/; Max-Age=0" in done.headers["set-cookie"]
    browser.cookies.delete("idb_restarted")
    assert browser.post(f"/toy/{connection}/acs", {"who": ALICE}).location == f"/sso?connection={connection}"


def test_an_answer_that_never_names_its_sign_in_does_not_go_in_circles(world, acme):
    connection = world.connection(acme, options={"allow_idp_initiated": True})
    browser = world.browser()
    browser.get("/sso")
    assert browser.post(f"/toy/{connection}/acs", {"who": ALICE}).status == 303
    page = browser.post(f"/toy/{connection}/acs", {"who": ALICE})
    assert (page.status, bool(page.reference)) == (403, True)
    assert 'role="button"' not in page.text
    assert world.refusals(acme.tenant)[-1]["code"] == "unsolicited_again"


@pytest.mark.parametrize("start", ["https://notes.example/start", "https://notes.example/start?from=idp"])
def test_it_begins_anew_at_the_app(world, acme, start):
    options = {"allow_idp_initiated": True, "default_app": app(world, start), "relay_state_allow": [TARGET]}
    connection = world.connection(acme, options=options)
    form = {"who": ALICE, "RelayState": TARGET, "idb_posted_again": "1"}
    location = world.browser().post(f"/toy/{connection}/acs", form).location
    joint = "&" if "?" in start else "?"
    assert location == (
        f"{start}{joint}iss=http%3A%2F%2Fbroker.test&tenant=acme&connection={connection}"
        "&target_link_uri=https%3A%2F%2Fnotes.example%2Finbox%3Ffolder%3D1%26x%3D1"
    )
