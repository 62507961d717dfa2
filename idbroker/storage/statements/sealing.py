"""Sealing: where a chain ends, here and in the store, and taking an event out of the outbox. A few for each tenant and turn."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import AUDIT, MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit


def _last_sealed() -> ClauseElement:
    records = AUDIT.tables["audit_records"]
    columns = (records.c.sequence, records.c.hash)
    return select(*columns).where(records.c.tenant_id == scope()).order_by(records.c.sequence.desc()).limit(1)


def _noted() -> ClauseElement:
    heads = MAIN.tables["trail_heads"]
    return select(heads.c.sequence, heads.c.hash).where(heads.c.tenant_id == scope())


def _note() -> ClauseElement:
    heads = MAIN.tables["trail_heads"]
    forward = update(heads).where(heads.c.tenant_id == scope(), heads.c.sequence < bindparam("reached"))
    return forward.values(sequence=bindparam("reached"), hash=bindparam("last_hash"))


def _take() -> ClauseElement:
    outbox = MAIN.tables["outbox"]
    return delete(outbox).where(outbox.c.tenant_id == scope(), outbox.c.id == bindparam("taken"))


def _person_key() -> ClauseElement:
    keys = MAIN.tables["person_keys"]
    return select(keys.c.id, keys.c.sealed).where(keys.c.tenant_id == scope(), keys.c.id == bindparam("person"))


_LAST_SEALED, _NOTED, _NOTE, _TAKE = map(TenantStatement, (_last_sealed, _noted, _note, _take))
_PERSON_KEY = TenantStatement(_person_key)


def person_key(unit: TenantUnit, person_id: str) -> tuple[str, bytes | None] | None:
    """(id, sealed key) of a person whom the trail tells of; the key None once it was destroyed."""
    found = _PERSON_KEY.first(unit, person=person_id)
    return None if found is None else (found[0], found[1])


def last_sealed(unit: TenantUnit) -> tuple[int, str] | None:
    """(sequence, hash) of the last record in the store."""
    found = _LAST_SEALED.first(unit)
    return None if found is None else (found[0], found[1])


def noted_end(unit: TenantUnit) -> tuple[int, str] | None:
    """(sequence, hash) of the end as the main database knows it."""
    found = _NOTED.first(unit)
    return None if found is None else (found[0], found[1])


def note_end(unit: TenantUnit, sequence: int, head_hash: str) -> bool:
    """Never backwards. False where there was nothing to move forward."""
    return _NOTE.change(unit, reached=sequence, last_hash=head_hash) == 1


def take_event(unit: TenantUnit, event_id: str) -> bool:
    """Out of the outbox, for one caller of however many."""
    return _TAKE.change(unit, taken=event_id) == 1
