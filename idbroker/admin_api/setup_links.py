"""Setup links: what a customer's IT admin gets to set sign-in up himself."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.admins.setup_links import (
    DEFAULT_LIFE,
    MAX_LIFE,
    SCOPES,
    SetupLink,
    SetupLinks,
    SetupLinkService,
    SetupScope,
)
from idbroker.kernel.errors import Forbidden, invalid_field
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/setup-links"
ONE = f"{PATH}/{{link}}"
SETUP_PATH = "/setup"
STATUSES = ("live", "over")
STATUS_QUERY = QueryParameter(
    name="status",
    description="live: those that still open something; over: those that do not.",
    schema={"type": "string", "enum": list(STATUSES)},
)


class NewSetupLink(Body):
    """``expires_in``: seconds."""

    scopes: Annotated[list[SetupScope], Field(min_length=1, max_length=10)]
    expires_in: Annotated[int, Field(ge=300, le=int(MAX_LIFE.total_seconds()))] = int(DEFAULT_LIFE.total_seconds())


class SetupLinkDocument(Document):
    """``done``: the steps that have been completed behind it."""

    id: str
    scopes: list[str]
    created_at: Time
    expires_at: Time
    opened_at: Time | None
    completed_at: Time | None
    revoked_at: Time | None
    done: list[str]


class NewSetupLinkDocument(SetupLinkDocument):
    """``url`` is shown this once. It can be opened again and again until it expires or is revoked."""

    url: str


class SetupLinkCalls:
    def __init__(self, service: SetupLinkService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        write = Permission.SETUP_LINKS_WRITE
        return [
            Operation(
                name="create_setup_link",
                area="Setup links",
                summary="A link for the customer's IT admin, bound to the tenant and to what may be set up with it.",
                row=TenantRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=NewSetupLink,
                answer=NewSetupLinkDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_setup_links",
                area="Setup links",
                summary="The tenant's setup links, newest first, those that are over among them.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=write),
                query=(STATUS_QUERY, *PAGE_QUERY),
                answer=SetupLinkDocument,
                many=True,
            ),
            Operation(
                name="get_setup_link",
                area="Setup links",
                summary="One setup link, with the steps that are done.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=write),
                answer=SetupLinkDocument,
            ),
            Operation(
                name="revoke_setup_link",
                area="Setup links",
                summary="Revoke a setup link. Whoever works behind it is out at once; what he has set up stays.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.revoke, limit="admin_write", permission=write),
                status=204,
            ),
        ]

    def create(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewSetupLink)
        held = call.principal.permissions if call.principal is not None else frozenset()
        if any(not SCOPES[scope] <= held for scope in form.scopes):
            raise Forbidden("grants_above_himself", "A setup link cannot do more than whoever makes it.")
        row, handle = self._service.create(unit, form.scopes, timedelta(seconds=form.expires_in))
        url = f"{call.base_url}{SETUP_PATH}/{handle}"
        return shown(NewSetupLinkDocument(**_document(row).model_dump(), url=url), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page, status = page_of(call, "lnk"), call.query.get("status")
        if status not in (None, *STATUSES):
            raise invalid_field("/status", f"status is one of: {', '.join(STATUSES)}.")
        live = None if status is None else status == "live"
        return listing(unit[SetupLinks].page(live=live, after=page.after, limit=page.fetch), page, _document)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(_document(self._service.known(unit, _id(call))))

    def revoke(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.revoke(unit, _id(call))
        return NO_CONTENT


def _id(call: Call) -> str:
    return path_id(call, "link", "lnk", "setup link")


def _document(row: SetupLink) -> SetupLinkDocument:
    return SetupLinkDocument.model_validate({**row.model_dump(), "done": list(row.state.get("done", ()))})
