"""A tenant's end: cancelled, exported, deleted, and thirty days later erased, with a receipt. On both engines."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from idbroker.audit.chain import canonical
from idbroker.erasure.tenants import RECEIPT
from idbroker.exports.sections import NOT_SHOWN, SHOWN, is_secret
from idbroker.kernel.errors import Conflict
from idbroker.kernel.ids import TenantId
from idbroker.storage.rows import AUDIT, MAIN, IndexRow, tenant_tables
from idbroker.tenants.model import Tenant, Tenants
from tests.conformance.test_isolation import unbound
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.marked import MARKER, Marked
from tests.support.whole import Whole
from tests.support.world import OPERATOR

LEFT = {"audit_heads", "tenants", "tenant_erasures"}
"""What remains of a tenant: signed hashes, its tombstone, its receipt."""


@pytest.fixture
def marked(stores: Stores, clock: TestClock) -> Iterator[Marked]:
    # PostgreSQL lets no record go that is young by its own clock.
    clock.advance(seconds=(datetime.now(UTC) - timedelta(days=90) - clock.now()).total_seconds())
    made = Marked(stores, clock)
    yield made
    made.whole.close()


def run(marked: Marked, name: str) -> int:
    return next(job for job in marked.whole.services.worker()._jobs if job.name == name).run()


def tables_naming(marked: Marked, text: str) -> set[str]:
    found = set()
    for database, metadata in ((marked.stores.main, MAIN), (marked.stores.audit, AUDIT)):
        with unbound(marked.stores, database) as connection:
            for table in metadata.sorted_tables:
                if any(text in repr(tuple(row)) for row in connection.execute(select(table))):
                    found.add(table.name)
    return found


def test_from_cancelled_to_erased(marked: Marked, tmp_path: Path) -> None:
    whole, api, tenant = marked.whole, marked.api, marked.acme.id
    user_id = marked.live()
    key = whole.key(tenant)
    app = api("POST", "/apps", {"name": "Own", "redirect_uris": ["https://own.example/cb"], "tenants": [tenant]})["client_id"]
    api("POST", f"{marked.here}/transitions", {"to": "cancelled", "reason": "they leave"})

    export = json.loads(whole.send("GET", f"{marked.here}/export", key=key).content)
    assert (export["format"], export["tenant"]["slug"], export["user_id"]) == ("idbroker-export/1", "acme", None)
    assert set(export["data"]) == set(SHOWN.values())
    assert [user["email"] for user in export["data"]["users"]] == [f"{MARKER}@acme.example"]
    assert export["data"]["scim_users"][0]["document"]["nickName"] == f"{MARKER}y"
    assert MARKER in json.dumps(export["data"]["diagnoses"][0]["opened"])
    assert any(event["resource"]["name"] == f"{MARKER}@acme.example" for event in export["audit_events"])
    assert whole.send("GET", f"{marked.here}/users", key=key).status_code == 403, "export, and nothing else"

    api("POST", f"{marked.here}/transitions", {"to": "deleted", "reason": "they left"})
    assert whole.send("GET", f"{marked.here}/export", key=key).status_code == 403
    run(marked, "erase tenants")
    assert api("GET", marked.here)["status"] == "deleted", "it can be taken back for thirty days"
    whole.clock.advance(days=31)
    assert run(marked, "erase tenants") == 1

    assert whole.send("GET", marked.here).status_code == 404
    assert whole.send("GET", marked.here, key=key).status_code == 401
    assert tables_naming(marked, user_id) == set()
    assert marked.found_in_tables() == set()
    assert tables_naming(marked, tenant) - LEFT <= {"audit_records", "outbox", "audit_terms", "audit_personal"}
    assert marked.found_in_files(tmp_path) == []
    assert api("GET", f"/apps/{app}")["tenants"] == []
    assert api("GET", "/tenants")["data"] == []
    (tomb,) = api("GET", "/tenants?status=erased")["data"]
    assert (tomb["id"], tomb["name"], tomb["status"]) == (tenant, "", "erased")
    assert whole.tenant("acme") != tenant, "the slug is free again"
    assert_receipt(marked, tenant)
    assert_nothing_is_made_of_it_again(marked, tenant)


def assert_nothing_is_made_of_it_again(marked: Marked, tenant: str) -> None:
    before = tables_naming(marked, tenant)
    for path, body in (
        ("/api-keys", {"name": "x", "scope": "tenant", "tenant": tenant}),
        ("/webhooks", {"url": "https://hooks.example/in", "events": ["user.*"], "tenants": [tenant]}),
        ("/apps", {"name": "Own", "redirect_uris": ["https://own.example/cb"], "tenants": [tenant]}),
    ):
        assert marked.whole.send("POST", path, body).status_code == 422, path
    usage = marked.whole.services.usage
    usage.count(TenantId(tenant), "token_issues")
    assert usage.flush() == 0
    assert tables_naming(marked, tenant) == before


def test_who_is_taken_back_in_that_moment_stays(
    postgres_stores: Stores, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Whole(postgres_stores.urls, clock)
    tenant, services, asked = whole.tenant("acme"), whole.services, threading.Event()
    scope = whole.scope(tenant)
    for state in ("cancelled", "deleted"):
        whole.api("POST", "/tenants/acme/transitions", {"to": state, "reason": "they leave"})
    read, hold = Tenants.get, Tenants.held

    def get(rows: Tenants, tenant_id: str) -> Tenant | None:
        found = read(rows, tenant_id)
        asked.set()
        return found

    def held(rows: Tenants, tenant_id: str) -> Tenant | None:
        asked.set()
        return hold(rows, tenant_id)

    with ThreadPoolExecutor(1) as pool:
        with services.database.platform(OPERATOR) as unit:
            services.tenants.transition(unit, scope.tenant, "cancelled", "they stay")
            monkeypatch.setattr(Tenants, "get", get)
            monkeypatch.setattr(Tenants, "held", held)
            erasing = pool.submit(services.tenant_eraser._begin, scope, "they left")
            asked.wait()
        assert isinstance(erasing.exception(), Conflict)
    assert whole.api("GET", "/tenants/acme")["status"] == "cancelled"
    whole.close()


def assert_receipt(marked: Marked, tenant: str) -> None:
    row = marked.api("GET", f"/tenant-erasures/{tenant}")
    receipt = dict(row["receipt"])
    (public,) = [one for one in marked.api("GET", "/audit-keys")["data"] if one["kid"] == receipt["kid"]]
    digest = hashlib.sha256(canonical(receipt)).hexdigest()
    signature = bytes.fromhex(receipt.pop("signature"))
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public["public_key"])).verify(signature, RECEIPT + canonical(receipt))
    stores = {one["store"]: one for one in receipt["stores"]}
    assert set(tenant_tables(MAIN)) <= set(stores)
    assert (stores["users"]["rows"], stores["audit store"]["rows"] > 10) == (1, True)
    assert stores["proof of the trail"]["head"]["size"] == stores["audit store"]["rows"]
    marked.whole.services.trail.seal_all()
    (told,) = marked.api("GET", "/audit-events?action=tenant.erased")["data"]
    assert (told["resource"]["id"], told["context"]["receipt"]) == (tenant, digest)


def test_what_is_young_waits_on_postgresql(postgres_stores: Stores, clock: TestClock) -> None:
    clock.advance(seconds=(datetime.now(UTC) - clock.now()).total_seconds())
    marked = Marked(postgres_stores, clock)
    marked.live()
    eraser, scope = marked.whole.services.tenant_eraser, marked.whole.scope(marked.acme.id)
    row = eraser.erase(scope, "at once")
    assert (row.completed_at, row.waiting_until is not None) == (None, True)
    assert marked.found_in_tables() == set(), "what is left opens for nobody"
    assert eraser.run_due() == 0
    assert eraser.erase(scope, "at once", as_owner=True).completed_at is not None
    records = AUDIT.tables["audit_records"]
    with unbound(marked.stores, marked.stores.audit) as connection:  # the operators' own trail may name it
        assert connection.execute(select(records).where(records.c.tenant_id == marked.acme.id)).all() == []
    marked.whole.close()


def test_every_table_is_exported_or_says_why_not() -> None:
    kinds = tenant_tables(MAIN)
    assert set(kinds) == set(SHOWN) | set(NOT_SHOWN), "enter new tables in idbroker/exports/sections.py"
    assert not set(SHOWN) & set(NOT_SHOWN)
    assert [name for name in SHOWN if issubclass(kinds[name], IndexRow)] == []
    tables = {name: MAIN.tables[name] for name in SHOWN}
    hidden = {(name, one.name) for name, table in tables.items() for one in table.columns if is_secret(table, one.name)}
    assert ("connections", "secrets_sealed") in hidden
    assert ("directory_tokens", "secret_digest") in hidden
    assert ("log_streams", "secret_names") not in hidden


def test_one_person_s_export_holds_his_and_nobody_else_s(sqlite_stores: Stores, clock: TestClock) -> None:
    marked = Marked(sqlite_stores, clock)
    user_id = marked.live()
    marked.acme.sign_in(marked.whole.at("192.0.2.44"), "bob")
    marked.work()
    export = marked.api("GET", f"{marked.here}/users/{user_id}/export")
    data = export["data"]
    assert export["user_id"] == user_id
    assert [user["id"] for user in data["users"]] == [user_id]
    his = ("identities", "sessions", "scim_users", "memberships", "diagnoses", "test_sign_ins", "directory_requests", "events")
    assert [name for name in his if not data[name]] == []
    assert {event["action"] for event in export["audit_events"]} >= {"user.created", "sign_in.succeeded", "sign_in.refused"}
    text = json.dumps(export)
    assert "bob" not in text
    assert "192.0.2.44" not in text
    for secret in ("secret_digest", "sealed", "private"):
        assert f'"{secret}' not in text
    other = marked.whole.tenant("globex")
    assert marked.whole.send("GET", f"/tenants/{other}/users/{user_id}/export").status_code == 404
    assert marked.whole.send("GET", f"{marked.here}/users/usr_x/export").status_code == 404
    marked.whole.close()
