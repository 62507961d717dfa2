"""The whole program on SQLite, as ``idbroker serve`` wires it, and browsers that fill in its forms."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from admin_ui.routes import AdminUi
from idbroker.access.api_keys import ApiKeys
from idbroker.admins.operators import OperatorService
from idbroker.app import Broker, build, build_services
from idbroker.kernel.scope import Actor
from idbroker.settings import Settings
from tests.support.client import Client
from tests.support.clock import TestClock
from tests.support.databases import Urls, sqlite_urls

BASE = "https://id.example.com"
OPERATOR = Actor(type="operator", name="test")
_FORM = re.compile(r'<form[^>]*method="post"[^>]*>.*?</form>', re.DOTALL)
_ACTION = re.compile(r'action="([^"]*)"')
_CSRF = re.compile(r'name="csrf" value="([^"]*)"')


class Page:
    """An answer with what a test looks at."""

    def __init__(self, answer: Any) -> None:
        self.status: int = answer.status_code
        self.text: str = answer.text
        self.headers = answer.headers
        self.location: str = answer.headers.get("location", "").removeprefix(BASE)

    @property
    def token(self) -> str:
        found = _CSRF.search(self.text)
        return unescape(found.group(1)) if found else ""

    def value(self, name: str) -> str:
        """What stands in the element of that id."""
        found = re.search(rf'id="{re.escape(name)}"[^>]*>([^<]*)<', self.text)
        assert found, f"no {name} in {self.text[:3000]}"
        return unescape(found.group(1))


class Person:
    """A browser with its cookies. Forms are sent with the token of the page that they stand on."""

    def __init__(self, asgi: Any) -> None:
        self.client = Client(asgi, base_url=BASE, follow_redirects=False)

    def get(self, path: str, **headers: str) -> Page:
        return Page(self.client.get(path, headers=headers))

    def post(
        self, path: str, /, *, page: str | None = None, token: str | None = None, origin: str | None = BASE, **fields: str
    ) -> Page:
        """Send the form of ``page`` (the same path unless said otherwise) to ``path``."""
        proof = self.get(page or path).token if token is None else token
        headers = {"origin": origin} if origin is not None else {}
        return Page(self.client.post(path, data={"csrf": proof, **fields}, headers=headers))


class UiWorld:
    def __init__(
        self,
        folder: Path,
        clock: TestClock,
        txt: dict[str, list[str]] | None = None,
        urls: Urls | None = None,
        **more: Any,
    ) -> None:
        """``more``: settings."""
        self.clock = clock
        self.txt = txt if txt is not None else {}
        where = urls or sqlite_urls(folder)
        settings = Settings(
            public_url=BASE,
            database_url=where.database,
            database_owner_url=where.owner,
            master_key=base64.b64encode(bytes(range(32))).decode(),
            **more,
        )  # type: ignore[arg-type] # as the environment gives them
        self.services = build_services(settings, clock=clock, look_up_txt=lambda name: self.txt.get(name, []))
        self.broker: Broker = build(self.services, run_worker=False)
        with self.services.database.platform(OPERATOR) as unit:
            self.key = unit[ApiKeys].create("operator", None, "operator")[1]
        self._api = self.client = Client(self.broker.asgi, base_url=BASE)

    @property
    def ui(self) -> AdminUi:
        return self.broker.admin_ui

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None, status: int | None = None) -> Any:
        headers = {"authorization": f"Bearer {key or self.key}"}
        answer = self._api.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == status if status else answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def tenant(self, slug: str) -> str:
        return str(self.api("POST", "/tenants", {"slug": slug, "name": slug.title(), "tier": "growth"})["id"])

    def browser(self) -> Person:
        return Person(self.broker.asgi)

    def login_link(self, email: str = "ops@example.com") -> str:
        with self.services.database.platform(OPERATOR) as unit:
            return f"/admin/login/{OperatorService().invite(unit, email)[1]}"

    def operator(self, email: str = "ops@example.com") -> Person:
        person = self.browser()
        answer = person.post(self.login_link(email))
        assert answer.location == "/admin/overview", answer.text
        return person

    def admin(self, tenant: str, role: str = "owner", email: str | None = None) -> Person:
        """An admin of that tenant, by invitation."""
        address = email or f"{role}@{tenant}.example"
        url = self.api("POST", f"/tenants/{tenant}/admins", {"email": address, "role": role})["url"]
        person = self.browser()
        answer = person.post(url.removeprefix(BASE))
        assert answer.location == "/admin", answer.text
        return person

    def entered(self, tenant: str) -> Person:
        """An operator who said why."""
        person = self.operator()
        answer = person.post(f"/admin/tenants/{tenant}/enter", reason="ticket 42", next="")
        assert answer.status == 303, answer.text
        return person

    def events(self, tenant: str | None) -> list[dict[str, Any]]:
        """Newest first."""
        self.services.trail.seal_all()
        where = "/audit-events" if tenant is None else f"/tenants/{tenant}/audit-events"
        return list(self.api("GET", f"{where}?limit=200")["data"])

    @contextmanager
    def running(self) -> Iterator[None]:
        """With what the server does beside answering; all of it is done at the end."""
        with TestClient(self.broker.asgi, base_url=BASE):
            yield

    def close(self) -> None:
        self.services.close()
