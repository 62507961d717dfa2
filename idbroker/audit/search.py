"""Finding records, newest first, in time that does not grow with the trail.

One condition leads: the rarest kind that is given (a word, a resource, an actor, an action) through its own index, newest
first; the others are tried on what it finds. A page looks at no more than ``EXAMINED`` records, and in a longer trail at
fewer when these come slowly, each from a place of its own on a disk: it looks at a few, then at twice as many, and no further
when that would take longer than about ``SECONDS``. When that is not enough to fill it, the page is short and the next one goes
on where it stopped: only the end of the trail ends the pages.

A word of ``text`` that the index of words knows leads, and then only records that hold that whole word are found. Anything
else (part of a word, a sign) is looked for as text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import col, select

from idbroker.audit.outbox import MAX_TEXT
from idbroker.audit.records import ERA_BITS, AuditPersonal, AuditRecord, AuditTerm
from idbroker.audit.terms import CUT, is_term, term_key
from idbroker.storage.unit import TenantRepository

EXAMINED = 10_000
SECONDS = 0.18
FIRST_LOOK, WIDEST_LOOK = 12, 2000
"""Records. Each look is twice as wide as the one before, while there is time for it."""
PROBED_WORDS = 4

DISORDER = timedelta(hours=1)
"""How far the clocks of the servers may be apart: records are in the order of their arrival, not of their times."""


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What to look for; all given conditions must hold. ``before`` is a sequence: newest first, that one excluded."""

    action: str | None = None
    actor: str | None = None
    resource: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    before: int | None = None
    limit: int = 50
    actions: tuple[str, ...] = ()
    """One of these."""
    words: tuple[str, ...] = ()
    """Whole words (an address, a reference, an id), each of which the record holds. The first one leads."""


@dataclass(frozen=True, slots=True)
class Found:
    """``before``: where the next page begins; None at the end of the trail."""

    records: list[dict[str, Any]]
    before: int | None


@dataclass(frozen=True, slots=True)
class _Range:
    """Sequences strictly between."""

    above: int
    below: int

    @property
    def length(self) -> int:
        """How many there are at most."""
        return self.below - self.above - 1


class _Looks:
    """How wide the next look of a page is, and whether there is to be one."""

    def __init__(self, most: int, width: int | None = None) -> None:
        """``most``: how many records there are at most. Where they are few, all of them are looked at, slow or not."""
        self.width = width or FIRST_LOOK
        self._most = most
        self._examined = 0
        self._begun = time.monotonic()

    def are_enough(self, seen: int) -> bool:
        """To be asked after each look at so many. The next one takes twice as long as all have taken until now."""
        self._examined += seen
        self.width = min(self.width * 2, WIDEST_LOOK)
        if self._most <= EXAMINED:
            return False
        return self._examined >= EXAMINED or (time.monotonic() - self._begun) * 3 > SECONDS


class TrailSearch(TenantRepository):
    def page(self, query: TrailQuery) -> Found:
        """Matching records, newest first; fewer than ``limit`` also where looking on would take too long."""
        if query.text and (len(query.text) > MAX_TEXT or "\x00" in query.text):
            return Found([], None)  # longer than what is kept, or what is never kept: no engine need be asked
        if not all(is_term(word.casefold()) and "\x00" not in word for word in query.words):
            return Found([], None)  # no record holds it as a word
        within = self._range(query)
        if within.length <= 0:
            return Found([], None)
        term = self._leading_term(query)
        if term is not None:
            return self._by_term(query, term, within)
        if query.actions and not (query.resource or query.actor):
            return self._by_several(query, within)
        return self._by_column(query, within)

    def all(self, query: TrailQuery) -> Iterator[dict[str, Any]]:
        """Every match, newest first, however far back."""
        while True:
            found = self.page(query)
            yield from found.records
            if found.before is None:
                return
            query = replace(query, before=found.before)

    def span(self, query: TrailQuery) -> tuple[int, int]:
        """(after, last): the sequences among which all matches lie, for ``between``."""
        within = self._range(query)
        kept = select(AuditRecord.sequence).order_by(col(AuditRecord.sequence)).limit(1)
        first = self.session.execute(kept).scalar()
        return max(within.above, (first or 1) - 1), within.below - 1

    def between(self, query: TrailQuery, behind: int, last: int) -> list[dict[str, Any]]:
        """The matches behind a sequence up to ``last``, oldest first."""
        if query.text and (len(query.text) > MAX_TEXT or "\x00" in query.text):
            return []
        statement = self._narrowed(query).where(col(AuditRecord.sequence) > behind, col(AuditRecord.sequence) <= last)
        found = self.session.execute(statement.order_by(col(AuditRecord.sequence))).scalars()
        return [json.loads(document) for document in found]

    def since(self, actions: Sequence[str], behind: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """(records of these actions behind a sequence, oldest first; up to where that is all of them)."""
        newest = self._newest()
        wanted = select(AuditRecord.document).where(
            col(AuditRecord.sequence) > behind, col(AuditRecord.sequence) <= newest, col(AuditRecord.action).in_(actions)
        )
        found = self.session.execute(wanted.order_by(col(AuditRecord.sequence)).limit(limit)).scalars()
        records = [json.loads(document) for document in found]
        return records, records[-1]["sequence"] if len(records) == limit else max(newest, behind)

    def count(self, action: str, since: datetime, until: datetime, at_most: int) -> int:
        """How many there are of an action in a time."""
        within = self._range(TrailQuery(since=since, until=until))
        wanted = select(AuditRecord.sequence).where(
            AuditRecord.action == action,
            col(AuditRecord.sequence) > within.above,
            col(AuditRecord.sequence) < within.below,
            _tried(AuditRecord.at) >= since,
            _tried(AuditRecord.at) < until,
        )
        return len(self.session.execute(wanted.limit(at_most)).all())

    def all_older_than(self, horizon: datetime) -> int:
        """The last sequence up to which every record is older; 0 for none. Never the newest: the chain goes on from it."""
        sequence = col(AuditRecord.sequence)
        younger = select(AuditRecord.sequence).where(col(AuditRecord.at) >= horizon).order_by(sequence).limit(1)
        first = self.session.execute(younger).scalar()
        return max(0, self._newest() - 1) if first is None else first - 1

    def _range(self, query: TrailQuery) -> _Range:
        """The sequences to which the times narrow it down; the times themselves are tried on each record.

        Never beyond the newest, whatever ``before`` a client has made up: eras are counted down from there.
        """
        above, below = 0, self._newest() + 1
        if query.before is not None:
            below = min(below, query.before)
        sequence = col(AuditRecord.sequence)
        if query.since is not None:
            earlier = select(AuditRecord.sequence).where(col(AuditRecord.at) < _moved(query.since, -DISORDER))
            found = self.session.execute(earlier.order_by(col(AuditRecord.at).desc(), sequence.desc()).limit(1)).scalar()
            above = found or 0
        if query.until is not None:
            later = select(AuditRecord.sequence).where(col(AuditRecord.at) >= _moved(query.until, DISORDER))
            found = self.session.execute(later.order_by(col(AuditRecord.at), sequence).limit(1)).scalar()
            below = below if found is None else min(below, found)
        return _Range(above, below)

    def _leading_term(self, query: TrailQuery) -> int | None:
        """The number of a word of the text that some record holds whole; the longest is the rarest, mostly."""
        if query.words:
            return term_key(self.tenant, query.words[0].casefold())
        candidates = sorted({word for word in (query.text or "").casefold().split() if is_term(word)}, key=len, reverse=True)
        if not candidates:
            return None
        everywhere = _Range(0, self._newest() + 1)
        for word in candidates[:PROBED_WORDS]:
            key = term_key(self.tenant, word)
            if any(found for found, _ in self._sequences([key], everywhere, _Looks(0, width=1))):
                return key
        return None

    def _by_term(self, query: TrailQuery, term: int, within: _Range) -> Found:
        records: list[dict[str, Any]] = []
        looks = _Looks(within.length)
        for chunk, reached in self._sequences([term, term_key(self.tenant, CUT)], within, looks):
            if chunk:
                statement = self._narrowed(query).where(col(AuditRecord.sequence).in_(chunk))
                records += self._read(statement, query.limit - len(records))
            if len(records) >= query.limit:
                return Found(records, records[-1]["sequence"])
            if looks.are_enough(len(chunk)):
                return Found(records, reached if reached > within.above + 1 else None)
        return Found(records, None)

    def _sequences(self, terms: Sequence[int], within: _Range, looks: _Looks) -> Iterator[tuple[list[int], int]]:
        """Where one of some words stands, newest first, no more at once than a look is wide; and down to which sequence that
        is all of them. Ever more eras at a time: what the newest do not hold is rare."""
        newest = within.below - 1
        top, span, below = newest >> ERA_BITS, 1, within.below
        oldest = within.above >> ERA_BITS
        while top >= oldest:
            lowest = max(oldest, top - span + 1)
            eras = list(range(lowest, top + 1))
            while True:
                width = looks.width
                stands = {one for term in terms for one in self._stands(term, eras, within.above, below, width)}
                found = sorted(stands, reverse=True)[:width]
                if len(found) < width:
                    below = lowest << ERA_BITS
                    yield found, below
                    break
                below = found[-1]
                yield found, below
            top, span = lowest - 1, span * 2 if top < newest >> ERA_BITS else 1

    def _stands(self, term: int, eras: Sequence[int], above: int, below: int, width: int) -> Iterable[int]:
        sequence = col(AuditTerm.sequence)
        here = select(AuditTerm.sequence).where(col(AuditTerm.era).in_(eras), AuditTerm.term == term)
        between = here.where(sequence > above, sequence < below)
        return self.session.execute(between.order_by(sequence.desc()).limit(width)).scalars()

    def _by_several(self, query: TrailQuery, within: _Range) -> Found:
        """One walk for each action, merged down to where all of them have come."""
        pages = [self._by_column(replace(query, action=action, actions=()), within) for action in query.actions]
        reached = max((page.before for page in pages if page.before is not None), default=0)
        records = sorted(
            (record for page in pages for record in page.records if record["sequence"] >= reached),
            key=lambda record: -record["sequence"],
        )
        if len(records) > query.limit:
            records = records[: query.limit]
            return Found(records, records[-1]["sequence"])
        return Found(records, reached or None)

    def _by_column(self, query: TrailQuery, within: _Range) -> Found:
        leading = self._leading_column(query)
        look = self._sifted if self._conditions(query, leading) else self._taken
        records: list[dict[str, Any]] = []
        looks = _Looks(within.length)
        while True:
            found, reached = look(query, leading, within, looks.width, query.limit - len(records))
            records += found
            if len(records) >= query.limit:
                return Found(records, records[-1]["sequence"])
            if reached is None or looks.are_enough(looks.width):
                return Found(records, reached)
            within = _Range(within.above, reached)

    def _taken(
        self, query: TrailQuery, leading: str | None, within: _Range, width: int, wanted: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """(the next records, which all match; where the rest begins). No more of them than a look is wide, unless they lie side
        by side."""
        at_most = wanted if leading is None else min(width, wanted)
        records = self._read(self._narrowed(query, leading).where(*self._led(query, leading, within)), at_most)
        return records, records[-1]["sequence"] if len(records) == at_most else None

    def _sifted(
        self, query: TrailQuery, leading: str | None, within: _Range, width: int, wanted: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """(those that match of the next records; where the rest begins)."""
        walked = select(AuditRecord.sequence).where(*self._led(query, leading, within))
        walked = walked.order_by(col(AuditRecord.sequence).desc()).limit(width)
        looked_at = list(self.session.execute(walked).scalars())
        # By name, not as a range: an engine could take a range for its way, and walk through all that lies between.
        records = self._read(self._narrowed(query, leading).where(col(AuditRecord.sequence).in_(looked_at)), wanted)
        return records, looked_at[-1] if len(looked_at) == width else None

    def _leading_column(self, query: TrailQuery) -> str | None:
        wanted = {"resource_id": query.resource, "actor_id": query.actor, "action": query.action}
        return next((name for name, value in wanted.items() if value is not None), None)

    def _led(self, query: TrailQuery, leading: str | None, within: _Range) -> list[Any]:
        conditions = [col(AuditRecord.sequence) > within.above, col(AuditRecord.sequence) < within.below]
        if leading is not None:
            wanted = {"resource_id": query.resource, "actor_id": query.actor, "action": query.action}[leading]
            conditions.append(col(getattr(AuditRecord, leading)) == wanted)
        return conditions

    def _narrowed(self, query: TrailQuery, leading: str | None = None) -> Any:
        return select(AuditRecord.document).where(*self._conditions(query, leading))

    def _conditions(self, query: TrailQuery, leading: str | None = None) -> list[Any]:
        """What is tried on each record. Wrapped, so that no engine takes one of these for its way through the table."""
        found: list[Any] = []
        for name, wanted in (("resource_id", query.resource), ("actor_id", query.actor), ("action", query.action)):
            if wanted is not None and name != leading:
                found.append(_tried(getattr(AuditRecord, name)) == wanted)
        if query.actions:
            found.append(_tried(AuditRecord.action).in_(query.actions))
        if query.since is not None:
            found.append(_tried(AuditRecord.at) >= query.since)
        if query.until is not None:
            found.append(_tried(AuditRecord.at) < query.until)
        found += [self._says(text) for text in ([query.text] if query.text else []) + list(query.words)]
        return found

    def _says(self, text: str) -> Any:
        """That the record holds the text, in clear or in what is somebody's."""
        wanted = text.casefold()
        sealed = select(AuditPersonal.sequence).where(
            AuditPersonal.tenant_id == self.tenant,
            AuditPersonal.sequence == AuditRecord.sequence,
            col(AuditPersonal.text).contains(wanted, autoescape=True),
        )
        return or_(col(AuditRecord.search).contains(wanted, autoescape=True), sealed.exists())

    def _read(self, statement: Any, limit: int) -> list[dict[str, Any]]:
        ordered = statement.order_by(col(AuditRecord.sequence).desc()).limit(limit)
        return [json.loads(document) for document in self.session.execute(ordered).scalars()]

    def _newest(self) -> int:
        statement = select(AuditRecord.sequence).order_by(col(AuditRecord.sequence).desc()).limit(1)
        return self.session.execute(statement).scalar() or 0


def _tried(column: Any) -> Any:
    return func.coalesce(col(column), col(column))


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment
