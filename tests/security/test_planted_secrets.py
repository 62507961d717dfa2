"""Secrets of every kind, known to the test, in a world in which everything has happened: no face, no table, no file that is
taken away and no line of a log shows one, neither where all goes well nor where it is refused.

What is created is shown once, in the answer to its creation; from then on it is looked for.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from idbroker.storage.rows import AUDIT, MAIN
from idbroker.web.route import PlatformRoute, ScopedRoute, TenantRoute
from tests.conformance.test_isolation import unbound
from tests.security.test_isolation_walk import filled
from tests.support.doors import Doors, code
from tests.support.logged import everything_logged
from tests.support.marked import PUSHED, SCIM_USER
from tests.support.whole import MASTER

PLANTED = "planted-{}-5f1c0e7d9a"
"""Of a kind: what somebody outside has chosen."""


class Secrets:
    """Name → the part of a secret that must be seen nowhere."""

    def __init__(self, doors: Doors) -> None:
        self.doors, self.there = doors, doors.there
        self.values = {"master key": MASTER.rstrip("="), "app secret": doors.secret}
        for kind in ("access_token", "id_token"):
            self.values[kind] = doors.theirs[kind].rpartition(".")[2]
        self.values["refresh token"] = doors.theirs["refresh_token"].rpartition(".")[2]
        self.values["code"] = code(doors, self.there.acme.acme, doors.theirs["browser"]).rpartition(".")[2]
        self.values["session cookie"] = self._cookie("idb_session").partition(".")[2][:40]
        self.values["browser cookie"] = self._cookie("idb_browser")
        self._administration()
        self._chosen()

    def chosen(self, kind: str) -> str:
        self.values[kind] = PLANTED.format(kind)
        return self.values[kind]

    def _cookie(self, name: str) -> str:
        return next(value for key, value in self.doors.theirs["browser"].cookies.items() if name in key)

    def _administration(self) -> None:
        """What is made for acme and shown once."""
        api, here = self.there.whole.api, self.there.acme.here
        self.key = self.there.whole.key(self.there.ids["tenant"], "owner")
        self.values["API key"] = self.key[-24:]  # its alphabet has what stands between its parts
        directory = api("POST", f"{here}/directories", {"name": "planted"})["id"]
        self.scim = api("POST", f"{here}/directories/{directory}/tokens", {})["token"]
        self.values["SCIM token"] = self.scim.rpartition(".")[2]
        hook = {"url": "https://hook.example/planted", "events": ["*"]}
        self.values["webhook secret"] = api("POST", "/webhooks", hook)["secret"].removeprefix("whsec_")
        self.values["setup link"] = _last(api("POST", f"{here}/setup-links", {"scopes": ["sso"]})["url"])
        invited = {"email": "planted@acme.example", "role": "guest"}
        self.values["invitation"] = _last(api("POST", f"{here}/admins", invited)["url"])
        path = f"{here}/connections/{self.there.ids['connection']}/test-sign-in"
        self.values["test sign-in"] = _last(api("POST", path, {})["url"])

    def _chosen(self) -> None:
        api, here, client = self.there.whole.api, self.there.acme.here, self.there.whole.client
        connection = {
            "type": "oidc", "name": "planted", "issuer": "https://op.example", "client_id": "c", "status": "test",
            "client_secret": self.chosen("client"),
        }  # fmt: skip
        self.there.whole.provider_at("https://op.example")
        api("POST", f"{here}/connections", connection)
        stream = {"type": "splunk_hec", "name": "planted", "url": "https://splunk.example", "start": "now"}
        stream["token"] = self.chosen("splunk")
        api("POST", f"{here}/log-streams", stream)
        api("PUT", f"/apps/{self.doors.app}/scim", {"base_url": PUSHED, "token": self.chosen("outbound")})
        person = {"schemas": [SCIM_USER], "userName": "planted@acme.example", "password": self.chosen("password")}
        made = client.post("/scim/v2/Users", json=person, headers={"authorization": f"Bearer {self.scim}"})
        assert made.status_code == 201, made.text
        assert self.values["password"] not in made.text
        self.person = made.json()["id"]

    def seen_in(self, text: str) -> set[str]:
        found = {name for name, value in self.values.items() if value in text}
        return found | ({"private key"} if "PRIVATE KEY" in text else set())


def _last(url: str) -> str:
    return url.rpartition("/")[2].rpartition(".")[2]


@pytest.fixture(scope="session")
def secrets(doors: Doors) -> Secrets:
    made = Secrets(doors)
    made.there.acme.work()
    return made


def test_every_kind_is_planted(secrets: Secrets) -> None:
    """Values that could not be confused with anything else, and a search that finds each of them."""
    assert len(secrets.values) == 18
    for name, value in secrets.values.items():
        assert len(value) >= 18, name
        assert name in secrets.seen_in(f"x{value}x")


def in_tables(secrets: Secrets) -> Iterator[tuple[str, str]]:
    """As a superuser reads them. Sealed columns are bytes; a secret that lies in one as it is would be seen too."""
    stores = secrets.there.acme.stores
    for database, metadata in ((stores.main, MAIN), (stores.audit, AUDIT)):
        with unbound(stores, database) as connection:
            for table in metadata.sorted_tables:
                for row in connection.execute(select(table)):
                    told = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row]
                    yield table.name, "\n".join(told)


def in_reads_of_the_api(secrets: Secrets) -> Iterator[tuple[str, str]]:
    """Every read, by the operator, with acme's own ids."""
    there = secrets.there
    for row in there.rows:
        if isinstance(row, TenantRoute | ScopedRoute | PlatformRoute) and row.method == "GET" and row.path.startswith("/api/"):
            answer = there.ask("GET", filled(row.path, there.ids), {"authorization": f"Bearer {there.whole.operator}"})
            yield row.path, f"{answer.headers}{answer.text}"


def in_what_is_taken_away(secrets: Secrets) -> Iterator[tuple[str, str]]:
    """Exports of the tenant, of a person and of the trail, in every form."""
    there = secrets.there
    for path in ("export", f"users/{secrets.person}/export", f"users/{there.ids['user']}/export"):
        yield path, _good(there.whole.send("GET", f"{there.acme.here}/{path}")).text
    for form in ("csv", "jsonl", "pack"):
        answer = _good(there.whole.send("GET", f"{there.acme.here}/audit-events/export?format={form}"))
        if form == "pack":
            with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
                for name in pack.namelist():
                    yield name, pack.read(name).decode()
        else:
            yield form, answer.text


def in_refusals(secrets: Secrets) -> Iterator[tuple[str, str]]:
    """Secrets where they do not belong: what is refused is not told again."""
    there, values, doors = secrets.there, secrets.values, secrets.doors
    here, operator = f"/api/v1{there.acme.here}", {"authorization": f"Bearer {there.whole.operator}"}
    scim, basic = {"authorization": f"Bearer {secrets.scim}"}, (doors.app, doors.secret)
    used = {"grant_type": "authorization_code", "code": doors.theirs["code"], "redirect_uri": "https://both.example/callback"}
    refresh = {"grant_type": "refresh_token", "refresh_token": doors.theirs["refresh_token"]}
    wrong = {"type": "oidc", "name": "x", "client_secret": {"is": values["client"]}}
    saml = {"SAMLResponse": values["client"], "RelayState": values["code"]}
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        "a key with a letter more": ("GET", here, {"headers": {"authorization": f"Bearer {secrets.key}x"}}),
        "a secret of the wrong type": ("POST", f"{here}/connections", {"json": wrong, "headers": operator}),
        "an unknown member": ("POST", f"{here}/domains", {"json": {"domian": values["client"]}, "headers": operator}),
        "a key as an address": ("POST", f"{here}/admins", {"json": {"email": secrets.key}, "headers": operator}),
        "a code without its verifier": ("POST", "/t/acme/oauth2/token", {"data": used, "auth": basic}),
        "a wrong app secret": ("POST", "/oauth2/token", {"data": used, "auth": (doors.app, values["client"])}),
        "a refresh token elsewhere": ("POST", "/t/globex/oauth2/token", {"data": refresh, "auth": basic}),
        "a key at SCIM": ("GET", "/scim/v2/Users", {"headers": {"authorization": f"Bearer {secrets.key}"}}),
        "a password alone": ("POST", "/scim/v2/Users", {"json": {"password": values["password"]}, "headers": scim}),
        "a broken response": ("POST", f"/saml/{there.ids['connection']}/acs", {"data": saml}),
    }
    for name, (method, path, more) in asked.items():
        answer = there.whole.client.request(method, path, **more)
        assert 400 <= answer.status_code < 500, (name, answer.text)
        yield name, f"{answer.headers}{answer.text}"


def _good(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("place", [in_tables, in_reads_of_the_api, in_what_is_taken_away, in_refusals])
def test_nothing_planted_is_seen(
    secrets: Secrets, place: Callable[[Secrets], Iterator[tuple[str, str]]], caplog: pytest.LogCaptureFixture
) -> None:
    """Logs are looked at as they are written, before what writes them out takes secrets away by their shape."""
    looked = 0
    with everything_logged() as lines, caplog.at_level(logging.DEBUG):
        for name, text in place(secrets):
            looked += bool(re.search(r"\w", text))
            assert secrets.seen_in(text) == set(), f"{place.__name__}: {name}"
        secrets.there.acme.work()
    assert looked >= 8
    assert lines or place is not in_refusals, "what is refused is logged"
    assert secrets.seen_in(repr(lines) + caplog.text) == set()
