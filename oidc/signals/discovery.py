"""Where a provider's signals are signed from: its own description as a transmitter (SSF 7), as RISC had it, or as an OpenID
provider."""

from __future__ import annotations

from urllib.parse import urlsplit

from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import invalid_field
from idbroker.outbound.fetcher import Fetcher, FetchFailed
from oidc.jose import BadToken, strict_json

NAMES = ("ssf-configuration", "risc-configuration")
OPENID = "openid-configuration"
MAX_DOCUMENT = 200_000


def find_jwks_uri(fetcher: Fetcher, issuer: str) -> str:
    """The key set of that issuer, by the first description that names exactly it. Raises Invalid with pointer /issuer."""
    for url in _places(issuer):
        found = _read(fetcher, url, issuer)
        if found is not None:
            return found
    raise invalid_field("/issuer", "No description of that issuer could be read there. Give jwks_uri by hand.")


def _places(issuer: str) -> list[str]:
    """SSF 7.2: before the path. OIDC Discovery 4: behind it."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return [*(f"{origin}/.well-known/{name}{path}" for name in NAMES), f"{origin}{path}/.well-known/{OPENID}"]


def _read(fetcher: Fetcher, url: str, issuer: str) -> str | None:
    try:
        answer = fetcher.get(url, accept="application/json")
        document = strict_json(answer.body, limit=MAX_DOCUMENT) if answer.status == 200 else {}
    except (FetchFailed, BadToken):
        return None
    if document.get("issuer") != issuer or not isinstance(document.get("jwks_uri"), str):
        return None
    try:
        return checked_url(document["jwks_uri"])
    except BadAddress:
        return None
