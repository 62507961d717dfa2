"""For which resource server a token is (RFC 8707): one of those that the app has registered, or the app itself."""

from __future__ import annotations

from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange


def granted_resource(exchange: Exchange, bound: str | None) -> str | None:
    """The resource of the token to be made; None for the app itself. ``bound`` is what the authorization request asked for.

    RFC 8707 2.2: the token request may name it again, or name one when the authorization request named none.
    Raises OAuthError.
    """
    asked = exchange.form.get("resource", bound)
    if asked is None:
        return None
    if asked not in exchange.app.resources or bound not in (None, asked):
        raise OAuthError("invalid_target", "this app may not ask for that resource")
    return asked
