"""Each command that a page tells people to type is run, in the order of the pages, as they stand there.

``idbroker …`` runs in this process on the database of a broker that serves; ``curl`` goes to that broker. What stands for
something of the reader's own (``$CONNECTION``, ``con_…``) is filled in with what is there. The rest is in ``NOT_RUN``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from idbroker.cli.main import app
from tests.docs.pages import ROOT, pages, shell_commands
from tests.support.clock import TestClock
from tests.support.databases import open_stores, urls_for
from tests.support.marked import Marked
from tests.support.saml_world import key_pair
from tests.support.whole import MASTER

NOT_RUN = {
    r"(make|docker|psql|kill|chmod|jq|for) ": "of the machine, not of this program",
    r"(openssl|python3|\.venv/bin/python|\S+/pip|echo) ": "of the machine, not of this program",
    r"\S+=\S* ?\S*$|export |API=|AUTH=|TOKEN=": "the shell's own",
    r"/opt/idbroker/bin/idbroker --help": "the same program at another place",
    r"idbroker (serve|worker)": "it stays; the servers of tests/flows and tests/browser run it",
    r"idbroker doctor": "it asks the world: tests/demo and tests/rules look at each of its checks",
    r"idbroker migrate": "on SQLite there is nothing to do: tests/conformance/test_schema.py runs it",
    r"idbroker tenant (create|move) .*(--region|--cell|--to|--finish)": "with cells: tests/flows/test_cells.py, test_moving.py",
    r"idbroker tenant synth": "a thousand tenants: tests/synthetic",
    r"idbroker import ": "with exports of those products: tests/importers",
    r"curl .*(auth0\.com|sso\.example\.com/api|workos\.com)": "other products",
    r"curl .*(readyz|\.well-known)": "read by the tests of the front and of discovery",
}
"""Pattern of a command's beginning → why it is not run here."""

REFUSED = {
    "domains/$DOMAIN/verify": "409",  # the record is not there yet
    "$CONNECTION/refresh": "409",  # this one was made of a file
}
"""What is answered to a command that is right and comes too soon, or to somebody else's connection."""

MADE = {
    "domains": ("DOMAIN", "DOMAIN_ID"), "test-sign-in": ("TEST",), "candidates": ("CANDIDATE", "can_"),
    "directories": ("DIRECTORY",), "log-streams": ("STREAM",), "apps": ("CLIENT_ID", "app_"),
    "connections": ("OIDC",),
}  # fmt: skip
"""What was made at an address → what pages call it afterwards."""

VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")
BROKER = ("$API", "$BASE", "https://id.example.com", "http://localhost:8080")


class Shell:
    """Whoever types a page's commands. ``acme`` is the customer who has everything, until a page makes one of that name."""

    def __init__(self, world: Marked, page: Path, known: dict[str, str]) -> None:
        self.world = world
        self.page = page
        self.known = known
        self.slug = "acme"

    def run(self, words: list[str]) -> str:
        """What went wrong; empty for nothing."""
        words = words[: words.index(">")] if ">" in words else words
        words = words[: words.index("|")] if "|" in words else words
        if _makes_a_customer(words):
            self.slug = f"{self.page.stem.lower()}-acme"
        known = {**self.known, "CONNECTION": self.known["OIDC"]} if "client_secret" in " ".join(words) else self.known
        words = [self._filled(word, known) for word in words]
        return self._curl(words) if words[0] == "curl" else self._program(words[1:])

    def _filled(self, word: str, known: dict[str, str]) -> str:
        word = word.replace("K7QM-2XPA", known["REFERENCE"])
        word = re.sub(r"\b(acme)\b", self.slug, word, flags=re.ASCII)
        word = re.sub(r"\b([a-z]{3})_…", lambda found: known[f"{found[1]}_"], word)
        return VARIABLE.sub(lambda found: known.get(found[1], found[0]), word.replace("…", "something-of-yours"))

    def _program(self, words: list[str]) -> str:
        done = CliRunner().invoke(app, words, input="y\n")
        return "" if done.exit_code == 0 else done.output or repr(done.exception)

    def _curl(self, words: list[str]) -> str:
        request = _request(words)
        address = next(place for place in BROKER if request["url"].startswith(place))
        path = request["url"].removeprefix(address)
        path = f"/api/v1{path}" if address == "$API" else path
        answer = self.world.whole.client.request(
            request["method"], path, headers=request["headers"], content=request["body"], auth=request["auth"]
        )
        self._remember(path, answer)
        if '"disabled"' in str(request["body"]):  # how it is switched off; the page goes on with one that is on
            self.world.api("PATCH", path.removeprefix("/api/v1"), {"status": "test"})
        shown = f"{answer.status_code} {answer.text}"
        return "" if answer.is_success else shown

    def _remember(self, path: str, answer: Any) -> None:
        made = answer.json() if answer.status_code == 201 else {}
        for name in MADE.get(urlsplit(path).path.rpartition("/")[2], ()):
            self.known[name] = made.get("id") or made.get("client_id") or self.known.get(name, "")


def _makes_a_customer(words: list[str]) -> bool:
    return words[:3] == ["idbroker", "tenant", "create"] or words[:2] == ["idbroker", "apply"] or words[-1] == "$API/tenants"


def _request(words: list[str]) -> dict[str, Any]:
    """What curl would send for these words."""
    found: dict[str, Any] = {"method": None, "headers": {}, "body": None, "auth": None}
    rest = iter(words[1:])
    for word in rest:
        if word in ("-X", "-u", "-H", "-d", "--json"):
            _take(found, word, next(rest))
        elif not word.startswith("-"):
            found["url"] = word
    found["method"] = found["method"] or ("POST" if found["body"] is not None else "GET")
    return found


def _take(found: dict[str, Any], option: str, value: str) -> None:
    if option == "-X":
        found["method"] = value
    elif option == "-u":
        found["auth"] = tuple(value.split(":", 1))
    elif option == "-H":
        name, _, text = value.partition(": ")
        found["headers"][name] = text
    else:
        kind = "application/json" if option == "--json" else "application/x-www-form-urlencoded"
        found["headers"].setdefault("Content-Type", kind)
        found["body"] = Path(value[1:]).read_text() if value.startswith("@") else value


def why_not(words: list[str]) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, " ".join(words))), None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Marked]:
    clock = TestClock()
    stores = open_stores("sqlite", urls_for("sqlite", tmp_path_factory.mktemp("commands"), request), clock)
    made = Marked(stores, clock, address_per_minute=100_000)
    made.live()
    issuer = "https://idp.acme.com"
    made.whole.services.fetcher.pages = {
        f"{issuer}/metadata": (200, made.acme.idp.metadata().encode()),
        f"{issuer}/.well-known/openid-configuration": (200, json.dumps(discovery(issuer)).encode()),
    }
    plenty = {"per_minute": 100_000, "burst": 100_000}
    made.api("PATCH", made.here, {"limits": dict.fromkeys(("admin_read", "admin_write", "token"), plenty)})
    yield made
    made.whole.close()
    stores.close()


def discovery(issuer: str) -> dict[str, Any]:
    """What an OpenID provider says of itself (OpenID Connect Discovery 3)."""
    places = {name: f"{issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    offered = {"response_types_supported": ["code"], "subject_types_supported": ["public"]}
    return {"issuer": issuer, **places, **offered, "id_token_signing_alg_values_supported": ["RS256"]}


@pytest.fixture(scope="module")
def known(world: Marked) -> dict[str, str]:
    """What stands for something of the reader's own → what there is."""
    here, api = world.here, world.api
    first = {name: api("GET", f"{here}/{name}?limit=1")["data"][0] for name in ("users", "alerts", "directories", "diagnoses")}
    grants, at = ["authorization_code", "client_credentials"], ["https://app.example/callback"]
    app = {"name": "App", "grant_types": grants, "scope": "ssf.manage ssf.read", "redirect_uris": at}
    app_made = api("POST", "/apps", app)
    form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
    secret = (app_made["client_id"], app_made["client_secret"])
    token = world.whole.client.post("/oauth2/token", data=form, auth=secret).json()["access_token"]
    return {
        "AUTH": f"Authorization: Bearer {world.whole.operator}", "KEY": world.whole.operator, "TOKEN": token,
        "CONNECTION": world.acme.connection["id"], "con_": world.acme.connection["id"],
        "DIRECTORY": first["directories"]["id"], "USER_ID": first["users"]["id"], "usr_": first["users"]["id"],
        "OIDC": "", "ALERT": first["alerts"]["id"], "REFERENCE": first["diagnoses"]["reference"],
        "CLIENT_ID": app_made["client_id"], "app_": app_made["client_id"], "SECRET": app_made["client_secret"],
    }  # fmt: skip


@pytest.fixture
def desk(world: Marked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that pages speak of, and the environment in which ``idbroker`` finds the database."""
    urls = world.stores.urls
    values = {"DATABASE_URL": urls.database, "MASTER_KEY": MASTER, "PUBLIC_URL": "https://broker.example"}
    for name, value in values.items():
        monkeypatch.setenv(f"IDBROKER_{name}", value)
    monkeypatch.chdir(tmp_path)
    metadata = world.acme.idp.metadata()
    files = {
        "connection.json": {"type": "saml", "name": "Acme Okta", "metadata_xml": metadata},
        "new.json": {"label": "New certificate", "metadata_xml": metadata},
        "response.json": {"saml_response": "PHNhbWxwOlJlc3BvbnNlLz4="},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "idp.pem").write_text(key_pair("idp").certificate_pem)
    return tmp_path


WITH_COMMANDS = sorted((page for page in pages() if any(shell_commands(page))), key=lambda page: page.name == "operator.md")
"""The operator's last: there a customer goes for ever."""


@pytest.mark.xdist_group("commands")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_works(world: Marked, known: dict[str, str], desk: Path, page: Path) -> None:
    shell, wrong = Shell(world, page, known), []
    files = re.search(
        r"Write what you want into `(\S+)`:\n\n```yaml\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    if files is not None:
        (desk / files[1]).write_text(files[2].replace("acme", f"{page.stem}-acme").replace("Notes", "More notes"))
    for words in shell_commands(page):
        if why_not(words) is None:
            told, expected = shell.run(words), next((code for part, code in REFUSED.items() if part in " ".join(words)), "")
            if not told.startswith(expected) or (told and not expected):
                wrong.append(f"{' '.join(words)[:200]}\n    {told[:500]}")
    assert not wrong, "\n".join(wrong)


def test_what_is_not_run_is_there() -> None:
    """A reason without a command is taken off the list."""
    typed = [" ".join(words) for page in WITH_COMMANDS for words in shell_commands(page)]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, line) for line in typed)] == []
    assert len([line for line in typed if why_not(line.split(" ")) is None]) > 60
