"""What all pages of administration share: how a page is laid out, told, refused, and how its row in the route table is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from admin_ui.api import Api
from admin_ui.navigation import operator_places, tenant_places
from admin_ui.texts import told
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.cookies import AdminCookies
from idbroker.web.pages import Pages
from idbroker.web.route import PageRoute
from idbroker.web.tenancy import NotEntered, NotSignedIn

PageHandler = Callable[[Call, Visit], Answer]
SIGN_IN = "/admin/sign-in"
_OURS = re.compile(r"/admin(/[A-Za-z0-9._~-]+)*(\?[A-Za-z0-9._~%=&-]*)?")


@dataclass(frozen=True)
class Screen:
    """A page's row, and the API's operations that it runs: the first one's permission is the page's."""

    row: PageRoute
    operations: tuple[str, ...]


class Desk:
    def __init__(self, api: Api, pages: Pages, cookies: AdminCookies) -> None:
        self.api = api
        self.pages = pages
        self.cookies = cookies

    def get(self, path: str, handler: PageHandler, *operations: str, needs: Permission | None = None) -> Screen:
        """``needs``: for the few pages for which there is no operation."""
        return self._screen("GET", path, handler, operations, needs)

    def post(self, path: str, handler: PageHandler, *operations: str, needs: Permission | None = None) -> Screen:
        return self._screen("POST", path, handler, operations, needs)

    def page(
        self, call: Call, visit: Visit, template: str, status: int = 200, *headers: tuple[str, str], **view: Any
    ) -> Answer:
        """The page with its frame: navigation, what is told, the token of its forms."""
        inside = visit.tenant if call.path.startswith("/admin/t/") else None
        code = self.cookies.told(call)
        places = tenant_places(inside.slug, visit.principal) if inside is not None else operator_places(visit.principal)
        frame: dict[str, Any] = {
            "visit": visit,
            "inside": inside,
            "places": places,
            "here": call.path,
            "told": told(code) if call.method == "GET" else None,
            "can": visit.principal.permissions,
        }
        answer = self.pages.render(template, status, works=True, **frame, **view)
        dropped = (self.cookies.no_longer_told(),) if code is not None else ()
        return answer.with_headers(*dropped, *headers)

    def part(self, template: str, **view: Any) -> Answer:
        """A part of a page, for htmx."""
        return self.pages.render(template, works=True, **view)

    def done(self, location: str, code: str) -> Answer:
        """On to where it can be seen, and what was done is told there."""
        return redirect(location, self.cookies.tell(code))

    def refused(self, refusal: Refusal, call: Call) -> Answer:
        """The page of a refusal (an ErrorFace)."""
        if isinstance(refusal, NotSignedIn) and call.method == "GET":
            here = f"{call.path}?{call.raw_query}" if call.raw_query else call.path
            return redirect(f"{SIGN_IN}?{urlencode({'next': here})}" if is_ours(here) and here != "/admin" else SIGN_IN)
        if isinstance(refusal, NotEntered):
            asked = urlencode({"next": call.path}) if call.method == "GET" and is_ours(call.path) else ""
            return redirect(f"/admin/tenants/{refusal.tenant}/enter?{asked}")
        return self.pages.render("admin_refused.html", refusal.status, works=True, refusal=refusal, request_id=call.request_id)

    def _screen(
        self,
        method: Literal["GET", "POST"],
        path: str,
        handler: PageHandler,
        operations: tuple[str, ...],
        needs: Permission | None,
    ) -> Screen:
        row = PageRoute(
            method=method,
            path=path,
            handler=handler,
            limit="admin_read" if method == "GET" else "admin_write",
            permission=needs or self.api.permission(operations[0]),
            errors=self.refused,
            session="admin",
            inside=path.startswith("/admin/t/"),
        )
        return Screen(row, operations)


def is_ours(location: str) -> bool:
    """Whether a place to go on to is a page of this administration: nothing else is ever gone to."""
    return len(location) <= 500 and _OURS.fullmatch(location) is not None


def slug_of(visit: Visit) -> str:
    """The slug of the tenant that the page is in."""
    if visit.tenant is None:
        raise TypeError("a page without a tenant")
    return visit.tenant.slug
