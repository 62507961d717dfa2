"""The demo SAML IdP over HTTP: metadata, a login form, the form that carries the signed answer away, and sign-out.

Its login form also signs in wrongly, in a way that the person chooses, so that every failure can be seen for once.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from idbroker.demo.idp_site import form_of, page, static_routes
from idbroker.demo.people import Organisation, Person
from saml.demo_faults import BY_NAME, FAULTS, DemoFault, WrongDemoIdp
from saml.demo_idp import Answer, BadRequest, DemoPerson, DemoSamlIdp, ReadRequest
from saml.demo_logout import DemoLogout

NO_STORE = {"cache-control": "no-store"}
CANCELLED = "urn:oasis:names:tc:SAML:2.0:status:Responder"
"""SAML core 3.2.2.2 has no status of its own for it."""


class SamlSite:
    def __init__(self, idp: DemoSamlIdp, logout: DemoLogout, organisation: Organisation) -> None:
        self._idp = idp
        self._wrong = WrongDemoIdp(idp)
        self._logout = logout
        self._organisation = organisation

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/metadata", self._metadata),
                Route("/sso", self._ask_redirect, methods=["GET"]),
                Route("/sso", self._ask_post, methods=["POST"]),
                Route("/login", self._login, methods=["POST"]),
                Route("/slo", self._sign_out_redirect, methods=["GET"]),
                Route("/slo", self._sign_out_post, methods=["POST"]),
                *static_routes(),
            ]
        )

    def _metadata(self, request: Request) -> Response:
        del request
        return Response(self._logout.metadata(), media_type="application/samlmetadata+xml")

    def _ask_redirect(self, request: Request) -> Response:
        return self._ask(dict(request.query_params), deflated=True)

    async def _ask_post(self, request: Request) -> Response:
        return self._ask(dict(await form_of(request)), deflated=False)

    def _ask(self, params: dict[str, str], *, deflated: bool, email: str = "", problem: str = "") -> Response:
        """The login page. It carries the request along: this IdP remembers nobody."""
        try:
            asked = self._idp.read_request(params, deflated=deflated)
            self._idp.acs_url_of(asked)
        except BadRequest as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))
        carried = {
            "SAMLRequest": params.get("SAMLRequest", ""),
            "RelayState": params.get("RelayState", ""),
            "deflated": "1" if deflated else "",
        }
        return page(
            "login.html",
            400 if problem else 200,
            organisation=self._organisation,
            carried=carried,
            email=email,
            problem=problem,
            faults=FAULTS,
            fault=params.get("fault", ""),
        )

    async def _login(self, request: Request) -> Response:
        form = dict(await form_of(request))
        deflated, email = form.get("deflated") == "1", form.get("username", "")
        if form.get("cancel"):
            return self._answer(form, None, deflated=deflated)
        person = self._organisation.signed_in(email, form.get("password", ""))
        if person is None:
            problem = "Wrong e-mail or password. The right ones are listed below."
            return self._ask(form, deflated=deflated, email=email, problem=problem)
        fault = BY_NAME.get(form.get("fault", ""))
        return self._answer(form, person, deflated=deflated, fault=fault)

    def _answer(
        self, form: dict[str, str], person: Person | None, *, deflated: bool, fault: DemoFault | None = None
    ) -> Response:
        """The signed answer; for nobody, the one that says that the sign-in was cancelled."""
        try:
            asked = self._idp.read_request(form, deflated=deflated)
            address, fields = self._idp.acs_url_of(asked), self._fields(asked, person, fault)
        except BadRequest as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))
        twice = fault is not None and fault.sent_twice
        return page("answer.html", organisation=self._organisation, address=address, fields=fields, twice=twice)

    def _fields(self, asked: ReadRequest, person: Person | None, fault: DemoFault | None) -> dict[str, str]:
        if person is None:
            return _form(self._idp.respond(DemoPerson("nobody"), asked, Answer(status=CANCELLED)), asked)
        if fault is None:
            return _form(self._idp.respond(_as_saml(person), asked), asked)
        response = self._wrong.respond(fault, _as_saml(person), asked)
        # What begins at an identity provider answers nothing, so it brings nothing back either.
        return {"SAMLResponse": response} if fault.name == "unsolicited" else _form(response, asked)

    def _sign_out_redirect(self, request: Request) -> Response:
        return self._sign_out(dict(request.query_params), deflated=True)

    async def _sign_out_post(self, request: Request) -> Response:
        return self._sign_out(dict(await form_of(request)), deflated=False)

    def _sign_out(self, params: dict[str, str], *, deflated: bool) -> Response:
        try:
            return RedirectResponse(self._logout.answer(params, deflated=deflated).url, 303, NO_STORE)
        except BadRequest as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))


def _form(response: str, asked: ReadRequest) -> dict[str, str]:
    return {"SAMLResponse": response, "RelayState": asked.relay_state}


def _as_saml(person: Person) -> DemoPerson:
    attributes = {
        "email": (person.email,),
        "givenName": (person.given_name,),
        "surname": (person.family_name,),
        "displayName": (person.name,),
        "groups": person.groups,
    }
    return DemoPerson(person.subject, attributes)
