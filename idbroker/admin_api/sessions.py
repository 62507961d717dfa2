"""Sessions of a tenant's people: seen, and ended."""

from __future__ import annotations

from collections.abc import Sequence

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.people import known_user
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time, shown
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import SessionService
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/sessions"
ONE = f"{PATH}/{{session}}"
ENDED_BY_ADMIN = "ended_by_admin"
LIVE = QueryParameter(
    name="live",
    description="Only those that are not over.",
    schema={"type": "string", "enum": ["true", "false"], "default": "false"},
)


class SessionDocument(Document):
    id: str
    tenant_id: str
    user_id: str
    connection_id: str
    started_at: Time
    last_seen_at: Time
    expires_at: Time
    ended_at: Time | None
    end_reason: str | None
    ip: str | None
    user_agent: str | None
    apps: list[str]


class SessionCalls:
    def __init__(self, service: SessionService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        read, end = Permission.SESSIONS_READ, Permission.SESSIONS_END
        return [
            Operation(
                name="list_sessions",
                area="Sessions",
                summary="The tenant's sessions, oldest first, ended ones included.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(*PAGE_QUERY, QueryParameter(name="user", description="Only this person's."), LIVE),
                answer=SessionDocument,
                many=True,
            ),
            Operation(
                name="get_session",
                area="Sessions",
                summary="One session, with the apps that got tokens under it.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=SessionDocument,
            ),
            Operation(
                name="end_session",
                area="Sessions",
                summary="End a session, and all that was given under it.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.end, limit="admin_write", permission=end),
                status=204,
            ),
            Operation(
                name="end_sessions_of_user",
                area="Sessions",
                summary="End all live sessions of a person, and all that was given under them.",
                row=TenantRoute(
                    method="DELETE",
                    path=f"{TENANT}/users/{{user}}/sessions",
                    handler=self.end_all,
                    limit="admin_write",
                    permission=end,
                ),
                status=204,
            ),
        ]

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "ses")
        rows = unit[Sessions].page(user_id=call.query.get("user"), live=_live(call), after=page.after, limit=page.fetch)
        documents = {document.id: document for document in session_documents(unit, rows)}
        return listing(rows, page, lambda row: documents[row.id])

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(session_documents(unit, [_known(call, unit)])[0])

    def end(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.end(unit, _known(call, unit), ENDED_BY_ADMIN)
        return NO_CONTENT

    def end_all(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.end_all(unit, known_user(call, unit).id, ENDED_BY_ADMIN)
        return NO_CONTENT


def _live(call: Call) -> bool:
    text = call.query.get("live", "false")
    if text not in ("true", "false"):
        raise invalid_field("/live", "live is true or false.")
    return text == "true"


def _known(call: Call, unit: TenantUnit) -> Session:
    row = unit[Sessions].get(path_id(call, "session", "ses"))
    if row is None:
        raise NotFound("session")
    return row


def session_documents(unit: TenantUnit, rows: Sequence[Session]) -> list[SessionDocument]:
    apps = unit[Sessions].apps([row.id for row in rows])
    return [SessionDocument.model_validate({**row.model_dump(), "apps": apps.get(row.id, [])}) for row in rows]
