"""Hostile logout messages at a connection's address, through the login flow and a database: nobody is signed out by any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.login.steps import AnswerIdp, SignedOut, SignInRefused
from saml.encryption import encrypt_element
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, Stores, open_stores, urls_for
from tests.support.effort import not_for_long
from tests.support.logout_world import Element, LogoutWorld
from tests.support.saml_logout_forgery import HOSTILE, Hostile, found
from tests.support.sign_in import NO_COOKIE, OTHER_BROWSER


@pytest.fixture
def world(stores: Stores, clock: TestClock) -> LogoutWorld:
    return LogoutWorld(stores, clock)


@pytest.fixture(scope="module", params=ENGINES)
def besieged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogoutWorld]:
    """One for all attacks: none of them changes anything, so none may notice the others."""
    clock = TestClock()
    opened = open_stores(request.param, urls_for(request.param, tmp_path_factory.mktemp("besieged"), request), clock)
    yield LogoutWorld(opened, clock)
    opened.close()


@pytest.mark.parametrize("attack", HOSTILE, ids=lambda attack: attack.name)
def test_nobody_is_signed_out(besieged: LogoutWorld, attack: Hostile) -> None:
    world = besieged
    message = attack.make(world)
    for visitor in (NO_COOKIE, OTHER_BROWSER):
        with not_for_long(), pytest.raises(SignInRefused) as refused:
            world.deliver(message, visitor=visitor)
        assert refused.value.code in attack.codes, refused.value
        assert refused.value.status in (400, 403)
        assert (refused.value.tenant, refused.value.connection_id) == (world.here.scope.tenant, world.here.connection)
        assert "It changed nothing" in refused.value.public
    assert all(world.live(place) for place in world.places)


# The same world, with genuine messages: what the table above would have changed


@pytest.mark.parametrize("binding", ["by_query", "by_form"])
def test_a_genuine_request_signs_out_here_alone(world: LogoutWorld, binding: str) -> None:
    message = getattr(world, binding)(world.request(world.here), world.here.signer)
    step = world.deliver(message, visitor=NO_COOKIE)
    assert isinstance(step, AnswerIdp)
    assert step.handoff.url.startswith("https://idp.example/slo?SAMLResponse=")
    assert [world.live(place) for place in world.places] == [False, True, True]
    assert world.row(world.here).end_reason == "idp_logout"


def test_an_encrypted_name_is_read(world: LogoutWorld) -> None:
    with world.stores.main.tenant(world.here.scope, read_only=True) as unit:
        settings = world.connections.known(unit, world.here.connection).settings

    def edit(root: Element) -> None:
        name = found(root, "NameID")
        root.replace(name, encrypt_element(name, settings["sp"]["certificate"], "EncryptedID"))

    world.deliver(world.by_form(world.request(world.here, edit), world.here.signer))
    assert not world.live(world.here)


@pytest.mark.parametrize("binding", ["by_query", "by_form"])
def test_a_replayed_request_ends_nothing_new(world: LogoutWorld, binding: str) -> None:
    message = getattr(world, binding)(world.request(world.here), world.here.signer)
    world.deliver(message)
    world.sign_in(world.here)
    assert isinstance(world.deliver(message, visitor=OTHER_BROWSER), AnswerIdp)
    assert world.live(world.here)


@pytest.mark.parametrize("binding", ["by_query", "by_form"])
def test_a_genuine_answer_ends_the_trip(world: LogoutWorld, binding: str) -> None:
    asked = world.leave(world.here)
    message = getattr(world, binding)(world.response(world.here, asked), world.here.signer, relay=asked["RelayState"])
    assert world.deliver(message) == SignedOut()


@pytest.mark.parametrize("how", ["stranger", "another answer", "another handle", "another connection's"])
def test_a_forged_answer_ends_no_trip(world: LogoutWorld, how: str) -> None:
    asked, place = world.leave(world.here), world.here
    other = world.leave(world.beside)
    genuine = world.by_query(world.response(place, asked), place.signer, relay=asked["RelayState"])
    forged = {
        "stranger": world.by_query(world.response(place, asked), "stranger", relay=asked["RelayState"]),
        "another answer": world.by_query(world.response(place, other), place.signer, relay=asked["RelayState"]),
        "another handle": world.by_query(world.response(place, asked), place.signer, relay="h" * 43),
        "another connection's": world.by_query(
            world.response(world.beside, other), world.beside.signer, relay=other["RelayState"]
        ),
    }[how]
    with pytest.raises(SignInRefused):
        world.deliver(forged)
    assert world.deliver(genuine) == SignedOut()
