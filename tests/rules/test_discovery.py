"""Home-realm discovery: from what is known to the connection, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from idbroker.connections.discovery import Candidate, DomainEntry, Route, choose_connection, owner_of
from idbroker.kernel.ids import ConnectionId, TenantId
from tests.support.properties import any_text, repeatable

ACME, BOB, EVE = TenantId("tnt_acme"), TenantId("tnt_bob"), TenantId("tnt_eve")
ENTRIES = [
    DomainEntry("acme.com", ACME, include_subdomains=True),
    DomainEntry("dev.acme.com", BOB, include_subdomains=True),
    DomainEntry("hr.acme.com", EVE, include_subdomains=False),
    DomainEntry("bob.com", BOB, include_subdomains=False),
]


@pytest.mark.parametrize(
    ("domain", "owner"),
    [
        ("acme.com", ACME),
        ("mail.acme.com", ACME),
        ("a.b.c.acme.com", ACME),
        ("dev.acme.com", BOB),
        ("x.dev.acme.com", BOB),
        ("hr.acme.com", EVE),
        ("x.hr.acme.com", ACME),
        ("bob.com", BOB),
        ("mail.bob.com", None),
        ("notacme.com", None),
        ("acme.com.evil.com", None),
        ("com", None),
        ("", None),
    ],
)
def test_the_owner_of_a_domain(domain: str, owner: TenantId | None) -> None:
    found = owner_of(domain, ENTRIES)
    assert (found.tenant if found else None) == owner
    assert owner_of(domain, list(reversed(ENTRIES))) == found


def candidate(name: str, *domains: str) -> Candidate:
    return Candidate(ConnectionId(f"con_{name}"), name, "saml", domains)


MAIN, SECOND = candidate("main"), candidate("second")
ROUTED, TWIN = candidate("routed", "dev.acme.com"), candidate("twin", "dev.acme.com", "qa.acme.com")


@pytest.mark.parametrize(
    ("candidates", "domain", "connection", "outcome", "picked"),
    [
        ([], None, None, "none", []),
        ([], "acme.com", None, "none", []),
        ([MAIN], None, None, "connection", ["con_main"]),
        ([MAIN], "acme.com", None, "connection", ["con_main"]),
        ([MAIN, SECOND], "acme.com", None, "choose", ["con_main", "con_second"]),
        ([MAIN, SECOND], None, None, "choose", ["con_main", "con_second"]),
        ([MAIN, SECOND], "acme.com", "con_second", "connection", ["con_second"]),
        ([MAIN, SECOND], None, "con_other", "none", []),
        ([MAIN, ROUTED], "dev.acme.com", None, "connection", ["con_routed"]),
        ([MAIN, ROUTED], "acme.com", None, "connection", ["con_main"]),
        ([MAIN, ROUTED], None, None, "connection", ["con_main"]),
        ([MAIN, ROUTED], "x.dev.acme.com", None, "connection", ["con_main"]),
        ([MAIN, ROUTED, TWIN], "dev.acme.com", None, "choose", ["con_routed", "con_twin"]),
        ([MAIN, ROUTED, TWIN], "qa.acme.com", None, "connection", ["con_twin"]),
        ([ROUTED, TWIN], "acme.com", None, "choose", ["con_routed", "con_twin"]),
        ([ROUTED], "acme.com", None, "connection", ["con_routed"]),
        ([MAIN, ROUTED], "dev.acme.com", "con_main", "connection", ["con_main"]),
    ],
)
def test_the_route_within_a_tenant(
    candidates: list[Candidate], domain: str | None, connection: str | None, outcome: str, picked: list[str]
) -> None:
    route = choose_connection(candidates, domain=domain, connection=connection)
    assert route.outcome == outcome
    assert [c.id for c in route.connections] == picked
    assert route.rule


texts = strategies.one_of(strategies.none(), any_text, strategies.sampled_from(["dev.acme.com", "con_main", "con_routed"]))


@repeatable
@given(strategies.lists(strategies.sampled_from([MAIN, SECOND, ROUTED, TWIN]), unique=True), texts, texts)
def test_every_input_has_a_consistent_route(candidates: list[Candidate], domain: str | None, connection: str | None) -> None:
    route: Route = choose_connection(candidates, domain=domain, connection=connection)
    assert set(route.connections) <= set(candidates)
    outcomes = {0: "none", 1: "connection"}
    assert route.outcome == outcomes.get(len(route.connections), "choose")


@repeatable
@given(any_text, strategies.lists(strategies.sampled_from(ENTRIES)))
def test_no_domain_upsets_the_index(domain: str, entries: list[DomainEntry]) -> None:
    owner_of(domain, entries)
