"""How a tenant looks to its own people: a name, a colour, a logo."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import parse, read_object
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.shapes import Body, Document, Name, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.kernel.errors import invalid_field
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.branding import PATH as SERVED
from idbroker.tenants.branding import Branding, Brandings, BrandingService
from idbroker.tenants.images import MAX_BYTES, BadImage, Image, read_image
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/branding"
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class BrandingFields(Body):
    """``logo``: a PNG or JPEG in base64. What is null is taken away."""

    name: Name | None = None
    colour: Colour | None = None
    logo: Annotated[str, Field(max_length=MAX_BYTES * 3 // 2)] | None = None


class LogoDocument(Document):
    url: str
    media_type: str
    width: int
    height: int


class BrandingDocument(Document):
    name: str | None
    colour: str | None
    logo: LogoDocument | None
    updated_at: Time | None


class BrandingCalls:
    def __init__(self) -> None:
        self._service = BrandingService()

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_branding",
                area="Tenants",
                summary="The name, colour and logo that the tenant's people see when they sign in.",
                row=TenantRoute(
                    method="GET", path=PATH, handler=self.get, limit="admin_read", permission=Permission.TENANT_READ
                ),
                answer=BrandingDocument,
            ),
            Operation(
                name="update_branding",
                area="Tenants",
                summary="Change what the tenant's people see. A colour that cannot be read is shown darker or lighter.",
                row=TenantRoute(
                    method="PATCH", path=PATH, handler=self.update, limit="admin_write", permission=Permission.TENANT_WRITE
                ),
                body=BrandingFields,
                partial=True,
                answer=BrandingDocument,
            ),
        ]

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        del call
        return tagged(_document(unit[Brandings].get()))

    def update(self, call: Call, unit: TenantUnit) -> Answer:
        given = read_object(call)
        form = parse(BrandingFields, given)
        check_version(call, _document(unit[Brandings].get()))
        changes: dict[str, Any] = {name: getattr(form, name) for name in given}
        if changes.get("colour"):
            changes["colour"] = changes["colour"].lower()
        if changes.get("logo"):
            changes["logo"] = _image(changes["logo"])
        elif "logo" in changes:
            changes["logo"] = None
        return tagged(_document(self._service.change(unit, changes)))


def _image(text: str) -> Image:
    try:
        return read_image(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        told = str(error) if isinstance(error, BadImage) else "The picture is not in base64."
        raise invalid_field("/logo", told) from error


def _document(row: Branding | None) -> dict[str, Any]:
    logo = None
    if row is not None and row.logo is not None:
        url = f"{SERVED}/{row.tenant_id}/{row.version}/logo"
        logo = {"url": url, "media_type": row.logo_type, "width": row.logo_width, "height": row.logo_height}
    values = {name: getattr(row, name, None) for name in ("name", "colour", "updated_at")}
    return BrandingDocument.model_validate({**values, "logo": logo}).model_dump(mode="json")
