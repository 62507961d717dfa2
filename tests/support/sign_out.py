"""Sign-outs as a browser lives through them, on a scripted identity provider that offers logout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from idbroker.federation.contract import UnverifiedReply
from idbroker.login.logout import Ended
from idbroker.login.steps import Destination, LogoutStep, Visitor
from idbroker.sessions.model import Sessions
from tests.support.broker import Broker
from tests.support.scripted_idp import ALICE
from tests.support.sign_in import BROWSER, SignIns, cookie_of

APP = Destination("https://app.example/bye?state=s", "Notes")
UPSTREAM = {"name_id": "alice-0001", "name_id_format": "persistent", "session_index": "s1"}


def acme_with_logout(broker: Broker) -> SignIns:
    """A tenant whose identity provider calls Alice ``alice-0001``."""
    broker.idp.offers_logout = "redirect"
    signs = SignIns(broker, broker.tenant("acme", "acme.com"))
    broker.idp.person("alice", upstream=UPSTREAM)
    return signs


def message(connection: str, *, method: str = "GET", **params: str) -> UnverifiedReply:
    return UnverifiedReply("POST" if method == "POST" else "GET", f"https://broker.example.com/{connection}/slo", params)


def deliver(at: SignIns, visitor: Visitor = BROWSER, *, method: str = "GET", **params: str) -> LogoutStep:
    return at.broker.logout.message("scripted", at.connection, message(at.connection, method=method, **params), visitor)


def session_id(handle: Any) -> str:
    return str(handle.secret.partition(".")[0])


def sign_out(at: SignIns, *handles: Any, visitor: Visitor = BROWSER, destination: Destination = APP) -> LogoutStep:
    """As a face does it: the sessions end, then the browser leaves."""
    ended = []
    for handle in handles:
        with at.broker.database.tenant(at.scope) as unit:
            row = unit[Sessions].get(session_id(handle))
            at.broker.sessions.end(unit, row, "signed_out")
        ended.append(Ended(handle.tenant, session_id(handle)))
    return at.broker.logout.leave(ended, destination, visitor)


def at_globex(globex: SignIns) -> Any:
    """Somebody whom another tenant's identity provider calls by the same name."""
    globex.broker.idp.person("bob", replace(ALICE, email="alice@globex.com"), upstream=UPSTREAM)
    return cookie_of(globex.reply(globex.sent(email="alice@globex.com"), "bob"))


def live(at: SignIns, handle: Any) -> bool:
    with at.broker.database.tenant(at.scope, read_only=True) as unit:
        return at.broker.sessions.find(unit, handle) is not None


def handle_of(at: SignIns) -> str:
    return at.broker.idp.asked_out[-1][1]


def failures(at: SignIns) -> list[str]:
    return [event["context"]["code"] for event in at.broker.events(at.scope.tenant, "sign_out.failed")]
