"""Connections: kept, sealed, versioned and found, whatever protocol they speak."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from idbroker.connections.model import Connections, Whereabouts
from idbroker.connections.service import ConnectionForm, new_connection_id
from idbroker.kernel.errors import Invalid, NotFound
from idbroker.kernel.scope import TenantScope
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


def form(**fields: Any) -> ConnectionForm:
    return ConnectionForm(**{"type": "scripted", "name": "IdP", "issuer": "https://idp.example.com", **fields})


def update(broker: Broker, scope: TenantScope, connection: str, *, redraft: bool = False, **fields: Any) -> None:
    wanted = form(**fields)
    draft = broker.connections.draft(wanted, connection, broker.config(scope, connection)) if redraft else None
    with broker.database.tenant(scope) as unit:
        broker.connections.update(unit, broker.connections.known(unit, connection), wanted, draft)


def test_a_connection_is_kept_as_its_protocol_understood_it(broker: Broker) -> None:
    acme = broker.tenant("acme", "acme.com", subdomains=True)
    broker.domain(acme, "acme.net")
    made = broker.connection(acme, client_secret="hush", attribute_mapping={"email": "mail"}, options={"jit": "update"})
    config = broker.config(acme, made)
    assert (config.id, config.tenant, config.version, config.protocol, config.vendor) == (
        made,
        acme.tenant,
        1,
        "scripted",
        "okta",
    )
    assert config.settings == {"issuer": "https://idp.example.com"}
    assert config.secrets == {"secret": "hush"}
    assert config.options.jit == "update"
    assert config.attribute_mapping == {"email": "mail"}
    assert set(config.verified_domains) == {"acme.com", "*.acme.com", "acme.net"}
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("domain", "owned"),
    [
        ("acme.com", True), ("x.acme.com", True), ("y.x.acme.com", True), ("acme.net", True), ("x.acme.net", False),
        ("evilacme.com", False), ("com", False), ("", False),
    ],
)  # fmt: skip
def test_the_domains_it_may_speak_for(sqlite_stores: Stores, clock: TestClock, domain: str, owned: bool) -> None:
    broker = Broker(sqlite_stores, clock)
    acme = broker.tenant("acme", "acme.com", subdomains=True)
    broker.domain(acme, "acme.net")
    with broker.database.tenant(acme) as unit:
        broker.domains.add(unit, "pending.com")
    config = broker.config(acme, broker.connection(acme))
    assert config.owns(domain) is owned
    assert not config.owns("pending.com")


def test_what_is_shown_holds_no_secret(broker: Broker) -> None:
    acme = broker.tenant("acme")
    made = broker.connection(acme, client_secret="hush")
    with broker.database.tenant(acme, read_only=True) as unit:
        shown = broker.connections.document(unit, broker.connections.known(unit, made))
    assert "hush" not in repr(shown)
    assert shown["rp"]["redirect_uri"].endswith(f"/{made}/reply")
    assert shown["warnings"] == [{"code": "noticed", "message": "Something to know."}]
    assert (shown["status"], shown["vendor"], shown["options"]["jit"]) == ("active", "okta", "create")


def test_every_change_makes_a_new_version_and_says_what_it_was(broker: Broker, clock: TestClock) -> None:
    acme = broker.tenant("acme")
    made = broker.connection(acme, client_secret="hush")
    update(broker, acme, made, name="New name", options={"force_authn": True})
    assert (broker.config(acme, made).version, broker.config(acme, made).secrets) == (2, {"secret": "hush"})
    update(broker, acme, made, name="New name", options={"force_authn": True}, status="disabled")
    update(broker, acme, made, name="New name", options={"force_authn": True}, status="active")
    update(broker, acme, made, name="New name", options={"force_authn": True}, client_secret="new hush", redraft=True)
    assert (broker.config(acme, made).version, broker.config(acme, made).secrets) == (5, {"secret": "new hush"})
    with broker.database.tenant(acme) as unit:
        broker.connections.delete(unit, made)
    told = [event for event in reversed(broker.events(acme.tenant)) if event["resource"]["id"] == made]
    assert [event["action"] for event in told] == [
        "connection.created", "connection.updated", "connection.disabled", "connection.activated", "connection.updated",
        "connection.deleted",
    ]  # fmt: skip
    assert told[1]["changes"] == {
        "name": {"before": "IdP", "after": "New name"},
        "options": {"before": {}, "after": {"force_authn": True}},
    }
    assert told[2]["changes"] == {"status": {"before": "active", "after": "disabled"}}
    assert "hush" not in repr(told)


def test_changes_at_the_same_moment_make_a_version_each(broker: Broker) -> None:
    """(id, version) is what caches go by: two contents must never share one."""
    acme = broker.tenant("acme")
    made = broker.connection(acme)
    results = at_once(6, lambda number: update(broker, acme, made, name=f"Name {number}"))
    assert results == [None] * 6
    assert broker.config(acme, made).version == 7


def test_what_is_gone_is_gone(broker: Broker) -> None:
    acme = broker.tenant("acme")
    made = broker.connection(acme)
    with broker.database.tenant(acme) as unit:
        broker.connections.delete(unit, made)
    with broker.database.platform(OPERATOR, read_only=True) as platform:
        assert platform[Whereabouts].connection(made) is None
    for act in (broker.connections.delete, broker.connections.known):
        with pytest.raises(NotFound), broker.database.tenant(acme) as unit:
            act(unit, made)


def test_another_tenants_connection_does_not_exist(broker: Broker) -> None:
    acme, bob = broker.tenant("acme"), broker.tenant("bob")
    made = broker.connection(acme)
    for act in (broker.connections.delete, broker.connections.known):
        with pytest.raises(NotFound), broker.database.tenant(bob) as unit:
            act(unit, made)
    assert broker.config(acme, made).id == made


def test_only_active_ones_are_offered(broker: Broker) -> None:
    acme = broker.tenant("acme")
    offered = [broker.connection(acme, name=status, status=status) for status in ("active", "test", "disabled")][:1]
    with broker.database.tenant(acme, read_only=True) as unit:
        assert [row.id for row in unit[Connections].active()] == offered
        assert len(unit[Connections].page()) == 3


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"type": "ldap"}, ["/type"]),
        ({"attribute_mapping": {"shoe_size": "x"}}, ["/attribute_mapping/shoe_size"]),
        ({"options": {"jti": "off"}}, ["/options/jti"]),
        ({"routing_domains": ["not a domain"]}, ["/routing_domains"]),
        ({"issuer": ...}, []),
    ],
)
def test_what_is_wrong_is_named(sqlite_stores: Stores, clock: TestClock, fields: dict[str, Any], pointers: list[str]) -> None:
    broker = Broker(sqlite_stores, clock)
    acme = broker.tenant("acme")
    given = {name: value for name, value in {"issuer": "https://i", **fields}.items() if value is not ...}
    wanted = ConnectionForm(**{"type": "scripted", "name": "IdP", **given})

    def create() -> None:
        draft = broker.connections.draft(wanted, new_connection_id())
        with broker.database.tenant(acme) as unit:
            broker.connections.create(unit, wanted, new_connection_id(), draft)

    with pytest.raises(Invalid) as refused:
        create()
    assert [error.pointer for error in refused.value.errors] == pointers
    with broker.database.tenant(acme, read_only=True) as unit:
        assert list(unit[Connections].page()) == []


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "x" * 201}, {"vendor": "Okta!"}, {"status": "on"}, {"routing_domains": ["a.com"] * 101}]
)
def test_forms(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form(**fields)
