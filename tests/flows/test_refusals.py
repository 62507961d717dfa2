"""Sign-ins that are refused: each with its reference in the right trail, and nothing half-written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idbroker.audit.search import TrailQuery
from idbroker.directory.model import Users
from idbroker.federation.profile import Profile
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL, new_id
from idbroker.kernel.secrets import new_secret
from idbroker.login.steps import POSTED_AGAIN, PostAgain, SignedIn, SignInRefused
from idbroker.sessions.model import Sessions
from tests.support.races import at_once
from tests.support.scripted_idp import ALICE, answer
from tests.support.sign_in import BROWSER, NO_COOKIE, OTHER_BROWSER, SignIns, cookie_of, refused

ATTEMPT = {"attempts": 1}
BODY = "0123456789abcdefghjkmnpqrs"


# Beginning


@pytest.mark.parametrize(
    "wish", [{"tenant": "nobody"}, {"tenant": f"tnt_{BODY}"}, {"connection": f"con_{BODY}"}, {"tenant": ""}]
)
def test_a_tenant_or_connection_that_does_not_exist(acme: SignIns, wish: dict[str, str]) -> None:
    with refused(acme.broker, "unknown_tenant_or_connection", tenant=PLATFORM_TRAIL, besides=ATTEMPT) as caught:
        acme.begin(**wish)
    assert caught.value.back is not None
    assert caught.value.back.startswith("/oauth2/resume?attempt=")


def test_a_connection_of_another_tenant_than_the_one_named(acme: SignIns) -> None:
    acme.broker.tenant("bob")
    with refused(acme.broker, "unknown_tenant_or_connection", besides=ATTEMPT):
        acme.begin(tenant="bob", connection=acme.connection)


def test_at_a_tenants_own_issuer_nobody_else_signs_in(acme: SignIns) -> None:
    bob = SignIns(acme.broker, acme.broker.tenant("bob", "bob.com"))
    pinned = {"pinned_tenant": bob.scope.tenant}
    step = acme.begin(**pinned, email="alice@acme.com")
    assert bob.connection in repr(step), "the address of another organisation leads to this one's IdP"
    assert bob.connection in repr(acme.begin(**pinned, tenant="acme"))
    with refused(acme.broker, "unknown_tenant_or_connection", besides=ATTEMPT):
        acme.begin(**pinned, connection=acme.connection)
    handle = acme.broker.idp.sent[0].handle
    with refused(acme.broker, "unknown_tenant_or_connection"):
        acme.broker.flow.answer(handle, BROWSER, connection=acme.connection)
    assert bob.connection in repr(acme.broker.flow.answer(handle, BROWSER, email="alice@acme.com"))


def test_an_app_that_is_not_for_this_tenant(acme: SignIns) -> None:
    bob = acme.broker.tenant("bob")
    for wish in ({"email": "alice@acme.com"}, {"tenant": "acme"}, {"connection": acme.connection}):
        with refused(acme.broker, "app_not_for_tenant", tenant=acme.scope.tenant, status=403, besides=ATTEMPT) as caught:
            acme.begin(**wish, app_tenants=(bob.tenant,))
        assert "bob" not in caught.value.public.lower()
    with refused(acme.broker, "app_not_for_tenant", tenant=acme.scope.tenant, besides=ATTEMPT):
        acme.begin(email="alice@acme.com", app_tenants=())
    assert acme.sent(app_tenants=(bob.tenant, acme.scope.tenant))


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_a_tenant_that_is_switched_off(acme: SignIns, status: str) -> None:
    acme.broker.transition(acme.scope, status)  # type: ignore[arg-type]
    with refused(acme.broker, "tenant_closed", tenant=acme.scope.tenant, status=403, besides=ATTEMPT) as caught:
        acme.begin(email="alice@acme.com")
    assert status not in caught.value.public


def test_a_tenant_that_is_switched_off_while_the_person_is_at_the_idp(acme: SignIns) -> None:
    handle = acme.sent()
    acme.broker.transition(acme.scope, "paused")
    with refused(acme.broker, "tenant_closed", tenant=acme.scope.tenant, status=403):
        acme.reply(handle)
    acme.broker.transition(acme.scope, "active")
    assert cookie_of(acme.reply(handle)), "and on again: the answer has not been used up"


def test_a_tenant_without_a_connection(acme: SignIns) -> None:
    bob = acme.broker.tenant("bob", "bob.com")
    with refused(acme.broker, "no_connection", tenant=bob.tenant, status=403, besides=ATTEMPT):
        acme.begin(email="bob@bob.com")


def test_an_idp_that_is_down(acme: SignIns) -> None:
    acme.broker.idp.down = True
    with refused(acme.broker, "idp_unreachable", tenant=acme.scope.tenant, status=502, besides=ATTEMPT) as caught:
        acme.begin(email="alice@acme.com")
    assert caught.context["connection_id"] == acme.connection
    acme.broker.idp.down = False
    handle = str(caught.value.back).partition("attempt=")[2]
    acme.broker.flow.answer(handle, BROWSER, email="alice@acme.com")
    assert cookie_of(acme.reply(handle)), "the same attempt may be tried again"


def test_a_browser_without_a_secret_cannot_begin(acme: SignIns) -> None:
    with pytest.raises(ValueError, match="browser"):
        acme.begin(NO_COOKIE)


def test_answers_belong_to_the_browser_that_began(acme: SignIns) -> None:
    handle = acme.begin().handle
    for visitor in (OTHER_BROWSER, NO_COOKIE):
        with refused(acme.broker, "browser_mismatch", status=403):
            acme.broker.flow.answer(handle, visitor, email="alice@acme.com")
        with refused(acme.broker, "browser_mismatch", status=403):
            acme.broker.flow.resume(handle, visitor)


def test_once_the_organisation_is_known_its_trail_has_the_refusal(acme: SignIns) -> None:
    handle = acme.sent()
    with refused(acme.broker, "browser_mismatch", tenant=acme.scope.tenant):
        acme.broker.flow.resume(handle, OTHER_BROWSER)


@pytest.mark.parametrize("handle", ["", "x", "s" * 43, "\x00", "ü" * 43])
def test_answers_to_attempts_that_never_were(acme: SignIns, handle: str) -> None:
    with refused(acme.broker, "attempt_expired"):
        acme.broker.flow.answer(handle, BROWSER, email="alice@acme.com")
    with refused(acme.broker, "attempt_expired"):
        acme.broker.flow.resume(handle, BROWSER)


def test_an_attempt_that_has_expired(acme: SignIns) -> None:
    waiting, sent = acme.begin().handle, acme.sent()
    acme.broker.clock.advance(minutes=15)
    with refused(acme.broker, "attempt_expired"):
        acme.broker.flow.answer(waiting, BROWSER, email="alice@acme.com")
    with refused(acme.broker, "reply_without_attempt", tenant=acme.scope.tenant):
        acme.reply(sent)
    with refused(acme.broker, "attempt_expired"):
        acme.broker.flow.resume(sent, BROWSER)


def test_up_to_the_last_second_it_has_not(acme: SignIns) -> None:
    sent = acme.sent()
    acme.broker.clock.advance(minutes=14, seconds=59)
    assert cookie_of(acme.reply(sent))


# Replies


@pytest.mark.parametrize("handle", ["", "x", "s" * 43])
def test_a_reply_to_no_attempt(acme: SignIns, handle: str) -> None:
    with refused(acme.broker, "reply_without_attempt", tenant=acme.scope.tenant, status=400) as caught:
        acme.reply(handle)
    assert (caught.context["connection_id"], caught.value.back) == (acme.connection, None)


def test_a_reply_at_another_connection(acme: SignIns) -> None:
    second = acme.broker.connection(acme.scope)
    bob = SignIns(acme.broker, acme.broker.tenant("bob"))
    handle = acme.sent(connection=acme.connection)
    with refused(acme.broker, "reply_elsewhere", tenant=acme.scope.tenant):
        acme.reply(handle, at=second)
    with refused(acme.broker, "reply_elsewhere", tenant=bob.scope.tenant):
        acme.reply(handle, at=bob.connection)
    assert cookie_of(acme.reply(handle)), "the genuine answer still counts"


def test_a_reply_before_anything_was_sent(acme: SignIns) -> None:
    handle = acme.begin().handle
    with refused(acme.broker, "reply_elsewhere", tenant=acme.scope.tenant):
        acme.reply(handle)


def test_a_reply_at_a_connection_that_is_not_there(acme: SignIns) -> None:
    handle, disabled = acme.sent(), acme.broker.connection(acme.scope, status="disabled")
    for where in (new_id("con"), disabled, "x", ""):
        with pytest.raises(NotFound):
            acme.broker.flow.reply("scripted", where, answer(handle), BROWSER)
        with pytest.raises(NotFound):
            acme.broker.flow.config("scripted", where, BROWSER)


def test_a_reply_from_another_browser(acme: SignIns) -> None:
    handle = acme.sent()
    with refused(acme.broker, "browser_mismatch", tenant=acme.scope.tenant, status=403) as caught:
        acme.reply(handle, visitor=OTHER_BROWSER)
    assert "another browser" in caught.context["detail"]
    assert cookie_of(acme.reply(handle))


def test_a_post_without_the_cookie_is_sent_again_once(acme: SignIns) -> None:
    handle = acme.sent()
    again = acme.reply(handle, visitor=NO_COOKIE)
    assert isinstance(again, PostAgain)
    assert again.address.endswith(f"/scripted/{acme.connection}/reply")
    assert again.fields == {"state": handle, "person": "alice", POSTED_AGAIN: "1"}
    with refused(acme.broker, "browser_mismatch", tenant=acme.scope.tenant, status=403) as caught:
        acme.reply(handle, visitor=NO_COOKIE, **{POSTED_AGAIN: "1"})
    assert "no cookie" in caught.context["detail"]
    assert cookie_of(acme.reply(handle, **{POSTED_AGAIN: "1"}))


def test_a_get_without_the_cookie_is_refused_at_once(acme: SignIns) -> None:
    handle = acme.sent()
    with refused(acme.broker, "browser_mismatch", tenant=acme.scope.tenant):
        acme.broker.flow.reply("scripted", acme.connection, answer(handle, method="GET"), NO_COOKIE)


def test_a_forged_reply(acme: SignIns) -> None:
    handle = acme.sent()
    with refused(acme.broker, "signature_bad", tenant=acme.scope.tenant, status=403) as caught:
        acme.reply(handle, forged="1")
    assert [finding["check"] for finding in caught.context["findings"]] == ["signature"]
    assert caught.value.back == f"/oauth2/resume?attempt={handle}"
    assert cookie_of(acme.reply(handle)), "a forgery does not cost the person the genuine answer"


def test_a_reply_that_cannot_even_be_read_is_in_its_tenants_trail(acme: SignIns) -> None:
    handle = acme.sent()
    with refused(acme.broker, "reply_unreadable", tenant=acme.scope.tenant) as caught:
        acme.reply(handle, unreadable="1")
    assert caught.context["connection_id"] == acme.connection
    assert cookie_of(acme.reply(handle))


def test_a_reply_that_was_admitted_before(acme: SignIns) -> None:
    acme.broker.idp.person("replayed", ALICE, replay_key="assertion-1")
    assert cookie_of(acme.reply(acme.sent(), "replayed"))
    second = acme.sent()
    with refused(acme.broker, "reply_replayed", tenant=acme.scope.tenant, status=403):
        acme.reply(second, "replayed")


def test_the_same_reply_twice(acme: SignIns) -> None:
    handle = acme.sent()
    assert cookie_of(acme.reply(handle))
    with refused(acme.broker, "reply_elsewhere", tenant=acme.scope.tenant, status=400) as caught:
        acme.reply(handle)
    assert "done" in caught.context["detail"]


def test_two_answers_to_one_attempt_at_once_start_one_session(acme: SignIns) -> None:
    for number in range(4):
        acme.broker.idp.person(f"window-{number}", ALICE, subject="alice", replay_key=f"assertion-{number}")
    handle = acme.sent()
    results = at_once(4, lambda number: acme.reply(handle, f"window-{number}"))
    assert len([r for r in results if isinstance(r, SignedIn)]) == 1
    assert {r.code for r in results if isinstance(r, Exception)} <= {"attempt_finished", "reply_elsewhere"}
    with acme.broker.database.tenant(acme.scope, read_only=True) as unit:
        (user,) = unit[Users].page()
        assert len(unit[Sessions].live_of_user(user.id)) == 1
        assert len(unit[Sessions].page()) == 1


REFUSED_PEOPLE = {
    "email_domain_not_verified": replace(ALICE, email="alice@bob.com"),
    "email_malformed": replace(ALICE, email="nonsense"),
    "email_not_verified": replace(ALICE, email_verified=False),
}


@pytest.mark.parametrize("code", REFUSED_PEOPLE)
def test_people_who_may_not_come_in(acme: SignIns, code: str) -> None:
    acme.broker.idp.person("refused", REFUSED_PEOPLE[code])
    handle = acme.sent()
    with refused(acme.broker, code, tenant=acme.scope.tenant, status=403):
        acme.reply(handle, "refused")
    assert cookie_of(acme.reply(handle)), "the attempt is still open to the right person"


def test_people_whom_nobody_made(acme: SignIns) -> None:
    strict = acme.broker.connection(acme.scope, options={"jit": "off"})
    handle = acme.sent(connection=strict)
    with refused(acme.broker, "user_unknown", tenant=acme.scope.tenant, status=403):
        acme.reply(handle, at=strict)


# Freshness


@pytest.mark.parametrize(
    ("wish", "age", "code"),
    [
        ({}, None, None),
        ({}, 86_400, None),
        ({"force_authn": True}, 0, None),
        ({"force_authn": True}, 60, None),
        ({"force_authn": True}, 61, "not_reauthenticated"),
        ({"force_authn": True}, 86_400, "not_reauthenticated"),
        ({"max_age": 300}, 300, None),
        ({"max_age": 300}, 360, None),
        ({"max_age": 300}, 361, "authentication_too_old"),
        ({"max_age": 0}, 0, None),
        ({"max_age": 0}, 61, "authentication_too_old"),
        ({"max_age": 300, "force_authn": True}, 200, "not_reauthenticated"),
    ],
)
def test_freshness(acme: SignIns, wish: dict[str, object], age: int | None, code: str | None) -> None:
    """Sixty seconds of skew are the connection's."""
    now = acme.broker.clock.now()
    proven = None if age is None else now - timedelta(seconds=age)
    acme.broker.idp.person("proven", ALICE, authenticated_at=proven)
    handle = acme.sent(**wish)
    reference = acme.broker.idp.sent[-1]
    assert (reference.force_authn, reference.max_age) == (wish.get("force_authn", False), wish.get("max_age"))
    if code is None:
        assert cookie_of(acme.reply(handle, "proven"))
        return
    with refused(acme.broker, code, tenant=acme.scope.tenant, status=403):
        acme.reply(handle, "proven")


def test_force_authn_counts_from_when_the_person_was_sent(acme: SignIns) -> None:
    handle = acme.sent(force_authn=True)
    acme.broker.clock.advance(minutes=10)
    proven = acme.broker.clock.now() - timedelta(minutes=9)
    acme.broker.idp.person("slow", ALICE, authenticated_at=proven)
    assert cookie_of(acme.reply(handle, "slow"))


# The record


def test_the_reference_is_what_the_trail_is_searched_by(acme: SignIns) -> None:
    with pytest.raises(SignInRefused) as caught:
        acme.reply(new_secret())
    reference = acme.broker.recorder.record(caught.value, BROWSER)
    acme.broker.trail.seal_all()
    found = acme.broker.trail.search(acme.scope, TrailQuery(text=reference))
    assert [event["action"] for event in found] == ["sign_in.refused"]


@pytest.mark.parametrize("text", ["\x00", "\ud800", "x" * 100_000])
def test_whatever_the_browser_says_of_itself_is_recorded(acme: SignIns, text: str) -> None:
    with pytest.raises(SignInRefused) as caught:
        acme.reply(new_secret())
    caught.value.detail = text
    assert acme.broker.recorder.record(caught.value, replace(BROWSER, user_agent=text, ip=text))
    assert acme.broker.events(acme.scope.tenant, "sign_in.refused")


def test_nothing_of_the_person_is_said_in_public(acme: SignIns) -> None:
    acme.broker.idp.person("secretive", Profile(email="secret.person@elsewhere.com"))
    with pytest.raises(SignInRefused) as caught:
        acme.reply(acme.sent(), "secretive")
    assert "elsewhere" not in caught.value.public
    assert acme.scope.tenant not in caught.value.public
