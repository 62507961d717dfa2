"""Rows of the hot paths, past what the ORM does to load one: a statement compiled once, and objects made of its columns, in a
quarter of the time.

    of_tenant, of_platform   the row of a whole key
    TenantRows               the rows of a tenant that a fixed condition finds

What comes out is the session's own, as if it had loaded it: known by its key, its changes written at the next flush.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from idbroker.storage.rows import IndexRow, PlatformRow, TenantRow
from idbroker.storage.statement import PlatformStatement, TenantStatement, scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapper, Session

    from idbroker.storage.unit import PlatformUnit, TenantUnit

T = TypeVar("T")
TT = TypeVar("TT", bound=TenantRow)
PT = TypeVar("PT", bound=PlatformRow | IndexRow)


def of_tenant(unit: TenantUnit, cls: type[TT], key: tuple[Any, ...]) -> TT | None:
    """The tenant's row with that key; the tenant itself leads the key and is not given."""
    known = _known(unit.session, cls, (unit.scope.tenant, *key))
    if known is not None:
        return known
    cells = _within_tenant(cls).first(unit, **_values(key))
    return None if cells is None else _made(unit.session, cls, cells)


def of_platform(unit: PlatformUnit, cls: type[PT], key: tuple[Any, ...]) -> PT | None:
    """The platform's row with that key; also while the unit works within a tenant."""
    known = _known(unit.session, cls, key)
    if known is not None:
        return known
    cells = _of_platform(cast("Any", cls)).anywhere(unit, **_values(key))
    return None if cells is None else _made(unit.session, cls, cells)


class TenantRows(Generic[TT]):
    """``narrowed`` adds to a SELECT of the tenant's rows what else is asked, in words that never change; its parameters are
    given with each call."""

    def __init__(self, cls: type[TT], narrowed: Callable[[Select[Any]], Select[Any]]) -> None:
        self._cls = cls
        self._statement = TenantStatement(lambda: narrowed(_of_scope(cls)))

    def all(self, unit: TenantUnit, **values: Any) -> list[TT]:
        return [self._one(unit.session, cells) for cells in self._statement.rows(unit, **values)]

    def _one(self, session: Session, cells: tuple[Any, ...]) -> TT:
        known = _known(session, self._cls, tuple(cells[place] for place in _key_places(cast("Any", self._cls))))
        return _made(session, self._cls, cells) if known is None else known


def _known(session: Session, cls: type[T], key: tuple[Any, ...]) -> T | None:
    return cast("T | None", session.identity_map.get(identity_key(cls, key)))


def _made(session: Session, cls: type[T], cells: tuple[Any, ...]) -> T:
    made: T = _mapper(cls).class_manager.new_instance()
    made.__dict__.update(zip(_attributes(cast("Any", cls)), cells, strict=True))
    make_transient_to_detached(made)
    session.add(made)
    return made


def _values(key: Sequence[Any]) -> dict[str, Any]:
    return {f"key_{number}": value for number, value in enumerate(key)}


def _mapper(cls: type[Any]) -> Mapper[Any]:
    mapper: Mapper[Any] = inspect(cls)
    return mapper


@cache
def _attributes(cls: type[Any]) -> tuple[str, ...]:
    """The attributes of a row, in the order in which ``_select`` asks for their columns."""
    return tuple(attribute.key for attribute in _mapper(cls).column_attrs)


@cache
def _key_places(cls: type[Any]) -> tuple[int, ...]:
    """Where among the attributes those of the key stand, in the key's order."""
    mapper, attributes = _mapper(cls), _attributes(cast("Any", cls))
    return tuple(attributes.index(mapper.get_property_by_column(column).key) for column in mapper.primary_key)


@cache
def _within_tenant(cls: type[Any]) -> TenantStatement:
    return TenantStatement(lambda: _with_key(_of_scope(cls), _mapper(cls).primary_key[1:]))


@cache
def _of_platform(cls: type[Any]) -> PlatformStatement:
    return PlatformStatement(lambda: _with_key(_select(cls), _mapper(cls).primary_key))


def _select(cls: type[Any]) -> Select[Any]:
    return select(*(attribute.columns[0] for attribute in _mapper(cls).column_attrs))


def _of_scope(cls: type[Any]) -> Select[Any]:
    return _select(cls).where(cls.tenant_id == scope())


def _with_key(rows: Select[Any], key: Sequence[Any]) -> Select[Any]:
    return rows.where(*(column == bindparam(name) for column, name in zip(key, _values(key), strict=True)))
