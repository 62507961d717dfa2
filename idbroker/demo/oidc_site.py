"""The demo OpenID provider over HTTP: discovery, keys, token, userinfo, and a login form at the authorization endpoint."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from idbroker.demo.idp_site import form_of, page, static_routes
from idbroker.demo.people import Organisation, Person
from oidc.demo_op import DemoOp, DemoOpError, DemoPerson

NO_STORE = {"cache-control": "no-store"}


class OidcSite:
    def __init__(self, op: DemoOp, organisation: Organisation) -> None:
        self._op = op
        self._organisation = organisation

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/login", self._login, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo, methods=["GET", "POST"]),
                Route("/end-session", self._end_session),
                Route("/end-session", self._end_session_form, methods=["POST"]),
                Route("/sign-out-everywhere", self._everywhere, methods=["POST"]),
                *static_routes(),
            ]
        )

    def _discovery(self, request: Request) -> Response:
        del request
        return JSONResponse(self._op.discovery())

    def _jwks(self, request: Request) -> Response:
        del request
        return JSONResponse(self._op.jwks())

    def _authorize(self, request: Request) -> Response:
        return self._ask(request.url.query)

    def _ask(self, query: str, *, email: str = "", problem: str = "") -> Response:
        """The login page. It carries the request along: this provider remembers nobody."""
        try:
            asked = self._op.authorization(dict(parse_qsl(query)))
        except DemoOpError as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))
        if isinstance(asked, str):
            return RedirectResponse(asked, 303, NO_STORE)
        return page(
            "login.html",
            400 if problem else 200,
            organisation=self._organisation,
            carried={"query": query},
            email=email or asked.login_hint or "",
            problem=problem,
            faults=(),
        )

    async def _login(self, request: Request) -> Response:
        form = await form_of(request)
        query, email = form.get("query", ""), form.get("username", "")
        person = self._organisation.signed_in(email, form.get("password", ""))
        if person is None and not form.get("cancel"):
            return self._ask(query, email=email, problem="Wrong e-mail or password. The right ones are listed below.")
        try:
            asked = self._op.authorization(dict(parse_qsl(query)))
        except DemoOpError as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))
        if isinstance(asked, str):
            return RedirectResponse(asked, 303, NO_STORE)
        if person is None or form.get("cancel"):
            return RedirectResponse(self._op.deny(asked), 303, NO_STORE)
        return RedirectResponse(self._op.grant(asked, _as_oidc(person)), 303, NO_STORE)

    def _end_session(self, request: Request) -> Response:
        """Asked by the application: straight back to it. Visited by a person: who shall be signed out everywhere?"""
        if not request.query_params:
            return page("end_session.html", organisation=self._organisation, told=None)
        return self._sent_back(dict(request.query_params))

    async def _end_session_form(self, request: Request) -> Response:
        return self._sent_back(dict(await form_of(request)))

    def _sent_back(self, params: dict[str, str]) -> Response:
        try:
            return RedirectResponse(self._op.end_session(params), 303, NO_STORE)
        except DemoOpError as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))

    async def _everywhere(self, request: Request) -> Response:
        """The back channel: every application hears it from us, not from the browser."""
        email = (await form_of(request)).get("username", "")
        person = next((one for one in self._organisation.people if one.email == email), None)
        if person is None:
            return page("error.html", 400, organisation=self._organisation, sentence="Nobody here has that address.")
        told = []
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            for address, token in self._op.logout_tokens(person.subject):
                answer = await http.post(address, data={"logout_token": token})
                told.append((address, answer.status_code))
        return page("end_session.html", organisation=self._organisation, told=told)

    async def _token(self, request: Request) -> Response:
        status, body = self._op.token(await form_of(request), request.headers.get("authorization"))
        return JSONResponse(body, status, NO_STORE)

    def _userinfo(self, request: Request) -> Response:
        status, body = self._op.userinfo(request.headers.get("authorization"))
        return JSONResponse(body, status, NO_STORE)


def _as_oidc(person: Person) -> DemoPerson:
    return DemoPerson(person.subject, person.email, person.given_name, person.family_name, person.groups)
