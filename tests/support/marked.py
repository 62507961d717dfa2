"""Somebody whose every field bears a marker, who uses everything that there is; and where markers are looked for."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from idbroker.alerts.rules import Sign
from idbroker.alerts.service import acknowledge, raise_alert
from idbroker.erasure.sealed_stores import SEALED_STORES, pages
from idbroker.outbound.fetcher import Fetched
from idbroker.outbound_scim.pushing import ScimPusher
from idbroker.sessions.model import Sessions
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.webhooks.dispatch import WebhookDispatcher
from saml.demo_idp import Answer
from tests.conformance.test_isolation import unbound
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.receivers import Receivers
from tests.support.whole import SamlTenant, Whole

MARKER = "zzqmarker"
IP = "198.18.77.3"
HOOK, PUSHED = "https://hook.example/in", "https://pushed.example/scim"
SCIM_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


class Marked:
    """``MARKER`` and ``IP`` stand in every place of the stores to which a person's data gets."""

    def __init__(self, stores: Stores, clock: TestClock, **settings: Any) -> None:
        self.stores = stores
        self.receivers = Receivers()
        self.receivers.answers[HOOK] = lambda got: Fetched(HOOK, 500, {}, b"what is " + got.body)
        self.whole = Whole(stores.urls, clock, sender=self.receivers, **settings)
        self.acme = SamlTenant(self.whole, "acme", "enterprise")
        self.api = self.whole.api
        self.here = f"/tenants/{self.acme.id}"
        self.browser = self.whole.at(IP)
        self.browser.headers["user-agent"] = f"{MARKER}/1.0"

    def work(self) -> None:
        """All that the worker has to do by now."""
        services = self.whole.services
        self.whole.broker.scim.traffic.flush()
        for _ in range(2):
            services.trail.seal_all()
            WebhookDispatcher(services.database, services.envelope, self.receivers).run_due()
            ScimPusher(services.database, services.envelope, self.receivers).run_due()

    def live(self) -> str:
        """He does everything. Returns his id."""
        self.api("POST", "/webhooks", {"url": HOOK, "events": ["*"]})
        self.api("POST", "/webhooks", {"url": HOOK, "events": ["*"], "tenants": [self.acme.id]})
        app = self.api("POST", "/apps", {"name": "Notes", "redirect_uris": ["https://notes.example/cb"]})["client_id"]
        self.api("PUT", f"/apps/{app}/scim", {"base_url": PUSHED, "token": "t"})
        self.acme.sign_in(self.browser, MARKER)
        (user,) = self.api("GET", f"{self.here}/users")["data"]
        self._refused()
        self._tried()
        self._provisioned()
        self._administers(user["id"])
        self._alerts()
        self._is_named()
        self._apps(user["id"], app)
        self.acme.begin(self.browser, MARKER)
        self.work()
        return str(user["id"])

    def _refused(self) -> None:
        location = self.acme.begin(self.browser, MARKER)
        answer = self.acme.finish(self.browser, location, MARKER, Answer(audiences=("https://elsewhere.example",)))
        assert answer.status_code == 403

    def _tried(self) -> None:
        path = f"{self.here}/connections/{self.acme.connection['id']}/test-sign-in"
        made = self.api("POST", path, {})
        begun = self.browser.post(made["url"])
        assert self.acme.finish(self.browser, begun.headers["location"], MARKER).status_code == 303

    def _provisioned(self) -> None:
        directory = self.api("POST", f"{self.here}/directories", {"name": "d", "connection_id": self.acme.connection["id"]})
        token = self.api("POST", f"{self.here}/directories/{directory['id']}/tokens", {})["token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
        body = {
            "schemas": [SCIM_USER],
            "userName": f"{MARKER}@acme.example",
            "externalId": f"{MARKER}-1",
            "name": {"givenName": MARKER.title(), "familyName": f"Of {MARKER}"},
            "displayName": f"The {MARKER}",
            "nickName": f"{MARKER}y",
            "emails": [{"value": f"{MARKER}@acme.example", "primary": True}, {"value": f"{MARKER}.2@acme.example"}],
        }
        made = self.whole.client.post("/scim/v2/Users", json=body, headers=headers)
        assert made.status_code == 201, made.text
        member = {"value": made.json()["id"], "display": f"{MARKER} himself"}
        group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff", "members": [member]}
        assert self.whole.client.post("/scim/v2/Groups", json=group, headers=headers).status_code == 201
        changed = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "title", "value": f"Chief {MARKER}"}],
        }
        assert self.whole.client.patch(f"/scim/v2/Users/{made.json()['id']}", json=changed, headers=headers).status_code == 200
        found = self.whole.client.get(f'/scim/v2/Users?filter=userName eq "{MARKER}@acme.example"', headers=headers)
        assert found.json()["totalResults"] == 1

    def _administers(self, user_id: str) -> None:
        for name in ("olga", MARKER):
            self.whole.send(
                "POST", f"{self.here}/admins", {"email": f"{name}@acme.example", "role": "owner"},
                headers={"idempotency-key": name},
            )  # fmt: skip
        self.api("PUT", f"{self.here}/alert-recipients", {"emails": [f"{MARKER}@acme.example", "olga@acme.example"]})

    def _alerts(self) -> None:
        with self.whole.services.database.tenant(self.whole.scope(self.acme.id)) as unit:
            row = raise_alert(unit, Sign("toy", "1", f"Look at {MARKER}@acme.example", {"who": f"{MARKER}@acme.example"}))
            assert row is not None
            acknowledge(unit, row.id)
            row.acknowledged_by = f"{MARKER}@acme.example"

    def _is_named(self) -> None:
        """Among those who may try a connection out: of the live one, of one beside it, of one that is to be."""
        options = {"test_users": [f"{MARKER.title()}@acme.example", "olga@acme.example"]}
        path = f"{self.here}/connections/{self.acme.connection['id']}"
        self.api("PATCH", path, {"options": options})
        self.api("POST", f"{path}/candidates", {"metadata_xml": self.acme.idp.metadata(), "options": options})

    def _apps(self, user_id: str, app: str) -> None:
        database, sessions = self.whole.services.database, self.whole.services.sessions
        with database.tenant(self.whole.scope(self.acme.id)) as unit:
            session = unit[Sessions].live_of_user(user_id)[0]
            sessions.grant_code(unit, session, app, {"login_hint": MARKER})
        secret = base64.b64encode(f"{app}:x".encode()).decode()
        self.whole.client.post("/oauth2/par", data={"login_hint": MARKER}, headers={"authorization": f"Basic {secret}"})

    def found_in_tables(self) -> set[str]:
        """Tables with a marker in any row, in any cell, as a superuser reads them."""
        found = set()
        for database, metadata in ((self.stores.main, MAIN), (self.stores.audit, AUDIT)):
            for cell in database.each_cell():
                with unbound(self.stores, database, cell) as connection:
                    for table in metadata.sorted_tables:
                        if any(marked(repr(tuple(row))) for row in connection.execute(select(table))):
                            found.add(table.name)
        return found

    def found_sealed(self) -> set[str]:
        """Sealed stores with a marker in what a row says once it is opened."""
        services, found = self.whole.services, set()
        for store in SEALED_STORES:
            with services.database.tenant(self.whole.scope(self.acme.id), read_only=True) as unit:
                rows = [row for page in pages(unit, store) for row in page]
                if any(marked(store.read(services.envelope, unit, row)) for row in rows):
                    found.add(store.name)
        return found

    def found_in_files(self, folder: Path) -> list[str]:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return [path.name for path in files if marked(path.read_bytes().decode("latin-1"))]

    def found_outside(self) -> Iterator[str]:
        """Reads of the Admin API that still show a marker."""
        if marked(self.whole.send("GET", f"/events?tenant={self.acme.id}").text):
            yield "events"
        for path in ("users", "sessions", "sign-ins", "alerts", "admins", "diagnoses", "test-sign-ins", "audit-events"):
            if marked(self.whole.send("GET", f"{self.here}/{path}?limit=100").text):
                yield path
        for form in ("jsonl", "csv"):
            if marked(self.whole.send("GET", f"{self.here}/audit-events/export?format={form}").text):
                yield form
        for text in (MARKER, f"{MARKER}@acme.example", IP):
            if self.api("GET", f"{self.here}/audit-events?q={text}")["data"]:
                yield f"search for {text}"


def marked(text: str) -> bool:
    return re.search(f"{MARKER}|{re.escape(IP)}", text, re.IGNORECASE) is not None
