"""The secrets of an app: two can be live, so that one can be replaced while the other works."""

from __future__ import annotations

from idbroker.access.permissions import Permission
from idbroker.admin_api.apps import ONE, app_id_of
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.paging import path_id
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time, shown
from idbroker.apps.model import Apps
from idbroker.apps.service import AppService
from idbroker.kernel.secrets import matches
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute

PATH = f"{ONE}/secrets"


class SecretDocument(Document):
    id: str
    created_at: Time


class SecretList(Document):
    """At most two: never more than one page."""

    data: list[SecretDocument]
    next_cursor: None = None


class NewSecretDocument(Document):
    """The secret is shown this once."""

    id: str
    client_secret: str


class AppSecretCalls:
    def __init__(self, service: AppService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_APPS
        return [
            Operation(
                name="create_app_secret",
                area="Apps",
                summary="A further secret for an app, shown this once. Two can be live.",
                row=PlatformRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=operate),
                answer=NewSecretDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_app_secrets",
                area="Apps",
                summary="Which secrets of an app are live; never the secrets themselves.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                answer=SecretList,
            ),
            Operation(
                name="delete_app_secret",
                area="Apps",
                summary="Retire a secret, at once.",
                row=PlatformRoute(
                    method="DELETE",
                    path=f"{PATH}/{{secret}}",
                    handler=self.delete,
                    limit="admin_write",
                    permission=operate,
                ),
                status=204,
            ),
        ]

    def create(self, call: Call, unit: PlatformUnit) -> Answer:
        app_id = app_id_of(call)
        secret = self._service.add_secret(unit, app_id)
        row = next(row for row in unit[Apps].secrets(app_id) if matches(secret, row.digest))
        return shown(NewSecretDocument(id=row.id, client_secret=secret), 201)

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        app = self._service.known(unit, app_id_of(call))
        return shown(SecretList(data=[SecretDocument.model_validate(row) for row in unit[Apps].secrets(app.id)]))

    def delete(self, call: Call, unit: PlatformUnit) -> Answer:
        self._service.remove_secret(unit, app_id_of(call), path_id(call, "secret", "key"))
        return NO_CONTENT
