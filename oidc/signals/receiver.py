"""Where identity providers push their SETs (RFC 8935): ``/signals/{connection}``, an address for each connection."""

from __future__ import annotations

from idbroker.connections.model import Whereabouts
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import TenantId, is_id
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import OpenRoute
from oidc.signals.checks import ERRORS
from oidc.signals.reception import Reception, Source

PATH = "/signals/{connection}"
TYPE = "application/secevent+jwt"
NO_STORE = (("cache-control", "no-store"),)
_REFUSED = "The Security Event Token could not be accepted. It changed nothing."


class Receiver:
    def __init__(self, database: Database, reception: Reception) -> None:
        self._database = database
        self._reception = reception

    def rows(self) -> list[OpenRoute]:
        return [OpenRoute(method="POST", path=PATH, handler=self.push, limit="token", errors=receiver_errors, inline=False)]

    def push(self, call: Call) -> Answer:
        """RFC 8935 2.2: 202 when it is taken, also when it was taken before."""
        scope, source = self._place(call)
        if call.content_type != TYPE:
            raise Refusal("set_content_type", f"The body must be {TYPE}.", status=400)
        try:
            text = call.body.decode("ascii").strip()
        except UnicodeDecodeError:
            text = ""
        self._reception.take(scope, source, text)
        call.meter.proven(scope.tenant)
        return Answer(202, b"", None, NO_STORE)

    def _place(self, call: Call) -> tuple[TenantScope, Source]:
        """Raises NotFound alike for what does not exist, is switched off or receives nothing."""
        connection = call.path_params["connection"]
        owner: TenantId | None = None
        if is_id(connection, "con"):
            with self._database.platform(call.actor, read_only=True) as unit:
                owner = unit[Whereabouts].connection(connection)
        if owner is None:
            raise NotFound("receiver")
        scope = TenantScope(owner, call.actor, call.request_id)
        source = self._reception.source(scope, connection)
        if source is None:
            raise NotFound("receiver")
        return scope, source


def receiver_errors(refusal: Refusal, call: Call) -> Answer:
    """RFC 8935 2.3, 2.4: ``err`` and ``description``. When the keys cannot be read, the transmitter shall try again."""
    if isinstance(refusal, ReplyRefused) and refusal.status == 502:
        return json_answer({"err": "invalid_key", "description": "The keys cannot be read now."}, 503, *NO_STORE)
    if isinstance(refusal, ReplyRefused):
        return json_answer({"err": ERRORS.get(refusal.code, "invalid_request"), "description": _REFUSED}, 400, *NO_STORE)
    return json_answer({"err": "invalid_request", "description": refusal.public}, refusal.status, *NO_STORE)
