"""The face of signing in and out: a step becomes a page or a redirect, a refusal becomes a page with a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog

from idbroker.federation.contract import Handoff, RedirectTo
from idbroker.kernel.addresses import email_domain
from idbroker.kernel.errors import Refusal, new_reference
from idbroker.kernel.ids import TenantId
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.steps import (
    AskChoice,
    AskEmail,
    GoOn,
    LogoutStep,
    PostAgain,
    Restart,
    SendToIdp,
    SignedIn,
    SignInRefused,
    Step,
    Visitor,
)
from idbroker.tenants.branding import Brand, Brands
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.cookies import Cookies
from idbroker.web.messages import spoken
from idbroker.web.meter import TooMany
from idbroker.web.pages import Pages
from idbroker.web.sign_out import SignOutPages

Header = tuple[str, str]
NO_SUCH_PAGE = frozenset({"not_found", "bad_method"})

log = structlog.get_logger("idbroker.web")


class SignInFace:
    def __init__(self, pages: Pages, cookies: Cookies, recorder: RefusalRecorder, brands: Brands | None = None) -> None:
        self._brands = brands
        self._pages = pages
        self._cookies = cookies
        self._recorder = recorder
        self._sign_out = SignOutPages(pages)

    def visitor(self, call: Call) -> Visitor:
        """The browser as the login flow sees it; its secret is None when no cookie of ours came."""
        return Visitor(
            self._cookies.browser_secret(call),
            call.client_ip,
            (call.user_agent or "")[:400] or None,
            call.request_id,
            self._cookies.restarted(call),
            call.meter.proven,
        )

    def beginner(self, call: Call) -> tuple[Visitor, tuple[Header, ...]]:
        """The browser with a secret, a fresh one if need be, and the headers that give it to the browser."""
        known = self.visitor(call)
        if known.secret is not None:
            return known, ()
        secret, header = self._cookies.new_browser()
        return replace(known, secret=secret), (header,)

    def answer(self, step: Step, call: Call, *headers: Header) -> Answer:
        """The step's page or redirect."""
        return self._step(step, call).with_headers(*headers)

    def signed_out(self, step: LogoutStep, call: Call, *headers: Header) -> Answer:
        """The page or redirect of a step of a sign-out."""
        return self._sign_out.answer(step, call).with_headers(*headers)

    def refusal(self, refusal: Refusal, call: Call) -> Answer:
        """The page of a refused sign-in (an ErrorFace). Never raises: where the trail cannot be written, the page says less."""
        if refusal.code in NO_SUCH_PAGE:
            return self.not_found(refusal, call)
        if isinstance(refusal, TooMany) and not refusal.recorded:
            reference = new_reference()
            log.info("refused", refusal=refusal.code, reference=reference, request_id=call.request_id)
            return self._refused(refusal, reference, call)
        return self._refused(refusal, self.recorded(refusal, call), call)

    def not_found(self, refusal: Refusal, call: Call) -> Answer:
        """The page of an address where there is nothing (an ErrorFace). Nobody tried to sign in: nothing is recorded."""
        return self._refused(refusal, None, call)

    def _refused(self, refusal: Refusal, reference: str | None, call: Call) -> Answer:
        known = refusal if isinstance(refusal, SignInRefused) else None
        view: dict[str, Any] = {"refusal": refusal, "known": known, "reference": reference}
        brand = self.brand(known.tenant if known else None)
        answer = self._pages.render("refused.html", refusal.status, brand=brand, words=spoken(call), **view)
        return answer.with_headers(("retry-after", "60")) if refusal.status == 429 else answer

    def _step(self, step: Step, call: Call) -> Answer:
        match step:
            case SendToIdp(handoff):
                return self._hand_off(handoff, call)
            case PostAgain(address, fields):
                return self._pages.hand_over(address, fields, "again", spoken(call))
            case AskEmail():
                return self._ask_email(step, call)
            case AskChoice():
                return self._page(step, call)
            case SignedIn(cookie, location):
                return redirect(location, self._cookies.add_session(call, cookie), *self._cookies.no_restart(call))
            case Restart():
                return redirect(_beginning(step, call), self._cookies.restart(step.connection))
            case GoOn(location):
                return redirect(location)

    def _hand_off(self, handoff: Handoff, call: Call) -> Answer:
        if isinstance(handoff, RedirectTo):
            return redirect(handoff.url, status=302 if call.method == "GET" else 303)
        return self._pages.hand_over(handoff.url, handoff.fields, "sign in", spoken(call))

    def _ask_email(self, step: AskEmail, call: Call) -> Answer:
        """A domain that nobody signs in with is a refusal like others: 400, and a reference to ask the administrator with."""
        reference = None
        if step.problem and step.email.strip():
            detail = f"nothing to do for “{email_domain(step.email)[:253]}”"
            reference = self.recorded(Refusal("email_not_routed", step.problem, detail=detail), call)
        status = 400 if step.problem else 200
        return self._page(step, call, status, reference)

    def _page(self, step: AskEmail | AskChoice, call: Call, status: int = 200, reference: str | None = None) -> Answer:
        """In the language of the sign-in, which the form carries on."""
        words, template = spoken(call), "email.html" if isinstance(step, AskEmail) else "choose.html"
        view: dict[str, Any] = {"step": step, "reference": reference, "asked_language": words.language}
        return self._pages.render(template, status, leaves=True, brand=self.brand(step.tenant), words=words, **view)

    def brand(self, tenant: TenantId | None) -> Brand | None:
        """How that tenant looks; a page that cannot find out is plain."""
        if tenant is None or self._brands is None:
            return None
        try:
            return self._brands.of(tenant)
        except Exception:
            log.exception("brand not read", tenant=tenant)
            return None

    def recorded(self, refusal: Refusal, call: Call) -> str:
        """The reference under which the trail holds the reason; the request's id, which the log has, where that fails."""
        if refusal.status >= 500 and not isinstance(refusal, SignInRefused):
            return call.request_id
        try:
            return self._recorder.record(refusal, self.visitor(call))
        except Exception:
            log.exception("refusal not recorded", code=refusal.code, request_id=call.request_id)
            return call.request_id


def _beginning(step: Restart, call: Call) -> str:
    """Where the sign-in begins anew: at the app (OpenID Connect Core 4), with our own parameters for the same IdP, or here."""
    if step.app_address is None:
        return f"/sso?{urlencode({'connection': step.connection})}"
    query = {"iss": call.base_url, "tenant": step.tenant, "connection": step.connection}
    if step.login_hint is not None:
        query["login_hint"] = step.login_hint
    if step.target is not None:
        query["target_link_uri"] = step.target
    joint = "&" if urlsplit(step.app_address).query else "?"
    return f"{step.app_address}{joint}{urlencode(query)}"
