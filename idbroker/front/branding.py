"""A tenant's logo and colours, at addresses that change when they do. Whoever knows neither the tenant nor the version finds
nothing; what is found is a picture or a style sheet, never a page."""

from __future__ import annotations

from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import is_id
from idbroker.tenants.branding import PATH, Branding, Brands
from idbroker.tenants.colours import style_sheet
from idbroker.web.call import Answer, Call
from idbroker.web.route import ErrorFace, OpenRoute

CACHED = ("cache-control", "public, max-age=31536000, immutable")
FENCED = ("content-security-policy", "default-src 'none'; sandbox")


class BrandFiles:
    def __init__(self, brands: Brands) -> None:
        self._brands = brands

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        below = f"{PATH}/{{tenant}}/{{version}}"
        return [
            OpenRoute(method="GET", path=f"{below}/logo", handler=self._logo, limit="sign_in", errors=errors, inline=False),
            OpenRoute(
                method="GET", path=f"{below}/style.css", handler=self._sheet, limit="sign_in", errors=errors, inline=False
            ),
        ]

    def _logo(self, call: Call) -> Answer:
        row = self._known(call)
        if row.logo is None or row.logo_type is None:
            raise NotFound("logo")
        return Answer(200, row.logo, row.logo_type, (CACHED, FENCED))

    def _sheet(self, call: Call) -> Answer:
        row = self._known(call)
        if row.colour is None:
            raise NotFound("style sheet")
        return Answer(200, style_sheet(row.colour).encode(), "text/css; charset=utf-8", (CACHED, FENCED))

    def _known(self, call: Call) -> Branding:
        tenant = call.path_params["tenant"]
        row = self._brands.row(tenant) if is_id(tenant, "tnt") else None
        if row is None or row.version != call.path_params["version"]:
            raise NotFound("branding")
        return row
