"""Statements of the hot paths: SQLAlchemy Core, compiled once per engine, run past the ORM in the driver's own words.

    TenantStatement     on a tenant's unit; every tenant-owned table in it must be held to ``SCOPE``, or it does not compile.
                        A SELECT may read the tenant's own row of ``tenants`` as well
    EngineStatement     the same, worded by engine: with ``among`` a list of any length goes into one statement
    PlatformStatement   on the platform's unit; a tenant-owned table in it does not compile

The value of ``SCOPE`` is the unit's tenant; no caller can give another. Row-level security stands below, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BindParameter, Connection, Dialect, Table, any_, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, ColumnElement
from sqlalchemy.sql.selectable import FromClause, Select

from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.storage.cells import lives_in_cell, tables_in
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import AUDIT, MAIN, IndexRow, TenantRow, tenant_tables

if TYPE_CHECKING:
    from idbroker.storage.transaction import Transaction
    from idbroker.storage.unit import PlatformUnit, TenantUnit

_SCOPE = "tenant"
_OWN = "tenants"
"""The one platform table in which a tenant has a row of its own (``own_tenant.py``)."""
Convert = Callable[[Any], Any]


def scope() -> BindParameter[Any]:
    """Stands for the unit's tenant in a statement. ``TenantRepository.scoped`` fills it in as well."""
    return bindparam(_SCOPE)


def among(column: ColumnElement[Any], name: str, engine: str) -> ColumnElement[bool]:
    """Whether it is in the list that the parameter holds. The statement is the same for a list of one and of a thousand."""
    if engine == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    listed = func.json_each(bindparam(name, type_=JSON())).table_valued("value")
    return column.in_(select(listed.c.value))


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    names: tuple[str, ...] | None
    """The parameters by position; None when the driver takes them by name."""
    literals: dict[str, Any]
    binds: dict[str, Convert]
    reads: tuple[tuple[int, Convert], ...]
    """What to do to which column of a row, for those that the driver does not give as they are."""
    wanted: tuple[str, ...]
    """The parameters, each once; by position where the driver takes them so."""
    together: bool
    """Whether all its tables are in one database wherever the tenant lives."""

    def parameters(self, values: dict[str, Any]) -> Any:
        values.update(self.literals)
        for name, convert in self.binds.items():
            values[name] = convert(values[name])
        return values if self.names is None else [values[name] for name in self.names]

    def row(self, raw: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.reads:
            return raw
        cells = list(raw)
        for index, convert in self.reads:
            cells[index] = convert(cells[index])
        return tuple(cells)


class _Statement:
    def __init__(self, build: Callable[[], ClauseElement]) -> None:
        """``build`` is called when the statement is first wanted: the tables belong to features, which are loaded by then."""
        self._build = build
        self._compiled: dict[str, _Compiled] = {}
        self._shared: bool | None = None
        """Whether its tables are the platform's; known when it was first wanted."""

    def check(self) -> None:
        """Raise IsolationBreach unless the statement keeps to its side."""
        self._check(self._build())

    def _check(self, statement: ClauseElement) -> None:
        raise NotImplementedError

    def _worded(self, engine: str) -> ClauseElement:
        del engine
        return self._build()

    def _for(self, transaction: Transaction) -> tuple[Connection, _Compiled]:
        if self._shared is None:
            self._shared = not any(lives_in_cell(table) for table in tables_in(self._build()))
        connection = transaction.shared() if self._shared else transaction.connection
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self._worded(dialect.name)
            self._check(statement)
            compiled = self._compiled[dialect.name] = _compile(statement, dialect)
        if transaction.spans and not compiled.together:
            raise IsolationBreach("a statement over tables that are not in one database")
        return connection, compiled

    def _run(self, transaction: Transaction, values: dict[str, Any]) -> tuple[_Compiled, Any]:
        connection, compiled = self._for(transaction)
        return compiled, transaction.run(connection, compiled.text, compiled.parameters(values))

    def _first(self, transaction: Transaction, values: dict[str, Any]) -> tuple[Any, ...] | None:
        compiled, cursor = self._run(transaction, values)
        raw = cursor.fetchone()
        return None if raw is None else compiled.row(raw)


class TenantStatement(_Statement):
    def rows(self, unit: TenantUnit, **values: Any) -> list[tuple[Any, ...]]:
        compiled, cursor = self._run(unit.transaction, self._values(unit, values))
        return [compiled.row(raw) for raw in cursor.fetchall()]

    def first(self, unit: TenantUnit, **values: Any) -> tuple[Any, ...] | None:
        return self._first(unit.transaction, self._values(unit, values))

    def change(self, unit: TenantUnit, **values: Any) -> int:
        """How many rows it touched."""
        count: int = self._run(unit.transaction, self._values(unit, values))[1].rowcount
        return count

    def many(self, unit: TenantUnit, rows: Iterable[dict[str, Any]]) -> None:
        """Once for each of the rows, in one go."""
        connection, compiled = self._for(unit.transaction)
        parameters = [compiled.parameters(self._values(unit, row)) for row in rows]
        if len(parameters) == 1:  # what drivers do for many costs more than that for one
            unit.transaction.run(connection, compiled.text, parameters[0])
        elif parameters:
            unit.transaction.run_many(connection, compiled.text, parameters)

    def _values(self, unit: TenantUnit, values: dict[str, Any]) -> dict[str, Any]:
        bound, scope = unit.transaction, unit.scope.tenant
        if bound.tenant != scope or (bound.platform and scope != PLATFORM_TRAIL):
            raise IsolationBreach("the transaction is bound to another tenant than the unit")
        values[_SCOPE] = unit.scope.tenant
        return values

    def _check(self, statement: ClauseElement) -> None:
        kinds = tenant_tables(MAIN) | tenant_tables(AUDIT)
        held = set(_held(statement))
        for table in _tables(statement):
            name = _table_name(table)
            own = name == _OWN and isinstance(statement, Select)
            if name not in kinds and not own:
                raise IsolationBreach(f"“{name}” is not a tenant's, and has no place in a tenant's statement")
            if table not in held and not (isinstance(statement, Insert) and _inserts_scope(statement)):
                raise IsolationBreach(f"nothing holds “{name}” to the scope")


class EngineStatement(TenantStatement):
    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        """``build`` is told the engine's name."""
        super().__init__(lambda: build("sqlite"))
        self._by_engine = build

    def check(self) -> None:
        for engine in ("sqlite", "postgresql"):
            self._check(self._by_engine(engine))

    def _worded(self, engine: str) -> ClauseElement:
        return self._by_engine(engine)


def insert_many(unit: TenantUnit, cls: type[TenantRow | IndexRow], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows of one table, as columns without the tenant, which is the unit's: a fraction of what the session takes. What the
    session holds back is written before. Raises IntegrityError as the session would."""
    _insertion(cls).insert(unit, rows)


_NEW = "new_"


class _Insertion(TenantStatement):
    """Beside the scope it has one parameter for each column, named for it."""

    def insert(self, unit: TenantUnit, rows: Iterable[Mapping[str, Any]]) -> None:
        """What is the same for all rows is looked at once."""
        connection, compiled = self._for(unit.transaction)
        tenant = self._values(unit, {})[_SCOPE]
        plan = [(name.removeprefix(_NEW), compiled.binds.get(name)) for name in compiled.wanted if name != _SCOPE]
        cells = ([row[column] if convert is None else convert(row[column]) for column, convert in plan] for row in rows)
        if compiled.names is not None:
            place = compiled.names.index(_SCOPE)
            given: list[Any] = [[*row[:place], tenant, *row[place:]] for row in cells]
        else:
            names = [name for name in compiled.wanted if name != _SCOPE]
            given = [{_SCOPE: tenant, **dict(zip(names, row, strict=True))} for row in cells]
        if len(given) == 1:  # what drivers do for many costs more than that for one
            unit.transaction.run(connection, compiled.text, given[0])
        elif given:
            unit.transaction.run_many(connection, compiled.text, given)


@cache
def _insertion(cls: type[Any]) -> _Insertion:
    def build() -> ClauseElement:
        columns = [column.name for column in cls.__table__.columns if column.name != "tenant_id"]
        given: dict[str, Any] = {name: bindparam(f"{_NEW}{name}", type_=cls.__table__.c[name].type) for name in columns}
        return insert(cls.__table__).values(tenant_id=scope(), **given)

    return _Insertion(build)


class PlatformStatement(_Statement):
    def rows(self, unit: PlatformUnit, **values: Any) -> list[tuple[Any, ...]]:
        compiled, cursor = self._run(self._bound(unit), values)
        return [compiled.row(raw) for raw in cursor.fetchall()]

    def raw(self, unit: PlatformUnit, **values: Any) -> list[tuple[Any, ...]]:
        """The rows as the driver gives them."""
        raws: list[tuple[Any, ...]] = self._run(self._bound(unit), values)[1].fetchall()
        return raws

    def anywhere(self, unit: PlatformUnit, **values: Any) -> tuple[Any, ...] | None:
        """The first row, also while the unit works within a tenant: of what belongs to no tenant none is kept away."""
        return self._first(unit.transaction, values)

    def _bound(self, unit: PlatformUnit) -> Transaction:
        if not unit.transaction.platform:
            raise IsolationBreach("the transaction is bound to a tenant")
        return unit.transaction

    def _check(self, statement: ClauseElement) -> None:
        for table in _tables(statement):
            kind = (tenant_tables(MAIN) | tenant_tables(AUDIT)).get(_table_name(table))
            if kind is not None and not issubclass(kind, IndexRow):
                raise IsolationBreach(f"“{_table_name(table)}” is a tenant's, and has no place in a platform statement")


def _compile(statement: ClauseElement, dialect: Dialect) -> _Compiled:
    made: Any = statement.compile(dialect=dialect)
    binds: dict[str, Convert] = {}
    literals = {name: parameter.value for parameter, name in made.bind_names.items() if not parameter.required}
    for parameter, name in made.bind_names.items():
        convert = parameter.type._cached_bind_processor(dialect)
        if convert is not None:
            binds[name] = convert
    columns = getattr(made, "_result_columns", ())
    reads = ((index, column.type._cached_result_processor(dialect, None)) for index, column in enumerate(columns))
    names = tuple(made.positiontup) if made.positional else None
    together = len({lives_in_cell(table) for table in tables_in(statement)}) < 2
    used = tuple((index, convert) for index, convert in reads if convert is not None)
    wanted = names if names is not None else tuple(made.bind_names.values())
    return _Compiled(str(made), names, literals, binds, used, wanted, together)


def _tables(statement: ClauseElement) -> Iterable[FromClause]:
    """Every table and every alias of one that the statement speaks of. An alias stands for its table."""
    found: list[Any] = [part for part in visitors.iterate(statement) if isinstance(part, Table) or _is_alias(part)]
    behind = {id(getattr(part, "element", None)) for part in found}
    return [part for part in dict.fromkeys(found) if id(part) not in behind]


def _is_alias(part: Any) -> bool:
    return isinstance(part, FromClause) and isinstance(getattr(part, "element", None), Table)


def _table_name(table: Any) -> str:
    return str(getattr(table, "element", table).name)


def _held(statement: ClauseElement) -> Iterator[FromClause]:
    """The tables whose ``tenant_id`` must be the scope. A comparison that stands within an OR or a NOT binds nothing."""
    loose = {id(inner) for part in visitors.iterate(statement) if _is_loose(part) for inner in visitors.iterate(part)}
    for part in visitors.iterate(statement):
        if id(part) not in loose and isinstance(part, BinaryExpression) and part.operator is operators.eq:
            sides = (part.left, part.right)
            if any(_is_scope(side) for side in sides):
                yield from (side.table for side in sides if _names_tenant(side))


def _names_tenant(side: Any) -> bool:
    table = getattr(side, "table", None)
    return table is not None and side.key == ("id" if _table_name(table) == _OWN else "tenant_id")


def _is_scope(part: Any) -> bool:
    return isinstance(part, BindParameter) and part.key == _SCOPE


def _is_loose(part: Any) -> bool:
    return getattr(part, "operator", None) in (operators.or_, operators.inv)


def _inserts_scope(statement: Insert) -> bool:
    values: dict[Any, Any] = getattr(statement, "_values", None) or {}
    return any(getattr(column, "name", column) == "tenant_id" and _is_scope(value) for column, value in values.items())
