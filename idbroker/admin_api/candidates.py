"""Staged change of a connection: candidates beside the live configuration, promotion and the one call back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_body, read_object
from idbroker.admin_api.connections import (
    ONE,
    ConnectionDocument,
    ProtocolFields,
    Warned,
    check_connection_version,
    claim,
    connection_id_of,
    written,
)
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.paging import PAGE_QUERY, listed, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.connections.candidate_rows import Candidates
from idbroker.connections.candidates import CandidateForm, CandidateService
from idbroker.connections.model import Connection
from idbroker.connections.service import ConnectionService
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{ONE}/candidates"
CANDIDATE = f"{PATH}/{{candidate}}"


class CandidateBody(ProtocolFields, CandidateForm):
    """A candidate as it is made."""


class ChangeDocument(Document):
    """``take`` may happen by itself at a refresh, ``hold`` waits for an admin's word."""

    field: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    policy: Literal["take", "hold"]


class CandidateDocument(Document):
    """With the protocol's own part beside these, as in a connection. ``difference``: what promoting it would change now."""

    model_config = ConfigDict(extra="allow")

    id: str
    connection_id: str
    label: str
    origin: Literal["admin", "refresh"]
    vendor: str
    options: dict[str, Any]
    attribute_mapping: dict[str, str]
    warnings: list[Warned]
    difference: list[ChangeDocument]
    live_version: int
    created_at: Time


class Promotion(Body):
    """``live_version``: the one that the candidate was compared with. Promoting fails where it has another by now."""

    live_version: int | None = None


class CandidateCalls:
    def __init__(self, database: Database, connections: ConnectionService, candidates: CandidateService) -> None:
        self._database = database
        self._connections = connections
        self._candidates = candidates

    def operations(self) -> list[Operation]:
        read, write = Permission.CONNECTIONS_READ, Permission.CONNECTIONS_WRITE
        return [
            Operation(
                name="create_candidate",
                area="Candidates",
                summary="Place new metadata, certificates or another identity provider beside the live configuration.",
                row=ScopedRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=CandidateBody,
                answer=CandidateDocument,
                status=201,
                problems=(409, 502),
            ),
            Operation(
                name="list_candidates",
                area="Candidates",
                summary="A connection's candidates, oldest first, those that a metadata refresh holds among them.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=PAGE_QUERY,
                answer=CandidateDocument,
                many=True,
            ),
            Operation(
                name="get_candidate",
                area="Candidates",
                summary="One candidate, with what promoting it would change.",
                row=TenantRoute(method="GET", path=CANDIDATE, handler=self.get, limit="admin_read", permission=read),
                answer=CandidateDocument,
            ),
            Operation(
                name="delete_candidate",
                area="Candidates",
                summary="Give a candidate up. What a refresh held is not held again as long as the metadata says the same.",
                row=TenantRoute(method="DELETE", path=CANDIDATE, handler=self.delete, limit="admin_write", permission=write),
                versioned=True,
                status=204,
            ),
            Operation(
                name="promote_candidate",
                area="Candidates",
                summary="Make a candidate the live configuration. The present one is kept for the way back.",
                row=TenantRoute(
                    method="POST", path=f"{CANDIDATE}/promote", handler=self.promote, limit="admin_write", permission=write
                ),
                body=Promotion,
                versioned=True,
                answer=ConnectionDocument,
                problems=(409,),
            ),
            Operation(
                name="roll_back_connection",
                area="Candidates",
                summary="Restore what the connection had before the last promotion. Once more undoes that.",
                row=TenantRoute(
                    method="POST", path=f"{ONE}/rollback", handler=self.roll_back, limit="admin_write", permission=write
                ),
                versioned=True,
                answer=ConnectionDocument,
                problems=(409,),
            ),
        ]

    def create(self, call: Call, scope: TenantScope) -> Answer:
        """Drafting may call the IdP, so no transaction is held. Options and mapping not given are the live ones."""
        connection_id, given = connection_id_of(call), read_object(call)
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._connections.known(unit, connection_id)
            current = self._connections.open(unit, row)
        kept = {"options": row.options, "attribute_mapping": row.attribute_mapping}
        form = parse(CandidateForm, merged(kept, given, deep=("options", "attribute_mapping")))
        wanted = self._candidates.draft(form, current)
        with self._database.tenant(scope) as unit:
            fresh = self._connections.known(unit, connection_id)
            candidate = self._candidates.add(unit, fresh, wanted, label=form.label)
            return tagged(self._candidates.document(unit, fresh, candidate), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._connections.known(unit, connection_id_of(call))
        page = page_of(call, "can")
        rows = unit[Candidates].page(row.id, after=page.after, limit=page.fetch)
        shown = [self._candidates.document(unit, row, candidate) for candidate in rows[: page.limit]]
        return listed(shown, more=len(rows) > page.limit)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._connections.known(unit, connection_id_of(call))
        return tagged(self._document(call, unit, row))

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._connections.known(unit, connection_id_of(call))
        self._check(call, unit, row)
        self._candidates.remove(unit, row, _candidate_id(call))
        return NO_CONTENT

    def promote(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._connections.known(unit, connection_id_of(call))
        self._check(call, unit, row)
        self._candidates.promote(unit, row, _candidate_id(call), read_body(call, Promotion).live_version)
        return tagged(self._connections.document(unit, row), settings=written(row))

    def roll_back(self, call: Call, unit: TenantUnit) -> Answer:
        row = self._connections.known(unit, connection_id_of(call))
        if "if-match" in call.headers:
            check_connection_version(call, row)
            claim(call, unit, row)
        self._candidates.roll_back(unit, row)
        return tagged(self._connections.document(unit, row), settings=written(row))

    def _document(self, call: Call, unit: TenantUnit, row: Connection) -> dict[str, Any]:
        candidate = self._candidates.known(unit, row.id, _candidate_id(call))
        return dict(self._candidates.document(unit, row, candidate))

    def _check(self, call: Call, unit: TenantUnit, row: Connection) -> None:
        """Of a candidate: its version moves with the live one that it is compared with."""
        if "if-match" in call.headers:
            check_version(call, self._document(call, unit, row))


def _candidate_id(call: Call) -> str:
    return path_id(call, "candidate", "can")
