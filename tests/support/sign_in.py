"""Sign-ins as a browser lives through them, one call a step."""

from __future__ import annotations

from typing import Any, Self

import pytest

from idbroker.federation.contract import RedirectTo
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.steps import LoginRequest, SendToIdp, SignedIn, SignInRefused, Step, Visitor
from idbroker.sessions.handles import Handle, parse_handle
from tests.support.broker import Broker, row_counts
from tests.support.scripted_idp import ALICE, answer

BROWSER, OTHER_BROWSER, NO_COOKIE = Visitor("b" * 43, "192.0.2.1", "Firefox"), Visitor("o" * 43), Visitor(None)
APP = {"resume_path": "/oauth2/resume", "app_id": "app_1", "app_name": "Demo", "origin": {"state": "xyz"}}


class SignIns:
    """The tenant in which most of a story happens, and its one connection."""

    def __init__(self, broker: Broker, scope: TenantScope) -> None:
        self.broker = broker
        self.scope = scope
        self.connection = broker.connection(scope)
        broker.idp.person("alice", ALICE)

    def begin(self, visitor: Visitor = BROWSER, **fields: Any) -> Step:
        return self.broker.flow.begin(LoginRequest(**{**APP, **fields}), visitor)

    def sent(self, visitor: Visitor = BROWSER, **fields: Any) -> str:
        """The handle of an attempt that is at the IdP."""
        return handle_of(self.begin(visitor, **{"email": "alice@acme.com", **fields}))

    def reply(
        self, handle: str, person: str = "alice", *, visitor: Visitor = BROWSER, at: str | None = None, **more: str
    ) -> Step:
        where = at or self.connection
        return self.broker.flow.reply("scripted", where, answer(handle, person, connection=where, **more), visitor)

    def signed_in(self, visitor: Visitor = BROWSER, **fields: Any) -> Handle:
        """The cookie of a session, all the way."""
        return cookie_of(self.reply(self.sent(visitor, **fields), visitor=visitor))


def handle_of(step: Step) -> str:
    assert isinstance(step, SendToIdp), step
    assert isinstance(step.handoff, RedirectTo)
    return step.handoff.url.partition("state=")[2]


def cookie_of(step: Step) -> Handle:
    assert isinstance(step, SignedIn), step
    handle = parse_handle(step.cookie)
    assert handle is not None
    return handle


class refused:  # reads like pytest.raises
    """The block is refused with that code; after it the trail of ``tenant`` says so under the reference, and nothing else
    has changed: no table has a row more or less, but for the one event and those named in ``besides``."""

    def __init__(
        self, broker: Broker, code: str, *, tenant: TenantId = PLATFORM_TRAIL, status: int | None = None,
        besides: dict[str, int] | None = None,
    ) -> None:  # fmt: skip
        self._broker = broker
        self._code = code
        self._tenant = tenant
        self._status = status
        self._besides = besides or {}
        self._raises = pytest.raises(SignInRefused)
        self.value: SignInRefused
        self.context: dict[str, Any]

    def __enter__(self) -> Self:
        self._before = row_counts(self._broker.stores)
        self._caught = self._raises.__enter__()
        return self

    def __exit__(self, *error: object) -> bool:
        swallowed = bool(self._raises.__exit__(*error))
        if not swallowed:
            return False
        self.value = self._caught.value
        assert self.value.code == self._code, self.value
        assert self._status in (None, self.value.status)
        reference = self._broker.recorder.record(self.value, BROWSER)
        expected = {**self._before, "events": self._before["events"] + 1}
        for table, more in self._besides.items():
            expected[table] += more
        assert row_counts(self._broker.stores) == expected
        told = self._broker.events(self._tenant, "sign_in.refused")[0]
        self.context = told["context"]
        assert told["resource"] == {"type": "sign_in", "id": reference, "name": None}
        assert (self.context["reference"], self.context["code"]) == (reference, self._code)
        assert told["actor"]["type"] == "visitor"
        for secret in (BROWSER.secret, OTHER_BROWSER.secret):
            assert str(secret) not in repr(told)
        return True
