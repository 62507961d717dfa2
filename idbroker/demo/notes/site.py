"""The pages of Juniper Notes: a home page with "sign in with work e-mail", and what the tokens say afterwards."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from .oidc_client import OidcClient, Pending, SignedIn, SignInFailed

FOLDER = Path(__file__).parent / "pages"
COOKIE = "juniper_notes"
MAX_VISITS = 1000
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True)
class Account:
    """Someone the home page suggests to sign in as."""

    email: str
    password: str
    organisation: str
    kind: str


@dataclass
class Visit:
    """What this app knows of one browser."""

    pending: Pending | None = None
    signed_in: SignedIn | None = None


class NotesSite:
    def __init__(self, client: OidcClient, accounts: Sequence[Account], account_page: str) -> None:
        self._client = client
        self._accounts = accounts
        self._account_page = account_page
        self._visits: dict[str, Visit] = {}
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
        self._style = (FOLDER / "style.css").read_bytes()

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/sign-in", self._sign_in),
                Route("/callback", self._callback),
                Route("/sign-out", self._sign_out, methods=["POST"]),
                Route("/signed-out", self._signed_out),
                Route("/style.css", self._stylesheet),
            ]
        )

    async def _home(self, request: Request) -> Response:
        visit = self._visits.get(request.cookies.get(COOKIE, ""))
        if visit is not None and visit.signed_in is not None:
            return self._page("signed_in.html", tokens=visit.signed_in, account_page=self._account_page)
        return self._page("home.html", accounts=self._accounts, notice="")

    async def _sign_in(self, request: Request) -> Response:
        pending, visit_id = Pending(), secrets.token_urlsafe(32)
        try:
            url = await self._client.authorization_url(pending, request.query_params.get("email", ""))
        except (SignInFailed, httpx2.HTTPError) as error:
            return self._page("failed.html", 502, sentence=str(error))
        self._remember(visit_id, Visit(pending=pending))
        return _with_cookie(RedirectResponse(url, 303), visit_id)

    async def _callback(self, request: Request) -> Response:
        visit = self._visits.pop(request.cookies.get(COOKIE, ""), None)
        try:
            signed_in = await self._client.finish(dict(request.query_params), visit.pending if visit else None)
        except (SignInFailed, httpx2.HTTPError) as error:
            return self._page("failed.html", 400, sentence=str(error))
        # A new session id with the new standing, so that nobody could have planted it beforehand.
        visit_id = secrets.token_urlsafe(32)
        self._remember(visit_id, Visit(signed_in=signed_in))
        return _with_cookie(RedirectResponse("/", 303), visit_id)

    async def _sign_out(self, request: Request) -> Response:
        visit = self._visits.pop(request.cookies.get(COOKIE, ""), None)
        onwards = None
        if visit is not None and visit.signed_in is not None:
            onwards = await self._client.sign_out_url(visit.signed_in.id_token)
        response = RedirectResponse(onwards or "/signed-out", 303)
        response.delete_cookie(COOKIE)
        return response

    async def _signed_out(self, request: Request) -> Response:
        del request
        return self._page("home.html", accounts=self._accounts, notice="You are signed out of Juniper Notes.")

    async def _stylesheet(self, request: Request) -> Response:
        del request
        return Response(self._style, media_type="text/css", headers={"x-content-type-options": "nosniff"})

    def _page(self, template: str, status: int = 200, **view: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(view), status, HEADERS)

    def _remember(self, visit_id: str, visit: Visit) -> None:
        while len(self._visits) >= MAX_VISITS:
            self._visits.pop(next(iter(self._visits)))
        self._visits[visit_id] = visit


def _with_cookie(response: Response, visit_id: str) -> Response:
    response.set_cookie(COOKIE, visit_id, httponly=True, samesite="lax", path="/")
    return response
