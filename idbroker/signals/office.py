"""Streams that are pushed (RFC 8935) as what a worker's turns are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from idbroker.apps.model import Apps
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM
from idbroker.outbound.fetcher import Sender
from idbroker.signals.model import (
    ACTIVE,
    DISABLED,
    ENABLED,
    PAUSED,
    SignalQueue,
    SignalSet,
    SignalSets,
    SignalStream,
    SignalStreams,
)
from idbroker.signals.streams import SignalStreamService
from idbroker.signals.vocabulary import PUSH
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.webhooks.attempt import Message, Outcome, post

TYPE = "application/secevent+jwt"
UNWANTED = frozenset({"invalid_request", "invalid_state"})
"""Errors of RFC 8935 2.4 and SSF 8.1.4.1 after which no second try fares better. Keys, issuers and credentials get mended."""
_PARKED = "Too many deliveries failed."
_GONE = "The endpoint said that it is gone."


class SetSigner(Protocol):
    """How a SET is signed: given by the composition, because that is OpenID Connect's business."""

    def sign(self, stream: SignalStream, row: SignalSet) -> str | None:
        """The compact form; None when the stream's issuer is no more."""
        ...


@dataclass(frozen=True, slots=True)
class Baggage:
    stream: SignalStream
    url: str
    header: str | None
    serves: Mapping[str, bool]


class StreamOffice:
    """``webhooks.turn.Office``."""

    def __init__(self, database: Database, streams: SignalStreamService, signer: SetSigner, sender: Sender) -> None:
        self._database = database
        self._streams = streams
        self._signer = signer
        self._sender = sender

    def queue(self, unit: TenantUnit, name: str) -> SignalQueue | None:
        return unit[SignalStreams].queue(name)

    def receiver(self, unit: TenantUnit, name: str) -> SignalStream | None:
        return unit[SignalStreams].get(name)

    def baggage(self, unit: TenantUnit, receiver: SignalStream) -> Baggage:
        return Baggage(receiver, receiver.endpoint_url or "", self._streams.header(unit, receiver), {})

    def ready(self, unit: TenantUnit, receiver: SignalStream, limit: int) -> Sequence[SignalSet]:
        return unit[SignalSets].ready(receiver, limit) if receiver.method == PUSH else []

    def next_due(self, unit: TenantUnit, receiver: SignalStream) -> datetime | None:
        return unit[SignalSets].next_due(receiver) if receiver.method == PUSH else None

    def deliveries(self, unit: TenantUnit, ids: Sequence[str]) -> Sequence[SignalSet]:
        return unit[SignalSets].some(ids)

    def messages(self, baggage: Baggage, due: Sequence[SignalSet]) -> Mapping[str, Message]:
        """Nothing of a tenant that the app has been closed to since it was queued."""
        with self._database.platform(SYSTEM, read_only=True) as platform:
            app = platform[Apps].get(baggage.stream.app_id)
        if app is None:
            return {}
        allowed = [one for one in due if one.event_tenant == PLATFORM_TRAIL or app.serves(TenantId(one.event_tenant))]
        signed = {one.id: self._signer.sign(baggage.stream, one) for one in allowed}
        return {name: Message(name, token.encode()) for name, token in signed.items() if token is not None}

    def send(self, baggage: Baggage, message: Message) -> Outcome:
        """RFC 8935 2.1: the token is the body."""
        headers = {"content-type": TYPE, "accept": "application/json"}
        if baggage.header is not None:
            headers["authorization"] = baggage.header
        outcome = post(self._sender, baggage.url, message.body, headers, self._database.clock.now())
        if outcome.status == 400 and _error(outcome.answer) in UNWANTED:
            return replace(outcome, unwanted=True)
        return outcome

    def stop(self, unit: TenantUnit, receiver: SignalStream, status: str, reason: str) -> None:
        if status == "parked" and receiver.status == ENABLED:
            self._streams.set_status(unit, receiver, PAUSED, _PARKED, told=True)
        elif status == "disabled" and receiver.status != DISABLED:
            self._streams.set_status(unit, receiver, DISABLED, _GONE, told=False)

    def left(self, receiver: SignalStream) -> str:
        """What the stream is is asked of the stream: what it says of itself goes out in any case."""
        return ACTIVE


def _error(answer: str) -> str | None:
    """RFC 8935 2.3."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    error = found.get("err") if isinstance(found, dict) else None
    return error if isinstance(error, str) else None
