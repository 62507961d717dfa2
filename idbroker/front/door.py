"""The front door: a sign-in that begins at the broker itself, and the answers to its questions for every sign-in."""

from __future__ import annotations

from idbroker.login.flow import LoginFlow
from idbroker.login.steps import LoginRequest
from idbroker.web.call import Answer, BadRequest, Call, redirect
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

DONE = "/sso/done"
MAX_FIELD = 500


class FrontDoor:
    def __init__(self, flow: LoginFlow, face: SignInFace) -> None:
        self._flow = flow
        self._face = face

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        return [
            OpenRoute(method="GET", path="/sso", handler=self._begin, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="POST", path="/sso/continue", handler=self._answer, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="GET", path=DONE, handler=self._done, limit="sign_in", errors=errors, inline=False),
        ]

    def _begin(self, call: Call) -> Answer:
        """``?email=``, ``?tenant=`` and ``?connection=`` lead straight to the IdP; with none of them the page asks."""
        visitor, headers = self._face.beginner(call)
        email, tenant, connection = (_short(name, call.query.get(name)) for name in ("email", "tenant", "connection"))
        request = LoginRequest(resume_path=DONE, email=email, tenant=tenant, connection=connection)
        step = self._flow.begin(request, visitor)
        return self._face.answer(step, call, *headers)

    def _answer(self, call: Call) -> Answer:
        """The e-mail page or the chooser was sent, of whichever sign-in: the attempt knows where it began."""
        email, connection = (_short(name, call.form.get(name)) for name in ("email", "connection"))
        handle = call.form.get("attempt", "")[:MAX_FIELD]
        step = self._flow.answer(handle, self._face.visitor(call), email=email, connection=connection)
        return self._face.answer(step, call)

    def _done(self, call: Call) -> Answer:
        attempt = self._flow.resume(call.query.get("attempt", "")[:MAX_FIELD], self._face.visitor(call))
        return redirect("/account" if attempt.state == "done" else "/sso")


def _short(name: str, value: str | None) -> str | None:
    if value is not None and len(value) > MAX_FIELD:
        raise BadRequest("bad_parameters", "This request cannot be read.", detail=f"{name} has {len(value)} characters")
    return value or None
