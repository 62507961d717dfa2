"""The face of the sign-in: a step of the login flow becomes a page or a redirect, a refusal becomes a page with a reference."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog

from idbroker.federation.contract import Handoff, RedirectTo
from idbroker.kernel.addresses import email_domain
from idbroker.kernel.errors import Refusal
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.steps import AskChoice, AskEmail, PostAgain, SendToIdp, SignedIn, SignInRefused, Step, Visitor
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.cookies import Cookies
from idbroker.web.pages import Pages

Header = tuple[str, str]
NO_SUCH_PAGE = frozenset({"not_found", "bad_method"})

log = structlog.get_logger("idbroker.web")


class SignInFace:
    def __init__(self, pages: Pages, cookies: Cookies, recorder: RefusalRecorder) -> None:
        self._pages = pages
        self._cookies = cookies
        self._recorder = recorder

    def visitor(self, call: Call) -> Visitor:
        """The browser as the login flow sees it; its secret is None when no cookie of ours came."""
        return Visitor(
            self._cookies.browser_secret(call), call.client_ip, (call.user_agent or "")[:400] or None, call.request_id
        )

    def beginner(self, call: Call) -> tuple[Visitor, tuple[Header, ...]]:
        """The browser with a secret, a fresh one if need be, and the headers that give it to the browser."""
        known = self.visitor(call)
        if known.secret is not None:
            return known, ()
        secret, header = self._cookies.new_browser()
        return Visitor(secret, known.ip, known.user_agent, known.request), (header,)

    def answer(self, step: Step, call: Call, *headers: Header) -> Answer:
        """The step's page or redirect."""
        return self._step(step, call).with_headers(*headers)

    def refusal(self, refusal: Refusal, call: Call) -> Answer:
        """The page of a refused sign-in (an ErrorFace). Never raises: where the trail cannot be written, the page says less."""
        if refusal.code in NO_SUCH_PAGE:
            return self.not_found(refusal, call)
        back = refusal.back if isinstance(refusal, SignInRefused) else None
        return self._refused(refusal, self._recorded(refusal, call), back)

    def not_found(self, refusal: Refusal, call: Call) -> Answer:
        """The page of an address where there is nothing (an ErrorFace). Nobody tried to sign in: nothing is recorded."""
        del call
        return self._refused(refusal, None, None)

    def _refused(self, refusal: Refusal, reference: str | None, back: str | None) -> Answer:
        answer = self._pages.render("refused.html", refusal.status, refusal=refusal, reference=reference, back=back)
        return answer.with_headers(("retry-after", "60")) if refusal.status == 429 else answer

    def _step(self, step: Step, call: Call) -> Answer:
        match step:
            case SendToIdp(handoff):
                return self._hand_off(handoff, call)
            case PostAgain(address, fields):
                return self._autosubmit(address, fields, None)
            case AskEmail():
                return self._ask_email(step, call)
            case AskChoice():
                return self._pages.render("choose.html", leaves=True, step=step)
            case SignedIn(cookie, location):
                return redirect(location, self._cookies.add_session(call, cookie))

    def _hand_off(self, handoff: Handoff, call: Call) -> Answer:
        if isinstance(handoff, RedirectTo):
            return redirect(handoff.url, status=302 if call.method == "GET" else 303)
        return self._autosubmit(handoff.url, handoff.fields, urlsplit(handoff.url).hostname)

    def _autosubmit(self, address: str, fields: Mapping[str, str], host: str | None) -> Answer:
        return self._pages.render("handover.html", leaves=True, address=address, fields=fields, host=host)

    def _ask_email(self, step: AskEmail, call: Call) -> Answer:
        """A domain that nobody signs in with is a refusal like others: 400, and a reference to ask the administrator with."""
        reference = None
        if step.problem and step.email.strip():
            detail = f"nothing to do for “{email_domain(step.email)[:253]}”"
            reference = self._recorded(Refusal("email_not_routed", step.problem, detail=detail), call)
        status = 400 if step.problem else 200
        return self._pages.render("email.html", status, leaves=True, step=step, reference=reference)

    def _recorded(self, refusal: Refusal, call: Call) -> str:
        """The reference under which the trail holds the reason; the request's id, which the log has, where that fails."""
        if refusal.status >= 500 and not isinstance(refusal, SignInRefused):
            return call.request_id
        try:
            return self._recorder.record(refusal, self.visitor(call))
        except Exception:
            log.exception("refusal not recorded", code=refusal.code, request_id=call.request_id)
            return call.request_id
