"""What is taken from Authlib's provider half, in one place: PKCE (RFC 7636) and scope lists (RFC 6749 3.3).

Its endpoints and grants are left alone: by itself it allows PKCE ``plain``, and a replayed code revokes nothing.
"""

from __future__ import annotations

import hmac
import re

from authlib.oauth2.rfc6749.util import list_to_scope, scope_to_list
from authlib.oauth2.rfc7636 import create_s256_code_challenge

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
# RFC 7636 4.2 gives a challenge the same form; the one that S256 makes is always 43 characters of base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether ``text`` has the form of a ``code_challenge`` (RFC 7636 4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Whether the ``code_verifier`` is the one behind an S256 challenge (RFC 7636 4.6), in constant time."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(str(create_s256_code_challenge(verifier)).encode(), challenge.encode())


def scope_list(text: str | None) -> tuple[str, ...]:
    """The distinct scope tokens of a space-separated list, in their order."""
    return tuple(dict.fromkeys(scope_to_list(text) or ()))


def scope_text(scope: tuple[str, ...]) -> str:
    """The space-separated form of a list of scopes."""
    return str(list_to_scope(scope))
