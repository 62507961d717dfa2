"""The tokens of a directory: made and shown once, two live at a time, revoked at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.directories import ONE, known_directory
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.directories.model import DirectoryToken, DirectoryTokens
from idbroker.directories.service import DirectoryService
from idbroker.kernel.errors import invalid_field
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

PATH = f"{ONE}/tokens"
Scope = Literal["users:read", "users:write", "groups:read", "groups:write"]


class NewDirectoryToken(Body):
    """Without ``scopes`` it may do all; without ``expires_at`` it is good until it is revoked."""

    expires_at: Annotated[str, Field(max_length=40)] | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] | None = None


class DirectoryTokenDocument(Document):
    """``prefix``: how the token begins."""

    id: str
    directory_id: str
    prefix: str
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None


class NewDirectoryTokenDocument(DirectoryTokenDocument):
    """``token`` is shown this once."""

    token: str


class DirectoryTokenCalls:
    def __init__(self, service: DirectoryService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        read, write = Permission.DIRECTORIES_READ, Permission.DIRECTORIES_WRITE
        return [
            Operation(
                name="create_directory_token",
                area="Directories",
                summary="Make a token for the IdP. It is shown this once; two can be live, so that one can follow the other.",
                row=TenantRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=NewDirectoryToken,
                answer=NewDirectoryTokenDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_directory_tokens",
                area="Directories",
                summary="The directory's tokens, oldest first, revoked and expired ones included.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=PAGE_QUERY,
                answer=DirectoryTokenDocument,
                many=True,
            ),
            Operation(
                name="revoke_directory_token",
                area="Directories",
                summary="Revoke a token, at once.",
                row=TenantRoute(
                    method="DELETE", path=f"{PATH}/{{token}}", handler=self.revoke, limit="admin_write", permission=write
                ),
                status=204,
            ),
        ]

    def create(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewDirectoryToken)
        directory = known_directory(call, unit)
        scopes = list(dict.fromkeys(form.scopes)) if form.scopes else None
        row, token = self._service.create_token(unit, directory.id, scopes, _moment(form.expires_at))
        return shown(NewDirectoryTokenDocument(**_document(row).model_dump(), token=token), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "dtk")
        rows = unit[DirectoryTokens].of_directory(known_directory(call, unit).id, after=page.after, limit=page.fetch)
        return listing(rows, page, _document)

    def revoke(self, call: Call, unit: TenantUnit) -> Answer:
        directory = known_directory(call, unit)
        self._service.revoke_token(unit, directory.id, path_id(call, "token", "dtk"))
        return NO_CONTENT


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid_field("/expires_at", "A moment as RFC 3339 writes it is needed, such as 2027-01-01T00:00:00Z.") from error


def _document(row: DirectoryToken) -> DirectoryTokenDocument:
    return DirectoryTokenDocument.model_validate(row)
