"""SaaS applications: registered by operators, for all tenants or for some."""

from __future__ import annotations

from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_body, read_object
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listed, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.apps.model import App, Apps
from idbroker.apps.service import AppForm, AppService
from idbroker.kernel.errors import FieldError, Invalid, NotFound
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute

PATH = f"{API}/apps"
ONE = f"{PATH}/{{client_id}}"


class AppDocument(Document):
    """Field names are those of RFC 7591 where it has one."""

    client_id: str
    name: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    grant_types: list[str]
    token_endpoint_auth_method: str
    id_token_signed_response_alg: str
    backchannel_logout_uri: str | None
    initiate_login_uri: str | None
    tenants: Literal["all"] | list[str]
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    resources: list[str]
    scope: str
    require_pushed_authorization_requests: bool
    dpop_bound_access_tokens: bool
    created_at: Time
    updated_at: Time


class NewAppDocument(AppDocument):
    """``client_secret`` is shown this once; a public client has none."""

    client_secret: str | None = None


class AppCalls:
    def __init__(self, service: AppService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_APPS
        return [
            Operation(
                name="create_app",
                area="Apps",
                summary="Register an app, an OAuth client. Its secret is shown this once.",
                row=PlatformRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=operate),
                body=AppForm,
                answer=NewAppDocument,
                status=201,
            ),
            Operation(
                name="list_apps",
                area="Apps",
                summary="All apps, oldest first.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=AppDocument,
                many=True,
            ),
            Operation(
                name="get_app",
                area="Apps",
                summary="One app.",
                row=PlatformRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=operate),
                answer=AppDocument,
            ),
            Operation(
                name="update_app",
                area="Apps",
                summary="Change what is given of an app's registration.",
                row=PlatformRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=operate),
                body=AppForm,
                partial=True,
                versioned=True,
                answer=AppDocument,
            ),
            Operation(
                name="delete_app",
                area="Apps",
                summary="Remove an app and its secrets.",
                row=PlatformRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=operate),
                versioned=True,
                status=204,
            ),
        ]

    def create(self, call: Call, unit: PlatformUnit) -> Answer:
        form = _checked(unit, read_body(call, AppForm))
        app, secret = self._service.create(unit, form)
        return tagged(_shown(app), 201, once=None if secret is None else {"client_secret": secret})

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        page = page_of(call, "app")
        rows = unit[Apps].page(text=read_text(call), after=page.after, limit=page.fetch)
        documents = [_shown(row) for row in rows[: page.limit]]
        return listed(documents, more=len(rows) > page.limit, key="client_id")

    def get(self, call: Call, unit: PlatformUnit) -> Answer:
        return tagged(_shown(self._service.known(unit, app_id_of(call))))

    def update(self, call: Call, unit: PlatformUnit) -> Answer:
        given = read_object(call)
        app = _held(call, unit)
        form = parse(AppForm, merged(_kept(app), given))
        if "tenants" in given:
            form = _checked(unit, form)
        return tagged(_shown(self._service.update(unit, app.id, form, list(given))))

    def delete(self, call: Call, unit: PlatformUnit) -> Answer:
        self._service.delete(unit, _held(call, unit).id)
        return NO_CONTENT


def app_id_of(call: Call) -> str:
    return path_id(call, "client_id", "app", "app")


def _held(call: Call, unit: PlatformUnit) -> App:
    """The app in the path, for this transaction alone. Raises VersionGone when the caller knows another version."""
    app = unit[Apps].held(app_id_of(call))
    if app is None:
        raise NotFound("app")
    check_version(call, _shown(app))
    return app


def _checked(unit: PlatformUnit, form: AppForm) -> AppForm:
    """With every tenant once. Raises Invalid for those that do not exist."""
    if form.tenants == "all":
        return form
    known = unit[Tenants].existing(form.tenants)
    unknown = [position for position, tenant in enumerate(form.tenants) if tenant not in known]
    if unknown:
        wrong = [FieldError(f"/tenants/{position}", "no such tenant") for position in unknown[:50]]
        raise Invalid("An app can only be allowed for tenants that exist, by their ids.", wrong)
    return form.model_copy(update={"tenants": list(dict.fromkeys(form.tenants))})


def _kept(app: App) -> dict[str, Any]:
    kept = {name: getattr(app, name) for name in AppForm.model_fields}
    return kept if app.tenants is not None else {**kept, "tenants": "all"}


def _shown(app: App) -> dict[str, Any]:
    document = AppDocument(client_id=app.id, **_kept(app), created_at=app.created_at, updated_at=app.updated_at)
    return document.model_dump(mode="json")
