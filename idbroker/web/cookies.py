"""The cookies: the browser's secret that attempts are bound to, the handles of its sessions, and for half a minute a note
that a sign-in has just begun anew.

On https they are ``__Host-`` cookies. The browser's one is SameSite=None, so that it comes along with an IdP's cross-site
POST; on plain http (a developer's loopback) that is not to be had, it is Lax, and the flow has the reply posted again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

from itsdangerous import BadSignature, Signer

from idbroker.kernel.ids import TenantId
from idbroker.kernel.secrets import new_secret
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.web.call import Call

MAX_SESSIONS = 5
BROWSER_SECONDS = 24 * 3600
RESTART_SECONDS = 30
ADMIN_SECONDS = 12 * 3600
TOLD_SECONDS = 60


class Cookies:
    """``keys``: secrets that every process has, newest first; the cookie key is derived from each."""

    def __init__(self, keys: Sequence[bytes], *, https: bool, session_seconds: int) -> None:
        derived = [hmac.new(key, b"idbroker browser cookie", hashlib.sha256).digest() for key in reversed(keys)]
        # itsdangerous signs with the last of the list, and defaults to SHA-1.
        self._signer = Signer(derived, salt=b"browser", digest_method=hashlib.sha256, key_derivation="hmac")
        self._https = https
        self._session_seconds = session_seconds
        prefix = "__Host-" if https else ""
        self.browser_name = f"{prefix}idb_browser"
        self.session_name = f"{prefix}idb_session"
        self.restart_name = f"{prefix}idb_restarted"

    def browser_secret(self, call: Call) -> str | None:
        """What the browser's signed cookie holds; None when there is none of ours."""
        value = call.cookies.get(self.browser_name)
        if value is None:
            return None
        try:
            return self._signer.unsign(value).decode("ascii")
        except (BadSignature, UnicodeDecodeError):
            return None

    def new_browser(self) -> tuple[str, tuple[str, str]]:
        """(a fresh secret, the Set-Cookie header that gives it to the browser)."""
        secret = new_secret()
        value = self._signer.sign(secret).decode("ascii")
        return secret, self._set(self.browser_name, value, BROWSER_SECONDS, self._cross_site)

    def restart(self, connection: str) -> tuple[str, str]:
        """The Set-Cookie header that notes that this connection's sign-in begins anew. It only ever stops its own browser."""
        return self._set(self.restart_name, connection, RESTART_SECONDS, self._cross_site)

    def restarted(self, call: Call) -> str | None:
        return call.cookies.get(self.restart_name)

    def no_restart(self, call: Call) -> tuple[tuple[str, str], ...]:
        """The headers that take such a note away, none where there is none."""
        return (self._set(self.restart_name, "", 0, self._cross_site),) if self.restarted(call) else ()

    def session_handles(self, call: Call) -> list[Handle]:
        """The handles that the browser presents, newest first; whatever has not their form is passed over."""
        parts = call.cookies.get(self.session_name, "").split("~")[:MAX_SESSIONS]
        return [handle for part in parts if (handle := parse_handle(part)) is not None]

    def add_session(self, call: Call, cookie: str) -> tuple[str, str]:
        """The Set-Cookie header that puts a new session first, in place of an older one of the same tenant."""
        new = parse_handle(cookie)
        kept = [h for h in self.session_handles(call) if new is None or h.tenant != new.tenant]
        value = "~".join([cookie, *map(str, kept)][:MAX_SESSIONS])
        return self._set(self.session_name, value, self._session_seconds, "Lax")

    def drop_sessions(self, call: Call, tenants: Sequence[TenantId]) -> tuple[str, str]:
        """The Set-Cookie header that takes the sessions of those tenants out."""
        kept = [str(h) for h in self.session_handles(call) if h.tenant not in tenants]
        return self._set(self.session_name, "~".join(kept), self._session_seconds if kept else 0, "Lax")

    @property
    def _cross_site(self) -> str:
        return "None" if self._https else "Lax"

    def _set(self, name: str, value: str, seconds: int, same_site: str) -> tuple[str, str]:
        secure = "; Secure" if self._https else ""
        return "set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}"


class AdminCookies:
    """The cookies of administration: a session's handle for the pages of admins, another for those of a setup, and what the
    next page tells, as a code from a fixed list."""

    def __init__(self, *, https: bool) -> None:
        self._https = https
        prefix = "__Host-" if https else ""
        self._names = {"admin": f"{prefix}idb_admin", "setup": f"{prefix}idb_setup"}
        self._told_name = f"{prefix}idb_told"

    def presented(self, call: Call, session: Literal["admin", "setup"]) -> str | None:
        return call.cookies.get(self._names[session])

    def give(self, session: Literal["admin", "setup"], cookie: str) -> tuple[str, str]:
        """The Set-Cookie header of a new session. Lax: a sign-in comes back from another site."""
        return self._set(self._names[session], cookie, ADMIN_SECONDS)

    def take(self, session: Literal["admin", "setup"]) -> tuple[str, str]:
        return self._set(self._names[session], "", 0)

    def tell(self, code: str) -> tuple[str, str]:
        return self._set(self._told_name, code, TOLD_SECONDS)

    def told(self, call: Call) -> str | None:
        return call.cookies.get(self._told_name)

    def no_longer_told(self) -> tuple[str, str]:
        return self._set(self._told_name, "", 0)

    def _set(self, name: str, value: str, seconds: int) -> tuple[str, str]:
        secure = "; Secure" if self._https else ""
        return "set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
