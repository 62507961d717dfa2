"""Around every request at a SCIM address: media types, refusals in SCIM's form, what is told of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event
from idbroker.kernel.ids import TenantId
from idbroker.limits.names import LimitName
from idbroker.web.call import Answer, Call
from idbroker.web.route import Method, OpenRoute
from scim.dialects.observation import Observation, observe_request
from scim.door import Caller, DryRun, Proven
from scim.effects import effect
from scim.errors import ScimError, error_document
from scim.strict_json import Json, read_object
from scim.traffic import Traffic

MEDIA_TYPE = "application/scim+json"
_TAKEN = (MEDIA_TYPE, "application/json")
PATH = "/scim/v2"


def scim_error(refusal: Refusal, call: Call) -> Answer:
    """An ErrorFace: RFC 7644 3.12, with what RFC 6750 and 9110 want beside it."""
    del call
    document = error_document(refusal)
    headers: list[tuple[str, str]] = []
    if refusal.status == 401:
        headers.append(("www-authenticate", 'Bearer realm="scim"'))
    retry_after = getattr(refusal, "retry_after", None)
    if retry_after is not None:
        headers.append(("retry-after", str(int(retry_after))))
    return Answer(int(document["status"]), orjson.dumps(document), MEDIA_TYPE, tuple(headers))


@dataclass
class Exchange:
    """One request while it is answered: what becomes known on the way is told of it afterwards."""

    call: Call
    base: str
    proven: Proven | None = None
    caller: Caller | None = None
    effects: list[Event] = field(default_factory=list)
    observed: set[Observation] = field(default_factory=set)
    operations: int = 1
    """How many it stands for: a Bulk for its own."""
    tried: Json = field(default_factory=dict)
    """What a trial tells beside its status and effects."""

    def body(self) -> Json:
        """Raises ScimError: 415 for another media type, 413, 400."""
        if self.call.content_type not in (*_TAKEN, ""):
            raise ScimError(None, f"The body must be {MEDIA_TYPE}.", status=415)
        return read_object(self.call.body)

    @property
    def dry(self) -> bool:
        return self.call.headers.get("idbroker-dry-run", "").strip().lower() in ("1", "true", "yes")


Handler = Callable[[Exchange], Answer]


class Face:
    def __init__(self, traffic: Traffic, served: Callable[[TenantId, int], None] | None = None) -> None:
        """``served`` is told of the operations of every request that was let in, for whoever counts."""
        self._traffic = traffic
        self._served = served

    def row(self, method: Method, path: str, handler: Handler, limit: LimitName) -> OpenRoute:
        return OpenRoute(
            method=method, path=f"{PATH}{path}", handler=self._wrapped(handler), limit=limit, errors=scim_error, inline=False
        )

    def _wrapped(self, handler: Handler) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            exchange = Exchange(call, f"{call.base_url}{PATH}")
            began = self._traffic.clock()
            try:
                exchange.observed |= observe_request(call.method, call.headers, call.query)
                made = handler(exchange)
            except DryRun as dry:
                made = dry_answer(exchange, dry.answer)
            except Refusal as refusal:
                made = scim_error(refusal, call)
            if exchange.proven is not None:
                self._traffic.note(exchange.proven, exchange, made, began)
            if exchange.caller is not None and self._served is not None:
                self._served(exchange.caller.scope.tenant, exchange.operations)
            return made

        return answer


DRY_RUN_SCHEMA = "urn:idbroker:params:scim:api:messages:DryRun"


def dry_answer(exchange: Exchange, would_be: Answer) -> Answer:
    """What would have been answered and changed. A client that did not ask for it is told to come again: nothing was done."""
    document: Json = {
        "schemas": [DRY_RUN_SCHEMA],
        "status": str(would_be.status),
        **exchange.tried,
        "effects": [effect(event) for event in exchange.effects],
    }
    if exchange.dry:
        return Answer(200, orjson.dumps(document), MEDIA_TYPE)
    told = "; ".join(sorted({event.action for event in exchange.effects})) or "nothing"
    refusal = ScimError(None, f"This directory is in dry run: nothing was changed. It would have been: {told}.", status=503)
    return scim_error(refusal, exchange.call).with_headers(("retry-after", "3600"))
