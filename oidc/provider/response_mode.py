"""How the app gets the authorization response: in the query, or in a form that the browser posts (Form Post Response Mode)."""

from __future__ import annotations

from collections.abc import Mapping

from idbroker.web.call import Answer, redirect
from idbroker.web.pages import Pages
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.errors import OAuthError, described

QUERY, FORM_POST = "query", "form_post"
MODES = (QUERY, FORM_POST)
"""Never ``fragment``: with the code flow it would only carry the code to places where it has no business."""


class ResponseModes:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def code(self, request: AuthorizationRequest, code: str) -> Answer:
        """RFC 6749 4.1.2."""
        return self._answer(request, {"code": code})

    def error(self, request: AuthorizationRequest, error: OAuthError) -> Answer:
        """RFC 6749 4.1.2.1."""
        return self._answer(request, {"error": error.code, "error_description": described(error.public)})

    def _answer(self, request: AuthorizationRequest, members: Mapping[str, str]) -> Answer:
        if request.response_mode == FORM_POST:
            return self._pages.hand_over(request.redirect_uri, request.response(members), "app")
        return redirect(request.answer_url(members))
