"""The first law on the hot paths: every function of ``storage.statements``, called in tenant B with the names of tenant A.

A new file or function there is covered by existing. What a statement may not do, it cannot even be compiled to do.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import DBAPIError

from idbroker import plugins
from idbroker.kernel.scope import TenantScope
from idbroker.storage import statements
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import MAIN
from idbroker.storage.statement import PlatformStatement, TenantStatement, scope
from idbroker.storage.statements import persons
from idbroker.storage.statements.families import FamilyRow
from idbroker.storage.unit import PlatformUnit, TenantUnit
from tests.conformance.test_isolation import fingerprint
from tests.support.databases import Stores
from tests.support.world import OPERATOR, World, make_tenant, make_world

plugins.load_tables()
users, sessions, apps, tenants = (MAIN.tables[name] for name in ("users", "sessions", "apps", "tenants"))


def modules() -> Iterator[Any]:
    for found in pkgutil.iter_modules(statements.__path__, f"{statements.__name__}."):
        yield importlib.import_module(found.name)


def functions() -> list[Callable[..., Any]]:
    """Those on a tenant's unit."""
    found = [
        function
        for module in modules()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    taking = {function: next(iter(inspect.get_annotations(function, eval_str=True).values())) for function in found}
    assert set(taking.values()) <= {TenantUnit, PlatformUnit}, "a unit comes first, and with it the scope"
    return [function for function, first in taking.items() if first is TenantUnit]


def arguments(function: Callable[..., Any], a: World) -> dict[str, Any]:
    now = a.rows["Users"].created_at
    known = {
        **a.names,
        "app": "app_1",
        "upto": 10_000,
        "now": now,
        "request": {},
        "idle_expires_at": now,
        "family": FamilyRow(
            a.names["family_id"], a.names["session_id"], a.names["user_id"], "app_1", {}, b"other", 0, None, now, now, now, None
        ),
    }
    wanted = list(inspect.signature(function).parameters)[1:]
    assert set(wanted) <= set(known), f"{function.__name__}: enter {set(wanted) - set(known)} here"
    return {name: known[name] for name in wanted}


def is_nothing(result: Any, a: World) -> bool:
    if is_dataclass(result):
        return all(is_nothing(getattr(result, field.name), a) for field in fields(result))
    if isinstance(result, list | tuple):
        return all(is_nothing(part, a) for part in result)
    return result in (None, False, 0) or (isinstance(result, str) and result not in map(str, a.names.values()))


OF_EVERYBODY = {"newest_generation"}
"""What names nothing and every tenant has of its own: B is answered B's."""


def test_there_is_something_to_walk() -> None:
    assert len(functions()) >= 8


def test_no_statement_reaches_another_tenant(stores: Stores) -> None:
    a = make_world(stores, "ada")
    before = fingerprint(stores, a.scope.tenant)
    for number, function in enumerate(functions()):
        name, b = function.__name__, make_tenant(stores, f"bob-{number}")
        try:
            with stores.main.tenant(b) as unit:
                result = function(unit, **arguments(function, a))
                assert name in OF_EVERYBODY or is_nothing(result, a), f"{name} showed B something of A: {result!r}"
        except DBAPIError:
            pass  # refused loudly is as good as absent; what matters is compared below
        assert fingerprint(stores, a.scope.tenant) == before, f"{name} changed A"


def test_the_owner_himself_is_answered(stores: Stores) -> None:
    a = make_world(stores, "ada")
    with stores.main.tenant(a.scope) as unit:
        found = persons.session_person(unit, a.names["session_id"])
        assert found is not None
        assert (found.user_id, found.email) == (a.names["user_id"], a.names["email"])
        assert persons.groups_and_roles(unit, found.user_id, "app_1") == (("Group ada",), ("editor",))


def of(table: Any) -> Any:
    return table.c.tenant_id == scope()


REFUSED = {
    "unheld": lambda: select(users),
    "held to another value": lambda: select(users).where(users.c.tenant_id == bindparam("other")),
    "one of two": lambda: select(users).join(sessions, users.c.id == sessions.c.user_id).where(of(users)),
    "one of two aliases": lambda: select(users, users.alias("u2")).where(of(users)),
    "update": lambda: update(users).values(email="x"),
    "insert of another's": lambda: insert(users).values(tenant_id="tnt_other", id="x"),
    "the platform's": lambda: select(apps),
    "somebody's own row": lambda: select(tenants),
    "another's own row": lambda: select(tenants).where(tenants.c.id == bindparam("other")),
    "the own row by another column": lambda: select(tenants).where(tenants.c.slug == scope()),
    "a change of the own row": lambda: update(tenants).where(tenants.c.id == scope()).values(slug="x"),
    "by id where it should be by tenant": lambda: select(users).where(users.c.id == scope()),
    "subquery": lambda: select(users).where(of(users), users.c.id.in_(select(sessions.c.user_id))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_tenants_statement_must_be_held_to_the_scope(case: str) -> None:
    with pytest.raises(IsolationBreach):
        TenantStatement(REFUSED[case]).check()


ALLOWED = {
    "where": lambda: select(users).where(of(users)),
    "join": lambda: select(users).join(sessions, and_(of(sessions), sessions.c.user_id == users.c.id)).where(of(users)),
    "insert": lambda: insert(users).values(tenant_id=scope(), id="x"),
    "the own row": lambda: select(users, tenants.c.status).where(of(users), tenants.c.id == scope()),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_statements_that_are_held_compile(case: str) -> None:
    TenantStatement(ALLOWED[case]).check()


def test_a_choice_does_not_hold() -> None:
    """``tenant_id = scope OR …`` is no bound."""
    with pytest.raises(IsolationBreach):
        TenantStatement(lambda: select(users).where(or_(of(users), users.c.active))).check()


def test_a_platform_statement_touches_no_tenants_table() -> None:
    with pytest.raises(IsolationBreach):
        PlatformStatement(lambda: select(users)).check()
    PlatformStatement(lambda: select(apps)).check()


def test_a_statement_runs_only_where_its_unit_is_bound(stores: Stores) -> None:
    scope_of_a: TenantScope = make_world(stores, "ada").scope
    with stores.main.platform(OPERATOR) as platform:
        stale = TenantUnit(platform.transaction, scope_of_a, platform.clock)
        with pytest.raises(IsolationBreach):
            persons.session_person(stale, "ses_ada")
        with platform.enter(scope_of_a), pytest.raises(IsolationBreach):
            PlatformStatement(lambda: select(apps)).rows(platform)
