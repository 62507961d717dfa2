"""How a resource looks to the apps: the very documents of this API, taken in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idbroker.admin_api.alerts import AlertDocument
from idbroker.admin_api.people import GroupDocument, people_documents
from idbroker.admin_api.sessions import session_documents
from idbroker.alerts.model import Alerts
from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.directory.group_rows import GroupRows
from idbroker.directory.people import People
from idbroker.sessions.model import Sessions
from idbroker.storage.unit import TenantUnit


class Portraitist:
    """``storage.unit.Portraits`` for what apps are told of: users, groups, sessions, connections, alerts."""

    def __init__(self, connections: ConnectionService) -> None:
        self._connections = connections

    def __call__(self, unit: TenantUnit, noun: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if noun == "user":
            people = [row for row in map(unit[People].get, ids) if row is not None]
            return {one.id: one.model_dump(mode="json") for one in people_documents(unit, people)}
        if noun == "session":
            sessions = [row for row in map(unit[Sessions].get, ids) if row is not None]
            return {one.id: one.model_dump(mode="json") for one in session_documents(unit, sessions)}
        if noun == "group":
            groups = [row for row in map(unit[GroupRows].get, ids) if row is not None]
            return {row.id: GroupDocument.model_validate(row).model_dump(mode="json") for row in groups}
        if noun == "alert":
            alerts = [row for row in map(unit[Alerts].get, ids) if row is not None]
            return {row.id: AlertDocument.model_validate(row).model_dump(mode="json") for row in alerts}
        connections = [row for row in map(unit[Connections].get, ids) if row is not None]
        return {row.id: self._connections.document(unit, row) for row in connections}
