"""The addresses of connections: ``/{protocol}/{connection}/{endpoint}``, one row per endpoint that a protocol names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlencode

from idbroker.federation.contract import Endpoint, Protocols, UnverifiedReply
from idbroker.front.door import DONE
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import is_id
from idbroker.limits.names import UNLIMITED
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.web.call import Answer, Call, json_answer, redirect
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

NEVER_STORED = (("cache-control", "no-store"), ("pragma", "no-cache"))
_NOT_IN_DESCRIPTION = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749 5.2
BEGINNING = ("iss", "login_hint", "target_link_uri")
"""What a third party may say (OIDC Core 4)."""

UNKNOWN = "This sign-in address does not exist any more. Please go back to the application and start again."


class Upstream:
    def __init__(self, flow: LoginFlow, logout: LogoutFlow, protocols: Protocols, face: SignInFace) -> None:
        self._flow = flow
        self._logout = logout
        self._protocols = protocols
        self._face = face

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        handlers = {
            "reply": self._reply,
            "logout": self._log_out,
            "backchannel": self._backchannel,
            "begin": self._begin,
            "document": self._document,
        }
        return [
            OpenRoute(
                method=endpoint.method,
                path=f"/{protocol.name}/{{connection}}/{endpoint.name}",
                handler=partial(handlers[endpoint.kind], protocol.name, endpoint),
                limit=UNLIMITED if endpoint.kind == "document" else "sign_in",
                errors=self._backchannel_errors if endpoint.kind == "backchannel" else errors,
                inline=False,
            )
            for protocol in self._protocols.values()
            for endpoint in protocol.endpoints
        ]

    def _reply(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        """The IdP's answer. It comes from another site, so nothing is asked of it here that the flow does not check."""
        with _known(protocol, call):
            connection = _checked(call.path_params["connection"])
            step = self._flow.reply(protocol, connection, _message(protocol, endpoint, call), self._face.visitor(call))
        return self._face.answer(step, call)

    def _log_out(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        """The IdP's wish that sessions end, or its answer to ours."""
        with _known(protocol, call):
            connection = _checked(call.path_params["connection"])
            step = self._logout.message(protocol, connection, _message(protocol, endpoint, call), self._face.visitor(call))
        return self._face.signed_out(step, call)

    def _begin(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        """A third party sends the browser here to sign in. Its POST goes on as a GET: only then does our cookie come along."""
        with _known(protocol, call):
            connection = _checked(call.path_params["connection"])
            message = _message(protocol, endpoint, call)
            if endpoint.method == "POST":
                given = {name: message.params[name] for name in BEGINNING if name in message.params}
                return redirect(f"{message.address}?{urlencode(given)}")
            visitor, headers = self._face.beginner(call)
            step = self._flow.begin_elsewhere(protocol, connection, message, visitor, DONE)
        return self._face.answer(step, call, *headers)

    def _backchannel(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        """The IdP itself says that sessions are over (OIDC Back-Channel Logout 2.5 to 2.8)."""
        with _known(protocol, call):
            connection = _checked(call.path_params["connection"])
            self._logout.backchannel(protocol, connection, _message(protocol, endpoint, call), self._face.visitor(call))
        return Answer(200, b"", None, NEVER_STORED)

    def _backchannel_errors(self, refusal: Refusal, call: Call) -> Answer:
        """OIDC Back-Channel Logout 2.8: 400 for whatever is wrong with the message, with the error as RFC 6749 5.2 words it."""
        status = 400 if refusal.status in (403, 415) else refusal.status
        told = f"{refusal.public} Reference: {self._face.recorded(refusal, call)}"
        name = "invalid_request" if status < 500 and status != 429 else "temporarily_unavailable"
        described = _NOT_IN_DESCRIPTION.sub("'", told)
        return json_answer({"error": name, "error_description": described}, status, *NEVER_STORED)

    def _document(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        config = self._flow.config(protocol, _checked(call.path_params["connection"]), self._face.visitor(call))
        published = self._protocols[protocol].publish(config, endpoint.name)
        caching = ("cache-control", f"public, max-age={published.max_age}")
        return Answer(200, published.body, published.media_type, (caching,))


def _message(protocol: str, endpoint: Endpoint, call: Call) -> UnverifiedReply:
    posted = endpoint.method == "POST"
    return UnverifiedReply(
        method=endpoint.method,
        address=f"{call.base_url}/{protocol}/{call.path_params['connection']}/{endpoint.name}",
        params=dict(call.form if posted else call.query),
        raw_query="" if posted else call.raw_query,
    )


@contextmanager
def _known(protocol: str, call: Call) -> Iterator[None]:
    """Someone did try, so an unknown connection gets a reference, unlike any other address where there is nothing."""
    try:
        yield
    except NotFound as error:
        detail = f"a message at {protocol}/{call.path_params['connection'][:40]}"
        raise Refusal("unknown_connection", UNKNOWN, detail=detail, status=404) from error


def _checked(connection: str) -> str:
    """Raises NotFound for what has not the form of a connection's id, before a database is asked."""
    if not is_id(connection, "con"):
        raise NotFound("connection")
    return connection
