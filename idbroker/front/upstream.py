"""The addresses of connections: ``/{protocol}/{connection}/{endpoint}``, one row per endpoint that a protocol names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from idbroker.federation.contract import Endpoint, Protocols, UnverifiedReply
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import is_id
from idbroker.limits.names import UNLIMITED
from idbroker.login.flow import LoginFlow
from idbroker.login.logout import LogoutFlow
from idbroker.web.call import Answer, Call
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

UNKNOWN = "This sign-in address does not exist any more. Please go back to the application and start again."


class Upstream:
    def __init__(self, flow: LoginFlow, logout: LogoutFlow, protocols: Protocols, face: SignInFace) -> None:
        self._flow = flow
        self._logout = logout
        self._protocols = protocols
        self._face = face

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        handlers = {"reply": self._reply, "logout": self._log_out, "document": self._document}
        return [
            OpenRoute(
                method=endpoint.method,
                path=f"/{protocol.name}/{{connection}}/{endpoint.name}",
                handler=partial(handlers[endpoint.kind], protocol.name, endpoint),
                limit=UNLIMITED if endpoint.kind == "document" else "sign_in",
                errors=errors,
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
