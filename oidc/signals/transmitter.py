"""The transmitter (OpenID Shared Signals Framework 1.0): its configuration, stream management, and poll delivery (RFC 8936)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from idbroker.apps.registered import read_app
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.limits.names import UNLIMITED
from idbroker.signals import polling
from idbroker.signals.model import SignalSet, SignalSets, SignalStream, SignalStreams
from idbroker.signals.streams import SignalStreamService, checked_status, document, status_document
from idbroker.signals.vocabulary import POLL, PUSH
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import Method, OpenRoute, Row
from oidc.provider.errors import OAuthError
from oidc.provider.issuer import TENANT_PREFIX, Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.published import published
from oidc.signals.access import MANAGE, READ, SignalAccess, signal_errors
from oidc.signals.sets import ALGORITHM, TYPE, set_claims

NO_STORE = ("cache-control", "no-store")
WAITING_AT_ONCE = 4
"""Long polls of a process that may hold a thread; the next one is answered as it stands."""
STEPS, STEP_SECONDS = 10, 0.5

Handler = Callable[[Call], Answer]


def configuration(issuer: Issuer) -> dict[str, Any]:
    """The transmitter's metadata (SSF 7.1). Pure."""
    return {
        "spec_version": "1_0",
        "issuer": issuer.url,
        "jwks_uri": f"{issuer.url}/oauth2/jwks",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": f"{issuer.url}/ssf/streams",
        "status_endpoint": f"{issuer.url}/ssf/status",
        "add_subject_endpoint": f"{issuer.url}/ssf/subjects/add",
        "remove_subject_endpoint": f"{issuer.url}/ssf/subjects/remove",
        "verification_endpoint": f"{issuer.url}/ssf/verification",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


class Transmitter:
    """``wait`` lets time pass between two looks of a long poll."""

    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        keys: IssuerKeys,
        access: SignalAccess,
        streams: SignalStreamService,
        wait: Callable[[float], object],
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._access = access
        self._streams = streams
        self._wait = wait
        self._waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)

    def rows(self) -> list[Row]:
        # SSF 7.2: the well-known part goes before the issuer's path; ours has it behind as well.
        path, handler = f"/.well-known/ssf-configuration{TENANT_PREFIX}", self.configuration
        before = OpenRoute(method="GET", path=path, handler=handler, limit=UNLIMITED, errors=signal_errors, inline=False)
        return [*self._of_issuer(""), *self._of_issuer(TENANT_PREFIX), before]

    def _of_issuer(self, prefix: str) -> list[Row]:
        table: tuple[tuple[Method, str, Handler], ...] = (
            ("POST", "/ssf/streams", self.create),
            ("GET", "/ssf/streams", self.read),
            ("PATCH", "/ssf/streams", self.update),
            ("PUT", "/ssf/streams", self.replace),
            ("DELETE", "/ssf/streams", self.delete),
            ("GET", "/ssf/status", self.status),
            ("POST", "/ssf/status", self.set_status),
            ("POST", "/ssf/subjects/add", self.add_subject),
            ("POST", "/ssf/subjects/remove", self.remove_subject),
            ("POST", "/ssf/verification", self.verify),
            ("POST", "/ssf/streams/{stream}/poll", self.poll),
        )
        place = f"{prefix}/.well-known/ssf-configuration"
        handler = self.configuration
        return [
            OpenRoute(method="GET", path=place, handler=handler, limit=UNLIMITED, errors=signal_errors, inline=prefix == ""),
            *(
                OpenRoute(method=method, path=prefix + path, handler=handler, limit="token", errors=signal_errors, inline=False)
                for method, path, handler in table
            ),
        ]

    def configuration(self, call: Call) -> Answer:
        return published(configuration(self._issuers.of(call))).answer(call)

    def create(self, call: Call) -> Answer:
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, MANAGE, read_only=False) as guest:
            row = self._streams.create(guest.unit, guest.party, call.json, guest.head)
            return _shown(document(row, issuer.url), 201)

    def read(self, call: Call) -> Answer:
        """SSF 8.1.1.2: one stream by ``stream_id``, else the list of all that are the receiver's."""
        issuer = self._access.issuer(call)
        stream = call.query.get("stream_id")
        with self._access.entered(call, issuer, READ, MANAGE, read_only=True, stream=stream) as guest:
            if stream is not None:
                return _shown(document(self._streams.known(guest.unit, guest.party, stream), issuer.url))
            rows = [*guest.wider, *guest.unit[SignalStreams].of_app(guest.party.app_id)]
            return _shown([document(row, issuer.url) for row in rows if row.pinned is guest.party.pinned])

    def update(self, call: Call) -> Answer:
        return self._changed(call, whole=False)

    def replace(self, call: Call) -> Answer:
        return self._changed(call, whole=True)

    def _changed(self, call: Call, *, whole: bool) -> Answer:
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, MANAGE, read_only=False, stream=call.json.get("stream_id")) as guest:
            return _shown(document(self._streams.change(guest.unit, guest.party, call.json, whole=whole), issuer.url))

    def delete(self, call: Call) -> Answer:
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, MANAGE, read_only=False, stream=call.query.get("stream_id")) as guest:
            self._streams.delete(guest.unit, self._streams.known(guest.unit, guest.party, call.query.get("stream_id")))
        return _NOTHING

    def status(self, call: Call) -> Answer:
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, READ, MANAGE, read_only=True, stream=call.query.get("stream_id")) as guest:
            return _shown(status_document(self._streams.known(guest.unit, guest.party, call.query.get("stream_id"))))

    def set_status(self, call: Call) -> Answer:
        """SSF 8.1.2.2. The receiver asked for it, so that the stream does not tell him (8.1.5)."""
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, MANAGE, read_only=False, stream=call.json.get("stream_id")) as guest:
            row = self._streams.known(guest.unit, guest.party, call.json.get("stream_id"))
            status, reason = checked_status(call.json)
            self._streams.set_status(guest.unit, row, status, reason, told=False)
            return _shown(status_document(row))

    def add_subject(self, call: Call) -> Answer:
        self._with_stream(call, lambda guest, row: self._streams.add_subject(guest.unit, row, call.json.get("subject")))
        return Answer(200, b"", None, (NO_STORE,))

    def remove_subject(self, call: Call) -> Answer:
        self._with_stream(call, lambda guest, row: self._streams.remove_subject(guest.unit, row, call.json.get("subject")))
        return _NOTHING

    def verify(self, call: Call) -> Answer:
        self._with_stream(call, lambda guest, row: self._streams.verify(guest.unit, row, call.json.get("state")))
        return _NOTHING

    def _with_stream(self, call: Call, work: Callable[[Any, SignalStream], None]) -> None:
        issuer = self._access.issuer(call)
        with self._access.entered(call, issuer, MANAGE, read_only=False, stream=call.json.get("stream_id")) as guest:
            work(guest, self._streams.known(guest.unit, guest.party, call.json.get("stream_id")))

    def poll(self, call: Call) -> Answer:
        """RFC 8936 2. A receiver that lets us wait is answered as soon as there is something, within a few seconds."""
        issuer = self._access.issuer(call)
        asked = polling.asked(call.json)
        stream = call.path_params["stream"]
        with self._access.entered(call, issuer, MANAGE, READ, read_only=False, stream=stream) as guest:
            row = self._streams.known(guest.unit, guest.party, stream)
            if row.method != POLL:
                raise OAuthError("invalid_request", "This stream is pushed, not polled.")
            owner, stream_id = guest.unit.scope, row.id
            polling.settle(guest.unit, row, asked)
            found, more = polling.taken(guest.unit, row, asked.most, guest.app)
        if not found and asked.most and not asked.immediately and self._waiting.acquire(blocking=False):
            try:
                if self._comes(owner, stream_id):
                    found, more = self._taken(owner, row, asked.most)
            finally:
                self._waiting.release()
        sets = {one.id: self._keys.sign(issuer, set_claims(issuer.url, row.app_id, one), ALGORITHM, TYPE) for one in found}
        return _shown({"sets": sets, "moreAvailable": more})

    def _comes(self, owner: TenantScope, stream_id: str) -> bool:
        """Whether something has come within a few seconds."""
        for _ in range(STEPS):
            self._wait(STEP_SECONDS)
            with self._database.tenant(owner, read_only=True) as unit:
                row = unit[SignalStreams].get(stream_id)
                if row is None or unit[SignalSets].waiting(row, 1):
                    return row is not None
        return False

    def _taken(self, owner: TenantScope, stream: SignalStream, most: int) -> tuple[Sequence[SignalSet], bool]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            app = read_app(platform, stream.app_id)
        if app is None:
            return [], False
        with self._database.tenant(owner) as unit:
            row = unit[SignalStreams].get(stream.id)
            return polling.taken(unit, row, most, app) if row is not None else ([], False)


_NOTHING = Answer(204, b"", None, (NO_STORE,))


def _shown(value: Any, status: int = 200) -> Answer:
    return json_answer(value, status, NO_STORE)
