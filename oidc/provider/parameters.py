"""Parameters as the endpoints read them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from idbroker.web.call import Answer, BadRequest, Call, Params, redirect
from oidc.provider.errors import OAuthError

MAX_QUERY = 16_000
"""Characters of a query that browsers and proxies still carry."""


def present(params: Params) -> dict[str, str]:
    """The parameters that came once and with a value. RFC 6749 3.1: one without a value counts as not sent."""
    return {name: params[name] for name in params if name not in params.repeated and params[name] != ""}


def asked_by_get(address: str, values: Mapping[str, str]) -> Answer:
    """Has the browser send a form again as a query: an app's cross-site POST comes without the Lax session cookie.

    Raises BadRequest when the query would be too long.
    """
    query = urlencode(values)
    if len(query) > MAX_QUERY:
        raise BadRequest("too_large", "The application's request is too large.", status=413)
    return redirect(f"{address}?{query}" if query else address)


def form_of(call: Call) -> dict[str, str]:
    """The form that an app posts to an endpoint of its own. Raises OAuthError for a repeated parameter (RFC 6749 3.2)."""
    form = call.form
    if "resource" in form.repeated:  # RFC 8707 2: more than one at a time is for the server to accept or not
        raise OAuthError("invalid_target", "ask for one resource at a time")
    if form.repeated:
        raise OAuthError("invalid_request", "a parameter came more than once")
    return present(form)
