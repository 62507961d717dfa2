"""Stores that are sealed and do not say whom they tell of: each row is opened and read. What names the person goes whole.

Bounded by what those stores keep: a week of diagnoses and requests, a day of answers.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlmodel import col, delete, select

from idbroker.access.kept_answers import KeptAnswer
from idbroker.directories.requests import sealed_purpose
from idbroker.directories.traffic_rows import DirectoryRequest
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import CannotOpen
from idbroker.login.diagnoses import diagnosis_purpose, open_report, trial_purpose
from idbroker.login.diagnosis_rows import Diagnosis
from idbroker.login.trial_rows import TrialSignIn
from idbroker.storage.rows import TenantRow
from idbroker.storage.unit import TenantUnit, changed

PAGE = 100
ANSWER_PURPOSE = "kept-answer:"
Mentions = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class SealedStore:
    """``key``: the column that names a row beside its tenant. ``read`` gives all that a row says."""

    table: type[TenantRow]
    key: str
    read: Callable[[Envelope, TenantUnit, Any], str]

    @property
    def name(self) -> str:
        return str(self.table.__tablename__)


def _diagnosis(envelope: Envelope, unit: TenantUnit, row: Diagnosis) -> str:
    return json.dumps(open_report(envelope, unit, diagnosis_purpose(row.reference), row.sealed), ensure_ascii=False)


def _trial(envelope: Envelope, unit: TenantUnit, row: TrialSignIn) -> str:
    if row.sealed is None:
        return ""
    return json.dumps(open_report(envelope, unit, trial_purpose(row.id), row.sealed), ensure_ascii=False)


def _request(envelope: Envelope, unit: TenantUnit, row: DirectoryRequest) -> str:
    bodies = orjson.loads(envelope.open(unit, sealed_purpose(row.id), row.sealed))
    return "\n".join([row.path, json.dumps(row.effects, ensure_ascii=False), *map(str, bodies)])


def _answer(envelope: Envelope, unit: TenantUnit, row: KeptAnswer) -> str:
    if row.sealed is None:
        return ""
    kept = orjson.loads(envelope.open(unit, ANSWER_PURPOSE + row.key_digest, row.sealed))
    return base64.b64decode(kept["body"]).decode("utf-8", "replace") + json.dumps(kept["headers"])


SEALED_STORES: tuple[SealedStore, ...] = (
    SealedStore(Diagnosis, "reference", _diagnosis),
    SealedStore(TrialSignIn, "id", _trial),
    SealedStore(DirectoryRequest, "id", _request),
    SealedStore(KeptAnswer, "key_digest", _answer),
)


def pages(unit: TenantUnit, store: SealedStore, after: str | None = None) -> Iterator[list[Any]]:
    key = getattr(store.table, store.key)
    while True:
        statement = select(store.table).order_by(col(key)).limit(PAGE)
        if after is not None:
            statement = statement.where(col(key) > after)
        rows = list(unit.session.execute(statement).scalars().all())
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = getattr(rows[-1], store.key)


def naming(envelope: Envelope, unit: TenantUnit, store: SealedStore, mentions: Mentions) -> list[str]:
    """The keys of the rows that name the person. What no longer opens for anybody says nothing."""
    found = []
    for page in pages(unit, store):
        for row in page:
            try:
                said = store.read(envelope, unit, row)
            except (CannotOpen, zlib.error, ValueError):
                continue
            if mentions(said):
                found.append(getattr(row, store.key))
        unit.session.expunge_all()
    return found


def remove(unit: TenantUnit, store: SealedStore, keys: list[str]) -> int:
    key, count = getattr(store.table, store.key), 0
    for start in range(0, len(keys), PAGE):
        gone = delete(store.table).where(col(key).in_(keys[start : start + PAGE]))
        count += changed(unit.session.execute(gone.execution_options(synchronize_session=False)))
    return count
