"""Another product's redirect URI: a provider that knows only that one signs people in, and it leads to no other connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from oidc.demo_op import DemoClient
from tests.support.clock import TestClock
from tests.support.oidc_installation import BASE, CLIENT_ID, SECRET, Installation

HOST = "https://login.old.example"
POLIS, AUTH0, WORKOS, KEYCLOAK = (
    f"{HOST}{path}"
    for path in ("/api/oauth/oidc", "/login/callback", "/sso/oidc/abc/callback", "/realms/a%20b/broker/acme/endpoint")
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("redirects"), TestClock())
    yield made
    made.close()


def moved(here: Installation, old: str | None) -> None:
    """The provider has been told the old address, and nothing of ours."""
    here.api("PATCH", here.here, {"options": {"request_redirect_uri": old}})
    here.op.clients[CLIENT_ID] = DemoClient((old or here.connection["rp"]["redirect_uri"],), SECRET)


def led(here: Installation, old: str, query: dict[str, str]) -> Any:
    return here.client.get(urlsplit(old).path, params=query, headers={"host": "login.old.example"})


@pytest.mark.parametrize("old", [POLIS, AUTH0, WORKOS, KEYCLOAK])
def test_a_provider_that_knows_only_the_old_address_signs_people_in(here: Installation, old: str) -> None:
    moved(here, old)
    asked = here.begin()
    assert asked["redirect_uri"] == old
    sent_on = here.answered(asked)
    assert sent_on.status_code == 303
    address, _, query = sent_on.headers["location"].partition("?")
    assert address == here.connection["rp"]["redirect_uri"]
    before = len(here.sessions())
    done = here.client.get(sent_on.headers["location"].removeprefix(BASE))
    assert done.status_code == 303, done.text
    assert here.fetcher.forms[-1]["redirect_uri"] == old, "RFC 6749 4.1.3: the same as in the request"
    assert len(here.sessions()) == before + 1
    assert here.client.get(f"{urlsplit(address).path}?{query}").status_code == 400, "a code is taken once"


def test_who_is_meant_follows_from_the_sign_in_alone(here: Installation) -> None:
    moved(here, AUTH0)
    other = here.connect(name="Other", options={"request_redirect_uri": AUTH0})
    here.op.clients[CLIENT_ID] = DemoClient((AUTH0,), SECRET)
    asked = here.begin()
    assert here.connection["id"] in here.answered(asked).headers["location"]
    for query in ({"code": "x", "state": "made-up"}, {"code": "x", "state": f"{asked['state']}x"}, {"state": ""}):
        unclear = led(here, AUTH0, query)
        assert unclear.status_code == 403
        assert "several organisations" in unclear.text
    here.api("DELETE", f"/tenants/acme/connections/{other['id']}")
    sole = led(here, AUTH0, {"code": "x", "state": "made-up"})
    assert here.connection["id"] in sole.headers["location"]
    assert here.client.get(sole.headers["location"].removeprefix(BASE)).status_code == 400, "every check is made there"


def test_nothing_else_is_led_anywhere(here: Installation) -> None:
    moved(here, AUTH0)
    for path in ("/nowhere?state=x", "/login/callback", "/login/callback/?state=x", "/LOGIN/callback?state=x", "/?state=x"):
        assert here.client.get(path).status_code in (303, 404), path
        assert "/oidc/" not in here.client.get(path).headers.get("location", ""), path
    assert here.client.head("/nowhere").status_code == 404
    odd = here.client.get("/login/callback?state=x&next=https://evil.example/%0d%0aset-cookie:%20a=b&q=%C3%A9<>\\")
    address = urlsplit(odd.headers["location"])
    assert f"{address.scheme}://{address.netloc}" == BASE
    assert "\r" not in odd.headers["location"]
    assert dict(parse_qsl(address.query))["next"].startswith("https://evil.example"), "carried, and never gone to"
    moved(here, None)
    assert led(here, AUTH0, {"code": "x", "state": "x"}).status_code == 404


def test_only_operators_name_such_an_address(here: Installation) -> None:
    key = here.api("POST", "/api-keys", {"name": "own", "scope": "tenant", "tenant": "acme", "role": "owner"})["key"]
    answer = here.client.patch(
        f"/api/v1{here.here}",
        json={"options": {"request_redirect_uri": POLIS}},
        headers={"authorization": f"Bearer {key}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "operators_only")
    for bad in ("not a url", "http://login.old.example/x", "javascript:x"):
        here.api("PATCH", here.here, {"options": {"request_redirect_uri": bad}}, status=422)
