"""What PostgreSQL says of the statements of everyday requests: each goes by an index, whatever the size of a directory.

The statements are those that the requests sent, taken down as they went past.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from idbroker.storage.transaction import Transaction
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.scim_world import Directory, ScimWorld

CROWD = 5000
LARGE = ("scim_users", "scim_emails", "users")


@contextmanager
def taken_down(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Statement → its parameters, of these stores alone: a server of another test may be at work meanwhile."""
    seen: dict[str, Any] = {}
    engines = (stores.main.engine, stores.audit.engine)
    run = Transaction.run

    def noting(transaction: Transaction, connection: Any, statement: str, parameters: Any) -> Any:
        if connection.engine in engines:
            seen[statement] = parameters
        return run(transaction, connection, statement, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "run", noting)
        yield seen


def requests(idp: Directory, ids: list[str], group: str) -> None:
    member = {"op": "add", "path": "members", "value": [{"value": ids[-1]}]}
    idp.ok("GET", f"/Users/{ids[7]}")
    assert len(idp.find("/Users", 'userName eq "c77@acme.example"')) == 1
    assert len(idp.ok("GET", "/Users?count=100")["Resources"]) == 100
    assert len(idp.ok("GET", f"/Users?startIndex={CROWD - 99}&count=100")["Resources"]) == 100
    cursor = idp.ok("GET", "/Users?cursor=&count=100")["nextCursor"]
    idp.ok("GET", f"/Users?cursor={quote(cursor)}&count=100")
    idp.user("new@acme.example", externalId="e", emails=[{"value": "new@acme.example"}])
    assert idp.patch(f"/Users/{ids[3]}", {"op": "replace", "path": "active", "value": False}).status_code == 200
    assert idp.patch(f"/Users/{ids[3]}", {"op": "replace", "path": "userName", "value": "c3"}).status_code == 200
    assert idp.patch(f"/Groups/{group}", member).status_code == 204
    assert idp.patch(f"/Groups/{group}", {**member, "op": "remove"}).status_code == 204
    assert idp.send("DELETE", f"/Users/{ids[4]}").status_code == 204


def test_no_everyday_statement_reads_a_whole_table(postgres_stores: Stores, clock: TestClock, monkeypatch: pytest.MonkeyPatch):
    world = ScimWorld(postgres_stores, clock)
    idp, other = world.directory(), world.directory()
    ids = idp.crowd(CROWD)
    other.crowd(500)
    group = idp.group("Half", *ids[: CROWD // 2])["id"]
    owner = postgres_stores.main.dialect.owner_engine()
    with owner.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    owner.dispose()
    with taken_down(postgres_stores, monkeypatch) as seen:
        requests(idp, ids, group)
    asked = {text: values for text, values in seen.items() if not text.startswith("INSERT")}
    assert len(asked) > 15
    with postgres_stores.main.tenant(world.scope(idp.tenant)) as unit:
        cursor = unit.transaction.connection.connection.driver_connection.cursor()

        def scans(text: str, values: Any) -> list[str]:
            """The lines of the plan that read a whole table."""
            cursor.execute(f"EXPLAIN {text}", values)
            return [line for (line,) in cursor.fetchall() if "Seq Scan on" in line]

        for text, values in asked.items():
            whole = [line for line in scans(text, values) if line.split("Seq Scan on ")[1].split()[0] in LARGE]
            assert whole == [], text
        cursor.execute("SET LOCAL enable_seqscan = off")  # then a table is read whole only where there is no other way
        for text, values in asked.items():
            assert scans(text, values) == [], text
