"""The addresses of connections: ``/{protocol}/{connection}/{endpoint}``, one row per endpoint that a protocol names."""

from __future__ import annotations

from functools import partial

from idbroker.federation.contract import Endpoint, Protocols, UnverifiedReply
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import is_id
from idbroker.limits.names import UNLIMITED
from idbroker.login.flow import LoginFlow
from idbroker.web.call import Answer, Call
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

UNKNOWN = "This sign-in address does not exist any more. Please go back to the application and start again."


class Upstream:
    def __init__(self, flow: LoginFlow, protocols: Protocols, face: SignInFace) -> None:
        self._flow = flow
        self._protocols = protocols
        self._face = face

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        return [
            OpenRoute(
                method=endpoint.method,
                path=f"/{protocol.name}/{{connection}}/{endpoint.name}",
                handler=partial(self._reply if endpoint.kind == "reply" else self._document, protocol.name, endpoint),
                limit="sign_in" if endpoint.kind == "reply" else UNLIMITED,
                errors=errors,
                inline=False,
            )
            for protocol in self._protocols.values()
            for endpoint in protocol.endpoints
        ]

    def _reply(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        """The IdP's answer. It comes from another site, so nothing is asked of it here that the flow does not check."""
        connection = call.path_params["connection"]
        posted = endpoint.method == "POST"
        reply = UnverifiedReply(
            method=endpoint.method,
            address=f"{call.base_url}/{protocol}/{connection}/{endpoint.name}",
            params=dict(call.form if posted else call.query),
            raw_query="" if posted else call.raw_query,
        )
        try:
            step = self._flow.reply(protocol, _checked(connection), reply, self._face.visitor(call))
        except NotFound as error:
            # Someone did try to sign in, so this gets a reference, unlike any other address where there is nothing.
            raise Refusal(
                "unknown_connection", UNKNOWN, detail=f"a reply at {protocol}/{connection[:40]}", status=404
            ) from error
        return self._face.answer(step, call)

    def _document(self, protocol: str, endpoint: Endpoint, call: Call) -> Answer:
        config = self._flow.config(protocol, _checked(call.path_params["connection"]), self._face.visitor(call))
        published = self._protocols[protocol].publish(config, endpoint.name)
        caching = ("cache-control", f"public, max-age={published.max_age}")
        return Answer(200, published.body, published.media_type, (caching,))


def _checked(connection: str) -> str:
    """Raises NotFound for what has not the form of a connection's id, before a database is asked."""
    if not is_id(connection, "con"):
        raise NotFound("connection")
    return connection
