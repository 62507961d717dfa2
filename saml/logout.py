"""Single logout, the pure part: from a message that arrived at our logout address to a typed value, or a refusal.

Who is signed out and what hangs on it is the login flow's; how messages are made stands in ``saml.logout_messages``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saml import names
from saml.checks.examination import finding, verdict
from saml.checks.logout import LOGOUT_CHECKS, LogoutExamination
from saml.logout_messages import STATUS_PARTIAL
from saml.names import tag
from saml.response import refusal
from saml.xml_guard import children, text_of


@dataclass(frozen=True, slots=True)
class LogoutAsked:
    """The IdP asks to end sessions: those of ``session_indexes``, or all of that person where there is none (core 3.7.3.1).

    ``request_id`` and ``relay_state`` go back in the answer.
    """

    name_id: str
    name_id_format: str | None
    session_indexes: tuple[str, ...]
    request_id: str
    relay_state: str


@dataclass(frozen=True, slots=True)
class LogoutAnswered:
    """The IdP has answered our request. ``complete`` is false when it says that not everything was ended."""

    status: str
    """The innermost status, without its URN: ``Success``, ``PartialLogout``, ``Responder`` …"""
    in_response_to: str
    relay_state: str

    @property
    def complete(self) -> bool:
        return self.status == "Success"


def read_logout(exam: LogoutExamination) -> LogoutAsked | LogoutAnswered:
    """The verified message. Raises ReplyRefused at the first check that it does not pass, and nothing else."""
    answers, failure = verdict(LOGOUT_CHECKS, exam)
    if failure is not None:
        raise refusal(failure.code, [finding(check, seen) for check, seen in answers])
    return _value(exam)


def _value(exam: LogoutExamination) -> LogoutAsked | LogoutAnswered:
    root: Any = exam.verified
    relay_state = exam.message.params.get("RelayState", "")
    if exam.field == "SAMLRequest":
        found: Any = exam.name_id
        return LogoutAsked(
            name_id=text_of(found),
            name_id_format=found.get("Format"),
            session_indexes=tuple(text_of(node) for node in children(root, names.SAMLP, "SessionIndex")),
            request_id=str(root.get("ID")),
            relay_state=relay_state,
        )
    codes = [str(node.get("Value") or "") for node in root.iter(tag(names.SAMLP, "StatusCode"))]
    innermost = STATUS_PARTIAL if STATUS_PARTIAL in codes else (codes[0] if codes else "")
    return LogoutAnswered(innermost.rpartition(":")[2], str(root.get("InResponseTo")), relay_state)
