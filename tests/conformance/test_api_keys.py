"""API keys: what authenticates and what does not, without a hint why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from idbroker.access.api_keys import ApiKeys
from idbroker.access.permissions import OPERATOR as EVERYTHING
from idbroker.access.permissions import ROLES
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.secrets import new_secret
from tests.support.databases import Stores
from tests.support.world import OPERATOR, make_tenant


def create(stores: Stores, tenant: TenantId | None, role: str, name: str = "ci") -> tuple[str, str]:
    with stores.main.platform(OPERATOR) as unit:
        row, key = unit[ApiKeys].create(name, tenant, role)  # type: ignore[arg-type]
        return row.id, key


def ask(stores: Stores, presented: str) -> object:
    with stores.main.platform(OPERATOR, read_only=True) as unit:
        return unit[ApiKeys].authenticate(presented)


def test_an_operators_key(stores: Stores) -> None:
    key_id, key = create(stores, None, "operator")
    principal = ask(stores, key)
    assert (principal.key, principal.name, principal.tenant, principal.actor_type) == (key_id, "ci", None, "operator")
    assert principal.permissions == EVERYTHING


@pytest.mark.parametrize("role", ROLES)
def test_a_tenants_key(stores: Stores, role: str) -> None:
    acme = make_tenant(stores, "acme")
    principal = ask(stores, create(stores, acme.tenant, role)[1])
    assert (principal.tenant, principal.actor_type) == (acme.tenant, "user")
    assert principal.permissions == ROLES[role]


WRONG: dict[str, Callable[[str], str]] = {
    "nothing": lambda key: "",
    "half": lambda key: key[:-1],
    "more": lambda key: key + "x",
    "another secret": lambda key: key[:32] + new_secret(),
    "no secret": lambda key: key[:32],
    "an unknown id": lambda key: f"idbk_{new_id('key').removeprefix('key_')}_{key[32:]}",
    "upper case": lambda key: key.upper(),
    "another prefix": lambda key: "idbx" + key[4:],
    "the stored form": lambda key: key.replace("idbk_", "key_"),
    "spaces": lambda key: f" {key}",
    "separators": lambda key: "_" * 80,
    "NUL": lambda key: key[:10] + "\x00" + key[11:],
    "latin letters": lambda key: "é" * 80,
    "a wildcard": lambda key: "idbk_%_%",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_everything_else(stores: Stores, wrong: str) -> None:
    _, key = create(stores, None, "operator")
    assert ask(stores, key) is not None
    assert ask(stores, WRONG[wrong](key)) is None


def test_a_revoked_key(stores: Stores) -> None:
    key_id, key = create(stores, None, "operator")
    with stores.main.platform(OPERATOR) as unit:
        row = unit[ApiKeys].get(key_id)
        assert row is not None
        row.revoked_at = unit.clock.now()
    assert ask(stores, key) is None


def test_the_key_itself_is_not_kept(stores: Stores) -> None:
    key_id, key = create(stores, None, "operator")
    with stores.main.platform(OPERATOR, read_only=True) as unit:
        row = unit[ApiKeys].get(key_id)
        assert row is not None
        assert key[32:] not in repr(row.model_dump())


@pytest.mark.parametrize(("scoped", "role"), [(True, "operator"), (False, "owner"), (False, "emperor")])
def test_a_role_that_does_not_fit_its_scope_makes_no_key(stores: Stores, scoped: bool, role: str) -> None:
    acme = make_tenant(stores, "acme")
    with pytest.raises(ValueError, match=role):
        create(stores, acme.tenant if scoped else None, role)


def test_keys_are_listed_by_their_owner(stores: Stores) -> None:
    acme, bob = make_tenant(stores, "acme"), make_tenant(stores, "bob")
    mine = [create(stores, acme.tenant, "admin")[0] for _ in range(3)]
    create(stores, bob.tenant, "admin")
    operators = create(stores, None, "operator")[0]
    with stores.main.platform(OPERATOR, read_only=True) as unit:
        assert [row.id for row in unit[ApiKeys].page(acme.tenant)] == mine
        assert [row.id for row in unit[ApiKeys].page(acme.tenant, after=mine[0], limit=1)] == mine[1:2]
        assert [row.id for row in unit[ApiKeys].page(None)] == [operators]
