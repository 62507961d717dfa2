"""What directories did lately: noted in memory as requests are answered, written a moment later, many at once.

A read that costs a write would cost more than itself. What a crash loses is a second of a log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from idbroker.directories.access import DirectoryAccess
from idbroker.directories.requests import DirectoryRequests, TrafficCounts, sealed_purpose
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer
from scim.dialects.observation import Observation
from scim.dialects.recognise import recognise
from scim.effects import effect
from scim.passwords import CUT, NOT_KEPT, query_without_passwords, without_passwords

if TYPE_CHECKING:
    from scim.door import Proven
    from scim.face import Exchange

MAX_WAITING = 5000
"""Requests. What comes while so many wait is answered and not noted."""
AT_ONCE = 200
MAX_BODY = 16 * 1024
MAX_EFFECTS = 50
PAUSE_SECONDS = 1.0
log = structlog.get_logger("idbroker.scim")


@dataclass(frozen=True, slots=True)
class Note:
    scope: TenantScope
    directory_id: str
    token_id: str
    at: datetime
    request_id: str
    method: str
    path: str
    status: int
    milliseconds: int
    user_agent: str | None
    effects: list[dict[str, Any]]
    observed: tuple[Observation, ...]
    request_body: bytes
    answer_body: bytes


class Traffic:
    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        self._database = database
        self._envelope = envelope
        self._clock = clock
        self._waiting: list[Note] = []
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.clock: Callable[[], float] = time.perf_counter

    def note(self, proven: Proven, exchange: Exchange, answer: Answer, began: float) -> None:
        call = exchange.call
        query = f"?{query_without_passwords(call.raw_query)}" if call.raw_query else ""
        note = Note(
            scope=TenantScope(proven.scope.tenant, SYSTEM, proven.scope.request),
            directory_id=proven.directory_id,
            token_id=proven.token_id,
            at=self._clock.now(),
            request_id=call.request_id,
            method=call.method,
            path=f"{call.path}{query}"[:1000],
            status=answer.status,
            milliseconds=int((self.clock() - began) * 1000),
            user_agent=(call.user_agent or "")[:200] or None,
            effects=[effect(event) for event in exchange.effects[:MAX_EFFECTS]],
            observed=tuple(sorted(exchange.observed)),
            request_body=call.body[: MAX_BODY * 2],
            answer_body=answer.body[:MAX_BODY],
        )
        with self._lock:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(note)

    def start(self) -> None:
        """Write what is noted, once a second, until ``stop``."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="scim-traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def flush(self) -> int:
        """Write all that waits; how many requests that were."""
        with self._flushing:
            with self._lock:
                notes, self._waiting = self._waiting, []
            by_directory: dict[tuple[str, str], list[Note]] = {}
            for note in notes:
                by_directory.setdefault((note.scope.tenant, note.directory_id), []).append(note)
            for of_one in by_directory.values():
                for start in range(0, len(of_one), AT_ONCE):
                    self._write(of_one[start : start + AT_ONCE])
            return len(notes)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            try:
                self.flush()
            except Exception:  # a log that cannot be written must not end the writing of logs
                log.exception("the directories' request log could not be written")

    def _write(self, notes: Sequence[Note]) -> None:
        last = notes[-1]
        with self._database.tenant(last.scope) as unit:
            if not unit[TrafficCounts].exists(last.directory_id):
                return  # removed meanwhile, and its log with it
            unit[DirectoryRequests].note([self._row(unit, note) for note in notes])
            row = unit[TrafficCounts].count(
                last.directory_id, [str(one) for note in notes for one in note.observed], [n.user_agent for n in notes]
            )
            seen = [Observation(name) for name in row.counts if name in Observation.__members__.values()]
            dialect = recognise(last.user_agent, seen)
            unit[DirectoryAccess].seen(last.directory_id, str(dialect), last.at)
            for token_id, at in {note.token_id: note.at for note in notes}.items():
                unit[DirectoryAccess].used(token_id, at)

    def _row(self, unit: TenantUnit, note: Note) -> dict[str, Any]:
        row_id = new_id("drq")
        bodies = orjson.dumps([_shown(text) for text in _bodies(note)])
        return {
            "id": row_id,
            "directory_id": note.directory_id,
            "request_id": note.request_id,
            "at": note.at,
            "method": note.method,
            "path": note.path,
            "status": note.status,
            "milliseconds": note.milliseconds,
            "user_agent": note.user_agent,
            "effects": note.effects,
            "observations": [str(one) for one in note.observed],
            "sealed": self._envelope.seal(unit, sealed_purpose(row_id), bodies),
        }


def _bodies(note: Note) -> tuple[str, str]:
    """Request and answer. An error may quote what it does not understand: beside a password it is not kept."""
    request = without_passwords(note.request_body)
    quotes = note.status >= 400 and (CUT in note.path or CUT in request or request == NOT_KEPT)
    return request, NOT_KEPT if quotes else without_passwords(note.answer_body)


def _shown(text: str) -> str:
    return text[:MAX_BODY].replace("\x00", "\ufffd")
