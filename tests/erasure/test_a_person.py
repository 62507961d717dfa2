"""A person who has used everything is erased: nothing of him is left in any table or file, and the trail still verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idbroker.audit.chain import first_fault
from idbroker.audit.export import write_pack
from idbroker.audit.records import AuditRecords
from idbroker.audit.verify import verify_pack
from idbroker.erasure.holdings import DELETED, NOTHING, OTHERWISE
from idbroker.storage.rows import AUDIT, MAIN
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.marked import HOOK, Marked

EXERCISED = {
    "users", "identities", "sessions", "scim_users", "scim_emails", "memberships", "feed_events", "tenant_admins",
    "alert_recipients", "alerts", "attempts", "authorization_codes", "webhook_deliveries", "audit_personal", "connections",
    "connection_candidates",
}  # fmt: skip
"""Tables in which he stands in clear before; of sealed ones, what is opened."""


def test_every_table_says_what_it_holds_of_people() -> None:
    tables = set(MAIN.tables) | set(AUDIT.tables)
    told = {str(cls.__tablename__) for cls, _ in DELETED} | set(OTHERWISE) | set(NOTHING)
    assert tables - told == set(), "say in idbroker/erasure/holdings.py what these hold of a person, and erase it"
    assert told - tables == set()
    assert set(OTHERWISE) & set(NOTHING) == set()


def test_nothing_is_left(stores: Stores, clock: TestClock, tmp_path: Path) -> None:
    marked = Marked(stores, clock)
    user_id = marked.live()
    assert marked.found_in_tables() >= EXERCISED
    assert marked.found_sealed() == {"diagnoses", "test_sign_ins", "directory_requests", "kept_answers"}
    assert {"users", "sign-ins", "audit-events", "jsonl"} <= set(marked.found_outside())

    receipt = marked.api("POST", f"{marked.here}/users/{user_id}/erase", {"reason": "ticket 4711"})

    assert receipt["completed_at"] is not None
    assert marked.found_in_tables() == set()
    assert marked.found_sealed() == set()
    assert marked.found_in_files(tmp_path) == []
    marked.receivers.answers[HOOK] = 200
    clock.advance(hours=1)
    marked.work()
    assert marked.found_in_tables() == set()
    assert list(marked.found_outside()) == []
    assert_receipt(marked, user_id, receipt)
    assert_trail(marked, tmp_path, user_id)
    marked.whole.close()


def assert_receipt(marked: Marked, user_id: str, receipt: dict[str, Any]) -> None:
    rows = {one["store"]: one.get("rows") for one in receipt["stores"]}
    assert (rows["users"], rows["scim_users"], rows["identities"], rows["diagnoses"]) == (1, 1, 1, 1)
    assert rows["search index of the trail"] > 5
    assert marked.api("GET", f"{marked.here}/erasures")["data"] == [receipt]
    assert marked.api("GET", f"{marked.here}/erasures/{receipt['id']}") == receipt
    assert marked.api("POST", f"{marked.here}/users/{user_id}/erase", {}) == receipt, "sent again, the same"
    assert marked.whole.send("GET", f"{marked.here}/users/{user_id}").status_code == 404
    told = [event for event in marked.receivers.at(HOOK) if event["type"] == "user.erased"]
    assert [event["data"] for event in told[:1]] == [{"id": user_id, "tenant_id": marked.acme.id}]


def assert_trail(marked: Marked, folder: Path, user_id: str) -> None:
    services, scope = marked.whole.services, marked.whole.scope(marked.acme.id)
    with services.trail.store.tenant(scope, read_only=True) as unit:
        assert first_fault(unit[AuditRecords].walk(), services.trail.head(scope)) is None
    services.notary.sign(scope.tenant)
    with (folder / "pack.zip").open("wb") as file:
        write_pack(services.trail, services.notary, scope, file)
    assert verify_pack(folder / "pack.zip").good
    (told,) = marked.whole.events(marked.acme.id, "user.erased")
    assert told["resource"]["id"] == user_id
    signed_in = marked.whole.events(marked.acme.id, "sign_in.succeeded")
    assert [(event["resource"]["id"], event["erased"]) for event in signed_in] == [(user_id, True)]


def test_the_same_human_comes_back_as_somebody_new(sqlite_stores: Stores, clock: TestClock) -> None:
    marked = Marked(sqlite_stores, clock)
    user_id = marked.live()
    others = marked.acme.sign_in(marked.whole.at("192.0.2.1"), "bob").status_code
    marked.api("POST", f"{marked.here}/users/{user_id}/erase", {})
    users = marked.api("GET", f"{marked.here}/users")["data"]
    assert (others, [user["email"] for user in users]) == (303, ["bob@acme.example"])
    assert marked.acme.sign_in(marked.browser, "zzqmarker").status_code == 303
    users = marked.api("GET", f"{marked.here}/users?q=zzqmarker")["data"]
    assert len(users) == 1
    assert users[0]["id"] != user_id
    created = {event["resource"]["id"]: event for event in marked.whole.events(marked.acme.id, "user.created")}
    assert created[users[0]["id"]]["resource"]["name"] == "zzqmarker@acme.example"
    marked.whole.close()


@pytest.mark.parametrize("step", ["seal", "words", "scrub"])
def test_what_a_kill_has_left_the_worker_finishes(
    sqlite_stores: Stores, clock: TestClock, monkeypatch: pytest.MonkeyPatch, step: str, tmp_path: Path
) -> None:
    marked = Marked(sqlite_stores, clock)
    user_id = marked.live()
    eraser, scope = marked.whole.services.eraser, marked.whole.scope(marked.acme.id)
    places = {"seal": (eraser, "finish"), "words": (eraser._trail, "forget_words"), "scrub": (eraser._database, "scrub")}
    owner, method = places[step]
    with monkeypatch.context() as patched:

        def die(*args: Any, **kwargs: Any) -> None:
            raise SystemExit("killed")

        patched.setattr(type(owner), method, die)
        with pytest.raises(SystemExit):
            eraser.erase(scope, user_id)
    assert "users" not in marked.found_in_tables()
    assert marked.api("GET", f"{marked.here}/erasures")["data"][0]["completed_at"] is None
    next(job for job in marked.whole.services.worker()._jobs if job.name == "finish erasures").run()
    assert marked.api("GET", f"{marked.here}/erasures")["data"][0]["completed_at"] is not None
    assert marked.found_in_tables() == set()
    assert marked.found_in_files(tmp_path) == []
    marked.whole.close()


def test_who_may_not(sqlite_stores: Stores, clock: TestClock) -> None:
    marked = Marked(sqlite_stores, clock)
    marked.acme.sign_in(marked.browser, "alice")
    (user,) = marked.api("GET", f"{marked.here}/users")["data"]
    path = f"{marked.here}/users/{user['id']}/erase"
    other = marked.whole.tenant("globex")
    for key, status in ((marked.whole.key(marked.acme.id, "member"), 403), (marked.whole.key(other), 404)):
        assert marked.whole.send("POST", path, {}, key=key).status_code == status
    assert marked.whole.send("POST", f"{marked.here}/users/usr_x/erase", {}).status_code == 404
    assert marked.whole.send("POST", f"/tenants/{other}/users/{user['id']}/erase", {}).status_code == 404
    marked.api("POST", f"{marked.here}/admins", {"email": "alice@acme.example", "role": "owner"})
    answer = marked.whole.send("POST", path, {})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert marked.api("GET", f"{marked.here}/users")["data"] == [user]
    marked.whole.close()
