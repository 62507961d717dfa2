"""Clients and tenants, with which almost every request of an app begins: read every time, parsed only when changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.kept import Kept
from idbroker.storage.rows import MAIN
from idbroker.storage.statement import PlatformStatement
from idbroker.storage.unit import PlatformUnit

_APPS, _TENANTS = Kept("apps"), Kept("tenants")


def _client() -> ClauseElement:
    apps, secrets = MAIN.tables["apps"], MAIN.tables["app_secrets"]
    return (
        select(secrets.c.digest, *_APPS.columns())
        .select_from(apps.outerjoin(secrets, secrets.c.app_id == apps.c.id))
        .where(apps.c.id == bindparam("client_id"))
        .order_by(secrets.c.id)
    )


def _tenant(column: str) -> ClauseElement:
    return select(*_TENANTS.columns()).where(MAIN.tables["tenants"].c[column] == bindparam("wanted"))


_CLIENT = PlatformStatement(_client)
_TENANT, _TENANT_BY_SLUG = PlatformStatement(lambda: _tenant("id")), PlatformStatement(lambda: _tenant("slug"))


def client(unit: PlatformUnit, client_id: str) -> tuple[Any, tuple[str, ...]]:
    """(the ``apps.model.App`` or None, the digests of its live secrets). The app is shared: read it, never change it."""
    raws = _CLIENT.raw(unit, client_id=client_id)
    if not raws:
        return None, ()
    return _APPS.of(unit, raws[0][1:]), tuple(raw[0] for raw in raws if raw[0] is not None)


def tenant(unit: PlatformUnit, wanted: str, *, by_slug: bool = False) -> Any:
    """The ``tenants.model.Tenant`` of that id or slug, or None. It is shared: read it, never change it."""
    raws = (_TENANT_BY_SLUG if by_slug else _TENANT).raw(unit, wanted=wanted)
    return _TENANTS.of(unit, raws[0]) if raws else None
