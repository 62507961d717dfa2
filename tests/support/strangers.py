"""acme, in which everything has happened, and globex, from which it is looked for."""

from __future__ import annotations

import json
from typing import Any

from idbroker.web.route import Row
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.marked import MARKER, Marked
from tests.support.whole import SamlTenant

PLENTY = {"per_minute": 100_000, "burst": 100_000}
LISTS = {
    "user": "users", "group": "groups", "session": "sessions", "connection": "connections", "domain": "domains",
    "directory": "directories", "admin": "admins", "alert": "alerts", "test": "test-sign-ins", "reference": "diagnoses",
    "sign_in": "sign-ins", "mapping": "role-mappings", "link": "setup-links",
    "admin_role": "admin-roles",
}  # fmt: skip
"""Path parameter → where the Admin API lists what can stand there."""


class Strangers:
    """acme, in which everything has happened, and globex, whose owner and whose directory look for it."""

    def __init__(self, stores: Stores, clock: TestClock) -> None:
        self.acme = Marked(stores, clock, database_pool=2, address_per_minute=100_000)
        self.whole = self.acme.whole
        user_id = self.acme.live()
        here = self.acme.here
        api = self.whole.api
        api("POST", f"{here}/role-mappings", {"group": f"{MARKER} staff", "role": "editor"})
        api("POST", f"{here}/admin-roles", {"name": f"{MARKER}-role".lower(), "permissions": ["audit:read"]})
        api("POST", f"{here}/setup-links", {"scopes": ["sso"]})
        self.theirs = SamlTenant(self.whole, "globex", "enterprise")
        self.globex = self.theirs.id
        for tenant in (self.acme.acme.id, self.globex):
            limits = dict.fromkeys(("admin_read", "admin_write", "scim_read", "scim_write", "token", "sign_in"), PLENTY)
            api("PATCH", f"/tenants/{tenant}", {"limits": limits})
        self.owner = self.whole.key(self.globex, "owner")
        webhook = {"url": f"https://{MARKER}.example/hook", "events": ["*"]}
        key = self.whole.key(self.acme.acme.id, "owner")
        self.ids = {"tenant": self.acme.acme.id, "webhook": self.whole.send("POST", "/webhooks", webhook, key=key).json()["id"]}
        for name, path in LISTS.items():
            rows = api("GET", f"{here}/{path}?limit=50")["data"]
            assert rows, f"acme has no {path}: make one, so that a stranger can look for it"
            self.ids[name] = rows[0].get("id") or rows[0]["reference"]
        self.ids["user"] = user_id
        directory = api("POST", f"/tenants/{self.globex}/directories", {"name": "theirs"})["id"]
        token = api("POST", f"/tenants/{self.globex}/directories/{directory}/tokens", {})["token"]
        self.scim = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.whole.broker.rows

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})} if body is not None else headers or {}
        return self.whole.client.request(method, path, headers=sent, content=content)

    def as_globex(self, row: Row, path: str, body: Any = None) -> Any:
        body = {} if body is None and row.method in ("POST", "PATCH", "PUT") else body
        return self.ask(row.method, path, {"authorization": f"Bearer {self.owner}"}, body)
