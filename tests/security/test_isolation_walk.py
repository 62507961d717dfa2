"""Every route of every face, from the program's own table, as a stranger: without a credential, with another tenant's, with
another tenant's ids in path, query and body. What is another's answers as what does not exist, word for word.

A new route is covered by being in the table; a kind of route or a path parameter that is not known here fails until it is
entered. Pages of administration are walked in ``tests/admin_ui/test_table.py``, by the same rule.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import event

from idbroker.admin_api.operation import Operation
from idbroker.kernel.ids import new_id
from idbroker.web.route import KeyRoute, OpenRoute, PageRoute, PlatformRoute, Row, ScopedRoute, TenantRoute
from tests.support.logged import everything_logged
from tests.support.marked import SCIM_USER, marked
from tests.support.prefixes import PREFIXES
from tests.support.strangers import Strangers
from tests.support.whole import BASE

WORDS = {"reference": "ABCD-EFGH", "kid": "kid", "number": "1", "version": "0123456789abcdef"}

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SCIM_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BODY_PLACES = {
    "connection_id": "connection", "directory_id": "directory", "connection": "connection", "directory": "directory",
    "user_id": "user", "user": "user", "candidate": "candidate", "tenant": "tenant", "group_id": "group",
}  # fmt: skip


ONE_ENGINE = pytest.mark.parametrize("there", ["sqlite"], indirect=True)
"""For what does not depend on the engine, and for what is too slow to be asked twice."""


def unknown(name: str) -> str:
    assert name in PREFIXES or name in WORDS, f"enter the path parameter “{name}” in tests/support/prefixes.py"
    return WORDS.get(name) or new_id(PREFIXES[name])


def filled(path: str, given: dict[str, str]) -> str:
    return re.sub(r"{(\w+)(?::path)?}", lambda found: given.get(found[1]) or unknown(found[1]), path)


def said(answer: Any, *ids: str) -> tuple[int, str, str]:
    """(status, type, body), without what is of one request alone and without the ids that were asked for."""
    text = re.sub(r"req_[0-9a-z]{26}", "REQUEST", answer.text)
    for one in sorted({*ids}, key=len, reverse=True):
        text = text.replace(one, "ID")
    return answer.status_code, answer.headers.get("content-type", ""), re.sub(r'"instance":"[^"]*"', "", text)


def parameters(row: Row) -> list[str]:
    return re.findall(r"{(\w+)", row.path)


@ONE_ENGINE
def test_the_table_holds_no_kind_of_route_that_is_not_walked(there: Strangers) -> None:
    kinds = {type(row) for row in there.rows}
    assert kinds <= {OpenRoute, PageRoute, PlatformRoute, TenantRoute, ScopedRoute, KeyRoute}


@ONE_ENGINE
def test_without_a_credential_administration_says_nothing(there: Strangers) -> None:
    """The same 401 for what is there and for what is not."""
    for row in there.rows:
        if isinstance(row, TenantRoute | ScopedRoute | PlatformRoute | KeyRoute):
            known, random = filled(row.path, there.ids), filled(row.path, {})
            for headers in ({}, {"authorization": "Bearer idbk_nothing"}):
                answers = [there.ask(row.method, path, headers, {}) for path in (known, random)]
                assert {answer.status_code for answer in answers} == {401}, (row.method, row.path)
                assert said(answers[0]) == said(answers[1]), (row.method, row.path)


def test_another_tenants_key_finds_what_an_unknown_tenant_shows(there: Strangers) -> None:
    for row in there.rows:
        if isinstance(row, TenantRoute | ScopedRoute):
            random = {name: unknown(name) for name in parameters(row)}
            for tenant in (there.ids["tenant"], "acme"):
                known = {**there.ids, "tenant": tenant}
                theirs = there.as_globex(row, filled(row.path, known))
                nobodys = there.as_globex(row, filled(row.path, {**random, "tenant": "nobody-of-that-name"}))
                assert theirs.status_code == 404, (row.method, row.path, theirs.text)
                assert said(theirs) == said(nobodys), (row.method, row.path)
        elif isinstance(row, PlatformRoute):
            answer = there.as_globex(row, filled(row.path, there.ids))
            assert answer.status_code == (404 if "{tenant}" in row.path else 403), (row.method, row.path, answer.text)
            assert not marked(answer.text)


def test_another_tenants_ids_in_one_s_own_paths_are_unknown(there: Strangers) -> None:
    for row in there.rows:
        names = [name for name in parameters(row) if name in there.ids and name != "tenant"]
        if not isinstance(row, TenantRoute | ScopedRoute | KeyRoute) or not names:
            continue
        rest = {name: unknown(name) for name in parameters(row)} | {"tenant": there.globex}
        random = {name: unknown(name) for name in names if name not in WORDS} | {n: "WXYZ-WXYZ" for n in names if n in WORDS}
        theirs = there.as_globex(row, filled(row.path, {**rest, **{name: there.ids[name] for name in names}}))
        nobodys = there.as_globex(row, filled(row.path, {**rest, **random}))
        assert theirs.status_code == 404 or row.method in ("POST", "PATCH", "PUT"), (row.method, row.path, theirs.text)
        assert theirs.status_code in (404, 422), (row.method, row.path, theirs.text)
        asked = (*there.ids.values(), *random.values())
        assert said(theirs, *asked) == said(nobodys, *asked), (row.method, row.path)
        assert not marked(theirs.text), (row.method, row.path)


def test_another_tenants_ids_in_queries_and_bodies_are_unknown(there: Strangers) -> None:
    for operation in there.whole.broker.admin_api.operations:
        row = operation.row
        if isinstance(row, OpenRoute | PlatformRoute):
            continue
        path = filled(row.path, {"tenant": there.globex})
        for name, known, random in places(operation, there):
            for where in ("query", "body"):
                if where == "body" and operation.body is None:
                    continue
                if where == "query":
                    answers = [there.as_globex(row, f"{path}?{name}={value}") for value in (known, random)]
                else:
                    answers = [there.as_globex(row, path, {name: value}) for value in (known, random)]
                assert said(answers[0], known, random) == said(answers[1], known, random), (row.method, row.path, where, name)
                assert not marked(answers[0].text), (row.method, row.path, where, name)


def places(operation: Operation, there: Strangers) -> Iterator[tuple[str, str, str]]:
    """(parameter or member, acme's id, an unknown one)."""
    fields = set(operation.body.model_fields) if operation.body is not None else set()
    for name in sorted({query.name for query in operation.query} | fields | {"tenant"}):
        kind = BODY_PLACES.get(name)
        if kind in there.ids:
            yield name, there.ids[kind], new_id(PREFIXES[kind])


def test_scim_knows_the_token_s_directory_alone(there: Strangers) -> None:
    theirs = {"Users": there.ids["user"], "Groups": there.ids["group"]}
    for row in there.rows:
        if not isinstance(row, OpenRoute) or not row.path.startswith("/scim/v2/"):
            continue
        kind = row.path.split("/")[3]
        own, other = theirs.get(kind, "User"), new_id("usr" if kind == "Users" else "grp") if kind in theirs else "User"
        bodied = row.method in ("POST", "PUT", "PATCH")
        body: Any = {"schemas": [SCIM_USER], "userName": "x"} if bodied else None
        if kind == "Groups" and bodied:
            body = {"schemas": [SCIM_GROUP], "displayName": "x"}
        if row.method == "PATCH":
            body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
        paths = [filled(row.path, {"id": one}) for one in (own, other)]
        bare = there.ask(row.method, paths[0], {"content-type": "application/scim+json"}, body)
        open_to_all = kind in ("ServiceProviderConfig", "ResourceTypes", "Schemas")
        assert bare.status_code == 401 or open_to_all, (row.method, row.path)
        answers = [there.ask(row.method, path, there.scim, body) for path in paths]
        assert not any(marked(answer.text) for answer in (bare, *answers)), (row.method, row.path)
        if "{id}" in row.path and kind in theirs:
            assert answers[0].status_code == 404, (row.method, row.path, answers[0].text)
            assert said(answers[0], own, other) == said(answers[1], own, other), (row.method, row.path)


def test_open_routes_show_a_stranger_nothing_of_anybody(there: Strangers) -> None:
    """Browsers' and apps' doors: whatever is sent, no answer holds anything of acme's people, and none is an accident."""
    forged = {"tenant": there.ids["tenant"], "connection": there.ids["connection"], "login_hint": "x@globex.example"}
    query = "&".join(f"{name}={value}" for name, value in forged.items())
    for row in there.rows:
        if isinstance(row, OpenRoute) and not row.path.startswith("/scim/"):
            named = {"slug": "acme", "file": "idbroker.css", "anywhere": "old", "link": "x", "stream": "x"}
            path = filled(row.path, {**there.ids, **named})
            for bearer in (there.owner, there.scim["authorization"].removeprefix("Bearer ")):
                answer = there.whole.client.request(
                    row.method, f"{path}?{query}", headers={"authorization": f"Bearer {bearer}"},
                    data=forged if row.method == "POST" else None,
                )  # fmt: skip
                assert answer.status_code < 500 or row.path == "/readyz", (row.method, row.path, answer.text)
                assert not marked(answer.text), (row.method, row.path)


def test_interleaved_requests_of_two_tenants_leak_nothing(there: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 requests of both over a pool of two connections: each sees its own, whatever thread and connection served before."""
    acme = there.whole.key(there.ids["tenant"], "owner")
    engine = there.whole.services.database.engine
    monkeypatch.setattr(engine.pool, "_max_overflow", 0)
    served: set[int] = set()

    async def ask(client: httpx2.AsyncClient, turns: asyncio.Semaphore, number: int) -> tuple[bool, str]:
        mine = number % 2 == 0
        key = acme if mine else there.owner
        paths = ("users", "sessions", "audit-events", "connections")
        tenant = there.ids["tenant"] if mine else there.globex
        path = f"/api/v1/tenants/{tenant}/{paths[number // 2 % 4]}"
        async with turns:
            answer = await client.get(path, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return mine, answer.text

    async def ask_all() -> list[tuple[bool, str]]:
        transport, turns = httpx2.ASGITransport(there.whole.broker.asgi), asyncio.Semaphore(16)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            return await asyncio.gather(*(ask(client, turns, number) for number in range(200)))

    def seen(connection: Any, *_: Any) -> None:
        served.add(id(connection))

    event.listen(engine, "checkout", seen)
    answers = asyncio.run(ask_all())
    event.remove(engine, "checkout", seen)
    assert len(served) <= 2, "as many connections as the pool may have"
    for mine, text in answers:
        assert mine or not marked(text)
        other = there.globex if mine else there.ids["tenant"]
        assert f'"tenant_id":"{other}"' not in text
    assert sum(marked(text) for _, text in answers) >= 50, "acme saw its own"


@ONE_ENGINE
def test_what_is_logged_bears_the_tenant_of_its_own_request(there: Strangers) -> None:
    """Each kind of refusal in turn, with one between them that is nobody's: nothing of the request before is left over."""
    theirs, mine = there.ids["tenant"], there.globex
    owner = {"authorization": f"Bearer {there.owner}"}
    connection = there.acme.acme.connection["id"]
    asked = [
        ("GET", f"/api/v1/tenants/{mine}/users/{new_id('usr')}", owner, mine),
        ("GET", f"/api/v1/tenants/{theirs}/users", {"authorization": "Bearer nonsense"}, None),
        ("POST", f"/saml/{connection}/acs", {}, theirs),
        ("POST", f"/saml/{new_id('con')}/acs", {}, None),
    ]
    with everything_logged() as lines:
        for method, path, headers, tenant in asked:
            lines.clear()
            form = {"SAMLResponse": "PHg+", "RelayState": "x"} if method == "POST" else None
            answer = there.whole.client.request(method, path, headers=headers, data=form)
            assert answer.status_code >= 400, path
            told = [line for line in lines if line["event"] == "refused"]
            assert [line.get("tenant_id") for line in told] == [tenant], (path, lines)
