"""Sign-ins that begin at the identity provider: never one by themselves, begun anew where the connection allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idbroker.apps.service import AppForm, AppService
from idbroker.login.steps import POSTED_AGAIN, PostAgain, Restart, SignInRefused
from tests.support.broker import Broker
from tests.support.scripted_idp import answer
from tests.support.sign_in import BROWSER, NO_COOKIE, SignIns, cookie_of, refused
from tests.support.world import OPERATOR

TARGET = "https://notes.example/inbox?folder=1"
START = "https://notes.example/start"


@pytest.fixture
def acme(broker: Broker, acme: SignIns) -> SignIns:
    broker.idp.is_unsolicited = True
    return acme


def allowing(acme: SignIns, **options: Any) -> SignIns:
    """The same tenant with a connection that allows it."""
    acme.connection = acme.broker.connection(acme.scope, options={"allow_idp_initiated": True, **options})
    return acme


def app(acme: SignIns, **fields: Any) -> str:
    form = {"name": "Notes", "redirect_uris": ["https://notes.example/cb"], "initiate_login_uri": START, **fields}
    with acme.broker.database.platform(OPERATOR) as unit:
        made, _ = AppService().create(unit, AppForm.model_validate(form))
    return made.id


def unasked(acme: SignIns, visitor: Any = BROWSER, **params: str) -> Any:
    """An answer that names no sign-in of ours."""
    full = answer("", connection=acme.connection)
    reply = replace(full, params={**{name: value for name, value in full.params.items() if name != "state"}, **params})
    return acme.broker.flow.reply("scripted", acme.connection, reply, visitor)


@pytest.mark.parametrize("visitor", [BROWSER, NO_COOKIE], ids=["cookie", "no cookie"])
def test_off_it_explains_and_offers_to_begin_properly(acme: SignIns, visitor: Any) -> None:
    with refused(acme.broker, "unsolicited", tenant=acme.scope.tenant, status=403) as told:
        unasked(acme, visitor)
    assert told.value.start == f"/sso?connection={acme.connection}"
    assert told.context["connection_id"] == acme.connection
    assert "begin with this button" in told.value.public


def test_on_it_begins_anew_here(acme: SignIns) -> None:
    allowing(acme)
    assert unasked(acme) == Restart("acme", acme.connection)
    assert cookie_of(acme.reply(acme.sent(connection=acme.connection))).tenant == acme.scope.tenant


def test_on_it_begins_anew_at_the_app(acme: SignIns) -> None:
    allowing(acme, default_app=app(acme))
    assert unasked(acme) == Restart("acme", acme.connection, START)


@pytest.mark.parametrize(("relay_state", "target"), [
    (TARGET, TARGET),
    ("", None),
    (TARGET + "&x=1", None),
    (TARGET.upper(), None),
    ("https://notes.example/", None),
    ("https://evil.example/", None),
])  # fmt: skip
def test_only_what_is_listed_letter_by_letter_is_passed_on(acme: SignIns, relay_state: str, target: str | None) -> None:
    allowing(acme, default_app=app(acme), relay_state_allow=[TARGET, "https://notes.example/other"])
    assert unasked(acme, RelayState=relay_state) == Restart("acme", acme.connection, START, target)


@pytest.mark.parametrize("why", ["gone", "another tenant's", "no address"])
def test_an_app_that_cannot_begin_it_is_passed_over(acme: SignIns, why: str) -> None:
    fields: dict[str, Any] = {"another tenant's": {"tenants": ["tnt_x"]}, "no address": {"initiate_login_uri": None}}.get(
        why, {}
    )
    made = app(acme, **fields)
    if why == "gone":
        with acme.broker.database.platform(OPERATOR) as unit:
            AppService().delete(unit, made)
    allowing(acme, default_app=made, relay_state_allow=[TARGET])
    assert unasked(acme, RelayState=TARGET) == Restart("acme", acme.connection)


def test_it_does_not_begin_anew_twice(acme: SignIns) -> None:
    allowing(acme)
    with refused(acme.broker, "unsolicited_again", tenant=acme.scope.tenant, status=403) as told:
        unasked(acme, replace(BROWSER, restarted=acme.connection))
    assert told.value.start is None
    assert unasked(acme, replace(BROWSER, restarted="con_other")) == Restart("acme", acme.connection)


def test_the_note_of_having_begun_comes_with_the_second_posting(acme: SignIns) -> None:
    allowing(acme)
    again = unasked(acme, NO_COOKIE)
    assert isinstance(again, PostAgain)
    assert unasked(acme, **again.fields) == Restart("acme", acme.connection)
    assert unasked(acme, NO_COOKIE, **{POSTED_AGAIN: "1"}) == Restart("acme", acme.connection)


def test_an_answer_that_names_a_sign_in_is_none_of_these(acme: SignIns) -> None:
    allowing(acme)
    with pytest.raises(SignInRefused, match="reply_without_attempt"):
        acme.reply("u" * 43)
