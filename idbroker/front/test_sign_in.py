"""The pages of a test sign-in: what its link leads to, and what came of it."""

from __future__ import annotations

from idbroker.login.trials import DONE, Trials
from idbroker.web.call import Answer, Call
from idbroker.web.pages import Pages
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

MAX_FIELD = 500
LINK = "/test-sign-in/{link}"


class TestSignInPages:
    def __init__(self, trials: Trials, face: SignInFace, pages: Pages) -> None:
        self._trials = trials
        self._face = face
        self._pages = pages

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        return [
            OpenRoute(method="GET", path=DONE, handler=self._done, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="GET", path=LINK, handler=self._ask, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="POST", path=LINK, handler=self._start, limit="sign_in", errors=errors, inline=False),
        ]

    def _ask(self, call: Call) -> Answer:
        """One button. Mail scanners follow links, and a link that works once must not be spent by them."""
        link = call.path_params["link"][:MAX_FIELD]
        shown = self._trials.look(link, self._face.visitor(call))
        return self._pages.render("test_sign_in.html", leaves=True, link=link, shown=shown)

    def _start(self, call: Call) -> Answer:
        visitor, headers = self._face.beginner(call)
        step = self._trials.start(call.path_params["link"][:MAX_FIELD], visitor)
        return self._face.answer(step, call, *headers)

    def _done(self, call: Call) -> Answer:
        result = self._trials.result(call.query.get("attempt", "")[:MAX_FIELD], self._face.visitor(call))
        return self._pages.render("test_result.html", result=result, report=result["report"] or {})
