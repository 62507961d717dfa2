"""The pages and redirects of a sign-out that goes through IdPs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idbroker.federation.contract import Handoff, RedirectTo
from idbroker.login.steps import AnswerIdp, LogoutStep, PostAgain, SignedOut, SignOutAtIdp
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.messages import Words, spoken
from idbroker.web.pages import Pages, Purpose


class SignOutPages:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def answer(self, step: LogoutStep, call: Call) -> Answer:
        match step:
            case SignOutAtIdp(handoff):
                return self._hand_over(handoff, "sign out", call)
            case AnswerIdp(handoff):
                return self._hand_over(handoff, "answer", call)
            case PostAgain(address, fields):
                return self._pages.hand_over(address, fields, "again", spoken(call))
            case SignedOut():
                return self._end(step, spoken(call))

    def _hand_over(self, handoff: Handoff, purpose: Purpose, call: Call) -> Answer:
        if isinstance(handoff, RedirectTo):
            return redirect(handoff.url, status=302 if call.method == "GET" else 303)
        return self._pages.hand_over(handoff.url, handoff.fields, purpose, spoken(call))

    def _end(self, step: SignedOut, words: Words) -> Answer:
        """Straight on when there is nothing to tell; else the page tells it first and leads on by its button."""
        location = step.destination.location
        if location is not None and not step.troubles:
            return redirect(location)
        onward = None
        if location is not None:
            # A form that is sent with GET puts its fields in the place of the address's query.
            parts = urlsplit(location)
            onward = {
                "address": parts._replace(query="").geturl(),
                "fields": parse_qsl(parts.query, keep_blank_values=True),
                "ours": not parts.netloc,
            }
        view: dict[str, Any] = {"app_name": step.destination.app_name, "troubles": step.troubles, "onward": onward}
        return self._pages.render("signed_out.html", leaves=onward is not None, words=words, **view)
