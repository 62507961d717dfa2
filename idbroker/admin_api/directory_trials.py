"""Trying a directory's request: what it would be answered and change, without its client and without a trace."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.directories import ONE, known_directory
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.rehearsing import rehearsed, take_back
from idbroker.admin_api.shapes import Body, Document, shown
from idbroker.directories.trials import TryRequest
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute


class ScimRequestForm(Body):
    """A request as the identity provider sends it. ``path`` is below ``base_url``: ``/Users`` or ``/Groups`` for POST, else
    with an id behind it. DELETE has no ``body``."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, StringConstraints(pattern=r"^/(Users|Groups)(/[A-Za-z0-9_-]{1,100})?$")]
    body: dict[str, Any] | None = None


class ScimTrialDocument(Document):
    """``status`` and ``answer``: what the identity provider would get, refusals included. ``effects``: what would change."""

    status: int
    answer: dict[str, Any] | None
    effects: list[dict[str, Any]]


class DirectoryTrialCalls:
    def __init__(self, database: Database, try_request: TryRequest) -> None:
        self._database = database
        self._try_request = try_request

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="try_directory_request",
                area="Directories",
                summary="What a request of the directory's client would be answered and change. Nothing is changed.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{ONE}/dry-runs",
                    handler=rehearsed(self.run),
                    limit="admin_write",
                    permission=Permission.DIRECTORIES_WRITE,
                ),
                body=ScimRequestForm,
                answer=ScimTrialDocument,
            )
        ]

    def run(self, call: Call, scope: TenantScope) -> Answer:
        form = read_body(call, ScimRequestForm)
        with self._database.tenant(scope) as unit:
            directory = known_directory(call, unit)
            tried = self._try_request(unit, directory, call.base_url, method=form.method, path=form.path, body=form.body or {})
            take_back(shown(ScimTrialDocument.model_validate(tried)))
