"""The demo SAML IdP over HTTP: metadata, a login form, and the form that carries the signed answer away."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idbroker.demo.idp_site import form_of, page, static_routes
from idbroker.demo.people import Organisation, Person
from saml.demo_idp import Answer, BadRequest, DemoPerson, DemoSamlIdp

CANCELLED = "urn:oasis:names:tc:SAML:2.0:status:Responder"
"""SAML core 3.2.2.2 has no status of its own for it."""


class SamlSite:
    def __init__(self, idp: DemoSamlIdp, organisation: Organisation) -> None:
        self._idp = idp
        self._organisation = organisation

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/metadata", self._metadata),
                Route("/sso", self._ask_redirect, methods=["GET"]),
                Route("/sso", self._ask_post, methods=["POST"]),
                Route("/login", self._login, methods=["POST"]),
                *static_routes(),
            ]
        )

    def _metadata(self, request: Request) -> Response:
        del request
        return Response(self._idp.metadata(), media_type="application/samlmetadata+xml")

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
        return self._answer(form, person, deflated=deflated)

    def _answer(self, form: dict[str, str], person: Person | None, *, deflated: bool) -> Response:
        """The signed answer; for nobody, the one that says that the sign-in was cancelled."""
        try:
            asked = self._idp.read_request(form, deflated=deflated)
            if person is None:
                response = self._idp.respond(DemoPerson("nobody"), asked, Answer(status=CANCELLED))
            else:
                response = self._idp.respond(_as_saml(person), asked)
            address = self._idp.acs_url_of(asked)
        except BadRequest as error:
            return page("error.html", 400, organisation=self._organisation, sentence=str(error))
        fields = {"SAMLResponse": response, "RelayState": asked.relay_state}
        return page("answer.html", organisation=self._organisation, address=address, fields=fields)


def _as_saml(person: Person) -> DemoPerson:
    attributes = {
        "email": (person.email,),
        "givenName": (person.given_name,),
        "surname": (person.family_name,),
        "displayName": (person.name,),
        "groups": person.groups,
    }
    return DemoPerson(person.subject, attributes)
