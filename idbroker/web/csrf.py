"""Whether a form was ours: a token bound to the session, and where the browser says that it comes from.

Both must hold. The token alone would do; the origin stops what a stolen page could replay from elsewhere.
"""

from __future__ import annotations

import hmac

from idbroker.kernel.errors import Forbidden
from idbroker.web.call import Call

FIELD = "csrf"
STALE = "This page was open for too long, or the form did not come from here. Please go back, reload the page and try again."


class ForgedForm(Forbidden):
    def __init__(self, detail: str) -> None:
        super().__init__("forged_form", STALE, detail=detail)


def check_form(call: Call, token: str) -> None:
    """Raise ForgedForm unless the posted form bears that token and comes from our own origin."""
    check_origin(call)
    # A form that came with another content type has no field of ours and is refused by ``call.form``.
    if not hmac.compare_digest(call.form.get(FIELD, "").encode(), token.encode()):
        raise ForgedForm("no token, or another session's")


def check_origin(call: Call) -> None:
    """Raise ForgedForm when the browser says that another site sent it. Browsers of today always say."""
    origin, site = call.headers.get("origin"), call.headers.get("sec-fetch-site")
    if origin is not None and origin != _origin(call.base_url):
        raise ForgedForm(f"origin {origin[:100]}")
    if site is not None and site not in ("same-origin", "none"):
        raise ForgedForm(f"sec-fetch-site {site[:40]}")


def _origin(base_url: str) -> str:
    scheme, _, rest = base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
