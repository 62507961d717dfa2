"""Directories: where a customer's IdP provisions by SCIM, with what brake, and what it did lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints, model_validator

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_body, read_object
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Name, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.connections.model import Connections
from idbroker.directories.model import BRAKE_MINUTES, BRAKE_PERCENT, Directories, Directory
from idbroker.directories.service import DirectoryService
from idbroker.kernel.errors import FieldError, Invalid, NotFound, invalid_field
from idbroker.provisioning.closing import close_directory
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/directories"
ONE = f"{PATH}/{{directory}}"
SCIM = "/scim/v2"


class Brake(Body):
    """Held when more than ``users`` people, or more than ``percent`` of them, would be switched off within ``minutes``."""

    users: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = BRAKE_PERCENT
    minutes: Annotated[int, Field(ge=1, le=1440)] = BRAKE_MINUTES


class NewDirectory(Body):
    """``connection_id``: the connection through which its people sign in; without it, any of the tenant's."""

    name: Name
    vendor: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    connection_id: str | None = None
    status: Literal["active", "disabled"] = "active"
    dry_run: bool = False
    brake: Brake = Brake()
    extension_schemas: Annotated[list[dict[str, Any]], Field(max_length=10)] = Field(default_factory=list)
    """Schemas as RFC 7643 7 writes them; ``resource`` beside the rest says ``User`` (default) or ``Group``."""

    @model_validator(mode="after")
    def _bounded(self) -> NewDirectory:
        if self.connection_id is not None and len(self.connection_id) > 100:
            raise ValueError("this is no connection's id")
        return self


class BrakeDocument(Document):
    """``held_at``: since when requests that switch people off are answered with 503."""

    users: int | None
    percent: int | None
    minutes: int
    held_at: Time | None
    released_until: Time | None


class DirectoryDocument(Document):
    """``dialect``: whose SCIM the client speaks, recognised from its requests."""

    id: str
    tenant_id: str
    name: str
    vendor: str | None
    connection_id: str | None
    status: Literal["active", "disabled"]
    base_url: str
    dry_run: bool
    brake: BrakeDocument
    extension_schemas: list[dict[str, Any]]
    dialect: str | None
    last_request_at: Time | None
    created_at: Time
    updated_at: Time


class CheckKept(Protocol):
    """Given by the composition. Raises Invalid for new ``extension_schemas`` that kept values do not fit."""

    def __call__(
        self, unit: TenantUnit, directory_id: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
    ) -> None: ...


class DirectoryCalls:
    """``check_schema`` raises Invalid for what is no extension schema, ``check_kept`` for schemas that resources forbid."""

    def __init__(
        self, service: DirectoryService, check_schema: Callable[[Mapping[str, Any]], object], check_kept: CheckKept
    ) -> None:
        self._service = service
        self._check_schema = check_schema
        self._check_kept = check_kept

    def operations(self) -> list[Operation]:
        read, write = Permission.DIRECTORIES_READ, Permission.DIRECTORIES_WRITE
        return [
            Operation(
                name="create_directory",
                area="Directories",
                summary="Make a directory. Its SCIM address is answered; its tokens are made below it.",
                row=TenantRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=NewDirectory,
                answer=DirectoryDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_directories",
                area="Directories",
                summary="The tenant's directories, oldest first.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=DirectoryDocument,
                many=True,
            ),
            Operation(
                name="get_directory",
                area="Directories",
                summary="One directory.",
                row=TenantRoute(method="GET", path=ONE, handler=self.one, limit="admin_read", permission=read),
                answer=DirectoryDocument,
            ),
            Operation(
                name="update_directory",
                area="Directories",
                summary="Change a directory. Switched off, its tokens are answered 403.",
                row=TenantRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=write),
                body=NewDirectory,
                partial=True,
                versioned=True,
                answer=DirectoryDocument,
            ),
            Operation(
                name="delete_directory",
                area="Directories",
                summary="Remove a directory with its tokens and groups. Its people stay, and are nobody's but the tenant's.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                versioned=True,
                status=204,
            ),
            Operation(
                name="release_directory_brake",
                area="Directories",
                summary="Let what the brake holds go on, for an hour.",
                row=TenantRoute(
                    method="POST", path=f"{ONE}/brake/release", handler=self.release, limit="admin_write", permission=write
                ),
                versioned=True,
                answer=DirectoryDocument,
            ),
        ]

    def create(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewDirectory)
        _check_connection(unit, form)
        self._check_schemas(form.extension_schemas)
        return _tagged(call, self._service.create(unit, _fields(form)), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "dir")
        rows = unit[Directories].page(text=read_text(call), after=page.after, limit=page.fetch)
        return listing(rows, page, lambda row: document(row, call.base_url))

    def one(self, call: Call, unit: TenantUnit) -> Answer:
        return _tagged(call, known_directory(call, unit))

    def update(self, call: Call, unit: TenantUnit) -> Answer:
        row = _held(call, unit)
        form = parse(NewDirectory, merged(_form(row), read_object(call), ("brake",)))
        if form.connection_id != row.connection_id:
            _check_connection(unit, form)
        if form.extension_schemas != row.extension_schemas:
            self._check_schemas(form.extension_schemas)
            self._check_kept(unit, row.id, row.extension_schemas, form.extension_schemas)
        return _tagged(call, self._service.update(unit, row, _fields(form)))

    def _check_schemas(self, definitions: Sequence[Mapping[str, Any]]) -> None:
        """Raises Invalid with pointers into the body."""
        seen: set[str] = set()
        for place, definition in enumerate(definitions):
            where = f"/extension_schemas/{place}"
            if definition.get("resource", "User") not in ("User", "Group"):
                raise invalid_field(f"{where}/resource", "The resource is User or Group.")
            try:
                self._check_schema({name: value for name, value in definition.items() if name != "resource"})
            except Invalid as error:
                wrong = [FieldError(f"{where}{one.pointer}", one.message) for one in error.errors]
                raise Invalid(error.public, wrong) from error
            urn = str(definition["id"]).lower()
            if urn in seen:
                raise invalid_field(f"{where}/id", "Another schema here has this URN.")
            seen.add(urn)

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        close_directory(unit, _held(call, unit))
        return NO_CONTENT

    def release(self, call: Call, unit: TenantUnit) -> Answer:
        return _tagged(call, self._service.release_brake(unit, _held(call, unit)))


def known_directory(call: Call, unit: TenantUnit) -> Directory:
    row = unit[Directories].get(path_id(call, "directory", "dir"))
    if row is None:
        raise NotFound("directory")
    return row


def _held(call: Call, unit: TenantUnit) -> Directory:
    """The directory in the path, for this transaction alone. Raises VersionGone when the caller knows another version."""
    row = unit[Directories].held(known_directory(call, unit).id)
    if row is None:
        raise NotFound("directory")
    check_version(call, {}, _form(row))
    return row


def _tagged(call: Call, row: Directory, status: int = 200) -> Answer:
    """Its version is that of its settings: what its client does is none of theirs."""
    return tagged(document(row, call.base_url).model_dump(mode="json"), status, settings=_form(row))


def document(row: Directory, base_url: str) -> DirectoryDocument:
    brake = {
        "users": row.brake_users,
        "percent": row.brake_percent,
        "minutes": row.brake_minutes,
        "held_at": row.brake_held_at,
        "released_until": row.brake_released_until,
    }
    return DirectoryDocument.model_validate({**row.model_dump(), "base_url": f"{base_url}{SCIM}", "brake": brake})


def _check_connection(unit: TenantUnit, form: NewDirectory) -> None:
    if form.connection_id is not None and unit[Connections].get(form.connection_id) is None:
        raise invalid_field("/connection_id", "There is no such connection.")


def _fields(form: NewDirectory) -> dict[str, Any]:
    """The form as the row keeps it."""
    plain = form.model_dump(exclude={"brake"})
    return {**plain, **{f"brake_{name}": value for name, value in form.brake.model_dump().items()}}


def _form(row: Directory) -> dict[str, Any]:
    """The row as the form that would have made it."""
    plain = {name: getattr(row, name) for name in ("name", "vendor", "connection_id", "status", "dry_run", "extension_schemas")}
    return {**plain, "brake": {"users": row.brake_users, "percent": row.brake_percent, "minutes": row.brake_minutes}}
