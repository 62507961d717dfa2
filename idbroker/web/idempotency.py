"""``Idempotency-Key`` on the Admin API's writes: the same call sent again gets the same answer, and is done once.

Kept per principal for 24 hours, under a digest of the key; the answer is sealed. A call that failed in a way that sending
it again could mend (5xx, 429) is forgotten. Of one that a crash has cut off nobody can tell whether it was done: the
caller is told so.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta

import orjson

from idbroker.access.kept_answers import KEPT, KeptAnswer, KeptAnswers
from idbroker.kernel.errors import Conflict, Invalid, Refusal
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, BadRequest, Call
from idbroker.web.problems import problem

HEADER = "idempotency-key"
MAX_KEY = 255
GIVEN_UP = timedelta(minutes=1)
PURPOSE = "kept-answer:"


class Idempotency:
    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database = database
        self._envelope = envelope

    def answered(self, call: Call, tenant: TenantId | None, run: Callable[[], Answer]) -> Answer:
        """``run``'s answer, now or from the first time. ``call.principal`` is proven. Raises Refusal."""
        key = call.headers.get(HEADER)
        if key is None or call.principal is None or call.method in ("GET", "HEAD"):
            return run()
        if not 0 < len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
            raise BadRequest("bad_idempotency_key", f"An Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters.")
        scope = TenantScope(tenant or PLATFORM_TRAIL, call.actor, call.request_id)
        key_digest = _digest(call.principal.key, key)
        kept = self._begun(scope, key_digest, _request_digest(call))
        if kept is not None:
            return kept
        try:
            answer = run()
        except Refusal as refusal:
            answer = problem(refusal, call)
            self._finish(scope, key_digest, answer)
            raise
        except BaseException:
            self._finish(scope, key_digest, None)
            raise
        self._finish(scope, key_digest, answer)
        return answer

    def _begun(self, scope: TenantScope, key_digest: str, request_digest: str) -> Answer | None:
        """The answer of the first time; None when this is it."""
        with self._database.tenant(scope) as unit:
            answers = unit[KeptAnswers]
            row = answers.claim(key_digest, request_digest)
            if row is not None and row.begun_at < unit.clock.now() - KEPT:
                answers.drop(key_digest)
                row = answers.claim(key_digest, request_digest)
            if row is None:
                return None
            if row.request_digest != request_digest:
                raise Invalid(
                    "This Idempotency-Key was used for another request. Take a new key for a new request.",
                    code="idempotency_key_reused",
                )
            return self._answer(unit, row)

    def _answer(self, unit: TenantUnit, row: KeptAnswer) -> Answer:
        if row.status is None or row.sealed is None:
            if unit.clock.now() - row.begun_at < GIVEN_UP:
                raise _still_going_on()
            public = "The first request with this Idempotency-Key was cut off. Look what it did, then take a new key."
            raise Conflict("idempotency_unfinished", public)
        kept = orjson.loads(self._envelope.open(unit, PURPOSE + row.key_digest, row.sealed))
        headers = tuple((name, value) for name, value in kept["headers"])
        answer = Answer(row.status, base64.b64decode(kept["body"]), kept["media_type"], headers)
        return answer.with_headers(("idempotent-replayed", "true"))

    def _finish(self, scope: TenantScope, key_digest: str, answer: Answer | None) -> None:
        """Keep the answer, or forget that it was ever asked."""
        with self._database.tenant(scope) as unit:
            if answer is None or answer.status >= 500 or answer.status == 429:
                unit[KeptAnswers].drop(key_digest)
                return
            document = {
                "body": base64.b64encode(answer.body).decode(),
                "media_type": answer.media_type,
                "headers": answer.headers,
            }
            self._envelope.prepare(unit)
            sealed = self._envelope.seal(unit, PURPOSE + key_digest, orjson.dumps(document))
            unit[KeptAnswers].finish(key_digest, answer.status, sealed)


def _still_going_on() -> Conflict:
    return Conflict("idempotency_in_progress", "The first request with this Idempotency-Key is still going on. Ask again soon.")


def _request_digest(call: Call) -> str:
    condition = call.headers.get("if-match", "")
    return _digest(call.method, call.path, call.raw_query, call.content_type, condition, hashlib.sha256(call.body).hexdigest())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
